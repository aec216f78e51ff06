//! The random world: clients and servers that act as chance has it, on a [`Stage`](crate::stage::Stage).

pub(crate) mod base64;
pub(crate) mod client;
pub(crate) mod history;
pub(crate) mod malformed;
pub(crate) mod observed;
pub(crate) mod plan;
pub(crate) mod pressing;
pub(crate) mod server;
pub(crate) mod style;
pub(crate) mod traffic;
