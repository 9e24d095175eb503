//! A small real Vulkan application on Wayland, for the integration tests of the layer.
//!
//! A test is about an [`Application`], which has a [`Window`], makes a [`Swapchain`] and draws frames. Whatever
//! fails on the way to the point of a test panics with its reason.
//!
//! | test binary | holds | needs |
//! | --- | --- | --- |
//! | `loader_contract` | what a layer owes to the loader | nothing for the tests of the library itself; loader and driver for the `#[ignore]`d ones |
//! | `kernel_fences` | sync files and dma-bufs on a real kernel | `/dev/udmabuf`, vgem |
//! | `timelines` | timeline syncobjs on a real kernel | vgem, a DRM node with timeline syncobjs |
//! | `test_driver` | what the driver under the layer can be made to do | a driver with semaphores and fences as sync files, vgem |
//! | `ways` | which way of synchronisation is chosen, or forced | a DRM node with timeline syncobjs |
//! | `exactness` | rules 1 to 3, in every way of synchronisation, on a scripted compositor | vgem, a DRM node with timeline syncobjs |
//! | `real_drivers` | the layer on Mesa's GPU drivers without their hardware, on a scripted compositor | mesa-drm-shim, `/dev/udmabuf`, vgem, a DRM node with timeline syncobjs |
//! | `faults` | rules 4 and 6 when a call of driver or kernel fails, on a scripted compositor | vgem, a DRM node with timeline syncobjs |
//! | `starved` | rules 4 and 6 when each call to the kernel fails once with each error, on a scripted compositor | a driver, `/dev/udmabuf`, a DRM node with timeline syncobjs |
//! | `refused` | rules 4 and 6 when each call to the driver fails, by a lack of memory or the loss of the device, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `recreation` | rule 1 where a new swapchain takes over memory of the old one, on a scripted compositor | vgem, a DRM node with timeline syncobjs |
//! | `lifetimes` | rule 10: what lives as long as what, on a scripted compositor | a driver, `/dev/udmabuf`, a DRM node with timeline syncobjs |
//! | `command` | what `wayfence` does and says | nothing for the half about processes; a compositor, and MangoHud, for the `#[ignore]`d half |
//! | `living` | `wayfence top`, and the report of a killed process | nothing for one; a compositor with dma-bufs, and vkcube, for the `#[ignore]`d ones |
//! | `verify` | what `wayfence verify` finds on each driver, and which fault it finds in each manner of the test driver | nothing for the half about files; a compositor with dma-bufs, vgem, mesa-drm-shim for the `#[ignore]`d half |
//! | `conformance` | the rules of the Vulkan specification, on the layer or on a driver's own swapchains | a compositor, or the scripted one: `scripts/conformance` |
//! | `swapchain` | what a swapchain does where the specification leaves it open | a compositor |
//! | `exact_acquire` | rules 1 and 2 of the design | a compositor with dma-bufs, vgem |
//! | `cadence` | a film of 24 frames a second by `VK_EXT_present_timing`, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `pacing` | FIFO, on a scripted compositor with and without `wp_fifo_v1` | a driver, `/dev/udmabuf` |
//! | `acceptance` | what is accepted although it is not offered, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `drivers_own` | devices that keep the driver's swapchains, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `colour` | `VK_EXT_swapchain_colorspace` and `VK_EXT_hdr_metadata`, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `compression` | `VK_EXT_image_compression_control_swapchain`, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `feedback` | layouts by the compositor's dma-buf feedback, true and false, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `manners` | drivers that need their hardware, as manners of the test driver, on a scripted compositor | a driver, `/dev/udmabuf`, vgem, a DRM node with timeline syncobjs |
//! | `two_devices` | a compositor on another device than the driver's, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `present_modes` | each present mode, and the change from one to another, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `present_wait` | waits for frames, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `scaling` | images on a surface of another size, on a scripted compositor | a driver, `/dev/udmabuf` |
//! | `screen` | what a compositor shows of each colour space and each format | a compositor and its screen; for colour spaces one with colour management |
//! | `trace` | the trace, on a scripted compositor | vgem, a DRM node with timeline syncobjs |
//! | `wire` | rule 3, and what goes to kernel and compositor for each frame | a compositor with dma-bufs, strace |
//! | `progress` | rule 8, and what a user can force | a compositor whose process is known |
//! | `settings` | the application's settings, and the user's, which override them | a compositor with dma-bufs |
//! | `allocations` | rule 8: no allocation is left behind, in 100,000 frames on a scripted compositor | a driver, a DRM node with timeline syncobjs, minutes |
//! | `endurance` | nothing leaks, nothing wears out | a compositor, minutes |
//! | `crowd` | hundreds of swapchains at once, until there are no descriptors left; dozens of windows in several threads | a compositor with dma-bufs whose process is known, `VK_LAYER_KHRONOS_validation` |
//! | `validation` | no message of the validation layer | a compositor, `VK_LAYER_KHRONOS_validation` |
//! | `stepping_aside` | untouched calls where the layer cannot own swapchains | for the half named `without_dma_bufs` a compositor that takes none |
//! | `driver_without_wsi` | frames on a driver that knows no window system | a compositor with dma-bufs |
//! | `lost_compositor` | the compositor's death | a compositor of its own: the test kills it |
//!
//! Tests that need more than the build are `#[ignore]`d, so a bare `cargo test` says how many it leaves out.
//! With `--run-ignored` (as `scripts/test` runs them, in the virtual machine) they fail where something is
//! missing; they never pass without a check.
//!
//! Settings: `WAYFENCE_LAYER_LIBRARY` is the layer to test (otherwise the one beside the tests in cargo's
//! target directory), `WAYFENCE_TEST_LAYERS` the layers to run on, from the application down, separated by
//! colons (otherwise the layer alone; `installed` for the layer as an implicit one; empty for none: most tests
//! also pass on a driver's own swapchains, which is how the tests are tested).

pub mod application;
pub mod asynchronous;
mod build;
pub mod child;
pub mod compositor;
pub mod device;
pub mod driver;
mod environment;
#[cfg(target_arch = "x86_64")]
pub mod failing_calls;
pub mod fence;
pub mod film;
pub mod footprint;
pub mod hardware;
pub mod heap;
pub mod installation;
pub mod instance;
pub mod layers;
pub mod link;
pub mod loader;
pub mod machine;
mod manifests;
pub mod manner;
pub mod messages;
pub mod other_driver;
pub mod physical_device;
pub mod played;
pub mod present_timing;
pub mod present_wait;
pub mod proxy;
pub mod real_driver;
pub mod refusing_kernel;
pub mod registry;
pub mod restless;
pub mod scenario;
pub mod scripted;
pub mod semaphore;
pub mod stalls;
pub mod stderr;
pub mod surface;
pub mod swapchain;
pub mod sysfs;
mod table;
pub mod test_driver;
pub mod too_slow;
pub mod trial;
pub mod watch;
pub mod watchdog;
pub mod window;

pub use application::Application;
pub use device::Device;
pub use fence::Fence;
pub use footprint::Footprint;
pub use instance::Instance;
pub use semaphore::Semaphore;
pub use surface::Surface;
pub use swapchain::{Swapchain, Wanted};
pub use wayfence_test_fences::{udmabuf, vgem};
pub use window::Window;
