//! `set`, `add`, `replace`, `append`, `prepend`, `cas`, and the data block of these and of `ms`.

use super::meta_set::Form;
use super::{BAD_FORMAT, KEY_MAX, Outcome, say_unless};
use crate::item::Item;
use crate::number;
use crate::store::{Mode, Store, Write, Written};
use crate::words::Words;

/// The longest data block that a line may announce.
const LENGTH_MAX: i32 = i32::MAX - 2;

/// How an upload is answered.
pub(super) enum Answer {
    /// With a text line, or not at all after `noreply`.
    Text { quiet: bool },
    /// As `ms` was asked to.
    Meta(Form),
}

/// A storage command whose data block has not arrived completely.
pub(crate) struct Upload {
    write: Write,
    answer: Answer,
    /// Bytes of the data block, its line end included.
    length: usize,
    body: Vec<u8>,
    noted: usize,
}

/// The length of a data block with its line end, from the word that announces it.
pub(super) fn block_length(word: &[u8]) -> Option<usize> {
    let length = number::signed32(word)?;
    if length > LENGTH_MAX {
        return None;
    }
    usize::try_from(length).ok().map(|length| length + 2)
}

impl Upload {
    /// An upload of `length` bytes, line end included.
    pub(super) fn new(write: Write, answer: Answer, length: usize, noted: usize) -> Box<Self> {
        Box::new(Self { write, answer, length, body: Vec::new(), noted })
    }

    /// Takes what belongs to the data block off `input` and gives the rest.
    pub(crate) fn fill<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let (mine, rest) = input.split_at(input.len().min(self.length - self.body.len()));
        self.body.extend_from_slice(mine);
        rest
    }

    /// Has the whole data block arrived?
    pub(crate) fn is_complete(&self) -> bool {
        self.body.len() == self.length
    }

    /// Stores the value and answers.
    pub(crate) fn finish(&mut self, store: &mut Store, out: &mut Vec<u8>) {
        store.counters.cmd_set += 1;
        let mut body = std::mem::take(&mut self.body);
        if !body.ends_with(b"\r\n") {
            let quiet = matches!(self.answer, Answer::Text { quiet: true });
            say_unless(quiet, out, "CLIENT_ERROR bad data chunk");
            return;
        }
        body.truncate(self.length - 2);
        store.note_data(self.noted, &body);
        self.write.item.data = body;
        let stored = store.write(self.write.clone());
        match &self.answer {
            Answer::Meta(form) => form.answer(stored, out),
            Answer::Text { quiet } => {
                let line = match stored {
                    Written::Stored(_) => "STORED",
                    Written::NotStored => "NOT_STORED",
                    Written::Exists => "EXISTS",
                    Written::NotFound => "NOT_FOUND",
                };
                say_unless(*quiet, out, line);
            }
        }
    }
}

/// `<name> key flags exptime length [cas] [noreply]`.
pub(super) fn store(store: &mut Store, words: &Words<'_>, mode: Mode, out: &mut Vec<u8>) -> Outcome {
    let quiet = words.is_noreply();
    let key = words.word(1);
    if key.len() > KEY_MAX {
        return say_unless(quiet, out, BAD_FORMAT);
    }
    let numbers = (
        number::unsigned32(words.word(2)),
        number::signed32(words.word(3)),
        block_length(words.word(4)),
        if mode == Mode::Cas { number::unsigned(words.word(5)) } else { Some(0) },
    );
    let (Some(flags), Some(exptime), Some(length), Some(cas)) = numbers else {
        return say_unless(quiet, out, BAD_FORMAT);
    };
    if let Err(line) = store.admit(key.len(), flags, length - 2) {
        if mode == Mode::Set
            && let Some(old) = store.find(key)
        {
            store.remove(old);
        }
        let mut reply = Vec::new();
        say_unless(quiet, &mut reply, line);
        return Outcome::Swallow { length, reply };
    }
    let item = Item::new(key, flags, store.expiry(exptime), Vec::new());
    let write = Write { mode, item, cas, accept_older: false };
    Outcome::Upload(Upload::new(write, Answer::Text { quiet }, length, store.noted()))
}
