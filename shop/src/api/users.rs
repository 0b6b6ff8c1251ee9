//! Clients and technicians.

use super::caller::{Admin, Caller, Id, Staff};
use super::document::{Both, MayConflict, Named, Throttled, Token, TokenOfRole, WithBody};
use super::equipments::{self, Device};
use super::fields::Fields;
use super::sign_in::too_many;
use super::whole::{Whole, whole};
use super::{Error, to_the_end};
use crate::auth::Role;
use crate::store::users::{NewUser, Technician, TechnicianChange, User, UserChange};
use crate::store::{Tx, now};
use crate::{Shop, store};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use shared::{Change, Subject};
use std::collections::HashMap;
use utoipa::ToSchema;

/// The user body of the contract.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    #[schema(pattern = "\\S")]
    pub name: String,
    pub last_name: Option<String>,
    #[schema(format = Email)]
    pub email: String,
    #[schema(min_length = 6, max_length = 256)]
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
    shop.announce(subject(user.role), Change::Created, &user.id);
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
pub async fn clients(State(shop): State<Shop>, _: Admin, caller: Caller) -> Result<Response, Error> {
    whole(shop, Whole::Clients, caller).await
}

/// These people, by their `seq`, oldest first.
pub async fn with_devices(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<Client>> {
    let numbers = store::equipments::numbers_of_owners(tx, seqs).await?;
    let mut devices: HashMap<String, Vec<Device>> = HashMap::new();
    for mut device in equipments::with_orders(tx, &numbers).await? {
        // Below their owner, devices do not name the owner again.
        let owner = device.equipment.user.take().map(|user| user.id).unwrap_or_default();
        devices.entry(owner).or_default().push(device);
    }
    let with_devices = |user: User| {
        let equipments = devices.remove(&user.id).unwrap_or_default();
        Client { user, equipments }
    };
    Ok(store::users::of(tx, seqs).await?.into_iter().map(with_devices).collect())
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

/// The user body of the contract, of which all is optional.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonChange {
    #[schema(pattern = "\\S")]
    pub name: Option<String>,
    pub last_name: Option<String>,
    #[schema(format = Email)]
    pub email: Option<String>,
    #[schema(min_length = 6, max_length = 256)]
    pub password: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
}

impl PersonChange {
    fn read(fields: &mut Fields) -> PersonChange {
        PersonChange {
            name: fields.optional_filled_text("name"),
            last_name: fields.optional_text("lastName"),
            email: fields.optional_email("email"),
            password: fields.optional_password("password"),
            phone: fields.optional_text("phone"),
            address: fields.optional_text("address"),
        }
    }
}

/// What a technician says of themselves; whether they evaluate and take new work is the administrator's to say.
#[derive(Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skills {
    #[schema(pattern = "\\S")]
    specialty: Option<String>,
    #[schema(minimum = 0, maximum = 1000000)]
    experience_years: Option<i64>,
}

impl Skills {
    fn read(fields: &mut Fields) -> Skills {
        Skills {
            specialty: fields.optional_filled_text("specialty"),
            experience_years: fields.optional_integer("experienceYears", 0),
        }
    }
}

impl From<Skills> for TechnicianChange {
    fn from(skills: Skills) -> TechnicianChange {
        let Skills { specialty, experience_years } = skills;
        TechnicianChange { specialty, experience_years, ..TechnicianChange::default() }
    }
}

type OwnWords = Both<PersonChange, Skills>;
type NewWords = Both<PersonChange, TechnicianChange>;

/// Changes the own profile.
#[utoipa::path(
    patch,
    path = "/users/profile",
    tag = "users",
    request_body = PersonChange,
    responses((status = 200, description = "The profile as it is now", body = User), Token, WithBody, Throttled),
    security(("bearer" = []))
)]
pub async fn change_own(
    State(shop): State<Shop>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Json<User>, Error> {
    let person = PersonChange::read(&mut fields);
    fields.finish()?;
    let change = change(shop, caller.id, Whom::Themselves, person, TechnicianChange::default());
    to_the_end(change).await.map(Json)
}

/// Changes the own profile, a technician's skills included.
#[utoipa::path(
    patch,
    path = "/users/technician/profile",
    tag = "users",
    request_body = OwnWords,
    responses((status = 200, description = "The profile as it is now", body = User), Token, WithBody, Throttled),
    security(("bearer" = []))
)]
pub async fn change_own_skills(
    State(shop): State<Shop>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Json<User>, Error> {
    let person = PersonChange::read(&mut fields);
    let skills = match caller.role {
        Role::Technician => Skills::read(&mut fields),
        // Others have none; what they say of them is an unknown field.
        Role::User | Role::Admin => Skills::default(),
    };
    fields.finish()?;
    to_the_end(change(shop, caller.id, Whom::Themselves, person, skills.into())).await.map(Json)
}

/// Changes a client.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "users",
    params(Id),
    request_body = PersonChange,
    responses((status = 200, description = "The client as it is now", body = User), TokenOfRole, Named, WithBody),
    security(("bearer" = ["Admin"]))
)]
pub async fn change_client(
    State(shop): State<Shop>,
    _: Admin,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<User>, Error> {
    let person = PersonChange::read(&mut fields);
    fields.finish()?;
    to_the_end(change(shop, id, Whom::Client, person, TechnicianChange::default())).await.map(Json)
}

/// Changes a technician.
#[utoipa::path(
    patch,
    path = "/users/technician/{id}",
    tag = "users",
    params(Id),
    request_body = NewWords,
    responses((status = 200, description = "The technician as it is now", body = User), TokenOfRole, Named, WithBody),
    security(("bearer" = ["Admin"]))
)]
pub async fn change_technician(
    State(shop): State<Shop>,
    _: Admin,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<User>, Error> {
    let person = PersonChange::read(&mut fields);
    let skills = Skills::read(&mut fields);
    let technician = TechnicianChange {
        is_evaluator: fields.optional_flag("isEvaluator"),
        active: fields.optional_flag("active"),
        ..skills.into()
    };
    fields.finish()?;
    to_the_end(change(shop, id, Whom::Technician, person, technician)).await.map(Json)
}

/// Who may be changed by a route.
enum Whom {
    /// The caller, who has just shown a valid token.
    Themselves,
    Client,
    Technician,
}

impl Whom {
    fn check(&self, role: Role) -> Result<(), Error> {
        match (self, role) {
            (Whom::Themselves, Role::User | Role::Technician | Role::Admin)
            | (Whom::Client, Role::User)
            | (Whom::Technician, Role::Technician) => Ok(()),
            // The wording of the contract, which says it of administrators, too.
            (Whom::Client, Role::Technician | Role::Admin) => {
                Err(Error::bad_request("Cannot update a technician with this endpoint"))
            }
            (Whom::Technician, Role::User | Role::Admin) => {
                Err(Error::bad_request("Only a technician can be updated with this endpoint"))
            }
        }
    }

    /// Those who sign in wait for whatever is hashed, so only administrators have it done as often as they like.
    fn may_hash(&self, shop: &Shop, id: &str) -> Result<(), Error> {
        match self {
            Whom::Themselves => shop.0.tries.change_password(id, shop.now()).map_err(too_many),
            Whom::Client | Whom::Technician => Ok(()),
        }
    }
}

/// Hashes a new password, writes and announces.
async fn change(
    shop: Shop,
    id: String,
    whom: Whom,
    person: PersonChange,
    technician: TechnicianChange,
) -> Result<User, Error> {
    let password_hash = match person.password {
        Some(password) => {
            whom.may_hash(&shop, &id)?;
            Some(shop.0.passwords.hash(password).await?)
        }
        None => None,
    };
    let change = UserChange {
        name: person.name,
        last_name: person.last_name,
        email: person.email,
        password_hash,
        phone: person.phone,
        address: person.address,
        technician,
    };
    let mut tx = shop.store().write().await?;
    let gone = || match whom {
        Whom::Themselves => Error::unauthorized(),
        Whom::Client | Whom::Technician => missing(&id),
    };
    let before = store::users::by_id(&mut **tx, &id).await?.ok_or_else(gone)?;
    whom.check(before.role)?;
    store::users::change(&mut tx, &id, change, now()).await?;
    let user = store::users::by_id(&mut **tx, &id).await?.ok_or_else(gone)?;
    tx.commit().await?;
    shop.announce(subject(user.role), Change::Updated, &id);
    Ok(user)
}

fn subject(role: Role) -> Subject {
    match role {
        Role::Technician => Subject::Technician,
        Role::User | Role::Admin => Subject::User,
    }
}

/// Deletes someone on whom nothing depends.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "users",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), TokenOfRole, Named, MayConflict),
    security(("bearer" = ["Admin"]))
)]
pub async fn delete(State(shop): State<Shop>, _: Admin, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let user = store::users::by_id(&mut **tx, &id).await?.ok_or_else(|| missing(&id))?;
        store::users::delete(&mut tx, &user).await?;
        tx.commit().await?;
        shop.announce(subject(user.role), Change::Deleted, &id);
        Ok(())
    })
    .await
}

pub fn missing(id: &str) -> Error {
    Error::not_found(format!("User with id {id} not found"))
}
