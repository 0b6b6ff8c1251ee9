//! The tables of docs/protocol.md are those of the code.
//!
//! `PULSO_WRITE_DOCS=1 cargo test -p shared --test docs` writes them anew.

use shared::{Change, Event, Metric, MetricSet, Origin, Subject};
use std::fs;
use std::path::PathBuf;

fn keys(metrics: MetricSet) -> String {
    if metrics == MetricSet::ALL {
        return format!("all {}", Metric::COUNT);
    }
    metrics.iter().map(Metric::key).collect::<Vec<_>>().join(", ")
}

fn events() -> String {
    let mut table = "| type | metrics read again | the embedded shop adds |\n|---|---|---|\n".to_owned();
    let known =
        Subject::ALL.into_iter().flat_map(|subject| Change::ALL.map(|change| Event::Known(subject, change)));
    for event in known.chain([Event::FullUpdate]) {
        let told = event.metrics(Origin::Http);
        let added = event.metrics(Origin::Shop).minus(told);
        table.push_str(&format!("| `{}` | {} | {} |\n", event.name(), keys(told), keys(added)));
    }
    table
}

fn metrics() -> String {
    let mut table = "| metric | path |\n|---|---|\n".to_owned();
    for metric in Metric::ALL {
        let limit = metric.default_limit().map_or(String::new(), |rows| format!(" (`?limit=`, {rows})"));
        table.push_str(&format!("| `{}` | `{}`{limit} |\n", metric.key(), metric.path()));
    }
    table
}

/// `text` with what stands between the markers of `name` replaced by `table`.
fn with(text: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- {name}: written by shared/tests/docs.rs -->\n");
    let (before, rest) = text.split_once(&begin).expect("the marker");
    let (_, after) = rest.split_once("<!-- end -->").expect("the end marker");
    format!("{before}{begin}{table}<!-- end -->{after}")
}

#[test]
fn the_tables_of_the_protocol_are_those_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = fs::read_to_string(&path).expect("docs/protocol.md");
    let expected = with(&with(&text, "events", &events()), "metrics", &metrics());
    if std::env::var_os("PULSO_WRITE_DOCS").is_some() {
        fs::write(&path, expected).expect("a writable file");
        return;
    }
    assert_eq!(text, expected, "write the tables anew: PULSO_WRITE_DOCS=1 cargo test -p shared --test docs");
}
