//! Parts of replies that cannot leave yet: complete items whose reply goes on, and values that wait for other servers.
//! They are kept with their request; if nobody wants the request any more they are dropped.

use crate::chain::Chain;
use crate::engine::Engine;
use crate::id::ServerConnId;
use crate::request::{Merge, Request};

impl Engine {
    /// Keeps the values at the front of `bytes` for the gather of their request, as long as they are whole, in the usual form
    /// and for the keys that are next; says how many bytes that were. The others are read one by one.
    #[inline(never)]
    pub(crate) fn hold_values(&mut self, id: ServerConnId, bytes: &[u8]) -> usize {
        let front = self.wanted_front(id);
        let conn = self.conns.get_mut(id);
        let (Some(front), Some(conn)) = (front, conn) else { return 0 };
        let Some(Request { client, merge: Merge::Gather(gather), .. }) = self.requests.get_mut(front.request)
        else {
            return 0;
        };
        let taken = gather.hold_run(front.part, bytes, &mut self.buffers, |rest| conn.next_value(rest));
        if taken > 0 {
            // What was known of an incomplete frame was known of the first of these.
            (conn.rest.scanned, conn.rest.need) = (0, 0);
            conn.reply_begun = true;
            conn.counters.response_bytes.add(taken);
            let client = *client;
            self.note_held(client, taken);
        }
        taken
    }

    /// Keeps a value for the gather of its request.
    pub(crate) fn hold_block(&mut self, id: ServerConnId, part: u32, ordinal: u32, block: &[u8]) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let Some(front) = self.wanted_front(id) else { return };
        self.count_response_bytes(id, block.len());
        if let Some(request) = self.requests.get_mut(front.request)
            && let Merge::Gather(gather) = &mut request.merge
        {
            gather.hold(part, ordinal, block, &mut self.buffers);
            let client = request.client;
            self.note_held(client, block.len());
        }
    }

    /// Keeps complete items of a reply whose end has not come, until it has.
    pub(crate) fn hand_on(&mut self, id: ServerConnId, items: &[u8]) {
        if items.is_empty() {
            return;
        }
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let Some(front) = self.wanted_front(id) else { return };
        self.count_response_bytes(id, items.len());
        if let Some(request) = self.requests.get_mut(front.request) {
            request.held.append(items, &mut self.buffers);
            let client = request.client;
            self.note_held(client, items.len());
        }
    }

    /// As [`Engine::hand_on`] and [`Engine::hold_block`], for a large item.
    pub(crate) fn hold_chain(&mut self, id: ServerConnId, mut chain: Chain, ordinal: u32) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let front = self.wanted_front(id);
        let Some((front, request)) =
            front.and_then(|front| self.requests.get_mut(front.request).map(|request| (front, request)))
        else {
            chain.clear(&mut self.buffers);
            return;
        };
        let len = chain.len();
        if let Some(conn) = self.conns.get(id) {
            conn.counters.response_bytes.add(len);
        }
        match &mut request.merge {
            Merge::Gather(gather) => gather.hold_chain(front.part, ordinal, chain),
            Merge::PassThrough | Merge::Fixed(_) => request.held.append_chain(chain, &mut self.buffers),
        }
        let client = request.client;
        self.note_held(client, len);
    }

    /// Only bytes that somebody waits for count.
    fn count_response_bytes(&self, id: ServerConnId, len: usize) {
        if let Some(conn) = self.conns.get(id) {
            conn.counters.response_bytes.add(len);
        }
    }
}
