//! The bare proxy: the least that a proxy of text memcached can do. It reads what its clients ask, passes it on to one of its
//! servers by the key's hash, and gives the replies back in the order of the requests, many of them in one call, on the same
//! driver as golemproxy. It has no ring, limits, timeouts, counters or configuration, takes back nothing, and ends when a
//! server does. What it costs beside the floor (`echo`) is what the kernel costs any proxy; what golemproxy costs beside it
//! is what golemproxy's own work costs.
//!
//! Invariant: each client has the replies to its own requests, in their order; a reply for somebody who has gone is dropped.

mod language;

use crate::outbox::Outbox;
use golem_net::{CloseReason, ConnId, Driver, Handler, ListenSpec, Listener, Slices, Target};
use language::{Request, Unknown};
use std::collections::VecDeque;
use std::io;

/// `user` numbers from here on are servers.
const SERVERS: u64 = 1 << 32;

/// The bare proxy's connections.
#[derive(Debug)]
pub struct Bare {
    /// By slot of the connection, which is its `user` number.
    clients: Vec<Client>,
    servers: Vec<Server>,
    /// `user` numbers of connections with something to do after the turn.
    touched: Vec<u64>,
    /// For each server the part of a request that it gets.
    parts: Vec<Vec<u8>>,
    /// Clients that have come.
    come: u64,
    /// Why it cannot go on.
    fault: Option<String>,
}

#[derive(Debug, Default)]
struct Client {
    conn: Option<ConnId>,
    /// Which of all clients that ever came: a slot is used again.
    number: u64,
    /// It sends nothing more, and is closed when its replies have gone.
    is_over: bool,
    is_touched: bool,
    /// An incomplete request.
    rest: Vec<u8>,
    /// Requests without reply, oldest first.
    due: VecDeque<Due>,
    /// How many requests came before the first of them.
    answered: u64,
    out: Outbox,
}

/// A reply that is due.
#[derive(Debug)]
struct Due {
    /// Servers that have not said their part yet.
    lacking: usize,
    /// Parts are hits, behind which one `END` goes.
    is_put_together: bool,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Server {
    conn: ConnId,
    is_touched: bool,
    /// An incomplete reply.
    rest: Vec<u8>,
    /// What was asked, oldest first.
    asked: VecDeque<Asked>,
    out: Outbox,
}

/// For whom a server's reply is.
#[derive(Debug)]
struct Asked {
    slot: usize,
    client: u64,
    request: u64,
}

impl Bare {
    /// A proxy before these servers, to which `driver` connects.
    ///
    /// # Errors
    /// There is none, or connecting fails at once.
    pub fn new(driver: &mut Driver, targets: &[Target]) -> io::Result<Self> {
        let connect = |(at, target): (usize, &Target)| {
            let conn = driver.connect(target, SERVERS + at as u64)?;
            Ok(Server {
                conn,
                is_touched: false,
                rest: Vec::new(),
                asked: VecDeque::new(),
                out: Outbox::default(),
            })
        };
        let servers = targets.iter().enumerate().map(connect).collect::<io::Result<Vec<_>>>()?;
        if servers.is_empty() {
            return Err(io::Error::other("the bare proxy needs a server: --onto ADDRESS"));
        }
        let parts = vec![Vec::new(); servers.len()];
        Ok(Self { clients: Vec::new(), servers, touched: Vec::new(), parts, come: 0, fault: None })
    }

    /// Serves until a server is lost.
    ///
    /// # Errors
    /// When it cannot listen, a server is lost, or the poller fails.
    pub fn serve(spec: &ListenSpec, targets: &[Target]) -> io::Result<()> {
        let mut driver = Driver::new()?;
        driver.listen(Listener::bind(spec)?, 0)?;
        let mut this = Self::new(&mut driver, targets)?;
        loop {
            this.turn(&mut driver)?;
        }
    }

    /// One turn.
    ///
    /// # Errors
    /// When a server is lost, or the poller fails.
    pub fn turn(&mut self, driver: &mut Driver) -> io::Result<()> {
        driver.turn(self, None)?;
        let mut next = 0;
        // A flush may touch a client again, when its last reply leaves: see `sent`.
        while let Some(&user) = self.touched.get(next) {
            next += 1;
            if let Some(server) = self.server(user) {
                server.is_touched = false;
                let conn = server.conn;
                driver.flush(self, conn);
                continue;
            }
            let client = &mut self.clients[user as usize];
            client.is_touched = false;
            let Some(conn) = client.conn else { continue };
            if client.is_over && client.due.is_empty() && client.out.is_empty() {
                *client = Client::default();
                driver.close(conn);
            } else {
                driver.flush(self, conn);
            }
        }
        self.touched.clear();
        self.fault.take().map_or(Ok(()), |fault| Err(io::Error::other(fault)))
    }

    fn server(&mut self, user: u64) -> Option<&mut Server> {
        self.servers.get_mut(user.checked_sub(SERVERS)? as usize)
    }

    /// The incomplete input of a connection.
    fn rest(&mut self, user: u64) -> &mut Vec<u8> {
        match user.checked_sub(SERVERS) {
            Some(at) => &mut self.servers[at as usize].rest,
            None => &mut self.clients[user as usize].rest,
        }
    }

    fn touch_client(&mut self, slot: usize) {
        let client = &mut self.clients[slot];
        if !client.is_touched {
            client.is_touched = true;
            self.touched.push(slot as u64);
        }
    }

    /// Takes the complete requests of `bytes`; says how much that was.
    fn take_requests(&mut self, slot: usize, bytes: &[u8]) -> Result<usize, Unknown> {
        let mut taken = 0;
        while let Some(request) = Request::at_start(&bytes[taken..])? {
            taken += request.bytes.len();
            let mut keys = request.keys();
            let first = keys.next().unwrap_or_default();
            let lacking = if keys.next().is_none() {
                self.ask(slot, self.server_of(first), request.bytes);
                1
            } else {
                self.ask_several(slot, &request)
            };
            let due = Due { lacking, is_put_together: lacking > 1, bytes: Vec::new() };
            self.clients[slot].due.push_back(due);
        }
        Ok(taken)
    }

    /// Which server has a key: its FNV-1a, of 64 bits, among as many equal shares.
    fn server_of(&self, key: &[u8]) -> usize {
        let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (((hash & 0xffff_ffff) * self.servers.len() as u64) >> 32) as usize
    }

    /// Hands a part of a client's next request to a server.
    fn ask(&mut self, slot: usize, at: usize, bytes: &[u8]) {
        let client = &self.clients[slot];
        let request = client.answered + client.due.len() as u64;
        let server = &mut self.servers[at];
        server.out.push(bytes);
        server.asked.push_back(Asked { slot, client: client.number, request });
        if !server.is_touched {
            server.is_touched = true;
            self.touched.push(SERVERS + at as u64);
        }
    }

    /// Asks each server for its keys; says how many there are.
    fn ask_several(&mut self, slot: usize, request: &Request<'_>) -> usize {
        let mut parts = std::mem::take(&mut self.parts);
        for key in request.keys() {
            let part = &mut parts[self.server_of(key)];
            part.extend_from_slice(if part.is_empty() { request.verb } else { b" " });
            part.extend_from_slice(key);
        }
        let mut asked = 0;
        for (at, part) in parts.iter_mut().enumerate().filter(|(_, part)| !part.is_empty()) {
            part.extend_from_slice(b"\r\n");
            self.ask(slot, at, part);
            part.clear();
            asked += 1;
        }
        self.parts = parts;
        asked
    }

    /// Takes the complete replies of `bytes`; says how much that was.
    fn take_replies(&mut self, user: u64, bytes: &[u8]) -> Result<usize, Unknown> {
        let mut taken = 0;
        while let Some(length) = language::reply(&bytes[taken..])? {
            let asked = self.server(user).and_then(|server| server.asked.pop_front()).ok_or(Unknown)?;
            self.answer(&asked, &bytes[taken..taken + length]);
            taken += length;
        }
        Ok(taken)
    }

    fn answer(&mut self, asked: &Asked, reply: &[u8]) {
        let client = &mut self.clients[asked.slot];
        let Some(place) = asked.request.checked_sub(client.answered) else { return };
        if client.number != asked.client || client.conn.is_none() {
            return;
        }
        let Some(due) = client.due.get_mut(place as usize) else { return };
        due.lacking = due.lacking.saturating_sub(1);
        let is_part = due.is_put_together;
        let part = if is_part { reply.strip_suffix(b"END\r\n").unwrap_or(reply) } else { reply };
        if place == 0 {
            client.out.push(part);
        } else {
            due.bytes.extend_from_slice(part);
        }
        client.release();
        self.touch_client(asked.slot);
    }
}

impl Client {
    /// Moves what need not wait into the outbox: bytes of the oldest reply that is due, and whole ones before it.
    fn release(&mut self) {
        while let Some(due) = self.due.front_mut() {
            self.out.push(&due.bytes);
            due.bytes.clear();
            if due.lacking > 0 {
                break;
            }
            if due.is_put_together {
                self.out.push(b"END\r\n");
            }
            self.due.pop_front();
            self.answered += 1;
        }
    }
}

impl Handler for Bare {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        let slot = conn.slot();
        if self.clients.len() <= slot {
            self.clients.resize_with(slot + 1, Client::default);
        }
        self.come += 1;
        self.clients[slot] = Client { conn: Some(conn), number: self.come, ..Client::default() };
        Some(slot as u64)
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.closed(user, reason);
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        if self.clients.get(user as usize).is_some_and(|client| client.is_over) {
            // What follows something unknown may be the middle of it.
            return;
        }
        let mut rest = std::mem::take(self.rest(user));
        let all = if rest.is_empty() {
            bytes
        } else {
            rest.extend_from_slice(bytes);
            &rest
        };
        let taken = if user >= SERVERS {
            self.take_replies(user, all)
        } else {
            self.take_requests(user as usize, all)
        };
        match taken {
            Ok(taken) if rest.is_empty() => rest.extend_from_slice(&bytes[taken..]),
            Ok(taken) => drop(rest.drain(..taken)),
            Err(Unknown) if user >= SERVERS => {
                self.fault = Some("a server said what nobody asked".to_owned())
            }
            Err(Unknown) => self.end_of_stream(user),
        }
        *self.rest(user) = rest;
    }

    fn end_of_stream(&mut self, user: u64) {
        if user >= SERVERS {
            self.fault = Some("a server closed its connection".to_owned());
        } else {
            self.clients[user as usize].is_over = true;
            self.touch_client(user as usize);
        }
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        if user >= SERVERS {
            self.fault = Some(format!("a server: {reason}"));
        } else {
            self.clients[user as usize] = Client::default();
        }
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        let server = user.checked_sub(SERVERS).and_then(|at| self.servers.get(at as usize));
        server.map_or_else(|| &self.clients[user as usize].out, |server| &server.out).slices(&[], slices);
    }

    fn sent(&mut self, user: u64, n: usize) {
        if let Some(server) = self.server(user) {
            server.out.sent(0, n);
            return;
        }
        let client = &mut self.clients[user as usize];
        client.out.sent(0, n);
        if client.is_over && client.due.is_empty() && client.out.is_empty() {
            self.touch_client(user as usize);
        }
    }
}
