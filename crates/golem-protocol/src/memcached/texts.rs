//! The lines that the proxy writes itself. Where Debian's memcached 1.6.18 has a line for the case, it is that line;
//! the proxy's own are marked.

/// End of a retrieval.
pub const END: &[u8] = b"END\r\n";
/// Answer to `mn`.
pub const META_NOOP: &[u8] = b"MN\r\n";
/// Answer to `flush_all` and `verbosity`.
pub const OK: &[u8] = b"OK\r\n";
/// An unknown command, or one with too few or too many words.
pub const ERROR: &[u8] = b"ERROR\r\n";
/// A word that cannot be read, a key that is too long or holds a refused byte.
pub const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
/// `delete` with a second word other than `0` and `noreply`.
pub const BAD_DELETE: &[u8] = b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";
/// A data block that is not followed by CR LF.
pub const BAD_CHUNK: &[u8] = b"CLIENT_ERROR bad data chunk\r\n";
/// Delta of `incr` or `decr`.
pub const BAD_DELTA: &[u8] = b"CLIENT_ERROR invalid numeric delta argument\r\n";
/// Expiry of `touch`, `gat`, `gats`, delay of `flush_all`.
pub const BAD_EXPTIME: &[u8] = b"CLIENT_ERROR invalid exptime argument\r\n";
/// A flag given twice to `mg` or `ms`.
pub const DUPLICATE_FLAG: &[u8] = b"CLIENT_ERROR duplicate flag\r\n";
/// A flag given twice to `md` or `ma`.
pub const INVALID_OR_DUPLICATE_FLAG: &[u8] = b"CLIENT_ERROR invalid or duplicate flag\r\n";
/// A base64 key that does not decode.
pub const BAD_BASE64: &[u8] = b"CLIENT_ERROR error decoding key\r\n";
/// A data block over the limit.
pub const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for cache\r\n";
/// A line over the limit (own text; the server closes without a word).
pub const LINE_TOO_LONG: &[u8] = b"CLIENT_ERROR line too long\r\n";
/// A client that speaks the binary protocol (own text; the server speaks it).
pub const BINARY: &[u8] = b"CLIENT_ERROR the binary protocol is not supported\r\n";
/// A client that begins a TLS handshake (own text; a server without TLS answers `ERROR` when a line end comes).
pub const TLS: &[u8] = b"CLIENT_ERROR TLS is not supported\r\n";
/// A client whose request begins with a byte that is no text (own text; the server answers `ERROR` when a line end comes).
pub const NO_TEXT: &[u8] = b"CLIENT_ERROR not the memcached protocol\r\n";
/// More keys than the pool allows (own text; the server has no limit).
pub const TOO_MANY_KEYS: &[u8] = b"CLIENT_ERROR too many keys\r\n";
/// A command for the whole pool that the pool does not name in `admin_commands` (own text).
pub const NOT_ALLOWED: &[u8] =
    b"CLIENT_ERROR this command concerns every server of the pool and is not in its admin_commands\r\n";
/// What stands before the reason when a server could not answer.
pub const SERVER_ERROR: &[u8] = b"SERVER_ERROR ";
/// A flag that no command has.
pub const INVALID_FLAG: &[u8] = b"CLIENT_ERROR invalid flag\r\n";
/// More flags than the server takes.
pub const TOO_MANY_FLAGS: &[u8] = b"CLIENT_ERROR options flags too long\r\n";
/// The same in an `mg`.
pub const TOO_MANY_FLAGS_OF_GET: &[u8] = b"CLIENT_ERROR options flags are too long\r\n";
