//! The 14 metrics, as the dashboard reads them.

use super::support::*;
use serde_json::{Value, json};
use shared::{FullDashboardData, Metric, MetricSet};
use shop::Role;

fn by_status(counts: [u64; 7]) -> Value {
    let rows: Vec<_> = shared::OrderStatus::ALL
        .iter()
        .zip(counts)
        .map(|(status, count)| json!({"status": status.code(), "count": count}))
        .collect();
    json!({ "ordersByStatus": rows })
}

#[tokio::test]
async fn an_empty_shop_answers_what_a_real_backend_answered() {
    let shop = TestShop::open().await;
    // As recorded from a running backend with an empty database.
    let recorded = [
        (
            "orders_overview",
            json!({"totalOrders": 0, "activeOrders": 0, "rejectedOrders": 0, "completedOrders": 0}),
        ),
        ("orders_revenue", json!({"totalRevenue": 0, "averageCost": 0, "completedOrdersCount": 0})),
        ("orders_by_status", by_status([0; 7])),
        ("orders_recent", json!({"recentOrders": []})),
        ("orders_top_services", json!({"topServices": []})),
        ("orders_count_total", json!({"count": 0})),
        ("orders_count_active", json!({"count": 0})),
        ("orders_revenue_total", json!({"revenue": 0})),
        ("users_overview", json!({"totalClients": 0, "totalTechnicians": 0, "activeTechnicians": 0})),
        ("users_top_clients", json!({"topClients": []})),
        ("users_top_technicians", json!({"topTechnicians": []})),
        ("users_count_clients", json!({"count": 0})),
        ("users_count_technicians", json!({"count": 0})),
        ("users_count_active_technicians", json!({"count": 0})),
    ];
    assert_eq!(shop.stats().await, recorded.into_iter().collect());
}

#[tokio::test]
async fn an_order_is_seen_in_every_metric_that_it_touches() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run(&format!("UPDATE users SET active = 0 WHERE id = '{}'", cast.worker.id)).await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "Pantalla rota",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 45.5, "discount": 5.25}],
        "parts": [{"partId": cast.part, "quantity": 2}]});
    let id = shop.made("/repair-orders", &cast.owner.token, body.clone()).await;
    let rejected = shop
        .made(
            "/repair-orders",
            &cast.owner.token,
            json!({"equipmentId": cast.device, "problemDescription": "x"}),
        )
        .await;
    shop.patch(&format!("/repair-orders/{rejected}"), &shop.admin, json!({"status": "REJECTED"})).await;

    let stats = shop.stats().await;
    assert_eq!(
        stats["orders_overview"],
        json!({"totalOrders": 2, "activeOrders": 1, "rejectedOrders": 1, "completedOrders": 0})
    );
    assert_eq!(stats["orders_by_status"], by_status([1, 0, 1, 0, 0, 0, 0]));
    assert_eq!(stats["orders_recent"]["recentOrders"][0]["id"], json!(rejected));
    let recent = &stats["orders_recent"]["recentOrders"][1];
    let created = recent["createdAt"].clone();
    assert_eq!(
        recent,
        &json!({"id": id, "problemDescription": "Pantalla rota", "status": "IN_REVIEW", "clientName": "Juan",
        "equipmentName": "Laptop Dell", "createdAt": created, "finalCost": 172.23})
    );
    assert_eq!(
        stats["orders_top_services"],
        json!({"topServices": [{"serviceName": "Limpieza", "count": 1, "revenue": 40.25}]})
    );
    assert_eq!(
        (&stats["orders_count_total"], &stats["orders_count_active"]),
        (&json!({"count": 2}), &json!({"count": 1}))
    );
    assert_eq!(stats["orders_revenue_total"], json!({"revenue": 0}));
    assert_eq!(
        stats["users_overview"],
        json!({"totalClients": 2, "totalTechnicians": 2, "activeTechnicians": 1})
    );
    let client = |who: &Someone, name: &str, orders: u64, spent: f64| json!({"id": who.id, "name": name, "email": format!("{}@x.co", who.id), "totalOrders": orders, "totalSpent": spent});
    assert_eq!(stats["users_top_clients"]["topClients"][0]["totalOrders"], json!(2));
    let technician = |who: &Someone, name: &str, done: u64, revenue: Value, active: bool| json!({"id": who.id, "name": name, "specialty": "Laptops", "completedOrders": done, "revenue": revenue, "active": active});
    let nobody_yet = [
        technician(&cast.evaluator, "Luis", 0, json!(0), true),
        technician(&cast.worker, "Rita", 0, json!(0), false),
    ];
    assert_eq!(stats["users_top_technicians"], json!({"topTechnicians": nobody_yet}));
    assert_eq!(stats["users_count_clients"], json!({"count": 2}));
    assert_eq!(
        (&stats["users_count_technicians"], &stats["users_count_active_technicians"]),
        (&json!({"count": 2}), &json!({"count": 1}))
    );

    let path = format!("/repair-orders/{id}");
    let (_, order) = shop.get(&path, &shop.admin).await;
    let work = format!(
        "/repair-orders/technician/detail/{}/status",
        order["repairOrderDetails"][0]["id"].as_str().expect("an id")
    );
    shop.patch(&work, &cast.worker.token, json!({"status": "COMPLETED"})).await;
    shop.patch(&path, &shop.admin, json!({"status": "DELIVERED"})).await;
    let stats = shop.stats().await;
    assert_eq!(
        stats["orders_overview"],
        json!({"totalOrders": 2, "activeOrders": 0, "rejectedOrders": 1, "completedOrders": 1})
    );
    assert_eq!(
        stats["orders_revenue"],
        json!({"totalRevenue": 172.23, "averageCost": 172.23, "completedOrdersCount": 1})
    );
    assert_eq!(stats["orders_revenue_total"], json!({"revenue": 172.23}));
    assert_eq!(stats["users_top_clients"]["topClients"][0], client(&cast.owner, "Juan", 2, 172.23));
    assert_eq!(stats["users_top_clients"]["topClients"][1]["name"], json!("Eva"));
    assert_eq!(
        stats["users_top_technicians"]["topTechnicians"][0],
        technician(&cast.worker, "Rita", 1, json!(40.25), false)
    );

    shop.call(axum::http::Method::DELETE, &path, &shop.admin, None).await;
    let stats = shop.stats().await;
    assert_eq!(stats["orders_count_total"], json!({"count": 1}));
    assert_eq!(stats["orders_top_services"], json!({"topServices": []}));
    assert_eq!(
        stats["orders_revenue"],
        json!({"totalRevenue": 0, "averageCost": 0, "completedOrdersCount": 0})
    );
}

#[tokio::test]
async fn an_average_is_rounded_to_the_nearest_cent() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for price in [10, 10, 20] {
        let detail = json!([{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": price}]);
        let body = json!({"equipmentId": cast.device, "problemDescription": "x", "details": detail});
        let path = format!("/repair-orders/{}", shop.made("/repair-orders", &cast.owner.token, body).await);
        shop.patch(&path, &shop.admin, json!({"status": "DELIVERED"})).await;
    }
    assert_eq!(
        shop.stats().await["orders_revenue"],
        json!({"totalRevenue": 40, "averageCost": 13.33, "completedOrdersCount": 3})
    );
}

#[tokio::test]
async fn what_is_equal_stands_in_the_same_order_each_time() {
    let shop = TestShop::open().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push((shop.person("Ana", Role::User).await.id, shop.person("Luz", Role::Technician).await.id));
    }
    let (mut clients, mut technicians): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
    clients.sort();
    technicians.sort();
    let ids = |body: &Value, list: &str| -> Vec<String> {
        let rows = body[list].as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let stats = shop.stats().await;
    assert_eq!(ids(&stats["users_top_clients"], "topClients"), clients[..5]);
    assert_eq!(ids(&stats["users_top_technicians"], "topTechnicians"), technicians[..5]);
    let all = shop.shop.stat(Metric::UsersTopClients, 100).await.expect("a body");
    assert_eq!(ids(&serde_json::from_str(&all).expect("JSON"), "topClients"), clients);
    assert_eq!(shop.stats().await, stats);
}

#[tokio::test]
async fn the_dashboard_reads_every_body() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.made(
        "/repair-orders",
        &cast.owner.token,
        json!({"equipmentId": cast.device, "problemDescription": "x"}),
    )
    .await;
    let mut data = FullDashboardData::default();
    for (metric, body) in shop.shop.stats(MetricSet::ALL).await.expect("bodies") {
        data.merge(metric, &body, 1).expect("a body of the metric's shape");
    }
    let some = shop.shop.stats([Metric::OrdersRecent, Metric::UsersOverview].into()).await.expect("bodies");
    assert_eq!(some.len(), 2);
    assert!(shop.shop.stats(MetricSet::EMPTY).await.expect("nothing").is_empty());
}
