//! Which way of synchronisation a swapchain gets, by what is offered and what is forced.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use ash::vk;
use wayfence::syncobj::Node;
use wayfence_test_compositor::{Compositor, Offer, Syncobj};
use wayfence_tests::instance::Options;
use wayfence_tests::refusing_kernel::RefusingKernel;
use wayfence_tests::stderr::captured;
use wayfence_tests::sysfs::bind_to_driver;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Instance, Surface, Swapchain, Wanted, Window, layers};

/// What compositor and kernel offer.
#[derive(Clone, Copy)]
struct Offered {
    syncobj: bool,
    explicit: bool,
    sync_files_of_dma_bufs: bool,
}

const ALL: Offered = Offered {
    syncobj: true,
    explicit: true,
    sync_files_of_dma_bufs: true,
};
const NONE: Offered = Offered {
    syncobj: false,
    explicit: false,
    sync_files_of_dma_bufs: false,
};

/// The way that a swapchain reports there, or why there is none.
fn way(device: &Arc<Device>, extent: (u32, u32), offered: Offered) -> Result<String, vk::Result> {
    let compositor = Compositor::new(Offer {
        explicit: offered.explicit,
        syncobj: match offered.syncobj {
            true => Syncobj::On(Node::any().expect("a DRM node with timelines")),
            false => Syncobj::None,
        },
        ..Offer::default()
    });
    let kernel = match offered.sync_files_of_dma_bufs {
        true => RefusingKernel::default(),
        false => RefusingKernel::without_sync_files_of_dma_bufs(),
    };
    let window = Window::open_at(compositor.connect());
    let surface = Surface::of_window(&device.instance, window);
    let wanted = Wanted {
        extent,
        ..Wanted::mailbox()
    };
    let mut swapchain = kernel.run(|| Swapchain::new(device, &surface, wanted))?;
    kernel.run(|| swapchain.frame()).expect("a frame");
    compositor.next_commit();
    assert!(compositor.protocol_errors().is_empty());
    drop(swapchain);
    Ok(layers::report_of(extent).synchronisation)
}

fn device(settings: &[(&CStr, &CStr)]) -> Arc<Device> {
    layers::set_up();
    assert!(layers::wayfence_is_on(), "this is about the layer");
    Device::new(&Instance::new(Options {
        settings,
        ..Options::default()
    }))
}

#[test]
#[ignore = "needs a driver, and a DRM node with timelines: scripts/test"]
fn the_best_that_is_offered_is_chosen() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "swapchains of every way");
    let device = device(&[]);
    let chosen = |width, offered| way(&device, (width, 32), offered);
    assert_eq!(chosen(40, ALL).as_deref(), Ok("syncobj"));
    let explicit = Offered {
        syncobj: false,
        ..ALL
    };
    assert_eq!(chosen(41, explicit).as_deref(), Ok("explicit"));
    // The explicit ways need no ioctls of dma-bufs.
    let explicit = Offered {
        explicit: true,
        ..NONE
    };
    assert_eq!(chosen(42, explicit).as_deref(), Ok("explicit"));
    let implicit = Offered {
        sync_files_of_dma_bufs: true,
        ..NONE
    };
    assert_eq!(chosen(43, implicit).as_deref(), Ok("implicit"));
    assert_eq!(chosen(44, NONE).as_deref(), Ok("cpu"));
}

/// A forced way is used where it is available, even if a better one is offered, and is an error elsewhere:
/// never another way.
#[test]
#[ignore = "needs a driver, and a DRM node with timelines: scripts/test"]
fn a_forced_way_is_that_or_an_error() {
    let _watchdog = Watchdog::new(Duration::from_secs(120), "swapchains of every forced way");
    let cannot = vk::Result::ERROR_INITIALIZATION_FAILED;
    for (number, (name, without)) in [
        (c"syncobj", Err(cannot)),
        (c"explicit", Err(cannot)),
        (c"implicit", Err(cannot)),
        (c"cpu", Ok("cpu")),
    ]
    .into_iter()
    .enumerate()
    {
        let device = device(&[(c"sync", name)]);
        let height = 50 + number as u32;
        assert_eq!(
            way(&device, (50, height), ALL).as_deref(),
            Ok(name.to_str().unwrap())
        );
        assert_eq!(
            way(&device, (51, height), NONE).as_deref(),
            without.as_ref().copied(),
            "{name:?}"
        );
    }
}

/// NVIDIA's own driver ignores fences on dma-bufs, so a compositor on it would not wait for those that the
/// layer adds. The way can still be forced.
#[test]
#[ignore = "needs a driver, udmabuf, and to be root: scripts/test"]
fn the_cpu_waits_where_the_compositors_device_is_nvidias() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a compositor on NVIDIA's driver");
    bind_to_driver(Offer::default().main_device, "nvidia");
    let implicit = Offered {
        sync_files_of_dma_bufs: true,
        ..NONE
    };
    let info = (c"log", c"info");
    let (chosen, log) = captured(|| {
        let device = device(&[info]);
        [60, 63].map(|width| way(&device, (width, 32), implicit))
    });
    assert!(chosen.iter().all(|way| way.as_deref() == Ok("cpu")));
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("the CPU waits for renderings"))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("NVIDIA"), "{log}");
    let explicit = Offered {
        explicit: true,
        ..implicit
    };
    assert_eq!(
        way(&device(&[info]), (61, 32), explicit).as_deref(),
        Ok("explicit")
    );
    let forced = device(&[(c"sync", c"implicit")]);
    assert_eq!(way(&forced, (62, 32), implicit).as_deref(), Ok("implicit"));
}
