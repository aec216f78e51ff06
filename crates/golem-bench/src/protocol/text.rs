//! memcached's text protocol.

use super::{Command, Line, Reply, Shape, Store, length, memcached_error, number, write_number};
use crate::names::Names;

pub(super) fn write(command: Command<'_>, names: &Names, out: &mut Vec<u8>) {
    match command {
        Command::Get(key) => with_key(b"get ", key, names, out),
        Command::Gets(key) => with_key(b"gets ", key, names, out),
        Command::MultiGet(keys) => {
            out.extend_from_slice(b"get");
            for key in keys {
                with_key(b" ", *key, names, out);
            }
        }
        Command::Store { how, key, size, ttl } => return store(how, key, size, ttl, names, out),
        Command::Delete(key) => with_key(b"delete ", key, names, out),
        Command::Count { key, by, is_down } => {
            with_key(if is_down { b"decr " } else { b"incr " }, key, names, out);
            out.push(b' ');
            write_number(u64::from(by), out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn with_key(word: &[u8], key: u32, names: &Names, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    names.write(key, out);
}

fn store(how: Store, key: u32, size: usize, ttl: u32, names: &Names, out: &mut Vec<u8>) {
    let (word, cas): (&[u8], _) = match how {
        Store::Set => (b"set ", None),
        Store::Add => (b"add ", None),
        Store::Replace => (b"replace ", None),
        Store::Cas(unique) => (b"cas ", Some(unique)),
    };
    with_key(word, key, names, out);
    out.extend_from_slice(b" 0 ");
    write_number(u64::from(ttl), out);
    out.push(b' ');
    write_number(size as u64, out);
    if let Some(unique) = cas {
        out.push(b' ');
        write_number(unique, out);
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn line(shape: Shape, line: &[u8]) -> Line<'_> {
    match (shape, line) {
        (Shape::Get | Shape::MultiGet, b"END") => Line::Last(Reply::Values { found: 0, cas: 0 }),
        (Shape::Get | Shape::MultiGet, _) if line.starts_with(b"VALUE ") => value(&line[6..]),
        (Shape::Store, b"STORED") => Line::Last(Reply::Stored),
        (Shape::Store, b"NOT_STORED") => Line::Last(Reply::NotStored),
        (Shape::Store, b"EXISTS") => Line::Last(Reply::Exists),
        (Shape::Store | Shape::Delete | Shape::Count, b"NOT_FOUND") => Line::Last(Reply::NotFound),
        (Shape::Delete, b"DELETED") => Line::Last(Reply::Deleted),
        (Shape::Count, [b'0'..=b'9', ..]) => {
            number(line).map_or(Line::Wrong, |n| Line::Last(Reply::Number(n)))
        }
        _ => memcached_error(line),
    }
}

/// Key, flags (always 0 here), length, and what `gets` adds.
fn value(rest: &[u8]) -> Line<'_> {
    let Some(end) = memchr::memchr(b' ', rest) else { return Line::Wrong };
    let (key, rest) = rest.split_at(end);
    let Some(numbers) = rest.strip_prefix(b" 0 ") else { return Line::Wrong };
    let (size, cas) = match memchr::memchr(b' ', numbers) {
        None => (length(numbers), Some(0)),
        Some(at) => (length(&numbers[..at]), number(&numbers[at + 1..])),
    };
    match (size, cas) {
        (Some(size), Some(cas)) => Line::Value { key: Some(key), size, cas },
        (_, _) => Line::Wrong,
    }
}
