//! Signing in, staying signed in, and signing out.

use super::document::{MayBeWrong, Public, Throttled, WithBody};
use super::fields::Fields;
use super::{Error, cookie, to_the_end};
use crate::auth::{Kept, RefreshToken, Try, Verdict, Wait, expiry, is_weak, judge, mark};
use crate::store::users::credentials;
use crate::store::{Write, new_id, sign_ins};
use crate::{Requester, Role, Shop};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How long a token lasts for whoever refreshes, at most: so long somebody who was deleted or has another role by now
/// still passes for who they were. Whoever signs in with a password may know of no refreshing, as the original's clients
/// do not, and keeps the longer token of the settings: the price of serving these unchanged.
const REFRESHED: Duration = Duration::from_secs(15 * 60);

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[schema(format = Email)]
    email: String,
    #[schema(min_length = 6, max_length = 256)]
    password: String,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkCode {
    code: String,
}

#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    access_token: String,
}

/// Someone who proved who they are.
struct Person {
    id: String,
    email: String,
    role: Role,
    password_hash: String,
    /// Of the same password, with today's parameters.
    better_hash: Option<String>,
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Credentials,
    responses(
        (status = 200, description = "A token for the `Authorization` header, and a cookie for /auth/refresh", body = SignedIn),
        MayBeWrong,
        WithBody,
        Throttled
    ),
    security(())
)]
pub async fn login(
    State(shop): State<Shop>,
    requester: Requester,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Error> {
    let Credentials { email, password } =
        Credentials { email: fields.email("email"), password: fields.password("password") };
    fields.finish()?;
    let tried = shop.0.tries.sign_in(&email, requester.address, shop.now()).map_err(too_many)?;
    let person = proved(&shop, email, password).await.inspect_err(|error| count(&shop, &tried, error))?;
    shop.0.tries.succeeded(&tried, shop.now());
    let before = cookie::read(&headers, requester);
    let lifetime = shop.0.access_token;
    to_the_end(begin(shop, person, before, requester, lifetime)).await
}

/// By the password. One answer, and the same work, whether the mail address or the password is wrong.
async fn proved(shop: &Shop, email: String, password: String) -> Result<Person, Error> {
    let found = credentials(shop.store().pool(), &email).await?;
    let hash = found.as_ref().map(|(_, _, hash)| hash.clone());
    let matches = shop.0.passwords.matches(password.clone(), hash).await?;
    let Some((id, role, password_hash)) = found.filter(|_| matches) else {
        return Err(Error::unauthorized_because("Invalid credentials"));
    };
    // Only now is there a password to hash.
    let better_hash = match is_weak(&password_hash) {
        true => Some(shop.0.passwords.hash(password).await?),
        false => None,
    };
    Ok(Person { id, email, role, password_hash, better_hash })
}

/// Signs in by the link that the demo prints where it was started. It is good once and at that machine only.
#[utoipa::path(
    post,
    path = "/auth/link",
    tag = "auth",
    request_body = LinkCode,
    responses(
        (status = 200, description = "A token for the `Authorization` header, and a cookie for /auth/refresh", body = SignedIn),
        MayBeWrong,
        WithBody
    ),
    security(())
)]
pub async fn link(
    State(shop): State<Shop>,
    requester: Requester,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Error> {
    let LinkCode { code } = LinkCode { code: fields.text("code") };
    fields.finish()?;
    let used = || Error::unauthorized_because("This link is not good any more");
    let demo = shop.sign_in().filter(|_| requester.this_machine).ok_or_else(used)?;
    let email = demo.email.clone();
    let before = cookie::read(&headers, requester);
    let lifetime = shop.0.access_token.min(REFRESHED);
    to_the_end(async move {
        // Taken first, so that of two who come with it only one signs in.
        let made = shop.0.link.use_up(&code, shop.now()).ok_or_else(used)?;
        let signing_in = async {
            let found = credentials(shop.store().pool(), &email).await?;
            let (id, role, password_hash) = found.ok_or_else(used)?;
            let person = Person { id, email, role, password_hash, better_hash: None };
            begin(shop.clone(), person, before, requester, lifetime).await
        };
        let signed_in = signing_in.await;
        if signed_in.is_err() {
            shop.0.link.give_back(made);
        }
        signed_in
    })
    .await
}

/// Only a wrong password counts as a try that failed.
fn count(shop: &Shop, tried: &Try, error: &Error) {
    if error.status() != StatusCode::UNAUTHORIZED {
        shop.0.tries.not_tried(tried);
    }
}

/// A sign-in begins; that of `before`, of the same browser, is over.
async fn begin(
    shop: Shop,
    person: Person,
    before: Option<RefreshToken>,
    requester: Requester,
    lifetime: Duration,
) -> Result<Response, Error> {
    let now = shop.now();
    let token = RefreshToken::first(&new_id());
    let mut tx = shop.store().write().await?;
    if let Some(before) = before {
        end_own(&mut tx, &before).await?;
    }
    let password_mark = current_mark(&mut tx, &person).await?;
    let kept = Kept {
        token_hash: token.hash(),
        previous_hash: None,
        password_mark,
        began_at: now,
        used_at: now,
        expires_at: expiry(now, now),
    };
    sign_ins::begin(&mut tx, &token.sign_in, &person.id, &kept).await?;
    tx.commit().await?;
    let access_token = shop.tokens().issue(&person.id, &person.email, person.role, lifetime);
    Ok(signed_in(access_token, cookie::set(&token, kept.expires_at - now, requester)))
}

/// The mark of the password's hash, which is replaced where there is a better one.
async fn current_mark(tx: &mut Write, person: &Person) -> Result<String, Error> {
    let current = sign_ins::password_hash(tx, &person.id).await?;
    if current.as_ref() != Some(&person.password_hash) {
        return Err(Error::unavailable("The password was changed just now, please try again"));
    }
    let before = mark(&person.password_hash);
    let Some(better) = &person.better_hash else { return Ok(before) };
    let mark = mark(better);
    sign_ins::rehashed(tx, &person.id, better, &before, &mark).await?;
    Ok(mark)
}

/// The next token, for the cookie that signing in set; and the next cookie with it.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    responses(
        (status = 200, description = "A token for the `Authorization` header, and the next cookie", body = SignedIn),
        MayBeWrong
    ),
    security(())
)]
pub async fn refresh(
    State(shop): State<Shop>,
    requester: Requester,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let token = cookie::read(&headers, requester).ok_or_else(|| signed_out(requester))?;
    to_the_end(go_on(shop, token, requester)).await
}

async fn go_on(shop: Shop, token: RefreshToken, requester: Requester) -> Result<Response, Error> {
    let now = shop.now();
    let mut tx = shop.store().write().await?;
    let Some(sign_in) = sign_ins::locked(&mut tx, &token.sign_in).await? else {
        return Err(signed_out(requester));
    };
    let next = shop.0.succession.after(&token);
    let expires_at = match judge(&sign_in.kept, &token.hash(), &mark(&sign_in.password_hash), now) {
        Verdict::Next => {
            let expires_at = expiry(sign_in.kept.began_at, now);
            sign_ins::go_on(&mut tx, &token.sign_in, &next.hash(), now, expires_at).await?;
            expires_at
        }
        Verdict::Same => sign_in.kept.expires_at,
        Verdict::Reused => {
            tracing::warn!(
                user = sign_in.user_id,
                "an old refresh token was used again: that sign-in is over"
            );
            return over(tx, &token, requester).await;
        }
        Verdict::Expired | Verdict::OtherPassword => return over(tx, &token, requester).await,
    };
    tx.commit().await?;
    shop.0.tries.is_there(&sign_in.email, requester.address, now);
    let lifetime = shop.0.access_token.min(REFRESHED);
    // The role is the one of now.
    let access_token = shop.tokens().issue(&sign_in.user_id, &sign_in.email, sign_in.role, lifetime);
    Ok(signed_in(access_token, cookie::set(&next, expires_at - now, requester)))
}

async fn over(mut tx: Write, token: &RefreshToken, requester: Requester) -> Result<Response, Error> {
    sign_ins::end(&mut tx, &token.sign_in).await?;
    tx.commit().await?;
    Err(signed_out(requester))
}

/// Signs out whoever is signed in, was, or never was. Who has an open socket keeps it until its token expires.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    responses(
        (status = 204, description = "Nobody is signed in here any more"),
        Public
    ),
    security(())
)]
pub async fn logout(
    State(shop): State<Shop>,
    requester: Requester,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Some(token) = cookie::read(&headers, requester) {
        to_the_end(async move {
            let mut tx = shop.store().write().await?;
            end_own(&mut tx, &token).await?;
            Ok(tx.commit().await?)
        })
        .await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(requester))]).into_response())
}

/// Whoever holds the current token of a sign-in, or the one before it, may end it; its id alone is no secret.
async fn end_own(tx: &mut Write, token: &RefreshToken) -> Result<(), Error> {
    let hash = token.hash();
    let sign_in = sign_ins::locked(tx, &token.sign_in).await?;
    let is_own = |kept: &Kept| kept.token_hash == hash || kept.previous_hash.as_ref() == Some(&hash);
    match sign_in.is_some_and(|sign_in| is_own(&sign_in.kept)) {
        true => Ok(sign_ins::end(tx, &token.sign_in).await?),
        false => Ok(()),
    }
}

fn signed_in(access_token: String, cookie: HeaderValue) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, no_store)];
    (StatusCode::OK, headers, Json(SignedIn { access_token })).into_response()
}

/// And the browser forgets what it holds.
fn signed_out(requester: Requester) -> Error {
    Error::unauthorized().with_header(header::SET_COOKIE, cookie::clear(requester))
}

pub fn too_many(wait: Wait) -> Error {
    let seconds = wait.seconds();
    Error::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("Too many tries, please try again in {seconds} seconds"),
    )
    .with_header(header::RETRY_AFTER, seconds.into())
}
