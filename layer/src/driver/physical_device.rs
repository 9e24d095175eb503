//! Physical devices: whether the layer can own swapchains on one, and in which layouts it makes images.

use std::{
    collections::HashSet,
    ffi::{CStr, CString},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use ash::{ext, khr, vk};
use wayfence::{format, wayland::Nodes};

use super::{
    compression::Compression,
    needs::DEVICE_NEEDS,
    next::{InstanceCommands, PhysicalDeviceCommands},
    waits::Waits,
};
use crate::vulkan::result;

/// One `VkPhysicalDevice`.
pub struct PhysicalDevice {
    handle: vk::PhysicalDevice,
    queries: PhysicalDeviceCommands,
    /// The version of Vulkan that application and device share.
    pub api_version: u32,
    /// The driver's name.
    pub name: String,
    /// Which driver it is; 0 if it does not say.
    pub driver: vk::DriverId,
    /// The largest image in pixels.
    pub max_extent: u32,
    /// How many queue families it has.
    pub queue_families: u32,
    /// Whether the driver lets an image's creator say how far it may be compressed.
    pub compresses: bool,
    /// Whether a present can export its wait semaphores as sync_files, instead of submitting a wait for them.
    pub exports_waits: bool,
    /// Its DRM nodes, as far as the driver names them.
    pub nodes: Nodes,
    extensions: HashSet<CString>,
    /// Why the driver could not say what it has, if it could not: for lack of memory, say. The next call asks again.
    pub lack: Option<vk::Result>,
    /// The time domains that the driver can calibrate, once queried.
    pub time_domains: OnceLock<Vec<vk::TimeDomainKHR>>,
    /// How many living devices keep the driver's swapchains.
    keepers: AtomicUsize,
    /// Whether an application has been told of extensions that the layer has alone.
    told: AtomicBool,
    /// Whether the layer can own swapchains here; if not, why.
    pub ability: Result<(), String>,
}

/// Held by a device whose swapchains stay the driver's.
pub struct Keeper(Arc<PhysicalDevice>);

impl Keeper {
    /// For a device of this physical device.
    pub fn new(of: &Arc<PhysicalDevice>) -> Self {
        of.keepers.fetch_add(1, Ordering::Relaxed);
        Keeper(Arc::clone(of))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.keepers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A layout in which a device can make an image that others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The DRM format modifier.
    pub modifier: u64,
    /// How many memory planes it has.
    pub planes: u32,
}

/// The layouts of a format that the driver puts into this list of this structure. Of both there are two, which
/// differ in the width of the features only.
macro_rules! layouts {
    ($device:expr, $query:expr, $format:expr, $list:ident, $properties:ident) => {{
        let ask = |modifiers: &mut [vk::$properties]| {
            let mut list = vk::$list {
                drm_format_modifier_count: modifiers.len() as u32,
                p_drm_format_modifier_properties: match modifiers {
                    [] => std::ptr::null_mut(),
                    some => some.as_mut_ptr(),
                },
                ..Default::default()
            };
            let mut properties = vk::FormatProperties2::default().push_next(&mut list);
            // SAFETY: a valid handle; the device knows the structures of the chain: it has the extension of the
            // older list, and the newer one is used only with Vulkan 1.3 or its extension.
            unsafe { $query($device, $format, &mut properties) };
            list.drm_format_modifier_count as usize
        };
        let count = ask(&mut []);
        let mut modifiers = vec![vk::$properties::default(); count];
        let count = ask(&mut modifiers);
        modifiers
            .iter()
            .take(count)
            .map(|of| Layout {
                modifier: of.drm_format_modifier,
                planes: of.drm_format_modifier_plane_count,
            })
            .collect()
    }};
}

impl PhysicalDevice {
    /// Queries the driver once.
    pub fn new(
        next: &InstanceCommands,
        queries: PhysicalDeviceCommands,
        api_version: u32,
        handle: vk::PhysicalDevice,
    ) -> Self {
        let mut properties = vk::PhysicalDeviceProperties::default();
        if let Some(query) = next.get_physical_device_properties {
            // SAFETY: a valid handle and a structure to fill.
            unsafe { query(handle, &mut properties) };
        }
        let mut queue_families = 0;
        if let Some(query) = next.get_physical_device_queue_family_properties {
            // SAFETY: a valid handle; a null array asks for the count.
            unsafe { query(handle, &mut queue_families, std::ptr::null_mut()) };
        }
        let api_version = properties.api_version.min(api_version);
        let extensions = next_extensions(next, handle);
        let mut device = PhysicalDevice {
            handle,
            queries,
            api_version,
            name: properties.device_name_as_c_str().map_or_else(
                |_| String::new(),
                |name| name.to_string_lossy().into_owned(),
            ),
            driver: vk::DriverId::default(),
            max_extent: properties.limits.max_image_dimension2_d,
            queue_families,
            compresses: false,
            exports_waits: false,
            nodes: Nodes::default(),
            lack: extensions.as_ref().err().copied(),
            extensions: extensions
                .iter()
                .flatten()
                .filter_map(|extension| extension.extension_name_as_c_str().ok())
                .map(CStr::to_owned)
                .collect(),
            time_domains: OnceLock::new(),
            keepers: AtomicUsize::new(0),
            told: AtomicBool::new(false),
            ability: Ok(()),
        };
        device.ability = device.look();
        device.nodes = device.ask_nodes();
        device.driver = device.ask_driver();
        device.compresses = device.ask_compression();
        device.exports_waits = Waits::are_free(device.driver) && device.exports_imported();
        device
    }

    /// The extensions that must be added to a device on which the layer owns swapchains.
    pub fn needs(&self) -> impl Iterator<Item = &'static CStr> + use<> {
        let version = self.api_version;
        DEVICE_NEEDS
            .iter()
            .filter(move |need| need.by_name(version))
            .map(|need| need.name)
    }

    /// Whether the driver has the device extension.
    pub fn has(&self, extension: &CStr) -> bool {
        self.extensions.contains(extension)
    }

    /// Whether a living device keeps the driver's swapchains: then surface queries answer for those.
    pub fn is_kept(&self) -> bool {
        self.keepers.load(Ordering::Relaxed) > 0
    }

    /// Remembers that an application is told of extensions that the layer has alone. What was told once can be
    /// enabled: the loader enumerates again before it makes a device.
    pub fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// Whether an application [has been told](Self::tell).
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// The layouts in which the device can make images of this format that others can read, whatever
    /// they are used for.
    pub fn layouts(&self, format: vk::Format) -> Vec<Layout> {
        let Some(query) = self.queries.get_format_properties2 else {
            return Vec::new();
        };
        let known = format::from_vk(format);
        if known.is_some_and(|known| !known.is_known(self.api_version, |name| self.has(name))) {
            return Vec::new();
        }
        match self.has_format_feature_flags2() {
            true => layouts!(
                self.handle,
                query,
                format,
                DrmFormatModifierPropertiesList2EXT,
                DrmFormatModifierProperties2EXT
            ),
            false => layouts!(
                self.handle,
                query,
                format,
                DrmFormatModifierPropertiesListEXT,
                DrmFormatModifierPropertiesEXT
            ),
        }
    }

    /// Whether the device can make such an image with this modifier, export its memory as a dma-buf,
    /// and import it again.
    ///
    /// # Errors
    /// The driver lacks the memory to say so.
    pub fn can_export(&self, image: &ImageKind<'_>, modifier: u64) -> Result<bool, vk::Result> {
        Ok(self.exports(image, modifier, None)?.is_some())
    }

    /// Those of the layouts in which it [can](Self::can_export).
    ///
    /// # Errors
    /// As there.
    pub fn exportable(
        &self,
        image: &ImageKind<'_>,
        layouts: &[Layout],
    ) -> Result<Vec<Layout>, vk::Result> {
        let mut able = Vec::new();
        for layout in layouts {
            if self.can_export(image, layout.modifier)? {
                able.push(*layout);
            }
        }
        Ok(able)
    }

    /// Whether the memory of such an image must be dedicated to it.
    pub fn dedicates(&self, image: &ImageKind<'_>, modifier: u64) -> bool {
        let dedicated = vk::ExternalMemoryFeatureFlags::DEDICATED_ONLY;
        // Memory that is dedicated without need is as good.
        let features = self.exports(image, modifier, None).ok().flatten();
        features.is_none_or(|features| features.contains(dedicated))
    }

    /// How far images of this kind with one of these modifiers can be compressed.
    pub fn compression_of(
        &self,
        image: &ImageKind<'_>,
        layouts: &[Layout],
    ) -> vk::ImageCompressionFixedRateFlagsEXT {
        let fixed_rate = Compression::fixed_rate();
        let image = ImageKind {
            compression: Some(&fixed_rate),
            ..*image
        };
        let rates_of = |layout: &Layout| {
            let mut rates = vk::ImageCompressionPropertiesEXT::default();
            // What it cannot say now it does not compress.
            self.exports(&image, layout.modifier, Some(&mut rates))
                .ok()
                .flatten()
                .map(|_| rates.image_compression_fixed_rate_flags)
        };
        layouts
            .iter()
            .filter_map(rates_of)
            .fold(Default::default(), |all, rates| all | rates)
    }

    fn exports(
        &self,
        image: &ImageKind<'_>,
        modifier: u64,
        rates: Option<&mut vk::ImageCompressionPropertiesEXT<'_>>,
    ) -> Result<Option<vk::ExternalMemoryFeatureFlags>, vk::Result> {
        let Some(query) = self.queries.get_image_format_properties2 else {
            return Ok(None);
        };
        let mut by_modifier = vk::PhysicalDeviceImageDrmFormatModifierInfoEXT::default()
            .drm_format_modifier(modifier)
            .sharing_mode(vk::SharingMode::EXCLUSIVE);
        if !image.queue_families.is_empty() {
            by_modifier = by_modifier
                .sharing_mode(vk::SharingMode::CONCURRENT)
                .queue_family_indices(image.queue_families);
        }
        let mut as_dma_buf = vk::PhysicalDeviceExternalImageFormatInfo::default()
            .handle_type(vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT);
        let mut views = vk::ImageFormatListCreateInfo::default().view_formats(image.view_formats);
        let mut info = vk::PhysicalDeviceImageFormatInfo2::default()
            .format(image.format)
            .ty(vk::ImageType::TYPE_2D)
            .tiling(vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT)
            .usage(image.usage)
            .flags(image.flags)
            .push_next(&mut by_modifier)
            .push_next(&mut as_dma_buf);
        if !image.view_formats.is_empty() {
            info = info.push_next(&mut views);
        }
        let mut compression = image.compression.map(Compression::control);
        if let Some(compression) = &mut compression {
            info = info.push_next(compression);
        }
        let mut external = vk::ExternalImageFormatProperties::default();
        let mut properties = vk::ImageFormatProperties2::default().push_next(&mut external);
        if let Some(rates) = rates {
            properties = properties.push_next(rates);
        }
        // SAFETY: a valid handle, and chains of structures that the device knows: it has the extensions.
        let answer = unsafe { query(self.handle, &info, &mut properties) };
        if result::is_lack(answer) {
            return Err(answer);
        }
        let extent = properties.image_format_properties.max_extent;
        let features = external.external_memory_properties.external_memory_features;
        let able = answer == vk::Result::SUCCESS
            && extent.width >= image.extent.width
            && extent.height >= image.extent.height
            && features.contains(
                vk::ExternalMemoryFeatureFlags::EXPORTABLE
                    | vk::ExternalMemoryFeatureFlags::IMPORTABLE,
            );
        Ok(able.then_some(features))
    }

    fn ask_compression(&self) -> bool {
        let Some(query) = self
            .queries
            .get_features2
            .filter(|_| self.has(ext::image_compression_control::NAME))
        else {
            return false;
        };
        let mut control = vk::PhysicalDeviceImageCompressionControlFeaturesEXT::default();
        let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut control);
        // SAFETY: a valid handle; the device has the extension of this structure.
        unsafe { query(self.handle, &mut features) };
        control.image_compression_control == vk::TRUE
    }

    fn ask_driver(&self) -> vk::DriverId {
        let Some(query) = self
            .queries
            .get_properties2
            .filter(|_| self.has(khr::driver_properties::NAME))
        else {
            return vk::DriverId::default();
        };
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        // SAFETY: a valid handle; the device has the extension of this structure.
        unsafe { query(self.handle, &mut properties) };
        driver.driver_id
    }

    fn ask_nodes(&self) -> Nodes {
        let Some(query) = self
            .queries
            .get_properties2
            .filter(|_| self.has(ext::physical_device_drm::NAME))
        else {
            return Nodes::default();
        };
        let mut drm = vk::PhysicalDeviceDrmPropertiesEXT::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut drm);
        // SAFETY: a valid handle; the device has the extension of this structure.
        unsafe { query(self.handle, &mut properties) };
        let node = |exists: vk::Bool32, major: i64, minor: i64| {
            (exists == vk::TRUE).then(|| libc::makedev(major as u32, minor as u32))
        };
        Nodes {
            primary: node(drm.has_primary, drm.primary_major, drm.primary_minor),
            render: node(drm.has_render, drm.render_major, drm.render_minor),
        }
    }

    /// `VkDrmFormatModifierPropertiesList2EXT` came with these.
    fn has_format_feature_flags2(&self) -> bool {
        self.api_version >= vk::API_VERSION_1_3
            || self.extensions.contains(khr::format_feature_flags2::NAME)
    }

    /// Whether a sync_file that was imported into a semaphore, as by an acquire, can be exported from it.
    fn exports_imported(&self) -> bool {
        let query = self.queries.get_external_semaphore_properties;
        query.is_some_and(|query| {
            sync_fd(self.handle, query)
                .export_from_imported_handle_types
                .contains(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
        })
    }

    fn look(&self) -> Result<(), String> {
        let missing: Vec<_> = self
            .needs()
            .filter(|name| !self.extensions.contains(*name))
            .map(CStr::to_string_lossy)
            .collect();
        if !missing.is_empty() {
            return Err(format!("the driver lacks {}", missing.join(", ")));
        }
        let (Some(semaphores), Some(fences)) = (
            self.queries.get_external_semaphore_properties,
            self.queries.get_external_fence_properties,
        ) else {
            return Err(
                "the driver cannot be asked about external semaphores and fences".to_owned(),
            );
        };
        let semaphore = sync_fd(self.handle, semaphores);
        let needed = vk::ExternalSemaphoreFeatureFlags::EXPORTABLE
            | vk::ExternalSemaphoreFeatureFlags::IMPORTABLE;
        if !semaphore.external_semaphore_features.contains(needed) {
            return Err("the driver's semaphores cannot become sync_files and back".to_owned());
        }
        let info = vk::PhysicalDeviceExternalFenceInfo::default()
            .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD);
        let mut fence = vk::ExternalFenceProperties::default();
        // SAFETY: as above.
        unsafe { fences(self.handle, &info, &mut fence) };
        if !fence
            .external_fence_features
            .contains(vk::ExternalFenceFeatureFlags::IMPORTABLE)
        {
            return Err("the driver's fences cannot be made of sync_files".to_owned());
        }
        Ok(())
    }
}

/// What semaphores can do with sync_files.
fn sync_fd(
    device: vk::PhysicalDevice,
    query: vk::PFN_vkGetPhysicalDeviceExternalSemaphoreProperties,
) -> vk::ExternalSemaphoreProperties<'static> {
    let info = vk::PhysicalDeviceExternalSemaphoreInfo::default()
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
    let mut properties = vk::ExternalSemaphoreProperties::default();
    // SAFETY: a valid handle, a plain query and a structure to fill.
    unsafe { query(device, &info, &mut properties) };
    properties
}

/// A kind of image, for [`PhysicalDevice::can_export`].
#[derive(Clone, Copy)]
pub struct ImageKind<'a> {
    /// Its format.
    pub format: vk::Format,
    /// What it is used for.
    pub usage: vk::ImageUsageFlags,
    /// How it is created.
    pub flags: vk::ImageCreateFlags,
    /// Formats of its views, with `MUTABLE_FORMAT`.
    pub view_formats: &'a [vk::Format],
    /// How far it may be compressed.
    pub compression: Option<&'a Compression>,
    /// The queue families that share it; empty: exclusive.
    pub queue_families: &'a [u32],
    /// The size that it must be able to have.
    pub extent: vk::Extent2D,
}

/// The device extensions that the next layer tells of.
///
/// # Errors
/// The driver's.
pub fn next_extensions(
    next: &InstanceCommands,
    device: vk::PhysicalDevice,
) -> Result<Vec<vk::ExtensionProperties>, vk::Result> {
    let Some(next) = next.enumerate_device_extension_properties else {
        return Ok(Vec::new());
    };
    loop {
        let mut count = 0;
        // SAFETY: a valid handle; a null array asks for the count.
        let asked = unsafe { next(device, std::ptr::null(), &mut count, std::ptr::null_mut()) };
        asked.result()?;
        let mut extensions = vec![vk::ExtensionProperties::default(); count as usize];
        // SAFETY: a valid handle, and room for `count` structures.
        let told = unsafe {
            next(
                device,
                std::ptr::null(),
                &mut count,
                extensions.as_mut_ptr(),
            )
        };
        match told {
            vk::Result::SUCCESS => {
                extensions.truncate(count as usize);
                return Ok(extensions);
            }
            // There are more now than when they were counted.
            vk::Result::INCOMPLETE => {}
            error => return Err(error),
        }
    }
}
