//! The hash functions: one table of names, one file per family. Every function returns the 32 bits that nutcracker's
//! function of that name returns on x86-64, quirks included; each quirk is named where it is computed.
//!
//! A new hash is one file here, one line in the table below and one vector file in `testdata/placement/hash`.

mod crc16;
mod crc32;
mod fnv;
mod hsieh;
mod jenkins;
pub(crate) mod md5;
mod murmur;
mod one_at_a_time;

macro_rules! hashes {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $function:path;)+) => {
        /// A hash function of keys, as named by `hash:` in a pool.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Hash {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Hash {
            /// All hash functions, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the configuration file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The function's value for `key`, which may be empty. (A [`Ring`](crate::Ring) takes 0 for an empty key.)
            #[inline]
            pub fn hash(self, key: &[u8]) -> u32 {
                match self {
                    $(Self::$variant => $function(key),)+
                }
            }
        }
    };
}

hashes! {
    /// Jenkins' one-at-a-time.
    OneAtATime, "one_at_a_time", one_at_a_time::hash;
    /// The first word of the MD5 digest.
    Md5, "md5", md5::hash;
    /// CRC-16 (XMODEM) in a register that is never cut to 16 bits.
    Crc16, "crc16", crc16::hash;
    /// 15 bits of CRC-32: with ketama nearly all keys go to one server.
    Crc32, "crc32", crc32::hash;
    /// CRC-32 as in zlib.
    Crc32a, "crc32a", crc32::hash_a;
    /// The low 32 bits of 64-bit FNV-1.
    Fnv64, "fnv1_64", fnv::hash_1_64;
    /// The low 32 bits of 64-bit FNV-1a: nutcracker's default.
    Fnv64a, "fnv1a_64", fnv::hash_1a_64;
    /// 32-bit FNV-1.
    Fnv32, "fnv1_32", fnv::hash_1_32;
    /// 32-bit FNV-1a.
    Fnv32a, "fnv1a_32", fnv::hash_1a_32;
    /// Hsieh's SuperFastHash, started from 0.
    Hsieh, "hsieh", hsieh::hash;
    /// MurmurHash2.
    Murmur, "murmur", murmur::hash;
    /// Jenkins' lookup3 (`hashlittle`).
    Jenkins, "jenkins", jenkins::hash;
}

impl Hash {
    /// The hash of that name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.name() == name)
    }

    /// How many values the function can make: those from 0 on, with about the same chance each.
    pub(crate) const fn values(self) -> u64 {
        match self {
            Self::Crc32 => crc32::VALUES,
            Self::OneAtATime
            | Self::Md5
            | Self::Crc16
            | Self::Crc32a
            | Self::Fnv64
            | Self::Fnv64a
            | Self::Fnv32
            | Self::Fnv32a
            | Self::Hsieh
            | Self::Murmur
            | Self::Jenkins => 1 << 32,
        }
    }
}

/// The byte as a signed `char` widened to 32 bits. nutcracker's functions read keys through `char`, which is signed on
/// x86-64, so bytes from 0x80 set all high bits in those that widen without masking.
const fn sign_extended(byte: u8) -> u32 {
    byte as i8 as u32
}

/// Up to four bytes as a little-endian number; missing bytes are 0.
fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte))
}
