//! What the machine and the process have: processors, descriptors, a name, used processor time.

use std::mem::MaybeUninit;
use std::{io, thread};

/// How many processors this process may use, at least 1: those its affinity mask allows, or fewer where a cgroup's quota
/// (version 1 or 2) says so.
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The limit of open descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// What counts now.
    pub soft: u64,
    /// Up to where the process itself may raise it.
    pub hard: u64,
}

/// The limit of open descriptors (RLIMIT_NOFILE).
///
/// # Errors
/// The system's; not to be expected.
pub fn descriptor_limit() -> io::Result<DescriptorLimit> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the pointer leads to memory for one rlimit.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: getrlimit succeeded, and so filled it.
    let limit = unsafe { limit.assume_init() };
    Ok(DescriptorLimit { soft: limit.rlim_cur, hard: limit.rlim_max })
}

/// Sets the soft limit of open descriptors.
///
/// # Errors
/// It is above the hard limit.
pub fn set_descriptor_limit(soft: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: descriptor_limit()?.hard };
    // SAFETY: the pointer leads to a filled rlimit.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Gives memory that the allocator holds free back to the system, also where it lies between what is in use. It takes a
/// while, up to some milliseconds for each 10 MB, and other threads that allocate may wait for it. Without effect where the
/// C library is not glibc.
pub fn release_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time and from any thread, and touches nothing but the allocator's free memory.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has the calling thread woken when it asked to be: by default the kernel may be 50 microseconds late, which is much for
/// waits of that order. Without effect where the kernel has no such setting.
pub fn be_woken_on_time() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes a number and touches nothing but the calling thread's own setting. It cannot fail for this thread.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong);
    }
}

/// The machine's host name; bytes that are no UTF-8 are replaced.
///
/// # Errors
/// The system's; not to be expected.
pub fn hostname() -> io::Result<String> {
    let mut name = [0_u8; 256];
    // SAFETY: the pointer and the length are those of `name`.
    if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Ok(String::from_utf8_lossy(&name[..end]).into_owned())
}

/// Used processor time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In the program.
    pub user: u64,
    /// In the kernel, for the program.
    pub system: u64,
}

/// The processor time of all threads of this process, also of those that ended.
///
/// # Errors
/// The system's; not to be expected.
pub fn process_cpu_time() -> io::Result<CpuTime> {
    usage(libc::RUSAGE_SELF)
}

/// The processor time of the calling thread.
///
/// # Errors
/// The system's; not to be expected.
pub fn thread_cpu_time() -> io::Result<CpuTime> {
    usage(libc::RUSAGE_THREAD)
}

fn usage(of: libc::c_int) -> io::Result<CpuTime> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer leads to memory for one rusage.
    if unsafe { libc::getrusage(of, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: getrusage succeeded, and so filled it.
    let usage = unsafe { usage.assume_init() };
    Ok(CpuTime { user: micros(usage.ru_utime), system: micros(usage.ru_stime) })
}

fn micros(time: libc::timeval) -> u64 {
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::{
        be_woken_on_time, cpus, descriptor_limit, hostname, process_cpu_time, set_descriptor_limit,
        thread_cpu_time,
    };
    use std::fs;

    #[test]
    fn the_machine_answers() {
        assert!(cpus() >= 1);
        assert_eq!(hostname().unwrap(), fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    }

    #[test]
    fn the_descriptor_limit_can_be_set_up_to_the_hard_one() {
        let before = descriptor_limit().unwrap();
        assert!(before.soft <= before.hard);
        set_descriptor_limit(before.hard).unwrap();
        assert_eq!(descriptor_limit().unwrap().soft, before.hard);
    }

    #[test]
    fn a_thread_is_woken_on_time() {
        be_woken_on_time();
        // SAFETY: it only asks for the calling thread's setting.
        assert_eq!(unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }, 1);
    }

    #[test]
    fn working_uses_processor_time() {
        let before = thread_cpu_time().unwrap();
        let mut number = 1_u64;
        while thread_cpu_time().unwrap().user < before.user + 1000 {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        let all = process_cpu_time().unwrap();
        assert!(all.user + all.system >= 1000);
    }
}
