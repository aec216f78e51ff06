//! Any cut of the input gives the same replies and the same items.

use crate::stream::{Stream, Taste};
use golem_memserver::{Options, Session, Store};

/// What came of an input: the replies, the items, and whether the session is closed.
type Outcome = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, bool);

fn run(input: &[u8], mut cut: impl FnMut() -> usize) -> Outcome {
    let mut store = Store::new(Options { started_at: 1_700_000_000, ..Options::default() });
    let mut session = Session::new();
    let (mut out, mut rest) = (Vec::new(), input);
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(cut().clamp(1, rest.len()));
        session.receive(&mut store, part, &mut out);
        rest = behind;
    }
    let items = store.items().map(|item| (item.key().to_vec(), item.data().to_vec())).collect();
    (out, items, session.is_closed())
}

#[test]
fn any_cut_of_the_input_gives_the_same_replies() {
    for seed in 0..300 {
        let mut stream = Stream::new(seed, Taste::Wild);
        let input: Vec<u8> = (0..60).flat_map(|_| stream.command()).collect();
        let whole = run(&input, || input.len());
        assert_eq!(run(&input, || 1 + stream.random.below(30)), whole, "seed {seed}");
        if input.len() < 100_000 {
            assert_eq!(run(&input, || 1), whole, "seed {seed}");
        }
    }
}
