//! From numbers to lengths. Pure.

/// Percent of the largest, for a bar's length. Whatever is there at all is seen: at least one percent.
pub fn share(value: u64, largest: u64) -> f64 {
    if value == 0 || largest == 0 {
        return 0.0;
    }
    (value as f64 / largest as f64 * 100.0).clamp(1.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_of_the_largest() {
        assert_eq!(share(5, 10), 50.0);
        assert_eq!(share(10, 10), 100.0);
        assert_eq!(share(0, 10), 0.0);
        assert_eq!(share(0, 0), 0.0);
        assert_eq!(share(1, 1_000_000), 1.0);
        assert_eq!(share(11, 10), 100.0);
    }
}
