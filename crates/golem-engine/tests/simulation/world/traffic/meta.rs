//! Meta requests: each with an opaque of its own, so that a reply tells whose it is.

use super::{Mix, Traffic};
use crate::dice::Dice;
use crate::oracle::book::Book;
use crate::oracle::expected::{Asked, Mode, Silence};
use crate::oracle::value::key_number;
use crate::oracle::verdict::Verdict;
use crate::world::base64::encode;

impl Traffic {
    pub(super) fn meta(&mut self, verdict: &mut Verdict, mix: &Mix, book: &mut Book, dice: &mut Dice) {
        let opaque = format!("{}_{}", self.client, self.number);
        let quiet = mix.quiet && dice.one_in(2);
        // What a quiet request did is not told: only keys of which nothing is kept in mind.
        let key = if quiet { Self::shared_key(dice) } else { self.key(dice) };
        let silence = if quiet { Silence::Maybe } else { Silence::Never };
        let base64 = dice.one_in(3) && key.len() < 150;
        let text = if base64 { encode(&key) } else { key.clone() };
        let mut flags = vec![format!("O{opaque}")];
        let extra = [(base64, "b"), (quiet, "q"), (dice.one_in(3), "k"), (dice.one_in(8), "Pproxy")];
        flags.extend(extra.iter().filter(|(set, _)| *set).map(|(_, flag)| (*flag).to_owned()));
        let with_value = dice.one_in(2);
        let mut data = None;
        if !quiet && dice.one_in(8) {
            let key = Self::shared_key(dice);
            let line = [b"me ", &key[..], b"\r\n"].concat();
            self.put(verdict, &[&line], Asked::MetaDebug { key }, Silence::Never);
            return;
        }
        let (word, length, asked) = match dice.below(6) {
            0 | 1 => {
                flags.extend(with_value.then(|| "v".to_owned()));
                flags.extend(dice.one_in(4).then(|| "T0".to_owned()));
                ("mg", String::new(), Asked::MetaGet { key, opaque, with_value, quiet })
            }
            2 | 3 => {
                let (piece, bytes) = self.value(&key, mix, book, dice, false);
                flags.push(format!("F{}", key_number(&key)));
                let len = bytes.len();
                data = Some(bytes);
                let asked = if len > mix.item_max {
                    Asked::TooLarge { key }
                } else {
                    Asked::MetaSet { key, opaque, mode: Mode::Set, data: piece, quiet }
                };
                ("ms", format!(" {len}"), asked)
            }
            4 => ("md", String::new(), Asked::MetaDelete { key, opaque, quiet }),
            _ => {
                let key = Self::number_key(dice);
                flags.extend(["N0".to_owned(), "J5".to_owned()]);
                flags.extend(with_value.then(|| "v".to_owned()));
                flags.retain(|flag| flag != "b");
                let asked = Asked::MetaCount { key: key.clone(), opaque, with_value, quiet };
                let line = [b"ma ", &key[..], b" ", flags.join(" ").as_bytes(), b"\r\n"].concat();
                self.put(verdict, &[&line], asked, silence);
                return;
            }
        };
        let at = dice.below(flags.len());
        flags.rotate_left(at);
        let silence = if matches!(asked, Asked::TooLarge { .. }) { Silence::Never } else { silence };
        let head =
            [word.as_bytes(), b" ", &text, length.as_bytes(), b" ", flags.join(" ").as_bytes(), b"\r\n"]
                .concat();
        let (bytes, end): (Vec<u8>, &[u8]) = data.map_or((Vec::new(), b""), |data| (data, b"\r\n"));
        self.put(verdict, &[&head, &bytes, end], asked, silence);
        if quiet && dice.one_in(2) {
            self.put(verdict, &[b"mn\r\n"], Asked::Line { starts: "MN" }, Silence::Never);
        }
    }
}
