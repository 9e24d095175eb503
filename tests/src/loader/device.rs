//! A device that the layer has made, on the scripted driver of this thread.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::rc::Rc;

use ash::vk;

use super::below::{VK_LAYER_LINK_INFO, no_device_proc_addr, no_instance_proc_addr};
use super::instance::LayerInstance;
use crate::driver;
use crate::link::{LinkInfo, VkLayerDeviceLink};

/// A device. Destroyed on drop.
pub struct LayerDevice<'a> {
    raw: vk::Device,
    instance: Rc<LayerInstance<'a>>,
}

impl<'a> LayerDevice<'a> {
    /// A device with these extensions.
    ///
    /// # Errors
    /// What `vkCreateDevice` answers.
    pub fn new(instance: &Rc<LayerInstance<'a>>, extensions: &[&CStr]) -> Result<Self, vk::Result> {
        // The layer must not change the application's chain.
        let features = vk::PhysicalDeviceFeatures2::default();
        // SAFETY: a valid chain.
        unsafe { Self::with_chain(instance, extensions, (&raw const features).cast()) }
    }

    /// A device with these extensions and this chain of the application's.
    ///
    /// # Errors
    /// What `vkCreateDevice` answers.
    ///
    /// # Safety
    /// The chain is valid.
    pub unsafe fn with_chain(
        instance: &Rc<LayerInstance<'a>>,
        extensions: &[&CStr],
        chain: *const c_void,
    ) -> Result<Self, vk::Result> {
        let mut last = VkLayerDeviceLink {
            next: ptr::null_mut(),
            get_instance_proc_addr: no_instance_proc_addr,
            get_device_proc_addr: no_device_proc_addr,
        };
        let mut own = VkLayerDeviceLink {
            next: &mut last,
            get_instance_proc_addr: driver::get_instance_proc_addr,
            get_device_proc_addr: driver::get_device_proc_addr,
        };
        let mut info = LinkInfo {
            s_type: vk::StructureType::LOADER_DEVICE_CREATE_INFO,
            p_next: chain,
            function: VK_LAYER_LINK_INFO,
            link: &mut own,
        };
        driver::expect_link(ptr::from_mut(&mut last).cast());
        let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
        let extensions: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
        let mut create_info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions);
        create_info.p_next = ptr::from_mut(&mut info).cast();
        // SAFETY: functions of these names have these types.
        let (enumerate, create): (vk::PFN_vkEnumeratePhysicalDevices, vk::PFN_vkCreateDevice) = unsafe {
            (
                instance.command(c"vkEnumeratePhysicalDevices"),
                instance.command(c"vkCreateDevice"),
            )
        };
        let mut physical = vk::PhysicalDevice::null();
        let mut count = 1;
        let mut raw = vk::Device::null();
        // SAFETY: the instance is alive; everything that the create info points to is, too; the
        // chain is a loader's.
        unsafe {
            enumerate(instance.raw, &mut count, &mut physical).result()?;
            create(physical, &create_info, ptr::null(), &mut raw).result()?;
        }
        let instance = Rc::clone(instance);
        Ok(Self { raw, instance })
    }

    /// The layer's `vkGetDeviceProcAddr`.
    pub fn function(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the device is the layer's.
        unsafe { self.instance.library.device_function(self.raw, name) }
    }

    /// A command of the device.
    ///
    /// # Safety
    /// `T` is the type of the command of that name.
    ///
    /// # Panics
    /// If there is none.
    pub unsafe fn command<T: Copy>(&self, name: &CStr) -> T {
        let function = self.function(name).unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(size_of::<T>(), size_of_val(&function));
        // SAFETY: by the caller's word; function pointers have one size.
        unsafe { std::mem::transmute_copy(&function) }
    }

    /// The handle, for commands.
    pub fn raw(&self) -> vk::Device {
        self.raw
    }
}

impl Drop for LayerDevice<'_> {
    fn drop(&mut self) {
        // SAFETY: a function of this name has this type; the device is the layer's, and nothing uses it.
        unsafe {
            let destroy: vk::PFN_vkDestroyDevice = self.command(c"vkDestroyDevice");
            destroy(self.raw, ptr::null());
        }
    }
}
