//! Commands as clients write them, and a server that carries them out: strings, lists on which clients block, transactions
//! and channels.

use std::collections::{BTreeMap, VecDeque};

/// A command as an array of strings.
pub(crate) fn command(words: &[&str]) -> String {
    let words: String = words.iter().map(|word| bulk(word)).collect();
    let count = words.matches('$').count();
    format!("*{count}\r\n{words}")
}

pub(crate) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

pub(crate) fn array(items: &[String]) -> String {
    format!("*{}\r\n{}", items.len(), items.concat())
}

pub(crate) const NIL: &str = "$-1\r\n";

/// The words of the command at the front, and its length; none if it is not complete.
pub(crate) fn next(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let (count, mut at) = number(bytes, 0)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (len, start) = number(bytes, at)?;
        let word = bytes.get(start..start + len)?;
        words.push(String::from_utf8_lossy(word).into_owned());
        at = start + len + 2;
        bytes.get(..at)?;
    }
    Some((words, at))
}

/// The length of the frame at the front; none if it is not complete.
pub(crate) fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.iter().position(|&byte| byte == b'\n')? + 1;
    let text = std::str::from_utf8(&bytes[1..line - 2]).unwrap();
    let mut at = line;
    match (bytes[0], text.parse::<usize>()) {
        (b'$', Ok(len)) => at += len + 2,
        (b'*', Ok(count)) => {
            for _ in 0..count {
                at += frame(bytes.get(at..)?)?;
            }
        }
        _ => {}
    }
    (at <= bytes.len()).then_some(at)
}

/// The number behind the mark at `at`, and where the next line starts.
fn number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let end = at + bytes.get(at..)?.iter().position(|&byte| byte == b'\n')?;
    let text = std::str::from_utf8(&bytes[at + 1..end - 1]).unwrap();
    Some((text.parse().unwrap(), end + 1))
}

/// A connection: what it has said and not sent, and what it is in the middle of.
#[derive(Default)]
pub(crate) struct Conn {
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    queued: Option<Vec<Vec<String>>>,
    /// It waits for an element of this list, and says nothing else meanwhile.
    blocks_on: Option<String>,
    channels: Vec<String>,
}

/// A server by its connections' links.
#[derive(Default)]
pub(crate) struct Model {
    strings: BTreeMap<String, String>,
    lists: BTreeMap<String, VecDeque<String>>,
    pub(crate) conns: BTreeMap<usize, Conn>,
}

impl Model {
    /// Carries out what has come on a connection.
    pub(crate) fn serve(&mut self, link: usize) {
        while let Some(conn) = self.conns.get_mut(&link).filter(|conn| conn.blocks_on.is_none()) {
            let Some((words, len)) = next(&conn.input) else { return };
            conn.input.drain(..len);
            let reply = self.command(link, words);
            self.conns.get_mut(&link).unwrap().output.extend(reply.into_bytes());
        }
    }

    fn command(&mut self, link: usize, words: Vec<String>) -> String {
        let conn = self.conns.get_mut(&link).unwrap();
        let text: Vec<&str> = words.iter().map(String::as_str).collect();
        match (&text[..], &mut conn.queued) {
            (["EXEC"], queued) => {
                let queued = queued.take().expect("EXEC in a transaction");
                let replies: Vec<String> =
                    queued.into_iter().map(|words| self.command(link, words)).collect();
                array(&replies)
            }
            (_, Some(queued)) => {
                queued.push(words);
                "+QUEUED\r\n".to_owned()
            }
            (["MULTI"], queued) => {
                *queued = Some(Vec::new());
                "+OK\r\n".to_owned()
            }
            (["SUBSCRIBE", names @ ..], _) => {
                let confirm = names.iter().map(|name| {
                    conn.channels.push((*name).to_owned());
                    format!("*3\r\n{}{}:{}\r\n", bulk("subscribe"), bulk(name), conn.channels.len())
                });
                confirm.collect()
            }
            (["UNSUBSCRIBE", names @ ..], _) => {
                let confirm = names.iter().map(|name| {
                    conn.channels.retain(|channel| channel != name);
                    format!("*3\r\n{}{}:{}\r\n", bulk("unsubscribe"), bulk(name), conn.channels.len())
                });
                confirm.collect()
            }
            (["BLPOP", list, _], None) => {
                conn.blocks_on = Some((*list).to_owned());
                self.pop_for_those_that_wait(list);
                String::new()
            }
            _ => self.plain(&text),
        }
    }

    fn plain(&mut self, words: &[&str]) -> String {
        match words {
            ["GET", key] => self.strings.get(*key).map_or_else(|| NIL.to_owned(), |value| bulk(value)),
            ["SET", key, value] => {
                self.strings.insert((*key).to_owned(), (*value).to_owned());
                "+OK\r\n".to_owned()
            }
            ["LPUSH", list, value] => {
                let here = self.lists.entry((*list).to_owned()).or_default();
                here.push_front((*value).to_owned());
                let reply = format!(":{}\r\n", here.len());
                self.pop_for_those_that_wait(list);
                reply
            }
            ["PUBLISH", channel, text] => {
                let message = array(&[bulk("message"), bulk(channel), bulk(text)]);
                let mut heard = 0;
                for conn in self.conns.values_mut().filter(|conn| conn.channels.iter().any(|c| c == channel))
                {
                    conn.output.extend_from_slice(message.as_bytes());
                    heard += 1;
                }
                format!(":{heard}\r\n")
            }
            _ => panic!("a server got {words:?}"),
        }
    }

    fn pop_for_those_that_wait(&mut self, list: &str) {
        for conn in self.conns.values_mut().filter(|conn| conn.blocks_on.as_deref() == Some(list)) {
            let Some(value) = self.lists.get_mut(list).and_then(VecDeque::pop_back) else { return };
            conn.blocks_on = None;
            conn.output.extend_from_slice(array(&[bulk(list), bulk(&value)]).as_bytes());
        }
    }
}
