//! Repair orders: what they are here, `find` says which ones are asked for, `read` reads them, `write` takes them in and changes them, `items` are their
//! details and parts, and `status` moves them from state to state.

mod find;
mod read;
mod write;
mod items;
mod status;

pub use find::{Ask, Place, Sort, Whose, count, numbered, own, own_work, page, texts};
pub use items::{add_detail, add_part, change_detail, change_part, order_of_work};
pub use read::{by_id, of, of_equipments, work};
pub(super) use read::{listed, places_of};
pub use status::{Standing, ready_when_all_is_done, set_status, standing};
pub use write::{add, change, delete, recompute_cost};

use super::catalog::{Service, SparePart};
use super::equipments::Equipment;
use super::users::User;
use crate::api::Error;
use serde::Serialize;
use shared::Money;

/// An order without what belongs to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBrief {
    pub id: String,
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub final_cost: Money,
    pub warranty_start_date: Option<String>,
    pub warranty_end_date: Option<String>,
    pub status: String,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    #[serde(flatten)]
    pub brief: OrderBrief,
    pub equipment: Equipment,
    pub evaluated_by: Option<User>,
    pub repair_order_details: Vec<Detail>,
    pub repair_order_parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    pub id: String,
    pub service: Service,
    pub technician: User,
    pub unit_price: Money,
    pub discount: Money,
    pub sub_total: Money,
    pub status: String,
    pub image_url: Option<String>,
    pub notes: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub id: String,
    pub part: SparePart,
    pub quantity: i64,
    pub sub_total: Money,
    pub img_url: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A technician's piece of work, with the order and whose device it is about.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnWork {
    #[serde(flatten)]
    pub detail: Detail,
    pub repair_order: OrderOfWork,
}

#[derive(Clone, Debug, Serialize)]
pub struct OrderOfWork {
    #[serde(flatten)]
    pub brief: OrderBrief,
    pub equipment: Equipment,
}

#[derive(Clone, Debug, Default)]
pub struct NewOrder {
    pub equipment_id: String,
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub details: Vec<NewDetail>,
    pub parts: Vec<NewPart>,
}

#[derive(Clone, Debug)]
pub struct NewDetail {
    pub service_id: String,
    pub technician_id: String,
    /// Unset: what the service costs.
    pub unit_price: Option<Money>,
    pub discount: Money,
    pub notes: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewPart {
    pub part_id: String,
    pub quantity: i64,
    pub img_url: Option<String>,
}

/// What is to be another than before.
#[derive(Clone, Debug, Default)]
pub struct OrderChange {
    pub problem_description: Option<String>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub warranty_start: Option<String>,
    pub warranty_end: Option<String>,
}

/// What is to be another than before about a piece of work.
#[derive(Clone, Debug, Default)]
pub struct DetailChange {
    pub service_id: Option<String>,
    pub technician_id: Option<String>,
    pub unit_price: Option<Money>,
    pub discount: Option<Money>,
    pub status: Option<DetailStatus>,
    pub image_url: Option<String>,
    pub notes: Option<String>,
}

/// What is to be another than before about a used part.
#[derive(Clone, Debug, Default)]
pub struct PartChange {
    pub quantity: Option<i64>,
    pub img_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailStatus {
    Pending,
    InProgress,
    Completed,
}

impl DetailStatus {
    pub const ALL: [DetailStatus; 3] =
        [DetailStatus::Pending, DetailStatus::InProgress, DetailStatus::Completed];

    pub const fn code(self) -> &'static str {
        match self {
            DetailStatus::Pending => "PENDING",
            DetailStatus::InProgress => "IN_PROGRESS",
            DetailStatus::Completed => "COMPLETED",
        }
    }

    pub fn parse(code: &str) -> Option<DetailStatus> {
        DetailStatus::ALL.into_iter().find(|status| status.code() == code)
    }
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("Repair order with id {id} not found"))
}
