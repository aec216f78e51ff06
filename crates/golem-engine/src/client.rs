//! A client: one connection from an application. It owns the unfinished rest of its input, the queue of its requests
//! and its outbox; an idle one holds no buffer.

use crate::buffers::{Buffers, SMALL};
use crate::chain::Chain;
use crate::filling::{Filling, ReadTarget};
use crate::id::RequestId;
use crate::pipes::HEADER;
use crate::pool::PoolIndex;
use crate::rest::Rest;
use crate::time::Time;
use alloc::boxed::Box;
use golem_protocol::memcached::Request as Head;

/// Before the first reply has come, so many requests fill a client's soft limit.
const FIRST_REPLIES: u64 = 16;

/// How the client's next bytes are read.
#[derive(Debug)]
pub(crate) enum Input {
    /// As requests.
    Requests,
    /// As the data block of a refused request: so many bytes are dropped, then all up to the next line end.
    SwallowData(u64),
    /// Dropped up to the next line end.
    SwallowLine,
    /// As a large request that is collected before it is forwarded.
    Upload(Box<Upload>),
    /// Not at all: the client is being closed.
    Deaf,
}

/// A storage request with a large data block.
#[derive(Debug)]
pub(crate) struct Upload {
    /// What its line says.
    pub head: Head,
    /// Line and data, without what is not forwarded.
    pub filling: Filling,
}

/// Clients that hold fewer bytes of replies are not measured against their limits, whose least value this is.
const WATCHED: u64 = 4 * 1024;

/// So many bytes of output fill a write well enough.
const LONG_OUTPUT: usize = 8 * 1024;

/// How far a client's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It sends requests.
    Open,
    /// It sends no more, or nobody listens; it is closed when its last reply has left.
    Finishing,
    /// All has left and the end of our stream was sent; what it still sends is dropped until it closes too, since
    /// closing with unread input would reset the connection and could destroy replies on their way.
    Lingering,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Client {
    /// The pool at whose address it came in.
    pub pool: PoolIndex,
    /// Which of each server's connections it uses: always the same one, so that it reads its own writes.
    pub lane: u16,
    /// Where it stands.
    pub stage: Stage,
    /// Reading is paused: it holds too many bytes.
    pub paused: bool,
    /// It is on the list of connections to be written.
    pub dirty: bool,
    /// Its output has waited for a turn.
    pub has_waited: bool,
    /// The peer has sent its end of stream.
    pub half_closed: bool,
    /// A timer is armed.
    pub timer_armed: bool,
    /// When a lingering client is closed.
    pub lingers_until: Time,
    /// There was no room for it: it counts as none.
    pub is_turned_away: bool,
    /// When bytes last came from it or went to it.
    pub active: Time,
    /// When to look whether it is idle.
    pub idle_at: Time,
    /// Its end counts as an error (`client_err`), not as an orderly end (`client_eof`).
    pub at_fault: bool,
    /// Oldest request.
    pub head: Option<RequestId>,
    /// Newest request.
    pub tail: Option<RequestId>,
    /// How the next bytes are read.
    pub input: Input,
    /// Its last large request was one for a pipe, and so may the next be.
    pub brings_large: bool,
    /// An incomplete request.
    pub rest: Rest,
    /// Replies on their way out.
    pub outbox: Chain,
    /// Bytes of requests that have not been answered, with what their bookkeeping costs.
    pub charge: u64,
    /// Bytes of replies that wait for earlier ones.
    pub held: u64,
    /// How long its replies have been lately: what a request that is not answered yet will probably make us hold.
    pub usual_reply: u32,
    /// Above so many bytes it is not read: the pool's soft limit, raised while that would be a deadlock.
    pub soft_limit: u64,
    /// `rest` holds requests that are not read before others are answered.
    pub held_back: bool,
    /// `outbox` bytes sent since the last look at a paused client.
    pub progressed: bool,
    /// Its request waits, or a server connection that it has asked held much.
    pub is_slow: bool,
    /// Its request waits: a large one for room, or one whose server has just failed.
    pub waits: bool,
    /// When that is let in or refused.
    pub waits_until: Option<Time>,
    /// A server connection that it has asked held much.
    pub is_throttled: bool,
    /// It did not read while only it could free its bytes: it may go beyond its share of the worker until all has left.
    pub is_exempt: bool,
    /// Looks in a row at a client that is paused, may ask for no more and reads nothing.
    pub looks: u32,
}

impl Client {
    /// A client that has just come in.
    pub(crate) fn new(pool: PoolIndex, lane: u16, soft_limit: u64) -> Self {
        Self {
            pool,
            lane,
            stage: Stage::Open,
            paused: false,
            dirty: false,
            has_waited: false,
            half_closed: false,
            timer_armed: false,
            lingers_until: Time::default(),
            is_turned_away: false,
            active: Time::default(),
            idle_at: Time::NEVER,
            at_fault: false,
            head: None,
            tail: None,
            input: Input::Requests,
            brings_large: false,
            rest: Rest::default(),
            outbox: Chain::new(SMALL),
            charge: 0,
            held: 0,
            usual_reply: u32::try_from(soft_limit / FIRST_REPLIES).unwrap_or(u32::MAX),
            soft_limit,
            held_back: false,
            progressed: false,
            is_slow: false,
            waits: false,
            waits_until: None,
            is_throttled: false,
            is_exempt: false,
            looks: 0,
        }
    }

    /// Learns from the length of a reply what the next ones may take.
    #[inline]
    pub(crate) fn note_reply(&mut self, len: usize) {
        let (usual, len) = (u64::from(self.usual_reply), len as u64);
        self.usual_reply = u32::try_from((usual * 7 + len) / 8).unwrap_or(u32::MAX);
    }

    /// Bytes that it makes this process hold, or will probably make it hold.
    #[inline]
    pub(crate) const fn bytes(&self) -> u64 {
        self.charge + self.held + self.outbox.len() as u64
    }

    /// Whether its output may wait for one turn, so that replies which are due can join it.
    #[inline]
    pub(crate) fn may_wait(&self) -> bool {
        !self.has_waited && self.head.is_some() && self.outbox.len() < LONG_OUTPUT
    }

    /// Whether its limits may have to act, or to let go: not so for the many that hold little.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.paused || self.held + self.outbox.len() as u64 > WATCHED
    }

    /// Whether it holds so much that it should not ask for more.
    #[inline]
    pub(crate) const fn is_full(&self) -> bool {
        self.bytes() >= self.soft_limit
    }

    /// Whether all its requests are answered and all replies have left.
    pub(crate) fn has_settled(&self) -> bool {
        self.head.is_none() && self.outbox.is_empty()
    }
}

impl Client {
    /// Where the rest of a large request should be read to, or how much of what comes next.
    pub(crate) fn read_target(&mut self, buffers: &mut Buffers) -> ReadTarget<'_> {
        let header = if self.brings_large { HEADER } else { usize::MAX };
        match &mut self.input {
            Input::Upload(upload) => upload.filling.target(header, buffers),
            Input::Requests => ReadTarget::Anywhere(header),
            Input::SwallowData(_) | Input::SwallowLine | Input::Deaf => ReadTarget::Anywhere(usize::MAX),
        }
    }

    /// The pipe takes no more of the request that is coming in.
    pub(crate) fn leave_pipe(&mut self, buffers: &mut Buffers) {
        if let Input::Upload(upload) = &mut self.input {
            upload.filling.leave_pipe(buffers);
        }
    }

    /// Reads are kept short before a large request, and one has brought `count` bytes: if there was none, the next is not.
    #[inline]
    pub(crate) const fn note_short_read(&mut self, count: usize) {
        if self.brings_large && count >= HEADER && !matches!(self.input, Input::Upload(_)) {
            self.brings_large = false;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Client, LONG_OUTPUT, WATCHED};
    use crate::buffers::Buffers;
    use crate::id::RequestId;
    use crate::pool::PoolIndex;
    use crate::rig;
    use crate::table::Id;
    use alloc::vec;

    fn client(soft_limit: u64) -> Client {
        Client::new(PoolIndex::new(0), 0, soft_limit)
    }

    #[test]
    fn a_reply_is_expected_to_be_as_long_as_the_last_ones() {
        let mut client = client(16_000);
        assert_eq!(client.usual_reply, 1000);
        client.note_reply(200);
        assert_eq!(client.usual_reply, 900);
        client.note_reply(900);
        assert_eq!(client.usual_reply, 900);
        (0..100).for_each(|_| client.note_reply(0));
        assert!(client.usual_reply < 10);
    }

    #[test]
    fn what_a_client_holds_is_the_sum_of_three() {
        let (mut client, mut buffers) = (client(1000), Buffers::default());
        (client.charge, client.held) = (500, 300);
        client.outbox.append(&[1; 199], &mut buffers);
        assert_eq!((client.bytes(), client.is_full()), (999, false));
        client.held += 1;
        assert!(client.is_full());
        assert!(!client.is_watched());
        client.held = WATCHED - 199;
        assert!(!client.is_watched());
        client.held += 1;
        assert!(client.is_watched());
        (client.held, client.paused) = (0, true);
        assert!(client.is_watched());
    }

    #[test]
    fn output_waits_only_for_more_and_only_once_and_not_if_it_is_long() {
        let (mut client, mut buffers) = (client(1000), Buffers::default());
        assert!(!client.may_wait(), "nothing more is due");
        client.head = Some(RequestId::of(0, 0));
        assert!(client.may_wait());
        client.has_waited = true;
        assert!(!client.may_wait());
        client.has_waited = false;
        client.outbox.append(&[1; LONG_OUTPUT - 1], &mut buffers);
        assert!(client.may_wait());
        client.outbox.append(&[1], &mut buffers);
        assert!(!client.may_wait());
    }

    #[test]
    fn a_client_has_settled_when_nothing_is_due_and_all_has_left() {
        let (mut client, mut buffers) = (client(1000), Buffers::default());
        assert!(client.has_settled());
        client.head = Some(RequestId::of(0, 0));
        assert!(!client.has_settled());
        client.head = None;
        client.outbox.append(b"x", &mut buffers);
        assert!(!client.has_settled());
    }

    #[test]
    fn large_payloads_are_read_where_they_stay() {
        let (mut engine, client, server) = rig::asked(b"get a\r\nset b 0 0 100000\r\n");
        assert_eq!(engine.read_target(client).memory().map(|target| target.len()), Some(65_536 - 18));
        engine.target_filled(client, 65_536 - 18);
        engine.received(client, &vec![b'x'; 100_000 - 65_536 + 18]);
        assert_eq!(engine.read_target(client).memory().map(|target| target.len()), Some(2));
        engine.received(client, b"\r\n");
        assert!(engine.read_target(client).memory().is_none());
        assert_eq!(engine.output(server).map(<[u8]>::len).sum::<usize>(), 7 + 18 + 100_002);
        engine.received(server, b"VALUE a 0 100000\r\n");
        assert_eq!(engine.read_target(server).memory().map(|target| target.len()), Some(65_536 - 18));
        engine.target_filled(server, 65_536 - 18);
        engine.received(server, &vec![b'x'; 100_000 - 65_536 + 18]);
        engine.received(server, b"\r\nEND\r\nSTORED\r\n");
        assert!(engine.read_target(server).memory().is_none());
        assert_eq!(engine.output(client).map(<[u8]>::len).sum::<usize>(), 18 + 100_002 + 5 + 8);
        engine.check().unwrap();
    }
}
