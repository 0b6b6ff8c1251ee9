//! Who may depend on whom, read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            found.push((path, text));
        }
    }
    found
}

/// No file under `folder` has any of `words` outside its comments.
fn never(folder: &str, words: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let place = root.join(folder);
    let files = if place.is_dir() {
        sources(&place)
    } else {
        vec![(place.clone(), fs::read_to_string(&place).expect("a source"))]
    };
    assert!(!files.is_empty(), "{folder} has no sources");
    for (path, text) in files {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            for word in words {
                assert!(!line.contains(word), "{} must not know {word}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_layers_know_only_what_is_below_them() {
    never("shared/src", &["tokio", "web_sys", "SystemTime", "Instant", "axum"]);
    never("shop/src", &["crate::live", "server::", "pulso::"]);
    never("frontend/src", &["server::", "shop::"]);
    never("server/src/live", &["crate::http", "axum::"]);
    never("server/src/source", &["crate::http"]);
    // They move frames.
    never("server/src/live/hub.rs", &["Metric"]);
    never("server/src/live/connection.rs", &["Metric"]);
    // They decide, and do nothing.
    for rules in ["plan", "circuit", "writer"] {
        let file = format!("server/src/live/{rules}.rs");
        never(&file, &["async ", ".await", "tokio::spawn", "clock::now"]);
    }
    for rules in ["snapshot", "outbox", "frame"] {
        let file = format!("server/src/live/{rules}.rs");
        never(&file, &["async ", ".await", "tokio", "clock::now", "Instant::now"]);
    }
    never("frontend/src/components", &["shared::", "crate::panels", "crate::pages"]);
    never("frontend/src/charts", &["shared::", "crate::panels", "crate::pages"]);
}
