//! What the machine allows: open files, what the kernel does for connections, and giving memory back to it.

use std::time::Duration;
use tokio::net::TcpListener;

/// Files that are not clients: listener, database, requests to the upstream, HTTP connections; a quarter of few.
const OTHER_FILES: u64 = 256;

/// What a Mac allows although its limit says "unlimited".
#[cfg(unix)]
const UNLIMITED_FILES: u64 = 10_240;

/// Nobody has acknowledged anything for so long: the client is gone, whatever it was.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// How many connections there can be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub connections: usize,
    /// Of these, so many may be clients.
    pub clients: usize,
}

impl Room {
    /// A quarter of what is kept for other things is for those that are no connections.
    fn of(files: u64) -> Room {
        let other = OTHER_FILES.min(files / 4);
        let room = |files: u64| usize::try_from(files).unwrap_or(usize::MAX);
        Room { connections: room(files - other / 4), clients: room(files - other) }
    }
}

/// Raises the limit of open files as far as this process may, and tells what that leaves room for.
#[cfg(unix)]
pub fn room() -> Room {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let to = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).is_ok();
    if !to(limit.maximum) {
        // An error here means that the old limit stays.
        let most = limit.maximum.unwrap_or(UNLIMITED_FILES).min(UNLIMITED_FILES);
        let _ = limit.current.is_some_and(|now| now < most) && to(Some(most));
    }
    Room::of(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(not(unix))]
pub fn room() -> Room {
    Room::of(u64::MAX)
}

/// What holds for every connection. Linux hands it from the listener to each, without a system call of its own.
pub fn prepare(listener: &TcpListener) {
    let socket = socket2::SockRef::from(listener);
    // An error means that it stays as it is, which is slower and not wrong.
    //
    // Two frames in quick succession must not wait for a delayed acknowledgement.
    let _ = socket.set_tcp_nodelay(true);
    let alive = socket2::TcpKeepalive::new().with_time(GONE_AFTER);
    let _ = socket.set_tcp_keepalive(&alive);
    #[cfg(target_os = "linux")]
    {
        // Little unsent old state should lie in the kernel: a slow client gets newer state sooner.
        let _ = socket.set_tcp_notsent_lowat(16 * 1024);
        let _ = socket.set_tcp_user_timeout(Some(GONE_AFTER));
    }
}

/// Many handshakes at once leave some KiB each with the allocator, which would keep them for the next storm.
pub async fn give_memory_back() {
    let given = tokio::task::spawn_blocking(trim).await.unwrap_or(false);
    tracing::debug!(given, "many clients joined; unused memory goes back to the system");
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use socket2::SockRef;
    use tokio::net::TcpStream;

    #[test]
    fn there_is_room_for_somebody() {
        assert!(room().clients >= 100);
        let Room { connections, clients } = Room::of(1024);
        assert_eq!((connections, clients), (960, 768), "few files");
        let Room { connections, clients } = Room::of(20_000);
        assert_eq!((connections, clients), (19_936, 19_744));
    }

    #[tokio::test]
    async fn every_connection_has_what_its_listener_has() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        prepare(&listener);
        let client = TcpStream::connect(listener.local_addr().expect("an address"));
        let (_client, server) = tokio::join!(client, listener.accept());
        let (server, _) = server.expect("a connection");
        let socket = SockRef::from(&server);
        assert!(socket.tcp_nodelay().expect("an option"));
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_notsent_lowat().expect("an option"), 16 * 1024);
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(GONE_AFTER));
    }
}
