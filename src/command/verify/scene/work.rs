//! Work for the GPU that lasts for a time that is known: a buffer is filled again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ash::vk;

use super::device::Device;
use super::fault::Fault;

/// Commands of which is known how long they take.
pub struct Work {
    unit: vk::CommandBuffer,
    /// How long the unit takes.
    pub takes: Duration,
}

/// What is filled: more than caches of the first level hold, and little for any memory.
const SIZE: u64 = 4 << 20;
/// A unit lasts at least so long, so that what a submission costs does not count.
const LEAST: Duration = Duration::from_millis(2);
/// Fills of a unit: the first that last long enough are taken.
const FILLS: [u32; 6] = [1, 8, 64, 512, 4096, 16384];
/// No submission has more units: that of a GPU that does nothing would have no end.
const MOST: usize = 1000;
/// Longer than any unit.
const LIMIT: Duration = Duration::from_secs(20);

impl Work {
    /// Finds out how much of it the device does in which time.
    ///
    /// # Errors
    /// What the driver answers, or if the device does all of it in no time.
    pub fn calibrated(device: &Arc<Device>) -> Result<Self, Fault> {
        let buffer = buffer(device)?;
        for fills in FILLS {
            let unit = device.commands(|commands| fill(device, commands, buffer, fills))?;
            // Other work, or the first use, makes a unit slower and never faster.
            let mut takes = time(device, unit)?;
            for _ in 0..3 {
                takes = takes.min(time(device, unit)?);
            }
            if takes >= LEAST {
                return Ok(Self { unit, takes });
            }
        }
        Err(Fault(format!(
            "the GPU's work cannot be made to last: {} fills of {} MiB take no {} ms",
            FILLS[FILLS.len() - 1],
            SIZE >> 20,
            LEAST.as_millis()
        )))
    }

    /// Commands that take at least so long.
    pub fn lasting(&self, time: Duration) -> Vec<vk::CommandBuffer> {
        let units = time.as_secs_f64() / self.takes.as_secs_f64();
        vec![self.unit; (units.ceil() as usize).clamp(1, MOST)]
    }
}

/// A little of the same, which takes next to no time.
///
/// # Errors
/// What the driver answers.
pub fn little(device: &Arc<Device>) -> Result<vk::CommandBuffer, Fault> {
    let buffer = buffer(device)?;
    device.commands(|commands| fill(device, commands, buffer, 1))
}

fn buffer(device: &Device) -> Result<vk::Buffer, Fault> {
    let info = vk::BufferCreateInfo::default()
        .size(SIZE)
        .usage(vk::BufferUsageFlags::TRANSFER_DST);
    // SAFETY: all of it is the device's, and lives as long as it.
    unsafe {
        let buffer = device
            .raw
            .create_buffer(&info, None)
            .map_err(Fault::of("vkCreateBuffer"))?;
        let needs = device.raw.get_buffer_memory_requirements(buffer);
        let memory = device
            .gpu
            .instance
            .get_physical_device_memory_properties(device.physical);
        // The driver lists better types before others.
        let kind = (0..memory.memory_type_count)
            .filter(|at| needs.memory_type_bits & 1 << at != 0)
            .max_by_key(|at| {
                let flags = memory.memory_types[*at as usize].property_flags;
                (
                    flags.contains(vk::MemoryPropertyFlags::DEVICE_LOCAL),
                    std::cmp::Reverse(*at),
                )
            })
            .ok_or_else(|| Fault("no memory for a buffer".to_owned()))?;
        let info = vk::MemoryAllocateInfo::default()
            .allocation_size(needs.size)
            .memory_type_index(kind);
        let memory = device
            .raw
            .allocate_memory(&info, None)
            .map_err(Fault::of("vkAllocateMemory"))?;
        device
            .raw
            .bind_buffer_memory(buffer, memory, 0)
            .map_err(Fault::of("vkBindBufferMemory"))?;
        Ok(buffer)
    }
}

fn fill(device: &Device, commands: vk::CommandBuffer, buffer: vk::Buffer, fills: u32) {
    let barrier = [vk::MemoryBarrier::default()
        .src_access_mask(vk::AccessFlags::TRANSFER_WRITE)
        .dst_access_mask(vk::AccessFlags::TRANSFER_WRITE)];
    let stage = vk::PipelineStageFlags::TRANSFER;
    for value in 0..fills {
        // SAFETY: commands that are being recorded, and a buffer that lives as long as the device.
        unsafe {
            let raw = &device.raw;
            raw.cmd_fill_buffer(commands, buffer, 0, vk::WHOLE_SIZE, value);
            raw.cmd_pipeline_barrier(
                commands,
                stage,
                stage,
                vk::DependencyFlags::empty(),
                &barrier,
                &[],
                &[],
            );
        }
    }
}

/// How long the commands take, from their submission on.
fn time(device: &Device, commands: vk::CommandBuffer) -> Result<Duration, Fault> {
    let fence = device.fence()?;
    let begun = Instant::now();
    device.submit(&[], &[commands], &[], fence)?;
    let done = device.signals(fence, LIMIT)?;
    let took = begun.elapsed();
    if !done {
        return Err(Fault(format!(
            "the GPU does not finish in {} s",
            LIMIT.as_secs()
        )));
    }
    // SAFETY: it has signalled.
    unsafe { device.raw.destroy_fence(fence, None) };
    Ok(took)
}
