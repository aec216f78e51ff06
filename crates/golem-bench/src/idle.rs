//! Connections that have asked once and then say nothing, to see what they cost. They are on a driver of their own, which
//! is not looked at again once all have been answered.

use crate::protocol::Command;
use crate::workload::Workload;
use golem_net::{CloseReason, ConnId, Driver, Handler, Slices, Target};
use std::time::{Duration, Instant};

/// So many are being made at a time, which is no more than a listening socket can keep.
const AT_A_TIME: u32 = 128;
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// Connections that say nothing, until this is dropped.
pub(crate) struct Idle {
    driver: Driver,
    crowd: Crowd,
}

struct Crowd {
    request: Vec<u8>,
    /// How much of the request each has still to send.
    unsent: Vec<usize>,
    conns: Vec<ConnId>,
    touched: Vec<u64>,
    /// Those that have had a reply.
    answered: Vec<bool>,
    answers: u32,
    fault: Option<String>,
}

impl Idle {
    /// Makes so many, and has each ask once.
    ///
    /// # Errors
    /// One of them could not be made, or had no reply for so long.
    pub(crate) fn new(
        count: u32,
        target: &Target,
        workload: &Workload,
        patience: Duration,
    ) -> Result<Self, String> {
        let mut request = Vec::new();
        workload.protocol.write(Command::Get(0), &workload.names, &mut request);
        let mut driver = Driver::new().map_err(|error| format!("the poller: {error}"))?;
        let mut crowd = Crowd {
            request,
            unsent: Vec::new(),
            conns: Vec::new(),
            touched: Vec::new(),
            answered: Vec::new(),
            answers: 0,
            fault: None,
        };
        let mut last_answer = (0, Instant::now());
        while crowd.answers < count {
            while (crowd.conns.len() as u32) < count.min(crowd.answers + AT_A_TIME) {
                let user = crowd.conns.len() as u64;
                let conn = driver.connect(target, user).map_err(|error| format!("{target}: {error}"))?;
                crowd.conns.push(conn);
                crowd.unsent.push(crowd.request.len());
                crowd.answered.push(false);
            }
            let turned = driver.turn(&mut crowd, Some(LONGEST_WAIT));
            turned.map_err(|error| format!("the poller failed: {error}"))?;
            for user in std::mem::take(&mut crowd.touched) {
                let conn = crowd.conns[user as usize];
                driver.flush(&mut crowd, conn);
            }
            if let Some(fault) = crowd.fault.take() {
                return Err(fault);
            }
            if crowd.answers > last_answer.0 {
                last_answer = (crowd.answers, Instant::now());
            } else if last_answer.1.elapsed() > patience {
                return Err(format!("no reply came for {} s", patience.as_secs_f64()));
            }
        }
        Ok(Self { driver, crowd })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.driver.connections().min(self.crowd.conns.len())
    }
}

impl Drop for Idle {
    /// Closes them by resets, so that their ports are free at once.
    fn drop(&mut self) {
        for conn in &self.crowd.conns {
            if let Some(socket) = self.driver.socket(*conn) {
                // Else the port waits for a minute.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
    }
}

impl Handler for Crowd {
    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        None
    }

    fn connected(&mut self, user: u64) {
        self.touched.push(user);
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.fault = Some(format!("idle connection {user} could not be made: {reason}"));
    }

    fn received(&mut self, user: u64, _bytes: &[u8]) {
        let answered = &mut self.answered[user as usize];
        self.answers += u32::from(!*answered);
        *answered = true;
    }

    fn end_of_stream(&mut self, user: u64) {
        self.fault = Some(format!("idle connection {user} was closed by the other side"));
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        self.fault = Some(format!("idle connection {user} broke: {reason}"));
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        let unsent = self.unsent[user as usize];
        slices.push(&self.request[self.request.len() - unsent..]);
    }

    fn sent(&mut self, user: u64, n: usize) {
        self.unsent[user as usize] -= n;
    }
}
