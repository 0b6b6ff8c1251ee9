//! Clients and technicians.

use super::caller::{Admin, Id, Staff};
use super::document::{Both, Named, TokenOfRole, WithBody};
use super::equipments::{self, Device};
use super::fields::Fields;
use super::{Error, to_the_end};
use crate::auth::Role;
use crate::store::now;
use crate::store::users::{NewUser, Technician, User};
use crate::{Shop, store};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::{Change, Subject};
use std::collections::HashMap;
use utoipa::ToSchema;

/// The user body of the contract.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    #[schema(min_length = 1)]
    pub name: String,
    pub last_name: Option<String>,
    #[schema(format = Email)]
    pub email: String,
    #[schema(min_length = 6)]
    pub password: String,
    pub phone: Option<String>,
    pub address: Option<String>,
}

impl Person {
    pub fn read(fields: &mut Fields) -> Person {
        Person {
            name: fields.text("name"),
            last_name: fields.optional_text("lastName"),
            email: fields.email("email"),
            password: fields.password("password"),
            phone: fields.optional_text("phone"),
            address: fields.optional_text("address"),
        }
    }
}

type NewTechnician = Both<Person, Technician>;

/// Hashes, writes and announces.
pub async fn add(
    shop: Shop,
    person: Person,
    role: Role,
    technician: Option<Technician>,
) -> Result<User, Error> {
    let password_hash = shop.0.passwords.hash(person.password).await?;
    let subject = if technician.is_some() { Subject::Technician } else { Subject::User };
    let new = NewUser {
        name: person.name,
        last_name: person.last_name,
        email: person.email,
        password_hash,
        phone: person.phone,
        address: person.address,
        role,
        technician,
    };
    let mut tx = shop.store().write().await?;
    let user = store::users::add(&mut tx, new, now()).await?;
    tx.commit().await?;
    shop.announce(subject, Change::Created, &user.id);
    Ok(user)
}

/// Adds a client.
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    request_body = Person,
    responses((status = 201, description = "The new client", body = User), TokenOfRole, WithBody),
    security(("bearer" = ["Admin"]))
)]
pub async fn add_client(
    State(shop): State<Shop>,
    _: Admin,
    mut fields: Fields,
) -> Result<(StatusCode, Json<User>), Error> {
    let person = Person::read(&mut fields);
    fields.finish()?;
    let user = to_the_end(add(shop, person, Role::User, None)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Adds a technician.
#[utoipa::path(
    post,
    path = "/users/technician",
    tag = "users",
    request_body = NewTechnician,
    responses((status = 201, description = "The new technician", body = User), TokenOfRole, WithBody),
    security(("bearer" = ["Admin"]))
)]
pub async fn add_technician(
    State(shop): State<Shop>,
    _: Admin,
    mut fields: Fields,
) -> Result<(StatusCode, Json<User>), Error> {
    let person = Person::read(&mut fields);
    let technician = Technician {
        specialty: fields.text("specialty"),
        experience_years: fields.optional_integer("experienceYears", 0).unwrap_or_default(),
        is_evaluator: fields.flag("isEvaluator", false),
        active: fields.flag("active", true),
    };
    fields.finish()?;
    let user = to_the_end(add(shop, person, Role::Technician, Some(technician))).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Someone with their devices.
#[derive(Serialize, ToSchema)]
pub struct Client {
    #[serde(flatten)]
    pub user: User,
    pub equipments: Vec<Device>,
}

/// All clients, with their devices and the orders of each.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    responses((status = 200, description = "Oldest first", body = Vec<Client>), TokenOfRole),
    security(("bearer" = ["Admin"]))
)]
pub async fn clients(State(shop): State<Shop>, _: Admin) -> Result<Json<Vec<Client>>, Error> {
    let mut tx = shop.store().read().await?;
    let users = store::users::with_role(&mut *tx, Role::User).await?;
    let mut devices: HashMap<String, Vec<Device>> = HashMap::new();
    for mut device in equipments::with_orders(&mut tx, None).await? {
        // Below their owner, devices do not name the owner again.
        let owner = device.equipment.user.take().map(|user| user.id).unwrap_or_default();
        devices.entry(owner).or_default().push(device);
    }
    let with_devices = |user: User| {
        let equipments = devices.remove(&user.id).unwrap_or_default();
        Client { user, equipments }
    };
    Ok(Json(users.into_iter().map(with_devices).collect()))
}

/// All technicians.
#[utoipa::path(
    get,
    path = "/users/technician",
    tag = "users",
    responses((status = 200, description = "Oldest first", body = Vec<User>), TokenOfRole),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn technicians(State(shop): State<Shop>, _: Staff) -> Result<Json<Vec<User>>, Error> {
    Ok(Json(store::users::with_role(shop.store().pool(), Role::Technician).await?))
}

/// Someone, whoever it is.
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    params(Id),
    responses((status = 200, description = "The one", body = User), TokenOfRole, Named),
    security(("bearer" = ["Admin"]))
)]
pub async fn one(State(shop): State<Shop>, _: Admin, Id(id): Id) -> Result<Json<User>, Error> {
    let user = store::users::by_id(shop.store().pool(), &id).await?;
    user.map(Json).ok_or_else(|| missing(&id))
}

pub fn missing(id: &str) -> Error {
    Error::not_found(format!("User with id {id} not found"))
}
