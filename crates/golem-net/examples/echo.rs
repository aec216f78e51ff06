//! An echo server on the driver: `cargo run --release --example echo -- 127.0.0.1:7777`.
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use golem_net::echo::Echo;
use golem_net::{Driver, ListenSpec, Listener, Target};
use std::env;
use std::error::Error;
use std::net::SocketAddr;

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned()).parse()?;
    let listener = Listener::bind(&ListenSpec::new(Target::Tcp(address)))?;
    println!("{}", listener.address()?);
    let mut driver = Driver::new()?;
    driver.listen(listener, 0)?;
    let mut echo = Echo::default();
    loop {
        echo.turn(&mut driver, None)?;
    }
}
