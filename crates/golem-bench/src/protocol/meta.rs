//! memcached's meta commands. Values come with their key (flag `k`), so that they can be told apart; a read of several keys
//! is a row of quiet reads with `mn` behind it.

use super::{Command, Line, Reply, Shape, Store, length, memcached_error, number, write_number};
use crate::names::Names;

pub(super) fn write(command: Command<'_>, names: &Names, out: &mut Vec<u8>) {
    match command {
        Command::Get(key) => with_key(b"mg ", key, b" k v\r\n", names, out),
        Command::Gets(key) => with_key(b"mg ", key, b" k v c\r\n", names, out),
        Command::MultiGet(keys) => {
            for key in keys {
                with_key(b"mg ", *key, b" k v q\r\n", names, out);
            }
            out.extend_from_slice(b"mn\r\n");
        }
        Command::Store { how, key, size, ttl } => store(how, key, size, ttl, names, out),
        Command::Delete(key) => with_key(b"md ", key, b"\r\n", names, out),
        Command::Count { key, by, is_down } => {
            with_key(b"ma ", key, if is_down { b" v MD D" } else { b" v D" }, names, out);
            write_number(u64::from(by), out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn with_key(word: &[u8], key: u32, rest: &[u8], names: &Names, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    names.write(key, out);
    out.extend_from_slice(rest);
}

fn store(how: Store, key: u32, size: usize, ttl: u32, names: &Names, out: &mut Vec<u8>) {
    with_key(b"ms ", key, b" ", names, out);
    write_number(size as u64, out);
    match how {
        Store::Set => {}
        Store::Add => out.extend_from_slice(b" ME"),
        Store::Replace => out.extend_from_slice(b" MR"),
        Store::Cas(unique) => {
            out.extend_from_slice(b" C");
            write_number(unique, out);
        }
    }
    if ttl > 0 {
        out.extend_from_slice(b" T");
        write_number(u64::from(ttl), out);
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn line(shape: Shape, line: &[u8]) -> Line<'_> {
    match (shape, line) {
        (Shape::Get, b"EN") => Line::Missing(None),
        // Some versions name the key, some do not.
        (Shape::Get, [b'E', b'N', b' ', b'k', key @ ..]) => {
            Line::Missing(key.split(|byte| *byte == b' ').next())
        }
        (Shape::MultiGet, b"MN") => Line::Last(Reply::Values { found: 0, cas: 0 }),
        (Shape::Get | Shape::MultiGet, [b'V', b'A', b' ', rest @ ..]) => value(rest),
        (Shape::Count, [b'V', b'A', b' ', size @ ..]) => length(size).map_or(Line::Wrong, Line::Digits),
        (Shape::Store, b"HD") => Line::Last(Reply::Stored),
        (Shape::Store, b"NS") => Line::Last(Reply::NotStored),
        (Shape::Store, b"EX") => Line::Last(Reply::Exists),
        (Shape::Delete, b"HD") => Line::Last(Reply::Deleted),
        (Shape::Store | Shape::Delete | Shape::Count, b"NF") => Line::Last(Reply::NotFound),
        _ => memcached_error(line),
    }
}

/// Length, then the flags as they were asked for: the key, and what `cas` needs.
fn value(rest: &[u8]) -> Line<'_> {
    let mut words = rest.split(|byte| *byte == b' ');
    let size = words.next().and_then(length);
    let key = words.next().and_then(|word| word.strip_prefix(b"k"));
    let cas = match words.next() {
        None => Some(0),
        Some(word) => word.strip_prefix(b"c").and_then(number),
    };
    match (size, key, cas, words.next()) {
        (Some(size), Some(_), Some(cas), None) => Line::Value { key, size, cas },
        (_, _, _, _) => Line::Wrong,
    }
}
