//! What the program does besides serving: one thing, and then it ends.

use crate::config::{Config, Refused};
use clap::{Args, CommandFactory, Parser, Subcommand, value_parser};
use secrecy::SecretString;
use shop::{Admin, Code, Progress, SCREEN_NAME_CHARS, Seeding};
use std::io::{IsTerminal, stdin};
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The live dashboard of a repair shop.
///
/// With REST_API_URL it serves the dashboard of an existing shop backend; without, it is the shop itself.
#[derive(Parser)]
#[command(name = "pulso", version, max_term_width = 110)]
pub struct Invocation {
    #[command(flatten)]
    pub config: Config,
    /// Unset: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Administrators of the embedded shop
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Fills the embedded shop with invented orders, to try out how it goes with many
    Seed(Seed),
    /// Screens on a wall, also while a server runs
    #[command(subcommand)]
    Screen(ScreenCommand),
    /// Copies the SQLite database to a new file, while a server goes on writing
    Backup(Backup),
}

#[derive(Args)]
pub struct Backup {
    /// A file that is not there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Subcommand)]
pub enum AdminCommand {
    /// Makes an administrator; the password comes from ADMIN_PASSWORD, or is asked for
    Create(AdminCreate),
}

#[derive(Args)]
pub struct AdminCreate {
    /// Mail address to sign in with
    #[arg(long, value_name = "MAIL")]
    email: String,
}

#[derive(Args)]
pub struct Seed {
    /// How many orders; there will be a tenth as many clients, and three details an order
    #[arg(value_name = "N", value_parser = value_parser!(u64).range(1..=10_000_000))]
    orders: u64,
    /// Another number makes another shop
    #[arg(long, value_name = "NUMBER", default_value_t = 593)]
    seed: u64,
    /// Also where there are orders already
    #[arg(long)]
    more: bool,
}

#[derive(Subcommand)]
pub enum ScreenCommand {
    /// Lets the screen in that shows this code
    Approve(ScreenApprove),
    /// Shows the approved screens
    List,
    /// Takes a screen's access away; a running server sees it within a minute
    Revoke {
        /// As the list shows it
        id: String,
    },
}

#[derive(Args)]
pub struct ScreenApprove {
    /// The six digits
    #[arg(value_parser = code)]
    code: Code,
    /// What it is called from now on
    #[arg(long, default_value = "Pantalla", value_parser = screen_name)]
    name: String,
}

fn code(text: &str) -> Result<Code, String> {
    Code::parse(text).ok_or_else(|| "expected the six digits that the screen shows".to_owned())
}

fn screen_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    match name.chars().count() {
        1..=SCREEN_NAME_CHARS => Ok(name.to_owned()),
        _ => Err(format!("expected 1 to {SCREEN_NAME_CHARS} characters")),
    }
}

impl Invocation {
    /// From flags and environment. A wrong value ends the start with one clear line.
    pub fn read() -> Result<Invocation, ExitCode> {
        let read = Config::refusing(Invocation::try_parse(), &Invocation::command());
        let checked = read.and_then(|invocation| match &invocation.command {
            None => invocation.config.check().map_err(Refused::Wrong).map(|()| invocation),
            Some(_) => Ok(invocation),
        });
        checked.map_err(|refused| match refused {
            Refused::Asked(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Refused::Wrong(line) => {
                eprintln!("pulso: {line}");
                ExitCode::from(2)
            }
        })
    }
}

pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    match command {
        Command::Admin(AdminCommand::Create(new)) => create_admin(new.email, &config).await,
        Command::Seed(wish) => seed(&wish, &config).await,
        Command::Screen(ScreenCommand::Approve(new)) => approve_screen(&new, &config).await,
        Command::Screen(ScreenCommand::List) => list_screens(&config).await,
        Command::Screen(ScreenCommand::Revoke { id }) => {
            shop::revoke_screen(&config.database_url, &id).await?;
            println!("{id} is no screen any more; a server that runs ends it within a minute");
            Ok(())
        }
        Command::Backup(backup) => back_up(&backup.file, &config).await,
    }
}

async fn approve_screen(new: &ScreenApprove, config: &Config) -> anyhow::Result<()> {
    let screen = shop::approve_screen(&config.database_url, &new.code, &new.name).await?;
    println!("{} shows the dashboard now ({})", screen.name, screen.id);
    Ok(())
}

async fn list_screens(config: &Config) -> anyhow::Result<()> {
    for screen in shop::list_screens(&config.database_url).await? {
        let seen = screen.last_seen.unwrap_or_else(|| "never seen".to_owned());
        println!("{}  {:<24}  {}  {}", screen.id, seen, screen.approved_at, screen.name);
    }
    Ok(())
}

async fn create_admin(email: String, config: &Config) -> anyhow::Result<()> {
    let password = match &config.admin_password {
        Some(password) => password.clone(),
        None => asked_password()?,
    };
    shop::create_admin(&config.database_url, &Admin { email: email.clone(), password }).await?;
    println!("{email} administers the shop in {} now", config.database_name());
    Ok(())
}

async fn seed(wish: &Seed, config: &Config) -> anyhow::Result<()> {
    let seeding = Seeding { orders: wish.orders, seed: wish.seed, more: wish.more };
    let mut shown = Shown::new();
    let seeded = shop::seed(&config.database_url, &seeding, |progress| shown.show(progress)).await?;
    println!(
        "{} orders are in {} now, after {:.0} s, of which the totals of the statistics took {:.1} s",
        wish.orders,
        config.database_name(),
        seeded.took.as_secs_f64(),
        seeded.totals_took.as_secs_f64()
    );
    Ok(())
}

/// A line of progress: for a person one that is written over, for a file one now and then.
struct Shown {
    person: bool,
    last: Option<Instant>,
}

impl Shown {
    fn new() -> Shown {
        Shown { person: stderr().is_terminal(), last: None }
    }

    fn show(&mut self, progress: Progress) {
        let every = Duration::from_millis(if self.person { 200 } else { 10_000 });
        let at_once = match progress {
            Progress::People { done, of } => done == of,
            Progress::Orders { done, of, .. } => done == of,
            Progress::Totals => true,
        };
        if !at_once && self.last.is_some_and(|last| last.elapsed() < every) {
            return;
        }
        self.last = Some(Instant::now());
        let line = progress_line(progress);
        let mut stderr = stderr().lock();
        // Whether anyone reads it does not matter.
        let _ = if self.person && !at_once {
            write!(stderr, "\r{line}\x1b[K")
        } else if self.person {
            writeln!(stderr, "\r{line}\x1b[K")
        } else {
            writeln!(stderr, "{line}")
        };
    }
}

fn progress_line(progress: Progress) -> String {
    match progress {
        Progress::People { done, of } => format!("clients {done} of {of}"),
        Progress::Orders { done, of, since } => {
            let rate = done as f64 / since.as_secs_f64().max(1e-3);
            let remaining = (of - done) as f64 / rate.max(1e-3);
            format!("orders {done} of {of}, {rate:.0} a second, {remaining:.0} s to go")
        }
        Progress::Totals => "totals of the statistics".to_owned(),
    }
}

async fn back_up(file: &Path, config: &Config) -> anyhow::Result<()> {
    let key = shop::backup(&config.database_url, file).await?;
    println!("{} holds the shop in {} as it is now", file.display(), config.database_name());
    if let Some(key) = key {
        println!(
            "The key of the sign-in tokens is not in it, but in {}: without that file everybody signs in again",
            key.display()
        );
    }
    Ok(())
}

/// Unseen where a person types it; the first line where a program gives it.
fn asked_password() -> anyhow::Result<SecretString> {
    if stdin().is_terminal() {
        return Ok(rpassword::prompt_password("Password: ")?.into());
    }
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}
