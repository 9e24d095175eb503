//! How a buffer is made, by each driver's own ioctl.

use bytemuck::AnyBitPattern;
use rustix::io::Errno;
use rustix::ioctl::opcode;

use crate::call::{self, Answer, COMMANDS, Call};
use crate::file::File;

/// The argument of a driver's ioctl that makes a buffer.
pub trait NewBuffer: AnyBitPattern {
    /// The ioctl, counted from the driver's first.
    const COMMAND: u8;

    /// Asks for a buffer of so many bytes, in memory that every device can reach.
    fn of_size(size: u64) -> Self;

    /// Of what was asked for: the size in bytes, and the flags.
    fn asked(&self) -> (u64, u64);

    /// Of an answer: the buffer's handle.
    fn handle(&self) -> u32;
}

/// The driver makes a buffer.
pub fn answer<T: NewBuffer>(file: &File, call: &Call) -> Answer {
    let (size, flags) = call.read::<T>()?.asked();
    let answer = call.pass_on();
    if answer == 0 {
        file.created(call.read::<T>()?.handle(), size, flags);
    }
    Ok(answer)
}

/// Has the shim make a buffer of so many bytes. Answers its handle.
///
/// # Errors
/// The shim's.
pub fn make<T: NewBuffer>(fd: i32, size: u64) -> Result<u32, Errno> {
    let request = opcode::read_write::<T>(call::DRM, COMMANDS + T::COMMAND);
    let mut create = T::of_size(size);
    // SAFETY: the argument of this request.
    unsafe { call::ask_next(fd, request, &mut create) }?;
    Ok(create.handle())
}
