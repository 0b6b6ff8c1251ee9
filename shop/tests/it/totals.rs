//! What is kept up for the statistics equals what all rows add up to, whatever is written.

use super::support::*;
use axum::http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use shared::{Event, Metric, MetricSet, OrderStatus};
use shop::{Role, Shop};
use std::sync::Arc;
use tokio::sync::mpsc;

/// As many cases as wanted, but each makes a shop of its own: more than this would take hours.
const MOST_CASES: u32 = 2_000;
const USUAL_CASES: u32 = 12;

/// Small numbers name one of those that are there by then.
#[derive(Clone, Debug)]
enum Step {
    Client,
    Technician,
    /// A name that changes the order of equals.
    Rename(usize, u8),
    SetActive(usize, bool),
    RemoveClient(usize),
    Service,
    Order(usize, Vec<Piece>, Option<i64>),
    Status(usize, usize),
    MoreWork(usize, Piece),
    ChangeWork(usize, usize, Piece, usize),
    Work(usize, usize, usize, i64),
    Part(usize, i64),
    Delete(usize),
}

#[derive(Clone, Debug)]
struct Piece {
    service: usize,
    technician: usize,
    price: i64,
    discount: i64,
}

fn piece() -> impl Strategy<Value = Piece> {
    (0..4usize, 0..4usize, 0..50i64, 0..10i64).prop_map(|(service, technician, price, discount)| Piece {
        service,
        technician,
        price,
        discount,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let one = 0..12usize;
    prop_oneof![
        1 => Just(Step::Client),
        1 => Just(Step::Technician),
        1 => (one.clone(), any::<u8>()).prop_map(|(who, name)| Step::Rename(who, name)),
        1 => (one.clone(), any::<bool>()).prop_map(|(who, active)| Step::SetActive(who, active)),
        1 => one.clone().prop_map(Step::RemoveClient),
        1 => Just(Step::Service),
        4 => (one.clone(), prop::collection::vec(piece(), 0..4), prop::option::of(1..3i64))
            .prop_map(|(device, work, parts)| Step::Order(device, work, parts)),
        6 => (one.clone(), 0..7usize).prop_map(|(order, status)| Step::Status(order, status)),
        2 => (one.clone(), piece()).prop_map(|(order, work)| Step::MoreWork(order, work)),
        2 => (one.clone(), 0..4usize, piece(), 0..3usize)
            .prop_map(|(order, which, work, status)| Step::ChangeWork(order, which, work, status)),
        4 => (one.clone(), 0..4usize, 0..3usize, 0..50i64)
            .prop_map(|(order, which, status, price)| Step::Work(order, which, status, price)),
        1 => (one.clone(), 1..3i64).prop_map(|(order, quantity)| Step::Part(order, quantity)),
        1 => one.prop_map(Step::Delete),
    ]
}

/// A shop, and who and what is in it.
struct World {
    shop: TestShop,
    part: String,
    clients: Vec<(Someone, String)>,
    technicians: Vec<Someone>,
    services: Vec<String>,
    orders: Vec<String>,
}

fn some<T>(from: &[T], which: usize) -> Option<&T> {
    if from.is_empty() { None } else { from.get(which % from.len()) }
}

const WORK: [&str; 3] = ["PENDING", "IN_PROGRESS", "COMPLETED"];

impl World {
    async fn new() -> World {
        let shop = TestShop::in_database(new_database().await, nobody_listens(), mpsc::channel(1).1).await;
        let cast = shop.cast().await;
        shop.run("UPDATE spare_parts SET stock = 9").await;
        World {
            part: cast.part,
            clients: vec![(cast.owner, cast.device)],
            technicians: vec![cast.evaluator, cast.worker],
            services: vec![cast.service],
            orders: Vec::new(),
            shop,
        }
    }

    fn work(&self, piece: &Piece) -> Option<Value> {
        let (service, technician) =
            (some(&self.services, piece.service)?, some(&self.technicians, piece.technician)?);
        Some(json!({"serviceId": service, "technicianId": technician.id, "unitPrice": piece.price,
            "discount": piece.discount}))
    }

    async fn detail(&self, order: &str, which: usize) -> Option<(String, String)> {
        let (_, order) = self.shop.get(&format!("/repair-orders/{order}"), &self.shop.admin).await;
        let detail = some(order["repairOrderDetails"].as_array()?, which)?.clone();
        Some((detail["id"].as_str()?.to_owned(), detail["technician"]["id"].as_str()?.to_owned()))
    }

    /// Some of these are refused, which must change nothing.
    async fn take(&mut self, step: Step) -> Option<()> {
        let shop = &self.shop;
        match step {
            Step::Client => {
                let client = shop.person("Juan", Role::User).await;
                let device = json!({"name": "Laptop", "type": "LAPTOP", "brand": "Dell", "model": "XPS"});
                let device = shop.made("/equipments", &client.token, device).await;
                self.clients.push((client, device));
            }
            Step::Technician => self.technicians.push(shop.person("Rita", Role::Technician).await),
            Step::Rename(who, name) => {
                let name = char::from(b'A' + name % 20);
                let (client, _) = some(&self.clients, who)?;
                shop.run(&format!("UPDATE users SET name = '{name}' WHERE id = '{}'", client.id)).await;
                let technician = some(&self.technicians, who)?;
                shop.run(&format!("UPDATE users SET name = '{name}' WHERE id = '{}'", technician.id)).await;
            }
            Step::SetActive(who, active) => {
                let (active, technician) = (i64::from(active), some(&self.technicians, who)?);
                shop.run(&format!("UPDATE users SET active = {active} WHERE id = '{}'", technician.id)).await;
            }
            Step::RemoveClient(who) => {
                let (client, device) = some(&self.clients, who)?;
                let orders = format!("SELECT COUNT(*) FROM repair_orders WHERE equipment_id = '{device}'");
                if self.clients.len() > 1 && shop.number(&orders).await == 0 {
                    shop.run(&format!("DELETE FROM equipments WHERE id = '{device}'")).await;
                    shop.run(&format!("DELETE FROM users WHERE id = '{}'", client.id)).await;
                    self.clients.remove(who % self.clients.len());
                }
            }
            Step::Service => {
                let name = format!("Servicio {}", self.services.len());
                let service =
                    json!({"serviceName": name, "description": "d", "basePrice": 9, "type": "REPAIR"});
                self.services.push(shop.made("/services", &shop.admin, service).await);
            }
            Step::Order(device, work, parts) => {
                let (client, device) = some(&self.clients, device)?;
                let details: Vec<_> = work.iter().filter_map(|piece| self.work(piece)).collect();
                let parts: Vec<_> =
                    parts.iter().map(|quantity| json!({"partId": self.part, "quantity": quantity})).collect();
                let body = json!({"equipmentId": device, "problemDescription": "x", "details": details, "parts": parts});
                let (_, made) = shop.post("/repair-orders", &client.token, body).await;
                if let Some(id) = made["savedOrder"]["id"].as_str() {
                    self.orders.push(id.to_owned());
                }
            }
            Step::Status(order, status) => {
                self.change(order, json!({"status": OrderStatus::ALL[status].code()})).await?;
            }
            Step::MoreWork(order, piece) => {
                self.change(order, json!({"details": [self.work(&piece)?]})).await?;
            }
            Step::ChangeWork(order, which, piece, status) => {
                let mut work = self.work(&piece)?;
                let (detail, _) = self.detail(some(&self.orders, order)?, which).await?;
                work["id"] = json!(detail);
                work["status"] = json!(WORK[status]);
                self.change(order, json!({"details": [work]})).await?;
            }
            Step::Work(order, which, status, price) => {
                let (detail, technician) = self.detail(some(&self.orders, order)?, which).await?;
                let token = &self.technicians.iter().find(|other| other.id == technician)?.token;
                let body = json!({"status": WORK[status], "unitPrice": price});
                shop.patch(&format!("/repair-orders/technician/detail/{detail}"), token, body).await;
            }
            Step::Part(order, quantity) => {
                self.change(order, json!({"parts": [{"partId": self.part, "quantity": quantity}]})).await?;
            }
            Step::Delete(order) => {
                let path = format!("/repair-orders/{}", some(&self.orders, order)?);
                shop.call(Method::DELETE, &path, &shop.admin, None).await;
                self.orders.remove(order % self.orders.len());
            }
        }
        Some(())
    }

    async fn change(&self, order: usize, body: Value) -> Option<()> {
        let path = format!("/repair-orders/{}", some(&self.orders, order)?);
        self.shop.patch(&path, &self.shop.admin, body).await;
        Some(())
    }
}

async fn all_is_kept(shop: &TestShop, after: &str) {
    for metric in MetricSet::ALL.iter() {
        for limit in [1, 2, 100] {
            let kept = shop.shop.stat(metric, limit).await.expect("a body");
            let counted = shop.shop.counted_stat(metric, limit).await.expect("a body");
            assert_eq!(kept, counted, "{metric:?} after {after}");
        }
    }
    let wrong = "SELECT COUNT(*) FROM users u WHERE open_orders <> (SELECT COUNT(*) FROM repair_orders o \
                 WHERE o.evaluated_by = u.id AND o.status NOT IN ('REJECTED', 'DELIVERED'))";
    assert_eq!(shop.number(wrong).await, 0, "open orders after {after}");
}

#[test]
fn after_every_write_each_metric_is_what_all_rows_add_up_to() {
    let cases = match std::env::var("PROPTEST_CASES") {
        Ok(_) => Config::default().cases.min(MOST_CASES),
        Err(_) => USUAL_CASES,
    };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 20..60), |steps| {
            runtime.block_on(async {
                let mut world = World::new().await;
                for step in steps {
                    let name = format!("{step:?}");
                    world.take(step).await;
                    all_is_kept(&world.shop, &name).await;
                }
            });
            Ok(())
        })
        .expect("what is kept is what all rows add up to");
}

#[tokio::test]
async fn a_total_that_was_spoilt_is_mended_after_the_start_and_everyone_is_told() {
    let test = TestShop::open().await;
    let cast = test.cast().await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id}]});
    test.made("/repair-orders", &cast.owner.token, body).await;
    test.run("UPDATE users SET total_orders = 7 WHERE role = 'User'; UPDATE order_totals SET cost = 1").await;
    assert_eq!(test.stats().await["users_top_clients"]["topClients"][0]["totalOrders"], json!(7));
    let (told, mut events) = mpsc::channel(10);
    let announce = Arc::new(move |event: Event, _| told.try_send(event.name()).expect("room"));
    let again = Shop::open(options(&test.database), announce).await.expect("the same shop");
    let told = tokio::time::timeout(SOON, events.recv()).await.expect("an event");
    assert_eq!(told.as_deref(), Some(Event::FULL_UPDATE));
    all_is_kept(&test, "a start").await;
    let top = again.stat(Metric::UsersTopClients, 5).await.expect("a body");
    assert!(top.contains("\"totalOrders\":1"), "{top}");
}
