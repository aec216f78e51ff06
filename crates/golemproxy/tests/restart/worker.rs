//! One worker, which accepts its clients itself.

use crate::client::{Client, wait_until};
use crate::stage::Stage;
use crate::trap::{Times, set_trap, turn};
use golem_engine::PoolIndex;
use golem_engine::coordinator::{Order, Report};
use golem_ring::ServerIndex;
use golemproxy::worker::ToWorker;

#[test]
fn a_worker_that_panics_loses_its_clients_and_serves_new_ones() {
    let _turn = turn();
    let stage = Stage::new(60_000);
    let mut idle = Client::connect(stage.address);
    assert_eq!(idle.ask("set k 0 0 1\r\nv\r\n"), "STORED\r\n");
    stage.silence(true);
    let mut waiting = Client::connect(stage.address);
    waiting.say("get k\r\n");
    let servers = || stage.pool().servers.iter();
    wait_until("a request on its way", || servers().any(|server| server.out_queue.get() == 1));
    assert_eq!(stage.room.taken(), 2);

    stage.panic();
    assert!(idle.ends() && waiting.ends());
    assert_eq!(stage.room.taken(), 0);
    assert_eq!(stage.pool().pool.client_connections.get(), 0);
    for server in servers() {
        let gauges = [
            &server.server_connections,
            &server.connections_open,
            &server.in_queue,
            &server.in_queue_bytes,
            &server.out_queue,
            &server.out_queue_bytes,
        ];
        assert!(gauges.iter().all(|gauge| gauge.get() == 0), "{server:?}");
    }
    stage.silence(false);
    let mut fresh = Client::connect(stage.address);
    assert_eq!(fresh.ask("get k\r\n"), "VALUE k 0 1\r\n");
    assert_eq!(stage.room.taken(), 1);
    let requests: i64 = servers().map(|server| server.requests.get()).sum();
    assert_eq!((requests, stage.pool().pool.client_total.get()), (3, 4), "these count on");
    stage.stop();
}

#[test]
fn servers_that_are_ejected_stay_so_when_a_worker_begins_anew() {
    let _turn = turn();
    let mut stage = Stage::new(60_000);
    let report = Report { pool: PoolIndex::new(0), server: ServerIndex::new(0), seen: 0 };
    stage.coordinator.report(report);
    let Some(Order::Publish(snapshot)) = stage.coordinator.next_order() else { panic!("not ejected") };
    stage.sender.send(ToWorker::Snapshot(snapshot)).unwrap();
    let store_all = || {
        let mut client = Client::connect(stage.address);
        for key in 0..20 {
            assert_eq!(client.ask(&format!("set key{key} 0 0 1\r\nv\r\n")), "STORED\r\n");
        }
    };
    store_all();
    stage.panic();
    store_all();
    let requests = |server: usize| stage.pool().servers[server].requests.get();
    assert_eq!([requests(0), requests(1)], [0, 40]);
    stage.stop();
}

#[test]
fn a_worker_that_panics_on_its_way_out_leaves_all_the_same() {
    let _turn = turn();
    let stage = Stage::new(50);
    stage.silence(true);
    let mut client = Client::connect(stage.address);
    set_trap("timed out", Times::Once);
    client.say("get k\r\n");
    wait_until("the request", || stage.pool().servers.iter().any(|server| server.requests.get() == 1));
    stage.sender.send(ToWorker::Leave).unwrap();
    assert!(client.ends());
    stage.thread.join().unwrap().unwrap().unwrap();
    assert_eq!(stage.counters.pools[0].pool.worker_restarts.get(), 1);
    assert_eq!(stage.room.taken(), 0);
}
