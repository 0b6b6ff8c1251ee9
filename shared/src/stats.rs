//! The value of each metric, as the endpoints answer it.
//!
//! Reading is tolerant where backends differ (see `number`), ignores what it does not know, and accepts a
//! missing or null name or cost in the list of recent orders. Writing gives the contract's exact form.

use crate::number::{Money, count};
use crate::status::StatusCode;
use serde::{Deserialize, Serialize};

/// Active: all but rejected and delivered. Completed: delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersOverview {
    #[serde(deserialize_with = "count")]
    pub total_orders: u64,
    #[serde(deserialize_with = "count")]
    pub active_orders: u64,
    #[serde(deserialize_with = "count")]
    pub rejected_orders: u64,
    #[serde(deserialize_with = "count")]
    pub completed_orders: u64,
}

/// Over delivered orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersRevenue {
    pub total_revenue: Money,
    pub average_cost: Money,
    #[serde(deserialize_with = "count")]
    pub completed_orders_count: u64,
}

/// All seven states in the contract's order, zeros too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersByStatus {
    pub orders_by_status: Vec<StatusCount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StatusCount {
    pub status: StatusCode,
    #[serde(deserialize_with = "count")]
    pub count: u64,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersRecent {
    pub recent_orders: Vec<RecentOrder>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentOrder {
    pub id: String,
    pub problem_description: String,
    pub status: StatusCode,
    pub client_name: Option<String>,
    pub equipment_name: Option<String>,
    /// ISO-8601 UTC.
    #[cfg_attr(not(target_arch = "wasm32"), schema(format = DateTime))]
    pub created_at: String,
    pub final_cost: Option<Money>,
}

/// By count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrdersTopServices {
    pub top_services: Vec<TopService>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TopService {
    pub service_name: String,
    #[serde(deserialize_with = "count")]
    pub count: u64,
    pub revenue: Money,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Count {
    #[serde(deserialize_with = "count")]
    pub count: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Revenue {
    pub revenue: Money,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsersOverview {
    #[serde(deserialize_with = "count")]
    pub total_clients: u64,
    #[serde(deserialize_with = "count")]
    pub total_technicians: u64,
    #[serde(deserialize_with = "count")]
    pub active_technicians: u64,
}

/// By what they spent on delivered orders, then orders, then name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsersTopClients {
    pub top_clients: Vec<TopClient>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TopClient {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(deserialize_with = "count")]
    pub total_orders: u64,
    pub total_spent: Money,
}

/// By completed details (the contract calls them orders), then revenue, then name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsersTopTechnicians {
    pub top_technicians: Vec<TopTechnician>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TopTechnician {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub specialty: Option<String>,
    #[serde(deserialize_with = "count")]
    pub completed_orders: u64,
    pub revenue: Money,
    pub active: bool,
}
