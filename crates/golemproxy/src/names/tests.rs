//! Names whose lookups are answered, or not, as the test says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod standing;

use super::{Change, Name, Names, News, Order, Use};
use golem_engine::Time;
use std::net::SocketAddr;
use std::time::Duration;

const A: &str = "10.0.0.1:11211";
const B: &str = "10.0.0.2:11211";
const C: &str = "10.0.0.3:11211";

/// Names, a clock, and the lookups that were asked for and not answered.
struct Desk {
    names: Names<u32, u32>,
    now: Time,
    lookups: Vec<(u64, String)>,
    /// Who was told which address.
    told: Vec<(u32, Option<SocketAddr>)>,
    news: Vec<News>,
    last: Option<Change<u32>>,
}

fn name(host: &str) -> Name {
    Name { host: host.to_owned(), port: 11211 }
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn address(text: &str) -> Option<SocketAddr> {
    Some(text.parse().unwrap())
}

fn server(number: u32, interval: u64) -> Use<u32> {
    Use {
        server: number,
        interval: (interval > 0).then(|| Duration::from_millis(interval)),
        connect_timeout: Duration::from_secs(1),
    }
}

impl Desk {
    /// With one server, called `one`, that is looked up every `interval` milliseconds.
    fn new(interval: u64) -> Self {
        let mut desk = Self {
            names: Names::new(7),
            now: Time(1_000_000),
            lookups: Vec::new(),
            told: Vec::new(),
            news: Vec::new(),
            last: None,
        };
        desk.names.serve([(name("one"), server(0, interval))], desk.now);
        desk
    }

    /// One whose address is known.
    fn at(address: &str, interval: u64) -> Self {
        let mut desk = Self::new(interval);
        desk.asks(0);
        desk.gives(&[address]);
        desk.told.clear();
        desk
    }

    fn carry_out(&mut self) {
        while let Some(order) = self.names.next_order() {
            match order {
                Order::LookUp(id, name) => self.lookups.push((id, name.host)),
                Order::Answer(asker, address) => self.told.push((asker, address)),
                Order::Tell(change) => {
                    self.news.push(change.news.clone());
                    self.last = Some(change);
                }
            }
        }
    }

    fn asks(&mut self, asker: u32) {
        self.asks_for("one", asker);
    }

    fn asks_for(&mut self, host: &str, asker: u32) {
        self.names.ask(name(host), asker, self.now);
        self.carry_out();
    }

    /// The oldest lookup gives this.
    fn gives(&mut self, found: &[&str]) {
        let (id, _) = self.lookups.remove(0);
        self.names.resolved(id, Ok(addresses(found)), self.now);
        self.carry_out();
    }

    fn fails(&mut self) {
        let (id, _) = self.lookups.remove(0);
        self.names.resolved(id, Err("try again".to_owned()), self.now);
        self.carry_out();
    }

    /// Time passes, and whoever runs the names wakes when they want it.
    fn wait(&mut self, milliseconds: u64) {
        let end = Time(self.now.0 + milliseconds * 1000);
        while let Some(next) = self.names.next_deadline().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.names.expire(self.now);
            assert!(
                self.names.next_deadline().is_none_or(|next| next > self.now),
                "it wants to be woken again"
            );
            self.carry_out();
        }
        self.now = end;
    }

    /// Who was told an address since this was asked last.
    fn told(&mut self) -> Vec<(u32, Option<SocketAddr>)> {
        std::mem::take(&mut self.told)
    }
}

#[test]
fn several_who_ask_have_one_lookup_and_the_same_answer() {
    let mut desk = Desk::new(0);
    (1..=3).for_each(|asker| desk.asks(asker));
    assert_eq!(desk.lookups.len(), 1);
    assert_eq!(desk.told(), []);
    desk.gives(&[A, B]);
    assert_eq!(desk.told(), [1, 2, 3].map(|asker| (asker, address(A))));
    assert_eq!(desk.news, []);
}

#[test]
fn names_are_looked_up_each_for_itself_and_answered_in_any_order() {
    let mut desk = Desk::new(0);
    desk.names.serve([(name("one"), server(0, 0)), (name("two"), server(1, 0))], desk.now);
    desk.asks_for("one", 1);
    desk.asks_for("two", 2);
    desk.lookups.reverse();
    desk.gives(&[B]);
    assert_eq!(desk.told(), [(2, address(B))]);
    desk.gives(&[A]);
    assert_eq!(desk.told(), [(1, address(A))]);
    desk.names.resolved(99, Ok(addresses(&[C])), desk.now);
    desk.carry_out();
    assert_eq!(desk.told(), [], "an answer that nobody asked for");
}

#[test]
fn each_connection_asks_anew_and_keeps_the_address_in_use_while_it_is_in_the_answer() {
    let mut desk = Desk::at(A, 0);
    for answer in [[B, A, C], [C, B, A], [A, C, B]] {
        desk.asks(1);
        desk.gives(&answer);
        assert_eq!(desk.told(), [(1, address(A))], "a rotating answer moves nobody");
    }
    assert_eq!(desk.news, []);
}

#[test]
fn an_answer_without_the_address_in_use_moves_the_name() {
    let mut desk = Desk::at(A, 0);
    desk.asks(1);
    desk.gives(&[C, B]);
    let moved = News::Moved { from: A.parse().unwrap(), to: C.parse().unwrap() };
    assert_eq!(desk.news, [moved]);
    let change = desk.last.take().unwrap();
    assert_eq!((change.name, change.servers), (name("one"), [0].into()));
    assert_eq!(desk.told(), [(1, address(C))]);
    // All workers connect again: once is enough.
    (2..5).for_each(|asker| desk.asks(asker));
    assert_eq!(desk.told(), [2, 3, 4].map(|asker| (asker, address(C))));
    assert!(desk.lookups.is_empty());
    desk.wait(100);
    desk.asks(6);
    desk.gives(&[B, C]);
    assert_eq!(desk.told(), [(6, address(C))]);
}

#[test]
fn lookups_that_fail_or_give_nothing_change_nothing() {
    let mut desk = Desk::at(A, 0);
    let failed = |why: &str, is_first| News::Failed { why: why.to_owned(), is_first, kept: address(A) };
    desk.asks(1);
    desk.fails();
    desk.asks(2);
    desk.gives(&[]);
    assert_eq!(desk.told(), [(1, address(A)), (2, address(A))]);
    assert_eq!(desk.news, [failed("try again", true), failed("it has no address", false)]);
    desk.asks(3);
    desk.gives(&[A]);
    assert_eq!(desk.news.pop(), Some(News::Mended));
    desk.asks(4);
    desk.fails();
    assert_eq!(desk.news.pop(), Some(failed("try again", true)), "said again after it was mended");
}

#[test]
fn a_name_without_an_address_that_is_known_has_none_until_a_lookup_gives_one() {
    let mut desk = Desk::new(1000);
    desk.asks(1);
    desk.fails();
    desk.asks(2);
    desk.gives(&[]);
    assert_eq!(desk.told(), [(1, None), (2, None)]);
    assert!(matches!(desk.news[..], [News::Failed { kept: None, .. }, News::Failed { is_first: false, .. }]));
    desk.wait(10_000);
    assert!(desk.lookups.is_empty(), "it is not in use");
    desk.asks(3);
    desk.gives(&[B]);
    assert_eq!((desk.told(), desk.news.pop()), ([(3, address(B))].into(), Some(News::Mended)));
}

#[test]
fn who_connects_does_not_wait_long_for_a_slow_lookup_where_an_address_is_known() {
    let mut desk = Desk::at(A, 0);
    desk.asks(1);
    desk.wait(199);
    assert_eq!(desk.told(), []);
    desk.wait(1);
    assert_eq!(desk.told(), [(1, address(A))]);
    desk.asks(2);
    assert_eq!(desk.told(), [(2, address(A))], "the lookup is known to be slow");
    assert_eq!(desk.lookups.len(), 1);
    desk.gives(&[B]);
    assert!(matches!(desk.news[..], [News::Moved { .. }]), "what it gives in the end counts");
    assert_eq!(desk.told(), []);
    // A first lookup is waited for, as there is nothing else.
    let mut desk = Desk::new(0);
    desk.asks(1);
    desk.wait(10_000);
    assert_eq!((desk.told(), desk.names.next_deadline()), (Vec::new(), None));
}

#[test]
fn nobody_waits_longer_than_half_of_the_time_to_connect() {
    let mut desk = Desk::at(A, 0);
    let hasty = Use { connect_timeout: Duration::from_millis(60), ..server(1, 0) };
    desk.names.serve([(name("one"), server(0, 0)), (name("one"), hasty)], desk.now);
    desk.asks(1);
    desk.wait(29);
    assert_eq!(desk.told(), []);
    desk.wait(1);
    assert_eq!(desk.told(), [(1, address(A))]);
}
