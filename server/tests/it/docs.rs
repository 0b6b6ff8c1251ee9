//! The document of the API, and the page that shows it.

use crate::support::{FakeShop, Server, soon};

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_runs_no_script_of_its_own() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    assert!(server.get("/docs").await.url().path().ends_with("/docs/"), "links on it are relative");
    let page = server.get("/docs/").await.text().await.expect("a text");
    let mut sources = Vec::new();
    for tag in page.split('<').filter(|tag| tag.starts_with("script") || tag.starts_with("link")) {
        let source = tag.split("src=\"").nth(1).or_else(|| tag.split("href=\"").nth(1));
        sources.push(source.and_then(|rest| rest.split('"').next()).expect("no script in the page itself"));
    }
    assert!(sources.len() > 3, "{page}");
    for source in sources {
        assert!(!source.contains("//"), "{source} is someone else's");
        let request =
            server.http.get(server.url(&format!("/docs/{source}"))).header("accept-encoding", "gzip");
        let response = soon("a file", request.send()).await.expect("an answer");
        assert_eq!(response.status(), 200, "{source}");
    }
    let start = server.get("/docs/swagger-initializer.js").await.text().await.expect("a text");
    assert!(start.contains("\"/openapi.json\"") && start.contains("\"validatorUrl\": \"none\""), "{start}");
    assert_eq!(server.get("/docs/../Cargo.toml").await.status(), 404);
    assert_eq!(server.get("/docs/nothing.js").await.status(), 404);
}

#[tokio::test]
async fn in_front_of_a_backend_the_document_tells_of_pulso_alone() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let document = server.json("/openapi.json").await;
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1."));
    let paths = document["paths"].as_object().expect("paths");
    for ours in ["/notify", "/ws", "/health", "/repair-orders/stats/overview"] {
        assert!(paths.contains_key(ours), "{ours}");
    }
    for theirs in ["/auth/login", "/users", "/repair-orders"] {
        assert!(!paths.contains_key(theirs), "{theirs}");
    }
}
