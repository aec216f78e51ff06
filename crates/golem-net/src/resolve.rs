//! Host names to addresses. The system's resolver blocks, so that a loop that must not asks a [`Resolver`], which looks names up on
//! a few short-lived threads and sends the answers to a mailbox.

use crate::mailbox::Sender;
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, thread};

/// How many names are looked up at a time: a dead name server must not keep all names waiting behind one.
const LOOKUPS_AT_A_TIME: usize = 4;

/// The addresses of a host, in the order of the system's resolver (`getaddrinfo`), at least one. Blocks, for seconds
/// when name servers do not answer. `host` is a name or an address without brackets.
///
/// # Errors
/// The name is not known, or cannot be looked up now.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// An answer of a [`Resolver`].
#[derive(Debug)]
pub struct Resolved {
    /// The number that the question had.
    pub id: u64,
    /// What `resolve` said.
    pub result: io::Result<Vec<SocketAddr>>,
}

struct Question {
    id: u64,
    host: String,
    port: u16,
}

#[derive(Default)]
struct Questions {
    waiting: VecDeque<Question>,
    threads: usize,
}

/// Looks names up in the background and sends the answers, wrapped as the mailbox's message type wants.
pub struct Resolver<T> {
    questions: Arc<Mutex<Questions>>,
    answers: Sender<T>,
}

impl<T: From<Resolved> + Send + 'static> Resolver<T> {
    /// A resolver that answers to `answers`. There is no thread while there is no question.
    pub fn new(answers: Sender<T>) -> Self {
        Self { questions: Arc::default(), answers }
    }

    /// Asks; the answer carries `id`.
    ///
    /// # Errors
    /// No thread can be started, and none runs; there will be no answer.
    pub fn ask(&self, id: u64, host: &str, port: u16) -> io::Result<()> {
        let mut questions = lock(&self.questions);
        questions.waiting.push_back(Question { id, host: host.to_owned(), port });
        if questions.threads == LOOKUPS_AT_A_TIME {
            return Ok(());
        }
        let (shared, answers) = (Arc::clone(&self.questions), self.answers.clone());
        let thread = thread::Builder::new().name("resolver".to_owned());
        match thread.spawn(move || answer_all(&shared, &answers)) {
            Ok(_) => questions.threads += 1,
            Err(error) if questions.threads == 0 => {
                questions.waiting.pop_back();
                return Err(error);
            }
            // Those that run will come to it.
            Err(_) => {}
        }
        Ok(())
    }
}

/// Answers until nothing waits.
fn answer_all<T: From<Resolved>>(shared: &Mutex<Questions>, answers: &Sender<T>) {
    loop {
        let question = {
            let mut questions = lock(shared);
            let Some(question) = questions.waiting.pop_front() else {
                questions.threads -= 1;
                return;
            };
            question
        };
        let result = resolve(&question.host, question.port);
        // A reader that is gone needs no answer.
        let _ = answers.send(T::from(Resolved { id: question.id, result }));
    }
}

/// Every change under the lock is whole, also when its holder panics.
fn lock(questions: &Mutex<Questions>) -> MutexGuard<'_, Questions> {
    questions.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({} waiting)", lock(&self.questions).waiting.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::{Resolved, Resolver, resolve};
    use crate::driver::{ConnId, Driver, Handler, Slices};
    use crate::mailbox::mailbox;
    use crate::reason::CloseReason;
    use std::net::SocketAddr;

    struct Nobody;

    impl Handler for Nobody {
        fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
            None
        }
        fn received(&mut self, _user: u64, _bytes: &[u8]) {}
        fn end_of_stream(&mut self, _user: u64) {}
        fn closed(&mut self, _user: u64, _reason: CloseReason) {}
        fn output<'a>(&'a self, _user: u64, _slices: &mut Slices<'a>) {}
        fn sent(&mut self, _user: u64, _n: usize) {}
    }

    #[test]
    fn addresses_resolve_to_themselves() {
        assert_eq!(resolve("127.0.0.1", 7).unwrap(), [SocketAddr::from(([127, 0, 0, 1], 7))]);
        assert_eq!(resolve("::1", 7).unwrap()[0].to_string(), "[::1]:7");
        assert!(resolve("", 7).is_err());
    }

    #[test]
    fn every_question_is_answered_once() {
        let mut driver = Driver::new().unwrap();
        let (sender, mut answers) = mailbox::<Resolved>(driver.waker(), None);
        let resolver = Resolver::new(sender);
        for id in 0..50 {
            resolver.ask(id, &format!("127.0.0.{id}"), 80).unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < 50 {
            driver.turn(&mut Nobody, None).unwrap();
            while let Some(answer) = answers.take() {
                let expected = format!("127.0.0.{}:80", answer.id);
                assert_eq!(answer.result.unwrap()[0].to_string(), expected);
                seen.push(answer.id);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }
}
