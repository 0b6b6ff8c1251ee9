//! How the types that write themselves look in the OpenAPI document. Not for the browser.

use crate::{Money, OrderStatus, StatusCode};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        let amount = ObjectBuilder::new().schema_type(Type::Number);
        amount.description(Some("An amount with two decimals at most.")).into()
    }
}

impl ToSchema for Money {}

impl PartialSchema for StatusCode {
    fn schema() -> RefOr<Schema> {
        let code = ObjectBuilder::new().schema_type(Type::String);
        let codes = OrderStatus::ALL.map(OrderStatus::code).join(", ");
        code.description(Some(format!("{codes}, or what a backend of your own calls it."))).into()
    }
}

impl ToSchema for StatusCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_are_described_as_they_are_written() {
        let described = serde_json::to_value(OrderStatus::schema()).expect("JSON");
        assert_eq!(described["enum"], serde_json::json!(OrderStatus::ALL.map(OrderStatus::code)));
    }
}
