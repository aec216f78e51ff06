//! The demo: a pool over cache servers inside this process.

/// What the command line says about the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// The number of cache servers, 1 to 64.
    pub servers: u16,
    /// Where the pool listens, as in `listen:` of a configuration file.
    pub listen: String,
}

/// Serves the demo until a signal ends the process.
///
/// # Errors
/// Why it cannot start.
pub fn demo(options: &DemoOptions) -> Result<(), Box<dyn std::error::Error>> {
    Err(format!("{} servers behind {} are not part of this build", options.servers, options.listen).into())
}
