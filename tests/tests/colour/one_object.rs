//! A surface may have one `wp_color_management_surface_v1`, whoever makes it.

use ash::vk;
use wayfence::colour;
use wayfence_test_compositor::{Colour, Encoding, Primaries, TransferFunction};
use wayfence_tests::{Swapchain, Wanted};

use crate::play::{HDR10, PASS_THROUGH, Play, SCRGB, SRGB, device, hdr10, metadata, named, watch};

/// "If a wp_color_management_surface_v1 object already exists for the given wl_surface, the protocol error
/// surface_exists is raised."
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn old_and_new_swapchains_share_one_object() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let plain = Encoding::Parametric(hdr10());
    let mut old = play.swapchain(HDR10);
    assert_eq!(play.colours(&mut old), Some(plain));
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = play.replace(&old, SCRGB);
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    // An acquired image may still be presented, in its own colours.
    old.draw_and_present(held).unwrap();
    let commit = play.compositor.next_commit();
    assert_eq!(commit.colour.unwrap().description.encoding, plain);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    let mut third = play.replace(&new, HDR10);
    drop(old);
    drop(new);
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut third), Some(plain));
    drop(third);
    assert_eq!(play.objects(), 0);
    play.end();
}

/// An application that manages the surface's colours itself must find it without our object, and without a
/// description.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_swapchain_without_description_removes_the_object() {
    let _watchdog = watch();
    let device = device();
    for untold in [SRGB, PASS_THROUGH] {
        let play = Play::new(&device, Some(Colour::default()));
        let mut old = play.swapchain(HDR10);
        play.frame(&mut old);
        let held = old.acquire_and_wait(u64::MAX).unwrap();
        let mut new = play.replace(&old, untold);
        // Although the old one lives.
        assert_eq!(play.objects(), 0);
        assert_eq!(play.colours(&mut new), None);
        old.draw_and_present(held).unwrap();
        assert_eq!(play.compositor.next_commit().colour, None);
        let mut third = play.replace(&new, HDR10);
        assert_eq!(play.objects(), 1);
        assert!(play.colours(&mut third).is_some());
        drop((old, new, third));
        assert_eq!(play.objects(), 0);
        play.end();
    }
}

/// The layer leaves colours to applications that manage them.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_application_that_manages_colours_itself_is_not_disturbed() {
    let _watchdog = watch();
    let device = device();
    let its_own = Some(Encoding::Parametric(named(
        Primaries::DisplayP3,
        TransferFunction::Hlg,
    )));
    let describe = |play: &Play| {
        let window = play.surface.window();
        window.describe(colour::Primaries::DisplayP3, colour::TransferFunction::Hlg)
    };
    for untold in [PASS_THROUGH, SRGB] {
        let play = Play::new(&device, Some(Colour::default()));
        // Before there is a swapchain, and while there is one.
        let before = describe(&play);
        let mut old = play.swapchain(untold);
        assert_eq!(play.colours(&mut old), its_own);
        play.set(&[(&old, metadata(1000.0, 800.0, 200.0))]);
        assert_eq!(play.colours(&mut old), its_own);
        before.destroy();
        assert_eq!(play.colours(&mut old), None);
        let after = describe(&play);
        let mut new = play.replace(&old, untold);
        assert_eq!(play.colours(&mut new), its_own);
        drop((old, new));
        assert_eq!(play.objects(), 1);
        after.destroy();
        play.end();
    }
}

/// An application that manages colours itself *and* lets the layer do so breaks the protocol, which cannot be
/// known in advance: the compositor ends the connection, and the process lives on.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_second_colour_object_ends_the_connection() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let window = play.surface.window();
    window.describe(colour::Primaries::DisplayP3, colour::TransferFunction::Hlg);
    let made = Swapchain::new(&device, &play.surface, play.wanted(HDR10));
    assert_eq!(made.err(), Some(vk::Result::ERROR_SURFACE_LOST_KHR));
    let errors = play.compositor.protocol_errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let why = "the surface has a wp_color_management_surface_v1";
    assert!(format!("{errors:?}").contains(why), "{errors:?}");
}

/// "oldSwapchain [...] associated with native window referred to by surface": of another `VkSurfaceKHR`.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn two_vulkan_surfaces_of_one_window_share_one_object() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let window = play.surface.window();
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    let functions = &device.instance.wayland_surface;
    // SAFETY: display and surface are the window's, which is alive.
    let second = unsafe { functions.create_wayland_surface(&create_info, None) }.unwrap();
    let mut old = play.swapchain(HDR10);
    play.frame(&mut old);
    let wanted = Wanted {
        old: old.raw,
        ..play.wanted(SCRGB)
    };
    let surface = &play.surface;
    let mut new =
        Swapchain::changed(&device, surface, wanted, |info| info.surface = second).unwrap();
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    drop((old, new));
    // SAFETY: nothing that was made from it is left.
    unsafe { device.instance.surface.destroy_surface(second, None) };
    play.end();
}
