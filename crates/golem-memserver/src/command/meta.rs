//! `md`, `ma`, `me`.

use super::meta_flags::{Flags, WORDS_MAX, push, push_echoes, push_key, push_opaque, push_ttl};
use super::{BAD_FORMAT, KEY_MAX, NOT_A_NUMBER, Outcome, say};
use crate::base64;
use crate::item::{Item, slab_class};
use crate::store::{Arithmetic, Counted, Store};
use crate::table::Slot;
use crate::words::Words;

/// Reads key and flags of `md` and `ma`, which tell less about a bad flag than the others.
fn read_flags(store: &Store, words: &Words<'_>) -> Result<Flags, &'static str> {
    if words.word(1).len() > KEY_MAX {
        return Err(BAD_FORMAT);
    }
    if words.count() >= WORDS_MAX {
        return Err("CLIENT_ERROR options flags too long");
    }
    Flags::read(store, words, 2).map_err(|_| "CLIENT_ERROR invalid or duplicate flag")
}

/// Appends a reply that was built completely, or the error that came in between.
fn give(reply: Result<Vec<u8>, &'static str>, out: &mut Vec<u8>) -> Outcome {
    match reply {
        Ok(reply) => {
            out.extend_from_slice(&reply);
            Outcome::Done
        }
        Err(line) => say(out, line),
    }
}

/// `md key flag…`: deletes an item, or with `I` marks it as stale.
pub(super) fn delete(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let reply = read_flags(store, words).and_then(|flags| {
        let mut echoes = Vec::new();
        push_echoes(&mut echoes, words, &flags.key, flags.key_binary)?;
        let status = delete_item(store, &flags);
        let is_hidden = flags.quiet && status == "HD";
        Ok(if is_hidden { Vec::new() } else { [status.as_bytes(), &echoes, b"\r\n"].concat() })
    });
    give(reply, out)
}

fn delete_item(store: &mut Store, flags: &Flags) -> &'static str {
    let Some((slot, cas)) = store.find(&flags.key).and_then(|slot| Some((slot, store.get(slot)?.cas())))
    else {
        store.counters.delete_misses += 1;
        return "NF";
    };
    if flags.cas.is_some_and(|wanted| wanted != cas) {
        store.counters.delete_misses += 1;
        return "EX";
    }
    if flags.invalidate {
        let cas = store.next_cas();
        if let Some(item) = store.get_mut(slot) {
            item.expires = flags.ttl.unwrap_or(item.expires);
            item.stale = true;
            item.token_sent = false;
            item.cas = cas;
        }
    } else {
        store.remove(slot);
        store.counters.delete_hits += 1;
    }
    "HD"
}

/// `ma key flag…`: counts up or down, and with `N` creates the number.
pub(super) fn arithmetic(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let reply = read_flags(store, words).and_then(|flags| {
        let up = match flags.mode {
            None | Some(b'I' | b'+') => true,
            Some(b'D' | b'-') => false,
            Some(_) => return Err("CLIENT_ERROR invalid mode for ma M token"),
        };
        let by = Arithmetic { up, delta: flags.delta, cas: flags.cas.unwrap_or(0) };
        match store.count(&flags.key, by) {
            Counted::Done(slot, value, is_replaced) => {
                let reply = number_reply(store, words, &flags, slot, value, is_replaced, false)?;
                Ok(if flags.quiet { Vec::new() } else { reply })
            }
            Counted::NotFound if flags.vivify.is_some() => {
                let data = flags.initial.to_string().into_bytes();
                let slot = store.link(Item::new(&flags.key, 0, 0, data), None);
                // The real server shows this one even to a quiet client.
                number_reply(store, words, &flags, slot, flags.initial, false, true)
            }
            Counted::NotFound => {
                let counters = &mut store.counters;
                *if up { &mut counters.incr_misses } else { &mut counters.decr_misses } += 1;
                no_number_reply(words, &flags, b"NF")
            }
            Counted::OtherCas => no_number_reply(words, &flags, b"EX"),
            Counted::NotNumeric => Err(NOT_A_NUMBER),
            Counted::TooLarge => Err("SERVER_ERROR out of memory"),
        }
    });
    give(reply, out)
}

fn no_number_reply(words: &Words<'_>, flags: &Flags, status: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut reply = status.to_vec();
    push_echoes(&mut reply, words, &flags.key, flags.key_binary)?;
    reply.extend_from_slice(b"\r\n");
    Ok(reply)
}

/// The reply with a number. As in the real server, a `T` is lost when the number grew out of its item.
fn number_reply(
    store: &mut Store,
    words: &Words<'_>,
    flags: &Flags,
    slot: Slot,
    value: u64,
    is_replaced: bool,
    created: bool,
) -> Result<Vec<u8>, &'static str> {
    let now = store.seconds();
    let text = value.to_string();
    let Some(item) = store.get_mut(slot) else { return no_number_reply(words, flags, b"NF") };
    let mut expires = item.expires;
    let mut reply = if flags.value { format!("VA {}", text.len()).into_bytes() } else { b"HD".to_vec() };
    for flag in words.from(2) {
        match flag.first() {
            Some(b'c') => push(&mut reply, 'c', item.cas()),
            Some(b't') => push_ttl(&mut reply, expires, now),
            Some(b'T') => expires = flags.ttl.unwrap_or(expires),
            Some(b'N') if created => expires = flags.vivify.unwrap_or(expires),
            Some(b'O') => push_opaque(&mut reply, flag)?,
            Some(b'k') => push_key(&mut reply, &flags.key, flags.key_binary),
            _ => {}
        }
        if !is_replaced {
            item.expires = expires;
        }
    }
    if flags.value {
        reply.extend_from_slice(b"\r\n");
        reply.extend_from_slice(text.as_bytes());
    }
    reply.extend_from_slice(b"\r\n");
    Ok(reply)
}

/// `me key [b]`: what is known of an item, for people.
pub(super) fn debug(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let mut key = words.word(1).to_vec();
    if words.count() < 2 || key.len() > KEY_MAX {
        return say(out, BAD_FORMAT);
    }
    if words.word(2) == b"b" {
        match base64::decode(&key) {
            Some(decoded) => key = decoded,
            None => return say(out, BAD_FORMAT),
        }
    }
    store.counters.cmd_meta += 1;
    let Some(slot) = store.find(&key) else { return say(out, "EN") };
    let now = i64::from(store.seconds());
    let Some(item) = store.get(slot) else { return say(out, "EN") };
    out.extend_from_slice(b"ME ");
    if item.key_binary {
        base64::encode(item.key(), out);
    } else {
        out.extend_from_slice(item.key());
    }
    let expires = if item.expires == 0 { -1 } else { now - i64::from(item.expires) };
    let idle = now - i64::from(item.used_at);
    let fetched = if item.fetched { "yes" } else { "no" };
    let (cas, size) = (item.cas(), item.size());
    let class = slab_class(size);
    say(out, &format!(" exp={expires} la={idle} cas={cas} fetch={fetched} cls={class} size={size}"))
}
