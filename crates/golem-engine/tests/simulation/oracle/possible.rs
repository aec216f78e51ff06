//! What a key that only one client uses may hold, as far as that client can know: what it was told was done, and what
//! may have been done, now or later, though it was told of a failure.

use super::value::Piece;

/// A value by its pieces; none: the key is not there.
pub(crate) type Content = Option<Vec<Piece>>;

/// Beyond so many possibilities nothing is said any more.
const MOST: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Possible {
    /// One of these is there, unless one of `afloat` came over it.
    known: Vec<Content>,
    /// Writes whose fate is unknown: they may come into effect at any time.
    afloat: Vec<Content>,
    /// Everything is possible.
    anything: bool,
}

impl Default for Possible {
    fn default() -> Self {
        Self { known: vec![None], afloat: Vec::new(), anything: false }
    }
}

/// How sure a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    /// The server said so.
    Yes,
    /// It may be so, or the change was one of another request.
    Maybe,
    /// It failed, or nothing was said: it may be done now, later or never.
    Afloat,
}

impl Possible {
    pub(crate) fn may_be(&self, content: &Content) -> bool {
        self.anything || self.known.contains(content) || self.afloat.contains(content)
    }

    pub(crate) fn may_be_there(&self) -> bool {
        self.anything || self.known.iter().chain(&self.afloat).any(Option::is_some)
    }

    /// The key now holds `content`.
    pub(crate) fn becomes(&mut self, content: Content, sure: Sure) {
        match sure {
            Sure::Yes => self.known = vec![content],
            Sure::Maybe => self.known.push(content),
            Sure::Afloat => self.afloat.push(content),
        }
        self.anything |= self.known.len() + self.afloat.len() > MOST;
    }

    /// `piece` was put to the end or the front of what is there.
    pub(crate) fn grows(&mut self, piece: Piece, at_end: bool, sure: Sure) {
        if sure == Sure::Afloat {
            self.anything = true;
            return;
        }
        let mut grown: Vec<Content> = Vec::new();
        for content in self.known.iter().chain(&self.afloat).flatten() {
            let mut content = content.clone();
            content.insert(if at_end { content.len() } else { 0 }, piece);
            grown.push(Some(content));
        }
        match sure {
            Sure::Yes => self.known = grown,
            Sure::Maybe | Sure::Afloat => self.known.extend(grown),
        }
        self.anything |= self.known.len() + self.afloat.len() > MOST;
    }
}
