//! A large payload of a reply on its way in: it is read straight into its own segments or goes through a pipe, or, if nobody
//! wants it, is dropped as it comes. Either way it must end with CR LF, else the stream is out of step.

use crate::buffers::Buffers;
use crate::chain::Chain;
use crate::engine::Engine;
use crate::filling::{Filling, ReadTarget};
use crate::id::ServerConnId;
use crate::pipes::HEADER;
use crate::replies::{Broken, Item};
use crate::server::{Incoming, ServerConn};

impl Engine {
    pub(crate) fn server_filled(&mut self, id: ServerConnId, count: usize) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.heard = self.now;
        match &mut conn.incoming {
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => {
                filling.filled(count, &mut self.buffers);
            }
            Some(Incoming::Dropped(..)) | None => return,
        }
        if let Err(broken) = self.finish_incoming(id) {
            self.drop_broken(id, &broken);
        }
    }

    pub(crate) fn feed_incoming(&mut self, id: ServerConnId, bytes: &[u8]) -> Result<usize, Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(bytes.len()) };
        let used = match &mut conn.incoming {
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => {
                filling.feed(bytes, &mut self.buffers)
            }
            Some(Incoming::Dropped(left, last, _)) => {
                let step = bytes.len().min(*left);
                *left -= step;
                for &byte in bytes.get(step.saturating_sub(2)..step).unwrap_or_default() {
                    *last = [last[1], byte];
                }
                step
            }
            None => 0,
        };
        self.finish_incoming(id).map(|()| used)
    }

    /// Hands a large payload on once it is complete.
    fn finish_incoming(&mut self, id: ServerConnId) -> Result<(), Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(()) };
        match conn.incoming.take() {
            Some(Incoming::Value(filling, ordinal)) if filling.is_complete() => {
                let chain = self.check_end(filling)?;
                self.hold_chain(id, chain, ordinal);
                Ok(())
            }
            Some(Incoming::Last(filling, status)) if filling.is_complete() => {
                let chain = self.check_end(filling)?;
                self.hold_chain(id, chain, 0);
                self.finish_reply(id, b"", 0, status)
            }
            Some(Incoming::Dropped(0, last, _)) if last != *b"\r\n" => {
                Err(Broken::because("data without CR LF"))
            }
            Some(Incoming::Dropped(0, _, Some(status))) => self.finish_reply(id, b"", 0, status),
            Some(Incoming::Dropped(0, _, None)) | None => Ok(()),
            unfinished @ Some(Incoming::Value(..) | Incoming::Last(..) | Incoming::Dropped(..)) => {
                conn.incoming = unfinished;
                Ok(())
            }
        }
    }

    /// The bytes of a payload that is complete.
    fn check_end(&mut self, filling: Filling) -> Result<Chain, Broken> {
        let mut chain = filling.finish(&mut self.buffers);
        if chain.last_two() == Some(*b"\r\n") {
            return Ok(chain);
        }
        chain.clear(&mut self.buffers);
        Err(Broken::because("data without CR LF"))
    }

    /// Starts to read a large item whose first bytes are `here`.
    pub(crate) fn begin_incoming(&mut self, id: ServerConnId, here: &[u8], total: usize, found: &Item) {
        let missing = total - here.len();
        let front = self.wanted_front(id);
        let wanted = front.is_some_and(|front| self.has_room_for_reply(front.request, total));
        let Some(conn) = self.conns.get_mut(id) else { return };
        let last = here.last_chunk().copied().unwrap_or_default();
        conn.reply_begun |= matches!(found, Item::Value(_));
        conn.brings_large = wanted && self.buffers.pipes.are_for(total);
        let mut fill = || Filling::by_size(&[here], missing, &mut self.buffers);
        conn.incoming = Some(match (wanted, found) {
            (true, Item::Value(ordinal)) => Incoming::Value(fill(), *ordinal),
            (true, Item::Last(status)) => Incoming::Last(fill(), *status),
            (false, Item::Value(_)) => Incoming::Dropped(missing, last, None),
            (false, Item::Last(status)) => Incoming::Dropped(missing, last, Some(*status)),
        });
    }
}

impl ServerConn {
    /// Where the rest of a large item should be read to, or how much of what comes next.
    pub(crate) fn read_target(&mut self, buffers: &mut Buffers) -> ReadTarget<'_> {
        let header = if self.brings_large { HEADER } else { usize::MAX };
        match &mut self.incoming {
            None => ReadTarget::Anywhere(header),
            Some(Incoming::Dropped(..)) => ReadTarget::Anywhere(usize::MAX),
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => filling.target(header, buffers),
        }
    }

    /// Reads are kept short before a large value, and one has brought `count` bytes: if there was none, the next is not.
    pub(crate) const fn note_short_read(&mut self, count: usize) {
        if self.brings_large && count >= HEADER && self.incoming.is_none() {
            self.brings_large = false;
        }
    }

    /// The pipe takes no more of the value that is coming in.
    pub(crate) fn leave_pipe(&mut self, buffers: &mut Buffers) {
        if let Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) = &mut self.incoming {
            filling.leave_pipe(buffers);
        }
    }
}
