//! How the invented shop's last months went: people, devices, and some hundred orders, each through its states.

use super::content::{CLIENTS, DEVICES, DIAGNOSES, FOR_FIRMS, PARTS, SERVICES, TECHNICIANS, problems};
use crate::api::Error;
use crate::auth::Role;
use crate::store::catalog::{self, NewService, NewSparePart};
use crate::store::equipments::{self, NewEquipment};
use crate::store::orders::{
    self, DetailChange, DetailStatus, NewDetail, NewOrder, NewPart, OrderChange, Standing,
};
use crate::store::users::{self, NewUser, Technician};
use crate::store::{Moment, Tx, Write, now};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use shared::Money;
use shared::OrderStatus::{self, *};

/// The same shop each time, dated from today.
const SEED: u64 = 593;
const ORDERS: usize = 400;
const DAYS: i64 = 180;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Of the newest orders many are still in the shop.
const OPEN_AMONG_NEWEST: usize = 60;

struct Cast {
    clients: Vec<String>,
    evaluators: Vec<String>,
    /// Each as often as they do the work.
    technicians: Vec<String>,
    services: Vec<String>,
    parts: Vec<String>,
    devices: Vec<Device>,
}

#[derive(Clone)]
struct Device {
    id: String,
    owner: String,
    kind: String,
}

pub async fn invent(tx: &mut Write, hash: &str, zone: &TimeZone) -> Result<(), Error> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let opened = now() - (DAYS + 10) * DAY;
    let cast = hire(tx, &mut rng, hash, opened).await?;
    let mut free = cast.devices.iter();
    for (at, status) in plan(&mut rng) {
        // Devices that are in the shop now have one open order each.
        let device = match free.as_slice() {
            [_, _, ..] if status.is_active() => free.next().unwrap_or(&cast.devices[0]),
            rest => some_device(&mut rng, if now() - at < 30 * DAY { rest } else { &cast.devices }),
        };
        live_through(tx, &mut rng, &cast, device, (at, status), zone).await?;
    }
    for (part, (.., left)) in cast.parts.iter().zip(PARTS) {
        catalog::restock(tx, part, left).await?;
    }
    Ok(())
}

/// Regular clients come often, others hardly ever.
fn some_device<'a>(rng: &mut StdRng, devices: &'a [Device]) -> &'a Device {
    let chance: f64 = rng.random();
    &devices[(chance * chance * devices.len() as f64) as usize]
}

async fn hire(tx: &mut Tx, rng: &mut StdRng, hash: &str, at: i64) -> Result<Cast, Error> {
    let mut cast = Cast {
        clients: Vec::new(),
        evaluators: Vec::new(),
        technicians: Vec::new(),
        services: Vec::new(),
        parts: Vec::new(),
        devices: Vec::new(),
    };
    for person in &TECHNICIANS {
        let technician = Technician {
            specialty: person.specialty.to_owned(),
            experience_years: person.years,
            is_evaluator: person.is_evaluator,
            active: person.active,
        };
        let new = NewUser {
            technician: Some(technician),
            ..NewUser::plain(person.name, person.email, hash.to_owned(), Role::Technician)
        };
        let id = users::add(tx, new, at).await?.id;
        if person.is_evaluator {
            cast.evaluators.push(id.clone());
        }
        // Who has left did their share before.
        let share = if person.active { 4 } else { 1 };
        cast.technicians.extend(std::iter::repeat_n(id, share));
    }
    for (name, email, phone) in CLIENTS {
        let new = NewUser {
            phone: Some(phone.to_owned()),
            ..NewUser::plain(name, email, hash.to_owned(), Role::User)
        };
        cast.clients.push(users::add(tx, new, at + rng.random_range(0..10 * DAY)).await?.id);
    }
    for service in &SERVICES {
        cast.services.push(catalog::add_service(tx, offered(service)).await?.id);
    }
    for (name, description, price, _) in PARTS {
        let plenty = 1_000_000;
        let new = NewSparePart {
            name: name.to_owned(),
            description: description.to_owned(),
            stock: plenty,
            unit_price: Money::from_cents(price),
        };
        cast.parts.push(catalog::add_part(tx, new, at).await?.id);
    }
    for (which, client) in cast.clients.iter().cycle().take(CLIENTS.len() * 3).enumerate() {
        let new = device(rng, which);
        let kind = new.kind.clone();
        let id = equipments::add(tx, client, new, at + 10 * DAY).await?.id;
        cast.devices.push(Device { id, owner: client.clone(), kind });
    }
    cast.devices.shuffle(rng);
    Ok(cast)
}

fn offered(service: &super::content::Service) -> NewService {
    NewService {
        service_name: service.name.to_owned(),
        description: service.description.to_owned(),
        base_price: Money::from_cents(service.price),
        estimated_time_minutes: Some(service.minutes),
        requires_parts: service.name.starts_with("Cambio"),
        kind: service.kind.to_owned(),
        image_urls: None,
        active: true,
        notes: None,
    }
}

pub(super) fn device(rng: &mut impl Rng, which: usize) -> NewEquipment {
    let (kind, name, brand, model) = DEVICES[which % DEVICES.len()];
    NewEquipment {
        name: name.to_owned(),
        kind: kind.to_owned(),
        brand: brand.to_owned(),
        model: model.to_owned(),
        serial_number: Some(format!("SN{:08X}", rng.random::<u32>())),
    }
}

/// When each order came in, oldest first, and how it stands today.
fn plan(rng: &mut StdRng) -> Vec<(i64, OrderStatus)> {
    let today = now();
    let mut times: Vec<i64> = (0..ORDERS)
        .map(|_| {
            // More and more of them: business is good.
            let chance: f64 = rng.random();
            opening_hours(today - HOUR / 4 - (chance.powf(1.3) * (DAYS * DAY) as f64) as i64, today)
        })
        .collect();
    times.sort_unstable();
    let newest_first = |at: usize| ORDERS - 1 - at;
    times.into_iter().enumerate().map(|(at, time)| (time, stands(newest_first(at)))).collect()
}

/// The same day, between eight and six in Ecuador; today: as it is.
fn opening_hours(at: i64, today: i64) -> i64 {
    let midnight = at - (at - 5 * HOUR).rem_euclid(DAY);
    let open = midnight + 8 * HOUR + (at - midnight) * 10 / 24;
    if open < today - HOUR { open } else { at }
}

/// Where the order stands before which `newer` ones came in.
fn stands(newer: usize) -> OrderStatus {
    const YOUNG: [OrderStatus; 5] = [InReview, WaitingApproval, InReview, InRepair, InReview];
    const OLDER: [OrderStatus; 9] =
        [InRepair, Ready, Delivered, WaitingParts, InRepair, Delivered, WaitingApproval, Ready, Rejected];
    match newer {
        0..15 => YOUNG[newer % YOUNG.len()],
        15..OPEN_AMONG_NEWEST => OLDER[newer % OLDER.len()],
        // A few are stuck, and not every client agrees to the price.
        _ if newer.is_multiple_of(97) => WaitingParts,
        _ if newer.is_multiple_of(11) => Rejected,
        _ => Delivered,
    }
}

/// The states that lead to one, after the first.
pub(crate) fn way_to(rng: &mut StdRng, status: OrderStatus) -> Vec<OrderStatus> {
    let parts_were_missing = rng.random_bool(0.25);
    let mut way = match status {
        InReview => vec![],
        WaitingApproval => vec![WaitingApproval],
        Rejected if rng.random_bool(0.5) => vec![Rejected],
        Rejected => vec![WaitingApproval, Rejected],
        InRepair => vec![WaitingApproval, InRepair],
        WaitingParts => vec![WaitingApproval, InRepair, WaitingParts],
        Ready => vec![WaitingApproval, InRepair, Ready],
        Delivered => vec![WaitingApproval, InRepair, Ready, Delivered],
    };
    if parts_were_missing && matches!(status, Ready | Delivered) {
        way.splice(1..2, [InRepair, WaitingParts, InRepair]);
    }
    way
}

async fn live_through(
    tx: &mut Write,
    rng: &mut StdRng,
    cast: &Cast,
    device: &Device,
    (at, status): (i64, OrderStatus),
    zone: &TimeZone,
) -> Result<(), Error> {
    let Device { id: equipment_id, owner, kind } = device.clone();
    let evaluator = pick(rng, &cast.evaluators);
    let new = NewOrder {
        equipment_id: equipment_id.clone(),
        problem_description: pick(rng, problems(&kind)).to_owned(),
        details: if status == InReview { Vec::new() } else { some_work(rng, cast) },
        parts: if status == InReview { Vec::new() } else { some_parts(rng, cast) },
        ..NewOrder::default()
    };
    let technicians: Vec<String> = new.details.iter().map(|detail| detail.technician_id.clone()).collect();
    let id = orders::add(tx, new, &evaluator, &owner, at).await?;
    let way = way_to(rng, status);
    let mut standing =
        Standing { id, status: InReview, equipment_id, owner, evaluator: Some(evaluator), technicians };
    for (next, at) in way.iter().zip(moments(rng, at, way.len())) {
        take_step(tx, rng, &mut standing, *next, Moment::of(at, zone)).await?;
    }
    Ok(())
}

fn pick<T: Clone>(rng: &mut impl Rng, from: &[T]) -> T {
    from.choose(rng).expect("the lists above are not empty").clone()
}

/// Times after `from`, in order, over some days and not in the future.
fn moments(rng: &mut StdRng, from: i64, count: usize) -> Vec<i64> {
    let span = (now() - from).min(rng.random_range(DAY..9 * DAY));
    let mut times: Vec<i64> =
        (0..count).map(|_| from + (rng.random_range(0.02..0.95) * span as f64) as i64).collect();
    times.sort_unstable();
    times
}

async fn take_step(
    tx: &mut Tx,
    rng: &mut StdRng,
    standing: &mut Standing,
    to: OrderStatus,
    moment: Moment,
) -> Result<(), Error> {
    let from = standing.status;
    if from == InReview {
        let change =
            OrderChange { diagnosis: Some(pick(rng, &DIAGNOSES).to_owned()), ..OrderChange::default() };
        orders::change(tx, &standing.id, change, moment.at).await?;
    }
    match to {
        Ready => do_work(tx, standing, 0, moment.at).await?,
        // The first piece of work is still to be done, or the order would be ready.
        WaitingParts => do_work(tx, standing, 1, moment.at).await?,
        InReview | WaitingApproval | Rejected | InRepair | Delivered => {}
    }
    let by = if from == WaitingApproval {
        &standing.owner
    } else {
        standing.evaluator.as_ref().unwrap_or(&standing.owner)
    };
    let by = by.clone();
    orders::set_status(tx, standing, to, &by, moment).await
}

/// All work but the first pieces is done.
async fn do_work(tx: &mut Tx, standing: &Standing, but: usize, at: i64) -> Result<(), Error> {
    let order = orders::by_id(tx, &standing.id).await?;
    for detail in order.repair_order_details.iter().skip(but) {
        let done = DetailChange { status: Some(DetailStatus::Completed), ..DetailChange::default() };
        orders::change_detail(tx, &standing.id, &detail.id, done, at).await?;
    }
    Ok(())
}

fn some_work(rng: &mut StdRng, cast: &Cast) -> Vec<NewDetail> {
    let firm = rng.random_bool(0.04);
    let usual = cast.services.len() - FOR_FIRMS;
    let pieces = if firm { 1 } else { *[1, 1, 1, 2, 2, 3].choose(rng).unwrap_or(&1) };
    (0..pieces)
        .map(|_| {
            let chance: f64 = rng.random();
            let service = if firm {
                usual + rng.random_range(0..FOR_FIRMS)
            } else {
                (chance * chance * usual as f64) as usize
            };
            let price = SERVICES[service].price * rng.random_range(90..140) / 100;
            let discount = if rng.random_bool(0.15) { price / 10 } else { 0 };
            NewDetail {
                service_id: cast.services[service].clone(),
                technician_id: pick(rng, &cast.technicians),
                unit_price: Some(Money::from_cents(price)),
                discount: Money::from_cents(discount),
                notes: None,
            }
        })
        .collect()
}

fn some_parts(rng: &mut StdRng, cast: &Cast) -> Vec<NewPart> {
    let count = *[0, 0, 1, 1, 2].choose(rng).unwrap_or(&0);
    let parts = cast.parts.choose_multiple(rng, count).cloned().collect::<Vec<_>>();
    parts
        .into_iter()
        .map(|part_id| NewPart { part_id, quantity: rng.random_range(1..3), img_url: None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_among_the_orders_and_every_way_follows_the_arrows() {
        let mut rng = StdRng::seed_from_u64(SEED);
        let plan = plan(&mut rng);
        assert!(plan.is_sorted_by_key(|(at, _)| *at));
        for status in OrderStatus::ALL {
            assert!(plan.iter().filter(|(_, other)| *other == status).count() >= 5, "{status:?}");
            for _ in 0..20 {
                let mut from = InReview;
                for to in way_to(&mut rng, status) {
                    let arrow = [crate::transitions::Acting::Staff, crate::transitions::Acting::Owner]
                        .into_iter()
                        .any(|who| crate::transitions::check(from, to, who).is_ok());
                    assert!(arrow, "{from:?} to {to:?}");
                    from = to;
                }
                assert_eq!(from, status);
            }
        }
    }
}
