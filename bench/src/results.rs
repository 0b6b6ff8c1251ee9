//! What was measured, and the three figures made of it: a median, a spread, and a ratio to the limit.
//!
//! Everything is kept and written as JSON; the table and the picture are drawn from that file alone.

use crate::server::Peer;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    CpuUsPerMessageFewSmall,
    CpuUsPerMessageFewLarge,
    CpuUsPerMessageManySmall,
    CpuUsPerMessageManyLarge,
    LastClientMsFewSmall,
    LastClientMsFewLarge,
    LastClientMsManySmall,
    LastClientMsManyLarge,
    #[serde(rename = "cpu_us_per_upgrade")]
    CpuPerUpgrade,
    UpgradesPerSecond,
    #[serde(rename = "resident_bytes_per_client_after_storm")]
    ResidentAfterStorm,
    #[serde(rename = "resident_bytes_per_client_unhurried")]
    ResidentUnhurried,
    #[serde(rename = "one_worker_ms")]
    OneWorker,
    #[serde(rename = "two_workers_ms")]
    TwoWorkers,
    StormMs,
    StormRefused,
    #[serde(rename = "storm_upstream_requests")]
    StormRequests,
}

impl Measure {
    /// One for each workload: few and many clients, with a small and with a large frame.
    pub const CPU_PER_MESSAGE: [Measure; 4] = [
        Measure::CpuUsPerMessageFewSmall,
        Measure::CpuUsPerMessageFewLarge,
        Measure::CpuUsPerMessageManySmall,
        Measure::CpuUsPerMessageManyLarge,
    ];
    pub const LAST_CLIENT: [Measure; 4] = [
        Measure::LastClientMsFewSmall,
        Measure::LastClientMsFewLarge,
        Measure::LastClientMsManySmall,
        Measure::LastClientMsManyLarge,
    ];
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Sample {
    pub measure: Measure,
    pub peer: String,
    pub round: usize,
    pub value: f64,
}

/// How one server did the job.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    pub peer: String,
    /// Clients that did not read.
    pub deaf: usize,
    pub notifications: u32,
    pub upstream_requests: u64,
    /// To the clients that read.
    pub frames: u64,
    pub bytes: u64,
    pub cpu_s: f64,
    /// After the last notification; none: not within 30 s.
    pub settled_s: Option<f64>,
    /// Clients that read and show something else than the shop's state.
    pub wrong: usize,
    /// Clients that read and were hung up on.
    pub lost: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub machine: String,
    pub began: String,
    pub took_s: u64,
    /// Of the small and of the large frame's payload.
    pub frame_bytes: [usize; 2],
    /// What was left out or failed, and why.
    pub notes: Vec<String>,
    pub jobs: Vec<Job>,
    /// Made of the samples, for who reads this file.
    pub summary: Vec<Summary>,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Summary {
    pub measure: Measure,
    pub peer: String,
    pub figure: Spread,
    /// As a multiple of bare write, where that takes part.
    pub ratio: Option<Spread>,
}

/// A median, and the lowest and highest of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Results {
    pub fn add(&mut self, measure: Measure, peer: Peer, round: usize, value: f64) {
        self.samples.push(Sample { measure, peer: peer.name().to_owned(), round, value });
    }

    pub fn summarise(&mut self) {
        let measured: BTreeSet<_> = self.samples.iter().map(|sample| sample.measure).collect();
        let all = measured.into_iter().flat_map(|measure| Peer::FANOUT.map(|peer| (measure, peer)));
        let summary = |(measure, peer): (Measure, Peer)| {
            let figure = self.figure(measure, peer)?;
            Some(Summary { measure, peer: peer.name().to_owned(), figure, ratio: self.ratio(measure, peer) })
        };
        self.summary = all.filter_map(summary).collect();
    }

    /// How many times the limit of its own round.
    pub fn ratio(&self, measure: Measure, peer: Peer) -> Option<Spread> {
        self.ratio_of((measure, peer), (measure, Peer::BareWrite))
    }

    pub fn ratio_of(&self, over: (Measure, Peer), under: (Measure, Peer)) -> Option<Spread> {
        let under = self.rounds(under.0, under.1);
        let rounds = self.rounds(over.0, over.1);
        let ratios = rounds.iter().filter_map(|(round, value)| Some(value / under.get(round)?));
        // Nothing is a multiple of zero, which is what a bare write keeps in memory for a client.
        spread(ratios.filter(|ratio| ratio.is_finite()).collect())
    }

    pub fn figure(&self, measure: Measure, peer: Peer) -> Option<Spread> {
        spread(self.rounds(measure, peer).into_values().collect())
    }

    /// Over all samples of all rounds.
    pub fn quantile(&self, measure: Measure, peer: Peer, quantile: f64) -> Option<f64> {
        let mut values = self.values(measure, peer).map(|(_, value)| value).collect::<Vec<_>>();
        values.sort_by(f64::total_cmp);
        let rank = (quantile * values.len() as f64).ceil() as usize;
        values.get(rank.saturating_sub(1)).copied()
    }

    /// The median of each round.
    fn rounds(&self, measure: Measure, peer: Peer) -> BTreeMap<usize, f64> {
        let mut rounds = BTreeMap::<usize, Vec<f64>>::new();
        for (round, value) in self.values(measure, peer) {
            rounds.entry(round).or_default().push(value);
        }
        rounds.into_iter().filter_map(|(round, values)| Some((round, spread(values)?.median))).collect()
    }

    fn values(&self, measure: Measure, peer: Peer) -> impl Iterator<Item = (usize, f64)> {
        let its = move |sample: &&Sample| sample.measure == measure && sample.peer == peer.name();
        self.samples.iter().filter(its).map(|sample| (sample.round, sample.value))
    }
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    Some(Spread { median, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_compares_only_within_a_round() {
        let mut results = Results::default();
        let measure = Measure::CpuUsPerMessageFewSmall;
        // The second round was noisy for both; the third one only has the limit.
        for (round, bare, pulso) in [(0, 5.0, Some(5.5)), (1, 10.0, Some(10.0)), (2, 1.0, None)] {
            results.add(measure, Peer::BareWrite, round, bare);
            if let Some(pulso) = pulso {
                results.add(measure, Peer::Pulso, round, pulso);
            }
        }
        let ratio = results.ratio(measure, Peer::Pulso).expect("two rounds");
        assert_eq!((ratio.low, ratio.high), (1.0, 1.1));
        assert!((ratio.median - 1.05).abs() < 1e-9);
        assert_eq!(results.ratio(measure, Peer::Bun), None);
    }

    #[test]
    fn quantiles_are_of_all_samples() {
        let mut results = Results::default();
        for value in 1..=100 {
            results.add(Measure::StormMs, Peer::Pulso, value % 5, value as f64);
        }
        assert_eq!(results.quantile(Measure::StormMs, Peer::Pulso, 0.5), Some(50.0));
        assert_eq!(results.quantile(Measure::StormMs, Peer::Pulso, 0.99), Some(99.0));
    }
}
