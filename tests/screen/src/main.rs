//! Writes what a display device (KMS) shows as a PNG picture, whatever compositor draws there. For
//! screenshots of compositors that take none themselves.

use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    ptr,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use drm::{
    ClientCapability, Device as _,
    buffer::DrmFourcc,
    control::{Device as _, framebuffer::PlanarInfo},
};
use rustix::mm::{MapFlags, ProtFlags};

/// Writes what the display device CARD shows as a PNG picture.
///
/// The framebuffer is read as it is scanned out, so CARD must be one without tiling, such as vkms or virtio-gpu.
/// Needs CAP_SYS_ADMIN: the kernel shows a framebuffer to others than its owner with it only.
#[derive(Parser)]
#[command(name = "wayfence-test-screen", version)]
struct Arguments {
    /// The card's node, such as /dev/dri/card0
    card: PathBuf,
    /// The picture
    file: PathBuf,
}

struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let card = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&arguments.card)
        .with_context(|| format!("cannot open {}", arguments.card.display()))?;
    let picture = Picture::of(&Card(card))?;
    picture
        .write(&arguments.file)
        .with_context(|| format!("cannot write {}", arguments.file.display()))
}

/// Eight bits each of red, green and blue, row by row.
struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// What the largest plane with a framebuffer shows.
    fn of(card: &Card) -> Result<Self> {
        // Without it the kernel names overlays only.
        card.set_client_capability(ClientCapability::UniversalPlanes, true)?;
        let mut shown: Option<PlanarInfo> = None;
        for plane in card.plane_handles()? {
            let Some(framebuffer) = card.get_plane(plane)?.framebuffer() else {
                continue;
            };
            let framebuffer = card.get_planar_framebuffer(framebuffer)?;
            let area = |info: &PlanarInfo| u64::from(info.size().0) * u64::from(info.size().1);
            if shown
                .as_ref()
                .is_none_or(|other| area(other) < area(&framebuffer))
            {
                shown = Some(framebuffer);
            }
        }
        let Some(framebuffer) = shown else {
            bail!("no plane shows anything");
        };
        let (bytes, to_rgb) = pixel(framebuffer.pixel_format())?;
        let (width, height) = framebuffer.size();
        let Some(buffer) = framebuffer.buffers()[0] else {
            bail!("the framebuffer has no buffer: CAP_SYS_ADMIN is missing");
        };
        let (pitch, offset) = (
            framebuffer.pitches()[0] as usize,
            framebuffer.offsets()[0] as usize,
        );

        let dma_buf = card.buffer_to_prime_fd(buffer, drm::CLOEXEC)?;
        let length = offset + pitch * height as usize;
        // SAFETY: a new mapping at an address of the kernel's choice. The dma-buf is at least as long as the
        // framebuffer in it, which the kernel has checked when that was made.
        let mapping = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::SHARED,
                &dma_buf,
                0,
            )
        }
        .context("the framebuffer cannot be mapped")?;
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height as usize {
            for x in 0..width as usize {
                // SAFETY: a pixel of so many bytes is inside of the mapping, since x is less than the width, and a
                // pitch is not shorter than a row; the kernel takes no offset and no pitch that pixels do not
                // fit. The compositor may draw there at the same time, so it is read as volatile.
                let value = unsafe {
                    let at = mapping.cast::<u8>().add(offset + y * pitch + x * bytes);
                    match bytes {
                        2 => u16::from_le(at.cast::<u16>().read_volatile()).into(),
                        _ => u32::from_le(at.cast::<u32>().read_volatile()),
                    }
                };
                rgb.extend(to_rgb(value));
            }
        }
        // SAFETY: the mapping of above, which nothing refers to any more.
        unsafe { rustix::mm::munmap(mapping, length)? };
        Ok(Picture { width, height, rgb })
    }

    fn write(&self, file: &Path) -> Result<()> {
        let mut encoder =
            png::Encoder::new(BufWriter::new(File::create(file)?), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(())
    }
}

/// Red, green and blue of a pixel's value.
type ToRgb = fn(u32) -> [u8; 3];

/// How many bytes a pixel of that format has, and how they become red, green and blue.
fn pixel(format: DrmFourcc) -> Result<(usize, ToRgb)> {
    Ok(match format {
        DrmFourcc::Xrgb8888 | DrmFourcc::Argb8888 => (4, |value| {
            [(value >> 16) as u8, (value >> 8) as u8, value as u8]
        }),
        DrmFourcc::Xbgr8888 | DrmFourcc::Abgr8888 => (4, |value| {
            [value as u8, (value >> 8) as u8, (value >> 16) as u8]
        }),
        DrmFourcc::Xrgb2101010 | DrmFourcc::Argb2101010 => (4, |value| {
            [(value >> 22) as u8, (value >> 12) as u8, (value >> 2) as u8]
        }),
        DrmFourcc::Xbgr2101010 | DrmFourcc::Abgr2101010 => (4, |value| {
            [(value >> 2) as u8, (value >> 12) as u8, (value >> 22) as u8]
        }),
        DrmFourcc::Rgb565 => (2, |value| {
            let scaled = |part: u32, most: u32| ((part & most) * 255 / most) as u8;
            [
                scaled(value >> 11, 31),
                scaled(value >> 5, 63),
                scaled(value, 31),
            ]
        }),
        _ => bail!("pixels of {format:?} are not known"),
    })
}
