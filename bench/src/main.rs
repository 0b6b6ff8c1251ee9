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
mod scale;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use measure::Bench;
use results::Results;
use server::{GENERATOR_CORE, Peer, Programs};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use time::OffsetDateTime;
use time::macros::format_description;
use upstream::Upstream;

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
    /// Measures the statistics and new orders of shops with up to a million orders, and prints the table
    Scale(scale::Scale),
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
    /// How often each figure is taken
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these measures
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Question::ALL)]
    only: Vec<Question>,
    /// Only these servers in the fan-out, and always the bare write
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Peer::FANOUT)]
    servers: Vec<Peer>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Question {
    Fanout,
    Workers,
    Storm,
    Job,
}

impl Question {
    const ALL: [Question; 4] = [Question::Fanout, Question::Workers, Question::Storm, Question::Job];
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Run(run) => measure_and_show(&run),
        Command::Table { results } => {
            print!("{}", report::table(&read(&results)?));
            Ok(())
        }
        Command::Picture { results, picture } => Ok(fs::write(picture, picture::svg(&read(&results)?))?),
        Command::Scale(wish) => scale::run(&wish),
        Command::Peer(PeerCommand::BareWrite(settings)) => peer::bare_write::run(&settings),
        Command::Peer(PeerCommand::Axum(settings)) => peer::axum_idiom::run(settings),
        Command::Peer(PeerCommand::Original(settings)) => peer::original::run(settings),
    }
}

fn measure_and_show(run: &Run) -> Result<()> {
    fs::create_dir_all(&run.out)?;
    let file = run.out.join("results.json");
    fs::write(&file, serde_json::to_string_pretty(&measured(run)?)?)?;

    let results = read(&file)?;
    print!("{}", report::table(&results));
    println!("\nEvery sample is in {}", file.display());
    if let Some(picture) = &run.picture {
        fs::write(picture, picture::svg(&results))?;
    }
    Ok(())
}

fn measured(run: &Run) -> Result<Results> {
    let files = system::raise_file_limit()?;
    ensure!(files >= FILES, "10,000 clients need {FILES} open files; {files} are allowed (ulimit -n)");
    // Threads and children inherit it; servers get another core.
    system::pin(&[GENERATOR_CORE]).context("the benchmark needs two cores")?;
    let began = Instant::now();
    let mut bench = Bench {
        programs: Programs { pulso: run.pulso.clone(), peers: run.peers.clone(), scratch: run.out.clone() },
        upstream: Upstream::start()?,
        results: Results { machine: machine(), began: now(), ..Results::default() },
        quick: run.quick,
        envelope_bytes: 0,
    };
    let rounds = if run.quick { 1 } else { run.rounds };
    measure::fanout::calibrate(&mut bench).context("Pulso does not broadcast")?;
    for question in Question::ALL.into_iter().filter(|question| run.only.contains(question)) {
        match question {
            Question::Fanout => measure::fanout::run(&mut bench, &run.servers, rounds),
            Question::Workers => measure::two_workers::run(&mut bench, rounds),
            Question::Storm => measure::storm::run(&mut bench, rounds.min(3)),
            Question::Job => measure::job::run(&mut bench),
        }
    }
    bench.results.took_s = began.elapsed().as_secs();
    bench.results.summarise();
    Ok(bench.results)
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
