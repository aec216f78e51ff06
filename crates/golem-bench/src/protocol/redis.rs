//! Redis's protocol, version 2: requests as arrays of texts, replies by their first byte. Replies do not name their key.

use super::{Command, ErrorKind, Line, Reply, Shape, Store, length, number, write_number};
use crate::names::Names;

pub(super) fn write(command: Command<'_>, names: &Names, out: &mut Vec<u8>) {
    match command {
        Command::Get(key) | Command::Gets(key) => {
            array(2, b"GET", out);
            key_of(key, names, out);
        }
        Command::MultiGet(keys) => {
            array(keys.len() + 1, b"MGET", out);
            for key in keys {
                key_of(*key, names, out);
            }
        }
        Command::Store { how, key, size, ttl } => store(how, key, size, ttl, names, out),
        Command::Delete(key) => {
            array(2, b"DEL", out);
            key_of(key, names, out);
        }
        Command::Count { key, by, is_down } => {
            array(3, if is_down { b"DECRBY" } else { b"INCRBY" }, out);
            key_of(key, names, out);
            number_text(by, out);
        }
    }
}

/// The value is the last text of the request, so a condition or a time needs another command. `Protocol::has_cas` says that
/// nobody asks for the two conditions that there are no such commands for.
fn store(how: Store, key: u32, size: usize, ttl: u32, names: &Names, out: &mut Vec<u8>) {
    let word: &[u8] = match how {
        Store::Set if ttl > 0 => b"SETEX",
        Store::Set | Store::Replace | Store::Cas(_) => b"SET",
        Store::Add => b"SETNX",
    };
    array(if ttl > 0 && how == Store::Set { 4 } else { 3 }, word, out);
    key_of(key, names, out);
    if ttl > 0 && how == Store::Set {
        number_text(ttl, out);
    }
    out.push(b'$');
    write_number(size as u64, out);
    out.extend_from_slice(b"\r\n");
}

fn array(length: usize, word: &[u8], out: &mut Vec<u8>) {
    out.push(b'*');
    write_number(length as u64, out);
    out.extend_from_slice(b"\r\n");
    text(word, out);
}

fn key_of(key: u32, names: &Names, out: &mut Vec<u8>) {
    out.push(b'$');
    write_number(names.length() as u64, out);
    out.extend_from_slice(b"\r\n");
    names.write(key, out);
    out.extend_from_slice(b"\r\n");
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'$');
    write_number(bytes.len() as u64, out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn number_text(number: u32, out: &mut Vec<u8>) {
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    out.push(b'$');
    write_number(u64::from(digits), out);
    out.extend_from_slice(b"\r\n");
    write_number(u64::from(number), out);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn line(shape: Shape, line: &[u8]) -> Line<'_> {
    match (shape, line) {
        (Shape::Get | Shape::MultiGet, b"$-1") => Line::Missing(None),
        (Shape::Get | Shape::MultiGet, [b'$', size @ ..]) => {
            length(size).map_or(Line::Wrong, |size| Line::Value { key: None, size, cas: 0 })
        }
        (Shape::MultiGet, [b'*', items @ ..]) => length(items).map_or(Line::Wrong, Line::Items),
        (Shape::Store, b"+OK" | b":1") => Line::Last(Reply::Stored),
        (Shape::Store, b":0") => Line::Last(Reply::NotStored),
        (Shape::Delete, b":1") => Line::Last(Reply::Deleted),
        (Shape::Delete, b":0") => Line::Last(Reply::NotFound),
        (Shape::Count, [b':', digits @ ..]) => {
            number(digits).map_or(Line::Wrong, |n| Line::Last(Reply::Number(n)))
        }
        (_, [b'-', ..]) => Line::Last(Reply::Error(ErrorKind::Server)),
        _ => Line::Wrong,
    }
}
