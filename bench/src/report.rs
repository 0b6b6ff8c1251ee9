//! The table that `make bench` prints: who needs how much of what, beside the limit.

use crate::results::{Job, Measure, Results, Spread};
use crate::server::Peer;
use std::fmt::Write;

pub fn table(results: &Results) -> String {
    let mut text = format!("\n{} ({} s, began {})\n", results.machine, results.took_s, results.began);
    if results.figure(Measure::CpuUsPerMessageFewSmall, Peer::BareWrite).is_some() {
        text += &fanout(results);
        text += &connections(results);
    }
    if results.figure(Measure::OneWorker, Peer::Pulso).is_some() {
        text += &workers(results);
    }
    if !results.jobs.is_empty() {
        text += &job(&results.jobs);
    }
    if results.figure(Measure::StormMs, Peer::Pulso).is_some() {
        text += &storm(results);
    }
    for note in &results.notes {
        let _ = writeln!(text, "! {note}");
    }
    text
}

fn fanout(results: &Results) -> String {
    let [small, large] = results.frame_bytes;
    let header = ["clients x frame".to_owned()]
        .into_iter()
        .chain(
            ["1,000", "10,000"]
                .iter()
                .flat_map(|clients| [small, large].map(|bytes| format!("{clients} x {bytes} B"))),
        )
        .collect::<Vec<_>>();
    let compared = |measures: [Measure; 4], unit: &str| {
        let mut rows = peers(|peer| measures.map(|measure| ratio(results.ratio(measure, peer))).to_vec());
        let limit = measures.map(|measure| figure(results.figure(measure, Peer::BareWrite), unit));
        rows.push([vec!["bare write itself".to_owned()], limit.to_vec()].concat());
        rows
    };
    let tail = |measure, peer| match [0.5, 0.99].map(|part| results.quantile(measure, peer, part)) {
        [Some(half), Some(most)] => format!("{half:.1} / {most:.1} ms"),
        _ => "-".to_owned(),
    };
    let tails = peers(|peer| Measure::LAST_CLIENT.map(|measure| tail(measure, peer)).to_vec());
    lay_out(
        "Server CPU per delivered message, as a multiple of bare write: median [lowest-highest round]",
        header.clone(),
        compared(Measure::CPU_PER_MESSAGE, "us"),
    ) + &lay_out(
        "From the notification to the last client, the same",
        header.clone(),
        compared(Measure::LAST_CLIENT, "ms"),
    ) + &lay_out("From the notification to the last client, p50 / p99 of all rounds", header, tails)
}

fn connections(results: &Results) -> String {
    let rows = peers(|peer| {
        vec![
            ratio(results.ratio(Measure::CpuPerUpgrade, peer)),
            figure(results.figure(Measure::CpuPerUpgrade, peer), "us"),
            figure(results.figure(Measure::UpgradesPerSecond, peer), ""),
            bytes(results.figure(Measure::ResidentUnhurried, peer)),
            bytes(results.figure(Measure::ResidentAfterStorm, peer)),
        ]
    });
    let header = [
        "10,000 clients",
        "CPU per upgrade",
        "the same",
        "upgrades/s",
        "RSS each, few at a time",
        "RSS each, all at once",
    ];
    lay_out("Connections", header.map(str::to_owned).to_vec(), rows)
}

fn workers(results: &Results) -> String {
    let pulso = Peer::Pulso;
    let gain = results.ratio_of((Measure::OneWorker, pulso), (Measure::TwoWorkers, pulso));
    let row = vec![
        "Pulso".to_owned(),
        figure(results.figure(Measure::OneWorker, pulso), "ms"),
        figure(results.figure(Measure::TwoWorkers, pulso), "ms"),
        ratio(gain),
    ];
    let header = ["2,000 clients that sleep", "one core", "two cores", "times as fast"];
    lay_out("From the first write to the last", header.map(str::to_owned).to_vec(), vec![row])
}

fn job(jobs: &[Job]) -> String {
    let row = |job: &Job| {
        vec![
            format!("{}, {} deaf", job.peer, job.deaf),
            job.notifications.to_string(),
            job.upstream_requests.to_string(),
            job.frames.to_string(),
            format!("{:.0} MB", job.bytes as f64 / 1e6),
            format!("{:.2} s", job.cpu_s),
            job.settled_s.map_or("never".to_owned(), |seconds| format!("{seconds:.2} s")),
            job.wrong.to_string(),
            job.lost.to_string(),
        ]
    };
    let header = [
        "5,000 clients",
        "notifications",
        "backend asked",
        "frames",
        "bytes",
        "server CPU",
        "all hold the last state after",
        "wrong in the end",
        "hung up on",
    ];
    let rows = jobs.iter().map(row).collect();
    lay_out(
        "The job: 100 notifications a second, a backend that answers after 20 ms",
        header.map(str::to_owned).to_vec(),
        rows,
    )
}

fn storm(results: &Results) -> String {
    let rows = [Peer::Pulso, Peer::Bun].map(|peer| {
        vec![
            match peer {
                Peer::Pulso => "Pulso, with the whole state".to_owned(),
                other => format!("{}, handshake alone", other.name()),
            },
            figure(results.figure(Measure::StormMs, peer), "ms"),
            figure(results.figure(Measure::StormRequests, peer), ""),
            figure(results.figure(Measure::StormRefused, peer), ""),
        ]
    });
    let header = ["10,000 clients at once", "all served after", "backend asked", "refused, tried again"];
    lay_out("Storm", header.map(str::to_owned).to_vec(), rows.to_vec())
}

/// A row for each server of which there is something to tell.
fn peers(columns: impl Fn(Peer) -> Vec<String>) -> Vec<Vec<String>> {
    let rows = Peer::FANOUT.into_iter().map(|peer| (peer, columns(peer)));
    let told = rows.filter(|(_, columns)| columns.iter().any(|column| column != "-"));
    told.map(|(peer, columns)| [vec![peer.name().to_owned()], columns].concat()).collect()
}

fn ratio(spread: Option<Spread>) -> String {
    spread.map_or("-".to_owned(), |Spread { median, low, high }| format!("{median:.2} [{low:.2}-{high:.2}]"))
}

fn figure(spread: Option<Spread>, unit: &str) -> String {
    let Some(Spread { median, low, high }) = spread else { return "-".to_owned() };
    let digits = if high >= 100.0 || (unit.is_empty() && high == high.round()) { 0 } else { 1 };
    let unit = if unit.is_empty() { "".to_owned() } else { format!(" {unit}") };
    format!("{median:.digits$}{unit} [{low:.digits$}-{high:.digits$}]")
}

fn bytes(spread: Option<Spread>) -> String {
    let kilobytes = |bytes: f64| bytes / 1024.0;
    let spread = spread.map(|Spread { median, low, high }| Spread {
        median: kilobytes(median),
        low: kilobytes(low),
        high: kilobytes(high),
    });
    figure(spread, "KB")
}

/// Columns as wide as their widest cell; the first one to the left, figures to the right.
fn lay_out(title: &str, header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let lines = [vec![header], rows].concat();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = format!("\n{title}\n");
    for line in &lines {
        let first = format!("  {:<1$}", line[0], widths[0]);
        let rest = line.iter().zip(&widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        let _ = writeln!(text, "{}", rest.fold(first, |line, cell| line + &cell).trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = lay_out("Title", row(["peer", "CPU"]), vec![row(["a", "1.00"]), row(["longer", "10.00"])]);
        assert_eq!(text, "\nTitle\n  peer      CPU\n  a        1.00\n  longer  10.00\n");
    }

    #[test]
    fn figures_have_as_many_digits_as_mean_something() {
        let spread = |median, low, high| Some(Spread { median, low, high });
        assert_eq!(ratio(spread(1.041, 1.0, 1.1)), "1.04 [1.00-1.10]");
        assert_eq!(figure(spread(5.04, 4.9, 6.0), "us"), "5.0 us [4.9-6.0]");
        assert_eq!(figure(spread(28_500.4, 100.0, 30_000.0), ""), "28500 [100-30000]");
        assert_eq!(bytes(spread(1536.0, 1024.0, 2048.0)), "1.5 KB [1.0-2.0]");
        assert_eq!(figure(None, "us"), "-");
    }
}
