//! `mg`: reads an item and, by its flags, creates, touches or reserves it for one client to renew.

use super::meta_flags::{Flags, WORDS_MAX, push, push_echoes, push_key, push_opaque, push_ttl};
use super::{BAD_FORMAT, KEY_MAX, Outcome, say};
use crate::item::Item;
use crate::store::Store;
use crate::table::Slot;
use crate::words::Words;

/// `mg key flag…`.
pub(super) fn get(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    if words.word(1).len() > KEY_MAX {
        return say(out, BAD_FORMAT);
    }
    if words.count() >= WORDS_MAX {
        return say(out, "CLIENT_ERROR options flags are too long");
    }
    let flags = match Flags::read(store, words, 2) {
        Ok(flags) => flags,
        Err(line) => return say(out, line),
    };
    let found =
        if flags.use_later || flags.no_use { store.find(&flags.key) } else { store.find_and_use(&flags.key) };
    let created = found.is_none() && flags.vivify.is_some();
    let slot = if created { Some(store.link(Item::new(&flags.key, 0, 0, Vec::new()), None)) } else { found };
    let start = out.len();
    let result = match slot {
        Some(slot) => hit(store, words, &flags, slot, created, out),
        None => miss(store, words, &flags, out),
    };
    if let Err(line) = result {
        out.truncate(start);
        say(out, line);
    }
    Outcome::Done
}

fn miss(store: &mut Store, words: &Words<'_>, flags: &Flags, out: &mut Vec<u8>) -> Result<(), &'static str> {
    store.counters.cmd_get += 1;
    store.counters.get_misses += 1;
    let start = out.len();
    out.extend_from_slice(b"EN");
    push_echoes(out, words, &flags.key, flags.key_binary)?;
    out.extend_from_slice(b"\r\n");
    if flags.quiet {
        out.truncate(start);
    }
    Ok(())
}

fn hit(
    store: &mut Store,
    words: &Words<'_>,
    flags: &Flags,
    slot: Slot,
    created: bool,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let now = store.seconds();
    let Some(item) = store.get_mut(slot) else { return Ok(()) };
    if flags.value {
        out.extend_from_slice(format!("VA {}", item.data().len()).as_bytes());
    } else {
        out.extend_from_slice(b"HD");
    }
    let mut won = false;
    for flag in words.from(2) {
        won |= answer_flag(item, flags, flag, created, now, out)?;
    }
    if item.token_sent {
        out.extend_from_slice(b" Z");
    }
    if item.stale {
        out.extend_from_slice(b" X");
        won |= !item.token_sent;
    }
    if won {
        out.extend_from_slice(b" W");
        item.token_sent = true;
    }
    out.extend_from_slice(b"\r\n");
    if flags.value {
        out.extend_from_slice(item.data());
        out.extend_from_slice(b"\r\n");
    }
    if flags.use_later && !flags.no_use {
        store.mark_used(slot);
    }
    let counters = &mut store.counters;
    if flags.ttl.is_some() {
        counters.cmd_touch += 1;
        counters.touch_hits += 1;
    } else {
        counters.cmd_get += 1;
        counters.get_hits += 1;
    }
    Ok(())
}

/// Does what one flag asks for, in the order of the flags; true if it wins the right to renew the item.
fn answer_flag(
    item: &mut Item,
    flags: &Flags,
    flag: &[u8],
    created: bool,
    now: u32,
    out: &mut Vec<u8>,
) -> Result<bool, &'static str> {
    match flag.first() {
        Some(b'T') => item.expires = flags.ttl.unwrap_or(item.expires),
        Some(b'N') if created => {
            item.expires = flags.vivify.unwrap_or(item.expires);
            return Ok(true);
        }
        Some(b'R') => {
            let is_due = item.expires != 0 && item.expires < flags.recache;
            return Ok(!item.token_sent && !created && is_due);
        }
        Some(b's') => push(out, 's', item.data().len()),
        Some(b't') => push_ttl(out, item.expires, now),
        Some(b'c') => push(out, 'c', item.cas()),
        Some(b'f') => push(out, 'f', item.flags()),
        Some(b'l') => push(out, 'l', now.wrapping_sub(item.used_at)),
        Some(b'h') => push(out, 'h', u8::from(item.fetched)),
        Some(b'O') => push_opaque(out, flag)?,
        Some(b'k') => push_key(out, item.key(), item.key_binary),
        _ => {}
    }
    Ok(false)
}
