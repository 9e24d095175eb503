//! The loader's part of its contract with layers, played by the test: it opens the library itself
//! and puts a [`driver`] of its own below.
//!
//! Structures and names are those of `vk_layer.h` and Vulkan-Loader's `LoaderLayerInterface.md`.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use ash::vk;

use crate::driver;
use crate::layers;
use crate::link::{GetPhysicalDeviceProcAddr, LinkInfo, VkLayerDeviceLink, VkLayerInstanceLink};

/// `VkNegotiateLayerInterface`.
#[repr(C)]
pub struct VkNegotiateLayerInterface {
    /// 1, `LAYER_NEGOTIATE_INTERFACE_STRUCT`.
    pub s_type: i32,
    /// Null.
    pub p_next: *mut c_void,
    /// The newest version that the loader speaks, then the one to use.
    pub loader_layer_interface_version: u32,
    /// The layer's.
    pub get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    /// The layer's.
    pub get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
    /// The layer's.
    pub get_physical_device_proc_addr: Option<GetPhysicalDeviceProcAddr>,
}

/// `PFN_vkNegotiateLoaderLayerInterfaceVersion`.
pub type Negotiate = unsafe extern "system" fn(*mut VkNegotiateLayerInterface) -> vk::Result;

/// `VK_LAYER_LINK_INFO`.
const VK_LAYER_LINK_INFO: i32 = 0;
/// `VK_LOADER_DATA_CALLBACK`, whose structure a layer must not take for a link.
const VK_LOADER_DATA_CALLBACK: i32 = 1;

/// The library under test, opened without a loader, after a successful negotiation.
pub struct Library {
    library: libloading::Library,
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_device_proc_addr: vk::PFN_vkGetDeviceProcAddr,
    get_physical_device_proc_addr: GetPhysicalDeviceProcAddr,
}

impl Library {
    /// # Panics
    /// If it cannot be opened or does not agree.
    pub fn open() -> Self {
        // SAFETY: the library's constructors have no precondition.
        let library = unsafe { libloading::Library::new(layers::library()) }
            .unwrap_or_else(|error| panic!("{error}"));
        let mut interface = interface(2);
        let negotiate = negotiate(&library);
        // SAFETY: the structure is valid.
        let answer = unsafe { negotiate(&mut interface) };
        assert_eq!(answer, vk::Result::SUCCESS);
        Self {
            library,
            get_instance_proc_addr: interface.get_instance_proc_addr.expect("it was agreed on"),
            get_device_proc_addr: interface.get_device_proc_addr.expect("it was agreed on"),
            get_physical_device_proc_addr: interface
                .get_physical_device_proc_addr
                .expect("it was agreed on"),
        }
    }

    /// `vkNegotiateLoaderLayerInterfaceVersion`.
    pub fn negotiate(&self) -> Negotiate {
        negotiate(&self.library)
    }

    /// The layer's `vkGetInstanceProcAddr`.
    ///
    /// # Safety
    /// `instance` is null or an instance of the layer's.
    pub unsafe fn instance_function(
        &self,
        instance: vk::Instance,
        name: &CStr,
    ) -> vk::PFN_vkVoidFunction {
        // SAFETY: by the caller's word.
        unsafe { (self.get_instance_proc_addr)(instance, name.as_ptr()) }
    }

    /// The layer's `vkGetDeviceProcAddr`.
    ///
    /// # Safety
    /// `device` is a device of the layer's.
    pub unsafe fn device_function(
        &self,
        device: vk::Device,
        name: &CStr,
    ) -> vk::PFN_vkVoidFunction {
        // SAFETY: by the caller's word.
        unsafe { (self.get_device_proc_addr)(device, name.as_ptr()) }
    }

    /// The layer's `vk_layerGetPhysicalDeviceProcAddr`.
    ///
    /// # Safety
    /// `instance` is an instance of the layer's.
    pub unsafe fn physical_device_function(
        &self,
        instance: vk::Instance,
        name: &CStr,
    ) -> vk::PFN_vkVoidFunction {
        // SAFETY: by the caller's word.
        unsafe { (self.get_physical_device_proc_addr)(instance, name.as_ptr()) }
    }

    /// A global function, or one of an instance.
    ///
    /// # Safety
    /// As of `instance_function`; `T` is the type of the function of that name.
    ///
    /// # Panics
    /// If there is none.
    pub unsafe fn function<T: Copy>(&self, instance: vk::Instance, name: &CStr) -> T {
        // SAFETY: by the caller's word.
        let function =
            unsafe { self.instance_function(instance, name) }.unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(size_of::<T>(), size_of_val(&function));
        // SAFETY: by the caller's word; function pointers have one size.
        unsafe { std::mem::transmute_copy(&function) }
    }

    /// An instance of the layer on the scripted driver of this thread.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    pub fn create_instance(
        &self,
        api_version: u32,
        extensions: &[&CStr],
    ) -> Result<vk::Instance, vk::Result> {
        self.create_instance_with_settings(api_version, extensions, &[])
    }

    /// An instance of the layer on the scripted driver of this thread, with settings for layers, each
    /// in a structure of its own; none for none.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    pub fn create_instance_with_settings(
        &self,
        api_version: u32,
        extensions: &[&CStr],
        settings: &[vk::LayerSettingEXT<'_>],
    ) -> Result<vk::Instance, vk::Result> {
        let mut chained: Vec<_> = settings
            .iter()
            .map(|setting| {
                vk::LayerSettingsCreateInfoEXT::default().settings(std::slice::from_ref(setting))
            })
            .collect();
        let mut rest: *const c_void = ptr::null();
        for info in chained.iter_mut().rev() {
            info.p_next = rest;
            rest = ptr::from_ref(info).cast();
        }
        let mut last = VkLayerInstanceLink {
            next: ptr::null_mut(),
            get_instance_proc_addr: unreachable_instance_proc_addr,
            get_physical_device_proc_addr: None,
        };
        let mut own = VkLayerInstanceLink {
            next: &mut last,
            get_instance_proc_addr: driver::get_instance_proc_addr,
            get_physical_device_proc_addr: Some(driver::get_physical_device_proc_addr),
        };
        let mut info = LinkInfo {
            s_type: vk::StructureType::LOADER_INSTANCE_CREATE_INFO,
            p_next: rest,
            function: VK_LAYER_LINK_INFO,
            link: &mut own,
        };
        let decoy = LinkInfo {
            s_type: vk::StructureType::LOADER_INSTANCE_CREATE_INFO,
            p_next: ptr::from_mut(&mut info).cast(),
            function: VK_LOADER_DATA_CALLBACK,
            link: ptr::dangling_mut::<VkLayerInstanceLink>(),
        };
        driver::expect_link(ptr::from_mut(&mut last).cast());
        let application = vk::ApplicationInfo::default().api_version(api_version);
        let extensions: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
        let mut create_info = vk::InstanceCreateInfo::default()
            .application_info(&application)
            .enabled_extension_names(&extensions);
        create_info.p_next = ptr::from_ref(&decoy).cast();
        // SAFETY: a global function of this name has this type.
        let create: vk::PFN_vkCreateInstance =
            unsafe { self.function(vk::Instance::null(), c"vkCreateInstance") };
        let mut instance = vk::Instance::null();
        // SAFETY: everything that the create info points to is alive; the chain is a loader's.
        unsafe { create(&create_info, ptr::null(), &mut instance) }.result_with_success(instance)
    }

    /// A device of the layer on the scripted driver of this thread.
    ///
    /// # Errors
    /// What `vkCreateDevice` answers.
    ///
    /// # Safety
    /// `instance` is an instance of the layer's.
    pub unsafe fn create_device(
        &self,
        instance: vk::Instance,
        extensions: &[&CStr],
    ) -> Result<vk::Device, vk::Result> {
        // What the application chains is not the layer's to touch.
        let features = vk::PhysicalDeviceFeatures2::default();
        // SAFETY: by the caller's word; a valid chain.
        unsafe { self.create_device_with(instance, extensions, (&raw const features).cast()) }
    }

    /// A device of the layer on the scripted driver of this thread, with this chain of the application's.
    ///
    /// # Errors
    /// What `vkCreateDevice` answers.
    ///
    /// # Safety
    /// `instance` is an instance of the layer's; the chain is valid.
    pub unsafe fn create_device_with(
        &self,
        instance: vk::Instance,
        extensions: &[&CStr],
        chain: *const c_void,
    ) -> Result<vk::Device, vk::Result> {
        let mut last = VkLayerDeviceLink {
            next: ptr::null_mut(),
            get_instance_proc_addr: unreachable_instance_proc_addr,
            get_device_proc_addr: unreachable_device_proc_addr,
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
        // SAFETY: a function of this name has this type; the instance is the layer's.
        let (enumerate, create): (vk::PFN_vkEnumeratePhysicalDevices, vk::PFN_vkCreateDevice) = unsafe {
            (
                self.function(instance, c"vkEnumeratePhysicalDevices"),
                self.function(instance, c"vkCreateDevice"),
            )
        };
        let mut physical = vk::PhysicalDevice::null();
        let mut count = 1;
        let mut device = vk::Device::null();
        // SAFETY: the instance is alive; everything that the create info points to is, too; the
        // chain is a loader's.
        unsafe {
            enumerate(instance, &mut count, &mut physical).result()?;
            create(physical, &create_info, ptr::null(), &mut device)
        }
        .result_with_success(device)
    }

    /// `vkDestroyInstance`.
    ///
    /// # Safety
    /// `instance` is an instance of the layer's and is not used again.
    pub unsafe fn destroy_instance(&self, instance: vk::Instance) {
        // SAFETY: a function of this name has this type; by the caller's word.
        unsafe {
            let destroy: vk::PFN_vkDestroyInstance = self.function(instance, c"vkDestroyInstance");
            destroy(instance, ptr::null());
        }
    }

    /// `vkDestroyDevice`.
    ///
    /// # Safety
    /// `device` is a device of the layer's and is not used again.
    pub unsafe fn destroy_device(&self, device: vk::Device) {
        // SAFETY: a function of this name has this type; by the caller's word.
        unsafe {
            let destroy = self
                .device_function(device, c"vkDestroyDevice")
                .expect("a device can be destroyed");
            let destroy: vk::PFN_vkDestroyDevice = std::mem::transmute(destroy);
            destroy(device, ptr::null());
        }
    }
}

/// What a loader of this version asks with.
pub fn interface(version: u32) -> VkNegotiateLayerInterface {
    VkNegotiateLayerInterface {
        s_type: 1,
        p_next: ptr::null_mut(),
        loader_layer_interface_version: version,
        get_instance_proc_addr: None,
        get_device_proc_addr: None,
        get_physical_device_proc_addr: None,
    }
}

fn negotiate(library: &libloading::Library) -> Negotiate {
    // SAFETY: the function of this name has this type.
    *unsafe { library.get::<Negotiate>(b"vkNegotiateLoaderLayerInterfaceVersion\0") }
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Below the driver there is nobody; a layer that comes here has not advanced its link.
unsafe extern "system" fn unreachable_instance_proc_addr(
    _: vk::Instance,
    _: *const c_char,
) -> vk::PFN_vkVoidFunction {
    None
}

/// As [`unreachable_instance_proc_addr`].
unsafe extern "system" fn unreachable_device_proc_addr(
    _: vk::Device,
    _: *const c_char,
) -> vk::PFN_vkVoidFunction {
    None
}
