//! Every setting: its name in the environment, its default and its limits. Nothing else reads the environment.

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches, ValueEnum, value_parser};
use ipnet::IpNet;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Shorter keys can be guessed offline from one token.
const SECRET_BYTES: usize = 32;

#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Address to listen on [default: 127.0.0.1 with the port of WS_PORT]
    #[arg(long, env = "PULSO_LISTEN", value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,

    /// Port of the default address; PULSO_LISTEN wins over it
    #[arg(long, env = "WS_PORT", value_name = "PORT", default_value_t = 8081)]
    pub ws_port: u16,

    /// An existing shop backend, e.g. http://localhost:3000; unset: the embedded shop
    #[arg(long, env = "REST_API_URL", value_name = "URL", hide_env_values = true, value_parser = http_url)]
    pub rest_api_url: Option<Url>,

    /// Bearer token for fetching that backend's statistics
    #[arg(long, env = "REST_API_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub rest_api_token: Option<SecretString>,

    /// Database of the embedded shop: sqlite://FILE or postgres://…
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite://pulso.db",
        hide_env_values = true,
        global = true
    )]
    pub database_url: String,

    /// Key of the sign-in tokens (HS256), 32 bytes or more; unset: the embedded shop makes one and keeps it
    #[arg(long, env = "JWT_SECRET", value_name = "KEY", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,

    /// Public key of that backend's tokens (RS256, ES256 or EdDSA, as the key is): PEM, or a file that holds it
    #[arg(
        long,
        env = "JWT_PUBLIC_KEY",
        value_name = "PEM|FILE",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub jwt_public_key: Option<String>,

    /// Where that backend publishes the keys of its tokens (RS256, ES256, EdDSA)
    #[arg(long, env = "JWKS_URL", value_name = "URL", hide_env_values = true, value_parser = http_url)]
    pub jwks_url: Option<Url>,

    /// Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, as addresses or networks; empty: none
    ///
    /// The default is this machine, so that a proxy beside the server needs no setting: whoever else can connect from here is
    /// on this machine already, and gains no more than to be counted under another address.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        value_name = "LIST",
        default_value = "127.0.0.1,::1",
        value_parser = networks
    )]
    pub trusted_proxies: List<IpNet>,

    /// Web pages of elsewhere that may talk to this server, e.g. https://taller.ec,https://panel.taller.ec
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "LIST", default_value = "", hide_default_value = true, value_parser = origins)]
    pub allowed_origins: List<String>,

    /// Bearer token that POST /notify asks for; unset: only this machine may notify
    #[arg(long, env = "NOTIFY_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub notify_token: Option<SecretString>,

    /// Fills an empty embedded shop with invented data
    #[arg(long, env = "PULSO_DEMO", value_parser = BoolishValueParser::new())]
    pub demo: bool,

    /// Makes something happen in the embedded shop every few seconds
    #[arg(long, env = "PULSO_DEMO_TRAFFIC", value_parser = BoolishValueParser::new())]
    pub demo_traffic: bool,

    /// Mail address of the first administrator, made only where there is none
    #[arg(long, env = "ADMIN_EMAIL", value_name = "MAIL")]
    pub admin_email: Option<String>,

    /// Password of the first administrator, 6 characters or more
    #[arg(long, env = "ADMIN_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub admin_password: Option<SecretString>,

    /// Whether people make their own accounts in the embedded shop
    #[arg(
        long,
        env = "PULSO_REGISTRATION",
        value_name = "open|closed",
        default_value = "open",
        hide_possible_values = true
    )]
    pub registration: Registration,

    /// Seconds that the token of a sign-in lasts, 5 to 604800; whoever refreshes gets tokens of 15 minutes at most
    #[arg(long, env = "PULSO_ACCESS_TOKEN_SECS", value_name = "SECONDS", default_value_t = 43_200, value_parser = value_parser!(u32).range(5..=604_800))]
    pub access_token_secs: u32,

    /// How numbers and dates are written in the dashboard
    #[arg(long, env = "PULSO_LOCALE", value_name = "TAG", default_value = "es-EC", value_parser = locale)]
    pub locale: String,

    /// What money is
    #[arg(long, env = "PULSO_CURRENCY", value_name = "CODE", default_value = "USD", value_parser = currency)]
    pub currency: String,

    /// Where "today" begins
    #[arg(long, env = "PULSO_TZ", value_name = "ZONE", default_value = "America/Guayaquil", value_parser = time_zone)]
    pub time_zone: String,

    /// Seconds after which all metrics are read again even if nothing was announced, 1 to 86400
    #[arg(long, env = "PULSO_RECONCILE_SECS", value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u32).range(1..=86_400))]
    pub reconcile_secs: u32,

    /// Clients that may be connected; the open-file limit may allow fewer
    #[arg(long, env = "PULSO_CLIENTS", value_name = "NUMBER", default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub clients: u32,

    /// Clients that may be connected from one address
    #[arg(long, env = "PULSO_CLIENTS_PER_ADDRESS", value_name = "NUMBER", default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub clients_per_address: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    Open,
    Closed,
}

impl From<Registration> for shop::Registration {
    fn from(registration: Registration) -> shop::Registration {
        match registration {
            Registration::Open => shop::Registration::Open,
            Registration::Closed => shop::Registration::Closed,
        }
    }
}

impl Config {
    /// From flags and environment.
    pub fn from_args(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Config, Refused> {
        let mut command = Config::augment_args(clap::Command::new("pulso"));
        let read = command.try_get_matches_from_mut(args).and_then(|found| Config::from_arg_matches(&found));
        let config = Config::refusing(read, &command)?;
        config.check().map_err(Refused::Wrong)?;
        Ok(config)
    }

    /// A wrong value becomes one line.
    pub fn refusing<T>(read: Result<T, clap::Error>, command: &clap::Command) -> Result<T, Refused> {
        read.map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refused::Asked(error.to_string()),
            _ => Refused::Wrong(one_line(&error, command)),
        })
    }

    /// What must hold between settings, and for secrets, which clap would print.
    pub fn check(&self) -> Result<(), String> {
        let secrets = [
            ("REST_API_TOKEN", &self.rest_api_token),
            ("NOTIFY_TOKEN", &self.notify_token),
            ("JWT_SECRET", &self.jwt_secret),
        ];
        if self.jwt_public_key.as_ref().is_some_and(|key| key.trim().is_empty()) {
            return Err("JWT_PUBLIC_KEY is empty; leave it unset instead".into());
        }
        for (name, secret) in secrets {
            if secret.as_ref().is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
                return Err(format!("{name} is empty; leave it unset instead"));
            }
        }
        let bytes = self.jwt_secret.as_ref().map_or(SECRET_BYTES, |secret| secret.expose_secret().len());
        if bytes < SECRET_BYTES {
            return Err(format!("JWT_SECRET has {bytes} bytes, and needs {SECRET_BYTES} or more"));
        }
        if self.rest_api_url.is_some() && (self.demo || self.demo_traffic) {
            return Err("the demo lives in the embedded shop: unset either REST_API_URL or PULSO_DEMO".into());
        }
        self.check_keys()?;
        match (&self.admin_email, &self.admin_password) {
            (Some(email), Some(password)) => {
                if !email.contains('@') {
                    return Err(format!("ADMIN_EMAIL must be a mail address, not '{email}'"));
                }
                if password.expose_secret().trim().chars().count() < 6 {
                    return Err("ADMIN_PASSWORD must have 6 characters or more".into());
                }
                Ok(())
            }
            (None, None) => Ok(()),
            (Some(_), None) => Err("ADMIN_EMAIL needs ADMIN_PASSWORD".into()),
            (None, Some(_)) => Err("ADMIN_PASSWORD needs ADMIN_EMAIL".into()),
        }
    }

    /// One way to verify tokens; none is for whoever sits at this machine.
    fn check_keys(&self) -> Result<(), String> {
        let given: Vec<_> = [
            ("JWT_SECRET", self.jwt_secret.is_some()),
            ("JWT_PUBLIC_KEY", self.jwt_public_key.is_some()),
            ("JWKS_URL", self.jwks_url.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect();
        if given.len() > 1 {
            return Err(format!("{} are set, and only one can be what verifies tokens", given.join(" and ")));
        }
        if self.rest_api_url.is_none() {
            return match given.first() {
                Some(&name) if name != "JWT_SECRET" => {
                    Err(format!("{name} verifies the tokens of a backend: set REST_API_URL, or unset it"))
                }
                _ => Ok(()),
            };
        }
        if given.is_empty() && !self.address().ip().is_loopback() {
            return Err(format!(
                "without JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL the backend's tokens cannot be verified, so \
                 PULSO_LISTEN must be a loopback address such as 127.0.0.1:8081, not {}",
                self.address()
            ));
        }
        Ok(())
    }

    pub fn trusted_proxies(&self) -> &[IpNet] {
        &self.trusted_proxies.0
    }

    pub fn address(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.ws_port))
    }

    pub fn admin(&self) -> Option<(String, SecretString)> {
        self.admin_email.clone().zip(self.admin_password.clone())
    }

    pub fn reconcile_every(&self) -> Duration {
        Duration::from_secs(self.reconcile_secs.into())
    }

    /// The backend without what its URL may hold of secrets: whose name it is, or a token in place of one, is not told.
    pub fn backend_name(&self) -> Option<String> {
        let mut url = self.rest_api_url.clone()?;
        url.set_query(None);
        url.set_fragment(None);
        if !url.username().is_empty() || url.password().is_some() {
            let _ = url.set_username("***");
            let _ = url.set_password(None);
        }
        Some(url.to_string())
    }

    /// The database without the password that its URL may hold, as the user's or as a parameter. What cannot be read as a
    /// URL may hold one anywhere.
    pub fn database_name(&self) -> String {
        let text = self.database_url.as_str();
        if text.starts_with("sqlite:") {
            return text.split('?').next().unwrap_or_default().to_owned();
        }
        let Ok(mut url) = Url::parse(text) else {
            return text.split_once("://").map_or("***".into(), |(scheme, _)| format!("{scheme}://***"));
        };
        url.set_query(None);
        url.set_fragment(None);
        if url.password().is_some() {
            let _ = url.set_password(Some("***"));
        }
        url.to_string()
    }
}

/// Values with commas between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// Why there is no configuration.
#[derive(Debug)]
pub enum Refused {
    /// `--help` or `--version`: its text.
    Asked(String),
    /// One line.
    Wrong(String),
}

/// clap's message goes on with usage and hints; its first paragraph says what is wrong, but not the name in the
/// environment that the value may have come from.
fn one_line(error: &clap::Error, command: &clap::Command) -> String {
    let message = error.to_string();
    let paragraph = message.split("\n\n").next().unwrap_or(&message);
    let line = paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line).to_owned();
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return line };
    let named = command
        .get_arguments()
        .find(|arg| arg.get_long().is_some_and(|long| flag.starts_with(&format!("--{long} "))));
    let is_secret = named.is_some_and(clap::Arg::is_hide_env_values_set);
    let line = match std::error::Error::source(error) {
        // clap repeats the value, which may hold a password.
        Some(reason) if is_secret => format!("invalid value for '{flag}': {reason}"),
        Some(_) | None => line,
    };
    match named.and_then(|arg| arg.get_env()) {
        Some(name) => format!("{}: {line}", name.to_string_lossy()),
        None => line,
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("{error}; expected a URL such as http://localhost:3000"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("expected a URL such as http://localhost:3000".into());
    }
    Ok(url)
}

fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<List<T>, String> {
    let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
    values.map(read).collect::<Result<_, _>>().map(List)
}

fn networks(text: &str) -> Result<List<IpNet>, String> {
    list(text, |value| {
        let address = || value.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        value.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
            format!("'{value:.100}' is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")
        })
    })
}

/// As browsers write them.
fn origins(text: &str) -> Result<List<String>, String> {
    list(text, |value| {
        let expected =
            || format!("'{value:.100}' is no origin such as https://taller.ec or http://10.0.0.7:5173");
        let url = http_url(value).map_err(|_| expected())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        if bare && nobody { Ok(url.origin().ascii_serialization()) } else { Err(expected()) }
    })
}

fn locale(text: &str) -> Result<String, String> {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    let language = text.split('-').next().unwrap_or_default();
    let named = (2..=3).contains(&language.len()) && language.chars().all(|c| c.is_ascii_alphabetic());
    if named && text.split('-').all(part) {
        Ok(text.to_owned())
    } else {
        Err("expected a language tag such as es-EC".into())
    }
}

fn currency(text: &str) -> Result<String, String> {
    let is_code = text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase());
    if is_code { Ok(text.to_owned()) } else { Err("expected a currency code such as USD".into()) }
}

fn time_zone(text: &str) -> Result<String, String> {
    jiff::tz::TimeZone::get(text).map_err(|_| "expected a time zone such as America/Guayaquil".to_owned())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &str) -> Result<Config, Refused> {
        Config::from_args(std::iter::once("pulso").chain(flags.split_whitespace()))
    }

    fn wrong(flags: &str, expected: &str) {
        let Err(Refused::Wrong(line)) = read(flags) else { panic!("{flags} was taken") };
        assert!(line.contains(expected), "{flags}: {line}");
        assert!(!line.contains('\n'), "{flags}: {line}");
    }

    #[test]
    fn the_defaults_are_those_of_the_readme() {
        let config = read("").expect("the defaults are fine");
        assert_eq!(config.address().to_string(), "127.0.0.1:8081");
        assert_eq!(config.database_url, "sqlite://pulso.db");
        assert_eq!((config.locale.as_str(), config.currency.as_str()), ("es-EC", "USD"));
        assert_eq!(config.time_zone, "America/Guayaquil");
        assert_eq!(config.reconcile_every(), Duration::from_secs(30));
        assert_eq!((config.clients, config.clients_per_address), (20_000, 2_000));
    }

    #[test]
    fn the_address_wins_over_the_port() {
        assert_eq!(read("--ws-port 9000").expect("a port").address().to_string(), "127.0.0.1:9000");
        let both = read("--ws-port 9000 --listen 0.0.0.0:80").expect("an address");
        assert_eq!(both.address().to_string(), "0.0.0.0:80");
    }

    #[test]
    fn lists_have_commas_between_their_values() {
        let proxies = |text: &str| {
            let config = read(&format!("--trusted-proxies={text}")).expect("a list");
            config.trusted_proxies.0.iter().map(IpNet::to_string).collect::<Vec<_>>()
        };
        assert_eq!(proxies("10.0.0.0/8,192.0.2.1,::1"), ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]);
        assert!(proxies("").is_empty(), "none");
        let config = read("").expect("the defaults");
        assert_eq!(config.trusted_proxies(), networks("127.0.0.1/32,::1/128").expect("networks").0);
        let origins = read("--allowed-origins HTTPS://Taller.ec:443,http://10.0.0.7:5173/").expect("a list");
        assert_eq!(origins.allowed_origins.0, ["https://taller.ec", "http://10.0.0.7:5173"]);
    }

    #[test]
    fn a_backend_with_a_key_may_be_served_to_everybody() {
        for key in [
            "--jwks-url http://x/keys",
            "--jwt-public-key key.pem",
            "--jwt-secret 0123456789012345678901234567890123",
        ] {
            read(&format!("--rest-api-url http://x --listen 0.0.0.0:8081 {key}")).expect(key);
        }
    }

    #[test]
    fn wrong_values_are_refused_in_one_line() {
        wrong("--listen localhost", "PULSO_LISTEN: ");
        wrong("--ws-port 99999", "--ws-port");
        wrong("--rest-api-url ftp://x", "http://localhost:3000");
        wrong("--rest-api-url localhost:3000", "http://localhost:3000");
        wrong("--jwt-secret short", "JWT_SECRET has 5 bytes, and needs 32 or more");
        wrong("--currency dollars", "USD");
        wrong("--locale español", "es-EC");
        wrong("--time-zone Mars/Olympus", "America/Guayaquil");
        wrong("--reconcile-secs 0", "1..=86400");
        wrong("--registration maybe", "closed");
        wrong("--access-token-secs 1", "5..=604800");
        wrong("--clients 0", "1..=1000000");
        wrong("--clients-per-address many", "--clients-per-address");
        wrong("--admin-email a@b.co", "ADMIN_PASSWORD");
        wrong("--admin-email a@b.co --admin-password short", "6 characters");
        wrong("--admin-email ab --admin-password longenough", "mail address");
        wrong("--rest-api-url http://x --demo", "PULSO_DEMO");
        wrong("--rest-api-url http://x --listen 0.0.0.0:8081", "JWT_SECRET");
        wrong("--rest-api-url http://x --listen [::]:8081", "JWKS_URL");
        wrong("--jwks-url http://x", "JWKS_URL verifies the tokens of a backend");
        wrong("--jwt-public-key x.pem", "JWT_PUBLIC_KEY verifies the tokens of a backend");
        let both = "--rest-api-url http://x --jwks-url http://x --jwt-public-key x.pem";
        wrong(both, "JWT_PUBLIC_KEY and JWKS_URL are set");
        wrong("--trusted-proxies 10.0.0.1,nginx", "'nginx' is neither an address");
        wrong("--trusted-proxies 10.0.0.0/33", "10.0.0.0/8");
        wrong("--allowed-origins taller.ec", "https://taller.ec");
        wrong("--allowed-origins *", "https://taller.ec");
        wrong("--allowed-origins https://taller.ec/panel", "https://taller.ec");
        wrong("--allowed-origins null", "https://taller.ec");
        wrong("--unknown", "--unknown");
    }

    #[test]
    fn secrets_stay_out_of_what_is_printed() {
        let config =
            read("--jwt-secret 0123456789012345678901234567890123456789 --database-url postgres://u:pw@h/d");
        let config = config.expect("a configuration");
        assert!(!format!("{:?}", config.jwt_secret).contains("0123"));
        assert_eq!(config.database_name(), "postgres://u:***@h/d");
    }

    #[test]
    fn a_database_is_named_without_what_may_be_a_password() {
        let check = |url: &str, expected: &str| {
            let config = read(&format!("--database-url {url}")).expect("a configuration");
            assert_eq!(config.database_name(), expected, "{url}");
        };
        check("postgres://h/d?password=x&sslmode=require", "postgres://h/d");
        check("postgres://u:pw@h/d?password=x#y", "postgres://u:***@h/d");
        check("postgres://u:p#w@h/d", "postgres://***");
        check("postgres://u:p?w@h/d", "postgres://***");
        check("sqlite://pulso.db?mode=rwc", "sqlite://pulso.db");
        check("sqlite:///var/lib/a%20b#1.db", "sqlite:///var/lib/a%20b#1.db");
        check("sqlite::memory:", "sqlite::memory:");
    }
}
