//! An instance that the layer has made, on the scripted driver of this thread.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::rc::Rc;

use ash::vk;

use super::below::{VK_LAYER_LINK_INFO, VK_LOADER_DATA_CALLBACK, no_instance_proc_addr};
use super::library::Library;
use crate::driver;
use crate::link::{LinkInfo, VkLayerInstanceLink};

/// An instance. Destroyed on drop, after its devices: they hold an `Rc` of it.
pub struct LayerInstance<'a> {
    pub(super) raw: vk::Instance,
    pub(super) library: &'a Library,
}

impl<'a> LayerInstance<'a> {
    /// An instance of this version with these extensions.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    pub fn new(
        library: &'a Library,
        api_version: u32,
        extensions: &[&CStr],
    ) -> Result<Rc<Self>, vk::Result> {
        Self::with_settings(library, api_version, extensions, &[])
    }

    /// The same with settings for layers, each in a structure of its own; none for none.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    pub fn with_settings(
        library: &'a Library,
        api_version: u32,
        extensions: &[&CStr],
        settings: &[vk::LayerSettingEXT<'_>],
    ) -> Result<Rc<Self>, vk::Result> {
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
        // SAFETY: the settings' structures, which are alive.
        unsafe { Self::with_chain(library, api_version, extensions, rest) }
    }

    /// The same with this chain of the application's.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    ///
    /// # Safety
    /// The chain is valid.
    pub unsafe fn with_chain(
        library: &'a Library,
        api_version: u32,
        extensions: &[&CStr],
        rest: *const c_void,
    ) -> Result<Rc<Self>, vk::Result> {
        let mut last = VkLayerInstanceLink {
            next: ptr::null_mut(),
            get_instance_proc_addr: no_instance_proc_addr,
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
            unsafe { library.function(vk::Instance::null(), c"vkCreateInstance") };
        let mut raw = vk::Instance::null();
        // SAFETY: everything that the create info points to is alive; the chain is a loader's.
        unsafe { create(&create_info, ptr::null(), &mut raw) }.result()?;
        Ok(Rc::new(Self { raw, library }))
    }

    /// The layer's `vkGetInstanceProcAddr`.
    pub fn function(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the instance is the layer's.
        unsafe { self.library.instance_function(self.raw, name) }
    }

    /// The layer's `vk_layerGetPhysicalDeviceProcAddr`.
    pub fn physical_device_function(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the instance is the layer's.
        unsafe { self.library.physical_device_function(self.raw, name) }
    }

    /// A command of the instance.
    ///
    /// # Safety
    /// `T` is the type of the command of that name.
    ///
    /// # Panics
    /// If there is none.
    pub unsafe fn command<T: Copy>(&self, name: &CStr) -> T {
        // SAFETY: the instance is the layer's; the type by the caller's word.
        unsafe { self.library.function(self.raw, name) }
    }

    /// The handle, for commands.
    pub fn raw(&self) -> vk::Instance {
        self.raw
    }
}

impl Drop for LayerInstance<'_> {
    fn drop(&mut self) {
        // SAFETY: a function of this name has this type; the instance is the layer's, and everything made
        // from it is gone.
        unsafe {
            let destroy: vk::PFN_vkDestroyInstance = self.command(c"vkDestroyInstance");
            destroy(self.raw, ptr::null());
        }
    }
}
