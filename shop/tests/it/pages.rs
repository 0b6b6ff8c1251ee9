//! GET /repair-orders in pages: the same list, no order twice and none left out.

use super::support::*;
use axum::http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

const COLUMNS: &str = "problem_description, final_cost, status, created_at, updated_at";

struct Page {
    orders: Vec<Value>,
    headers: HeaderMap,
}

impl Page {
    fn ids(&self) -> Vec<String> {
        self.orders.iter().map(id).collect()
    }

    fn total(&self) -> &str {
        self.headers["x-total-count"].to_str().expect("a number")
    }

    fn is_bounded(&self) -> bool {
        self.headers.get("x-total-count-is").is_some_and(|is| is == "at-least")
    }

    fn next(&self) -> Option<String> {
        let link = self.headers.get(header::LINK)?.to_str().expect("a text");
        let link = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        Some(link.expect("a link to the next page").to_owned())
    }
}

fn id(order: &Value) -> String {
    order["id"].as_str().expect("an id").to_owned()
}

async fn page(shop: &TestShop, path: &str, token: &str) -> Page {
    let response =
        shop.router.clone().oneshot(request(Method::GET, path, token, "")).await.expect("infallible");
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    Page { orders: body.as_array().expect("a list").clone(), headers }
}

/// The ids of all pages, from `path` on.
async fn pages(shop: &TestShop, path: &str, token: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = page(shop, &path, token).await;
        ids.extend(page.ids());
        next = page.next();
    }
    ids
}

/// Sixty orders, many of the same age and cost, in every status.
async fn sixty(shop: &TestShop, cast: &Cast) {
    let values = "'Falla ' || i, (i * 7) % 20, \
        CASE i % 7 WHEN 0 THEN 'IN_REVIEW' WHEN 1 THEN 'WAITING_APPROVAL' WHEN 2 THEN 'REJECTED' WHEN 3 THEN 'IN_REPAIR' \
        WHEN 4 THEN 'WAITING_PARTS' WHEN 5 THEN 'READY' ELSE 'DELIVERED' END, 1000000 + i / 4, 2000000 + (i * 13) % 30";
    shop.many_orders(cast, 60, COLUMNS, values).await;
}

/// As the sort says, from the whole list, which is newest first.
fn sorted(mut whole: Vec<Value>, sort: &str) -> Vec<String> {
    let (field, descending) = match sort.strip_prefix('-') {
        Some(field) => (field, true),
        None => (sort, false),
    };
    // Equal ones by their number, which grows with the id here.
    whole.sort_by_key(id);
    if descending {
        whole.reverse();
    }
    whole.sort_by(|a, b| {
        let order = key(a, field).partial_cmp(&key(b, field)).expect("comparable");
        if descending { order.reverse() } else { order }
    });
    whole.iter().map(id).collect()
}

fn key(order: &Value, field: &str) -> (f64, String) {
    (order[field].as_f64().unwrap_or_default(), order[field].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn all_pages_together_are_the_whole_list_for_each_sort_status_and_role() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    sixty(&shop, &cast).await;
    // The worker has something to do with a third of them.
    shop.run(&format!(
        "INSERT INTO order_details (id, order_id, service_id, technician_id, unit_price, sub_total, created_at, updated_at) \
         SELECT 'd' || o.id, o.id, '{}', '{}', 0, 0, 0, 0 FROM repair_orders o WHERE o.final_cost % 3 = 0",
        cast.service, cast.worker.id
    ))
    .await;
    let everyone =
        [&shop.admin, &cast.owner.token, &cast.evaluator.token, &cast.worker.token, &cast.stranger.token];
    for (token, count) in everyone.into_iter().zip([60, 60, 60, 21, 0]) {
        let (_, whole) = shop.get("/repair-orders", token).await;
        let whole = whole.as_array().expect("a list");
        assert_eq!(whole.len(), count);
        for sort in ["createdAt", "-createdAt", "updatedAt", "-updatedAt", "finalCost", "-finalCost"] {
            for statuses in ["", "READY", "DELIVERED,IN_REVIEW", "IN_REPAIR,READY,REJECTED,WAITING_PARTS"] {
                let fits = |order: &&Value| {
                    statuses.is_empty() || statuses.contains(order["status"].as_str().expect("a status"))
                };
                let expected = sorted(whole.iter().filter(fits).cloned().collect(), sort);
                let path = format!("/repair-orders?sort={sort}&status={statuses}&limit=7");
                assert_eq!(pages(&shop, &path, token).await, expected, "{path}");
                let first = page(&shop, &path, token).await;
                assert_eq!((first.total(), first.is_bounded()), (&*expected.len().to_string(), false));
                assert_eq!(first.next().is_some(), expected.len() > 7, "{path}");
            }
        }
    }
    let (_, whole) = shop.get("/repair-orders", &shop.admin).await;
    let first = page(&shop, "/repair-orders?limit=3", &shop.admin).await;
    assert_eq!(first.orders, whole.as_array().expect("a list")[..3], "a page shows orders as the list does");
}

#[tokio::test]
async fn orders_that_come_in_between_two_pages_hide_none_and_repeat_none() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    sixty(&shop, &cast).await;
    let (_, before) = shop.get("/repair-orders", &shop.admin).await;
    let before: Vec<_> = before.as_array().expect("a list").iter().map(id).collect();
    let mut seen = Vec::new();
    let mut next = Some("/repair-orders?limit=9".to_owned());
    while let Some(path) = next {
        let page = page(&shop, &path, &shop.admin).await;
        seen.extend(page.ids());
        assert_eq!(page.total(), "60");
        next = page.next();
        shop.order(&cast, json!({})).await;
    }
    assert_eq!(seen, before);
}

#[tokio::test]
async fn a_search_finds_words_of_the_problem_the_client_and_the_device_and_numbers() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run(&format!("UPDATE users SET name = 'Juan', last_name = 'Ñáñez' WHERE id = '{}'", cast.owner.id))
        .await;
    let battery = shop.order(&cast, json!({"problemDescription": "La BATERÍA no carga"})).await;
    let screen = shop.order(&cast, json!({"problemDescription": "Pantalla rota"})).await;
    let both = [&screen, &battery];
    let check = async |q: &str, token: &str, expected: &[&String]| {
        let found = page(&shop, &format!("/repair-orders?q={q}"), token).await;
        let ids = found.ids();
        assert_eq!(ids.iter().collect::<Vec<_>>(), expected, "{q}");
        assert_eq!(found.total(), expected.len().to_string(), "{q}");
        assert!(found.next().is_none());
    };
    let admin = &shop.admin;
    check("bateria", admin, &[&battery]).await;
    check("BATER%C3%8DA+nanez", admin, &[&battery]).await;
    check("juan", admin, &both).await;
    check("dell+rota", admin, &[&screen]).await;
    check("teclado", admin, &[]).await;
    check("%25", admin, &[]).await;
    check("", admin, &both).await;
    check(&screen[..8], admin, &[&screen]).await;
    check(&format!("%23{}", &screen[..8].to_uppercase()), admin, &[&screen]).await;
    check(&screen, &cast.owner.token, &[&screen]).await;
    // Another's is not found by its number, either.
    check(&screen, &cast.stranger.token, &[]).await;
    check("juan", &cast.stranger.token, &[]).await;
    check("juan", &cast.evaluator.token, &both).await;
    check("juan&status=READY", admin, &[]).await;
    check(&format!("{screen}&status=READY"), admin, &[]).await;
}

#[tokio::test]
async fn a_search_among_very_many_goes_on_from_page_to_page_and_finds_the_last_one() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let values = "CASE WHEN i = 3 THEN 'Pantalla rota' ELSE 'No enciende' END, 0, 'READY', i, i";
    shop.many_orders(&cast, 10_500, COLUMNS, values).await;
    let first = page(&shop, "/repair-orders?q=pantalla", &shop.admin).await;
    assert_eq!((first.ids(), first.total(), first.is_bounded()), (vec![], "0", true));
    let second = page(&shop, &first.next().expect("another page"), &shop.admin).await;
    assert_eq!(second.ids(), ["10000003-0000-4000-8000-000000000000"]);
    assert!(second.next().is_none());
    // By its number it is found at once.
    let numbered = page(&shop, "/repair-orders?q=10000003", &shop.admin).await;
    assert_eq!((numbered.ids(), numbered.total()), (second.ids(), "1"));
    // What is found often fills the page, and no search goes on for longer than it takes to find more.
    let often = page(&shop, "/repair-orders?q=enciende&limit=2", &shop.admin).await;
    assert_eq!((often.orders.len(), often.total(), often.is_bounded()), (2, "10000", true));
    let more = page(&shop, &often.next().expect("another page"), &shop.admin).await;
    assert_eq!(more.ids(), ["10010498-0000-4000-8000-000000000000", "10010497-0000-4000-8000-000000000000"]);
}

#[tokio::test]
async fn the_total_of_everyones_orders_is_exact_however_many_there_are() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let values =
        "'x', 0, CASE WHEN i <= 7 THEN 'READY' WHEN i <= 9 THEN 'REJECTED' ELSE 'DELIVERED' END, i, i";
    shop.many_orders(&cast, 10_500, COLUMNS, values).await;
    let check = async |query: &str, token: &str, expected: (&str, bool)| {
        let first = page(&shop, &format!("/repair-orders?limit=1{query}"), token).await;
        assert_eq!((first.total(), first.is_bounded()), expected, "{query}");
        if let Some(next) = first.next() {
            let second = page(&shop, &next, token).await;
            assert_eq!((second.total(), second.is_bounded()), expected, "{query}");
        }
    };
    check("", &shop.admin, ("10500", false)).await;
    check("&status=DELIVERED", &shop.admin, ("10491", false)).await;
    check("&status=READY,REJECTED", &shop.admin, ("9", false)).await;
    check("&status=IN_REVIEW", &shop.admin, ("0", false)).await;
    // Those of one are counted, and not for ever.
    check("", &cast.owner.token, ("10000", true)).await;
    check("&status=READY", &cast.owner.token, ("7", false)).await;
    check("", &cast.evaluator.token, ("10000", true)).await;
    check("&q=x", &shop.admin, ("10000", true)).await;
    // What comes and goes is counted at once.
    let order = shop.order(&cast, json!({})).await;
    check("", &shop.admin, ("10501", false)).await;
    shop.set_status(&order, "DELIVERED").await;
    check("&status=DELIVERED", &shop.admin, ("10492", false)).await;
}

#[tokio::test]
async fn what_a_query_cannot_mean_is_refused_with_what_was_expected() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    sixty(&shop, &cast).await;
    let refused = async |query: &str, says: &str| {
        let (status, body) = shop.get(&format!("/repair-orders?{query}"), &shop.admin).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("Bad Request")), "{query}");
        assert!(body["message"][0].as_str().is_some_and(|message| message.contains(says)), "{query}: {body}");
    };
    refused(
        "status=OPEN",
        "IN_REVIEW, WAITING_APPROVAL, REJECTED, IN_REPAIR, WAITING_PARTS, READY, DELIVERED",
    )
    .await;
    refused("sort=name", "-createdAt, createdAt, -updatedAt, updatedAt, -finalCost, finalCost").await;
    refused("limit=0", "from 1 to 100").await;
    refused("limit=-1", "from 1 to 100").await;
    refused("limit=101", "from 1 to 100").await;
    refused("cursor=7", "begin without it").await;
    let next = page(&shop, "/repair-orders?limit=5&status=READY", &shop.admin).await.next().expect("a page");
    let cursor = next.split("cursor=").nth(1).expect("a cursor");
    refused(&format!("cursor={cursor}"), "begin without it").await;
    refused(&format!("cursor={cursor}&status=READY&sort=finalCost"), "begin without it").await;
    let other_size =
        page(&shop, &format!("/repair-orders?status=READY&limit=1&cursor={cursor}"), &shop.admin).await;
    assert_eq!(other_size.orders.len(), 1);
}
