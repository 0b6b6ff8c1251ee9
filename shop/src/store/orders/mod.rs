//! Repair orders: what they are here, `find` says which ones are asked for, `read` reads them, `write` takes them in and changes them, `items` are their
//! details and parts, and `status` moves them from state to state.

mod find;
mod read;
mod write;
mod items;
mod status;

pub use find::{Ask, Count, Place, Sort, Whose, count, numbered, own, own_work, page, texts};
pub use items::{add_detail, add_part, change_detail, change_part, order_of_work};
pub use read::{by_id, of, of_equipments, work};
pub(super) use read::{listed, places_of};
pub use status::{Standing, ready_when_all_is_done, set_status, standing};
pub use write::{add, change, delete, recompute_cost};

use super::catalog::{Service, SparePart};
use super::equipments::Equipment;
use super::users::User;
use crate::api::Error;
use crate::auth::Role;
use serde::Serialize;
use shared::{Money, OrderStatus};
use utoipa::ToSchema;

/// An order without what belongs to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderBrief {
    #[schema(format = Uuid)]
    pub id: String,
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub final_cost: Money,
    #[schema(format = Date)]
    pub warranty_start_date: Option<String>,
    #[schema(format = Date)]
    pub warranty_end_date: Option<String>,
    #[schema(value_type = OrderStatus)]
    pub status: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    #[serde(flatten)]
    pub brief: OrderBrief,
    pub equipment: Equipment,
    pub evaluated_by: Option<User>,
    pub repair_order_details: Vec<Detail>,
    pub repair_order_parts: Vec<Part>,
}

impl Order {
    /// As someone of this role sees it: clients reach technicians through the shop.
    pub fn seen_by(mut self, role: Role) -> Order {
        if role == Role::User {
            let details = self.repair_order_details.iter_mut().map(|detail| &mut detail.technician);
            details.chain(self.evaluated_by.as_mut()).for_each(|technician| technician.contact = None);
        }
        self
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[schema(format = Uuid)]
    pub id: String,
    pub service: Service,
    pub technician: User,
    pub unit_price: Money,
    pub discount: Money,
    pub sub_total: Money,
    #[schema(value_type = DetailStatus)]
    pub status: String,
    pub image_url: Option<String>,
    pub notes: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    #[schema(format = Uuid)]
    pub id: String,
    pub part: SparePart,
    pub quantity: i64,
    pub sub_total: Money,
    pub img_url: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A technician's piece of work, with the order and whose device it is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnWork {
    #[serde(flatten)]
    pub detail: Detail,
    pub repair_order: OrderOfWork,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderOfWork {
    #[serde(flatten)]
    pub brief: OrderBrief,
    pub equipment: Equipment,
}

#[derive(Clone, Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    #[schema(format = Uuid)]
    pub equipment_id: String,
    #[schema(pattern = "\\S")]
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub estimated_cost: Option<Money>,
    #[schema(required = false, nullable)]
    pub details: Vec<NewDetail>,
    #[schema(required = false, nullable)]
    pub parts: Vec<NewPart>,
}

#[derive(Clone, Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDetail {
    #[schema(format = Uuid)]
    pub service_id: String,
    #[schema(format = Uuid)]
    pub technician_id: String,
    /// Unset: what the service costs.
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub unit_price: Option<Money>,
    #[schema(minimum = 0, maximum = 10000000, required = false, nullable, value_type = f64)]
    pub discount: Money,
    pub notes: Option<String>,
}

#[derive(Clone, Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPart {
    #[schema(format = Uuid)]
    pub part_id: String,
    #[schema(minimum = 1, maximum = 1000000)]
    pub quantity: i64,
    pub img_url: Option<String>,
}

/// What is to be another than before.
#[derive(Clone, Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderChange {
    #[schema(pattern = "\\S")]
    pub problem_description: Option<String>,
    pub diagnosis: Option<String>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub estimated_cost: Option<Money>,
    #[serde(rename = "warrantyStartDate")]
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    pub warranty_start: Option<String>,
    #[serde(rename = "warrantyEndDate")]
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    pub warranty_end: Option<String>,
}

/// What is to be another than before about a piece of work.
#[derive(Clone, Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DetailChange {
    #[schema(format = Uuid)]
    pub service_id: Option<String>,
    #[schema(format = Uuid)]
    pub technician_id: Option<String>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub unit_price: Option<Money>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub discount: Option<Money>,
    pub status: Option<DetailStatus>,
    pub image_url: Option<String>,
    pub notes: Option<String>,
}

/// What is to be another than before about a used part.
#[derive(Clone, Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartChange {
    #[schema(minimum = 1, maximum = 1000000)]
    pub quantity: Option<i64>,
    pub img_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
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
