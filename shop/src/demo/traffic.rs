//! What happens in the demo from now on: every few seconds something, mostly a new order.

use super::content::{DIAGNOSES, FIRST_NAMES, LAST_NAMES, problems};
use super::history::device;
use crate::api::{Caller, Error, Item, Person, Wish, add_user, apply, take_in, take_in_device, work_on};
use crate::auth::Role;
use crate::store::orders::{DetailChange, DetailStatus, NewDetail, NewOrder, OrderChange};
use crate::store::users::Technician;
use crate::{Shop, transitions};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use shared::{Money, OrderStatus};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::time::Duration;
use transitions::Acting;

const PAUSE_MS: std::ops::Range<u64> = 3_000..6_000;

/// With so many orders in the shop, old ones are dealt with before new ones come in.
const ENOUGH_ORDERS: i64 = 150;

/// The shop hires no more technicians than this.
const ENOUGH_TECHNICIANS: i64 = 20;

/// Without end. One thing at a time, so its growth is bounded by the pauses.
pub(crate) async fn traffic(shop: Shop) {
    let mut rng = StdRng::from_os_rng();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(PAUSE_MS))).await;
        if let Err(error) = step(&shop, &mut rng).await {
            tracing::debug!(%error, "the demo could not go on as it wanted to");
        }
    }
}

async fn step(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    let open =
        count(shop, "SELECT COUNT(*) FROM repair_orders WHERE status NOT IN ('REJECTED', 'DELIVERED')")
            .await?;
    let new_orders = if open < ENOUGH_ORDERS { 55 } else { 20 };
    match rng.random_range(0..100) {
        dice if dice < new_orders => bring_in(shop, rng).await,
        dice if dice < 80 => move_on(shop, rng).await,
        dice if dice < 93 => finish_work(shop, rng).await,
        dice if dice < 98 => new_client(shop, rng).await,
        _ => new_technician(shop, rng).await,
    }
}

async fn count(shop: &Shop, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql).fetch_one(shop.store().pool()).await
}

/// Some row of many: `rows` counts them, `sql` picks one by its place.
async fn some_row(
    shop: &Shop,
    rng: &mut StdRng,
    rows: &'static str,
    sql: &'static str,
) -> sqlx::Result<Option<AnyRow>> {
    let rows = count(shop, rows).await?;
    if rows == 0 {
        return Ok(None);
    }
    sqlx::query(sql).bind(rng.random_range(0..rows)).fetch_optional(shop.store().pool()).await
}

fn pick(rng: &mut StdRng, from: &[&'static str]) -> &'static str {
    from.choose(rng).copied().unwrap_or_default()
}

async fn bring_in(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    let sql = "SELECT id, user_id, type FROM equipments ORDER BY seq LIMIT 1 OFFSET $1";
    let Some(row) = some_row(shop, rng, "SELECT COUNT(*) FROM equipments", sql).await? else { return Ok(()) };
    let kind: String = row.try_get("type")?;
    let new = NewOrder {
        equipment_id: row.try_get("id")?,
        problem_description: pick(rng, problems(&kind)).to_owned(),
        ..NewOrder::default()
    };
    let owner = Caller { id: row.try_get("user_id")?, role: Role::User };
    take_in(shop.clone(), new, owner).await.map(|_| ())
}

/// An order takes one of the arrows that lead on.
async fn move_on(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    const OPEN: &str = "SELECT COUNT(*) FROM repair_orders WHERE status NOT IN ('REJECTED', 'DELIVERED')";
    let sql = "SELECT o.id, o.status, o.evaluated_by, e.user_id FROM repair_orders o \
               JOIN equipments e ON e.id = o.equipment_id WHERE o.status NOT IN ('REJECTED', 'DELIVERED') \
               ORDER BY o.seq LIMIT 1 OFFSET $1";
    let Some(row) = some_row(shop, rng, OPEN, sql).await? else { return bring_in(shop, rng).await };
    let status: String = row.try_get("status")?;
    let (Some(from), Some(evaluator)) = (OrderStatus::parse(&status), row.try_get("evaluated_by")?) else {
        return Ok(());
    };
    let (caller, acting) = match from {
        OrderStatus::WaitingApproval => {
            (Caller { id: row.try_get("user_id")?, role: Role::User }, Acting::Owner)
        }
        _ => (Caller { id: evaluator, role: Role::Technician }, Acting::Staff),
    };
    let mut wish = Wish { status: Some(next(rng, from, acting)), ..Wish::default() };
    if from == OrderStatus::InReview {
        wish.order =
            OrderChange { diagnosis: Some(pick(rng, &DIAGNOSES).to_owned()), ..OrderChange::default() };
        wish.details = some_work(shop, rng).await?.into_iter().map(Item::New).collect();
    }
    apply(shop.clone(), row.try_get("id")?, caller, wish).await.map(|_| ())
}

/// Mostly the first of the arrows, which leads towards delivery; nothing allowed: as it is.
fn next(rng: &mut StdRng, from: OrderStatus, acting: Acting) -> OrderStatus {
    let allowed = transitions::allowed(from, acting);
    let first = match from {
        OrderStatus::InRepair => Some(OrderStatus::Ready),
        _ => allowed.first().copied(),
    };
    let other = allowed.choose(rng).copied();
    if rng.random_bool(0.8) { first } else { other }.unwrap_or(from)
}

async fn some_work(shop: &Shop, rng: &mut StdRng) -> Result<Option<NewDetail>, Error> {
    let services = "SELECT COUNT(*) FROM services WHERE active = 1";
    let service = some_row(
        shop,
        rng,
        services,
        "SELECT id, base_price FROM services WHERE active = 1 ORDER BY seq LIMIT 1 OFFSET $1",
    );
    let Some(service) = service.await? else { return Ok(None) };
    let technicians = "SELECT COUNT(*) FROM users WHERE role = 'Technician' AND active = 1";
    let technician = some_row(
        shop,
        rng,
        technicians,
        "SELECT id FROM users WHERE role = 'Technician' AND active = 1 ORDER BY seq LIMIT 1 OFFSET $1",
    );
    let Some(technician) = technician.await? else { return Ok(None) };
    let price: i64 = service.try_get("base_price")?;
    Ok(Some(NewDetail {
        service_id: service.try_get("id")?,
        technician_id: technician.try_get("id")?,
        unit_price: Some(Money::from_cents(price * rng.random_range(90..140) / 100)),
        discount: Money::ZERO,
        notes: None,
    }))
}

async fn finish_work(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    let rows = "SELECT COUNT(*) FROM order_details d JOIN repair_orders o ON o.id = d.order_id \
                WHERE o.status = 'IN_REPAIR' AND d.status <> 'COMPLETED'";
    let sql = "SELECT d.id, d.technician_id FROM order_details d JOIN repair_orders o ON o.id = d.order_id \
               WHERE o.status = 'IN_REPAIR' AND d.status <> 'COMPLETED' ORDER BY d.seq LIMIT 1 OFFSET $1";
    let Some(row) = some_row(shop, rng, rows, sql).await? else { return bring_in(shop, rng).await };
    let technician = Caller { id: row.try_get("technician_id")?, role: Role::Technician };
    let done = DetailChange { status: Some(DetailStatus::Completed), ..DetailChange::default() };
    work_on(shop.clone(), row.try_get("id")?, technician, done).await.map(|_| ())
}

fn someone(rng: &mut StdRng) -> Person {
    let name = format!("{} {}", pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES));
    Person {
        name,
        last_name: None,
        email: format!("visita.{:08x}@pulso.demo", rng.random::<u32>()),
        // Nobody is told, so nobody signs in with it.
        password: format!("{:032x}", rng.random::<u128>()),
        phone: None,
        address: None,
    }
}

async fn new_client(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    let client = add_user(shop.clone(), someone(rng), Role::User, None).await?;
    let which = rng.random_range(0..100);
    take_in_device(shop.clone(), client.id, None, device(rng, which)).await.map(|_| ())
}

async fn new_technician(shop: &Shop, rng: &mut StdRng) -> Result<(), Error> {
    if count(shop, "SELECT COUNT(*) FROM users WHERE role = 'Technician'").await? >= ENOUGH_TECHNICIANS {
        return bring_in(shop, rng).await;
    }
    let technician = Technician {
        specialty: "Celulares y tabletas".to_owned(),
        experience_years: rng.random_range(0..10),
        is_evaluator: false,
        active: true,
    };
    add_user(shop.clone(), someone(rng), Role::Technician, Some(technician)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn something_happens_at_every_step_and_all_of_it_is_announced() {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let options = Options { demo: true, ..Options::of(database_url) };
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let telling = told.clone();
        let announce =
            Arc::new(move |event: shared::Event, _| telling.lock().expect("no panic").push(event.name()));
        let shop = Shop::open(options, announce).await.expect("the demo");
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..120 {
            let before = told.lock().expect("no panic").len();
            step(&shop, &mut rng).await.expect("a step");
            assert!(told.lock().expect("no panic").len() > before);
        }
        let told = told.lock().expect("no panic");
        for name in ["REPAIR_ORDER_CREATED", "REPAIR_ORDER_UPDATED", "USER_CREATED", "EQUIPMENT_CREATED"] {
            assert!(told.iter().any(|other| other == name), "{name}");
        }
    }
}
