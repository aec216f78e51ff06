//! Transcripts: conversations written down as a client sees them, run against every program that should hold them. The
//! format is described in `testdata/transcripts/README.md`.

mod corpus;
mod difference;
mod pattern;
mod play;
mod scene;

pub use corpus::check;
