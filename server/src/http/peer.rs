//! Where a request comes from: the peer of its connection, and whom a proxy in between speaks for. Found out once for each
//! request, before anything else looks at it.

use super::App;
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use shop::Requester;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: IpAddr,
    /// Who is counted: the peer, or whom a trusted proxy speaks for.
    pub client: IpAddr,
    /// Loopback means: the peer is loopback, no proxy says that it stands in between, and the caller asked for
    /// a loopback name. (Behind a proxy on the same host every peer is loopback.)
    pub is_this_machine: bool,
    /// The client speaks TLS, says a trusted proxy.
    pub secure: bool,
    /// The peer is a proxy whose word counts.
    pub is_proxy: bool,
}

impl Peer {
    pub fn of(request: &Request, proxies: &[IpNet]) -> Peer {
        let address =
            request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Peer::at(address.unwrap_or(NOWHERE), request.headers(), proxies)
    }

    fn at(address: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Peer {
        let proxied = headers.contains_key(header::FORWARDED) || headers.contains_key(FORWARDED_FOR);
        let is_this_machine =
            address.is_loopback() && !proxied && host(headers).is_some_and(is_loopback_name);
        let is_proxy = is_listed(address, proxies);
        let client = if is_proxy { client(address, headers, proxies) } else { address };
        let secure = is_proxy && said_secure(headers);
        Peer { address, client, is_this_machine, secure, is_proxy }
    }
}

/// Without a known address nobody is at this machine.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Self::Rejection> {
        let known = parts.extensions.get::<Peer>().copied();
        Ok(known.unwrap_or_else(|| Peer::at(NOWHERE, &parts.headers, &[])))
    }
}

/// Tells the shop where a request comes from.
pub async fn requester(peer: Peer, mut request: Request, next: Next) -> Response {
    let Peer { client: address, secure, is_this_machine: this_machine, .. } = peer;
    request.extensions_mut().insert(Requester { address, secure, this_machine });
    next.run(request).await
}

impl Peer {
    /// For handlers of ours that are called without the layers around them.
    pub fn note(app: &App, request: &mut Request) -> Peer {
        let peer = Peer::of(request, app.config.trusted_proxies());
        request.extensions_mut().insert(peer);
        peer
    }
}

/// Each proxy appends its own peer, so the list is read from its end, for as long as the one who wrote an entry is
/// trusted; what stands before that came from the client, who may write anything.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    let mut client = peer;
    for entry in lines.flat_map(|line| line.rsplit(',')) {
        let Some(address) = forwarded_address(entry.trim()) else { break };
        client = address;
        if !is_listed(address, proxies) {
            break;
        }
    }
    client
}

/// Some proxies add the port.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().or_else(|_| entry.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The last word is that of the proxy in front of us.
fn said_secure(headers: &HeaderMap) -> bool {
    let last = |name: &str| headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next();
    match last(FORWARDED_PROTO) {
        Some(proto) => proto.trim().eq_ignore_ascii_case("https"),
        None => last(header::FORWARDED.as_str()).is_some_and(|hop| {
            let pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.into_iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("proto") && value.trim_matches('"').eq_ignore_ascii_case("https")
            })
        }),
    }
}

fn is_listed(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

pub fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Of an authority such as `localhost:8081` or `[::1]:8081`.
pub fn is_loopback_name(authority: &str) -> bool {
    let name = name_of(authority).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An authority without its port.
pub fn name_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    fn networks(names: &[&str]) -> Vec<IpNet> {
        names.iter().map(|name| name.parse().expect("a network")).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn loopback_names_are_told_from_others() {
        for name in ["localhost", "LOCALHOST:8081", "127.0.0.1:1", "127.9.9.9", "[::1]:8081", "a.localhost"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1:80",
            "[2001:db8::1]:80",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn a_list_of_proxies_is_read_from_its_end_past_those_that_are_trusted() {
        let proxies = networks(&["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]);
        let check = |lines: &[&str], expected: &str| {
            let pairs: Vec<_> = lines.iter().map(|line| (FORWARDED_FOR, *line)).collect();
            let peer = Peer::at(ip("127.0.0.1"), &headers(&pairs), &proxies);
            assert_eq!(peer.client, ip(expected), "{lines:?}");
        };
        check(&[], "127.0.0.1");
        check(&["192.0.2.7"], "192.0.2.7");
        check(&["1.2.3.4, 192.0.2.7"], "192.0.2.7");
        check(&["1.2.3.4, 192.0.2.7, 10.0.0.1,10.0.0.2"], "192.0.2.7");
        check(&["1.2.3.4", "192.0.2.7", "10.0.0.1"], "192.0.2.7");
        check(&["192.0.2.7:4711, [fd00::1]:80, [fd00::2]"], "192.0.2.7");
        check(&["::ffff:192.0.2.7"], "192.0.2.7");
        // Who asked the proxy is itself a proxy of ours, or the machine that it runs on.
        check(&["10.0.0.9"], "10.0.0.9");
        // The nearest that could be read.
        check(&["192.0.2.7, unknown"], "127.0.0.1");
        check(&["192.0.2.7, unknown, 10.0.0.1"], "10.0.0.1");
        check(&[""], "127.0.0.1");
    }

    #[test]
    fn nobody_else_is_believed() {
        let said = headers(&[(FORWARDED_FOR, "192.0.2.7"), (FORWARDED_PROTO, "https")]);
        let check = |peer: &str, proxies: &[&str], client: &str, secure: bool| {
            let peer = Peer::at(ip(peer), &said, &networks(proxies));
            assert_eq!((peer.client, peer.secure), (ip(client), secure), "{peer:?}");
            assert!(!peer.is_this_machine);
        };
        check("203.0.113.1", &["127.0.0.1/32"], "203.0.113.1", false);
        check("127.0.0.1", &[], "127.0.0.1", false);
        check("127.0.0.1", &["127.0.0.1/32"], "192.0.2.7", true);
    }

    #[test]
    fn the_proxy_in_front_says_last_whether_the_client_speaks_tls() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(said_secure(&headers(pairs)), expected, "{pairs:?}");
        };
        check(&[], false);
        check(&[(FORWARDED_PROTO, "https")], true);
        check(&[(FORWARDED_PROTO, "HTTPS")], true);
        check(&[(FORWARDED_PROTO, "https, http")], false);
        check(&[(FORWARDED_PROTO, "https"), (FORWARDED_PROTO, "http")], false);
        check(&[("forwarded", "for=192.0.2.7;proto=https")], true);
        check(&[("forwarded", "proto=https, for=10.0.0.1; Proto=\"http\"")], false);
        // A client's own `Forwarded`, which a proxy with the other header does not know.
        check(&[(FORWARDED_PROTO, "http"), ("forwarded", "proto=https")], false);
    }

    #[test]
    fn this_machine_is_who_asks_it_directly_by_a_loopback_name() {
        let check = |address: &str, pairs: &[(&'static str, &str)], expected: bool| {
            let peer = Peer::at(ip(address), &headers(pairs), &networks(&["127.0.0.1/32"]));
            assert_eq!(peer.is_this_machine, expected, "{address} {pairs:?}");
        };
        let name = ("host", "localhost:8081");
        check("127.0.0.1", &[name], true);
        check("::1", &[("host", "[::1]:8081")], true);
        check("192.0.2.7", &[name], false);
        check("127.0.0.1", &[("host", "taller.ec")], false);
        check("127.0.0.1", &[], false);
        check("127.0.0.1", &[name, (FORWARDED_FOR, "127.0.0.1")], false);
        check("127.0.0.1", &[name, (FORWARDED_FOR, "")], false);
        check("127.0.0.1", &[name, ("forwarded", "for=127.0.0.1")], false);
    }
}
