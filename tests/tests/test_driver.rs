//! The test driver: one whose work is still pending, or that fails.

use std::mem::transmute;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use ash::{khr, vk};
use wayfence::sync_file::SyncFile;
use wayfence_tests::asynchronous::{AsynchronousDriver, Command};
use wayfence_tests::footprint::Footprint;
use wayfence_tests::instance::{HEADLESS, Options};
use wayfence_tests::vgem::Vgem;
use wayfence_tests::{Device, Fence, Instance};

#[test]
#[ignore = "needs a Vulkan driver and vgem: scripts/test"]
fn an_exported_sync_file_is_pending_until_its_fence_signals() {
    let driver = AsynchronousDriver::new();
    let app = Semaphores::new();
    let vgem = Vgem::open();
    let (first, second) = (vgem.fence(), vgem.fence());
    driver.export_next(first.sync_file());
    driver.export_next(second.sync_file());
    assert_eq!(driver.outstanding(), 2);

    let semaphore = app.signalled();
    let of_first = app.export(semaphore).unwrap();
    app.signal(semaphore);
    let of_second = app.export(semaphore).unwrap();
    assert_eq!(driver.outstanding(), 0);
    assert!(!of_first.is_signalled().unwrap());
    second.signal();
    assert!(!of_first.is_signalled().unwrap());
    assert!(of_second.is_signalled().unwrap());
    first.signal();
    assert!(of_first.is_signalled().unwrap());

    // Without a request the sync file is the driver's own; and the payload was consumed each time.
    app.signal(semaphore);
    let own = app.export(semaphore).unwrap();
    app.device.wait_idle().unwrap();
    assert!(own.is_signalled().unwrap());
    assert!(
        own.info()
            .unwrap()
            .fences
            .iter()
            .all(|fence| fence.driver_name != "vgem")
    );
    app.destroy(semaphore);
}

/// The command is the same from both look-ups.
#[test]
#[ignore = "needs a Vulkan driver and vgem: scripts/test"]
fn the_instances_command_exports_what_the_devices_does() {
    let driver = AsynchronousDriver::new();
    let app = Semaphores::new();
    let fence = Vgem::open().fence();
    driver.export_next(fence.sync_file());
    let name = c"vkGetSemaphoreFdKHR";
    let get = app.device.instance.function(name).expect("it is there");
    // SAFETY: the command of this name has this type.
    let get = unsafe { transmute::<unsafe extern "system" fn(), vk::PFN_vkGetSemaphoreFdKHR>(get) };
    let semaphore = app.signalled();
    let mut fd = -1;
    // SAFETY: the semaphore is the device's and signalled; the descriptor is the caller's then.
    let exported = unsafe {
        get(app.device.raw.handle(), &get_info(semaphore), &mut fd)
            .result()
            .unwrap();
        SyncFile::from(OwnedFd::from_raw_fd(fd))
    };
    assert!(!exported.is_signalled().unwrap());
    fence.signal();
    assert!(exported.is_signalled().unwrap());
    app.destroy(semaphore);
}

#[test]
#[ignore = "needs a Vulkan driver and vgem: scripts/test"]
fn a_failed_command_does_nothing_and_fails_once() {
    let driver = AsynchronousDriver::new();
    let app = Semaphores::new();
    let vgem = Vgem::open();
    let pending = vgem.fence();
    let fence = Fence::new(&app.device).unwrap();

    // Each answers its own failures only, in their order.
    driver.fail_next(Command::ImportFenceFd, vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    driver.fail_next(
        Command::ImportSemaphoreFd,
        vk::Result::ERROR_INVALID_EXTERNAL_HANDLE,
    );
    driver.fail_next(
        Command::ImportSemaphoreFd,
        vk::Result::ERROR_OUT_OF_HOST_MEMORY,
    );
    driver.fail_next(Command::GetSemaphoreFd, vk::Result::ERROR_TOO_MANY_OBJECTS);
    let semaphore = app.signalled();
    driver.export_next(pending.sync_file());
    assert_eq!(
        app.export(semaphore).unwrap_err(),
        vk::Result::ERROR_TOO_MANY_OBJECTS
    );
    // The semaphore still has its payload.
    let exported = app.export(semaphore).unwrap();
    assert!(!exported.is_signalled().unwrap());

    for error in [
        vk::Result::ERROR_INVALID_EXTERNAL_HANDLE,
        vk::Result::ERROR_OUT_OF_HOST_MEMORY,
    ] {
        let refused = app.import(semaphore, &exported).unwrap_err();
        assert_eq!(refused.0, error);
    }
    app.import(semaphore, &exported)
        .map_err(|(error, _)| error)
        .unwrap();
    let refused = app.import_fence(fence.raw, &exported).unwrap_err();
    assert_eq!(refused.0, vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    app.import_fence(fence.raw, &exported)
        .map_err(|(error, _)| error)
        .unwrap();
    assert_eq!(driver.outstanding(), 0);

    // The imports were real: both wait.
    assert!(!fence.is_signalled());
    pending.signal();
    fence.wait(u64::MAX).unwrap();
    app.destroy(semaphore);
}

#[test]
#[ignore = "needs a Vulkan driver and vgem: scripts/test"]
fn nothing_leaks() {
    let driver = AsynchronousDriver::new();
    let app = Semaphores::new();
    let fence = Vgem::open().fence();
    let semaphore = app.signalled();
    drop(app.export(semaphore).unwrap());
    let before = Footprint::now().descriptors;
    for _ in 0..50 {
        app.signal(semaphore);
        driver.export_next(fence.sync_file());
        let exported = app.export(semaphore).unwrap();
        driver.fail_next(
            Command::ImportSemaphoreFd,
            vk::Result::ERROR_INVALID_EXTERNAL_HANDLE,
        );
        drop(app.import(semaphore, &exported).unwrap_err());
    }
    assert_eq!(Footprint::now().descriptors, before);
    app.destroy(semaphore);
}

/// A device whose semaphores and fences are exported and imported as sync files.
struct Semaphores {
    device: Arc<Device>,
    semaphores: khr::external_semaphore_fd::Device,
    fences: khr::external_fence_fd::Device,
}

impl Semaphores {
    fn new() -> Self {
        let instance = Instance::new(Options {
            extensions: HEADLESS,
            ..Options::default()
        });
        let device = Device::with_extensions(
            &instance,
            &[
                khr::external_semaphore_fd::NAME,
                khr::external_fence_fd::NAME,
            ],
        );
        Self {
            semaphores: khr::external_semaphore_fd::Device::new(&instance.raw, &device.raw),
            fences: khr::external_fence_fd::Device::new(&instance.raw, &device.raw),
            device,
        }
    }

    /// A new semaphore that a submission signals.
    fn signalled(&self) -> vk::Semaphore {
        let mut export = vk::ExportSemaphoreCreateInfo::default()
            .handle_types(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut export);
        // SAFETY: the device is alive; what the info points to outlives the call.
        let semaphore = unsafe { self.device.raw.create_semaphore(&info, None) }.unwrap();
        self.signal(semaphore);
        semaphore
    }

    /// Signals a semaphore by an empty submission; it must have no payload.
    fn signal(&self, semaphore: vk::Semaphore) {
        let signal = [semaphore];
        let submit = vk::SubmitInfo::default().signal_semaphores(&signal);
        self.device
            .with_queue(|queue| {
                // SAFETY: queue and semaphore are the device's; what the info points to outlives
                // the call.
                unsafe {
                    self.device
                        .raw
                        .queue_submit(queue, &[submit], vk::Fence::null())
                }
            })
            .unwrap();
    }

    fn export(&self, semaphore: vk::Semaphore) -> Result<SyncFile, vk::Result> {
        // SAFETY: the semaphore is the device's and has a signal pending; the descriptor is the
        // caller's then.
        unsafe {
            let fd = self.semaphores.get_semaphore_fd(&get_info(semaphore))?;
            Ok(OwnedFd::from_raw_fd(fd).into())
        }
    }

    /// Imports a duplicate of the sync file into the semaphore, which is answered if that fails.
    fn import(
        &self,
        semaphore: vk::Semaphore,
        payload: &SyncFile,
    ) -> Result<(), (vk::Result, OwnedFd)> {
        let payload: OwnedFd = payload.try_clone().unwrap().into();
        let info = vk::ImportSemaphoreFdInfoKHR::default()
            .semaphore(semaphore)
            .flags(vk::SemaphoreImportFlags::TEMPORARY)
            .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
            .fd(payload.as_fd().as_raw_fd());
        // SAFETY: the semaphore is the device's and nothing waits for it.
        match unsafe { self.semaphores.import_semaphore_fd(&info) } {
            Ok(()) => {
                // "Importing a semaphore payload from a file descriptor transfers ownership of the
                // file descriptor from the application to the Vulkan implementation."
                let _ = payload.into_raw_fd();
                Ok(())
            }
            Err(error) => Err((error, payload)),
        }
    }

    /// As [`Self::import`], of a fence.
    fn import_fence(
        &self,
        fence: vk::Fence,
        payload: &SyncFile,
    ) -> Result<(), (vk::Result, OwnedFd)> {
        let payload: OwnedFd = payload.try_clone().unwrap().into();
        let info = vk::ImportFenceFdInfoKHR::default()
            .fence(fence)
            .flags(vk::FenceImportFlags::TEMPORARY)
            .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD)
            .fd(payload.as_fd().as_raw_fd());
        // SAFETY: the fence is the device's and nothing waits for it.
        match unsafe { self.fences.import_fence_fd(&info) } {
            Ok(()) => {
                let _ = payload.into_raw_fd();
                Ok(())
            }
            Err(error) => Err((error, payload)),
        }
    }

    fn destroy(&self, semaphore: vk::Semaphore) {
        self.device.wait_idle().unwrap();
        // SAFETY: nothing uses it any more.
        unsafe { self.device.raw.destroy_semaphore(semaphore, None) };
    }
}

fn get_info(semaphore: vk::Semaphore) -> vk::SemaphoreGetFdInfoKHR<'static> {
    vk::SemaphoreGetFdInfoKHR::default()
        .semaphore(semaphore)
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
}
