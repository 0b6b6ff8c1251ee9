//! What the metrics mean: each counted from all rows anew. This is the definition. Tests hold what is kept against it, and
//! the start compares with it; nobody waits for it, since it reads a whole shop.

use super::Queries;

/// What belongs to each total: rows of `total`, `n` and `cents`.
macro_rules! orders_by_status {
    () => {
        "SELECT status AS total, COUNT(*) AS n, CAST(SUM(final_cost) AS BIGINT) AS cents FROM repair_orders GROUP BY status"
    };
}
macro_rules! orders_by_client {
    () => {
        "SELECT e.user_id AS total, COUNT(*) AS n, \
         CAST(SUM(CASE WHEN o.status = 'DELIVERED' THEN o.final_cost ELSE 0 END) AS BIGINT) AS cents \
         FROM repair_orders o JOIN equipments e ON e.id = o.equipment_id GROUP BY e.user_id"
    };
}
macro_rules! open_orders_by_evaluator {
    () => {
        "SELECT evaluated_by AS total, COUNT(*) AS n, CAST(0 AS BIGINT) AS cents FROM repair_orders \
         WHERE status NOT IN ('REJECTED', 'DELIVERED') AND evaluated_by IS NOT NULL GROUP BY evaluated_by"
    };
}
macro_rules! details_by_technician {
    () => {
        "SELECT technician_id AS total, COUNT(*) AS n, CAST(SUM(sub_total) AS BIGINT) AS cents FROM order_details \
         WHERE status = 'COMPLETED' GROUP BY technician_id"
    };
}
macro_rules! details_by_service {
    () => {
        "SELECT service_id AS total, COUNT(*) AS n, CAST(SUM(sub_total) AS BIGINT) AS cents FROM order_details \
         GROUP BY service_id"
    };
}
macro_rules! people_by_role {
    () => {
        "SELECT role AS total, COUNT(*) AS n, CAST(SUM(active) AS BIGINT) AS cents FROM users GROUP BY role"
    };
}

pub const ORDERS_BY_STATUS: &str = orders_by_status!();
pub const ORDERS_BY_CLIENT: &str = orders_by_client!();
pub const OPEN_ORDERS_BY_EVALUATOR: &str = open_orders_by_evaluator!();
pub const DETAILS_BY_TECHNICIAN: &str = details_by_technician!();
pub const DETAILS_BY_SERVICE: &str = details_by_service!();
pub const PEOPLE_BY_ROLE: &str = people_by_role!();

pub const NAIVE: Queries = Queries {
    by_status: ORDERS_BY_STATUS,
    people: PEOPLE_BY_ROLE,
    recent: "SELECT o.id, o.problem_description, o.status, u.name AS client, e.name AS equipment, o.created_at, \
             o.final_cost FROM repair_orders o JOIN equipments e ON e.id = o.equipment_id \
             JOIN users u ON u.id = e.user_id ORDER BY o.created_at DESC, o.seq DESC LIMIT $1",
    top_services: concat!(
        "SELECT s.service_name, t.n, t.cents FROM (",
        details_by_service!(),
        ") t JOIN services s ON s.id = t.total ORDER BY t.n DESC, t.cents DESC, s.service_name, s.id LIMIT $1"
    ),
    top_clients: concat!(
        "SELECT u.id, u.name, u.email, COALESCE(t.n, 0) AS n, COALESCE(t.cents, 0) AS cents FROM users u LEFT JOIN (",
        orders_by_client!(),
        ") t ON t.total = u.id WHERE u.role = 'User' ORDER BY 5 DESC, 4 DESC, u.name, u.id LIMIT $1"
    ),
    top_technicians: concat!(
        "SELECT u.id, u.name, u.specialty, u.active, COALESCE(t.n, 0) AS n, COALESCE(t.cents, 0) AS cents \
         FROM users u LEFT JOIN (",
        details_by_technician!(),
        ") t ON t.total = u.id WHERE u.role = 'Technician' ORDER BY 5 DESC, 6 DESC, u.name, u.id LIMIT $1"
    ),
};
