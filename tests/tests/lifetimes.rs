//! Lifetimes: the layer uses `wl_display` and `wl_surface` only while swapchains live, and its own objects live
//! as long as what they are for.
//!
//! "Applications must ensure that both the wl_display and the wl_surface remain valid for the lifetime of any
//! VkSwapchainKHR objects" (Vulkan, "Wayland Platform"): only of those. Freed memory is overwritten here, so
//! that a use after free shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ash::vk;
use wayfence_test_compositor::{Behaviour, Colour, Compositor, Offer};
use wayfence_tests::scripted::Way;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Device, Instance, Surface, Swapchain, Wanted, Window};

/// The byte with which `free` fills memory.
const POISON: i32 = 0xa5;

const MODES: &[vk::PresentModeKHR] = &[vk::PresentModeKHR::FIFO, vk::PresentModeKHR::IMMEDIATE];

/// For swapchains that use every protocol of the compositor.
fn wanted() -> Wanted {
    Wanted {
        present_modes: MODES,
        ..Wanted::default()
    }
}

/// Every protocol with one object a surface, and a registry that can be destroyed.
fn offer(way: Way) -> Offer {
    Offer {
        fifo: true,
        commit_timing: true,
        tearing_control: true,
        fixes: true,
        colour: Some(Colour::default()),
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_millis(1),
        },
        ..way.offer()
    }
}

fn everything(way: Way) -> Compositor {
    Compositor::new(offer(way))
}

/// The same, with both explicit ways beside each other.
fn everything_at_once() -> Compositor {
    Compositor::new(Offer {
        explicit: true,
        ..offer(Way::Syncobj)
    })
}

fn poison_freed_memory() {
    // SAFETY: it changes what malloc and free write to memory that nobody has.
    assert_eq!(unsafe { libc::mallopt(libc::M_PERTURB, POISON) }, 1);
}

fn device() -> Arc<Device> {
    wayfence_tests::layers::set_up();
    Device::new(&Instance::new(Default::default()))
}

/// A `VkSurfaceKHR` that may outlive its window.
struct Bare<'a> {
    device: &'a Device,
    raw: vk::SurfaceKHR,
}

impl<'a> Bare<'a> {
    fn of(device: &'a Device, window: &Window) -> Self {
        let raw = surface_of(&device.instance, window);
        Self { device, raw }
    }

    /// All queries that an application makes before it makes a swapchain.
    fn ask(&self) {
        let (functions, physical) = (&self.device.instance.surface, self.device.physical);
        // SAFETY: surface and device are of one instance, which is alive.
        unsafe {
            let family = self.device.queue_family;
            let supported =
                functions.get_physical_device_surface_support(physical, family, self.raw);
            assert_eq!(supported, Ok(true));
            let capabilities =
                functions.get_physical_device_surface_capabilities(physical, self.raw);
            assert!(capabilities.is_ok());
            functions
                .get_physical_device_surface_formats(physical, self.raw)
                .unwrap();
            functions
                .get_physical_device_surface_present_modes(physical, self.raw)
                .unwrap();
        }
    }
}

fn surface_of(instance: &Instance, window: &Window) -> vk::SurfaceKHR {
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    let functions = &instance.wayland_surface;
    // SAFETY: display and surface are the window's, which is alive.
    unsafe { functions.create_wayland_surface(&create_info, None) }.unwrap()
}

impl Drop for Bare<'_> {
    fn drop(&mut self) {
        let functions = &self.device.instance.surface;
        // SAFETY: nothing was made from it, or is gone.
        unsafe { functions.destroy_surface(self.raw, None) };
    }
}

/// Queries that name no surface.
fn ask_of_no_surface(device: &Device) {
    let raw = &device.instance.raw;
    // SAFETY: the physical device is the instance's; the chain is empty.
    unsafe {
        raw.enumerate_device_extension_properties(device.physical)
            .unwrap();
        let mut features = vk::PhysicalDeviceFeatures2::default();
        raw.get_physical_device_features2(device.physical, &mut features);
    }
}

#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn a_display_may_go_before_a_surface_that_was_asked() {
    poison_freed_memory();
    let device = device();
    let compositor = everything(Way::Implicit);
    for _ in 0..3 {
        let window = Window::open_at(compositor.connect());
        let surface = Bare::of(&device, &window);
        surface.ask();
        drop(window);
        // Queries without a surface must not touch it either.
        ask_of_no_surface(&device);
        drop(surface);
    }
    assert!(compositor.protocol_errors().is_empty());
}

#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn a_display_may_go_before_a_surface_that_had_a_swapchain() {
    poison_freed_memory();
    let device = device();
    for way in [Way::Implicit, Way::Explicit, Way::Syncobj] {
        let compositor = everything(way);
        let window = Window::open_at(compositor.connect());
        let left = Bare::of(&device, &window);
        let surfaces = [window.open_beside(), window]
            .map(|window| Surface::of_window(&device.instance, window));
        for surface in &surfaces {
            // The compositor still holds the image on screen when the swapchain goes.
            let mut swapchain = Swapchain::new(&device, surface, wanted()).unwrap();
            for _ in 0..3 {
                swapchain.frame().unwrap();
            }
        }
        left.ask();
        drop(surfaces);
        drop(left);
        assert!(compositor.protocol_errors().is_empty());
    }
}

/// The next `wl_display` is likely to have the address of the last.
#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn a_display_at_the_address_of_another_is_another() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a display that is another's");
    let device = device();
    let old = everything(Way::Implicit);
    // A different one, for which the old one's answers are wrong.
    let new = Compositor::new(Offer {
        formats: Offer::default().formats[..2].to_vec(),
        ..Offer::default()
    });
    // malloc need not reuse the address.
    let again = || {
        let window = Window::open_at(old.connect());
        let address = window.display_ptr();
        // It stays, and has been queried.
        let left = Bare::of(&device, &window);
        left.ask();
        drop(window);
        let reconnected = (0..100)
            .map(|_| Window::open_at(new.connect()))
            .find(|window| window.display_ptr() == address);
        Some((left, reconnected?))
    };
    let (left, window) = (0..10)
        .find_map(|_| again())
        .expect("malloc gives one address of ten again");
    let surface = Surface::of_window(&device.instance, window);
    let formats = surface.formats(device.physical).unwrap();
    let all = |format: &vk::SurfaceFormatKHR| {
        [vk::Format::B8G8R8A8_UNORM, vk::Format::B8G8R8A8_SRGB].contains(&format.format)
    };
    assert!(formats.iter().all(all), "{formats:?}");
    let mut swapchain = Swapchain::new(&device, &surface, Wanted::mailbox()).unwrap();
    swapchain.frame().unwrap();
    new.next_commit();
    surface.window().assert_alive();
    drop(swapchain);
    drop(surface);
    drop(left);
    assert!(new.protocol_errors().is_empty() && old.protocol_errors().is_empty());
}

/// A command that does not name a surface may run while another thread destroys one, and disconnects.
#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn queries_without_a_surface_touch_no_display() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "questions beside a disconnection");
    poison_freed_memory();
    let device = device();
    let compositor = everything(Way::Implicit);
    // This one was never queried, and its display is gone.
    let window = Window::open_at(compositor.connect());
    let unasked = Bare::of(&device, &window);
    drop(window);
    ask_of_no_surface(&device);
    drop(unasked);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                ask_of_no_surface(&device);
            }
        });
        for turn in 0..100 {
            let window = Window::open_at(compositor.connect());
            let surface = Bare::of(&device, &window);
            match turn % 2 {
                0 => drop((surface, window)),
                _ => drop((window, surface)),
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(compositor.protocol_errors().is_empty());
}

/// Once a surface exists, its answers are known: queries work on a compositor that does not answer, and leave
/// no object of the layer's.
#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn surface_queries_take_no_round_trip_and_leave_no_object() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "questions of a frozen compositor");
    let device = device();
    let compositor = everything(Way::Explicit);
    let (client, socket) = compositor.connect_as();
    let window = Window::open_at(socket);
    let objects = || {
        window.assert_alive();
        compositor.settled();
        compositor.objects(client)
    };
    let before = objects();
    let surface = Bare::of(&device, &window);
    let frozen = compositor.freeze();
    for _ in 0..10 {
        surface.ask();
        ask_of_no_surface(&device);
    }
    drop(frozen);
    assert_eq!(objects(), before);
    drop(surface);
    assert_eq!(objects(), before);
}

/// Where there is a request for it (`wl_fixes`), registries are destroyed, too, and everything that a swapchain
/// needed.
#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn nothing_is_left_with_the_compositor_when_the_last_swapchain_goes() {
    let device = device();
    for way in [Way::Implicit, Way::Explicit, Way::Syncobj] {
        let compositor = everything(way);
        let (client, socket) = compositor.connect_as();
        let surface = Surface::of_window(&device.instance, Window::open_at(socket));
        let objects = || -> BTreeMap<String, usize> {
            surface.window().assert_alive();
            compositor.settled();
            let mut objects = compositor.objects(client);
            // Callbacks that are still pending.
            objects.retain(|name, _| {
                ![
                    "wl_callback",
                    "wp_presentation_feedback",
                    "zwp_linux_buffer_release_v1",
                ]
                .contains(&name.as_str())
            });
            objects
        };
        let before = objects();
        for turn in 0..6 {
            let mut old = Swapchain::new(&device, &surface, wanted()).unwrap();
            old.frame().unwrap();
            let mut new = old.replaced_by(wanted()).unwrap();
            new.frame().unwrap();
            // The retired one may go last.
            match turn % 2 {
                0 => drop((old, new)),
                _ => drop((new, old)),
            }
            assert_eq!(objects(), before, "{way}");
        }
        assert!(compositor.protocol_errors().is_empty());
    }
}

/// A window is one window however many `VkSurfaceKHR` it has: `oldSwapchain` must be "associated with native
/// window referred to by surface" (VUID-VkSwapchainCreateInfoKHR-oldSwapchain-01933), not with that surface.
#[test]
#[ignore = "needs a driver, a DRM node with timelines: scripts/test"]
fn a_window_of_two_surfaces_is_one_window() {
    let device = device();
    for way in [Way::Implicit, Way::Explicit, Way::Syncobj] {
        let compositor = everything(way);
        let window = Window::open_at(compositor.connect());
        let first = Surface::of_window(&device.instance, window);
        let second = Bare::of(&device, first.window());
        second.ask();
        let on_second = |old: vk::SwapchainKHR| {
            let wanted = Wanted { old, ..wanted() };
            Swapchain::changed(&device, &first, wanted, |info| info.surface = second.raw)
        };
        for old_first in [true, false] {
            let mut old = Swapchain::new(&device, &first, wanted()).unwrap();
            old.frame().unwrap();
            let refused = on_second(vk::SwapchainKHR::null()).map(drop);
            assert_eq!(refused, Err(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR));
            first.window().assert_alive();
            old.frame().unwrap();
            let mut new = on_second(old.raw).unwrap();
            new.frame().unwrap();
            first.window().assert_alive();
            let refused = Swapchain::new(&device, &first, wanted()).map(drop);
            assert_eq!(refused, Err(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR));
            match old_first {
                true => drop(old),
                false => {
                    drop(new);
                    new = on_second(vk::SwapchainKHR::null()).unwrap();
                }
            }
            for _ in 0..3 {
                new.frame().unwrap();
            }
            first.window().assert_alive();
        }
        drop(second);
        assert!(compositor.protocol_errors().is_empty(), "{way}");
    }
}

/// Another presenter can use the window before the first swapchain and after the last.
#[test]
#[ignore = "needs a driver, a DRM node with timelines: scripts/test"]
fn another_presenter_has_the_window_before_and_afterwards() {
    let device = device();
    let compositor = everything_at_once();
    let window = Window::open_at(compositor.connect());
    drop(window.extend());
    // It may be queried while another has the window.
    let another = window.extend();
    let surface = Surface::of_window(&device.instance, window);
    assert!(surface.capabilities(device.physical).is_ok());
    surface.window().assert_alive();
    drop(another);
    for replaced in [false, true, false] {
        let mut swapchain = Swapchain::new(&device, &surface, wanted()).unwrap();
        swapchain.frame().unwrap();
        if replaced {
            swapchain = swapchain.replaced_by(wanted()).unwrap();
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        drop(surface.window().extend());
        surface.window().assert_alive();
    }
    assert!(compositor.protocol_errors().is_empty());
}

/// Destroying a device before its swapchains is invalid, but happens where an application gives up. The window
/// must be free afterwards.
#[test]
#[ignore = "needs a driver, a DRM node with timelines: scripts/test"]
fn a_device_takes_its_swapchains_with_it() {
    wayfence_tests::layers::set_up();
    let compositor = everything_at_once();
    let window = Window::open_at(compositor.connect());
    let instance = Instance::new(Default::default());
    let surface = Surface::of_window(&instance, window);
    let device = Device::new(&instance);
    let mut swapchain = Swapchain::new(&device, &surface, wanted()).unwrap();
    swapchain.frame().unwrap();
    device.wait_idle().unwrap();
    // SAFETY: nothing uses the device any more, and nothing is destroyed twice, since both are forgotten.
    unsafe { device.raw.destroy_device(None) };
    std::mem::forget(swapchain);
    std::mem::forget(device);
    drop(surface.window().extend());
    surface.window().assert_alive();
    let device = Device::new(&instance);
    let mut swapchain = Swapchain::new(&device, &surface, wanted()).unwrap();
    swapchain.frame().unwrap();
    drop(swapchain);
    surface.window().assert_alive();
    assert!(compositor.protocol_errors().is_empty());
}

/// The memory imported for an alias belongs to the alias.
#[test]
#[ignore = "needs a driver, /dev/udmabuf: scripts/test"]
fn an_alias_takes_its_memory_with_it() {
    let compositor = everything(Way::Implicit);
    let app = Application::at(compositor.connect());
    let swapchain = app.swapchain();
    let (device, raw) = (&app.device, &app.device.raw);
    let alias = || {
        let mut of = vk::ImageSwapchainCreateInfoKHR::default().swapchain(swapchain.raw);
        let wanted = swapchain.wanted;
        let create_info = vk::ImageCreateInfo::default()
            .image_type(vk::ImageType::TYPE_2D)
            .format(wanted.format.unwrap().format)
            .extent(vk::Extent3D {
                width: wanted.extent.0,
                height: wanted.extent.1,
                depth: 1,
            })
            .mip_levels(1)
            .array_layers(1)
            .samples(vk::SampleCountFlags::TYPE_1)
            .tiling(vk::ImageTiling::OPTIMAL)
            .usage(vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT)
            .push_next(&mut of);
        // SAFETY: an image as the swapchain's are, of the same device.
        let image = unsafe { raw.create_image(&create_info, None) }.unwrap();
        let mut to = vk::BindImageMemorySwapchainInfoKHR::default()
            .swapchain(swapchain.raw)
            .image_index(0);
        let bind = vk::BindImageMemoryInfo::default()
            .image(image)
            .push_next(&mut to);
        // SAFETY: an image without memory, and one of the swapchain's.
        unsafe { raw.bind_image_memory2(&[bind]) }.unwrap();
        image
    };
    let mappings = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let of_images = maps.lines().filter(|line| line.contains("dmabuf"));
        of_images.count() + wayfence_tests::Footprint::now().descriptors
    };
    // The compositor, in this process, has closed its descriptors.
    app.surface.window().roundtrip().unwrap();
    let before = mappings();
    for _ in 0..20 {
        let (one, other) = (alias(), alias());
        assert!(mappings() > before, "what an alias lies in can be seen");
        // SAFETY: nothing uses them.
        unsafe {
            raw.destroy_image(one, None);
            raw.destroy_image(other, None);
        }
        assert_eq!(mappings(), before);
    }
    // An alias that outlives the swapchain has no memory, and can be destroyed.
    let image = alias();
    drop(swapchain);
    // SAFETY: as above.
    unsafe { raw.destroy_image(image, None) };
    device.wait_idle().unwrap();
    app.surface.window().assert_alive();
}
