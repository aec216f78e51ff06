//! Random histories of many connections that live, pause, end, break and use each other's slots again: everyone gets
//! their own bytes, all of them, in order, and hears of the end once.

use crate::recorder::{Bench, pattern};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

struct Life {
    user: usize,
    /// None after it has left.
    peer: Option<UnixStream>,
    written: Vec<u8>,
    read: Vec<u8>,
    is_closed_here: bool,
}

impl Life {
    fn write(&mut self, random: &mut Random, source: &[u8]) {
        let Some(peer) = &mut self.peer else { return };
        let sizes = [1, 100, 5000, 65_536, 150_000];
        let size = sizes[random.below(sizes.len())];
        // Each connection and each write begins elsewhere in the common pattern.
        let from = random.below(source.len() - size);
        let bytes = &source[from..from + size];
        match peer.write(bytes) {
            Ok(n) => self.written.extend_from_slice(&bytes[..n]),
            Err(error) => assert!(error.kind() == ErrorKind::WouldBlock || self.is_closed_here, "{error}"),
        }
    }

    fn read(&mut self) {
        let Some(peer) = &mut self.peer else { return };
        let mut buffer = [0; 40_000];
        match peer.read(&mut buffer) {
            Ok(n) => self.read.extend_from_slice(&buffer[..n]),
            Err(error) => assert!(error.kind() == ErrorKind::WouldBlock || self.is_closed_here, "{error}"),
        }
    }
}

fn begin(bench: &mut Bench) -> Life {
    let (user, peer) = bench.unix();
    peer.set_nonblocking(true).unwrap();
    Life { user, peer: Some(peer), written: Vec::new(), read: Vec::new(), is_closed_here: false }
}

fn history(seed: u64, source: &[u8]) {
    let mut random = Random(seed);
    let mut bench = Bench::new();
    let mut lives: Vec<Life> = (0..10).map(|_| begin(&mut bench)).collect();
    for _ in 0..2000 {
        let at = random.below(lives.len());
        let life = &mut lives[at];
        let conn = bench.conn(life.user);
        match random.below(14) {
            0..=3 => life.write(&mut random, source),
            4 | 5 => life.read(),
            6 => bench.driver.pause(conn),
            7 => bench.driver.resume(conn),
            8 | 9 => {
                let size = 1 + random.below(100_000);
                let from = random.below(source.len() - size);
                bench.send(life.user, &source[from..from + size]);
            }
            10 => bench.flush(life.user),
            11 if random.below(4) == 0 => life.peer = None,
            12 if random.below(4) == 0 => {
                bench.driver.close(conn);
                life.is_closed_here = true;
                let new = begin(&mut bench);
                lives.push(new);
            }
            _ => {
                let before = bench.driver.counts();
                let connections = bench.driver.connections() as u64;
                bench.turn(Duration::ZERO);
                let after = bench.driver.counts();
                assert!(
                    after.reads - before.reads <= connections && after.writes - before.writes <= connections
                );
            }
        }
    }
    settle(&mut bench, &mut lives);
    for life in &mut lives {
        life.peer = None;
    }
    bench.until(|r| lives.iter().all(|life| life.is_closed_here || has_ended(&r.records[life.user])));
    for life in &lives {
        let record = bench.record(life.user);
        let sent: Vec<u8> = record.output.concat();
        assert!(sent.starts_with(&life.read), "connection {} got wrong bytes", life.user);
        assert!(life.written.starts_with(&record.received), "connection {} gave wrong bytes", life.user);
        // What breaks takes along what it had not read, or what was not read of it while it was paused.
        if !life.is_closed_here && record.closed.is_none() {
            assert!(life.written == record.received, "connection {} lost bytes", life.user);
            assert_eq!(record.ends, 1);
        }
    }
}

fn has_ended(record: &crate::recorder::Record) -> bool {
    record.ends > 0 || record.closed.is_some()
}

/// Resumes all, and lets all read what is there for them.
fn settle(bench: &mut Bench, lives: &mut [Life]) {
    for life in lives.iter() {
        bench.driver.resume(bench.recorder.records[life.user].conn.unwrap());
    }
    loop {
        let before = bench.driver.counts();
        bench.idle_turns(5);
        let read_before: usize = lives.iter().map(|life| life.read.len()).sum();
        lives.iter_mut().for_each(Life::read);
        let after = bench.driver.counts();
        let is_still = before.bytes_read == after.bytes_read && before.bytes_written == after.bytes_written;
        if is_still && read_before == lives.iter().map(|life| life.read.len()).sum::<usize>() {
            break;
        }
    }
    for life in lives.iter().filter(|life| life.peer.is_some() && !life.is_closed_here) {
        let record = &bench.recorder.records[life.user];
        assert_eq!((record.unsent(), record.sent), (0, life.read.len()), "connection {} is stuck", life.user);
        assert_eq!(record.received.len(), life.written.len(), "connection {} is stuck", life.user);
    }
}

#[test]
fn random_histories_lose_and_mix_up_nothing() {
    let source = pattern(400_000);
    for seed in 1..=40 {
        let result =
            std::panic::catch_unwind(|| history(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15), &source));
        assert!(result.is_ok(), "seed {seed}");
    }
}
