//! The core by its public face: memory, sizes, expiry, what was received.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use golem_memserver::{Options, Received, Session, Store};

const START: u64 = 1_700_000_000;

fn store(options: Options) -> Store {
    Store::new(Options { started_at: START, ..options })
}

fn ask(store: &mut Store, input: &str) -> String {
    let mut out = Vec::new();
    Session::new().receive(store, input.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_memory_limit_holds_and_the_least_used_go_first() {
    let limit = 10_000;
    let mut store = store(Options { memory_limit: limit, ..Options::default() });
    let value = "v".repeat(900);
    for i in 0..50 {
        assert_eq!(ask(&mut store, &format!("set k{i} 0 0 900\r\n{value}\r\n")), "STORED\r\n");
        assert!(ask(&mut store, "get k0\r\n").starts_with("VALUE"));
        assert!(store.bytes() <= limit);
    }
    assert_eq!(store.len(), 10);
    assert_eq!(store.counters().evictions, 40);
    let keys: Vec<&[u8]> = store.items().map(|item| item.key()).collect();
    assert_eq!(keys[..3], [b"k0".as_slice(), b"k49", b"k48"]);
    assert!(store.item(b"k40").is_none());
}

#[test]
fn a_value_too_large_removes_the_old_one_and_is_swallowed() {
    let mut store = store(Options { item_size_max: 2000, ..Options::default() });
    let set = |command: &str, n: usize| format!("{command} {n}\r\n{}\r\n", "v".repeat(n));
    // 48 + key and NUL + value and line end + 8 bytes.
    let most = 2000 - 48 - 2 - 2 - 8;
    assert_eq!(ask(&mut store, &set("set a 0 0", most)), "STORED\r\n");
    assert_eq!(
        ask(&mut store, &(set("add a 0 0", most + 1) + "mn\r\n")),
        "SERVER_ERROR object too large for cache\r\nMN\r\n"
    );
    assert!(store.item(b"a").is_some());
    assert_eq!(ask(&mut store, "append a 0 0 1\r\nx\r\n"), "NOT_STORED\r\n");
    assert_eq!(
        ask(&mut store, &(set("set a 0 0", most + 1) + "mn\r\n")),
        "SERVER_ERROR object too large for cache\r\nMN\r\n"
    );
    assert!(store.item(b"a").is_none());
}

#[test]
fn items_expire_and_flushes_come_when_the_clock_says_so() {
    let mut store = store(Options::default());
    ask(&mut store, "set never 0 0 1\r\nx\r\nset span 0 10 1\r\nx\r\n");
    ask(&mut store, &format!("set date 0 {} 1\r\nx\r\nset past 0 {} 1\r\nx\r\n", START + 20, START - 1000));
    let present = |store: &Store| {
        let mut keys: Vec<String> =
            store.items().map(|item| String::from_utf8_lossy(item.key()).into_owned()).collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(present(&store), "date never span");
    store.set_clock(START + 9);
    assert_eq!(present(&store), "date never span");
    store.set_clock(START + 10);
    assert_eq!(present(&store), "date never");
    assert_eq!(ask(&mut store, "mg date t\r\n"), "HD t10\r\n");
    assert_eq!(ask(&mut store, "flush_all 5\r\n"), "OK\r\n");
    store.set_clock(START + 13);
    assert_eq!(present(&store), "date never");
    // An item that is set in the second of the flush survives it.
    store.set_clock(START + 15);
    ask(&mut store, "set new 0 0 1\r\nx\r\n");
    assert_eq!(present(&store), "new");
    // The clock does not go back.
    store.set_clock(START);
    assert_eq!(present(&store), "new");
}

#[test]
fn received_commands_can_be_looked_at() {
    let mut store = store(Options { keep_received: true, ..Options::default() });
    ask(&mut store, "get a\r\nset a 0 0 1 noreply\r\nx\r\nset b 0 0 1\r\nxyz\r\n");
    let received = |line: &str, data: Option<&str>| Received {
        line: line.as_bytes().to_vec(),
        data: data.map(|data| data.as_bytes().to_vec()),
    };
    let expected = [
        received("get a", None),
        received("set a 0 0 1 noreply", Some("x")),
        received("set b 0 0 1", None),
        received("", None),
    ];
    assert_eq!(store.take_received()[..3], expected[..3]);
    assert!(store.take_received().is_empty());
}
