//! What is known, and how it is. Pure: frames and answers in, panels out; time comes in from outside.
//!
//! Position is `(epoch, version)` and only frames move it: if a GET moved it, a resume would skip the other
//! metrics. Equal values keep their `Rc`, so a panel whose metric did not change is not rendered.

use shared::{
    Change, DashboardMessage, Event, FullDashboardData, HEARTBEAT, Metric, MetricState, Notification,
    OrdersByStatus, OrdersOverview, OrdersRecent, OrdersRevenue, OrdersTopServices, Origin, Outcome,
    PerMetric, Slot, Subject, Upstream, UpstreamStatus, UsersOverview, UsersTopClients, UsersTopTechnicians,
};
use std::rc::Rc;
use yew::AttrValue;

/// How a panel's value is.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Condition {
    /// Never read so far.
    #[default]
    Loading,
    Ready,
    /// The last fetch failed (`at`: ISO-8601, since when); an older value may still be there.
    Failed {
        at: AttrValue,
    },
    /// The source does not offer it.
    Absent,
    /// The source refuses it.
    Forbidden,
}

/// What changed a value since the page was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The event's type, e.g. `REPAIR_ORDER_CREATED`.
    pub kind: AttrValue,
    pub resource_id: Option<AttrValue>,
    /// When it was received here, milliseconds since 1970.
    pub at_ms: f64,
}

/// What one panel is given: it renders again only when one of these is another one.
#[derive(Clone, Debug)]
pub struct Panel<T> {
    pub value: Option<Rc<T>>,
    pub condition: Condition,
    pub cause: Option<Rc<Cause>>,
}

/// The merge keeps the `Rc` of an equal value, so the same pointer means the same content.
impl<T> PartialEq for Panel<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.value, &other.value) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same && self.condition == other.condition && self.cause == other.cause
    }
}

/// The eight metrics that have a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    pub orders_overview: Panel<OrdersOverview>,
    pub orders_revenue: Panel<OrdersRevenue>,
    pub orders_by_status: Panel<OrdersByStatus>,
    pub orders_recent: Panel<OrdersRecent>,
    pub orders_top_services: Panel<OrdersTopServices>,
    pub users_overview: Panel<UsersOverview>,
    pub users_top_clients: Panel<UsersTopClients>,
    pub users_top_technicians: Panel<UsersTopTechnicians>,
}

/// How the live connection is, for the pill and the banner.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    Connecting,
    Live,
    /// Attempt number `attempt` leaves at `retry_at_ms` (milliseconds since 1970).
    Waiting {
        attempt: u32,
        retry_at_ms: f64,
    },
    /// No socket gets through; the stats are asked for every 30 s.
    Polling,
    /// The browser says that it has no network.
    Offline,
}

/// How one GET of a metric ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Body {
        /// `"<epoch>-<version>"`, maybe weak.
        tag: Option<String>,
        text: String,
    },
    NotModified,
    Absent,
    Forbidden,
    /// Since when, ISO-8601.
    Failed {
        at: String,
    },
}

/// Something that people want to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub subject: Subject,
    /// A burst is told once.
    pub count: u64,
    /// There were more: the frame only counts those that it has no room to name.
    pub more: bool,
    /// Of the newest.
    pub id: Option<String>,
    /// What the newest is about, if the frame says so.
    pub about: Option<String>,
}

/// What a frame did.
#[derive(Debug, Default, PartialEq)]
pub struct Applied {
    /// Something was missed: reconnect from the position that we have.
    pub resume: bool,
    /// For the console.
    pub warnings: Vec<String>,
    pub news: Vec<News>,
    /// Announcements in this frame.
    pub events: u64,
    /// When the server made the frame, ISO-8601.
    pub made: Option<String>,
}

#[derive(Default)]
pub struct Store {
    data: FullDashboardData,
    /// The history that the versions in `data` belong to; GETs and frames tell it.
    history: Option<String>,
    /// The position, which only frames move.
    epoch: Option<String>,
    version: u64,
    status: Option<UpstreamStatus>,
    /// How the last GET of a metric went wrong, until a body comes.
    trouble: PerMetric<Option<Condition>>,
    tags: PerMetric<Option<String>>,
    causes: PerMetric<Option<Rc<Cause>>>,
    checked: Option<AttrValue>,
    /// `checked` as it was when the last history ended: so old is what the new one has not told yet.
    ended: Option<AttrValue>,
}

impl Store {
    /// `(version, epoch)` to resume from.
    pub fn position(&self) -> (u64, Option<&str>) {
        (self.version, self.epoch.as_deref())
    }

    pub fn tag(&self, metric: Metric) -> Option<&str> {
        self.tags[metric].as_deref()
    }

    /// When the source last confirmed everything that is shown, ISO-8601.
    pub fn checked(&self) -> Option<AttrValue> {
        self.checked.clone()
    }

    /// Nothing could be read so far.
    pub fn is_empty(&self) -> bool {
        Metric::ALL.into_iter().all(|metric| self.data.version(metric).is_none())
    }

    pub fn upstream_is_down(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.upstream == Upstream::Down)
    }

    /// A frame that cannot be read changes nothing.
    pub fn apply(&mut self, text: &str, now_ms: f64) -> Applied {
        let mut applied = Applied::default();
        let message = match DashboardMessage::parse(text) {
            Ok(message) => message,
            Err(error) => {
                applied.warnings.push(format!("a frame cannot be read: {error}"));
                return applied;
            }
        };
        applied.made = Some(message.timestamp.clone());
        if message.event == shared::AUTH {
            return applied;
        }
        let same_epoch = message.epoch.is_none() || message.epoch == self.epoch;
        if message.event == HEARTBEAT {
            applied.resume = !same_epoch || message.version.is_some_and(|version| version > self.version);
            if !applied.resume {
                self.confirm(&message);
            }
            return applied;
        }
        // A server that came back with an older state of the same history sends everything: what it says counts.
        let rewound =
            message.since == Some(0) && message.version.is_some_and(|version| version < self.version);
        if !same_epoch || rewound {
            if message.epoch != self.history || rewound {
                self.begin(message.epoch.clone());
            }
            self.epoch.clone_from(&message.epoch);
            self.version = 0;
        }
        if message.since.is_some_and(|since| since > self.version) {
            applied.resume = true;
            return applied;
        }
        self.merge(&message, now_ms, &mut applied);
        self.confirm(&message);
        applied
    }

    fn confirm(&mut self, message: &DashboardMessage) {
        if let Some(checked) = &message.checked {
            self.checked = Some(checked.clone().into());
        }
    }

    /// Another history: what is known stays visible until its successor comes.
    fn begin(&mut self, history: Option<String>) {
        self.history = history;
        self.epoch = None;
        self.version = 0;
        self.data.forget_versions();
        self.tags = PerMetric::default();
        self.ended.clone_from(&self.checked);
    }

    fn merge(&mut self, message: &DashboardMessage, now_ms: f64, applied: &mut Applied) {
        for (key, body) in &message.data {
            let Some(metric) = Metric::parse(key) else {
                applied.warnings.push(format!("unknown metric {key}"));
                continue;
            };
            // A server without versions only ever sends what is newest.
            let version = message.version.unwrap_or_else(|| self.data.version(metric).unwrap_or(0) + 1);
            match self.data.merge(metric, body.get(), version) {
                Ok(outcome) => {
                    self.trouble[metric] = None;
                    if let (Outcome::Changed, Some(cause)) = (outcome, cause_of(metric, message)) {
                        let cause = Cause {
                            kind: cause.kind.clone().into(),
                            resource_id: cause.resource_id.clone().map(AttrValue::from),
                            at_ms: now_ms,
                        };
                        self.causes[metric] = Some(cause.into());
                    }
                }
                Err(error) => {
                    self.trouble[metric] = Some(Condition::Failed { at: message.timestamp.clone().into() });
                    applied.warnings.push(error.to_string());
                }
            }
        }
        if let Some(version) = message.version {
            self.version = self.version.max(version);
        }
        if message.status.is_some() {
            self.status.clone_from(&message.status);
        }
        applied.events = message.notifications.len() as u64 + message.omitted;
        applied.news = self.news(&message.notifications, message.omitted > 0);
    }

    fn news(&self, notifications: &[Notification], more: bool) -> Vec<News> {
        let mut news = Vec::new();
        for subject in [Subject::RepairOrder, Subject::User, Subject::Technician] {
            let created = Event::Known(subject, Change::Created).name();
            let of_kind = || notifications.iter().filter(|one| one.kind == created);
            let Some(newest) = of_kind().next_back() else { continue };
            let id = newest.resource_id.clone();
            let about = id.as_deref().and_then(|id| self.equipment_of(id));
            news.push(News { subject, count: of_kind().count() as u64, more, id, about });
        }
        news
    }

    fn equipment_of(&self, order: &str) -> Option<String> {
        let recent = &self.data.orders_recent.as_ref()?.value.recent_orders;
        recent.iter().find(|one| one.id == order)?.equipment_name.clone()
    }

    /// A GET's answer. Where the socket rules, one of another history is dropped; none moves the position.
    pub fn loaded(&mut self, metric: Metric, answer: Answer, socket_rules: bool) -> Option<String> {
        match answer {
            Answer::NotModified => {
                self.trouble[metric] = None;
                None
            }
            Answer::Body { tag, text } => {
                let (epoch, version) = tag.as_deref().and_then(read_tag).unzip();
                if epoch.is_some() && epoch != self.history.as_deref() {
                    if self.history.is_some() && socket_rules {
                        return None;
                    }
                    // No socket has spoken, or none gets through: the newest GET says which history it is.
                    self.begin(epoch.map(str::to_owned));
                }
                match self.data.merge(metric, &text, version.unwrap_or(0)) {
                    Ok(_) => {
                        self.trouble[metric] = None;
                        self.tags[metric] = tag;
                        None
                    }
                    Err(error) => {
                        self.trouble[metric] = Some(Condition::Failed { at: AttrValue::default() });
                        Some(error.to_string())
                    }
                }
            }
            Answer::Absent => self.troubled(metric, Condition::Absent),
            Answer::Forbidden => self.troubled(metric, Condition::Forbidden),
            Answer::Failed { at } => self.troubled(metric, Condition::Failed { at: at.into() }),
        }
    }

    fn troubled(&mut self, metric: Metric, condition: Condition) -> Option<String> {
        // What the socket brought meanwhile is better than a GET that failed.
        if self.data.version(metric).is_none_or(|version| version == 0) || self.epoch.is_none() {
            self.trouble[metric] = Some(condition);
        }
        None
    }

    pub fn panels(&self) -> Panels {
        let data = &self.data;
        Panels {
            orders_overview: self.panel(Metric::OrdersOverview, &data.orders_overview),
            orders_revenue: self.panel(Metric::OrdersRevenue, &data.orders_revenue),
            orders_by_status: self.panel(Metric::OrdersByStatus, &data.orders_by_status),
            orders_recent: self.panel(Metric::OrdersRecent, &data.orders_recent),
            orders_top_services: self.panel(Metric::OrdersTopServices, &data.orders_top_services),
            users_overview: self.panel(Metric::UsersOverview, &data.users_overview),
            users_top_clients: self.panel(Metric::UsersTopClients, &data.users_top_clients),
            users_top_technicians: self.panel(Metric::UsersTopTechnicians, &data.users_top_technicians),
        }
    }

    fn panel<T>(&self, metric: Metric, slot: &Option<Slot<T>>) -> Panel<T> {
        let value = slot.as_ref().map(|slot| slot.value.clone());
        let told = self.status.as_ref().and_then(|status| status.metrics.get(metric.key()));
        let condition = match (told, &self.trouble[metric]) {
            (Some(told), _) => match told.state {
                MetricState::Failed => Condition::Failed { at: told.at.clone().into() },
                MetricState::Absent => Condition::Absent,
                MetricState::Forbidden => Condition::Forbidden,
            },
            (None, Some(trouble)) => trouble.clone(),
            // Left over from the history before.
            (None, None) if slot.as_ref().is_some_and(|slot| slot.version == 0) && self.ended.is_some() => {
                Condition::Failed { at: self.ended.clone().unwrap_or_default() }
            }
            (None, None) if value.is_some() => Condition::Ready,
            (None, None) => Condition::Loading,
        };
        Panel { value, condition, cause: self.causes[metric].clone() }
    }
}

/// The newest announcement that affects this metric; else the newest of all.
fn cause_of<'a>(metric: Metric, message: &'a DashboardMessage) -> Option<&'a Notification> {
    let affects = |one: &&Notification| Event::parse(&one.kind).metrics(Origin::Shop).contains(metric);
    message.notifications.iter().rev().find(affects).or(message.notifications.last())
}

fn read_tag(tag: &str) -> Option<(&str, u64)> {
    let (epoch, version) = tag.trim_start_matches("W/").trim_matches('"').rsplit_once('-')?;
    Some((epoch, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(epoch: &str, since: u64, version: u64, data: &str, more: &str) -> String {
        format!(
            r#"{{"event":"X","data":{{{data}}},"timestamp":"t","epoch":"{epoch}","since":{since},"version":{version}{more}}}"#
        )
    }

    fn clients(count: u64) -> String {
        format!(r#""users_overview":{{"totalClients":{count},"totalTechnicians":1,"activeTechnicians":1}}"#)
    }

    fn shown(store: &Store) -> Option<u64> {
        store.panels().users_overview.value.map(|value| value.total_clients)
    }

    fn body(epoch: &str, version: u64, count: u64) -> Answer {
        let text = format!("{{{}}}", clients(count)).split_once(':').expect("a pair").1.to_owned();
        Answer::Body {
            tag: Some(format!("W/\"{epoch}-{version}\"")),
            text: text[..text.len() - 1].to_owned(),
        }
    }

    #[test]
    fn frames_move_the_position_and_gets_do_not() {
        let mut store = Store::default();
        store.loaded(Metric::UsersOverview, body("a", 5, 7), true);
        assert_eq!((shown(&store), store.position()), (Some(7), (0, None)));
        store.apply(&frame("a", 0, 6, &clients(8), ""), 0.0);
        assert_eq!((shown(&store), store.position()), (Some(8), (6, Some("a"))));
        store.loaded(Metric::UsersOverview, body("a", 5, 7), true);
        assert_eq!(shown(&store), Some(8), "a late first load does not undo the socket");
        store.loaded(Metric::UsersOverview, body("z", 9, 1), true);
        assert_eq!(shown(&store), Some(8), "a GET of another history is dropped");
        store.loaded(Metric::UsersOverview, body("z", 9, 1), false);
        assert_eq!(shown(&store), Some(1), "unless only GETs get through");
    }

    #[test]
    fn a_gap_asks_for_a_resume_and_changes_nothing() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 3, &clients(1), ""), 0.0);
        let applied = store.apply(&frame("a", 4, 5, &clients(2), ""), 0.0);
        assert!(applied.resume);
        assert_eq!((shown(&store), store.position().0), (Some(1), 3));
        let beat = r#"{"event":"HEARTBEAT","data":{},"timestamp":"t","epoch":"a","version":3,"checked":"c"}"#;
        let calm = Applied { made: Some("t".into()), ..Applied::default() };
        assert_eq!(store.apply(beat, 0.0), calm);
        assert_eq!(store.checked().as_deref(), Some("c"));
        assert!(store.apply(&beat.replace(":3", ":4"), 0.0).resume);
        assert_eq!(store.position().0, 3);
    }

    #[test]
    fn a_new_history_replaces_the_old_one() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 30, &clients(30), ""), 0.0);
        store.apply(&frame("b", 0, 1, &clients(2), ""), 0.0);
        assert_eq!((shown(&store), store.position()), (Some(2), (1, Some("b"))));
    }

    #[test]
    fn a_frame_that_is_older_than_a_first_load_does_not_undo_it() {
        let mut store = Store::default();
        store.loaded(Metric::UsersOverview, body("a", 6, 8), true);
        store.apply(&frame("a", 0, 5, &clients(7), ""), 0.0);
        assert_eq!((shown(&store), store.position()), (Some(8), (5, Some("a"))));
        // Another history is another matter, whatever its versions.
        let mut store = Store::default();
        store.loaded(Metric::UsersOverview, body("a", 6, 8), true);
        store.apply(&frame("b", 0, 5, &clients(7), ""), 0.0);
        assert_eq!((shown(&store), store.position()), (Some(7), (5, Some("b"))));
    }

    #[test]
    fn a_server_that_came_back_with_an_older_state_is_believed() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 30, &clients(30), ""), 0.0);
        store.apply(&frame("a", 0, 28, &clients(28), ""), 0.0);
        assert_eq!((shown(&store), store.position().0), (Some(28), 28));
        store.apply(&frame("a", 28, 29, &clients(29), ""), 0.0);
        assert_eq!(shown(&store), Some(29));
    }

    #[test]
    fn what_a_new_history_does_not_tell_says_how_old_it_is() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 3, &clients(1), r#","checked":"then""#), 0.0);
        let count = r#""orders_count_total":{"count":9}"#;
        store.apply(&frame("b", 0, 1, count, r#","checked":"now""#), 0.0);
        let panel = store.panels().users_overview;
        assert!(panel.value.is_some());
        assert_eq!(panel.condition, Condition::Failed { at: "then".into() });
        store.apply(&frame("b", 1, 2, &clients(2), ""), 0.0);
        assert_eq!(store.panels().users_overview.condition, Condition::Ready);
    }

    #[test]
    fn a_figure_names_what_changed_it_and_not_its_neighbour() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 1, &clients(1), ""), 0.0);
        let one = |kind: &str| format!(r#"{{"type":"{kind}","received":"r"}}"#);
        let more = format!(r#","notifications":[{},{}]"#, one("USER_CREATED"), one("REPAIR_ORDER_CREATED"));
        store.apply(&frame("a", 1, 2, &clients(2), &more), 5.0);
        assert_eq!(store.panels().users_overview.cause.expect("a cause").kind, "USER_CREATED");
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_the_state_survives() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 3, &clients(1), ""), 0.0);
        for text in ["", "null", "{", "[1]", r#"{"event":1}"#] {
            assert_eq!(store.apply(text, 0.0).warnings.len(), 1, "{text}");
        }
        let odd = format!(r#""zz":1,"orders_overview":"x",{}"#, clients(2));
        let applied = store.apply(&frame("a", 3, 4, &odd, ""), 0.0);
        assert_eq!((applied.warnings.len(), shown(&store)), (2, Some(2)));
        assert!(matches!(store.panels().orders_overview.condition, Condition::Failed { .. }));
    }

    #[test]
    fn a_panel_whose_metric_did_not_change_is_the_same() {
        let mut store = Store::default();
        store.apply(&frame("a", 0, 1, &clients(1), ""), 0.0);
        let before = store.panels();
        store.apply(&frame("a", 1, 2, r#""users_count_clients":{"count":9}"#, ""), 0.0);
        assert_eq!(store.panels(), before);
        let status = r#","status":{"upstream":"down","since":"s","metrics":{"users_overview":{"state":"failed","at":"w"}}}"#;
        store.apply(&frame("a", 2, 3, "", status), 0.0);
        let after = store.panels();
        assert_eq!(after.users_overview.condition, Condition::Failed { at: "w".into() });
        assert!(store.upstream_is_down() && shown(&store) == Some(1), "the last good value stays");
        assert_eq!(after.orders_overview, before.orders_overview);
    }

    #[test]
    fn a_burst_is_one_piece_of_news() {
        let mut store = Store::default();
        let one =
            |id: &str| format!(r#"{{"type":"REPAIR_ORDER_CREATED","resourceId":"{id}","received":"r"}}"#);
        let recent = r#""orders_recent":{"recentOrders":[{"id":"2","problemDescription":"x","status":"READY","clientName":"a","equipmentName":"iPad","createdAt":"c","finalCost":0}]}"#;
        let more = format!(r#","notifications":[{},{}]"#, one("1"), one("2"));
        let applied = store.apply(&frame("a", 0, 1, recent, &more), 5.0);
        let news = News {
            subject: Subject::RepairOrder,
            count: 2,
            more: false,
            id: Some("2".into()),
            about: Some("iPad".into()),
        };
        assert_eq!((applied.news, applied.events), (vec![news], 2));
        let cause = store.panels().orders_recent.cause.expect("a cause");
        assert_eq!((cause.resource_id.as_deref(), cause.at_ms), (Some("2"), 5.0));
    }
}
