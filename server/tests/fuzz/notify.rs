//! The body of POST /notify, which may come from anything that calls itself a backend.

use crate::bend;
use crate::world::{World, soon};
use futures_util::StreamExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Larger ones are not read: the server hangs up.
const BODY_BYTES: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notification_breaks_anything() {
    let (inputs, mut rng) = crate::share(crate::NOTIFICATIONS);
    let world = World::start().await;
    let url = format!("ws://{}/ws?version=0&token={}", world.address, world.admin);
    let (mut client, _) = soon("a handshake", tokio_tungstenite::connect_async(url)).await.expect("a client");
    soon("the first frame", client.next()).await.expect("open").expect("a frame");

    let is_object = |body: &[u8]| serde_json::from_slice::<Map<String, Value>>(body).is_ok();
    let all: Vec<_> = (0..inputs).map(|_| input(&mut rng)).collect();
    let (good, bad): (Vec<_>, Vec<_>) = all.into_iter().partition(|body| is_object(body));
    for body in &bad {
        assert_eq!(call(&world, body).await, 400, "{}", String::from_utf8_lossy(body));
    }
    // Something really changes, and of all those nobody hears.
    let part = json!({"name": "Juan", "email": "j@taller.ec", "password": "secreto"});
    world.made("/users", &world.admin, part).await;
    let frame = next(&mut client).await;
    let notifications = frame["notifications"].as_array().expect("what caused it");
    assert_eq!((notifications.len(), &notifications[0]["type"]), (1, &json!("USER_CREATED")), "{frame}");
    assert!(frame.get("omitted").is_none(), "{frame}");

    for body in &good {
        assert_eq!(call(&world, body).await, 200, "{}", String::from_utf8_lossy(body));
    }
    println!("{inputs} notifications: {} taken, {} refused", good.len(), bad.len());
    assert!(!good.is_empty() && !bad.is_empty());
    world.still_serves().await;
}

fn input(rng: &mut StdRng) -> Vec<u8> {
    let types =
        ["REPAIR_ORDER_CREATED", "USER_CREATED", "DASHBOARD_FULL_UPDATE", "SERVICE_DELETED", "ALGO_NUEVO"];
    let kind = types.choose(rng).copied().unwrap_or_default();
    let valid = json!({"event": "data_updated", "type": kind, "resourceId": "123e4567", "timestamp": "2025-11-16T10:30:45.123Z"});
    let mut body = bend::body(rng, &valid);
    body.truncate(BODY_BYTES);
    body
}

async fn call(world: &World, body: &[u8]) -> u16 {
    let request = world.http.post(format!("http://{}/notify", world.address)).body(body.to_vec());
    soon("an answer", request.send()).await.expect("an answer").status().as_u16()
}

async fn next(
    client: &mut (impl StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin),
) -> Value {
    loop {
        let message = soon("a frame", client.next()).await.expect("open").expect("a frame");
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        if frame["event"] != "HEARTBEAT" {
            return frame;
        }
    }
}
