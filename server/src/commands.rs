//! What the program does besides serving: one thing, and then it ends.

use crate::config::{Config, Refused};
use clap::{Args, CommandFactory, Parser, Subcommand};
use secrecy::SecretString;
use shop::{Admin, Code, SCREEN_NAME_CHARS};
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
