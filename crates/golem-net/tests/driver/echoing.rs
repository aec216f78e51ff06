//! The echo handler as a whole: real clients in other threads.

use crate::recorder::{any_port, pattern};
use golem_net::echo::Echo;
use golem_net::{Driver, ListenSpec, Listener, Target, Waker};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

struct Server {
    address: SocketAddr,
    waker: Waker,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Server {
    fn start() -> Self {
        let listener = Listener::bind(&ListenSpec::new(any_port())).unwrap();
        let Target::Tcp(address) = listener.address().unwrap() else { panic!("not an internet address") };
        let mut driver = Driver::new().unwrap();
        driver.listen(listener, 0).unwrap();
        let waker = driver.waker();
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut echo = Echo::default();
            while !stops.load(Ordering::Acquire) {
                echo.turn(&mut driver, None).unwrap();
            }
            driver.connections()
        });
        Self { address, waker, stop, thread: Some(thread) }
    }

    /// How many connections are left.
    fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        self.thread.take().unwrap().join().unwrap()
    }
}

fn exchange(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut back = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(bytes).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        stream.read_to_end(&mut back).unwrap();
    });
    assert!(back == bytes, "{} bytes came back for {}", back.len(), bytes.len());
}

#[test]
fn echoes_any_size_and_closes_after_the_half_close() {
    let server = Server::start();
    for size in [0, 1, 2, 100, 4096, 65_535, 65_536, 65_537, 131_072, 200_000, 5_000_000] {
        exchange(server.address, &pattern(size));
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn echoes_to_many_clients_at_once() {
    let server = Server::start();
    let address = server.address;
    thread::scope(|scope| {
        for client in 0..16 {
            scope.spawn(move || {
                for round in 0..10 {
                    exchange(address, &pattern(client * 40_000 + round * 1000));
                }
            });
        }
    });
    assert_eq!(server.stop(), 0);
}
