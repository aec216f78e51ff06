//! The command table: one line per command. Parser, documentation and tests all read it; a command that is not here is
//! answered `ERROR`. [`Command::from_word`] is generated from the same lines, so no list can be forgotten.

use Form::{
    Delete, Delta, ExptimeKeys, FlushAll, Keys, MetaDebugKey, MetaKey, MetaKeyData, Rest, Store, StoreCas,
    Touch, Verbosity,
};
use Group::{Local, Meta, Retrieval, Single, Storage, WholePool};
use Hides::{All, Hit, Miss, Nothing};
use Shape::{
    DeleteLine, MetaArithmetic, MetaDebug, MetaDelete, MetaGet, MetaSet, NumberLine, OkLine, StoreLine,
    TouchLine, Values, VersionLine,
};

/// What the proxy does with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One key and a data block: to the key's server.
    Storage,
    /// One or many keys: split by server, gathered in the order of the keys.
    Retrieval,
    /// One key, one line: to the key's server.
    Single,
    /// Meta command with one key: to the key's server.
    Meta,
    /// Concerns all keys: to every server of the pool, if the pool allows it.
    WholePool,
    /// Answered by the proxy.
    Local,
}

/// Which replies a server may give: the argument of [`super::scan_reply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Shape {
    /// `VALUE` blocks, then `END`.
    Values,
    /// `STORED`, `NOT_STORED`, `EXISTS`, `NOT_FOUND`.
    StoreLine,
    /// `DELETED`, `NOT_FOUND`.
    DeleteLine,
    /// A number, `NOT_FOUND`.
    NumberLine,
    /// `TOUCHED`, `NOT_FOUND`.
    TouchLine,
    /// `OK`.
    OkLine,
    /// `VERSION …`.
    VersionLine,
    /// `VA` with data, `HD`, `EN`.
    MetaGet,
    /// `HD`, `NS`, `EX`, `NF`.
    MetaSet,
    /// `HD`, `NF`, `EX`.
    MetaDelete,
    /// `VA` with data, `HD`, `NF`, `NS`, `EX`.
    MetaArithmetic,
    /// `ME …`, `EN`.
    MetaDebug,
}

/// How the rest of the line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `key flags exptime length [noreply]`, then data.
    Store,
    /// `key flags exptime length cas [noreply]`, then data.
    StoreCas,
    /// `key…`
    Keys,
    /// `exptime key…`
    ExptimeKeys,
    /// `key [0] [noreply]`
    Delete,
    /// `key delta [noreply]`
    Delta,
    /// `key exptime [noreply]`
    Touch,
    /// `key flag…`
    MetaKey,
    /// `key length flag…`, then data.
    MetaKeyData,
    /// `key [b]`
    MetaDebugKey,
    /// `[delay] [noreply]`
    FlushAll,
    /// `level [noreply]`
    Verbosity,
    /// Anything.
    Rest,
}

/// Which replies of a server a quiet request does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hides {
    /// There is no quiet form.
    Nothing,
    /// `noreply`: every line, errors too.
    All,
    /// `q` hides a hit (`HD`, and `VA` of `ma`).
    Hit,
    /// `q` hides a miss (`EN`).
    Miss,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) form: Form,
    pub(crate) shape: Shape,
    pub(crate) hides: Hides,
}

/// The first eight bytes of a command's word as one number.
const fn pack(word: &[u8]) -> u64 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() && at < 8 {
        packed |= (word[at] as u64) << (8 * at);
        at += 1;
    }
    packed
}

macro_rules! commands {
    ($($(#[$doc:meta])* $id:ident $name:literal $group:ident $form:ident $shape:ident $hides:ident;)*) => {
        /// A command that the proxy knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Command { $($(#[$doc])* $id,)* }

        const TABLE: &[Row] = &[$(Row {
            name: $name, group: $group, form: $form, shape: $shape, hides: $hides,
        },)*];

        #[allow(non_upper_case_globals, reason = "one constant per variant, named as the variant")]
        mod packed { $(pub(super) const $id: u64 = super::pack($name.as_bytes());)* }

        impl Command {
            /// Every command, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The command of this word, which is case-sensitive as with the server.
            #[inline]
            pub fn from_word(word: &[u8]) -> Option<Self> {
                if word.len() > LONGEST { return None; }
                let found = match pack(word) { $(packed::$id => Self::$id,)* _ => return None };
                (found.name().len() == word.len() && (word.len() <= 8 || found.name().as_bytes() == word)).then_some(found)
            }
        }
    };
}

/// Length of `flush_all` and `verbosity`.
const LONGEST: usize = 9;

commands! {
    // word             group      line          reply          quiet hides
    /// `get`
    Get "get"             Retrieval  Keys          Values         Nothing;
    /// `set`
    Set "set"             Storage    Store         StoreLine      All;
    /// `gets`
    Gets "gets"           Retrieval  Keys          Values         Nothing;
    /// `gat`
    Gat "gat"             Retrieval  ExptimeKeys   Values         Nothing;
    /// `gats`
    Gats "gats"           Retrieval  ExptimeKeys   Values         Nothing;
    /// `add`
    Add "add"             Storage    Store         StoreLine      All;
    /// `replace`
    Replace "replace"     Storage    Store         StoreLine      All;
    /// `append`
    Append "append"       Storage    Store         StoreLine      All;
    /// `prepend`
    Prepend "prepend"     Storage    Store         StoreLine      All;
    /// `cas`
    Cas "cas"             Storage    StoreCas      StoreLine      All;
    /// `delete`
    Delete "delete"       Single     Delete        DeleteLine     All;
    /// `incr`
    Incr "incr"           Single     Delta         NumberLine     All;
    /// `decr`
    Decr "decr"           Single     Delta         NumberLine     All;
    /// `touch`
    Touch "touch"         Single     Touch         TouchLine      All;
    /// `mg`
    MetaGet "mg"          Meta       MetaKey       MetaGet        Miss;
    /// `ms`
    MetaSet "ms"          Meta       MetaKeyData   MetaSet        Hit;
    /// `md`
    MetaDelete "md"       Meta       MetaKey       MetaDelete     Hit;
    /// `ma`
    MetaArithmetic "ma"   Meta       MetaKey       MetaArithmetic Hit;
    /// `me`
    MetaDebug "me"        Meta       MetaDebugKey  MetaDebug      Nothing;
    /// `mn`
    MetaNoop "mn"         Local      Rest          OkLine         Nothing;
    /// `flush_all`
    FlushAll "flush_all"  WholePool  FlushAll      OkLine         All;
    /// `verbosity`
    Verbosity "verbosity" WholePool  Verbosity     OkLine         All;
    /// `version`
    Version "version"     Local      Rest          VersionLine    Nothing;
    /// `quit`
    Quit "quit"           Local      Rest          OkLine         Nothing;
    /// `stats`
    Stats "stats"         Local      Rest          OkLine         Nothing;
}

impl Command {
    #[inline]
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its word on the wire.
    #[inline]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What the proxy does with it.
    #[inline]
    pub fn group(self) -> Group {
        self.row().group
    }

    /// Which replies a server may give. Of no meaning for commands that only the proxy answers, except `version`.
    #[inline]
    pub fn shape(self) -> Shape {
        self.row().shape
    }

    #[inline]
    pub(crate) fn form(self) -> Form {
        self.row().form
    }

    #[inline]
    pub(crate) fn hides(self) -> Hides {
        self.row().hides
    }
}
