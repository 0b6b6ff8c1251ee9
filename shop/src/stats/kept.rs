//! What the metrics are read from: the totals that every write keeps up, and the newest orders by their index. No
//! query here reads more rows than it shows, but for technicians and services, of which a shop has some dozens.

use super::Queries;

pub const KEPT: Queries = Queries {
    by_status: "SELECT status AS total, orders AS n, cost AS cents FROM order_totals",
    people: "SELECT role AS total, people AS n, active AS cents FROM user_totals",
    // The newest are found before they are joined, so that no planner comes to join all of them first.
    recent: "SELECT newest.id, problem_description, status, u.name AS client, e.name AS equipment, newest.created_at, \
             final_cost FROM (SELECT id, problem_description, status, equipment_id, created_at, seq, final_cost \
             FROM repair_orders ORDER BY created_at DESC, seq DESC LIMIT $1) newest \
             JOIN equipments e ON e.id = newest.equipment_id JOIN users u ON u.id = e.user_id \
             ORDER BY newest.created_at DESC, newest.seq DESC",
    top_services: "SELECT service_name, total_details AS n, total_revenue AS cents FROM services \
                   WHERE total_details > 0 ORDER BY total_details DESC, total_revenue DESC, service_name, id LIMIT $1",
    // The order of the index `users_by_spending`.
    top_clients: "SELECT id, name, email, total_orders AS n, total_spent AS cents FROM users WHERE role = 'User' \
                  ORDER BY total_spent DESC, total_orders DESC, name, id LIMIT $1",
    top_technicians: "SELECT id, name, specialty, active, done_details AS n, done_revenue AS cents FROM users \
                      WHERE role = 'Technician' ORDER BY done_details DESC, done_revenue DESC, name, id LIMIT $1",
};
