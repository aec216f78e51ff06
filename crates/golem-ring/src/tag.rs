//! Hash tags: the part of a key that decides its server, so that keys which belong together stay together.

/// The two bytes between which the part of the key lies that is hashed (`hash_tag: "{}"`). They may be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashTag {
    /// The byte before the part.
    pub open: u8,
    /// The byte after the part.
    pub close: u8,
}

impl HashTag {
    /// The bytes of `key` to hash: those between the first `open` and the first `close` after it; the whole key if one of
    /// the two is missing or nothing lies between them. As in nutcracker there is no second attempt: of `{}x{a}` the whole
    /// key is hashed.
    pub fn part_of(self, key: &[u8]) -> &[u8] {
        let Some(open) = key.iter().position(|&byte| byte == self.open) else { return key };
        let after = &key[open + 1..];
        match after.iter().position(|&byte| byte == self.close) {
            None | Some(0) => key,
            Some(end) => &after[..end],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HashTag;

    const BRACES: HashTag = HashTag { open: b'{', close: b'}' };
    const DOLLARS: HashTag = HashTag { open: b'$', close: b'$' };

    #[test]
    fn part_lies_between_first_open_and_first_close_after_it() {
        assert_eq!(BRACES.part_of(b"user:{42}:name"), b"42");
        assert_eq!(BRACES.part_of(b"{a}{b}"), b"a");
        assert_eq!(BRACES.part_of(b"{{a}}"), b"{a");
        assert_eq!(BRACES.part_of(b"}{a}"), b"a");
        assert_eq!(DOLLARS.part_of(b"x$y$z"), b"y");
    }

    #[test]
    fn whole_key_counts_without_a_complete_tag() {
        for key in [&b""[..], b"a", b"a{b", b"a}b{", b"}a{", b"{"] {
            assert_eq!(BRACES.part_of(key), key);
        }
    }

    #[test]
    fn whole_key_counts_when_the_first_tag_is_empty() {
        assert_eq!(BRACES.part_of(b"{}x{a}"), b"{}x{a}");
        assert_eq!(DOLLARS.part_of(b"$$x$"), b"$$x$");
    }
}
