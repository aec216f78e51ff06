//! Defects of this program itself: what a panic is called by those who catch it, and the exit code of a process that ends for
//! one. Restarting such a process may help, so a service manager should tell it from a start that was refused.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::thread;

/// The exit code after a defect: `EX_SOFTWARE` of `sysexits.h`.
pub const EXIT_CODE: u8 = 70;

/// What the process ends for; where it panicked was said when it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect(pub String);

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this is a defect of golemproxy", self.0)
    }
}

impl Error for Defect {}

/// Does `work`; a panic is an error of it. What `work` changes must be of no use to anybody afterwards.
///
/// # Errors
/// Those of `work`, and a [`Defect`] of `who` if it panics.
pub fn caught<T>(who: &str, work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Defect(format!("{who} has panicked")).into()))
}

/// The exit code of a process that ends with this error.
pub fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    if error.is::<Defect>() { EXIT_CODE } else { 1 }
}

/// What a panic is about: the thread, the place in the source, and the message.
pub fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    let text = panic.payload().downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
    format!("thread '{name}' has panicked{place}: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{EXIT_CODE, caught, describe, exit_code};
    use std::io;
    use std::panic;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn a_panic_is_an_error_with_an_exit_code_of_its_own() {
        let error = caught::<()>("the supervisor", || panic!("expected by a test")).unwrap_err();
        assert_eq!(error.to_string(), "the supervisor has panicked: this is a defect of golemproxy");
        assert_eq!(exit_code(&*error), EXIT_CODE);
        let error = caught::<()>("the supervisor", || Err("no port".into())).unwrap_err();
        assert_eq!((exit_code(&*error), error.to_string().as_str()), (1, "no port"));
        assert_eq!(exit_code(&io::Error::other("no memory")), 1);
        assert_eq!(caught("the supervisor", || Ok(5)).unwrap(), 5);
    }

    #[test]
    fn a_panic_is_described_with_its_thread_its_place_and_its_message() {
        const NAMES: [&str; 2] = ["tells a text", "tells numbers"];
        let (told, texts) = mpsc::channel();
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name().is_some_and(|name| NAMES.contains(&name)) {
                told.send(describe(panic)).unwrap();
            } else {
                usual(panic);
            }
        }));
        let run = |name: &str, body: fn()| {
            thread::Builder::new().name(name.to_owned()).spawn(body).unwrap().join().unwrap_err();
            texts.recv().unwrap()
        };
        let text = run(NAMES[0], || panic!("expected by a test"));
        let place = concat!("thread 'tells a text' has panicked at ", file!(), ":");
        assert!(text.starts_with(place) && text.ends_with(": expected by a test"), "{text}");
        let text = run(NAMES[1], || assert_eq!("1 + 1".len(), 6));
        assert!(text.contains("left: 5\n"), "{text}");
    }
}
