//! Reviews of delivered orders: written by the client whose device it was, kept by them or an administrator.
//!
//! None of this is announced. The protocol has no event for reviews, and an unknown one would make every server
//! read all metrics, of which none depends on them.

use super::caller::{Caller, Id};
use super::document::{Named, Token, TokenOfRole, WithBody};
use super::fields::Fields;
use super::whole::{Whole, whole};
use super::{Error, to_the_end};
use crate::Shop;
use crate::auth::Role;
use crate::store::now;
use crate::store::orders::standing;
use crate::store::reviews::{self, NewReview, Review, ReviewChange};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use shared::OrderStatus;

const RATINGS: std::ops::RangeInclusive<i64> = 1..=5;

/// Reviews an own delivered order.
#[utoipa::path(
    post,
    path = "/repair-order-reviews",
    tag = "repair-order-reviews",
    request_body = NewReview,
    responses((status = 201, description = "The new review", body = Review), TokenOfRole, Named, WithBody),
    security(("bearer" = ["User"]), ("bearer" = ["Admin"]))
)]
pub async fn add(
    State(shop): State<Shop>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Review>), Error> {
    match caller.role {
        Role::Technician => return Err(Error::forbidden()),
        Role::User | Role::Admin => {}
    }
    let new = NewReview {
        order_id: fields.id("repairOrderId"),
        rating: fields.integer_within("rating", RATINGS),
        comment: fields.text("comment"),
    };
    fields.finish()?;
    let role = caller.role;
    let review = to_the_end(write(shop, new, caller)).await?.seen_by(role);
    Ok((StatusCode::CREATED, Json(review)))
}

async fn write(shop: Shop, new: NewReview, by: Caller) -> Result<Review, Error> {
    let mut tx = shop.store().write().await?;
    let standing = standing(&mut tx, &new.order_id).await?;
    if standing.owner != by.id {
        return Err(Error::bad_request("Only the client of a repair order can review it"));
    }
    if standing.status != OrderStatus::Delivered {
        return Err(Error::bad_request("Cannot create review before the repair is completed"));
    }
    let id = reviews::add(&mut tx, new, &by.id, now()).await?;
    let review = reviews::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(review)
}

/// A client's own reviews, or all.
#[utoipa::path(
    get,
    path = "/repair-order-reviews",
    tag = "repair-order-reviews",
    responses((status = 200, description = "Newest first", body = Vec<Review>), Token),
    security(("bearer" = []))
)]
pub async fn list(State(shop): State<Shop>, caller: Caller) -> Result<Response, Error> {
    let author = match caller.role {
        Role::User => Some(caller.id.clone()),
        Role::Technician | Role::Admin => None,
    };
    whole(shop, Whole::Reviews(author), caller).await
}

/// A review, for its author or an administrator.
#[utoipa::path(
    get,
    path = "/repair-order-reviews/{id}",
    tag = "repair-order-reviews",
    params(Id),
    responses((status = 200, description = "The review", body = Review), TokenOfRole, Named),
    security(("bearer" = []))
)]
pub async fn one(State(shop): State<Shop>, caller: Caller, Id(id): Id) -> Result<Json<Review>, Error> {
    let mut tx = shop.store().read().await?;
    let review = reviews::by_id(&mut tx, &id).await?;
    may_touch(&caller, &review.author)?;
    Ok(Json(review.seen_by(caller.role)))
}

fn may_touch(caller: &Caller, author: &str) -> Result<(), Error> {
    if caller.role == Role::Admin || caller.id == author { Ok(()) } else { Err(Error::forbidden()) }
}

/// Changes a review, for its author or an administrator.
#[utoipa::path(
    patch,
    path = "/repair-order-reviews/{id}",
    tag = "repair-order-reviews",
    params(Id),
    request_body = ReviewChange,
    responses((status = 200, description = "The review as it is now", body = Review), TokenOfRole, Named, WithBody),
    security(("bearer" = []))
)]
pub async fn change(
    State(shop): State<Shop>,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Review>, Error> {
    let change = ReviewChange {
        rating: fields.optional_integer_within("rating", RATINGS),
        comment: fields.optional_filled_text("comment"),
    };
    fields.finish()?;
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        may_touch(&caller, &reviews::author(&mut tx, &id).await?)?;
        reviews::change(&mut tx, &id, change, now()).await?;
        let review = reviews::by_id(&mut tx, &id).await?.seen_by(caller.role);
        tx.commit().await?;
        Ok(Json(review))
    })
    .await
}

/// Deletes a review, for its author or an administrator.
#[utoipa::path(
    delete,
    path = "/repair-order-reviews/{id}",
    tag = "repair-order-reviews",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), TokenOfRole, Named),
    security(("bearer" = []))
)]
pub async fn delete(State(shop): State<Shop>, caller: Caller, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        may_touch(&caller, &reviews::author(&mut tx, &id).await?)?;
        reviews::delete(&mut tx, &id).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}
