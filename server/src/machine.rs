//! What the machine allows: open files, and giving memory back to it.

use crate::http::Gate;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::Duration;

/// Files that are not clients: listener, database, requests to the upstream, HTTP connections.
const OTHER_FILES: u64 = 256;

/// After a storm, others may still be settling.
const CALM: Duration = Duration::from_secs(1);

/// Raises the limit of open files as far as this process may, and tells how many clients that leaves room for.
pub fn room_for_clients() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // An error means that the old limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    match getrlimit(Resource::Nofile).current {
        Some(files) => usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).max(1),
        None => usize::MAX,
    }
}

/// Many handshakes at once leave some KiB each with the allocator, which would keep them for the next storm.
pub async fn give_memory_back(gate: Arc<Gate>) {
    loop {
        gate.storm_is_over().await;
        tokio::time::sleep(CALM).await;
        let given = tokio::task::spawn_blocking(trim).await.unwrap_or(false);
        tracing::debug!(given, "many clients joined; unused memory goes back to the system");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() -> bool {
    #[expect(
        unsafe_code,
        reason = "no crate wraps it; it takes a number and touches only the allocator's own state"
    )]
    // SAFETY: malloc_trim may be called at any time from any thread.
    let given = unsafe { libc::malloc_trim(0) };
    given == 1
}

/// Other allocators give it back themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() -> bool {
    false
}
