//! Requests that differ only in their key, written once and then copied.

use super::{Command, Protocol};
use crate::names::{DIGITS, Names, digits};

/// A request for one key, in which the digits of the key are put in.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the digits are.
    at: usize,
}

impl Template {
    /// Of a request for a key, which `command` makes of the key's number.
    pub(crate) fn new<'a>(protocol: Protocol, names: &Names, command: impl Fn(u32) -> Command<'a>) -> Self {
        let write = |key| {
            let mut bytes = Vec::new();
            protocol.write(command(key), names, &mut bytes);
            bytes
        };
        // Two keys that differ in every digit show where they are.
        let (bytes, other) = (write(0), write(1_111_111_111));
        let at = bytes.iter().zip(&other).position(|(one, two)| one != two);
        Self { at: at.unwrap_or(bytes.len().saturating_sub(DIGITS)), bytes }
    }

    /// Appends the request for this key.
    pub(crate) fn write(&self, key: u32, out: &mut Vec<u8>) {
        let begin = out.len() + self.at;
        out.extend_from_slice(&self.bytes);
        if let Some(place) = out.get_mut(begin..begin + DIGITS) {
            place.copy_from_slice(&digits(key));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Command, Names, Protocol, Template};

    #[test]
    fn copy_is_what_would_have_been_written() {
        for protocol in [Protocol::Text, Protocol::Meta, Protocol::Redis] {
            for prefix in ["", "golem:", "0000000000"] {
                let names = Names::new(prefix).unwrap();
                for make in [Command::Get, Command::Delete] {
                    let template = Template::new(protocol, &names, make);
                    for key in [0, 7, 1_234_567_890, u32::MAX] {
                        let (mut copy, mut written) = (b"x".to_vec(), b"x".to_vec());
                        template.write(key, &mut copy);
                        protocol.write(make(key), &names, &mut written);
                        assert_eq!(copy, written, "{protocol:?} {prefix}");
                    }
                }
            }
        }
    }
}
