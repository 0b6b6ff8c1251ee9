//! What clients say about delivered orders, one review each.

use super::orders::{self, Order, listed, places_of};
use super::{Tx, iso, new_id, unless_taken};
use crate::api::Error;
use crate::auth::Role;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    #[schema(format = Uuid)]
    pub id: String,
    pub repair_order: Order,
    pub rating: i64,
    pub comment: String,
    /// Always: this shop hides none. Clients of the original look at it.
    pub visible: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    #[serde(skip)]
    pub author: String,
}

impl Review {
    /// As someone of this role sees it.
    pub fn seen_by(mut self, role: Role) -> Review {
        self.repair_order = self.repair_order.seen_by(role);
        self
    }
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReview {
    #[serde(rename = "repairOrderId")]
    #[schema(format = Uuid)]
    pub order_id: String,
    #[schema(minimum = 1, maximum = 5)]
    pub rating: i64,
    #[schema(pattern = "\\S")]
    pub comment: String,
}

/// What is to be another than before.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewChange {
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i64>,
    #[schema(pattern = "\\S")]
    pub comment: Option<String>,
}

/// Returns its id.
pub async fn add(tx: &mut Tx, new: NewReview, author: &str, at: i64) -> Result<String, Error> {
    let id = new_id();
    sqlx::query(
        "INSERT INTO repair_order_reviews (id, order_id, user_id, rating, comment, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(id.clone())
    .bind(new.order_id)
    .bind(author.to_owned())
    .bind(new.rating)
    .bind(new.comment)
    .bind(at)
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, || Error::bad_request("This repair order already has a review")))?;
    Ok(id)
}

pub async fn change(tx: &mut Tx, id: &str, change: ReviewChange, at: i64) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE repair_order_reviews SET rating = COALESCE($1, rating), comment = COALESCE($2, comment), \
         updated_at = $3 WHERE id = $4",
    )
    .bind(change.rating)
    .bind(change.comment)
    .bind(at)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM repair_order_reviews WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Who wrote it; on PostgreSQL it is locked until the transaction ends.
pub async fn author(tx: &mut Tx, id: &str) -> Result<String, Error> {
    sqlx::query_scalar("UPDATE repair_order_reviews SET rating = rating WHERE id = $1 RETURNING user_id")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| missing(id))
}

/// The numbers of an author's reviews, or of all, newest first.
pub async fn numbers(tx: &mut Tx, author: Option<&str>) -> sqlx::Result<Vec<i64>> {
    let filter = if author.is_some() { "WHERE user_id = $1" } else { "" };
    let sql = format!("SELECT seq FROM repair_order_reviews {filter} ORDER BY seq DESC");
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    if let Some(author) = author {
        query = query.bind(author.to_owned());
    }
    query.fetch_all(&mut **tx).await
}

/// These reviews, by their `seq` and in that order, each with its order.
pub async fn of(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<Review>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT r.seq, r.id, o.seq AS o_seq, r.user_id, r.rating, r.comment, r.created_at, r.updated_at \
         FROM repair_order_reviews r JOIN repair_orders o ON o.id = r.order_id WHERE r.seq IN ({}) \
         ORDER BY r.seq DESC",
        places_of(seqs)
    );
    let rows = listed(tx, sql, seqs).await?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.try_get("o_seq")).collect::<sqlx::Result<_>>()?;
    // One for each row: an order has one review at most.
    let orders = orders::of(tx, &numbers).await?;
    let reviews: Vec<_> =
        rows.iter().zip(orders).map(|(row, order)| review_from(row, order)).collect::<sqlx::Result<_>>()?;
    let mut reviews: HashMap<i64, Review> = reviews.into_iter().collect();
    Ok(seqs.iter().filter_map(|seq| reviews.remove(seq)).collect())
}

fn review_from(row: &AnyRow, repair_order: Order) -> sqlx::Result<(i64, Review)> {
    let review = Review {
        id: row.try_get("id")?,
        repair_order,
        rating: row.try_get("rating")?,
        comment: row.try_get("comment")?,
        visible: true,
        created_at: iso(row.try_get("created_at")?),
        updated_at: iso(row.try_get("updated_at")?),
        author: row.try_get("user_id")?,
    };
    Ok((row.try_get("seq")?, review))
}

pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Review, Error> {
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM repair_order_reviews WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    let seq = seq.ok_or_else(|| missing(id))?;
    of(tx, &[seq]).await?.pop().ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("Review with id {id} not found"))
}
