//! Makes rings: the best set of flags that the kernel takes, as many entries as the memory limit
//! allows, and a look whether the kernel knows every operation that the driver uses. Says in one line
//! why there is no ring. Does nothing with them: see `kernel`.

use super::{
    kernel::KernelRing,
    pool::{BUFFER_BYTES, MAX_BUFFERS, Pool},
};
use io_uring::{Builder, IoUring, Probe, opcode};
use std::{fmt, io, thread, time::Duration};

/// Sets of flags, best first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tier {
    /// `SINGLE_ISSUER | DEFER_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL` (Linux 6.1): the kernel works for
    /// this ring only when it is entered.
    Deferred,
    /// `COOP_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL` (5.19): no interrupts of other system calls.
    Cooperative,
    /// None.
    Plain,
}

/// Entries of the submission and of the completion queue, largest first: smaller ones where locked
/// memory is short. A batch of the fan-out (256) fits even the second.
const SIZES: [(u32, u32); 3] = [(1024, 8192), (256, 2048), (64, 512)];

/// Rings that ended give their locked memory back a little later: how often to try again, and after
/// how long.
const MEMORY_TRIES: u32 = 20;
const MEMORY_PAUSE: Duration = Duration::from_millis(10);

/// What the kernel has granted to one worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Granted {
    pub(super) tier: Tier,
    pub(super) submissions: u32,
    pub(super) completions: u32,
}

impl Tier {
    pub(super) const ALL: [Self; 3] = [Self::Deferred, Self::Cooperative, Self::Plain];

    fn builder(self, completions: u32) -> Builder {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(completions);
        match self {
            Self::Deferred => {
                builder.setup_single_issuer().setup_defer_taskrun();
                builder.setup_taskrun_flag().setup_submit_all();
            }
            Self::Cooperative => {
                builder.setup_coop_taskrun().setup_taskrun_flag().setup_submit_all();
            }
            Self::Plain => {}
        }
        builder
    }
}

/// A ring on this thread, with its buffers: as large as there is locked memory for.
pub(super) fn ring() -> io::Result<KernelRing> {
    let mut made = largest(&Tier::ALL, &SIZES);
    for _ in 0..MEMORY_TRIES {
        match &made {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
            _ => break,
        }
        thread::sleep(MEMORY_PAUSE);
        made = largest(&Tier::ALL, &SIZES);
    }
    made.map_err(|error| explained(&error))
}

/// The smallest ring that an engine works with, for a try.
pub(super) fn small_ring() -> io::Result<KernelRing> {
    largest(&Tier::ALL, &SIZES[SIZES.len() - 1..]).map_err(|error| explained(&error))
}

/// A ring of the first of these sizes that there is memory for, and of the first tier that the kernel
/// takes.
pub(super) fn largest(tiers: &[Tier], sizes: &[(u32, u32)]) -> io::Result<KernelRing> {
    let mut refused = io::Error::from(io::ErrorKind::Unsupported);
    'sizes: for &size in sizes {
        for &tier in tiers {
            refused = match build(tier, size) {
                Ok(ring) => return Ok(ring),
                Err(error) => error,
            };
            match refused.raw_os_error() {
                // An older kernel: fewer flags.
                Some(libc::EINVAL) => {}
                // Locked memory is short: a smaller ring, whatever the flags.
                Some(libc::ENOMEM) => continue 'sizes,
                _ => return Err(refused),
            }
        }
        break;
    }
    Err(refused)
}

fn build(tier: Tier, (submissions, completions): (u32, u32)) -> io::Result<KernelRing> {
    let ring = tier.builder(completions).build(submissions)?;
    probe(&ring)?;
    let pool = Pool::register(&ring.submitter())?;
    let (submissions, completions) = (ring.params().sq_entries(), ring.params().cq_entries());
    Ok(KernelRing::new(ring, pool, Granted { tier, submissions, completions }))
}

/// Whether the kernel knows every operation that is used. Multishot receives, which have no number of
/// their own, came together with `SendZc`.
fn probe(ring: &IoUring) -> io::Result<()> {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    if let Some(name) = lacking(|code| probe.is_supported(code)) {
        return Err(io::Error::other(format!("the kernel's io_uring has no {name}")));
    }
    let params = ring.params();
    if !(params.is_feature_ext_arg() && params.is_feature_nodrop() && params.is_feature_fast_poll())
    {
        return Err(io::Error::other("the kernel's io_uring is too old"));
    }
    Ok(())
}

/// An operation that is used and not supported.
pub(super) fn lacking(is_supported: impl Fn(u8) -> bool) -> Option<&'static str> {
    let used = [
        ("accept", opcode::AcceptMulti::CODE),
        ("recv", opcode::RecvMulti::CODE),
        ("send", opcode::Send::CODE),
        ("sendmsg", opcode::SendMsg::CODE),
        ("poll", opcode::PollAdd::CODE),
        ("cancel", opcode::AsyncCancel::CODE),
        ("multishot recv (Linux 6.0)", opcode::SendZc::CODE),
    ];
    used.into_iter().find(|(_, code)| !is_supported(*code)).map(|(name, _)| name)
}

/// The error with what usually is behind it, in one line.
fn explained(error: &io::Error) -> io::Error {
    let why = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "forbidden by a seccomp filter, a container, or kernel.io_uring_disabled"
        }
        Some(libc::ENOSYS) => "not in this kernel, or hidden by a seccomp filter",
        Some(libc::ENOMEM) => "locked memory is short, see RLIMIT_MEMLOCK",
        Some(libc::EMFILE | libc::ENFILE) => "no descriptor is left for the ring",
        Some(libc::EINVAL) => "this kernel's is too old",
        _ => return io::Error::new(error.kind(), format!("no ring: {error}")),
    };
    io::Error::new(error.kind(), format!("no ring: {error}: {why}"))
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deferred => "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Self::Cooperative => "COOP_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Self::Plain => "no flags",
        })
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tier, submissions, completions } = self;
        write!(
            f,
            "ring with {tier}, {submissions} submissions, {completions} completions, \
             up to {MAX_BUFFERS} buffers of {BUFFER_BYTES} bytes"
        )
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::uring::self_test::exchange;

    #[test]
    fn every_tier_and_size_works() {
        for tier in Tier::ALL {
            for size in SIZES {
                let ring = largest(&[tier], &[size]).expect("this kernel takes all of them");
                assert_eq!(
                    ring.granted,
                    Granted { tier, submissions: size.0, completions: size.1 }
                );
                exchange(ring).unwrap_or_else(|error| panic!("{tier}, {size:?}: {error}"));
            }
        }
    }

    #[test]
    fn refusal_of_the_kernel_is_one_line_with_a_reason() {
        for (code, why) in [
            (libc::EPERM, "seccomp"),
            (libc::ENOSYS, "not in this kernel"),
            (libc::ENOMEM, "RLIMIT_MEMLOCK"),
            (libc::EMFILE, "descriptor"),
            (libc::EINVAL, "too old"),
            (libc::EIO, "no ring"),
        ] {
            let text = explained(&io::Error::from_raw_os_error(code)).to_string();
            assert!(text.contains(why) && text.lines().count() == 1, "{text}");
        }
    }
}
