//! The library under test, and the first half of the contract: what both sides agree on.

use std::ffi::{CStr, c_void};
use std::ptr;

use ash::vk;

use crate::layers;
use crate::link::GetPhysicalDeviceProcAddr;

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
    pub(super) unsafe fn device_function(
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
    pub(super) unsafe fn physical_device_function(
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
