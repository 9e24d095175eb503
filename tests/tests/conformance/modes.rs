//! Present modes: VkPresentModeKHR, and which of them can follow each other without a new swapchain
//! (VK_KHR_surface_maintenance1, VK_KHR_swapchain_maintenance1).

use ash::vk;
use wayfence_tests::{Application, Wanted, layers};

use crate::case::cases;
use crate::names::{self, MAINTENANCE1};
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    every_mode_that_is_offered_shows_frames,
    latest_ready_comes_with_its_extension,
    a_mode_is_compatible_with_itself,
    compatible_modes_are_offered,
    compatible_modes_fill_the_room_that_there_is,
    each_mode_has_its_own_number_of_images,
    a_swapchain_changes_between_compatible_modes,
    nothing_said_is_the_mode_of_before,
];

/// Modes that can be used: those of an extension need its feature.
fn modes(stage: &Stage, app: &Application) -> Vec<vk::PresentModeKHR> {
    let mut modes = app.surface.present_modes(app.device.physical).unwrap();
    if stage.needs_one(names::LATEST_READY).is_err() {
        modes.retain(|mode| *mode != names::FIFO_LATEST_READY);
    }
    // Shared images are presented once.
    modes.retain(|mode| {
        ![
            vk::PresentModeKHR::SHARED_DEMAND_REFRESH,
            vk::PresentModeKHR::SHARED_CONTINUOUS_REFRESH,
        ]
        .contains(mode)
    });
    modes
}

/// A surface's answers for one mode: its capabilities, and how many modes are compatible, of which `room` are
/// written.
fn ask(
    app: &Application,
    mode: vk::PresentModeKHR,
    room: Option<&mut [vk::PresentModeKHR]>,
    count: &mut u32,
) -> (vk::Result, vk::SurfaceCapabilitiesKHR) {
    let mut of_mode = vk::SurfacePresentModeEXT::default().present_mode(mode);
    let mut info = app.surface.info2();
    info.p_next = (&raw mut of_mode).cast();
    let mut compatible = vk::SurfacePresentModeCompatibilityEXT {
        present_mode_count: *count,
        p_present_modes: room.map_or(std::ptr::null_mut(), <[_]>::as_mut_ptr),
        ..Default::default()
    };
    let mut capabilities = vk::SurfaceCapabilities2KHR::default().push_next(&mut compatible);
    let query = app
        .device
        .instance
        .capabilities2
        .fp()
        .get_physical_device_surface_capabilities2_khr;
    // SAFETY: device and surface are alive; the array has the room that is told.
    let answer = unsafe { query(app.device.physical, &info, &mut capabilities) };
    let own = capabilities.surface_capabilities;
    *count = compatible.present_mode_count;
    (answer, own)
}

/// All modes that are compatible with this one.
fn compatible(app: &Application, mode: vk::PresentModeKHR) -> Vec<vk::PresentModeKHR> {
    let mut count = 0;
    assert_eq!(ask(app, mode, None, &mut count).0, vk::Result::SUCCESS);
    let mut modes = vec![vk::PresentModeKHR::from_raw(-1); count as usize];
    let answer = ask(app, mode, Some(&mut modes), &mut count).0;
    assert_eq!(answer, vk::Result::SUCCESS);
    assert_eq!(count as usize, modes.len());
    modes
}

/// Leaks the list: [`Wanted`] is `Copy`.
fn kept(modes: Vec<vk::PresentModeKHR>) -> &'static [vk::PresentModeKHR] {
    Box::leak(modes.into_boxed_slice())
}

/// `presentMode` "must be one of the VkPresentModeKHR values returned by
/// vkGetPhysicalDeviceSurfacePresentModesKHR for the surface".
fn every_mode_that_is_offered_shows_frames(stage: &Stage) -> Outcome {
    let app = stage.app();
    for present_mode in modes(stage, &app) {
        let mut swapchain = app.swapchain_with(Wanted {
            present_mode,
            ..Wanted::default()
        });
        for _ in 0..8 {
            swapchain
                .frame()
                .unwrap_or_else(|error| panic!("{present_mode:?}: {error}"));
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
    Ok(())
}

/// VK_PRESENT_MODE_FIFO_LATEST_READY_KHR is a value that VK_KHR_present_mode_fifo_latest_ready provides.
fn latest_ready_comes_with_its_extension(stage: &Stage) -> Outcome {
    let app = stage.app();
    let offered = app
        .surface
        .present_modes(app.device.physical)
        .unwrap()
        .contains(&names::FIFO_LATEST_READY);
    if !offered {
        return Err(NotSupported::because(
            "the surface has no FIFO_LATEST_READY",
        ));
    }
    stage.needs_one(names::LATEST_READY).expect("its extension");
    Ok(())
}

/// "The implementation must include the present mode passed to VkSurfacePresentModeKHR in pPresentModes,
/// unless presentModeCount is zero" (VkSurfacePresentModeCompatibilityKHR); also where there is room for one.
fn a_mode_is_compatible_with_itself(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    for mode in modes(stage, &app) {
        let all = compatible(&app, mode);
        assert!(all.contains(&mode), "{mode:?} in {all:?}");
        let mut one = [vk::PresentModeKHR::from_raw(-1)];
        let mut count = 1;
        let answer = ask(&app, mode, Some(&mut one), &mut count).0;
        assert_eq!((answer, count), (vk::Result::SUCCESS, 1));
        assert_eq!(one, [mode]);
    }
    Ok(())
}

/// VkSwapchainPresentModesCreateInfoKHR needs modes that are compatible and offered.
fn compatible_modes_are_offered(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    let offered = app.surface.present_modes(app.device.physical).unwrap();
    for mode in modes(stage, &app) {
        for other in compatible(&app, mode) {
            assert!(offered.contains(&other), "{other:?} in {offered:?}");
        }
    }
    Ok(())
}

/// "at most presentModeCount values will be written to pPresentModes"; vkGetPhysicalDeviceSurfaceCapabilities2KHR
/// has no success but VK_SUCCESS.
fn compatible_modes_fill_the_room_that_there_is(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    let untouched = vk::PresentModeKHR::from_raw(-1);
    for mode in modes(stage, &app) {
        let all = compatible(&app, mode);
        for capacity in 0..=all.len() + 1 {
            let mut some = vec![untouched; capacity + 1];
            let mut count = capacity as u32;
            let answer = ask(&app, mode, Some(&mut some), &mut count).0;
            assert_eq!(answer, vk::Result::SUCCESS, "{capacity} of {}", all.len());
            let written = capacity.min(all.len());
            assert_eq!(count as usize, written);
            assert!(some[..written].iter().all(|one| all.contains(one)));
            assert!(some[written..].iter().all(|one| *one == untouched));
        }
    }
    Ok(())
}

/// VkSurfacePresentModeKHR: minImageCount and maxImageCount are those of the queried mode, and valid for a
/// swapchain of that mode.
fn each_mode_has_its_own_number_of_images(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    for mode in modes(stage, &app) {
        let (answer, told) = ask(&app, mode, None, &mut 0);
        assert_eq!(answer, vk::Result::SUCCESS);
        assert!(told.min_image_count >= 1);
        assert!(told.max_image_count == 0 || told.max_image_count >= told.min_image_count);
        let mut swapchain = wayfence_tests::Swapchain::changed(
            &app.device,
            &app.surface,
            Wanted {
                present_mode: mode,
                ..Wanted::default()
            },
            |info| info.min_image_count = told.min_image_count,
        )
        .unwrap();
        assert!(swapchain.images.len() >= told.min_image_count as usize);
        for _ in 0..3 {
            swapchain.frame().unwrap();
        }
    }
    Ok(())
}

/// VkSwapchainPresentModesCreateInfoKHR, VkSwapchainPresentModeInfoKHR: "the presentation modes
/// used for the current and subsequent presentation operations".
fn a_swapchain_changes_between_compatible_modes(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let usable = modes(stage, &app);
    for mode in usable.iter().copied() {
        let mut all = compatible(&app, mode);
        all.retain(|one| usable.contains(one));
        let all = kept(all);
        let mut swapchain = app.swapchain_with(Wanted {
            present_mode: mode,
            present_modes: all,
            ..Wanted::default()
        });
        for next in all.iter().chain(all.iter().rev()) {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            swapchain.draw_now(index).unwrap();
            swapchain
                .present_as(index, *next)
                .unwrap_or_else(|error| panic!("{mode:?} to {next:?}: {error}"));
            app.surface.dispatch();
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
    Ok(())
}

/// Presents without VkSwapchainPresentModeInfoKHR are in the mode of the one before: "that structure defines
/// the present modes used for the current and subsequent presentation operations". The pace of commits shows
/// it.
fn nothing_said_is_the_mode_of_before(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let all = compatible(&app, vk::PresentModeKHR::FIFO);
    if !all.contains(&vk::PresentModeKHR::MAILBOX) {
        return Err(NotSupported::because("FIFO cannot become MAILBOX"));
    }
    let mut swapchain = app.swapchain_with(Wanted {
        present_modes: kept(vec![vk::PresentModeKHR::FIFO, vk::PresentModeKHR::MAILBOX]),
        ..Wanted::default()
    });
    let mut waits = |mode: Option<vk::PresentModeKHR>| {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        compositor.take_commits();
        match mode {
            Some(mode) => swapchain.present_as(index, mode).unwrap(),
            None => swapchain.present(index).unwrap(),
        }
        app.surface.window().roundtrip().unwrap();
        let commits = compositor.take_commits();
        commits
            .iter()
            .any(|commit| commit.pacing.wait_barrier || commit.frame_callbacks > 0)
    };
    let modes = [vk::PresentModeKHR::FIFO, vk::PresentModeKHR::MAILBOX];
    let [fifo, mailbox] = modes.map(|mode| waits(Some(mode)));
    if layers::wayfence_is_on() {
        assert!(fifo && !mailbox, "FIFO {fifo}, MAILBOX {mailbox}");
    }
    if fifo == mailbox {
        return Err(NotSupported::because(
            "a commit does not tell FIFO from MAILBOX",
        ));
    }
    for mode in modes {
        for said in [Some(mode), None, None] {
            let expected = mode == vk::PresentModeKHR::FIFO;
            assert_eq!(waits(said) == fifo, expected, "{mode:?}, {said:?}");
        }
    }
    Ok(())
}
