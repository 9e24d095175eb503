//! Mesa's GPU drivers without their hardware, each in processes of its own: what the layer asks of them,
//! and what the kernel's rules of implicit synchronisation make of that.

use ash::{ext, khr, vk};
use rustix::fs::{SeekFrom, makedev, seek};
use wayfence_test_compositor::{Commit, Compositor, Format, Imports, Offer, With};
use wayfence_tests::application::Application;
use wayfence_tests::hardware::inode;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::on_each;
use wayfence_tests::physical_device::{layouts, render_node};
use wayfence_tests::played::{
    self, a_reader_of_one_image_does_not_hold_other_work, a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait, watchdog,
};
use wayfence_tests::real_driver::{Hardware, Kernel, RealDriver};
use wayfence_tests::scripted::{Payload, SOON, Stage, TIMEOUT, Way};
use wayfence_tests::stderr::captured;
use wayfence_tests::swapchain::clear;
use wayfence_tests::sysfs::bind_to_driver;
use wayfence_tests::{Device, Fence, Surface, Swapchain, Wanted, Window, layers};

/// Scenarios on each driver, with as much of the kernel as `$run` brings.
macro_rules! on_each_driver {
    ($run:path; $($scenario:ident),* $(,)?) => {
        on_each!(
            $run,
            "needs mesa-drm-shim, udmabuf, vgem, a DRM node with timeline syncobjs",
            [
                radv: super::RealDriver::Radv,
                turnip: super::RealDriver::Turnip,
                nvk: super::RealDriver::Nvk,
                honeykrisp: super::RealDriver::Honeykrisp,
            ];
            $($scenario),*
        );
    };
}

on_each_driver!(super::on_a_kernel;
    the_layer_owns_its_surface,
    frames_run_in_every_way,
    a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait,
    memory_is_what_the_way_needs,
    images_for_shaders_are_synchronised,
    work_lists_the_image_that_it_uses,
    a_reader_of_one_image_does_not_hold_other_work,
    a_later_frame_is_in_no_acquire,
    another_device_can_read_the_images,
    the_compositor_learns_every_memory_plane,
);
on_each_driver!(super::on_the_shim;
    a_descriptor_that_was_not_given_is_an_error,
);

fn on_a_kernel(driver: RealDriver, test: &str, story: impl FnOnce(&Hardware)) {
    driver.run(Kernel::Complete, test, story);
}

fn on_the_shim(driver: RealDriver, test: &str, story: impl FnOnce(&Hardware)) {
    driver.run(Kernel::Shim, test, story);
}

fn the_layer_owns_its_surface(hardware: &Hardware) {
    let _watchdog = watchdog("the_layer_owns_its_surface");
    let stage = Stage::new();
    let scene = stage.scene(Way::Implicit);
    let report = scene.end();
    let name = hardware.driver.device_name();
    assert!(report.driver.contains(name), "{}", report.driver);
    assert_eq!(report.synchronisation, "implicit");
}

fn frames_run_in_every_way(_: &Hardware) {
    const FRAMES: usize = 60;
    let _watchdog = watchdog("frames_run_in_every_way");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        for _ in 0..FRAMES {
            let (_, commit) = scene.show();
            scene.compositor.release(&commit, With::nothing());
            let acquired = scene.acquire(Payload::Both);
            assert!(acquired.signals_within(SOON).is_some(), "{way}");
            scene.held.push(acquired.index);
        }
        let report = scene.end();
        assert_eq!(report.synchronisation, way.to_string());
    }
}

/// `AMDGPU_GEM_CREATE_EXPLICIT_SYNC` is for those who synchronise explicitly, and for nobody else.
fn memory_is_what_the_way_needs(hardware: &Hardware) {
    const EXPLICIT_SYNC: u64 = 1 << 7;
    let _watchdog = watchdog("memory_is_what_the_way_needs");
    if hardware.driver != RealDriver::Radv {
        return;
    }
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let flags = hardware.flags_of(commit.dma_buf());
        let explicit = matches!(way, Way::Syncobj | Way::Explicit);
        assert_eq!(flags & EXPLICIT_SYNC != 0, explicit, "{way}: {flags:#x}");
        scene.end();
    }
}

/// Command buffers of RADV's do not list what descriptors name, so that such images are as other memory is:
/// the kernel ignores fences on them, and the CPU waits.
fn images_for_shaders_are_synchronised(hardware: &Hardware) {
    let _watchdog = watchdog("images_for_shaders_are_synchronised");
    if hardware.driver == RealDriver::Radv {
        bind_to_driver(Offer::default().main_device, "amdgpu");
    }
    let compositor = Compositor::new(Offer::default());
    let application = Application::at(compositor.connect());
    let wanted = Wanted {
        extent: (111, 55),
        ..Wanted::mailbox()
    };
    let (device, surface) = (&application.device, &application.surface);
    let mut swapchain = Swapchain::changed(device, surface, wanted, |info| {
        info.image_usage |= vk::ImageUsageFlags::SAMPLED;
    })
    .expect("a swapchain");
    for _ in 0..10 {
        let index = swapchain.acquire_and_wait(TIMEOUT).expect("an image");
        swapchain.draw_and_present(index).expect("a present");
        compositor.release(&compositor.next_commit(), With::nothing());
    }
    drop(swapchain);
    let way = match hardware.driver {
        RealDriver::Radv => Way::Cpu,
        _ => Way::Implicit,
    };
    let report = layers::report_of(wanted.extent);
    assert_eq!(report.synchronisation, way.to_string());
}

/// Work that the GPU could not do without an image lists it: that of another kind of command each.
fn work_lists_the_image_that_it_uses(hardware: &Hardware) {
    let _watchdog = watchdog("work_lists_the_image_that_it_uses");
    if hardware.driver == RealDriver::Honeykrisp {
        // Its work lists nothing.
        return;
    }
    let compositor = Compositor::new(Offer::default());
    let application = Application::at(compositor.connect());
    let (device, surface) = (&application.device, &application.surface);
    let mut swapchain = Swapchain::changed(device, surface, Wanted::mailbox(), |info| {
        info.image_usage |= vk::ImageUsageFlags::TRANSFER_SRC;
    })
    .expect("a swapchain");
    let index = swapchain.acquire_and_wait(TIMEOUT).expect("an image");
    swapchain.draw_and_present(index).expect("a present");
    let commit = compositor.next_commit();
    let image = inode(commit.dma_buf());
    // The images that are left are free before the one that comes back.
    compositor.release(&commit, With::nothing());
    while swapchain.acquire_and_wait(TIMEOUT).expect("an image") != index {}
    for use_of in Use::ALL {
        let before = hardware.log().len();
        use_of.run(&swapchain, index);
        let submitted = hardware.submitted_since(before);
        let mut shared = submitted.iter().flat_map(|work| &work.shared);
        assert!(shared.any(|used| used.dma_buf == image), "{use_of:?}");
    }
}

/// See [`played::a_later_frame_is_in_no_acquire`].
fn a_later_frame_is_in_no_acquire(hardware: &Hardware) {
    played::a_later_frame_is_in_no_acquire(hardware, |way, frames| {
        let listed = |commit: &Commit| {
            let image = inode(commit.dma_buf());
            let mut shared = frames.submitted.iter().flat_map(|work| &work.shared);
            shared.any(|used| used.dma_buf == image && used.leaves.as_deref() == Some("write"))
        };
        // Turnip lists all memory, nouveau's kernel takes all that is mapped, and asahi's takes none, so
        // that a driver's own swapchain has the same fences there.
        let (own, other) = match hardware.driver {
            RealDriver::Radv => (true, way != Way::Implicit),
            RealDriver::Turnip | RealDriver::Nvk => (true, true),
            RealDriver::Honeykrisp => (false, false),
        };
        let seen = (listed(frames.later), listed(frames.earlier));
        assert_eq!(seen, (own, other), "{way}");
        other
    });
}

/// A compositor on another device reads rows that begin at multiples of 256 bytes, as AMD's do, and memory that is
/// no device's own.
fn another_device_can_read_the_images(hardware: &Hardware) {
    const ODD: u32 = 1366;
    let _watchdog = watchdog("another_device_can_read_the_images");
    let main_device = makedev(226, 200);
    let compositor = Compositor::new(Offer {
        main_device,
        ..Offer::default()
    });
    compositor.import(Imports::PitchOf(256));
    let application = Application::at(compositor.connect());
    let wanted = Wanted {
        extent: (ODD, 40),
        ..Wanted::mailbox()
    };
    let mut swapchain = application.try_swapchain(wanted).expect("a swapchain");
    let index = swapchain.acquire_and_wait(TIMEOUT).expect("an image");
    swapchain.draw_and_present(index).expect("a present");
    let commit = compositor.next_commit();
    let image = commit.buffer().image().expect("a dma-buf");
    let pitch = image.planes[0].stride;
    println!("{}: {pitch} bytes a row", hardware.driver);
    assert_eq!((image.modifier, pitch % 256), (Format::LINEAR, 0));
    if hardware.driver == RealDriver::Radv {
        // `AMDGPU_GEM_DOMAIN_GTT`: memory of the machine's, not of the device's own.
        let domains = hardware.flags_of(commit.dma_buf()) >> 32;
        assert_eq!(domains, 2, "in which memory");
    }
    drop(swapchain);
    assert!(compositor.protocol_errors().is_empty());
    // It was the layer's.
    layers::report_of(wanted.extent);
}

/// Layouts have planes of compression data beside the pixels. What the compositor gets of each layout that the
/// driver has is what the driver says of the image.
fn the_compositor_learns_every_memory_plane(hardware: &Hardware) {
    let _watchdog = watchdog("the_compositor_learns_every_memory_plane");
    layers::set_up();
    let instance = Instance::new(Options::default());
    let modifier_extension = ext::image_drm_format_modifier::NAME;
    let device = Device::with_extensions(&instance, &[khr::swapchain::NAME, modifier_extension]);
    let ask = ext::image_drm_format_modifier::Device::new(&instance.raw, &device.raw);
    let format = vk::Format::B8G8R8A8_UNORM;
    let mut shown = Vec::new();
    let mut compressed = Vec::new();
    for layout in layouts(&instance, device.physical, format) {
        let modifier = layout.drm_format_modifier;
        let offered = [b"AR24", b"XR24"].map(|name| Format {
            fourcc: u32::from_le_bytes(*name),
            modifier,
        });
        let compositor = Compositor::new(Offer {
            formats: offered.to_vec(),
            main_device: render_node(&instance, device.physical),
            ..Offer::default()
        });
        let surface = Surface::of_window(&instance, Window::open_at(compositor.connect()));
        let wanted = Wanted {
            extent: (ODD_SIZE.0, ODD_SIZE.1 + shown.len() as u32),
            ..Wanted::mailbox()
        };
        let formats = surface.formats(device.physical).expect("formats");
        if !formats.iter().any(|one| one.format == format) {
            continue;
        }
        let mut swapchain = Swapchain::new(&device, &surface, wanted)
            .unwrap_or_else(|error| panic!("modifier {modifier:#x}: {error}"));
        let index = swapchain.acquire_and_wait(TIMEOUT).expect("an image");
        swapchain.draw_and_present(index).expect("a present");
        let commit = compositor.next_commit();
        let told = commit.buffer().image().expect("a dma-buf");
        let image = swapchain.images[index as usize];
        let mut own = vk::ImageDrmFormatModifierPropertiesEXT::default();
        // SAFETY: the image is the device's, made with a modifier, and nobody destroys it meanwhile.
        unsafe { ask.get_image_drm_format_modifier_properties(image, &mut own) }
            .expect("a modifier");
        assert_eq!(
            (told.modifier, own.drm_format_modifier),
            (modifier, modifier)
        );
        let planes: Vec<_> = told
            .planes
            .iter()
            .map(|plane| (u64::from(plane.offset), u64::from(plane.stride)))
            .collect();
        let expected: Vec<_> = MEMORY_PLANES[..layout.drm_format_modifier_plane_count as usize]
            .iter()
            .map(|aspect| {
                let part = vk::ImageSubresource::default().aspect_mask(*aspect);
                // SAFETY: as above, and the layout has this plane.
                let place = unsafe { device.raw.get_image_subresource_layout(image, part) };
                (place.offset, place.row_pitch)
            })
            .collect();
        assert_eq!(planes, expected, "{modifier:#x}");
        println!("{}: {modifier:#018x}: {planes:?}", hardware.driver);
        // SAFETY: as above.
        let needs = unsafe { device.raw.get_image_memory_requirements(image) };
        let size = seek(commit.dma_buf(), SeekFrom::End(0)).expect("a dma-buf");
        assert!(
            size >= needs.size,
            "{modifier:#x}: {size} of {}",
            needs.size
        );
        shown.push(planes.len());
        if is_compressed(modifier) {
            compressed.push(planes.len());
        }
        drop(swapchain);
        assert!(compositor.protocol_errors().is_empty());
        layers::report_of(wanted.extent);
    }
    assert!(
        shown.len() > 1,
        "layouts other than the linear one: {shown:?}"
    );
    // DCC, which alone has a plane of its own; UBWC and Apple's keep all in one. NVK compresses nothing that others
    // see (`docs/drivers.md`).
    let several = shown.iter().filter(|planes| **planes > 1).count();
    match hardware.driver {
        RealDriver::Radv => {
            assert!(several > 0, "{shown:?}");
            assert_eq!(several, compressed.len(), "{shown:?}, {compressed:?}");
        }
        RealDriver::Turnip | RealDriver::Honeykrisp => {
            assert_eq!((several, &*compressed), (0, &[1][..]), "{shown:?}");
        }
        RealDriver::Nvk => assert_eq!((several, compressed.len()), (0, 0), "{shown:?}"),
    }
}

/// Whether a layout holds compressed pixels, by its modifier (`include/uapi/drm/drm_fourcc.h`).
fn is_compressed(modifier: u64) -> bool {
    let code = modifier & 0x00ff_ffff_ffff_ffff;
    match modifier >> 56 {
        // `AMD_FMT_MOD_DCC`.
        0x02 => code >> 13 & 1 == 1,
        // The compression of `DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D`.
        0x03 => code >> 23 & 7 != 0,
        // `DRM_FORMAT_MOD_QCOM_COMPRESSED`.
        0x05 => code == 1,
        // `DRM_FORMAT_MOD_APPLE_GPU_TILED_COMPRESSED`.
        0x0c => code == 2,
        _ => false,
    }
}

const ODD_SIZE: (u32, u32) = (333, 100);

const MEMORY_PLANES: [vk::ImageAspectFlags; 4] = [
    vk::ImageAspectFlags::MEMORY_PLANE_0_EXT,
    vk::ImageAspectFlags::MEMORY_PLANE_1_EXT,
    vk::ImageAspectFlags::MEMORY_PLANE_2_EXT,
    vk::ImageAspectFlags::MEMORY_PLANE_3_EXT,
];

/// Without the kernel's part no driver exports memory; Honeykrisp answers success and -1.
fn a_descriptor_that_was_not_given_is_an_error(_: &Hardware) {
    let _watchdog = watchdog("a_descriptor_that_was_not_given_is_an_error");
    let (answer, said) = captured(|| {
        let compositor = Compositor::new(Offer::default());
        let application = Application::at(compositor.connect());
        application.try_swapchain(Wanted::default()).map(drop)
    });
    assert!(!said.contains("panicked"), "{said}");
    assert!(
        !matches!(answer, Ok(()) | Err(vk::Result::ERROR_UNKNOWN)),
        "{answer:?}"
    );
}

/// A kind of command that uses an image.
#[derive(Clone, Copy, Debug)]
enum Use {
    Clear,
    CopyTo,
    BlitFrom,
    Attachment,
}

impl Use {
    const ALL: [Self; 4] = [Self::Clear, Self::CopyTo, Self::BlitFrom, Self::Attachment];

    /// Submits such a command and waits for it.
    fn run(self, swapchain: &Swapchain, index: u32) {
        let device = &swapchain.device;
        let image = swapchain.images[index as usize];
        // SAFETY: all that is made here is the device's, and destroyed when the work is over; the image
        // may be used, as the application holds it.
        unsafe {
            let raw = &device.raw;
            let pool = vk::CommandPoolCreateInfo::default().queue_family_index(device.queue_family);
            let pool = raw.create_command_pool(&pool, None).expect("a pool");
            let commands = vk::CommandBufferAllocateInfo::default()
                .command_pool(pool)
                .command_buffer_count(1);
            let commands = raw.allocate_command_buffers(&commands).expect("commands")[0];
            raw.begin_command_buffer(commands, &vk::CommandBufferBeginInfo::default())
                .expect("commands");
            let undo = self.record(device, swapchain, commands, image);
            raw.end_command_buffer(commands).expect("commands");
            let done = Fence::new(device).expect("a fence");
            let buffers = [commands];
            let submit = vk::SubmitInfo::default().command_buffers(&buffers);
            device
                .with_queue(|queue| raw.queue_submit(queue, &[submit], done.raw))
                .expect("a submit");
            done.wait(u64::MAX).expect("a fence");
            raw.destroy_command_pool(pool, None);
            undo(raw);
        }
    }

    /// # Safety
    /// As of [`clear`]. What this answers is called once the commands are done.
    unsafe fn record(
        self,
        device: &Device,
        swapchain: &Swapchain,
        commands: vk::CommandBuffer,
        image: vk::Image,
    ) -> Box<dyn FnOnce(&ash::Device)> {
        let raw = &device.raw;
        let (width, height) = swapchain.wanted.extent;
        let layers = vk::ImageSubresourceLayers::default()
            .aspect_mask(vk::ImageAspectFlags::COLOR)
            .layer_count(1);
        // SAFETY: by the caller's word; what is made here lives until the commands are done.
        unsafe {
            match self {
                Use::Clear => {
                    clear(raw, commands, image, [0.0; 4]);
                    Box::new(|_| {})
                }
                Use::CopyTo => {
                    let (buffer, memory) = buffer(device, u64::from(width * height * 4));
                    let region = vk::BufferImageCopy::default()
                        .image_subresource(layers)
                        .image_extent(vk::Extent3D {
                            width,
                            height,
                            depth: 1,
                        });
                    let layout = vk::ImageLayout::GENERAL;
                    change(raw, commands, image, layout);
                    raw.cmd_copy_buffer_to_image(commands, buffer, image, layout, &[region]);
                    Box::new(move |raw| {
                        raw.destroy_buffer(buffer, None);
                        raw.free_memory(memory, None);
                    })
                }
                Use::BlitFrom => {
                    let corner = vk::Offset3D { x: 8, y: 8, z: 1 };
                    let region = vk::ImageBlit::default()
                        .src_subresource(layers)
                        .src_offsets([vk::Offset3D::default(), corner])
                        .dst_subresource(layers)
                        .dst_offsets([
                            vk::Offset3D { x: 8, y: 8, z: 0 },
                            vk::Offset3D { x: 24, y: 24, z: 1 },
                        ]);
                    let layout = vk::ImageLayout::GENERAL;
                    change(raw, commands, image, layout);
                    let filter = vk::Filter::NEAREST;
                    raw.cmd_blit_image(commands, image, layout, image, layout, &[region], filter);
                    Box::new(|_| {})
                }
                Use::Attachment => {
                    let format = swapchain.wanted.format.expect("it is filled in").format;
                    let attachment = [vk::AttachmentDescription::default()
                        .format(format)
                        .samples(vk::SampleCountFlags::TYPE_1)
                        .load_op(vk::AttachmentLoadOp::CLEAR)
                        .store_op(vk::AttachmentStoreOp::STORE)
                        .final_layout(vk::ImageLayout::PRESENT_SRC_KHR)];
                    let colour = [vk::AttachmentReference::default()
                        .layout(vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL)];
                    let subpass = [vk::SubpassDescription::default().color_attachments(&colour)];
                    let pass = vk::RenderPassCreateInfo::default()
                        .attachments(&attachment)
                        .subpasses(&subpass);
                    let pass = raw.create_render_pass(&pass, None).expect("a render pass");
                    let view = vk::ImageViewCreateInfo::default()
                        .image(image)
                        .view_type(vk::ImageViewType::TYPE_2D)
                        .format(format)
                        .subresource_range(WHOLE);
                    let view = raw.create_image_view(&view, None).expect("a view");
                    let views = [view];
                    let frame = vk::FramebufferCreateInfo::default()
                        .render_pass(pass)
                        .attachments(&views)
                        .width(width)
                        .height(height)
                        .layers(1);
                    let frame = raw.create_framebuffer(&frame, None).expect("a framebuffer");
                    let values = [vk::ClearValue::default()];
                    let begin = vk::RenderPassBeginInfo::default()
                        .render_pass(pass)
                        .framebuffer(frame)
                        .render_area(vk::Extent2D { width, height }.into())
                        .clear_values(&values);
                    raw.cmd_begin_render_pass(commands, &begin, vk::SubpassContents::INLINE);
                    raw.cmd_end_render_pass(commands);
                    Box::new(move |raw| {
                        raw.destroy_framebuffer(frame, None);
                        raw.destroy_image_view(view, None);
                        raw.destroy_render_pass(pass, None);
                    })
                }
            }
        }
    }
}

/// All of an image.
const WHOLE: vk::ImageSubresourceRange = vk::ImageSubresourceRange {
    aspect_mask: vk::ImageAspectFlags::COLOR,
    base_mip_level: 0,
    level_count: 1,
    base_array_layer: 0,
    layer_count: 1,
};

/// Records a change of an image's layout.
///
/// # Safety
/// As of [`clear`].
unsafe fn change(
    device: &ash::Device,
    commands: vk::CommandBuffer,
    image: vk::Image,
    layout: vk::ImageLayout,
) {
    let barrier = vk::ImageMemoryBarrier::default()
        .dst_access_mask(vk::AccessFlags::TRANSFER_WRITE | vk::AccessFlags::TRANSFER_READ)
        .new_layout(layout)
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .image(image)
        .subresource_range(WHOLE);
    // SAFETY: by the caller's word.
    unsafe {
        device.cmd_pipeline_barrier(
            commands,
            vk::PipelineStageFlags::TOP_OF_PIPE,
            vk::PipelineStageFlags::TRANSFER,
            vk::DependencyFlags::empty(),
            &[],
            &[],
            &[barrier],
        );
    }
}

/// A buffer of so many bytes to copy from, with memory. The caller destroys both.
fn buffer(device: &Device, size: u64) -> (vk::Buffer, vk::DeviceMemory) {
    let raw = &device.raw;
    let info = vk::BufferCreateInfo::default()
        .size(size)
        .usage(vk::BufferUsageFlags::TRANSFER_SRC);
    // SAFETY: the device is alive.
    unsafe {
        let buffer = raw.create_buffer(&info, None).expect("a buffer");
        let needs = raw.get_buffer_memory_requirements(buffer);
        let info = vk::MemoryAllocateInfo::default()
            .allocation_size(needs.size)
            .memory_type_index(needs.memory_type_bits.trailing_zeros());
        let memory = raw.allocate_memory(&info, None).expect("memory");
        raw.bind_buffer_memory(buffer, memory, 0).expect("a buffer");
        (buffer, memory)
    }
}
