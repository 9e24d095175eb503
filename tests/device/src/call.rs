//! One call of `ioctl`.

use std::ffi::{c_int, c_ulong, c_void};
use std::sync::OnceLock;

use bytemuck::AnyBitPattern;
use rustix::io::Errno;

/// The kind of ioctls that are DRM's: `DRM_IOCTL_BASE`.
pub const DRM: u8 = b'd';
/// The first number of a driver's own ioctls: `DRM_COMMAND_BASE`.
pub const COMMANDS: u8 = 0x40;
/// The number after a driver's last: `DRM_COMMAND_END`.
pub const COMMANDS_END: u8 = 0xa0;

/// What an ioctl answers: a value, or an error.
pub type Answer = Result<c_int, Errno>;

/// A call, whose arguments are as `ioctl` wants them.
pub struct Call {
    /// The descriptor.
    pub fd: c_int,
    request: c_ulong,
    argument: *mut c_void,
}

impl Call {
    /// # Safety
    /// The argument is one for this request, as of `ioctl`, and stays valid as long as this is used.
    pub unsafe fn new(fd: c_int, request: c_ulong, argument: *mut c_void) -> Self {
        Self {
            fd,
            request,
            argument,
        }
    }

    /// Whose ioctl it is (`_IOC_TYPE`).
    pub fn kind(&self) -> u8 {
        (self.request >> 8) as u8
    }

    /// Which of theirs (`_IOC_NR`).
    pub fn number(&self) -> u8 {
        self.request as u8
    }

    /// The argument's size in bytes (`_IOC_SIZE`).
    fn size(&self) -> usize {
        (self.request >> 16) as usize & 0x3fff
    }

    /// Lets whoever is next answer: a shim, or the C library. An error is in `errno`.
    pub fn pass_on(&self) -> c_int {
        // SAFETY: the argument is one for this request.
        unsafe { next()(self.fd, self.request, self.argument) }
    }

    /// The same call as the kernel answers it to another descriptor.
    pub fn to_kernel(&self, fd: c_int) -> Answer {
        // SAFETY: the argument is one for this request, which the kernel checks.
        let answer = unsafe { libc::syscall(libc::SYS_ioctl, fd, self.request, self.argument) };
        match answer {
            // SAFETY: this thread's own variable.
            -1 => Err(Errno::from_raw_os_error(unsafe {
                *libc::__errno_location()
            })),
            value => Ok(value as c_int),
        }
    }

    /// The argument.
    ///
    /// # Errors
    /// `EINVAL` if the caller's is a shorter one.
    pub fn read<T: AnyBitPattern>(&self) -> Result<T, Errno> {
        if self.size() < size_of::<T>() || self.argument.is_null() {
            return Err(Errno::INVAL);
        }
        // SAFETY: the argument of a request has the size that the request tells; any bytes are a `T`.
        Ok(unsafe { self.argument.cast::<T>().read_unaligned() })
    }

    /// Writes the argument, of which `read` has given this type.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn write<T: AnyBitPattern>(&self, value: T) -> Result<(), Errno> {
        self.read::<T>()?;
        // SAFETY: as in `read`, and the requests of DRM have arguments that may be written to.
        unsafe { self.argument.cast::<T>().write_unaligned(value) };
        Ok(())
    }
}

/// The array of `count` structures, each `stride` bytes from the one before, to which a structure of the
/// kernel's interface points.
///
/// # Safety
/// There are so many.
pub unsafe fn array<T: AnyBitPattern>(address: u64, count: u32, stride: usize) -> Vec<T> {
    let first = std::ptr::with_exposed_provenance::<u8>(address as usize);
    (0..count as usize)
        // SAFETY: by the caller's word; any bytes are a `T`.
        .map(|at| unsafe { first.add(at * stride).cast::<T>().read_unaligned() })
        .collect()
}

/// Makes a request of whoever is next.
///
/// # Errors
/// What they answer.
///
/// # Safety
/// `T` is the argument of this request.
pub unsafe fn ask_next<T: Copy>(fd: c_int, request: u32, argument: &mut T) -> Answer {
    // SAFETY: by the caller's word; it is borrowed for the call.
    let answer = unsafe {
        next()(
            fd,
            c_ulong::from(request),
            std::ptr::from_mut(argument).cast(),
        )
    };
    match answer {
        // SAFETY: this thread's own variable.
        -1 => Err(Errno::from_raw_os_error(unsafe {
            *libc::__errno_location()
        })),
        // The shim's own ioctls answer as a kernel's driver would to the kernel.
        error if error < 0 => Err(Errno::from_raw_os_error(-error)),
        value => Ok(value),
    }
}

type Ioctl = unsafe extern "C" fn(c_int, c_ulong, *mut c_void) -> c_int;

/// The `ioctl` of whoever is next in the order in which libraries are searched.
fn next() -> Ioctl {
    static NEXT: OnceLock<Ioctl> = OnceLock::new();
    *NEXT.get_or_init(|| {
        // SAFETY: the name ends with a NUL.
        let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"ioctl".as_ptr()) };
        assert!(!next.is_null(), "the C library has ioctl");
        // SAFETY: a function of this name takes these arguments, see `crate::ioctl`.
        unsafe { std::mem::transmute::<*mut c_void, Ioctl>(next) }
    })
}
