//! Writing as the driver does it: one write at a time, of what lies in memory or in a pipe, with what may go into that pipe as well.

use super::{Stage, Worker, shown};
use crate::link::Link;
use golem_engine::Failure;
use golem_engine::id::Connection;

impl Stage {
    /// One write of what the engine has for a link, in memory or in a pipe.
    pub(super) fn flush(&mut self, at: usize) {
        let Link { worker, connection, .. } = self.links[at];
        let Worker { engine, pipes, .. } = &self.workers[worker];
        let in_memory: usize = engine.output(connection).map(<[u8]>::len).sum();
        let pipe = engine.output_pipe(connection);
        let in_pipe = pipe.map_or(0, |(_, len)| len);
        let ready = in_memory + in_pipe;
        if matches!(connection, Connection::Client(_)) && ready as u64 > self.settings.client_hard_limit {
            self.fail(&format!("{ready} bytes wait for {connection:?}: more than its hard limit"));
        }
        if pipe.is_some_and(|(pipe, len)| pipes[usize::from(pipe.index())].len() < len) {
            self.fail(&format!("{pipe:?} is to be sent, and less lies in it"));
        }
        if ready == 0 {
            self.links[at].blocked = false;
            return;
        }
        if self.links[at].peer_gone {
            self.fail_write(at);
            return;
        }
        let level = self.put_behind(worker, connection);
        let room = self.links[at].outward.free();
        let most = self.cut(if in_memory > 0 { in_memory } else { level }).min(room);
        let bytes: Vec<u8> = match pipe {
            Some((pipe, len)) if in_memory == 0 => {
                let pipe = &mut self.workers[worker].pipes[usize::from(pipe.index())];
                let bytes = pipe.take(most);
                if most >= len {
                    // What was put behind the payload and has not left is sent from where it was copied.
                    pipe.empty();
                }
                bytes
            }
            _ => self.workers[worker].engine.output(connection).flatten().copied().take(most).collect(),
        };
        let link = &mut self.links[at];
        link.outward.write(&bytes);
        link.blocked = true;
        if most > 0 {
            self.progress = true;
            self.note(|| {
                format!("engine {worker} → {connection:?}: {most} of {ready} bytes: {}", shown(&bytes))
            });
            self.links[at].sent += most as u64;
            self.links[at].active = self.now;
            let engine = &mut self.workers[worker].engine;
            engine.sent(connection, most);
            self.links[at].blocked = engine.unsent(connection) > 0;
            self.verify(worker);
        }
    }

    /// What may come behind the first payload in a pipe is put into that pipe, once. How much lies in it then.
    fn put_behind(&mut self, worker: usize, connection: Connection) -> usize {
        let Worker { engine, pipes, .. } = &mut self.workers[worker];
        let Some((pipe, len)) = engine.output_pipe(connection) else { return 0 };
        let pipe = &mut pipes[usize::from(pipe.index())];
        if pipe.len() == len {
            // No more than the worker's driver puts there.
            let most = pipe.free().min(2048);
            let behind: Vec<u8> = engine.output_behind(connection).flatten().copied().take(most).collect();
            pipe.write(&behind);
        }
        pipe.len()
    }

    /// Nothing can be written any more: what the peer sent before is still read, unless reading is off.
    fn fail_write(&mut self, at: usize) {
        let link = &mut self.links[at];
        link.blocked = false;
        self.progress = true;
        if link.paused || link.ended {
            self.tell_closed(at, Failure::ConnectionReset);
        } else {
            link.broken = true;
        }
    }
}
