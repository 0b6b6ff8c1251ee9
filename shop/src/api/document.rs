//! What the OpenAPI document says of every route alike: how to sign in, and how a request is refused.
//!
//! A route names the sets of refusals that can meet it, so each is worded once.

pub use super::error::Problem;
use shared::OrderStatus;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{AdditionalProperties, Components, SchemaType};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, KnownFormat, Object, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// A document without any routes.
pub fn begin() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Pulso", description = "A repair shop and its live dashboard"),
        components(schemas(Problem, OrderStatus)),
        tags(
            (name = "auth", description = "Signing in and signing up"),
            (name = "users", description = "Clients and technicians"),
            (name = "equipments", description = "Devices that clients bring"),
            (name = "services", description = "What the shop offers"),
            (name = "spare-parts", description = "What repairs use up"),
            (name = "repair-orders", description = "From taking in to delivery"),
            (name = "repair-order-reviews", description = "What clients say afterwards"),
        )
    )]
    struct Document;

    let mut document = <Document as utoipa::OpenApi>::openapi();
    let components = document.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.security_schemes.insert("bearer".to_owned(), SecurityScheme::Http(token).into());
    for refusal in Refusal::ALL {
        components.responses.insert(refusal.name().to_owned(), refusal.response().into());
    }
    document
}

/// After all routes were added: what follows from the rest.
pub fn finish(document: &mut OpenApi) {
    let OpenApi { paths, components, .. } = document;
    for (path, item) in &mut paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.required = Some(if needs_something(body, components.as_ref()) {
                    Required::True
                } else {
                    Required::False
                });
            }
        }
    }
}

/// Handlers share names such as `list`; method and path are an operation's own.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| format!("{name}_{word}"))
}

/// No body at all counts as an empty one, so it may be left out where nothing in it is required.
fn needs_something(body: &RequestBody, components: Option<&Components>) -> bool {
    let Some(RefOr::T(content)) = body.content.get("application/json") else { return true };
    let Some(RefOr::Ref(schema)) = &content.schema else { return true };
    let name = schema.ref_location.trim_start_matches("#/components/schemas/");
    match components.and_then(|components| components.schemas.get(name)) {
        Some(RefOr::T(Schema::Object(fields))) => !fields.required.is_empty(),
        Some(_) | None => true,
    }
}

/// Why a request can be refused.
#[derive(Clone, Copy)]
enum Refusal {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    TooMany,
    Unavailable,
}

impl Refusal {
    const ALL: [Refusal; 8] = [
        Refusal::BadRequest,
        Refusal::Unauthorized,
        Refusal::Forbidden,
        Refusal::NotFound,
        Refusal::Conflict,
        Refusal::TooLarge,
        Refusal::TooMany,
        Refusal::Unavailable,
    ];

    const fn status(self) -> &'static str {
        match self {
            Refusal::BadRequest => "400",
            Refusal::Unauthorized => "401",
            Refusal::Forbidden => "403",
            Refusal::NotFound => "404",
            Refusal::Conflict => "409",
            Refusal::TooLarge => "413",
            Refusal::TooMany => "429",
            Refusal::Unavailable => "503",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Refusal::BadRequest => "BadRequest",
            Refusal::Unauthorized => "Unauthorized",
            Refusal::Forbidden => "Forbidden",
            Refusal::NotFound => "NotFound",
            Refusal::Conflict => "Conflict",
            Refusal::TooLarge => "TooLarge",
            Refusal::TooMany => "TooMany",
            Refusal::Unavailable => "Unavailable",
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Refusal::BadRequest => "Malformed, or against a rule; every fault of a body at once",
            Refusal::Unauthorized => "No valid token, or wrong credentials",
            Refusal::Forbidden => "Not for this role, or not yours",
            Refusal::NotFound => "There is no such thing, or it is not yours to know",
            Refusal::Conflict => "Something else stands against it; the message says what",
            Refusal::TooLarge => "The body is larger than any honest one",
            Refusal::TooMany => "Too many tries; `Retry-After` says when the next one counts",
            Refusal::Unavailable => "Busy or starting; worth trying again in a second",
        }
    }

    fn response(self) -> Response {
        let body = Content::new(Some(Ref::from_schema_name(Problem::name())));
        ResponseBuilder::new().description(self.says()).content("application/json", body).build()
    }
}

/// A set of refusals, to be named among a route's responses.
macro_rules! refusals {
    ($($(#[$says:meta])* $set:ident: $($refusal:ident)+;)+) => {$(
        $(#[$says])*
        pub enum $set {}

        impl IntoResponses for $set {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let named = |refusal: Refusal| {
                    (refusal.status().to_owned(), Ref::from_response_name(refusal.name()).into())
                };
                [$(Refusal::$refusal),+].map(named).into()
            }
        }
    )+};
}

refusals! {
    /// Anyone may ask; whoever knows the answer may be busy.
    Public: Unavailable;
    /// The credentials may be wrong.
    MayBeWrong: Unauthorized Unavailable;
    /// The shop's settings may forbid it to everyone.
    MayBeClosed: Forbidden;
    /// Everyone who signed in.
    Token: Unauthorized Unavailable;
    /// For some roles, or for whom it belongs to.
    TokenOfRole: Unauthorized Forbidden Unavailable;
    /// With a body, which may have faults.
    WithBody: BadRequest TooLarge;
    /// With a body in whatever form.
    RawBody: TooLarge;
    /// For whoever knows a secret.
    Secret: Unauthorized;
    /// Parameters may have faults.
    WithParameters: BadRequest;
    /// What the path or the body names may not exist.
    Named: BadRequest NotFound;
    /// Others may depend on it, or stand in its way.
    MayConflict: Conflict;
    /// Guessing is slowed down.
    Throttled: TooMany;
}

/// A body of which the fields go to two structs.
pub struct Both<A, B>(PhantomData<(A, B)>);

impl<A: ToSchema, B: ToSchema> PartialSchema for Both<A, B> {
    fn schema() -> RefOr<Schema> {
        let (RefOr::T(Schema::Object(mut body)), RefOr::T(Schema::Object(more))) = (A::schema(), B::schema())
        else {
            unreachable!("bodies are structs with named fields")
        };
        body.properties.extend(more.properties);
        body.required.extend(more.required);
        body.into()
    }
}

impl<A: ToSchema, B: ToSchema> ToSchema for Both<A, B> {
    fn name() -> Cow<'static, str> {
        format!("{}And{}", A::name(), B::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        A::schemas(schemas);
        B::schemas(schemas);
    }
}

/// A closed set of words.
pub fn one_of(words: &[&str]) -> Object {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// The same, or null, which counts as not given.
pub fn perhaps_one_of(words: &[&str]) -> Object {
    let words = words.iter().map(|word| Some((*word).to_owned())).chain([None]);
    let kinds = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).enum_values(Some(words)).build()
}

/// An item of a list: with an `id` it is changed, without one added.
pub fn new_or_known<N: ToSchema, C: ToSchema>() -> Schema {
    let RefOr::T(Schema::Object(mut known)) = C::schema() else {
        unreachable!("bodies are structs with named fields")
    };
    let id = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    known.properties.insert("id".to_owned(), id.into());
    known.required.push("id".to_owned());
    known.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    OneOfBuilder::new().item(Ref::from_schema_name(N::name())).item(known).into()
}
