//! The hard limit on what replies of one client make this worker hold (invariant 8): the request that holds most is
//! answered with an error, and whatever still comes for it is read and dropped; a client for which even that frees nothing is
//! closed. The soft limit, which stops reading, is in `clients` and `held_back`.

use crate::client::Client;
use crate::engine::Engine;
use crate::id::{ClientId, RequestId};
use crate::request::{Merge, Progress, Request};

/// The answer to a request that was given up because its client makes the proxy hold too much. That may be the reply
/// alone, or many together, whether the client reads or not.
const OVER_LIMIT: &[u8] = b"SERVER_ERROR reply too large: over client_hard_limit\r\n";

impl Engine {
    /// `len` bytes more are held for a request of a client.
    pub(crate) fn note_held(&mut self, id: ClientId, len: usize) {
        if let Some(client) = self.clients.get_mut(id) {
            client.held += len as u64;
            if self.limit_client(id) {
                self.drain(id);
            }
        }
    }

    /// Enforces the hard limit of a client: the request that holds most fails; if nothing is held, its replies have
    /// begun to leave and only closing is left. True if a request failed: if it is the queue's head it can leave.
    pub(crate) fn limit_client(&mut self, id: ClientId) -> bool {
        let mut has_failed = false;
        // What requests themselves cost is bounded by the soft limit: only replies can run away.
        while let Some(client) = self.clients.get(id)
            && let Some(pool) = self.pools.get(client.pool.index())
            && client.held + client.outbox.len() as u64 > pool.settings.client_hard_limit
        {
            let heaviest = self.heaviest(client);
            self.count_over_limit(id);
            match heaviest {
                Some((request, _)) => {
                    self.fail_over_limit(id, request, OVER_LIMIT);
                    has_failed = true;
                }
                None => {
                    self.drop_client(id, "its replies are over client_hard_limit");
                    return false;
                }
            }
        }
        has_failed
    }

    pub(crate) fn count_over_limit(&self, id: ClientId) {
        if let Some(counters) = self.clients.get(id).and_then(|client| self.pool_counters(client.pool)) {
            counters.client_over_limit.add(1);
        }
    }

    /// The request of a client that holds most, if failing it would free anything.
    pub(crate) fn heaviest(&self, client: &Client) -> Option<(RequestId, usize)> {
        let (mut heaviest, mut most, mut next) = (None, OVER_LIMIT.len(), client.head);
        while let Some((at, request)) = next.and_then(|at| self.requests.get(at).map(|request| (at, request)))
        {
            let holds = request.holds();
            if holds > most {
                (heaviest, most) = (Some(at), holds);
            }
            next = request.next;
        }
        heaviest.map(|request| (request, most))
    }

    /// Fails a request with `line`. Its parts stay in the FIFOs; nobody wants their replies any more.
    pub(crate) fn fail_over_limit(&mut self, id: ClientId, request: RequestId, line: &[u8]) {
        let Some(request) = self.requests.get_mut(request) else { return };
        let holds = request.holds();
        request.held.clear(&mut self.buffers);
        request.held.append(line, &mut self.buffers);
        if request.progress == Progress::Waiting {
            request.progress = Progress::Ready;
        }
        let merge = core::mem::replace(&mut request.merge, Merge::PassThrough);
        if let Some(client) = self.clients.get_mut(id) {
            client.held = client.held + line.len() as u64 - holds as u64;
        }
        if let Merge::Gather(gather) = merge {
            self.give_gather(gather);
        }
    }
}

impl Engine {
    /// A large item of `total` bytes comes in for a request: whether there is room for it. If there is none the request
    /// fails now, not when all of it is here.
    pub(crate) fn has_room_for_reply(&mut self, id: RequestId, total: usize) -> bool {
        let Some(client) = self.requests.get(id).map(|request| request.client) else { return false };
        let Some(pool) = self.clients.get(client).map(|client| client.pool) else { return false };
        let limit = self.pools.get(pool.index()).map(|pool| pool.settings.client_hard_limit);
        if limit.is_some_and(|limit| total as u64 > limit) {
            self.count_over_limit(client);
            self.fail_over_limit(client, id, OVER_LIMIT);
            self.drain(client);
            return false;
        }
        let has_room = self.held().saturating_add(total as u64) <= self.pressure.limits.hard;
        if !has_room {
            self.count_over_worker_limit(pool);
            self.give_up_reply(client, id);
        }
        has_room
    }
}

impl Request {
    /// Bytes of its reply that wait.
    pub(crate) fn holds(&self) -> usize {
        let gathered = match &self.merge {
            Merge::Gather(gather) => gather.held,
            Merge::PassThrough | Merge::Fixed(_) => 0,
        };
        self.held.len() + gathered
    }
}
