//! What the server says of itself: the OpenAPI document, and a page to read it. Nothing of it comes from elsewhere.

use super::auth::Viewing;
use super::stats::MOST_ROWS;
use super::{App, screens};
use crate::source::Source;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use shared::*;
use shop::document::{Named, TokenOfRole};
use shop::{Error, Role, SCREEN_ROLE, Shop, document};
use std::sync::{Arc, LazyLock};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, HttpMethod, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder, ResponsesBuilder, Schema, Type,
};
use utoipa_swagger_ui::Config;

pub fn router(document: &OpenApi) -> Router<App> {
    let document = Bytes::from(serde_json::to_vec(document).expect("it is plain data"));
    Router::new()
        .route("/openapi.json", get(async move || ([(header::CONTENT_TYPE, "application/json")], document)))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || Html(PAGE)))
        .route(
            "/docs/{file}",
            get(async |Path(file): Path<String>, headers: HeaderMap| file_of_page(&file, &headers)),
        )
}

/// Small enough to be sent as it is, to whoever asks; the files that it names are compressed.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pulso: the API</title>
<link rel="icon" href="favicon-32x32.png">
<link rel="stylesheet" href="swagger-ui.css">
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="swagger-ui-standalone-preset.js"></script>
<script src="swagger-initializer.js"></script>
"#;

/// Of its files: a day's cache costs nobody anything, since it changes only with the program.
const CACHE: &str = "public, max-age=86400";

fn file_of_page(file: &str, headers: &HeaderMap) -> Result<Response, Error> {
    static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
        // A validator would be someone else's server.
        Arc::new(Config::from("/openapi.json").validator_url("none").use_base_layout())
    });
    let found = utoipa_swagger_ui::serve(file, CONFIG.clone())
        .map_err(|error| Error::internal(anyhow::anyhow!("{error}")))?;
    let found = found.ok_or_else(|| Error::not_found(format!("Cannot GET /docs/{file:.100}")))?;
    let types = [(header::CONTENT_TYPE, found.content_type.as_str()), (header::CACHE_CONTROL, CACHE)];
    if !found.gzpipped {
        return Ok((types, found.bytes.into_owned()).into_response());
    }
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.contains("gzip") {
        return Err(Error::new(StatusCode::NOT_ACCEPTABLE, "This file is only sent with gzip"));
    }
    Ok((types, [(header::CONTENT_ENCODING, "gzip")], found.bytes.into_owned()).into_response())
}

/// The shop's routes, where it is in this process, and those of the server itself.
pub fn describe(ours: [OpenApi; 2], app: &App) -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(tags(
        (name = "stats", description = "The metrics of the dashboard"),
        (name = "screens", description = "Walls that show the dashboard"),
        (name = "server", description = "News in, news out, and how the server is"),
    ))]
    struct Server;

    let mut whole = match &app.source {
        Source::Shop(_) => Shop::document(),
        Source::Upstream(_) => document::begin(),
    };
    whole.merge(<Server as utoipa::OpenApi>::openapi());
    ours.into_iter().for_each(|part| whole.merge(part));
    if app.screens.is_some() {
        whole.merge(screens::described());
    }
    let components = whole.components.get_or_insert_default();
    let secret = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("NOTIFY_TOKEN")).build();
    components.security_schemes.insert("notify".to_owned(), SecurityScheme::Http(secret).into());
    for metric in Metric::ALL {
        let (_, schemas) = shape(metric);
        components.schemas.extend(schemas);
        whole.paths.add_path_operation(metric.path(), vec![HttpMethod::Get], stat(metric, &app.viewing));
    }
    if let Some(join) = whole.paths.paths.get_mut("/ws").and_then(|item| item.get.as_mut()) {
        join.security = Some(viewers(&app.viewing));
    }
    if app.config.notify_token.is_none()
        && let Some(notify) = whole.paths.paths.get_mut("/notify").and_then(|item| item.post.as_mut())
    {
        // Then it is for whoever sits at this machine.
        notify.security = Some(vec![SecurityRequirement::default()]);
    }
    document::finish(&mut whole);
    whole
}

fn stat(metric: Metric, viewing: &Viewing) -> Operation {
    let (name, _) = shape(metric);
    let body = Content::new(Some(Ref::from_schema_name(name)));
    let newest = ResponseBuilder::new().description("Its newest state").content("application/json", body);
    let responses = ResponsesBuilder::new()
        .response("200", newest)
        .response("304", ResponseBuilder::new().description("What `If-None-Match` names is the newest"))
        .responses_from_into_responses::<TokenOfRole>()
        .responses_from_into_responses::<Named>();
    let operation =
        OperationBuilder::new().tag("stats").summary(Some(metric.key())).responses(responses.build());
    let operation = operation.securities(Some(viewers(viewing)));
    match metric.default_limit() {
        Some(rows) => operation.parameter(limit(rows)).build(),
        None => operation.build(),
    }
}

fn limit(default: u32) -> Parameter {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(MOST_ROWS))
        .default(Some(default.into()));
    ParameterBuilder::new()
        .name("limit")
        .parameter_in(ParameterIn::Query)
        .description(Some("How many rows"))
        .schema(Some(number))
        .build()
}

/// Who may look. In an open dashboard being at this machine is enough, too, which no scheme can say.
fn viewers(viewing: &Viewing) -> Vec<SecurityRequirement> {
    let screen = SecurityRequirement::new("bearer", [SCREEN_ROLE]);
    let person = match viewing.is_open() {
        true => SecurityRequirement::default(),
        false => SecurityRequirement::new("bearer", [Role::Admin.name()]),
    };
    vec![person, screen]
}

type Schemas = Vec<(String, RefOr<Schema>)>;

/// The schema of a metric's body by its name, and it with all that it refers to.
fn shape(metric: Metric) -> (String, Schemas) {
    match metric {
        Metric::OrdersOverview => of::<OrdersOverview>(),
        Metric::OrdersRevenue => of::<OrdersRevenue>(),
        Metric::OrdersByStatus => of::<OrdersByStatus>(),
        Metric::OrdersRecent => of::<OrdersRecent>(),
        Metric::OrdersTopServices => of::<OrdersTopServices>(),
        Metric::OrdersRevenueTotal => of::<Revenue>(),
        Metric::UsersOverview => of::<UsersOverview>(),
        Metric::UsersTopClients => of::<UsersTopClients>(),
        Metric::UsersTopTechnicians => of::<UsersTopTechnicians>(),
        Metric::OrdersCountTotal
        | Metric::OrdersCountActive
        | Metric::UsersCountClients
        | Metric::UsersCountTechnicians
        | Metric::UsersCountActiveTechnicians => of::<Count>(),
    }
}

fn of<T: ToSchema>() -> (String, Schemas) {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    (T::name().into_owned(), schemas)
}
