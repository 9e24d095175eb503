//! `pNext` chains of instances and devices, on a driver that remembers what it gets.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use ash::{ext, khr, vk};
use wayfence_tests::driver;
use wayfence_tests::instance::WAYLAND;
use wayfence_tests::loader::{LayerDevice, LayerInstance, Library};
use wayfence_tests::present_wait::NAMES;
use wayfence_tests::registry::{
    FIFO_LATEST_READY_FEATURES, PRESENT_ID_2_FEATURES, PRESENT_TIMING_FEATURES,
    PRESENT_WAIT_2_FEATURES,
};

use crate::source::Source;

/// What the driver has; where it lacks one, the layer steps aside.
const INSTANCE_EXTENSIONS: &[&CStr] = &[
    khr::surface::NAME,
    khr::wayland_surface::NAME,
    khr::get_surface_capabilities2::NAME,
    khr::get_physical_device_properties2::NAME,
    khr::external_memory_capabilities::NAME,
    khr::external_semaphore_capabilities::NAME,
    khr::external_fence_capabilities::NAME,
];
const DEVICE_EXTENSIONS: &[&CStr] = &[
    khr::swapchain::NAME,
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    khr::external_fence_fd::NAME,
    ext::external_memory_dma_buf::NAME,
    ext::image_drm_format_modifier::NAME,
    ext::queue_family_foreign::NAME,
];

/// Features of extensions that the layer implements: it may keep them from a driver that knows none of them.
const OURS: &[vk::StructureType] = &[
    vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
    vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
    vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
    vk::StructureType::PHYSICAL_DEVICE_IMAGE_COMPRESSION_CONTROL_SWAPCHAIN_FEATURES_EXT,
    PRESENT_ID_2_FEATURES,
    PRESENT_WAIT_2_FEATURES,
    PRESENT_TIMING_FEATURES,
    FIFO_LATEST_READY_FEATURES,
];

/// Others', all of them a head and some `VkBool32`.
const THEIRS: &[vk::StructureType] = &[
    vk::StructureType::PHYSICAL_DEVICE_FEATURES_2,
    vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
    vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
    vk::StructureType::PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT,
    vk::StructureType::PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES,
    vk::StructureType::PHYSICAL_DEVICE_MESH_SHADER_FEATURES_EXT,
    vk::StructureType::PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
];

/// The words of a structure: more than any of them has.
const WORDS: usize = 128;

/// A chain, and what it was when it was made.
struct Chain {
    structures: Vec<[u64; WORDS]>,
    before: Vec<[u64; WORDS]>,
}

impl Chain {
    /// Any structures, the same twice among them.
    fn any(source: &mut Source<'_>) -> Self {
        let mut structures = Vec::new();
        for _ in 0..source.index(16) {
            let (structure, is_known) = match source.byte() % 8 {
                0..=2 => (OURS[source.index(OURS.len())], true),
                3..=5 => (THEIRS[source.index(THEIRS.len())], true),
                // Of extensions that nobody has written.
                _ => {
                    let number = 1_900_000_000 + i32::from(source.byte());
                    (vk::StructureType::from_raw(number), false)
                }
            };
            let mut words = [0; WORDS];
            words[0] = structure.as_raw() as u32 as u64;
            for word in &mut words[2..] {
                *word = match is_known {
                    true => source.u64() & (1 << 32 | 1),
                    false => 0xa5a5_a5a5_a5a5_a5a5,
                };
            }
            structures.push(words);
        }
        Self::link(structures, ptr::null())
    }

    fn link(mut structures: Vec<[u64; WORDS]>, end: *const c_void) -> Self {
        let mut next = end;
        for words in structures.iter_mut().rev() {
            words[1] = next.expose_provenance() as u64;
            next = words.as_ptr().cast();
        }
        Self {
            before: structures.clone(),
            structures,
        }
    }

    fn first(&self, end: *const c_void) -> *const c_void {
        let first = self.structures.first();
        first.map_or(end, |words| words.as_ptr().cast())
    }

    fn types(&self) -> Vec<vk::StructureType> {
        let of = |words: &[u64; WORDS]| vk::StructureType::from_raw(words[0] as i32);
        self.before.iter().map(of).collect()
    }

    /// "The chain is read, never written", and what is not the layer's has come to the driver.
    fn has_come(&self, end: &[vk::StructureType]) {
        assert!(
            self.structures == self.before,
            "the application's chain was written to"
        );
        let loader = [
            vk::StructureType::LOADER_INSTANCE_CREATE_INFO,
            vk::StructureType::LOADER_DEVICE_CREATE_INFO,
        ];
        let mut come = driver::driver().chained;
        come.retain(|structure| !loader.contains(structure));
        let sent = [self.types(), end.to_vec()].concat();
        let others = |all: &[vk::StructureType]| -> Vec<vk::StructureType> {
            let is_other = |structure: &&vk::StructureType| !OURS.contains(structure);
            all.iter().filter(is_other).copied().collect()
        };
        assert_eq!(others(&come), others(&sent), "of {sent:?} came {come:?}");
        // And nothing came that was not sent, nor in another order.
        let mut left = sent.iter();
        let all = come.iter().all(|one| left.any(|other| one == other));
        assert!(all, "of {sent:?} came {come:?}");
    }
}

/// Settings that an application passes, of any kind.
struct Settings {
    texts: Vec<CString>,
    pointers: Vec<*const c_char>,
    numbers: [u64; 4],
    all: Vec<vk::LayerSettingEXT<'static>>,
}

impl Settings {
    fn any(source: &mut Source<'_>) -> Box<Self> {
        let count = source.index(4);
        let mut texts: Vec<CString> = vec![c"debug".to_owned(), c"syncobj".to_owned()];
        for _ in 0..count {
            let mut text = source.run();
            text.retain(|byte| *byte != 0);
            texts.push(CString::new(text).expect("no NUL is left"));
        }
        let mut this = Box::new(Self {
            pointers: texts.iter().map(|text| text.as_ptr()).collect(),
            texts,
            numbers: [0, 1, u64::MAX, source.u64()],
            all: Vec::new(),
        });
        for _ in 0..count {
            let layer = match source.flag() {
                true => c"VK_LAYER_WAYFENCE_wsi",
                false => c"VK_LAYER_KHRONOS_validation",
            };
            // Not those that name files: they would be made.
            let names = [c"sync", c"latency", c"log", c"", c"unknown", c"SYNC"];
            let name = names[source.index(names.len())];
            let text = !source.byte().is_multiple_of(4);
            let (ty, values) = match text {
                true => {
                    let first = source.index(this.pointers.len());
                    let values: *const c_void = this.pointers[first..].as_ptr().cast();
                    (vk::LayerSettingTypeEXT::STRING, values)
                }
                false => {
                    // All numbers: any of the types before strings.
                    let ty = vk::LayerSettingTypeEXT::from_raw(i32::from(source.byte() % 7));
                    (ty, this.numbers.as_ptr().cast())
                }
            };
            let values = match source.one_in(8) {
                true => ptr::null(),
                false => values,
            };
            let value_count = match values.is_null() {
                true => 0,
                false => u32::from(source.byte() % 2),
            };
            this.all.push(vk::LayerSettingEXT {
                p_layer_name: layer.as_ptr(),
                p_setting_name: name.as_ptr(),
                ty,
                value_count,
                p_values: values,
                ..Default::default()
            });
        }
        assert!(this.texts.len() >= this.pointers.len());
        this
    }
}

/// An application chains whatever there is to instance and device.
pub(crate) fn play(bytes: &[u8]) {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let library = LIBRARY.get_or_init(Library::open);
    let mut source = Source::new(bytes);
    let some = |all: &[&'static CStr], source: &mut Source<'_>| -> Vec<&'static CStr> {
        let has_all = source.flag();
        let has = |_: &&&CStr| has_all || !source.byte().is_multiple_of(8);
        all.iter().filter(has).copied().collect()
    };
    let has = some(INSTANCE_EXTENSIONS, &mut source);
    driver::install(&has, &some(DEVICE_EXTENSIONS, &mut source));
    let settings = Settings::any(&mut source);
    let infos: Vec<_> = settings
        .all
        .iter()
        .map(|setting| {
            Box::new(
                vk::LayerSettingsCreateInfoEXT::default().settings(std::slice::from_ref(setting)),
            )
        })
        .collect();
    // The application's settings lie behind the rest.
    let mut end: *const c_void = ptr::null();
    let mut linked = infos;
    for info in linked.iter_mut().rev() {
        info.p_next = end;
        end = ptr::from_ref(&**info).cast();
    }
    let chain = Chain::any(&mut source);
    let chain = Chain::link(chain.structures, end);
    let versions = [
        vk::API_VERSION_1_0,
        vk::API_VERSION_1_1,
        vk::API_VERSION_1_3,
        0,
        u32::MAX,
    ];
    let version = versions[source.index(versions.len())];
    let extensions = match source.byte() % 4 {
        0 => &[],
        _ => WAYLAND,
    };
    // SAFETY: structures of their own sizes or more, linked above; they live until the end.
    let instance =
        unsafe { LayerInstance::with_chain(library, version, extensions, chain.first(end)) };
    chain.has_come(&vec![
        vk::StructureType::LAYER_SETTINGS_CREATE_INFO_EXT;
        linked.len()
    ]);
    let Ok(instance) = instance else {
        return;
    };
    while !source.is_over() {
        let chain = Chain::any(&mut source);
        let mut extensions = match source.flag() {
            true => vec![khr::swapchain::NAME],
            false => Vec::new(),
        };
        let optional = [&NAMES[..], &[ext::swapchain_maintenance1::NAME]].concat();
        extensions.extend(optional.iter().filter(|_| source.flag()));
        let devices = driver::driver().devices.len();
        // SAFETY: as above.
        let device =
            unsafe { LayerDevice::with_chain(&instance, &extensions, chain.first(ptr::null())) };
        // The layer may have refused by itself.
        if driver::driver().devices.len() > devices {
            chain.has_come(&[]);
        }
        drop(device);
    }
}
