//! Whatever is asked of orders, by whomever, in whatever order: the shop does what a small model of it does, and what
//! it refuses leaves the whole database as it was.

use super::support::*;
use axum::http::{Method, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use serde_json::{Value, json};
use shared::OrderStatus::{self, *};
use sqlx::Row;
use std::collections::BTreeMap;

const STOCK: [i64; 2] = [5, 3];
const PRICES: [i64; 2] = [6_599, 125];
const SERVICE: i64 = 2_000;

/// More than the usual number of cases is meant for properties that take no time; here each is a dozen requests to a
/// database, so of those many every hundredth.
const USUAL_CASES: u32 = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Owner,
    Stranger,
    Evaluator,
    Worker,
    Admin,
}
use Who::*;

#[derive(Clone, Debug)]
enum Act {
    Create { by: Who, device: usize, work: Vec<NewWork>, parts: Vec<(usize, i64)> },
    Patch { by: Who, order: usize, wish: Wish },
    Work { by: Who, order: usize, piece: usize, status: usize, price: Option<(i64, i64)> },
    Delete { by: Who, order: usize },
}

#[derive(Clone, Debug)]
struct NewWork {
    by: Who,
    price: Option<i64>,
    discount: i64,
}

#[derive(Clone, Debug)]
struct Wish {
    diagnosis: bool,
    status: Option<OrderStatus>,
    /// Which piece, and its new status and price.
    piece: Option<(usize, Option<usize>, Option<i64>)>,
    work: Option<NewWork>,
    /// Which one, and its new quantity.
    part: Option<(usize, i64)>,
    parts: Option<(usize, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Order {
    device: usize,
    status: OrderStatus,
    work: Vec<Piece>,
    /// Which, how many, and what they cost together.
    parts: Vec<(usize, i64, i64)>,
    history: Vec<(Option<OrderStatus>, OrderStatus, Who)>,
    was_delivered: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    by: Who,
    price: i64,
    discount: i64,
    status: usize,
}

const DONE: usize = 2;
const PIECE: [&str; 3] = ["PENDING", "IN_PROGRESS", "COMPLETED"];

/// The shop as it should be.
#[derive(Clone, Debug)]
struct Model {
    stock: [i64; 2],
    in_repair: [bool; 2],
    orders: BTreeMap<usize, Order>,
    made: usize,
}

type Refused = u16;

impl Model {
    fn new() -> Model {
        Model { stock: STOCK, in_repair: [false; 2], orders: BTreeMap::new(), made: 0 }
    }

    fn take(&mut self, part: usize, count: i64) -> Result<(), Refused> {
        self.stock[part] -= count;
        if self.stock[part] < 0 { Err(400) } else { Ok(()) }
    }

    fn create(
        &mut self,
        by: Who,
        device: usize,
        work: &[NewWork],
        parts: &[(usize, i64)],
    ) -> Result<(), Refused> {
        if by == Stranger {
            return Err(404);
        }
        let work = work.iter().map(piece).collect::<Result<_, _>>()?;
        for (part, count) in parts {
            self.take(*part, *count)?;
        }
        let parts = parts.iter().map(|(part, count)| (*part, *count, count * PRICES[*part])).collect();
        let history = vec![(None, InReview, by)];
        let order = Order { device, status: InReview, work, parts, history, was_delivered: false };
        self.orders.insert(self.made, order);
        self.made += 1;
        Ok(())
    }

    fn patch(&mut self, by: Who, id: usize, wish: &Wish) -> Result<(), Refused> {
        let order = self.orders[&id].clone();
        let has_work = order.work.iter().any(|piece| piece.by == by);
        let items =
            wish.piece.is_some() || wish.work.is_some() || wish.part.is_some() || wish.parts.is_some();
        let others = wish.work.as_ref().is_some_and(|work| work.by != by)
            || wish.piece.is_some_and(|(at, ..)| order.work[at].by != by);
        match by {
            Stranger => return Err(403),
            Owner if wish.diagnosis || items => return Err(403),
            Worker if !has_work || others => return Err(403),
            Owner | Worker | Evaluator | Admin => {}
        }
        let mut order = order;
        let mut finishes = false;
        if let Some((at, status, price)) = wish.piece {
            let piece = &mut order.work[at];
            finishes = status == Some(DONE) && piece.status != DONE;
            piece.status = status.unwrap_or(piece.status);
            piece.price = price.unwrap_or(piece.price);
            if piece.discount > piece.price {
                return Err(400);
            }
        }
        order.work.extend(wish.work.as_ref().map(piece).transpose()?);
        let held = i64::from(order.status != Rejected);
        if let Some((at, count)) = wish.part {
            let (part, before, cost) = &mut order.parts[at];
            self.take(*part, held * (count - *before))?;
            (*before, *cost) = (count, count * PRICES[*part]);
        }
        if let Some((part, count)) = wish.parts {
            self.take(part, held * count)?;
            order.parts.push((part, count, count * PRICES[part]));
        }
        self.orders.insert(id, order);
        if let Some(status) = wish.status {
            may_become(self.orders[&id].status, status, by)?;
            self.become_(id, status, by)?;
        }
        if finishes {
            self.ready_when_done(id, by)?;
        }
        Ok(())
    }

    fn work(
        &mut self,
        by: Who,
        id: usize,
        at: usize,
        status: usize,
        price: Option<(i64, i64)>,
    ) -> Result<(), Refused> {
        let order = self.orders.get_mut(&id).expect("one that is there");
        let piece = &mut order.work[at];
        match by {
            Owner | Stranger => return Err(403),
            _ if piece.by != by => return Err(404),
            Evaluator | Worker | Admin => {}
        }
        let finishes = status == DONE && piece.status != DONE;
        piece.status = status;
        if let Some((price, discount)) = price {
            (piece.price, piece.discount) = (price, discount);
        }
        if piece.discount > piece.price {
            return Err(400);
        }
        if finishes { self.ready_when_done(id, by) } else { Ok(()) }
    }

    fn ready_when_done(&mut self, id: usize, by: Who) -> Result<(), Refused> {
        let order = &self.orders[&id];
        if order.status == InRepair && order.work.iter().all(|piece| piece.status == DONE) {
            self.become_(id, Ready, by)?;
        }
        Ok(())
    }

    fn become_(&mut self, id: usize, to: OrderStatus, by: Who) -> Result<(), Refused> {
        let Order { status: from, device, parts, .. } = self.orders[&id].clone();
        if from == to {
            return Ok(());
        }
        let order = self.orders.get_mut(&id).expect("one that is there");
        order.status = to;
        order.was_delivered |= to == Delivered;
        order.history.push((Some(from), to, by));
        if to == InRepair {
            self.in_repair[device] = true;
        } else if to == Delivered || (keeps(from) && !keeps(to)) {
            self.release(device);
        }
        for (part, count, _) in parts {
            match (from, to) {
                (_, Rejected) => self.take(part, -count)?,
                (Rejected, _) => self.take(part, count)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn release(&mut self, device: usize) {
        let kept = self.orders.values().any(|order| order.device == device && keeps(order.status));
        self.in_repair[device] &= kept;
    }

    fn delete(&mut self, by: Who, id: usize) -> Result<(), Refused> {
        if by != Admin {
            return Err(403);
        }
        let order = self.orders.remove(&id).expect("one that is there");
        if order.status != Rejected {
            for (part, count, _) in order.parts {
                self.take(part, -count)?;
            }
        }
        if keeps(order.status) {
            self.release(order.device);
        }
        Ok(())
    }
}

fn piece(new: &NewWork) -> Result<Piece, Refused> {
    let price = new.price.unwrap_or(SERVICE);
    if new.discount > price {
        Err(400)
    } else {
        Ok(Piece { by: new.by, price, discount: new.discount, status: 0 })
    }
}

fn keeps(status: OrderStatus) -> bool {
    matches!(status, InRepair | WaitingParts | Ready)
}

fn may_become(from: OrderStatus, to: OrderStatus, by: Who) -> Result<(), Refused> {
    let staff = [
        (InReview, WaitingApproval),
        (InReview, Rejected),
        (InReview, InRepair),
        (InRepair, WaitingParts),
        (WaitingParts, InRepair),
        (InRepair, Ready),
        (Ready, Delivered),
        (Ready, InRepair),
    ]
    .contains(&(from, to));
    let owner = [(WaitingApproval, InRepair), (WaitingApproval, Rejected)].contains(&(from, to));
    match by {
        _ if from == to => Ok(()),
        Admin => Ok(()),
        Owner if owner => Ok(()),
        Evaluator | Worker if staff => Ok(()),
        _ if owner || staff => Err(403),
        _ => Err(409),
    }
}

/// The real shop, asked the same.
struct World {
    shop: TestShop,
    cast: Cast,
    devices: [String; 2],
    parts: [String; 2],
    /// Of the orders of this case, by the model's numbers.
    ids: BTreeMap<usize, Value>,
}

impl World {
    async fn open() -> World {
        let shop = TestShop::open().await;
        let cast = shop.cast().await;
        let device = json!({"name": "PC", "type": "PC", "brand": "b", "model": "m"});
        let device = shop.made("/equipments", &cast.owner.token, device).await;
        let part = json!({"name": "Tornillo", "description": "d", "stock": STOCK[1], "unitPrice": 1.25});
        let mut parts = [cast.part.clone(), shop.made("/spare-parts", &shop.admin, part).await];
        // The model takes parts in this order, too.
        parts.sort();
        for (part, price) in parts.iter().zip(PRICES) {
            shop.run(&format!("UPDATE spare_parts SET unit_price = {price} WHERE id = '{part}'")).await;
        }
        let devices = [cast.device.clone(), device];
        World { shop, cast, devices, parts, ids: BTreeMap::new() }
    }

    fn someone(&self, who: Who) -> (&str, &str) {
        let Cast { owner, stranger, evaluator, worker, .. } = &self.cast;
        match who {
            Owner => (&owner.id, &owner.token),
            Stranger => (&stranger.id, &stranger.token),
            Evaluator => (&evaluator.id, &evaluator.token),
            Worker => (&worker.id, &worker.token),
            Admin => ("", &self.shop.admin),
        }
    }

    /// As before any case.
    async fn clear(&mut self) {
        self.ids.clear();
        let (_, left) = self.shop.get("/repair-orders", &self.shop.admin).await;
        for order in left.as_array().expect("a list") {
            let path = format!("/repair-orders/{}", order["id"].as_str().expect("an id"));
            self.shop.call(Method::DELETE, &path, &self.shop.admin, None).await;
        }
        for (part, stock) in self.parts.iter().zip(STOCK) {
            self.shop.run(&format!("UPDATE spare_parts SET stock = {stock} WHERE id = '{part}'")).await;
        }
        self.shop.run("UPDATE equipments SET current_status = 'AVAILABLE'").await;
        self.shop.events();
    }

    fn new_work(&self, new: &NewWork) -> Value {
        json!({"serviceId": self.cast.service, "technicianId": self.someone(new.by).0,
            "unitPrice": new.price.map(units), "discount": units(new.discount)})
    }

    fn new_part(&self, (part, quantity): (usize, i64)) -> Value {
        json!({"partId": self.parts[part], "quantity": quantity})
    }

    async fn ask(&mut self, act: &Act) -> (StatusCode, Value) {
        match act {
            Act::Create { by, device, work, parts } => {
                let body = json!({"equipmentId": self.devices[*device], "problemDescription": "x",
                    "details": work.iter().map(|new| self.new_work(new)).collect::<Vec<_>>(),
                    "parts": parts.iter().map(|part| self.new_part(*part)).collect::<Vec<_>>()});
                self.shop.post("/repair-orders", self.someone(*by).1, body).await
            }
            Act::Patch { by, order, wish } => {
                let told = &self.ids[order];
                let mut details: Vec<_> = wish.work.iter().map(|new| self.new_work(new)).collect();
                details.extend(wish.piece.map(|(at, status, price)| {
                    json!({"id": told["repairOrderDetails"][at]["id"], "status": status.map(|status| PIECE[status]),
                        "unitPrice": price.map(units)})
                }));
                // The model changes before it adds.
                details.reverse();
                let mut parts: Vec<_> = wish.parts.iter().map(|part| self.new_part(*part)).collect();
                parts.extend(wish.part.map(
                    |(at, quantity)| json!({"id": told["repairOrderParts"][at]["id"], "quantity": quantity}),
                ));
                let body = json!({"status": wish.status.map(OrderStatus::code), "details": details, "parts": parts,
                    "diagnosis": wish.diagnosis.then_some("LCD")});
                self.shop.patch(&self.path(*order), self.someone(*by).1, body).await
            }
            Act::Work { by, order, piece, status, price } => {
                let told = &self.ids[order];
                let id = told["repairOrderDetails"][*piece]["id"].as_str().expect("an id");
                let path = format!("/repair-orders/technician/detail/{id}");
                let status = PIECE[*status];
                let (path, body) = match price {
                    Some((price, discount)) => (
                        path,
                        json!({"status": status, "unitPrice": units(*price), "discount": units(*discount)}),
                    ),
                    None => (format!("{path}/status"), json!({ "status": status })),
                };
                self.shop.patch(&path, self.someone(*by).1, body).await
            }
            Act::Delete { by, order } => {
                self.shop.call(Method::DELETE, &self.path(*order), self.someone(*by).1, None).await
            }
        }
    }

    fn path(&self, order: usize) -> String {
        format!("/repair-orders/{}", self.ids[&order]["id"].as_str().expect("an id"))
    }

    /// Everything that the model says, read from the database.
    async fn check(&mut self, model: &Model) -> TestCaseResult {
        for (number, order) in &model.orders {
            let path = self.path(*number);
            let (_, told) = self.shop.get(&path, &self.shop.admin).await;
            prop_assert_eq!(&told["status"], &json!(order.status.code()));
            let work: i64 = order.work.iter().map(|piece| piece.price - piece.discount).sum();
            let parts: i64 = order.parts.iter().map(|(.., cost)| cost).sum();
            prop_assert_eq!(&told["finalCost"], &units(work + parts));
            prop_assert_eq!(told["warrantyEndDate"].is_string(), order.was_delivered);
            let pieces = told["repairOrderDetails"].as_array().expect("a list");
            let statuses: Vec<_> =
                pieces.iter().map(|piece| piece["status"].as_str().expect("a status")).collect();
            let expected: Vec<_> = order.work.iter().map(|piece| PIECE[piece.status]).collect();
            prop_assert_eq!(statuses, expected);
            let counts: Vec<_> = told["repairOrderParts"].as_array().expect("a list").iter().collect();
            let counts: Vec<_> = counts.iter().filter_map(|part| part["quantity"].as_i64()).collect();
            let expected: Vec<_> = order.parts.iter().map(|(_, count, _)| *count).collect();
            prop_assert_eq!(counts, expected);
            self.check_history(told["id"].as_str().expect("an id"), order).await?;
            self.ids.insert(*number, told);
        }
        let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM repair_orders WHERE (status = 'DELIVERED') <> (delivered_at IS NOT NULL)";
        prop_assert_eq!(self.shop.number(sql).await, 0);
        prop_assert_eq!(
            self.shop.number("SELECT COUNT(*) FROM repair_orders").await,
            model.orders.len() as i64
        );
        for (part, stock) in self.parts.iter().zip(model.stock) {
            let sql = format!("SELECT stock FROM spare_parts WHERE id = '{part}'");
            prop_assert_eq!(self.shop.number(&sql).await, stock);
        }
        for (device, in_repair) in self.devices.iter().zip(model.in_repair) {
            let sql = format!(
                "SELECT COUNT(*) FROM equipments WHERE id = '{device}' AND current_status = '{}'",
                if in_repair { "IN_REPAIR" } else { "AVAILABLE" }
            );
            prop_assert_eq!(self.shop.number(&sql).await, 1);
        }
        Ok(())
    }

    async fn check_history(&self, id: &str, order: &Order) -> TestCaseResult {
        let sql = "SELECT COALESCE(from_status, '') AS a, to_status AS b, changed_by AS c FROM order_status_changes \
                   WHERE order_id = $1 ORDER BY seq";
        let rows = sqlx::query(sql).bind(id.to_owned()).fetch_all(&self.shop.rows).await.expect("rows");
        let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get("a"), row.get("b"))).collect();
        let expected = order.history.iter().map(|(from, to, _)| {
            (from.map(OrderStatus::code).unwrap_or_default().to_owned(), to.code().to_owned())
        });
        prop_assert_eq!(rows, expected.collect::<Vec<_>>());
        for who in [Owner, Evaluator, Worker] {
            let sql = format!(
                "SELECT COUNT(*) FROM order_status_changes WHERE order_id = '{id}' AND changed_by = '{}'",
                self.someone(who).0
            );
            let expected = order.history.iter().filter(|(.., by)| *by == who).count();
            prop_assert_eq!(self.shop.number(&sql).await, expected as i64);
        }
        Ok(())
    }
}

fn units(cents: i64) -> Value {
    json!(shared::Money::from_cents(cents))
}

/// The places that an act names, among what there is by now; `None`: there is nothing of the kind.
fn placed(act: &Act, model: &Model) -> Option<Act> {
    let mut act = act.clone();
    match &mut act {
        Act::Create { parts, .. } => parts.sort_unstable(),
        Act::Patch { order, wish, .. } => {
            let of = pick(order, model)?;
            wish.piece = wish.piece.and_then(|(at, s, p)| Some((at.checked_rem(of.work.len())?, s, p)));
            wish.part = wish.part.and_then(|(at, count)| Some((at.checked_rem(of.parts.len())?, count)));
        }
        Act::Work { order, piece, .. } => {
            let of = pick(order, model)?;
            *piece = piece.checked_rem(of.work.len())?;
        }
        Act::Delete { order, .. } => {
            pick(order, model)?;
        }
    }
    Some(act)
}

fn pick<'a>(order: &mut usize, model: &'a Model) -> Option<&'a Order> {
    let (number, of) = model.orders.iter().nth(order.checked_rem(model.orders.len())?)?;
    *order = *number;
    Some(of)
}

async fn drive(world: &mut World, acts: &[Act]) -> TestCaseResult {
    world.clear().await;
    let mut model = Model::new();
    for act in acts.iter() {
        let Some(act) = placed(act, &model) else { continue };
        let before = world.shop.dump().await;
        let mut after = model.clone();
        let expected = match &act {
            Act::Create { by, device, work, parts } => after.create(*by, *device, work, parts).map(|()| 201),
            Act::Patch { by, order, wish } => after.patch(*by, *order, wish).map(|()| 200),
            Act::Work { by, order, piece, status, price } => {
                after.work(*by, *order, *piece, *status, *price).map(|()| 200)
            }
            Act::Delete { by, order } => after.delete(*by, *order).map(|()| 200),
        };
        let (status, told) = world.ask(&act).await;
        prop_assert_eq!(status.as_u16(), expected.unwrap_or_else(|refused| refused), "{:?}: {}", act, told);
        let announced = world.shop.events().len();
        prop_assert_eq!(announced, usize::from(expected.is_ok()), "{:?}", act);
        if expected.is_err() {
            prop_assert_eq!(world.shop.dump().await, before, "{:?}", act);
            continue;
        }
        if matches!(act, Act::Create { .. }) {
            world.ids.insert(model.made, told["savedOrder"].clone());
        }
        model = after;
        world.check(&model).await?;
    }
    // When all orders are gone, the shop has everything again.
    for number in model.orders.keys().copied().collect::<Vec<_>>() {
        let path = world.path(number);
        world.shop.call(Method::DELETE, &path, &world.shop.admin, None).await;
        model.delete(Admin, number).expect("an administrator may");
    }
    prop_assert_eq!(model.stock, STOCK);
    world.check(&model).await
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        3 => Just(Owner), 1 => Just(Stranger), 4 => Just(Evaluator), 3 => Just(Worker), 4 => Just(Admin)
    ]
}

fn new_work() -> impl Strategy<Value = NewWork> {
    let price = proptest::option::of(0..9_999_i64);
    let discount = prop_oneof![3 => Just(0), 1 => 0..5_000_i64];
    (prop_oneof![Just(Evaluator), Just(Worker)], price, discount).prop_map(|(by, price, discount)| NewWork {
        by,
        price,
        discount,
    })
}

fn some_part() -> impl Strategy<Value = (usize, i64)> {
    (0..2_usize, 1..4_i64)
}

fn wish() -> impl Strategy<Value = Wish> {
    let status =
        prop_oneof![1 => Just(None), 3 => proptest::sample::select(&OrderStatus::ALL[..]).prop_map(Some)];
    let piece = (0..9_usize, proptest::option::of(0..3_usize), proptest::option::of(0..9_999_i64));
    let some = |likely| proptest::option::weighted(likely, some_part());
    let piece = proptest::option::weighted(0.3, piece);
    let work = proptest::option::weighted(0.2, new_work());
    let part = proptest::option::weighted(0.2, (0..9_usize, 1..5_i64));
    (any::<bool>(), status, piece, work, part, some(0.2)).prop_map(
        |(diagnosis, status, piece, work, part, parts)| Wish { diagnosis, status, piece, work, part, parts },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let price = proptest::option::of((0..9_999_i64, prop_oneof![2 => Just(0), 1 => 0..9_999_i64]));
    prop_oneof![
        4 => (who(), 0..2_usize, vec(new_work(), 0..3), vec(some_part(), 0..3))
            .prop_map(|(by, device, work, parts)| Act::Create { by, device, work, parts }),
        8 => (who(), 0..9_usize, wish()).prop_map(|(by, order, wish)| Act::Patch { by, order, wish }),
        4 => (who(), 0..9_usize, 0..9_usize, 0..3_usize, price)
            .prop_map(|(by, order, piece, status, price)| Act::Work { by, order, piece, status, price }),
        1 => (who(), 0..9_usize).prop_map(|(by, order)| Act::Delete { by, order }),
    ]
}

#[test]
fn the_shop_does_what_its_model_does_and_a_refused_request_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = std::cell::RefCell::new(runtime.block_on(World::open()));
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.cases > USUAL_CASES {
        config.cases = USUAL_CASES.max(config.cases / 100);
    }
    // The SQL is the same, and here each statement is a trip to another process.
    if super::KIND == testing::Kind::Postgres {
        config.cases = config.cases.div_ceil(5);
    }
    let driven = TestRunner::new(config)
        .run(&vec(act(), 1..20), |acts| runtime.block_on(drive(&mut world.borrow_mut(), &acts)));
    if let Err(failure) = driven {
        panic!("{failure}");
    }
}
