//! A kernel that fails one chosen call of the layer's.
//!
//! A seccomp filter traps this thread's system calls of some kinds; the handler of the signal sees from the address
//! of the call whether the layer's library made it, counts it, and either lets it fail or makes it itself. The
//! Wayland library's messages count as the layer's while a Vulkan command runs, since it sends them for the layer.
//!
//! x86-64 only: the handler reads and writes registers.

use std::{
    arch::asm,
    ffi::{c_int, c_void},
    fs,
    mem::offset_of,
    ops::Range,
    sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering},
};

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP,
    sock_filter, sock_fprog,
};
use rustix::io::Errno;

use crate::{
    layers,
    trial::{Fallible, Part},
};

/// The calls that can be made to fail, and their names.
const CALLS: [(libc::c_long, &str); 18] = [
    (libc::SYS_ioctl, "ioctl"),
    (libc::SYS_poll, "poll"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_eventfd2, "eventfd2"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_read, "read"),
    (libc::SYS_write, "write"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_dup, "dup"),
    (libc::SYS_fstat, "fstat"),
    (libc::SYS_newfstatat, "newfstatat"),
    (libc::SYS_statx, "statx"),
    (libc::SYS_lseek, "lseek"),
    (libc::SYS_memfd_create, "memfd_create"),
    (libc::SYS_fallocate, "fallocate"),
];

/// Marks the handler's own system calls: no other call has this value in its unused register.
const OWN: u64 = 0x5741_5946_454e_4345;

static LAYER_BEGIN: AtomicUsize = AtomicUsize::new(0);
static LAYER_END: AtomicUsize = AtomicUsize::new(0);
/// The part of the test that runs, from 1; 0 outside of Vulkan commands.
static PART: AtomicUsize = AtomicUsize::new(0);
/// Calls of the layer's since [`FailingCalls::arm`].
static COUNT: AtomicU64 = AtomicU64::new(0);
/// The one that fails, from 1; 0 for none.
static CHOSEN: AtomicU64 = AtomicU64::new(0);
/// The one that was to fail before it relented, from 1; 0 for none.
static FAILED: AtomicU64 = AtomicU64::new(0);
static ERRNO: AtomicI32 = AtomicI32::new(0);
/// The layer's calls in order, by [`encode`]; those beyond its length are not kept.
static CALLED: [AtomicU64; 4096] = [const { AtomicU64::new(0) }; 4096];

/// The thread's kernel, from now on.
pub struct FailingCalls(());

impl FailingCalls {
    /// Puts this thread, and threads that it starts, on such a kernel for good. The layer must be loaded.
    ///
    /// # Panics
    /// Without the layer, or without seccomp.
    pub fn new() -> Self {
        let text = layer_text();
        LAYER_BEGIN.store(text.start, Ordering::SeqCst);
        LAYER_END.store(text.end, Ordering::SeqCst);
        // SAFETY: zero is a valid value of the structure's flags, mask and restorer.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        action.sa_sigaction = trapped as *const () as usize;
        // SAFETY: the handler has the signature that SA_SIGINFO asks for, and makes system calls only.
        let installed = unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) };
        assert_eq!(installed, 0, "sigaction");
        let filter = filter();
        let program = sock_fprog {
            len: filter.len() as u16,
            filter: filter.as_ptr().cast_mut(),
        };
        // SAFETY: a process that gives up rights, and a valid filter that the kernel copies.
        unsafe {
            assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
            let set = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program);
            assert_eq!(set, 0, "seccomp: {}", std::io::Error::last_os_error());
        }
        Self(())
    }
}

/// The calls are the layer's, named by the system call, with the request of an ioctl. Those of the driver's are none.
impl Fallible for FailingCalls {
    type Fault = Errno;

    fn during<T>(&self, part: Part, command: impl FnOnce() -> T) -> T {
        let part = match part {
            // No command of the layer's.
            Part::Semaphore | Part::Work => 0,
            part => part as usize,
        };
        PART.store(part, Ordering::SeqCst);
        let answer = command();
        PART.store(0, Ordering::SeqCst);
        answer
    }

    fn arm(&self, number: u64, errno: Errno) {
        ERRNO.store(errno.raw_os_error(), Ordering::SeqCst);
        COUNT.store(0, Ordering::SeqCst);
        FAILED.store(0, Ordering::SeqCst);
        CHOSEN.store(number, Ordering::SeqCst);
    }

    fn disarm(&self) -> Option<(Part, String)> {
        self.relent();
        let number = FAILED.swap(0, Ordering::SeqCst) as usize;
        self.called().into_iter().nth(number.checked_sub(1)?)
    }

    fn relent(&self) {
        let number = CHOSEN.swap(0, Ordering::SeqCst);
        FAILED.fetch_max(number, Ordering::SeqCst);
    }

    fn called(&self) -> Vec<(Part, String)> {
        let count = COUNT.load(Ordering::SeqCst) as usize;
        let called = CALLED.iter().take(count).map(|called| {
            let called = called.load(Ordering::SeqCst);
            let part = Part::numbered((called >> 48) as usize).expect("a part");
            (part, name(called >> 32 & 0xffff, called & 0xffff_ffff))
        });
        called.collect()
    }
}

impl Default for FailingCalls {
    fn default() -> Self {
        Self::new()
    }
}

/// The address range of the layer's code.
fn layer_text() -> Range<usize> {
    let library = layers::library().canonicalize().expect("the layer");
    let library = library.to_str().expect("a path in UTF-8");
    let maps = fs::read_to_string("/proc/self/maps").expect("/proc");
    maps.lines()
        .filter(|line| line.ends_with(library) && line.contains(" r-xp "))
        .find_map(|line| {
            let (begin, end) = line.split_once(' ')?.0.split_once('-')?;
            let address = |text| usize::from_str_radix(text, 16).ok();
            Some(address(begin)?..address(end)?)
        })
        .expect("the layer is loaded")
}

/// A filter that traps the calls, except the handler's own.
fn filter() -> Vec<sock_filter> {
    // struct seccomp_data: nr at 0, arch at 4, args from 16.
    const NUMBER: u32 = 0;
    const FIFTH: u32 = 16 + 4 * 8;
    const SIXTH: u32 = 16 + 5 * 8;
    let statement = |code: u32, k: u32| sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let load = |offset| statement(BPF_LD | BPF_W | BPF_ABS, offset);
    let returns = |action| statement(BPF_RET | BPF_K, action);
    let skip_unless_equal = |k: u32, skipped: u8| sock_filter {
        code: (BPF_JMP | BPF_JEQ | BPF_K) as u16,
        jt: 0,
        jf: skipped,
        k,
    };
    let mut filter = Vec::new();
    for (number, _) in CALLS {
        filter.extend([load(NUMBER), skip_unless_equal(number as u32, 7)]);
        match number {
            // The sixth argument is the offset, and is in use. Of the fifth, a descriptor, the kernel takes the
            // lower half: the mark is in the upper.
            libc::SYS_mmap => filter.extend([
                load(FIFTH + 4),
                skip_unless_equal((OWN >> 32) as u32, 1),
                returns(SECCOMP_RET_ALLOW),
                returns(SECCOMP_RET_TRAP),
                returns(SECCOMP_RET_TRAP),
                returns(SECCOMP_RET_TRAP),
                returns(SECCOMP_RET_TRAP),
            ]),
            // The other calls have no sixth argument: the mark is there.
            _ => filter.extend([
                load(SIXTH),
                skip_unless_equal(OWN as u32, 3),
                load(SIXTH + 4),
                skip_unless_equal((OWN >> 32) as u32, 1),
                returns(SECCOMP_RET_ALLOW),
                returns(SECCOMP_RET_TRAP),
                returns(SECCOMP_RET_TRAP),
            ]),
        }
    }
    filter.push(returns(SECCOMP_RET_ALLOW));
    filter
}

/// The handler of SIGSYS.
extern "C" fn trapped(_: c_int, information: *mut libc::siginfo_t, context: *mut c_void) {
    // "si_syscall" of SECCOMP_RET_TRAP, after the three numbers of every siginfo and "si_call_addr".
    // SAFETY: the kernel passes the information, which for SIGSYS has this field, aligned.
    let number = unsafe { information.byte_add(24).cast::<c_int>().read() } as u64;
    // Not every kernel aligns the context as the type says.
    let at = offset_of!(libc::ucontext_t, uc_mcontext) + offset_of!(libc::mcontext_t, gregs);
    // SAFETY: the kernel passes the interrupted context, which nobody else has; registers are aligned to eight bytes.
    let registers = unsafe { &mut *context.byte_add(at).cast::<[libc::greg_t; 23]>() };
    let of = |register: c_int| registers[register as usize] as u64;
    let mut arguments = [
        of(libc::REG_RDI),
        of(libc::REG_RSI),
        of(libc::REG_RDX),
        of(libc::REG_R10),
        of(libc::REG_R8),
        of(libc::REG_R9),
    ];
    let from = of(libc::REG_RIP) as usize;
    let is_layers = (LAYER_BEGIN.load(Ordering::Relaxed)..LAYER_END.load(Ordering::Relaxed))
        .contains(&from)
        || [libc::SYS_sendmsg, libc::SYS_recvmsg].contains(&(number as libc::c_long));
    let part = PART.load(Ordering::Relaxed);
    if is_layers && part != 0 {
        let index = COUNT.fetch_add(1, Ordering::Relaxed);
        if let Some(called) = CALLED.get(index as usize) {
            called.store(encode(part, number, arguments[1]), Ordering::Relaxed);
        }
        if index + 1 == CHOSEN.load(Ordering::Relaxed) {
            registers[libc::REG_RAX as usize] = -i64::from(ERRNO.load(Ordering::Relaxed));
            return;
        }
    }
    match number as libc::c_long {
        libc::SYS_mmap => arguments[4] = arguments[4] & 0xffff_ffff | OWN & !0xffff_ffff,
        _ => arguments[5] = OWN,
    }
    // SAFETY: the call that was trapped, made once, in the same thread; its arguments are its maker's.
    registers[libc::REG_RAX as usize] = unsafe { call(number, arguments) };
}

/// A system call without libc, whose `errno` belongs to the interrupted code.
///
/// # Safety
/// That of the call.
unsafe fn call(number: u64, [a, b, c, d, e, f]: [u64; 6]) -> i64 {
    let answer;
    // SAFETY: the registers of the x86-64 system call convention; rcx and r11 are the kernel's.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as i64 => answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

/// A call in one word: the part of the test, the call's number, 32 bits of its second argument.
fn encode(part: usize, number: u64, request: u64) -> u64 {
    (part as u64) << 48 | number << 32 | request & 0xffff_ffff
}

/// The name of an ioctl that the layer uses.
fn name(number: u64, request: u64) -> String {
    let number = number as libc::c_long;
    let call = CALLS
        .iter()
        .find(|(call, _)| *call == number)
        .map_or("?", |(_, name)| *name);
    if number != libc::SYS_ioctl {
        return call.to_owned();
    }
    // _IOC: the kind in bits 8 to 15, the number in bits 0 to 7.
    let (kind, which) = ((request >> 8) as u8 as char, request as u8);
    match (kind, which) {
        ('b', 0) => "DMA_BUF_IOCTL_SYNC".to_owned(),
        ('b', 2) => "DMA_BUF_IOCTL_EXPORT_SYNC_FILE".to_owned(),
        ('b', 3) => "DMA_BUF_IOCTL_IMPORT_SYNC_FILE".to_owned(),
        ('>', 3) => "SYNC_IOC_MERGE".to_owned(),
        ('>', 4) => "SYNC_IOC_FILE_INFO".to_owned(),
        ('d', 0xbf) => "DRM_IOCTL_SYNCOBJ_CREATE".to_owned(),
        ('d', 0xc0) => "DRM_IOCTL_SYNCOBJ_DESTROY".to_owned(),
        ('d', 0xc1) => "DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD".to_owned(),
        ('d', 0xc2) => "DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE".to_owned(),
        ('d', 0xc5) => "DRM_IOCTL_SYNCOBJ_SIGNAL".to_owned(),
        ('d', 0xca) => "DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT".to_owned(),
        ('d', 0xcb) => "DRM_IOCTL_SYNCOBJ_QUERY".to_owned(),
        ('d', 0xcc) => "DRM_IOCTL_SYNCOBJ_TRANSFER".to_owned(),
        ('d', 0xcd) => "DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL".to_owned(),
        ('d', 0xcf) => "DRM_IOCTL_SYNCOBJ_EVENTFD".to_owned(),
        _ => format!("ioctl {kind:?} {which:#x}"),
    }
}
