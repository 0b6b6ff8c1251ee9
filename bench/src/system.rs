//! The system calls that the standard library lacks, and nearly all unsafe code of the project.
//!
//! Each is a few lines around one call; the arguments are owned by the caller for the whole call, which is all that
//! the kernel asks of them.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Runs the calling thread, and those it starts from now on, on these cores only.
pub fn pin(cores: &[usize]) -> io::Result<()> {
    pin_thread(0, cores)
}

/// 0 is the calling thread.
fn pin_thread(id: libc::pid_t, cores: &[usize]) -> io::Result<()> {
    // SAFETY: a cpu_set_t is plain data; all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    for core in cores {
        // SAFETY: `set` is a valid set, and CPU_SET checks the index against its size.
        unsafe { libc::CPU_SET(*core, &mut set) };
    }
    // SAFETY: `set` lives through the call and has the size that is passed.
    check(unsafe { libc::sched_setaffinity(id, size_of::<libc::cpu_set_t>(), &raw const set) })?;
    Ok(())
}

/// Deals a process's worker threads out to `cores`, one after the other.
pub fn pin_workers(pid: u32, cores: &[usize]) -> io::Result<()> {
    let mut cores = cores.iter().cycle();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?;
        let name = std::fs::read_to_string(thread.path().join("comm"))?;
        if name.starts_with("tokio-r")
            && let (Ok(id), Some(core)) = (thread.file_name().to_string_lossy().parse(), cores.next())
        {
            pin_thread(id, &[*core])?;
        }
    }
    Ok(())
}

/// The command's process will run on these cores only, and not outlive the thread that starts it.
pub fn pin_command(command: &mut Command, cores: Vec<usize>) {
    let prepare = move || {
        pin(&cores)?;
        // SAFETY: no pointer is passed.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
    };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(prepare) };
}

/// Raises the number of files that this process and its children may open as far as it goes, and says how far.
pub fn raise_file_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives through both calls.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(limit.rlim_cur)
}

/// CPU time that a process has used so far, with all its threads, in nanoseconds rather than in ticks of 10 ms.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` lives through the call.
    match unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut clock) } {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives through the call.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    Ok(duration(time))
}

/// Which sockets are ready, level-triggered.
pub struct Epoll {
    handle: OwnedFd,
    events: Vec<libc::epoll_event>,
}

#[derive(Clone, Copy)]
pub enum Interest {
    Read,
    Write,
}

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: no pointer is passed; a file descriptor that was just made belongs to nobody else.
        let handle = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Epoll { handle, events: vec![libc::epoll_event { events: 0, u64: 0 }; 256] })
    }

    pub fn add(&self, socket: &impl AsRawFd, interest: Interest, token: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, interest, token)
    }

    pub fn modify(&self, socket: &impl AsRawFd, interest: Interest, token: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, interest, token)
    }

    pub fn remove(&self, socket: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, socket, Interest::Read, 0)
    }

    fn control(
        &self,
        what: libc::c_int,
        socket: &impl AsRawFd,
        interest: Interest,
        token: usize,
    ) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event { events: events as u32, u64: token as u64 };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.handle.as_raw_fd(), what, socket.as_raw_fd(), &raw mut event) })?;
        Ok(())
    }

    /// Tokens of sockets that are ready; none when the time is over.
    pub fn wait(&mut self, timeout: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        let timeout_ms = timeout.as_micros().div_ceil(1000).min(60_000) as libc::c_int;
        let room = self.events.len() as libc::c_int;
        // SAFETY: `events` has room for as many as are asked for and lives through the call.
        let count = check(unsafe {
            libc::epoll_wait(self.handle.as_raw_fd(), self.events.as_mut_ptr(), room, timeout_ms)
        });
        let count = match count {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other?,
        };
        ready.extend(self.events[..count as usize].iter().map(|event| event.u64 as usize));
        Ok(())
    }
}

/// Lets the kernel note when it received what is read from this socket.
pub fn note_receive_times(socket: &impl AsRawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: `on` lives through the call and has the size that is passed.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Reads, and says when the kernel received the last of it.
pub fn read_with_time(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // Of u64, because control messages are aligned.
    let mut control = [0_u64; 16];
    // SAFETY: a msghdr is plain data; all zeros is an empty one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: everything that `message` points to lives through the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut time = None;
    // SAFETY: the kernel has filled in `message`; the CMSG macros stay within its control buffer.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_TIMESTAMPNS {
                time = Some(duration(libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned()));
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok((count as usize, time))
}

fn duration(time: libc::timespec) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
