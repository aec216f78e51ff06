//! Running out of descriptors while accepting, in a process of its own.
#![allow(clippy::unwrap_used, reason = "a test")]

use golem_net::machine::{descriptor_limit, set_descriptor_limit};
use golem_net::{Cause, CloseReason, ConnId, Driver, Handler, ListenSpec, Listener, Slices, Target};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Acceptor {
    accepted: Vec<ConnId>,
    failures: Vec<CloseReason>,
}

impl Handler for Acceptor {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        self.accepted.push(conn);
        Some(0)
    }
    fn accept_failed(&mut self, _listener: u32, reason: CloseReason) {
        self.failures.push(reason);
    }
    fn received(&mut self, _user: u64, _bytes: &[u8]) {}
    fn end_of_stream(&mut self, _user: u64) {}
    fn closed(&mut self, _user: u64, _reason: CloseReason) {}
    fn output<'a>(&'a self, _user: u64, _slices: &mut Slices<'a>) {}
    fn sent(&mut self, _user: u64, _n: usize) {}
}

#[test]
fn accepting_pauses_without_spinning_until_a_descriptor_is_free() {
    let listener =
        Listener::bind(&ListenSpec::new(Target::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))))).unwrap();
    let Target::Tcp(address) = listener.address().unwrap() else { panic!("not an internet address") };
    let mut driver = Driver::new().unwrap();
    driver.listen(listener, 0).unwrap();
    let _clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    let before = descriptor_limit().unwrap().soft;
    let next = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    set_descriptor_limit(next + 3).unwrap();

    let mut acceptor = Acceptor::default();
    let turn = |driver: &mut Driver, acceptor: &mut Acceptor, timeout| {
        driver.turn(acceptor, Some(Duration::from_millis(timeout))).unwrap();
    };
    turn(&mut driver, &mut acceptor, 5000);
    assert_eq!((acceptor.accepted.len(), acceptor.failures.len()), (3, 1));
    assert_eq!(
        (acceptor.failures[0].cause(), acceptor.failures[0].errno()),
        (Cause::Exhausted, libc::EMFILE)
    );

    // No trying in vain.
    let accepts = driver.counts().accepts;
    for _ in 0..100 {
        turn(&mut driver, &mut acceptor, 0);
    }
    assert_eq!(driver.counts().accepts, accepts);

    // A closed connection makes room for one, at once.
    driver.close(acceptor.accepted[0]);
    turn(&mut driver, &mut acceptor, 0);
    assert_eq!((acceptor.accepted.len(), acceptor.failures.len()), (4, 2));

    // Room that others made is found within a second.
    set_descriptor_limit(before).unwrap();
    let start = Instant::now();
    while acceptor.accepted.len() < 10 {
        turn(&mut driver, &mut acceptor, 10_000);
        assert!(start.elapsed() < Duration::from_secs(9));
    }
    assert_eq!(acceptor.failures.len(), 2);
}
