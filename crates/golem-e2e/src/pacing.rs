//! Sending in small pieces that are also read as such: the kernel knows how many bytes the program at the other end has
//! not read yet, and a sender that waits for zero knows that its next bytes come in a read of their own, however fast or
//! slow the reader is.
//!
//! The question goes to the kernel's socket diagnosis (netlink, `linux/inet_diag.h`) for this one connection: a few
//! microseconds, where the table in `/proc/net/tcp` takes milliseconds.

use crate::failure::{Failure, Outcome};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const NETLINK: i32 = 16;
const SOCK_DIAG: i32 = 4;
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
const IPV4: u8 = 2;
const TCP: u8 = 6;
const LISTENING: u8 = 10;
/// Length of the header before question and answer.
const HEADER: usize = 16;
/// Where an answer has the state of the socket and the length of its receive queue.
const STATE: usize = HEADER + 1;
const QUEUE: usize = HEADER + 4 + 48 + 4;

/// How much is cut at the beginning and at the end of what is sent in one go; the middle of a large value is all alike.
const HEAD: usize = 8 << 10;
const TAIL: usize = 1 << 10;

/// Sends `bytes` in pieces of at most `cut`, each one only when the piece before has been read.
pub(crate) fn send_in_pieces(
    stream: &mut TcpStream,
    bytes: &[u8],
    cut: usize,
    patience: Duration,
) -> Outcome {
    let (head, rest) = bytes.split_at(bytes.len().min(HEAD));
    let (middle, tail) = rest.split_at(rest.len().saturating_sub(TAIL));
    for piece in head.chunks(cut).chain([middle]).chain(tail.chunks(cut)) {
        stream.write_all(piece)?;
        wait_until_read(stream, patience)?;
    }
    Ok(())
}

/// Waits until the other end of `stream`, a program on this machine, has read all that was sent.
fn wait_until_read(stream: &TcpStream, patience: Duration) -> Outcome {
    let (SocketAddr::V4(near), SocketAddr::V4(far)) = (stream.local_addr()?, stream.peer_addr()?) else {
        return Err(Failure::new("only IPv4 connections can be watched"));
    };
    let kernel = Socket::new(Domain::from(NETLINK), Type::RAW, Some(Protocol::from(SOCK_DIAG)))?;
    let question = question(far, near);
    let deadline = Instant::now() + patience;
    while unread(&kernel, &question)? > 0 {
        if Instant::now() > deadline {
            return Err(Failure::new(format!("{far} has stopped reading")));
        }
        thread::yield_now();
    }
    Ok(())
}

/// Bytes in the receive queue; none when the socket is gone (the kernel then speaks of an error, or of the listener).
fn unread(mut kernel: &Socket, question: &[u8]) -> Outcome<u32> {
    kernel.write_all(question)?;
    let mut answer = [0; 512];
    let length = kernel.read(&mut answer)?;
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    if length < QUEUE + 4 || kind != BY_FAMILY || answer[STATE] == LISTENING {
        return Ok(0);
    }
    Ok(u32::from_ne_bytes([answer[QUEUE], answer[QUEUE + 1], answer[QUEUE + 2], answer[QUEUE + 3]]))
}

/// Asks for the socket with address `own` that is connected to `other`.
fn question(own: SocketAddrV4, other: SocketAddrV4) -> Vec<u8> {
    let mut body = vec![IPV4, TCP, 0, 0];
    body.extend(u32::MAX.to_ne_bytes()); // in every state
    body.extend(own.port().to_be_bytes());
    body.extend(other.port().to_be_bytes());
    for address in [own, other] {
        body.extend(address.ip().octets());
        body.extend([0; 12]);
    }
    body.extend([0; 4]); // on any interface
    body.extend([0xff; 8]); // without a cookie
    let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence and sender
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::{question, unread};
    use crate::failure::{Failure, Outcome};
    use socket2::{Domain, Protocol, Socket, Type};
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    #[test]
    fn bytes_count_until_they_are_read() -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        let (mut receiver, _) = listener.accept()?;
        let (SocketAddr::V4(near), SocketAddr::V4(far)) = (sender.local_addr()?, sender.peer_addr()?) else {
            return Err(Failure::new("not IPv4"));
        };
        let kernel =
            Socket::new(Domain::from(super::NETLINK), Type::RAW, Some(Protocol::from(super::SOCK_DIAG)))?;
        let question = question(far, near);
        sender.write_all(b"seven b")?;
        assert_eq!(unread(&kernel, &question)?, 7);
        receiver.read_exact(&mut [0; 7])?;
        assert_eq!(unread(&kernel, &question)?, 0);
        drop((receiver, sender));
        assert_eq!(unread(&kernel, &question)?, 0);
        Ok(())
    }
}
