//! Keys as text: a prefix and ten digits, so that all keys of a run have one length. Which number means what is decided in
//! `workload`.

/// Digits of every key.
pub(crate) const DIGITS: usize = 10;
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// The names of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: Vec<u8>,
}

impl Names {
    /// Names that begin with `prefix`: at most 200 bytes, no blanks and no control characters.
    ///
    /// # Errors
    /// Says what is wrong with the prefix.
    pub fn new(prefix: &str) -> Result<Self, String> {
        if prefix.len() > 200 {
            return Err("a prefix of keys has at most 200 bytes".to_owned());
        }
        if prefix.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err("a prefix of keys has no blanks and no control characters".to_owned());
        }
        Ok(Self { prefix: prefix.as_bytes().to_vec() })
    }

    /// The length of every name in bytes.
    pub fn length(&self) -> usize {
        self.prefix.len() + DIGITS
    }

    /// Appends the name with this number.
    pub(crate) fn write(&self, number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&digits(number));
    }

    /// The number of a name; none when it is no name of this run.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        let digits: &[u8; DIGITS] = name.strip_prefix(&self.prefix[..])?.try_into().ok()?;
        parse(digits)
    }
}

/// A number as ten digits.
pub(crate) fn digits(number: u32) -> [u8; DIGITS] {
    let mut text = [0; DIGITS];
    let mut rest = number;
    for pair in text.chunks_exact_mut(2).rev() {
        let at = (rest % 100) as usize * 2;
        pair.copy_from_slice(&PAIRS[at..at + 2]);
        rest /= 100;
    }
    text
}

/// The number of ten digits.
pub(crate) fn parse(text: &[u8; DIGITS]) -> Option<u32> {
    let mut number = 0u64;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::Names;

    #[test]
    fn names_can_be_read_back() {
        let names = Names::new("golem:").unwrap();
        for (number, name) in
            [(0, "golem:0000000000"), (7_654_321, "golem:0007654321"), (u32::MAX, "golem:4294967295")]
        {
            let mut out = Vec::new();
            names.write(number, &mut out);
            assert_eq!(out, name.as_bytes());
            assert_eq!((out.len(), names.number(&out)), (names.length(), Some(number)));
        }
        for other in [
            "golem:000000000",
            "golem:00000000001",
            "golem:00000O0000",
            "solem:0000000000",
            "golem:4294967296",
        ] {
            assert_eq!(names.number(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn prefix_must_fit_into_a_key() {
        assert!(Names::new("").is_ok() && Names::new(&"a".repeat(200)).is_ok());
        for bad in ["a b", "a\r", &"a".repeat(201)] {
            assert!(Names::new(bad).is_err(), "{bad:?}");
        }
    }
}
