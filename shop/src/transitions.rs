//! Which status may follow which, and who may say so. Pure.

use shared::OrderStatus::{self, *};

/// What someone is to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// May set any status.
    Admin,
    /// Its evaluator, or a technician with a detail of it.
    Staff,
    /// The client whose device it is.
    Owner,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such arrow; these there are for the asker.
    NoArrow(Vec<OrderStatus>),
    /// There is one, but not for the asker's role.
    NotYours,
}

const ARROWS: [(OrderStatus, OrderStatus, Acting); 10] = [
    (InReview, WaitingApproval, Acting::Staff),
    (InReview, Rejected, Acting::Staff),
    (InReview, InRepair, Acting::Staff),
    (WaitingApproval, InRepair, Acting::Owner),
    (WaitingApproval, Rejected, Acting::Owner),
    (InRepair, WaitingParts, Acting::Staff),
    (WaitingParts, InRepair, Acting::Staff),
    (InRepair, Ready, Acting::Staff),
    (Ready, Delivered, Acting::Staff),
    (Ready, InRepair, Acting::Staff),
];

pub fn check(from: OrderStatus, to: OrderStatus, who: Acting) -> Result<(), Refusal> {
    if who == Acting::Admin || from == to {
        return Ok(());
    }
    match ARROWS.iter().find(|(start, end, _)| (*start, *end) == (from, to)) {
        Some((.., role)) if *role == who => Ok(()),
        Some(_) => Err(Refusal::NotYours),
        None => Err(Refusal::NoArrow(allowed(from, who))),
    }
}

pub fn allowed(from: OrderStatus, who: Acting) -> Vec<OrderStatus> {
    ARROWS.iter().filter(|(start, _, role)| *start == from && *role == who).map(|(_, end, _)| *end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_shops() {
        assert_eq!(check(InReview, WaitingApproval, Acting::Staff), Ok(()));
        assert_eq!(check(WaitingApproval, InRepair, Acting::Owner), Ok(()));
        assert_eq!(check(WaitingApproval, InRepair, Acting::Staff), Err(Refusal::NotYours));
        assert_eq!(check(InReview, InRepair, Acting::Owner), Err(Refusal::NotYours));
        assert_eq!(check(Delivered, InReview, Acting::Staff), Err(Refusal::NoArrow(vec![])));
        assert_eq!(check(Ready, InReview, Acting::Staff), Err(Refusal::NoArrow(vec![Delivered, InRepair])));
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                assert_eq!(check(from, to, Acting::Admin), Ok(()));
                assert!(from != to || check(from, to, Acting::Owner).is_ok(), "the same status is no change");
            }
        }
    }
}
