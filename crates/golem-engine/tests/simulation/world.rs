//! The random world: clients and servers that act as chance has it, on a [`Stage`](crate::stage::Stage).

pub(crate) mod base64;
mod beginning;
pub(crate) mod client;
mod ending;
pub(crate) mod history;
pub(crate) mod malformed;
pub(crate) mod observed;
pub(crate) mod plan;
pub(crate) mod server;
pub(crate) mod standing;
pub(crate) mod style;
pub(crate) mod traffic;
mod turmoil;
