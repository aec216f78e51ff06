//! The judge: it knows what clients wrote and asked, sees the bytes that they get, and nothing of the engine.

pub(crate) mod book;
pub(crate) mod expected;
pub(crate) mod frame;
pub(crate) mod judge;
pub(crate) mod possible;
pub(crate) mod value;
pub(crate) mod verdict;
