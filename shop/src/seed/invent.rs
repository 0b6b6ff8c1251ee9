//! Makes up a shop of some years: who is in it, and each order with its work, parts and history. Pure; the same seed gives
//! the same rows.

use super::rows::Rows;
use crate::demo::content::{
    DEVICES, DIAGNOSES, FIRST_NAMES, LAST_NAMES, PARTS, SERVICES, TECHNICIANS, problems,
};
use crate::demo::history::way_to;
use crate::store::orders::DetailStatus;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use shared::OrderStatus::{self, *};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

const DAY: i64 = 24 * 3_600_000;
const YEARS: i64 = 4;

/// How many orders there are for each client, and devices.
const ORDERS_A_CLIENT: u64 = 10;
const DEVICES_A_CLIENT: usize = 2;

/// A small shop has so many technicians, and one more for each `ORDERS_A_TECHNICIAN`. Every third evaluates.
const TECHNICIANS_AT_LEAST: u64 = 12;
const ORDERS_A_TECHNICIAN: u64 = 20_000;

/// Each service comes in so many grades, each part in so many sizes.
const GRADES: usize = 4;
const SIZES: usize = 12;

/// Pieces of work of the orders in turn: three on average.
const PIECES: [usize; 5] = [3, 2, 4, 1, 5];

/// Of so many orders the newest one in a hundred is still in the shop.
const STILL_HERE: f64 = 0.02;

pub struct Inventor {
    rng: StdRng,
    /// Sets apart what is unique when a shop is seeded again.
    series: String,
    orders: u64,
    opened: i64,
    /// Time between two orders.
    pause: f64,
    technicians: Vec<Uuid>,
    evaluators: Vec<Uuid>,
    services: Vec<(Uuid, i64)>,
    parts: Vec<(Uuid, i64)>,
    devices: Vec<Device>,
}

#[derive(Clone, Copy)]
struct Device {
    id: Uuid,
    owner: Uuid,
    kind: &'static str,
}

/// Rows of whole orders.
pub struct Batch {
    pub orders: Rows,
    pub details: Rows,
    pub parts: Rows,
    pub changes: Rows,
}

impl Inventor {
    pub fn new(seed: u64, orders_before: u64, orders: u64, now: i64) -> Inventor {
        // The same all day long.
        let today = now - now.rem_euclid(DAY);
        let opened = today - YEARS * 365 * DAY;
        let series = if orders_before == 0 { String::new() } else { format!(" {orders_before}") };
        Inventor {
            rng: StdRng::seed_from_u64(seed ^ orders_before.rotate_left(32)),
            series,
            orders,
            opened,
            pause: (today - opened - 10 * DAY) as f64 / orders.max(1) as f64,
            technicians: Vec::new(),
            evaluators: Vec::new(),
            services: Vec::new(),
            parts: Vec::new(),
            devices: Vec::new(),
        }
    }

    pub fn orders_wanted(&self) -> u64 {
        self.orders
    }

    pub fn clients_wanted(&self) -> usize {
        usize::try_from(self.orders.div_ceil(ORDERS_A_CLIENT)).expect("memory holds them")
    }

    fn id(&mut self) -> Uuid {
        Builder::from_random_bytes(self.rng.random()).into_uuid()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).expect("the lists of the invented shop are not empty")
    }

    fn name(&mut self) -> String {
        format!("{} {}", self.pick(&FIRST_NAMES), self.pick(&LAST_NAMES))
    }

    /// Mail addresses that nobody has.
    fn email(&self, whose: &str, number: usize) -> String {
        format!("{whose}.{number}{}@semilla.invalid", self.series.replace(' ', "."))
    }

    fn people(&self) -> Rows {
        Rows::new(
            "INSERT INTO users (id, role, name, email, password_hash, phone, specialty, experience_years, is_evaluator, \
             active, created_at, updated_at)",
            12,
        )
    }

    pub fn technicians(&mut self) -> Rows {
        let mut rows = self.people();
        let count = TECHNICIANS_AT_LEAST + self.orders / ORDERS_A_TECHNICIAN;
        for (number, model) in TECHNICIANS.iter().cycle().take(count as usize).enumerate() {
            let (id, name) = (self.id(), self.name());
            let evaluates = number.is_multiple_of(3);
            let active = evaluates || !number.is_multiple_of(7);
            let email = self.email("tecnico", number);
            rows.push([
                id.to_string().into(),
                "Technician".into(),
                name.into(),
                email.into(),
                // No password has this hash.
                "!".into(),
                None::<String>.into(),
                model.specialty.into(),
                model.years.into(),
                i64::from(evaluates).into(),
                i64::from(active).into(),
                self.opened.into(),
                self.opened.into(),
            ]);
            self.technicians.push(id);
            if evaluates {
                self.evaluators.push(id);
            }
        }
        rows
    }

    pub fn services(&mut self) -> Rows {
        let mut rows = Rows::new(
            "INSERT INTO services (id, service_name, description, base_price, type, estimated_time_minutes)",
            6,
        );
        for grade in 1..=GRADES {
            for service in &SERVICES {
                let (id, price) = (self.id(), service.price * (3 + grade as i64) / 4);
                rows.push([
                    id.to_string().into(),
                    format!("{}, gama {grade}{}", service.name, self.series).into(),
                    service.description.into(),
                    price.into(),
                    service.kind.into(),
                    service.minutes.into(),
                ]);
                self.services.push((id, price));
            }
        }
        rows
    }

    pub fn parts(&mut self) -> Rows {
        let mut rows = Rows::new(
            "INSERT INTO spare_parts (id, name, description, stock, unit_price, created_at, updated_at)",
            7,
        );
        for size in 1..=SIZES {
            for (name, description, price, _) in PARTS {
                let (id, price) = (self.id(), price * (8 + size as i64) / 10);
                rows.push([
                    id.to_string().into(),
                    format!("{name}, talla {size}{}", self.series).into(),
                    description.into(),
                    self.rng.random_range(5_000..50_000_i64).into(),
                    price.into(),
                    self.opened.into(),
                    self.opened.into(),
                ]);
                self.parts.push((id, price));
            }
        }
        rows
    }

    /// Clients with their devices.
    pub fn clients(&mut self, from: usize, count: usize) -> (Rows, Rows) {
        let mut clients = self.people();
        let mut devices = Rows::new(
            "INSERT INTO equipments (id, user_id, name, type, brand, model, serial_number, created_at)",
            8,
        );
        for number in from..from + count {
            let (owner, name) = (self.id(), self.name());
            let phone = format!("09{:08}", self.rng.random_range(0..100_000_000));
            let email = self.email("cliente", number);
            clients.push([
                owner.to_string().into(),
                "User".into(),
                name.into(),
                email.into(),
                "!".into(),
                phone.into(),
                None::<String>.into(),
                0.into(),
                0.into(),
                1.into(),
                self.opened.into(),
                self.opened.into(),
            ]);
            for _ in 0..DEVICES_A_CLIENT {
                let (id, (kind, name, brand, model)) = (self.id(), self.pick(&DEVICES));
                let serial = format!("SN{:08X}", self.rng.random::<u32>());
                devices.push([
                    id.to_string().into(),
                    owner.to_string().into(),
                    name.into(),
                    kind.into(),
                    brand.into(),
                    model.into(),
                    serial.into(),
                    self.opened.into(),
                ]);
                self.devices.push(Device { id, owner, kind });
            }
        }
        (clients, devices)
    }

    pub fn orders(&mut self, from: u64, count: u64) -> Batch {
        let mut batch = Batch {
            orders: Rows::new(
                "INSERT INTO repair_orders (id, equipment_id, evaluated_by, problem_description, diagnosis, \
                 estimated_cost, final_cost, warranty_start, warranty_end, status, delivered_at, created_at, updated_at)",
                13,
            ),
            details: Rows::new(
                "INSERT INTO order_details (id, order_id, service_id, technician_id, unit_price, discount, sub_total, \
                 status, created_at, updated_at)",
                10,
            ),
            parts: Rows::new(
                "INSERT INTO order_parts (id, order_id, part_id, quantity, sub_total, created_at, updated_at)",
                7,
            ),
            changes: Rows::new(
                "INSERT INTO order_status_changes (order_id, from_status, to_status, changed_by, changed_at)",
                5,
            ),
        };
        for number in from..from + count {
            self.order(number, &mut batch);
        }
        batch
    }

    fn order(&mut self, number: u64, batch: &mut Batch) {
        let id = self.id();
        let at = self.opened + ((number as f64 + self.rng.random_range(0.0..0.9)) * self.pause) as i64;
        let status = self.stands(number);
        let device = self.device();
        let evaluator = {
            let from = std::mem::take(&mut self.evaluators);
            let one = self.pick(&from);
            self.evaluators = from;
            one
        };
        let problem = self.pick(problems(device.kind));
        let cost = self.work(id, number, status, at, batch) + self.used_parts(id, at, batch);
        let (changed, delivered) = self.history(id, status, at, device.owner, evaluator, batch);
        let diagnosis = (status != InReview).then(|| self.pick(&DIAGNOSES).to_owned());
        let date = |at: i64| {
            OffsetDateTime::from_unix_timestamp(at / 1000)
                .map_or_else(|_| String::new(), |at| at.date().to_string())
        };
        batch.orders.push([
            id.to_string().into(),
            device.id.to_string().into(),
            evaluator.to_string().into(),
            problem.into(),
            diagnosis.into(),
            Some(cost).filter(|_| status != InReview).into(),
            cost.into(),
            delivered.map(date).into(),
            delivered.map(|at| date(at + 91 * DAY)).into(),
            status.code().into(),
            delivered.into(),
            at.into(),
            changed.into(),
        ]);
    }

    /// Most orders are done; of the newest many are still in the shop, and few have been stuck for long.
    fn stands(&mut self, number: u64) -> OrderStatus {
        const HERE: [OrderStatus; 8] =
            [InReview, WaitingApproval, InRepair, InRepair, WaitingParts, Ready, InReview, InRepair];
        let newer = (self.orders - number) as f64;
        if newer <= (self.orders as f64 * STILL_HERE).max(HERE.len() as f64) {
            return HERE[number as usize % HERE.len()];
        }
        match self.rng.random_range(0..1_000) {
            0..2 => WaitingParts,
            2..100 => Rejected,
            _ => Delivered,
        }
    }

    /// Regular clients come often, others hardly ever.
    fn device(&mut self) -> Device {
        let chance: f64 = self.rng.random();
        self.devices[(chance * chance * self.devices.len() as f64) as usize]
    }

    /// Its cost.
    fn work(&mut self, order: Uuid, number: u64, status: OrderStatus, at: i64, batch: &mut Batch) -> i64 {
        let pieces = PIECES[number as usize % PIECES.len()];
        let mut cost = 0;
        for piece in 0..pieces {
            let chance: f64 = self.rng.random();
            let (service, usual) = self.services[(chance * chance * self.services.len() as f64) as usize];
            let technician = self.technicians[self.rng.random_range(0..self.technicians.len())];
            let price = usual * self.rng.random_range(90..140) / 100;
            let discount = if self.rng.random_bool(0.15) { price / 10 } else { 0 };
            // The first piece is what an order in repair still waits for.
            let done = match status {
                Ready | Delivered => DetailStatus::Completed,
                InRepair | WaitingParts if piece == 0 => DetailStatus::InProgress,
                InRepair | WaitingParts => DetailStatus::Completed,
                InReview | WaitingApproval | Rejected => DetailStatus::Pending,
            };
            cost += price - discount;
            let id = self.id();
            batch.details.push([
                id.to_string().into(),
                order.to_string().into(),
                service.to_string().into(),
                technician.to_string().into(),
                price.into(),
                discount.into(),
                (price - discount).into(),
                done.code().into(),
                at.into(),
                at.into(),
            ]);
        }
        cost
    }

    /// Their cost.
    fn used_parts(&mut self, order: Uuid, at: i64, batch: &mut Batch) -> i64 {
        let mut cost = 0;
        for _ in 0..self.pick(&[0, 0, 1, 1, 2]) {
            let (part, price) = self.parts[self.rng.random_range(0..self.parts.len())];
            let (id, quantity) = (self.id(), self.rng.random_range(1..3_i64));
            cost += price * quantity;
            batch.parts.push([
                id.to_string().into(),
                order.to_string().into(),
                part.to_string().into(),
                quantity.into(),
                (price * quantity).into(),
                at.into(),
                at.into(),
            ]);
        }
        cost
    }

    /// When the last change was, and when the device went home.
    fn history(
        &mut self,
        order: Uuid,
        status: OrderStatus,
        at: i64,
        owner: Uuid,
        evaluator: Uuid,
        batch: &mut Batch,
    ) -> (i64, Option<i64>) {
        let mut from: Option<OrderStatus> = None;
        let mut at = at;
        for to in std::iter::once(InReview).chain(way_to(&mut self.rng, status)) {
            let by = if matches!(from, None | Some(WaitingApproval)) { owner } else { evaluator };
            if from.is_some() {
                at += self.rng.random_range(DAY / 24..2 * DAY);
            }
            batch.changes.push([
                order.to_string().into(),
                from.map(|from| from.code().to_owned()).into(),
                to.code().into(),
                by.to_string().into(),
                at.into(),
            ]);
            from = Some(to);
        }
        (at, (status == Delivered).then_some(at))
    }
}
