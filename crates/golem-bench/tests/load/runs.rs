//! What tests of the load generator share: runs, servers on ports that nobody else has, and conversations.

use golem_bench::mix::Mix;
use golem_bench::names::Names;
use golem_bench::null::Null;
use golem_bench::popularity::Popularity;
use golem_bench::protocol::Protocol;
use golem_bench::report::Report;
use golem_bench::run::{Limit, Onlooker, Plan};
use golem_bench::session::{Pattern, Rules};
use golem_bench::sizes::Sizes;
use golem_bench::workload::Outline;
use golem_net::{Driver, ListenSpec, Listener, Target};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

pub(super) const RULES: Rules = Rules {
    depth: 4,
    pattern: Pattern::TopUp,
    verify: true,
    against_echo: false,
    requests_per_connection: 0,
};

pub(super) fn outline(value_size: u32) -> Outline {
    Outline {
        protocol: Protocol::Text,
        mix: Mix::of_gets(80),
        private_percent: 0,
        sizes: Sizes::Fixed(value_size),
        keys: 300,
        popularity: Popularity::Uniform,
        many: 10,
        ttl: 0,
        names: Names::new("golem:").unwrap(),
        seed: 1,
    }
}

pub(super) fn plan(target: Target) -> Plan {
    Plan {
        target,
        threads: 1,
        connections: 7,
        rules: RULES,
        outline: outline(100),
        rate: None,
        idle: 0,
        preload: true,
        warmup: Duration::ZERO,
        limit: Limit::Count(5000),
        patience: Duration::from_secs(20),
        watched: None,
        companions: Vec::new(),
    }
}

pub(super) fn run(plan: &Plan) -> Result<Report, String> {
    golem_bench::run::run(plan, Onlooker::default())
}

/// Value size, depth and pattern of runs that a server has to stand.
pub(super) const LOADS: [(u32, usize, Pattern); 5] = [
    (32, 1, Pattern::TopUp),
    (32, 100, Pattern::TopUp),
    (32, 100, Pattern::Burst),
    (4096, 16, Pattern::Burst),
    (300_000, 2, Pattern::TopUp),
];

pub(super) fn any_port() -> Listener {
    Listener::bind(&ListenSpec::new(Target::Tcp("127.0.0.1:0".parse().unwrap()))).unwrap()
}

/// Serves until the test program ends; `turn` is one turn of the server.
pub(super) fn serve(mut turn: impl FnMut(&mut Driver) -> io::Result<()> + Send + 'static) -> Target {
    let listener = any_port();
    let address = listener.address().unwrap();
    thread::spawn(move || {
        let mut driver = Driver::new().unwrap();
        driver.listen(listener, 0).unwrap();
        while turn(&mut driver).is_ok() {}
    });
    address
}

pub(super) fn null_server(outline: &Outline) -> Target {
    let mut null = Null::new(outline).unwrap();
    serve(move |driver| null.turn(driver))
}

/// What the server says to `input` until it closes.
pub(super) fn conversation(server: &Target, input: &[u8]) -> Vec<u8> {
    let Target::Tcp(address) = server else { panic!("{server} is no port") };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(input).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut replies = Vec::new();
    stream.read_to_end(&mut replies).unwrap();
    replies
}
