//! What people are told beside the figures: toasts, what they missed in a hidden tab, what is read out. Pure.
//!
//! A burst is one toast, whether its events came in one frame or in ten.

use crate::components::Toast;
use crate::i18n::Words;
use crate::store::News;
use shared::Subject;
use std::rc::Rc;
use yew::{AttrValue, Reducible};

/// Older ones make way: old news never comes back when newer news has gone.
const MOST: usize = 3;
/// What follows so soon belongs to the same burst.
const BURST_MS: f64 = 2_000.0;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    /// The newest last.
    pub toasts: Vec<Toast>,
    /// Events while nobody looked.
    pub unseen: u64,
    /// The newest news, numbered, as two may read the same.
    pub newest: Option<(u32, AttrValue)>,
    last_id: u32,
    bursts: Vec<Burst>,
}

/// The newest toast of a subject, and how much it sums up.
#[derive(Clone, Debug, PartialEq)]
struct Burst {
    id: u32,
    at_ms: f64,
    news: News,
}

pub enum Notice {
    Happened {
        /// Announced events, told or not.
        count: u64,
        news: Vec<News>,
        hidden: bool,
        now_ms: f64,
        words: &'static Words,
    },
    Say {
        title: AttrValue,
    },
    Close(u32),
    Seen,
}

impl Reducible for Notices {
    type Action = Notice;

    fn reduce(self: Rc<Self>, notice: Notice) -> Rc<Self> {
        let mut next = (*self).clone();
        match notice {
            Notice::Happened { count, news, hidden, now_ms, words } => {
                if hidden {
                    next.unseen += count;
                }
                news.into_iter().for_each(|news| next.tell(news, now_ms, words));
            }
            Notice::Say { title } => {
                next.add(title, AttrValue::default());
            }
            Notice::Close(id) => next.toasts.retain(|toast| toast.id != id),
            Notice::Seen => next.unseen = 0,
        }
        if next == *self { self } else { next.into() }
    }
}

impl Notices {
    fn tell(&mut self, mut news: News, now_ms: f64, words: &Words) {
        if let Some(at) = self.bursts.iter().position(|burst| burst.news.subject == news.subject) {
            let before = self.bursts.remove(at);
            let shown = self.toasts.iter().position(|toast| toast.id == before.id);
            if let (Some(shown), true) = (shown, now_ms - before.at_ms < BURST_MS) {
                self.toasts.remove(shown);
                news.count += before.news.count;
                news.more |= before.news.more;
            }
        }
        let (title, text) = worded(&news, words);
        let id = self.add(title.clone(), text);
        self.newest = Some((id, title));
        self.bursts.push(Burst { id, at_ms: now_ms, news });
    }

    fn add(&mut self, title: AttrValue, text: AttrValue) -> u32 {
        self.last_id += 1;
        self.toasts.push(Toast { id: self.last_id, title, text });
        let over = self.toasts.len().saturating_sub(MOST);
        self.toasts.drain(..over);
        self.last_id
    }
}

fn worded(news: &News, words: &Words) -> (AttrValue, AttrValue) {
    let many = format!("{}{}", news.count, if news.more { "+" } else { "" });
    let title = match (news.subject, news.count) {
        (Subject::RepairOrder, 1) => words.order_received.to_owned(),
        (Subject::RepairOrder, _) => (words.orders_received)(&many),
        (Subject::Technician, 1) => words.technician_added.to_owned(),
        (Subject::Technician, _) => (words.technicians_added)(&many),
        (Subject::User | Subject::Equipment | Subject::Service | Subject::SparePart, 1) => {
            words.client_added.to_owned()
        }
        (Subject::User | Subject::Equipment | Subject::Service | Subject::SparePart, _) => {
            (words.clients_added)(&many)
        }
    };
    let number = match (&news.id, news.subject) {
        (Some(id), Subject::RepairOrder) => format!("#{}", id.chars().take(8).collect::<String>()),
        _ => String::new(),
    };
    let text = match &news.about {
        Some(about) => format!("{number} · {about}"),
        None => number,
    };
    (title.into(), text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::SPANISH;

    struct Told(Rc<Notices>);

    impl Told {
        fn tell(&mut self, subject: Subject, count: u64, now_ms: f64) {
            let news =
                News { subject, count, more: count == 20, id: Some("123e4567-e89b".into()), about: None };
            let hidden = now_ms > 1e6;
            let notice = Notice::Happened { count, news: vec![news], hidden, now_ms, words: &SPANISH };
            self.0 = self.0.clone().reduce(notice);
        }

        fn titles(&self) -> Vec<&str> {
            self.0.toasts.iter().map(|toast| &*toast.title).collect()
        }
    }

    #[test]
    fn a_burst_is_one_toast_also_over_several_frames() {
        let mut told = Told(Rc::default());
        told.tell(Subject::RepairOrder, 1, 0.0);
        assert_eq!(told.titles(), ["Nueva orden de reparación recibida"]);
        assert_eq!(told.0.toasts[0].text, "#123e4567");
        told.tell(Subject::User, 1, 100.0);
        told.tell(Subject::RepairOrder, 11, 200.0);
        assert_eq!(told.titles(), ["Nuevo cliente registrado", "12 nuevas órdenes"]);
        told.tell(Subject::RepairOrder, 20, 300.0);
        assert_eq!(told.titles(), ["Nuevo cliente registrado", "32+ nuevas órdenes"]);
        told.tell(Subject::RepairOrder, 1, 3_000.0);
        assert_eq!(told.titles()[1..], ["32+ nuevas órdenes", "Nueva orden de reparación recibida"]);
    }

    #[test]
    fn what_was_closed_is_not_counted_again_and_old_news_does_not_come_back() {
        let mut told = Told(Rc::default());
        told.tell(Subject::RepairOrder, 5, 0.0);
        told.0 = told.0.clone().reduce(Notice::Close(1));
        told.tell(Subject::RepairOrder, 1, 10.0);
        assert_eq!(told.titles(), ["Nueva orden de reparación recibida"]);
        for at in 1..6 {
            told.tell(Subject::RepairOrder, 1, f64::from(at) * 5_000.0);
        }
        assert_eq!(told.titles().len(), 3);
    }

    #[test]
    fn a_hidden_tab_counts_and_nothing_new_is_the_same() {
        let mut told = Told(Rc::default());
        told.tell(Subject::Technician, 2, 2e6);
        assert_eq!(told.0.unseen, 2);
        told.0 = told.0.clone().reduce(Notice::Seen);
        assert!(Rc::ptr_eq(&told.0, &told.0.clone().reduce(Notice::Seen)));
        assert!(Rc::ptr_eq(&told.0, &told.0.clone().reduce(Notice::Close(99))));
    }
}
