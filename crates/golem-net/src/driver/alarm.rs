//! An alarm that ends the wait of a turn on time. The poller itself waits in whole milliseconds, which is too coarse for
//! whoever has to send something every hundred microseconds.

use crate::driver::ConnId;
use crate::driver::poll::{ALARM_SLOT, Driver, token};
use mio::Interest;
use mio::unix::SourceFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

impl Driver {
    /// Ends the wait of a turn once, so long from now; an earlier alarm that has not rung yet is replaced. It costs a system
    /// call. The kernel may be late by the slack of the thread's timers, see [`crate::machine::be_woken_on_time`].
    ///
    /// # Errors
    /// The system has no descriptors for a timer.
    pub fn alarm(&mut self, after: Duration) -> io::Result<()> {
        // Zero would switch it off.
        let after = after.max(Duration::from_nanos(1));
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Timespec {
            tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(after.subsec_nanos()),
        };
        let fd = match &self.alarm {
            Some(fd) => fd,
            None => {
                let fd = timerfd_create(
                    TimerfdClockId::Monotonic,
                    TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
                )?;
                self.watch_alarm(&fd)?;
                self.alarm.insert(fd)
            }
        };
        // Setting it anew also takes back that it has rung, so that it need not be read.
        timerfd_settime(fd, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: never, it_value: once })?;
        Ok(())
    }

    fn watch_alarm(&self, fd: &OwnedFd) -> io::Result<()> {
        let name = token(ConnId { slot: ALARM_SLOT, generation: 0 });
        self.poll.registry().register(&mut SourceFd(&fd.as_raw_fd()), name, Interest::READABLE)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use crate::driver::{ConnId, Driver, Handler, Slices};
    use crate::reason::CloseReason;
    use std::time::{Duration, Instant};

    struct Nobody;

    impl Handler for Nobody {
        fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
            None
        }
        fn received(&mut self, _user: u64, _bytes: &[u8]) {}
        fn end_of_stream(&mut self, _user: u64) {}
        fn closed(&mut self, _user: u64, _reason: CloseReason) {}
        fn output<'a>(&'a self, _user: u64, _slices: &mut Slices<'a>) {}
        fn sent(&mut self, _user: u64, _n: usize) {}
    }

    #[test]
    fn a_wait_ends_with_the_alarm_and_every_alarm_rings() {
        let mut driver = Driver::new().unwrap();
        for micros in [300, 0, 1500, 300] {
            let begin = Instant::now();
            driver.alarm(Duration::from_micros(micros)).unwrap();
            driver.turn(&mut Nobody, Some(Duration::from_secs(60))).unwrap();
            let waited = begin.elapsed();
            assert!(waited >= Duration::from_micros(micros), "{waited:?}");
            assert!(waited < Duration::from_secs(50), "{waited:?}");
        }
    }

    #[test]
    fn a_later_alarm_replaces_an_earlier_one() {
        let mut driver = Driver::new().unwrap();
        driver.alarm(Duration::from_secs(3600)).unwrap();
        driver.alarm(Duration::from_micros(10)).unwrap();
        driver.turn(&mut Nobody, None).unwrap();
    }
}
