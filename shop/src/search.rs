//! What a search finds: each of its words, somewhere in what an order says, or the beginning of the order's number.
//! Pure, and the same for both databases, which fold no more than the letters of English.

/// Shorter beginnings of a number are looked for among the orders that a search looks at; from here on they are
/// looked up. Pages show the first eight digits.
const NUMBER_CHARS: usize = 8;

#[derive(Debug)]
pub struct Search {
    whole: String,
    words: Vec<String>,
}

impl Search {
    /// `None`: it asks for nothing.
    pub fn new(text: &str) -> Option<Search> {
        let whole = folded(text.trim().trim_start_matches('#'));
        let words: Vec<_> = whole.split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Search { whole, words })
    }

    /// The beginning of an order's id, if it may be one.
    pub fn number(&self) -> Option<&str> {
        let fits = (NUMBER_CHARS..=36).contains(&self.whole.len())
            && self.whole.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        fits.then_some(self.whole.as_str())
    }

    pub fn finds(&self, id: &str, texts: &[String]) -> bool {
        let text = folded(&texts.join("\n"));
        id.starts_with(&self.whole) || self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// Small letters without their accents: who searches writes neither.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(plain).collect()
}

fn plain(c: char) -> Option<char> {
    Some(match c {
        // Accents that follow their letter.
        '\u{300}'..='\u{36f}' => return None,
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_somewhere_without_accents_and_capitals() {
        let check = |q: &str, expected: bool| {
            let texts = ["La batería NO carga", "Ángela Núñez", "iPhone 12"].map(str::to_owned);
            let search = Search::new(q).expect("a search");
            assert_eq!(search.finds("123e4567-e89b-42d3-a456-426614174000", &texts), expected, "{q}");
        };
        check("bateria", true);
        check("BATERÍA angela", true);
        check("nunez iphone", true);
        check("nun\u{303}ez", true);
        check("pantalla", false);
        check("bateria pantalla", false);
        check("#123e", true);
        check("123E4567-E89b", true);
        check("23e4567", false);
    }

    #[test]
    fn a_number_is_told_from_a_word() {
        let number = |q: &str| Search::new(q).and_then(|search| search.number().map(str::to_owned));
        assert_eq!(number("#123E4567").as_deref(), Some("123e4567"));
        assert_eq!(number("123e4567-e89b").as_deref(), Some("123e4567-e89b"));
        assert_eq!(number("facade"), None);
        assert_eq!(number("pantalla"), None);
        assert!(Search::new("  ").is_none() && Search::new("#").is_none());
    }
}
