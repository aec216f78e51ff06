//! The bare proxy before null servers: it must answer correctly, or what is measured beside it is
//! worth nothing.

use super::runs::{LOADS, RULES, any_port, conversation, null_server, outline, plan, run};
use golem_bench::bare::Bare;
use golem_bench::mix::Operation;
use golem_bench::run::{Limit, Plan};
use golem_bench::session::{Pattern, Rules};
use golem_bench::workload::Outline;
use golem_net::{Driver, Target};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

/// The proxy before these servers, and how it ends.
fn bare(servers: Vec<Target>) -> (Target, JoinHandle<String>) {
    let listener = any_port();
    let address = listener.address().unwrap();
    let thread = thread::spawn(move || {
        let mut driver = Driver::new().unwrap();
        driver.listen(listener, 0).unwrap();
        let mut bare = Bare::new(&mut driver, &servers).unwrap();
        loop {
            if let Err(error) = bare.turn(&mut driver) {
                return error.to_string();
            }
        }
    });
    (address, thread)
}

#[test]
fn every_load_is_answered_through_it_in_the_order_of_the_requests() {
    for (value_size, depth, pattern) in LOADS {
        let rules = Rules { depth, pattern, ..RULES };
        let mix = "get=60,multiget=10,set=20,delete=5,incr=5".parse().unwrap();
        let outline = Outline { mix, many: 3, ..outline(value_size) };
        let servers = [(); 3].map(|()| null_server(&outline));
        let against = Plan { rules, outline, limit: Limit::Count(1000), ..plan(bare(servers.to_vec()).0) };
        let report = run(&against).unwrap();
        assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
        assert!(report.tally.hits > 0 && report.tally.count(Operation::Set) > 0, "{report}");
    }
}

#[test]
fn clients_come_and_go() {
    let outline = outline(100);
    let servers = [(); 2].map(|()| null_server(&outline));
    let rules = Rules { depth: 16, pattern: Pattern::Burst, requests_per_connection: 16, ..RULES };
    let against = Plan { rules, outline, limit: Limit::Count(2000), ..plan(bare(servers.to_vec()).0) };
    let report = run(&against).unwrap();
    assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
}

#[test]
fn replies_that_are_due_leave_before_a_client_is_closed() {
    let servers = [(); 2].map(|()| null_server(&outline(3)));
    let (proxy, _) = bare(servers.to_vec());
    let several = conversation(&proxy, b"get a bb\r\nset c 0 0 1\r\nx\r\n");
    let reply = String::from_utf8(several).unwrap();
    assert!(reply.contains("VALUE a 0 3\r\n") && reply.contains("VALUE bb 0 3\r\n"), "{reply}");
    assert!(reply.ends_with("\r\nEND\r\nSTORED\r\n") && reply.matches("END").count() == 1, "{reply}");
    assert_eq!(
        conversation(&proxy, b"delete a\r\nstats\r\nget a\r\n"),
        b"DELETED\r\n",
        "closed at what it does not know"
    );
    assert_eq!(conversation(&proxy, b"get incomplete"), b"");
}

#[test]
fn it_ends_when_a_server_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Target::Tcp(listener.local_addr().unwrap());
    let (_, thread) = bare(vec![server]);
    drop(listener.accept().unwrap());
    assert!(thread.join().unwrap().contains("a server"), "and says so");
}
