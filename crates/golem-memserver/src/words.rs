//! A command line cut into words. Only the blank separates; at most 23 words are told apart, what follows them stays
//! in one piece, which only `get` and its kin look into.

/// The most words that are told apart in one pass.
const MOST: usize = 23;

/// The words of one line.
pub(crate) struct Words<'a> {
    list: [&'a [u8]; MOST],
    count: usize,
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Cuts `line` (without its line end).
    pub(crate) fn of(line: &'a [u8]) -> Self {
        let mut words = Self { list: [b""; MOST], count: 0, rest: line };
        while words.count < MOST {
            let blanks = words.rest.iter().take_while(|&&b| b == b' ').count();
            let text = words.rest.get(blanks..).unwrap_or_default();
            if text.is_empty() {
                words.rest = b"";
                break;
            }
            let length = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
            let (word, rest) = text.split_at(length);
            words.list[words.count] = word;
            words.count += 1;
            words.rest = rest.get(1..).unwrap_or_default();
        }
        words
    }

    /// How many words were told apart; a longer line counts one more.
    pub(crate) fn count(&self) -> usize {
        self.count + usize::from(self.count == MOST && !self.rest.is_empty())
    }

    /// Word `i`, empty where there is none.
    pub(crate) fn word(&self, i: usize) -> &'a [u8] {
        self.list.get(i).copied().unwrap_or_default()
    }

    /// The last word told apart.
    pub(crate) fn last(&self) -> &'a [u8] {
        self.count.checked_sub(1).map_or(b"", |i| self.word(i))
    }

    /// The words told apart, from word `i` on.
    pub(crate) fn from(&self, i: usize) -> &[&'a [u8]] {
        self.list.get(i..self.count).unwrap_or_default()
    }

    /// All words from word `i` on, those of the rest too.
    pub(crate) fn all_from(&self, i: usize) -> impl Iterator<Item = &'a [u8]> {
        let rest = self.rest.split(|&b| b == b' ').filter(|word| !word.is_empty());
        self.from(i).iter().copied().chain(rest)
    }

    /// Is the last word `noreply`?
    pub(crate) fn is_noreply(&self) -> bool {
        self.last() == b"noreply"
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn blanks_separate_and_repeat() {
        let words = Words::of(b"  get  a\tb c ");
        assert_eq!(words.count(), 3);
        assert_eq!(words.from(0), [b"get".as_slice(), b"a\tb", b"c"]);
        assert_eq!(Words::of(b"   ").count(), 0);
    }

    #[test]
    fn words_beyond_23_are_still_iterated() {
        let line: Vec<u8> = (0..60).flat_map(|i| format!("k{i}  ").into_bytes()).collect();
        let words = Words::of(&line);
        assert_eq!(words.count(), 24);
        assert_eq!(words.all_from(1).count(), 59);
        assert_eq!(words.all_from(1).last(), Some(b"k59".as_slice()));
    }
}
