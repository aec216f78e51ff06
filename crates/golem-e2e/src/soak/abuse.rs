//! Clients of a soak that nobody should write: binary protocol, TLS, HTTP, noise, half requests, lines without an end, replies that
//! are never read. Nothing is expected of the answers; others must not notice.

use super::ending::Ending;
use super::figures::Figures;
use crate::conversation::Conversation;
use crate::dice::Dice;
use std::net::SocketAddr;
use std::time::Duration;

/// How long such a client looks at what comes.
const LOOK: Duration = Duration::from_millis(50);

/// Abuses the pools until the end.
pub(super) fn abuse(pools: &[SocketAddr], figures: &Figures, ending: &Ending, mut dice: Dice) {
    while !ending.wait(Duration::from_millis(5 + dice.below(60) as u64)) {
        let pool = pools[dice.below(pools.len())];
        // Refused, reset, closed: whatever the proxy does with it is right.
        let Ok(mut conversation) = Conversation::open(pool) else { continue };
        Figures::count(&figures.abuses);
        conversation.set_patience(LOOK);
        let rounds = 1 + dice.below(3);
        for _ in 0..rounds {
            if conversation.send(&nonsense(&mut dice)).is_err() {
                break;
            }
        }
        match dice.below(4) {
            0 => drop(conversation.rest()),
            1 => drop(conversation.reset()),
            2 => drop(conversation.end_sending().and_then(|()| conversation.rest())),
            _ => {}
        }
    }
}

fn nonsense(dice: &mut Dice) -> Vec<u8> {
    let noise =
        |dice: &mut Dice, count: usize| -> Vec<u8> { (0..count).map(|_| dice.below(256) as u8).collect() };
    match dice.below(9) {
        0 => {
            // A get of the binary protocol.
            let header = [0x80, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3];
            [&header[..], &[0; 12], b"abc"].concat()
        }
        1 => b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: soak\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
        2 => [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &noise(dice, 200)].concat(),
        3 => {
            let count = 1 + dice.below(3000);
            noise(dice, count)
        }
        4 => b"set abuse 0 0 100000\r\nonly a few of the bytes".to_vec(),
        5 => vec![b'x'; 1000 + dice.below(200_000)],
        6 => [&b"get "[..], &b"nobody ".repeat(dice.below(3000))].concat(),
        7 => b"set abuse 0 0 3\r\nabcdef\r\nset abuse 0 0 -1\r\nset abuse 0 0 99999999999\r\nincr abuse x\r\nmg\r\nms abuse x\r\n".to_vec(),
        _ => b"get nobody\r\nset abuse 0 0 5\r\nabuse\r\nget abuse\r\nmn\r\n".repeat(1 + dice.below(400)),
    }
}
