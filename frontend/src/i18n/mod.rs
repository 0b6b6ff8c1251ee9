//! The words. One struct, one constant for each language: a missing word does not compile.

mod es;
// Nothing lets people choose a language yet.
#[cfg(test)]
mod en;

use crate::format::Plural;
use shared::Event;
use yew::{hook, use_context};

#[cfg(test)]
pub use en::ENGLISH;
pub use es::SPANISH;

/// Everything that the dashboard says. Functions where a number decides the form.
pub struct Words {
    pub dashboard: &'static str,
    pub dashboard_subtitle: &'static str,
    pub skip: &'static str,
    pub home: &'static str,
    pub updated: &'static str,
    pub change_theme: &'static str,
    pub new_order: &'static str,
    pub sign_out: &'static str,
    pub close: &'static str,
    pub cancel: &'static str,
    pub retry: &'static str,
    pub loading: &'static str,
    pub as_table: &'static str,
    pub as_chart: &'static str,
    // Connection
    pub connecting: &'static str,
    pub live: &'static str,
    pub reconnecting: fn(attempt: u32, seconds: u32) -> String,
    pub offline: &'static str,
    pub polling: &'static str,
    pub data_from: &'static str,
    pub lost: &'static str,
    /// Goes on with how old the data is.
    pub lost_data: &'static str,
    /// What changed a value, by the event and the first characters of the number.
    pub happened: fn(&Event, id: &str) -> String,
    // Conditions
    pub not_updated: &'static str,
    pub failed: &'static str,
    /// "de las 10:42"
    pub as_of: fn(time: &str) -> String,
    pub failed_why: &'static str,
    pub forbidden: &'static str,
    pub forbidden_why: &'static str,
    pub absent: &'static str,
    pub absent_why: &'static str,
    // Attention
    pub alerts: &'static str,
    pub alerts_subtitle: &'static str,
    pub all_well: &'static str,
    pub all_well_why: &'static str,
    pub nothing_pending: &'static str,
    pub waiting_approval: fn(Plural) -> &'static str,
    pub waiting_parts: fn(Plural) -> &'static str,
    // Totals
    pub totals: &'static str,
    pub active_orders: &'static str,
    pub in_process: &'static str,
    pub revenue: &'static str,
    pub completed_orders: &'static str,
    pub active_clients: &'static str,
    pub registered: &'static str,
    pub technicians: &'static str,
    pub available: &'static str,
    // Panels
    pub recent: &'static str,
    pub recent_subtitle: &'static str,
    pub recent_empty: &'static str,
    pub recent_empty_why: &'static str,
    pub new: &'static str,
    pub no_client: &'static str,
    pub no_equipment: &'static str,
    pub by_status: &'static str,
    pub by_status_subtitle: &'static str,
    pub by_status_empty: &'static str,
    pub by_status_summary: fn(open: &str, closed: &str) -> String,
    pub in_shop: &'static str,
    pub closed: &'static str,
    pub status: &'static str,
    pub orders: &'static str,
    pub share: &'static str,
    pub services: &'static str,
    pub services_subtitle: &'static str,
    pub services_empty: &'static str,
    pub services_empty_why: &'static str,
    pub services_summary: fn(name: &str, count: &str) -> String,
    pub service: &'static str,
    pub times: &'static str,
    pub service_count: fn(Plural, count: &str) -> String,
    pub clients: &'static str,
    pub top_clients: &'static str,
    pub top_clients_subtitle: &'static str,
    pub top_clients_empty: &'static str,
    pub top_clients_empty_why: &'static str,
    pub order_count: fn(Plural, count: &str) -> String,
    pub top_technicians: &'static str,
    pub top_technicians_subtitle: &'static str,
    pub top_technicians_empty: &'static str,
    pub top_technicians_empty_why: &'static str,
    pub inactive: &'static str,
    pub orders_summary: &'static str,
    pub orders_summary_subtitle: &'static str,
    pub total: &'static str,
    pub completed: &'static str,
    pub in_process_count: &'static str,
    pub rejected: &'static str,
    pub average_cost: &'static str,
    pub users_summary: &'static str,
    pub active_technicians: &'static str,
    // News
    pub notices: &'static str,
    pub close_notice: &'static str,
    pub order_received: &'static str,
    pub orders_received: fn(count: &str) -> String,
    pub client_added: &'static str,
    pub clients_added: fn(count: &str) -> String,
    pub technician_added: &'static str,
    pub technicians_added: fn(count: &str) -> String,
    pub spoken: fn(news: &str, active: &str) -> String,
    pub order_created: &'static str,
    // Signing in
    pub sign_in: &'static str,
    pub signing_in: &'static str,
    pub email: &'static str,
    pub password: &'static str,
    pub show: &'static str,
    pub show_password: &'static str,
    pub hide: &'static str,
    pub wrong_credentials: &'static str,
    pub unreachable: &'static str,
    pub session_over: &'static str,
    pub email_needed: &'static str,
    pub password_needed: &'static str,
    pub not_allowed: &'static str,
    pub not_allowed_why: &'static str,
    pub other_account: &'static str,
    // Screens on walls
    pub account: &'static str,
    pub link_used: &'static str,
    pub screens: &'static str,
    pub screens_why: &'static str,
    pub no_screens: &'static str,
    pub no_screens_why: &'static str,
    pub is_a_wall: &'static str,
    pub pair_it: &'static str,
    pub add_screen: &'static str,
    pub screen_code: &'static str,
    pub screen_code_hint: &'static str,
    pub screen_name: &'static str,
    pub screen_name_example: &'static str,
    pub pair: &'static str,
    pub pairing: &'static str,
    pub paired: fn(&str) -> String,
    pub six_digits: &'static str,
    pub unknown_code: &'static str,
    pub try_later: fn(u32) -> String,
    pub connected: &'static str,
    pub seen: &'static str,
    pub never_seen: &'static str,
    pub added: &'static str,
    pub revoke: &'static str,
    pub revoke_which: fn(&str) -> String,
    pub revoke_sure: fn(&str) -> String,
    pub pair_screen: &'static str,
    pub pair_open: fn(&str) -> String,
    pub pair_menu: &'static str,
    pub pair_enter: &'static str,
    pub pair_command: &'static str,
    pub pair_time: fn(&str) -> String,
    pub pair_waiting: &'static str,
    pub pair_trouble: &'static str,
    pub screen_revoked: &'static str,
    pub screen_revoked_why: &'static str,
    pub new_code: &'static str,
    pub no_pairing: &'static str,
    pub no_pairing_why: &'static str,
    // New order
    pub client: &'static str,
    pub search_client: &'static str,
    pub no_such_client: &'static str,
    pub new_client: &'static str,
    pub known_client: &'static str,
    pub name: &'static str,
    pub phone: &'static str,
    pub optional: &'static str,
    pub password_note: &'static str,
    pub equipment: &'static str,
    pub new_equipment: &'static str,
    pub known_equipment: &'static str,
    pub choose: &'static str,
    pub kind: &'static str,
    pub kinds: [(&'static str, &'static str); 5],
    pub brand: &'static str,
    pub model: &'static str,
    pub serial: &'static str,
    pub problem: &'static str,
    pub problem_hint: &'static str,
    pub create_order: &'static str,
    pub creating: &'static str,
    pub needed: &'static str,
    pub invalid_email: &'static str,
    pub status_label: fn(code: &str) -> Option<&'static str>,
}

/// Each language is one constant.
impl PartialEq for Words {
    fn eq(&self, other: &Words) -> bool {
        std::ptr::eq(self, other)
    }
}

#[hook]
pub fn use_words() -> &'static Words {
    use_context::<&'static Words>().unwrap_or(&SPANISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_said_in_one_phrase() {
        let check = |kind: &str, id: &str, expected: &str| {
            assert_eq!((SPANISH.happened)(&Event::parse(kind), id), expected);
        };
        check("REPAIR_ORDER_CREATED", "123e4567", "orden #123e4567 creada");
        check("TECHNICIAN_UPDATED", "1", "técnico #1 actualizado");
        check("SPARE_PART_DELETED", "", "repuesto eliminado");
        check("DASHBOARD_FULL_UPDATE", "", "actualización completa");
        let english = (ENGLISH.happened)(&Event::parse("REPAIR_ORDER_CREATED"), "123e4567");
        assert_eq!(english, "order #123e4567 created");
    }
}
