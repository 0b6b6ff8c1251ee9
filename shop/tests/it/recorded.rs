//! The shop beside the original: what a running one answered, step by step, and what this one answers.
//!
//! Refusals have to be the same to the letter; of answers the fields and their JSON types are compared. What differs
//! on purpose is listed here with its reason, and each line of the list has to be needed.

use super::support::*;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Exchange {
    name: String,
    /// Who asks; recorded without a name, and found out by what they may.
    #[serde(rename = "as")]
    by: String,
    method: String,
    path: String,
    #[serde(default)]
    req: Value,
    status: u16,
    res: Value,
}

/// Another status than the original's.
const STATUSES: [(&str, u16, &str); 4] = [
    ("create service dup", 409, "something that exists already is no 404"),
    ("get order admin missing", 404, "a missing order is no empty 200"),
    ("get order bad uuid", 400, "a malformed id is the caller's fault"),
    ("delete user", 409, "who is needed stays, and the answer says for what"),
];

/// Refusals of the same status in other words.
const WORDS: [(&str, &str); 1] =
    [("login unknown", "the same answer for an unknown mail address and a wrong password")];

/// `-`: only the original has the field, `+`: only this shop; the field is named with what it stands in.
const FIELDS: [(&str, &str); 25] = [
    ("+.evaluatedBy", WHOLE),
    ("+.service", WHOLE),
    ("+equipment.user", WHOLE),
    ("+repairOrder.evaluatedBy", WHOLE),
    ("+repairOrderDetails.service", WHOLE),
    ("+repairOrderDetails.technician", WHOLE),
    ("+repairOrderParts.part", WHOLE),
    ("+savedOrder.repairOrderDetails", WHOLE),
    ("+savedOrder.repairOrderParts", WHOLE),
    ("-.active", OF_TECHNICIANS),
    ("-.experienceYears", OF_TECHNICIANS),
    ("-.isEvaluator", OF_TECHNICIANS),
    ("-.password", "a password, or its hash, is never sent"),
    ("-.ticketServices", "all the work that someone ever did has a list of its own"),
    ("-equipment.repairOrders", EMPTY),
    ("-evaluatedBy.address", REACHED),
    ("-evaluatedBy.email", REACHED),
    ("-evaluatedBy.phone", REACHED),
    ("-repairOrderDetails.repairOrder", REPEATED),
    ("-repairOrderParts.repairOrder", REPEATED),
    ("-technician.address", REACHED),
    ("-technician.email", REACHED),
    ("-technician.equipments", EMPTY),
    ("-technician.phone", REACHED),
    ("-user.equipments", EMPTY),
];

const REACHED: &str = "clients reach technicians through the shop";
const WHOLE: &str = "an order shows its work and parts whole, whoever asks and after whatever";
const REPEATED: &str = "the original repeats the order within its own parts";
const OF_TECHNICIANS: &str = "a client has no specialty, no experience and nothing to evaluate";
const EMPTY: &str = "an empty list beside a person is no fact about them";

fn recorded() -> Vec<Exchange> {
    serde_json::from_str(include_str!("../recorded.json")).expect("the recording")
}

/// What the recording calls `uuid-7`, and what it is here.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    /// Ids stand at the same places in both answers.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (name, theirs) in theirs {
                    self.learn(theirs, ours.get(name).unwrap_or(&Value::Null));
                }
            }
            // Lists of details are in another order where the original had none.
            (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
                theirs.iter().zip(ours).for_each(|(theirs, ours)| self.learn(theirs, ours));
            }
            (Value::String(theirs), Value::String(ours)) if theirs.starts_with("uuid-") => {
                self.0.entry(theirs.clone()).or_insert_with(|| ours.clone());
            }
            _ => {}
        }
    }

    /// Of nobody, if it was never seen.
    fn translate(&self, text: &str) -> String {
        let mut parts = text.split("uuid-");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let known = self.0.get(&format!("uuid-{number}"));
            whole.push_str(known.map_or("550e8400-e29b-41d4-a716-446655440000", String::as_str));
            whole.push_str(rest);
        }
        whole
    }
}

/// The differences in fields and types, named by the field and what it stands in.
fn differences(place: &str, theirs: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for name in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                match (theirs.get(name), ours.get(name)) {
                    (Some(theirs), Some(ours)) => differences(name, theirs, ours, found),
                    (Some(_), None) => drop(found.insert(format!("-{place}.{name}"))),
                    (None, _) => drop(found.insert(format!("+{place}.{name}"))),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if let (Some(theirs), Some(ours)) = (theirs.first(), ours.first()) {
                differences(place, theirs, ours, found);
            }
        }
        // SQL's numerics came as texts; the contract wants numbers.
        (Value::String(text), Value::Number(_)) if text.parse::<f64>().is_ok() => {}
        (Value::Null, _) | (_, Value::Null) => {}
        (theirs, ours) if std::mem::discriminant(theirs) == std::mem::discriminant(ours) => {}
        (theirs, ours) => drop(found.insert(format!("{place}: {theirs} is {ours}"))),
    }
}

#[tokio::test]
async fn it_answers_as_the_original_did_but_for_what_is_listed() {
    let shop = TestShop::open().await;
    let (mut names, mut tokens) = (Names::default(), BTreeMap::from([(String::new(), String::new())]));
    let (mut fields, mut statuses, mut words) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for exchange in recorded() {
        let Exchange { name, by, method, path, req, status, res } = exchange;
        let body = if req.is_null() { String::new() } else { names.translate(&req.to_string()) };
        let method: Method = method.parse().expect("a method");
        let (got, ours) = shop.call_raw(method, &names.translate(&path), &tokens[&by], body).await;
        let expected = STATUSES.iter().find(|(step, ..)| *step == name).map_or(status, |(_, ours, _)| *ours);
        assert_eq!(got.as_u16(), expected, "{name}: {ours}");
        if expected != status {
            statuses.insert(name);
        } else if status >= 400 {
            let theirs: Value = serde_json::from_str(&names.translate(&res.to_string())).expect("JSON");
            if theirs != ours {
                words.insert(name);
            }
        } else {
            names.learn(&res, &ours);
            differences("", &res, &ours, &mut fields);
            if name == "register" {
                // As they made theirs.
                shop.run("UPDATE users SET role = 'Admin' WHERE email = 'admin@x.co'").await;
            }
            if let Some(token) = ours["access_token"].as_str() {
                let person = match req["email"].as_str().unwrap_or_default().split('@').next() {
                    Some("admin") | None => "ana",
                    Some(name) => name,
                };
                tokens.insert(person.to_owned(), token.to_owned());
            }
        }
    }
    let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(statuses, listed(&STATUSES.map(|(name, ..)| name)));
    assert_eq!(words, listed(&WORDS.map(|(name, _)| name)));
    assert_eq!(fields, listed(&FIELDS.map(|(name, _)| name)), "{}", json!(fields));
}
