//! What a broadcast costs in Pulso, in other servers that do the same job, and at the least.
//!
//! `run` starts every server in turn, measures, and writes `results.json`; the table and the picture are made of that
//! file. In reading order: clients and backend around a server, the servers, the measures, and what comes out.

mod system;
mod frame;
mod clients;
mod notifier;
mod upstream;
mod peer;
mod server;
mod measure;
mod results;
mod report;
mod picture;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use measure::Bench;
use results::Results;
use server::{GENERATOR_CORE, Peer, Programs};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use time::OffsetDateTime;
use time::macros::format_description;

/// What the largest measure opens: its clients, and a few more.
const FILES: u64 = 10_200;

#[derive(Parser)]
#[command(name = "pulso-bench", about = "Measures Pulso beside other servers")]
enum Command {
    /// Measures everything, writes results.json, prints the table and draws the picture
    Run(Run),
    /// Prints the table of earlier results
    Table { results: PathBuf },
    /// Draws the picture of earlier results
    Picture { results: PathBuf, picture: PathBuf },
    #[command(subcommand, hide = true)]
    Peer(PeerCommand),
}

#[derive(Subcommand)]
enum PeerCommand {
    BareWrite(peer::Settings),
    Axum(peer::Settings),
    Original(peer::Settings),
}

#[derive(clap::Args)]
struct Run {
    /// The server's binary
    #[arg(long, default_value = "target/release/pulso")]
    pulso: PathBuf,
    /// The folder with the servers in JavaScript
    #[arg(long, default_value = "bench/peers")]
    peers: PathBuf,
    /// Results and the servers' logs
    #[arg(long, default_value = "bench/out")]
    out: PathBuf,
    /// Where the picture goes; none is drawn without it
    #[arg(long)]
    picture: Option<PathBuf>,
    /// One short round of each, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Only these measures: fanout, workers, job, storm
    #[arg(long, value_delimiter = ',', default_value = "fanout,workers,job,storm")]
    only: Vec<String>,
    /// Only these servers in the fan-out, by the beginnings of their names, and always the bare write
    #[arg(long, value_delimiter = ',')]
    peers_only: Vec<String>,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Run(run) => measure_all(&run),
        Command::Table { results } => {
            print!("{}", report::table(&read(&results)?));
            Ok(())
        }
        Command::Picture { results, picture } => Ok(fs::write(picture, picture::svg(&read(&results)?))?),
        Command::Peer(PeerCommand::BareWrite(settings)) => peer::bare_write::run(&settings),
        Command::Peer(PeerCommand::Axum(settings)) => peer::axum_idiom::run(settings),
        Command::Peer(PeerCommand::Original(settings)) => peer::original::run(settings),
    }
}

fn measure_all(run: &Run) -> Result<()> {
    fs::create_dir_all(&run.out)?;
    let files = system::raise_file_limit()?;
    ensure!(
        files >= FILES,
        "10,000 clients need {FILES} open files; here only {files} are allowed (ulimit -n)"
    );
    // Threads and children inherit it; servers get another core.
    system::pin(&[GENERATOR_CORE]).context("the benchmark needs two cores")?;
    let began = Instant::now();
    let programs = Programs { pulso: run.pulso.clone(), peers: run.peers.clone(), scratch: run.out.clone() };
    let results = Results { machine: machine(), began: now(), ..Results::default() };
    let upstream = upstream::Upstream::start()?;
    let mut bench = Bench { programs, upstream, results, quick: run.quick, envelope_bytes: 0 };
    let rounds = if run.quick { 1 } else { 5 };
    measure::fanout::calibrate(&mut bench).context("Pulso does not broadcast")?;
    let wanted = |name: &str| run.only.iter().any(|only| only == name);
    if wanted("fanout") {
        measure::fanout::run(&mut bench, &peers(run), rounds);
    }
    if wanted("workers") {
        measure::two_workers::run(&mut bench, rounds);
    }
    if wanted("storm") {
        measure::storm::run(&mut bench, rounds.min(3));
    }
    if wanted("job") {
        measure::job::run(&mut bench);
    }
    bench.results.took_s = began.elapsed().as_secs();
    bench.results.summarise();
    let file = run.out.join("results.json");
    fs::write(&file, serde_json::to_string_pretty(&bench.results)?)?;

    let results = read(&file)?;
    print!("{}", report::table(&results));
    println!("\nEvery sample is in {}", file.display());
    if let Some(picture) = &run.picture {
        fs::write(picture, picture::svg(&results))?;
    }
    Ok(())
}

/// Without the limit no figure means anything.
fn peers(run: &Run) -> Vec<Peer> {
    let named = |peer: &Peer| {
        run.peers_only.iter().any(|start| peer.name().to_lowercase().starts_with(&start.to_lowercase()))
    };
    let wanted = |peer: &Peer| run.peers_only.is_empty() || *peer == Peer::BareWrite || named(peer);
    Peer::FANOUT.into_iter().filter(wanted).collect()
}

fn read(file: &PathBuf) -> Result<Results> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(serde_json::from_str(&text)?)
}

fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim().to_owned();
    format!("{}, Linux {kernel}", model.unwrap_or("unknown processor"))
}

fn now() -> String {
    OffsetDateTime::now_utc()
        .format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))
        .unwrap_or_default()
}
