//! `wayfence-probe`: an application as a process of its own, for comparisons between sets of layers.
//!
//! ```text
//! wayfence-probe describe wayland|headless   prints what an application sees, then draws
//! wayfence-probe frames NUMBER [NAME=VALUE…] draws frames, FIFO, with settings of the layer
//! wayfence-probe messages                    draws, prints what the validation layer says
//! wayfence-probe messages careless           the same, with a mistake for it to find
//! wayfence-probe restless SEED SECONDS       opens, resizes, hides and closes windows at random, and looks for
//!                                            leaks; exits with 1 at one, with 3 if the compositor is gone
//! ```

use std::ffi::{CStr, CString};
use std::process::ExitCode;
use std::time::Duration;

use ash::{khr, vk};
use wayfence::trace::now;
use wayfence_tests::instance::{HEADLESS, Options, WAYLAND};
use wayfence_tests::restless::{self, Done, Failure};
use wayfence_tests::{Application, Device, Instance, Surface, Wanted, Window};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["describe", "wayland"] => describe(false),
        ["describe", "headless"] => describe(true),
        ["frames", number, settings @ ..] => {
            frames(number.parse().expect("a number of frames"), settings);
            // When all that is left is to exit, by `CLOCK_MONOTONIC`.
            println!("the end: {}", now());
        }
        ["messages"] => messages(false),
        ["restless", seed, seconds] => {
            return restless(
                seed.parse().expect("a number"),
                seconds.parse().expect("a number of seconds"),
            );
        }
        ["messages", "careless"] => messages(true),
        _ => {
            eprintln!(
                "usage: wayfence-probe describe wayland|headless, frames NUMBER [NAME=VALUE...], \
                 messages [careless], or restless SEED SECONDS"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn restless(seed: u64, seconds: u64) -> ExitCode {
    match restless::play(seed, Duration::from_secs(seconds)) {
        Ok(done) => {
            let Done {
                frames,
                swapchains,
                rounds,
            } = done;
            eprintln!("restless: {frames} frames, {swapchains} swapchains, {rounds} times closed");
            ExitCode::SUCCESS
        }
        Err(Failure::Lost) => {
            eprintln!("restless: the compositor is gone");
            ExitCode::from(3)
        }
        Err(Failure::Wrong(what)) => {
            eprintln!("restless: {what}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that an application sees of a surface, in a form that can be compared.
fn describe(headless: bool) {
    let instance = Instance::new(Options {
        extensions: if headless { HEADLESS } else { WAYLAND },
        ..Options::default()
    });
    let physical = instance.physical_device();
    // SAFETY: the device is the instance's.
    let mut extensions: Vec<_> =
        unsafe { instance.raw.enumerate_device_extension_properties(physical) }
            .unwrap()
            .iter()
            .map(|extension| {
                format!(
                    "{} {}",
                    extension
                        .extension_name_as_c_str()
                        .unwrap()
                        .to_string_lossy(),
                    extension.spec_version
                )
            })
            .collect();
    // Their order is unspecified.
    extensions.sort();
    for extension in extensions {
        println!("device extension {extension}");
    }

    let surface = if headless {
        Surface::headless(&instance)
    } else {
        Surface::of_window(&instance, Window::open())
    };
    // SAFETY: the device is the instance's.
    let families = unsafe {
        instance
            .raw
            .get_physical_device_queue_family_properties(physical)
    };
    for family in 0..families.len() as u32 {
        println!(
            "queue family {family}: {:?}",
            surface.is_supported(physical, family)
        );
    }
    println!("capabilities: {:?}", surface.capabilities(physical));
    println!("capabilities 2: {:?}", surface.capabilities2(physical));
    println!("formats: {:?}", surface.formats(physical));
    println!("formats 2: {:?}", surface.formats2(physical));
    println!("present modes: {:?}", surface.present_modes(physical));
    let device = Device::with_extensions(&instance, &[khr::swapchain::NAME]);
    for present_mode in surface.present_modes(physical).unwrap() {
        for images in 1..=4 {
            let wanted = Wanted {
                present_mode,
                images,
                extent: (64, 32),
                ..Wanted::default()
            };
            match wayfence_tests::Swapchain::new(&device, &surface, wanted) {
                Ok(mut swapchain) => {
                    let frames: Vec<_> = (0..5).map(|_| swapchain.frame()).collect();
                    println!(
                        "{present_mode:?}, {images} images: {} images, {frames:?}",
                        swapchain.images.len()
                    );
                }
                Err(error) => println!("{present_mode:?}, {images} images: {error:?}"),
            }
        }
    }
    if !headless {
        surface.window().assert_alive();
    }
}

fn frames(number: u32, settings: &[&str]) {
    let settings: Vec<(CString, CString)> = settings
        .iter()
        .map(|setting| {
            let (name, value) = setting.split_once('=').expect("NAME=VALUE");
            let own = |text| CString::new(text).expect("an argument has no NUL");
            (own(name), own(value))
        })
        .collect();
    let settings: Vec<(&CStr, &CStr)> = settings
        .iter()
        .map(|(name, value)| (name.as_c_str(), value.as_c_str()))
        .collect();
    let app = Application::with(Options {
        settings: &settings,
        ..Options::default()
    });
    let mut swapchain = app.swapchain();
    println!("{} images", swapchain.images.len());
    for _ in 0..number {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// A hundred frames, recreations and waits, under the validation layer.
fn messages(careless: bool) {
    let app = Application::with(Options {
        messages: true,
        api_version: vk::API_VERSION_1_3,
        ..Options::default()
    });
    let mut swapchain = app.swapchain();
    for frame in 0..100 {
        swapchain.frame().unwrap();
        if frame % 25 == 24 {
            // Drawn and shown by the next one's wait.
            swapchain = swapchain
                .replaced_by(if frame % 50 == 24 {
                    Wanted::mailbox()
                } else {
                    Wanted::default()
                })
                .unwrap();
        }
    }
    // With a fence instead of a semaphore.
    for _ in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_and_present(index).unwrap();
    }
    if careless {
        write_twice(&app.device);
    }
    let second = app.second_window();
    let mut other = second.swapchain();
    for _ in 0..10 {
        other.frame().unwrap();
        swapchain.frame().unwrap();
    }
    drop(other);
    drop(second);
    drop(swapchain);
    let instance = std::sync::Arc::clone(&app.device.instance);
    drop(app);
    for message in instance.messages() {
        println!("{message}");
    }
    println!("drawn to the end");
}

/// Two writes to one buffer without a barrier between them.
fn write_twice(device: &Device) {
    let create_info = vk::BufferCreateInfo::default()
        .size(64)
        .usage(vk::BufferUsageFlags::TRANSFER_DST);
    let pool_info = vk::CommandPoolCreateInfo::default().queue_family_index(device.queue_family);
    // SAFETY: everything is the device's and is used by this thread alone; the queue is idle
    // before it goes. The mistake is one that no driver minds.
    unsafe {
        let raw = &device.raw;
        let buffer = raw.create_buffer(&create_info, None).unwrap();
        let needs = raw.get_buffer_memory_requirements(buffer);
        let allocate = vk::MemoryAllocateInfo::default()
            .allocation_size(needs.size)
            .memory_type_index(needs.memory_type_bits.trailing_zeros());
        let memory = raw.allocate_memory(&allocate, None).unwrap();
        raw.bind_buffer_memory(buffer, memory, 0).unwrap();
        let pool = raw.create_command_pool(&pool_info, None).unwrap();
        let allocate = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .command_buffer_count(1);
        let commands = raw.allocate_command_buffers(&allocate).unwrap();
        raw.begin_command_buffer(commands[0], &vk::CommandBufferBeginInfo::default())
            .unwrap();
        raw.cmd_fill_buffer(commands[0], buffer, 0, vk::WHOLE_SIZE, 1);
        raw.cmd_fill_buffer(commands[0], buffer, 0, vk::WHOLE_SIZE, 2);
        raw.end_command_buffer(commands[0]).unwrap();
        let submit = vk::SubmitInfo::default().command_buffers(&commands);
        device
            .with_queue(|queue| raw.queue_submit(queue, &[submit], vk::Fence::null()))
            .unwrap();
        device.wait_idle().unwrap();
        raw.destroy_command_pool(pool, None);
        raw.destroy_buffer(buffer, None);
        raw.free_memory(memory, None);
    }
}
