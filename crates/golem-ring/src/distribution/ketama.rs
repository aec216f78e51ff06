//! `ketama`: points on a circle of 2^32 values, 160 for a server of average weight; a key belongs to the first point at or
//! after its hash. The number of points is computed in single precision like nutcracker does, because its rounding shows:
//! each of 25 equal servers has 156 points, not 160.

use alloc::vec::Vec;

use super::{Table, live};
use crate::hash::md5;
use crate::{Member, Random, ServerIndex};

/// Points of a server of average weight.
const POINTS: f32 = 160.0;
/// Arcs for each point, before rounding.
const ARCS: usize = 4;
/// Points that one digest gives.
const POINTS_PER_DIGEST: u32 = 4;
/// The text behind a digest, `LABEL-NUMBER`, is cut to so many bytes, as nutcracker does.
const TEXT_MAX: usize = 272;

/// A point. The order of the fields is the order of points: where two servers share a value the lower index wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    value: u32,
    server: ServerIndex,
}

/// All points of the live servers, sorted, and where to start looking: the circle is cut into equal arcs, four times as many
/// as there are points (rounded up to a power of two), so that most look-ups find the point at once, which processors
/// predict, instead of halving the whole table again and again.
#[derive(Debug)]
pub(crate) struct Ketama {
    points: Vec<Point>,
    /// For each arc the first point that is not before it.
    arcs: Vec<u32>,
    /// The arc of a hash is what is left of it when so many low bits are dropped.
    shift: u32,
}

impl Ketama {
    /// The table of these points, which are sorted.
    fn new(points: Vec<Point>) -> Self {
        let bits = (points.len() * ARCS).next_power_of_two().ilog2().clamp(1, 24);
        let shift = u32::BITS - bits;
        let arcs = (0..1u32 << bits)
            .map(|arc| points.partition_point(|point| point.value < arc << shift) as u32)
            .collect();
        Self { points, arcs, shift }
    }
}

impl Table for Ketama {
    fn build(members: &[Member<'_>]) -> Self {
        let total: u64 = live(members).map(|(_, member)| u64::from(member.weight)).sum();
        let servers = live(members).count() as u32;
        let mut points = Vec::with_capacity(servers as usize * POINTS as usize);
        for (server, member) in live(members) {
            let mut text = Text::new(member.label);
            for number in 0..digests(member.weight, total, servers) {
                points.extend(md5::words(text.with_number(number)).map(|value| Point { value, server }));
            }
        }
        points.sort_unstable();
        Self::new(points)
    }

    #[inline]
    fn pick(&self, hash: impl FnOnce() -> u32, _random: &mut Random) -> Option<ServerIndex> {
        let first = self.points.first()?;
        let hash = hash();
        let start = *self.arcs.get((hash >> self.shift) as usize)? as usize;
        let found = self.points.get(start..)?.iter().find(|point| point.value >= hash);
        Some(found.unwrap_or(first).server)
    }

    fn places(&self, values: u64, mut each: impl FnMut(ServerIndex, f64)) {
        let up_to = |point: &Point| values.min(u64::from(point.value) + 1);
        // The first point owns what lies behind the last one, too.
        let mut behind = self.points.last().map_or(0, |last| values - up_to(last));
        let mut before = 0;
        for point in &self.points {
            let owned = up_to(point) - before + core::mem::take(&mut behind);
            each(point.server, owned as f64 / values as f64);
            before = up_to(point);
        }
    }
}

/// How many digests a server of `weight` gets, of `servers` live ones that weigh `total` together. Every operation rounds to
/// single precision, but the one addition.
fn digests(weight: u32, total: u64, servers: u32) -> u32 {
    let share = weight as f32 / total as f32;
    let digests = share * POINTS / POINTS_PER_DIGEST as f32 * servers as f32;
    let nudged = (f64::from(digests) + 0.000_000_000_1) as f32;
    // The cast cuts towards zero; it also makes 0 of the 0/0 of a pool without any weight.
    nudged as u32
}

/// `LABEL-NUMBER` in a fixed buffer: the label is written once, the number again and again.
struct Text {
    bytes: [u8; TEXT_MAX],
    /// Length of `LABEL-`.
    prefix: usize,
}

impl Text {
    fn new(label: &str) -> Self {
        let mut text = Self { bytes: [0; TEXT_MAX], prefix: 0 };
        for byte in label.bytes().chain([b'-']).take(TEXT_MAX) {
            text.bytes[text.prefix] = byte;
            text.prefix += 1;
        }
        text
    }

    fn with_number(&mut self, number: u32) -> &[u8] {
        let mut end = self.prefix;
        let mut power = 10_u32.pow(number.checked_ilog10().unwrap_or(0));
        while power > 0 && end < TEXT_MAX {
            self.bytes[end] = b'0' + (number / power % 10) as u8;
            power /= 10;
            end += 1;
        }
        &self.bytes[..end]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use alloc::format;
    use alloc::vec::Vec;

    use super::{Ketama, Point, TEXT_MAX, Table, Text, digests};
    use crate::{Member, Random, ServerIndex};

    fn point(value: u32, server: u32) -> Point {
        Point { value, server: ServerIndex::new(server) }
    }

    fn pick(table: &Ketama, hash: u32) -> usize {
        table.pick(|| hash, &mut Random::new(0)).unwrap().index()
    }

    #[test]
    fn key_belongs_to_first_point_at_or_after_its_hash() {
        let table = Ketama::new([point(10, 2), point(10, 3), point(20, 1)].into());
        assert_eq!(pick(&table, 0), 2);
        assert_eq!(pick(&table, 10), 2);
        assert_eq!(pick(&table, 11), 1);
        assert_eq!(pick(&table, 20), 1);
        assert_eq!(pick(&table, 21), 2);
        assert_eq!(pick(&table, u32::MAX), 2);
    }

    #[test]
    fn arcs_do_not_change_who_owns_a_hash() {
        let members: Vec<Member<'_>> =
            ["a", "b", "c", "d", "e"].map(|label| Member { label, weight: 3, live: true }).into();
        let table = Ketama::build(&members);
        let edges = table.points.iter().flat_map(|point| [point.value, point.value.wrapping_add(1)]);
        let arcs = (0..table.arcs.len() as u32).flat_map(|arc| {
            let first = arc << table.shift;
            [first, first.wrapping_sub(1)]
        });
        for hash in edges.chain(arcs).chain((0..1 << 16).map(|n| n * 65_537)) {
            let halved = table.points.partition_point(|point| point.value < hash);
            let owner = table.points.get(halved).unwrap_or(&table.points[0]).server;
            assert_eq!(pick(&table, hash), owner.index(), "{hash}");
        }
        let one = Ketama::new([point(7, 4)].into());
        assert_eq!([0, 7, 8, u32::MAX].map(|hash| pick(&one, hash)), [4; 4]);
    }

    #[test]
    fn first_point_also_owns_what_lies_behind_the_last() {
        let table = Ketama::new([point(10, 0), point(20, 1)].into());
        let mut shares = [0.0; 2];
        table.places(1 << 32, |server, share| shares[server.index()] += share);
        let circle = 4_294_967_296.0;
        assert_eq!(shares, [(circle - 10.0) / circle, 10.0 / circle]);
    }

    #[test]
    fn text_of_a_point_counts_in_decimal() {
        let mut text = Text::new("10.0.0.1:11212");
        for number in [0, 7, 9, 10, 39, 100, 4_000_000_000] {
            assert_eq!(text.with_number(number), format!("10.0.0.1:11212-{number}").as_bytes());
        }
    }

    #[test]
    fn text_of_a_point_is_cut_after_272_bytes() {
        let label = "x".repeat(270);
        assert_eq!(Text::new(&label).with_number(39), format!("{label}-3").as_bytes());
        let label = "x".repeat(300);
        assert_eq!(Text::new(&label).with_number(39), &label.as_bytes()[..TEXT_MAX]);
    }

    #[test]
    fn weights_above_32_bits_together_do_not_wrap() {
        let half = u32::MAX / 2;
        assert_eq!(digests(half, 3 * u64::from(half), 3), 40);
        assert_eq!(digests(0, 0, 1), 0);
    }
}
