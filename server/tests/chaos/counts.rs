//! What was done and what was seen, counted: a chaos test that did nothing must not look like one that passed.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn one(&self) {
        self.add(1);
    }

    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counts {
    ($($group:literal: $($name:ident $label:literal),*;)*) => {
        #[derive(Default)]
        pub struct Counts { $($(pub $name: Count,)*)* }

        impl Counts {
            pub fn table(&self) -> String {
                let mut table = String::new();
                $(
                    row(&mut table, $group, "", None);
                    $(row(&mut table, "", $label, Some(self.$name.get()));)*
                )*
                table
            }
        }
    };
}

fn row(table: &mut String, group: &str, label: &str, count: Option<u64>) {
    match count {
        Some(count) => writeln!(table, "    {label:<44}{count:>12}"),
        None => writeln!(table, "  {group}"),
    }
    .expect("a string takes everything");
}

counts! {
    "clients":
        connects "connects",
        newcomers "newcomers' first frames",
        resumes "resumes, same epoch",
        new_epochs "new epochs seen",
        refused "refused while the server was down",
        turned_away "turned away with 503",
        handshakes_cut "handshakes cut";
    "their faults":
        closed "left with a close frame",
        vanished "left abruptly",
        stalls "stalls of 0.1 to 3 s",
        dawdles "slow reading for a while",
        deaf "stalls of more than 10 s",
        shouts "messages that are too long",
        restored "returns with a position of long ago",
        pings "pings";
    "ends of connections":
        answered "our close frame answered",
        going_away "1001 going away",
        too_big "1009 too big",
        too_slow "4408 too slow",
        cut "without a close frame";
    "frames":
        frames "event frames",
        heartbeats "heartbeats",
        pongs "pongs",
        bytes "bytes of text";
    "upstream":
        answers "answers at once",
        delayed "answers delayed by up to 400 ms",
        errors "500s",
        hung "hung until the server gave up",
        dropped "connections dropped",
        torn "answers torn in the middle",
        upstream_stops "stops and starts",
        not_there "refused while down (the server's log)";
    "shop":
        writes "writes",
        notified "notifications accepted",
        kept_back "notifications lost on purpose",
        lost "notifications lost with the server";
    "server":
        kills "killed with -9",
        terminations "ended with SIGTERM",
        starts "starts";
    "statistics by GET":
        gets "bodies",
        not_modified "304s",
        not_yet "503s, nothing fetched yet",
        gets_failed "no answer, the server was down";
    "checks":
        frame_checks "frames checked",
        positions "positions that several clients had to agree on",
        state_checks "client states compared with the upstream",
        metric_checks "metrics compared";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_was_counted() {
        let counts = Counts::default();
        counts.kills.add(3);
        let table = counts.table();
        let row = table.lines().find(|line| line.contains("killed with -9")).expect("a row");
        assert!(row.ends_with(" 3"), "{row}");
    }
}
