//! The picture for the README: CPU per delivered message beside the limit, drawn from the results.

use crate::results::{Measure, Results};
use crate::server::Peer;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 180.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 92.0;
const ROW: f64 = 54.0;
const BAR: f64 = 26.0;

/// An own background, so that it reads alike on a light and on a dark page.
pub fn svg(results: &Results) -> String {
    let measure = Measure::CpuUsPerMessageFewLarge;
    let mut rows: Vec<_> = Peer::FANOUT
        .into_iter()
        .filter(|peer| *peer != Peer::BareWrite)
        .filter_map(|peer| Some((peer, results.ratio(measure, peer)?)))
        .collect();
    rows.sort_by(|(_, one), (_, other)| one.median.total_cmp(&other.median));
    let longest = rows.iter().map(|(_, ratio)| ratio.high).fold(1.5, f64::max);
    let x = |ratio: f64| LEFT + ratio / longest * (WIDTH - LEFT - RIGHT - 70.0);
    let mut body = String::new();
    for (at, (peer, ratio)) in rows.iter().enumerate() {
        let middle = TOP + ROW * (at as f64 + 0.5);
        let colour = if *peer == Peer::Pulso { "#34d399" } else { "#64748b" };
        let _ = write!(
            body,
            r##"<text x="{}" y="{}" text-anchor="end" fill="#e2e8f0">{}</text>
<rect x="{LEFT}" y="{}" width="{:.1}" height="{BAR}" rx="3" fill="{colour}"/>
<path d="M{:.1} {middle}H{:.1}M{:.1} {}v10M{:.1} {}v10" stroke="#e2e8f0" stroke-width="1.5"/>
<text x="{:.1}" y="{}" fill="#f8fafc" font-weight="600">{:.2}</text>
"##,
            LEFT - 14.0,
            middle + 5.0,
            peer.name(),
            middle - BAR / 2.0,
            x(ratio.median) - LEFT,
            x(ratio.low),
            x(ratio.high),
            x(ratio.low),
            middle - 5.0,
            x(ratio.high),
            middle - 5.0,
            x(ratio.high) + 12.0,
            middle + 5.0,
            ratio.median,
        );
    }
    let limit = x(1.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let bare = results.figure(measure, Peer::BareWrite).map_or(0.0, |figure| figure.median);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="15" role="img" aria-label="CPU per delivered message as a multiple of a bare write">
<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#0f172a"/>
<text x="28" y="38" fill="#f8fafc" font-size="19" font-weight="600">CPU for one message to one of 1,000 clients</text>
<text x="28" y="62" fill="#94a3b8" font-size="14">a multiple of what the bare send takes; frames of {} bytes; less is better</text>
{body}<path d="M{limit:.1} {}V{:.1}" stroke="#fbbf24" stroke-width="2" stroke-dasharray="5 4"/>
<text x="{limit:.1}" y="{:.1}" text-anchor="middle" fill="#fbbf24" font-size="13">bare write: {bare:.1} us</text>
<text x="28" y="{:.1}" fill="#94a3b8" font-size="12">Median and range of rounds in random order; server on one core, clients on another, loopback. {}</text>
</svg>
"##,
        results.frame_bytes[1],
        TOP - 8.0,
        bottom + 4.0,
        bottom + 22.0,
        HEIGHT - 14.0,
        results.machine,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_is_drawn() {
        let mut results = Results::default();
        results.add(Measure::CpuUsPerMessageFewLarge, Peer::BareWrite, 0, 5.0);
        results.add(Measure::CpuUsPerMessageFewLarge, Peer::Pulso, 0, 5.2);
        let svg = svg(&results);
        assert!(svg.contains(">Pulso</text>") && svg.contains(">1.04</text>"));
        assert!(!svg.contains(">Node"));
    }
}
