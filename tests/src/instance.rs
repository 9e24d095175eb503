//! A Vulkan instance of the real loader.

use std::ffi::CStr;
use std::sync::Arc;

use ash::{ext, khr, vk};

use crate::layers;
use crate::messages::Messages;
use crate::window::Window;

/// An instance with what tests of surfaces need. Destroyed on drop, after everything made from
/// it: that holds an `Arc` of it.
pub struct Instance {
    /// The loader.
    pub entry: ash::Entry,
    /// The instance.
    pub raw: ash::Instance,
    /// `VK_KHR_surface`.
    pub surface: khr::surface::Instance,
    /// `VK_KHR_wayland_surface`.
    pub wayland_surface: khr::wayland_surface::Instance,
    /// `VK_KHR_get_surface_capabilities2`.
    pub capabilities2: khr::get_surface_capabilities2::Instance,
    /// `VK_KHR_swapchain`, its instance-level commands.
    pub swapchain: khr::swapchain::Instance,
    /// `VK_EXT_headless_surface`.
    pub headless_surface: ext::headless_surface::Instance,
    /// The version that it was created with.
    pub api_version: u32,
    messenger: Option<Messenger>,
}

struct Messenger {
    functions: ext::debug_utils::Instance,
    raw: vk::DebugUtilsMessengerEXT,
    messages: Box<Messages>,
}

/// How an instance is made.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The application's API version.
    pub api_version: u32,
    /// Its instance extensions.
    pub extensions: &'a [&'a CStr],
    /// Whether to collect messages, with the validation layer's checks of synchronisation on.
    pub messages: bool,
    /// Its settings for the layer under test (`VK_EXT_layer_settings`): names and values.
    pub settings: &'a [(&'a CStr, &'a CStr)],
}

/// What an application on Wayland enables.
pub const WAYLAND: &[&CStr] = &[
    khr::surface::NAME,
    khr::wayland_surface::NAME,
    khr::get_surface_capabilities2::NAME,
];

/// What an application without a display enables.
pub const HEADLESS: &[&CStr] = &[
    khr::surface::NAME,
    ext::headless_surface::NAME,
    khr::get_surface_capabilities2::NAME,
];

impl Default for Options<'_> {
    /// An application of Vulkan 1.1 on Wayland.
    fn default() -> Self {
        Self {
            api_version: vk::API_VERSION_1_1,
            extensions: WAYLAND,
            messages: false,
            settings: &[],
        }
    }
}

impl Instance {
    /// An instance on the layers of this process.
    ///
    /// # Panics
    /// If there is no loader, or if it refuses.
    pub fn new(options: Options<'_>) -> Arc<Self> {
        Self::try_new(options).unwrap_or_else(|error| panic!("vkCreateInstance: {error}"))
    }

    /// The same.
    ///
    /// # Errors
    /// What `vkCreateInstance` answers.
    ///
    /// # Panics
    /// If there is no loader.
    pub fn try_new(options: Options<'_>) -> Result<Arc<Self>, vk::Result> {
        layers::set_up();
        // SAFETY: the loader's initialisation has no precondition but an environment that nobody
        // changes meanwhile, see `set_up`.
        let entry = unsafe { ash::Entry::load() }.expect("there is a Vulkan loader");
        let application = vk::ApplicationInfo::default()
            .application_name(c"wayfence-tests")
            .api_version(options.api_version);
        let mut extensions: Vec<_> = options
            .extensions
            .iter()
            .map(|name| name.as_ptr())
            .collect();
        let messages = options.messages.then(Box::<Messages>::default);
        let synchronisation = [vk::ValidationFeatureEnableEXT::SYNCHRONIZATION_VALIDATION];
        let mut features =
            vk::ValidationFeaturesEXT::default().enabled_validation_features(&synchronisation);
        // SAFETY: boxed, so that it stays where it is, and dropped after messenger and instance.
        let mut early = messages
            .as_ref()
            .map(|messages| unsafe { messages.messenger() });
        let create_info = vk::InstanceCreateInfo::default().application_info(&application);
        let create_info = match &mut early {
            Some(early) => {
                extensions.push(ext::debug_utils::NAME.as_ptr());
                create_info.push_next(&mut features).push_next(early)
            }
            None => create_info,
        };
        let values: Vec<[_; 1]> = options
            .settings
            .iter()
            .map(|(_, value)| [value.as_ptr()])
            .collect();
        let settings: Vec<_> = options
            .settings
            .iter()
            .zip(&values)
            .map(|((name, _), value)| vk::LayerSettingEXT {
                p_layer_name: c"VK_LAYER_WAYFENCE_wsi".as_ptr(),
                p_setting_name: name.as_ptr(),
                ty: vk::LayerSettingTypeEXT::STRING,
                value_count: 1,
                p_values: value.as_ptr().cast(),
                ..Default::default()
            })
            .collect();
        let mut layer_settings = vk::LayerSettingsCreateInfoEXT::default().settings(&settings);
        let create_info = if settings.is_empty() {
            create_info
        } else {
            extensions.push(ext::layer_settings::NAME.as_ptr());
            create_info.push_next(&mut layer_settings)
        };
        let create_info = create_info.enabled_extension_names(&extensions);
        // SAFETY: everything that the create info points to outlives the call.
        let raw = unsafe { entry.create_instance(&create_info, None) }?;
        let messenger = messages.map(|messages| {
            let functions = ext::debug_utils::Instance::new(&entry, &raw);
            // SAFETY: as above.
            let messenger =
                unsafe { functions.create_debug_utils_messenger(&messages.messenger(), None) }
                    .unwrap_or_else(|error| panic!("vkCreateDebugUtilsMessengerEXT: {error}"));
            Messenger {
                functions,
                raw: messenger,
                messages,
            }
        });
        Ok(Arc::new(Self {
            surface: khr::surface::Instance::new(&entry, &raw),
            wayland_surface: khr::wayland_surface::Instance::new(&entry, &raw),
            capabilities2: khr::get_surface_capabilities2::Instance::new(&entry, &raw),
            swapchain: khr::swapchain::Instance::new(&entry, &raw),
            headless_surface: ext::headless_surface::Instance::new(&entry, &raw),
            api_version: options.api_version,
            entry,
            raw,
            messenger,
        }))
    }

    /// The messages so far; none unless they were asked for.
    pub fn messages(&self) -> Vec<String> {
        self.messenger
            .as_ref()
            .map(|messenger| messenger.messages.so_far())
            .unwrap_or_default()
    }

    /// The physical device to test on: the first.
    ///
    /// # Panics
    /// If there is none.
    pub fn physical_device(&self) -> vk::PhysicalDevice {
        // SAFETY: the instance is alive.
        let devices = unsafe { self.raw.enumerate_physical_devices() }
            .unwrap_or_else(|error| panic!("vkEnumeratePhysicalDevices: {error}"));
        *devices.first().expect("there is a Vulkan driver")
    }

    /// Asks whether the device presents on the display of a window. From a yes on, the layer tells of extensions
    /// without a surface, too.
    pub fn presents_on(&self, window: &Window) -> bool {
        // SAFETY: the device is the instance's, the display the window's, and every device has a queue family.
        unsafe {
            self.wayland_surface
                .get_physical_device_wayland_presentation_support(
                    self.physical_device(),
                    0,
                    &mut *window.display_ptr().cast(),
                )
        }
    }

    /// The address of an instance-level function, or `None`.
    pub fn function(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the instance is alive; the name ends with a NUL.
        unsafe {
            self.entry
                .get_instance_proc_addr(self.raw.handle(), name.as_ptr())
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: everything made from the instance held an `Arc` of it, so it is gone; the
        // messages outlive the messenger, being dropped with the fields after this.
        unsafe {
            if let Some(messenger) = &self.messenger {
                messenger
                    .functions
                    .destroy_debug_utils_messenger(messenger.raw, None);
            }
            self.raw.destroy_instance(None);
        }
    }
}
