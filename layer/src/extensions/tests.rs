//! Whatever is made of the list of extensions agrees with it.

use std::{collections::HashSet, ffi::CStr, ptr::null, ptr::null_mut};

use ash::vk::{self, TaggedStructure};
use serde_json::{Value, json};

use super::{EXTENSIONS, made_up};
use crate::{
    catalogue::{
        command::{self, Given},
        extension::{Extension, Level, Provider, SurfaceQuery},
        list::List,
        per_swapchain::Frame,
    },
    driver::offer::Offer,
    frame::present_chain::PresentChain,
    vulkan::registry::FeaturesHead,
};

const MANIFEST: &str = include_str!("../../../manifest/VkLayer_wayfence.json");
const FEATURES: &str = include_str!("../../../docs/features.md");

/// The list with an extension that nobody else knows: what a new one takes.
static WITH_MADE_UP: List = List::of(&[&super::swapchain::EXTENSION, &made_up::EXTENSION]);

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

impl List {
    /// What the manifest says of the instance extensions.
    fn in_manifest(self) -> Value {
        let entries = self.provided(Level::Instance).flat_map(|extension| {
            extension.names.iter().map(|(name, revision)| {
                json!({
                    "name": text(name),
                    "spec_version": revision.to_string(),
                })
            })
        });
        entries.collect()
    }

    /// What `docs/features.md` says of them.
    fn in_features(self) -> String {
        let rows = [Level::Instance, Level::Device]
            .into_iter()
            .flat_map(|level| {
                self.provided(level).map(move |extension| {
                    let of_names = |of: &dyn Fn(&(&CStr, u32)) -> String| {
                        extension
                            .names
                            .iter()
                            .map(of)
                            .collect::<Vec<_>>()
                            .join(", ")
                    };
                    format!(
                        "| {} | {} | {} | {} |\n",
                        of_names(&|(name, _)| format!("`{}`", text(name))),
                        of_names(&|(_, revision)| revision.to_string()),
                        match level {
                            Level::Instance => "instance",
                            Level::Device => "device",
                        },
                        extension.needs,
                    )
                })
            });
        "| extension | revision | of | needs |\n| --- | --- | --- | --- |\n".to_owned()
            + &rows.collect::<String>()
    }
}

#[test]
fn the_manifest_promises_the_list() {
    let manifest: Value = serde_json::from_str(MANIFEST).unwrap();
    assert_eq!(
        manifest["layer"]["instance_extensions"],
        EXTENSIONS.in_manifest()
    );
    // The loader adds those of implicit layers to what it tells of every driver, above the driver and below the
    // layer, which then could not know what the driver has.
    assert!(manifest["layer"].get("device_extensions").is_none());
}

#[test]
fn the_documentation_has_the_list() {
    let table = EXTENSIONS.in_features();
    assert!(
        FEATURES.contains(&table),
        "docs/features.md lacks:\n{table}"
    );
}

#[test]
fn nothing_is_in_the_list_twice() {
    let mut names = HashSet::new();
    let mut commands = HashSet::new();
    let mut structures = HashSet::new();
    for extension in EXTENSIONS.iter() {
        for (name, _) in extension.names {
            assert!(names.insert(name), "{name:?}");
        }
        for command in extension.commands {
            assert!(commands.insert(command.name), "{:?}", command.name);
        }
        if let Some(features) = &extension.features {
            assert!(
                structures.insert(features.structure),
                "{:?}",
                features.structure
            );
        }
    }
}

#[test]
fn a_made_up_extension_is_enumerated() {
    let properties = WITH_MADE_UP.properties(Level::Device, |one| one.provider == Provider::Layer);
    let told: Vec<_> = properties
        .iter()
        .map(|one| (one.extension_name_as_c_str().unwrap(), one.spec_version))
        .collect();
    assert_eq!(told, [(made_up::KHR, 2), (made_up::EXT, 1)]);
    assert!(
        WITH_MADE_UP
            .properties(Level::Instance, |_| true)
            .is_empty()
    );
    assert!(WITH_MADE_UP.provides(made_up::KHR) && WITH_MADE_UP.provides(made_up::EXT));
    let row = "| `VK_KHR_made_up`, `VK_EXT_made_up` | 2, 1 | device | a good reason |\n";
    assert!(WITH_MADE_UP.in_features().ends_with(row));
}

#[test]
fn a_made_up_extension_has_commands() {
    for (name, given) in [
        (c"vkMadeUpKHR", Given::Device(made_up::KHR)),
        (c"vkMadeUpEXT", Given::Device(made_up::EXT)),
    ] {
        let command = WITH_MADE_UP.command(name).unwrap();
        assert_eq!(
            (command.level, command.given),
            (command::Level::Device, given)
        );
    }
    assert!(WITH_MADE_UP.command(c"vkMadeUp").is_none());
}

#[test]
fn a_made_up_extension_has_features() {
    #[repr(C)]
    struct MadeUpFeatures(FeaturesHead, [vk::Bool32; 3]);
    let mut features = MadeUpFeatures(
        FeaturesHead {
            s_type: made_up::FEATURES,
            p_next: null_mut(),
        },
        [vk::FALSE; 3],
    );
    let mut before = vk::PhysicalDeviceVulkan12Features {
        p_next: (&raw mut features).cast(),
        ..Default::default()
    };
    let chain = (&raw mut before).cast();
    for (wanted, expected) in [(false, [0, 0, 0]), (true, [1, 0, 1])] {
        // SAFETY: a chain of the test's own.
        unsafe { WITH_MADE_UP.fill_features(chain, |_| wanted) };
        assert_eq!(features.1, expected);
    }
    for (name, is_withheld) in [
        (made_up::KHR, false),
        (made_up::EXT, false),
        (c"VK_KHR_swapchain", true),
    ] {
        let withheld = WITH_MADE_UP.withholds(made_up::FEATURES, |passed| passed == name);
        assert_eq!(withheld, is_withheld, "{name:?}");
    }
    let size = size_of::<MadeUpFeatures>();
    assert_eq!(WITH_MADE_UP.size_of_features(made_up::FEATURES), Some(size));
    assert!(
        !WITH_MADE_UP.withholds(vk::PhysicalDeviceVulkan12Features::STRUCTURE_TYPE, |_| {
            false
        })
    );
}

#[test]
fn a_made_up_extension_tells_of_surfaces() {
    let info = vk::PhysicalDeviceSurfaceInfo2KHR::default();
    let query = SurfaceQuery {
        info: &info,
        capabilities: vk::SurfaceCapabilitiesKHR {
            min_image_count: 7,
            ..Default::default()
        },
        offer: None,
    };
    let mut capabilities = made_up::Capabilities::default();
    let chain = (&raw mut capabilities).cast();
    let is_of = |name| move |one: &Extension| one.is_called(name);
    // SAFETY: a chain of the test's own.
    unsafe { WITH_MADE_UP.fill_capabilities(&query, chain, is_of(c"VK_KHR_swapchain")) };
    assert_eq!(capabilities.value, 0);
    // SAFETY: as above.
    unsafe { WITH_MADE_UP.fill_capabilities(&query, chain, is_of(made_up::EXT)) };
    assert_eq!(capabilities.value, 7);

    let offer = Offer {
        formats: Vec::new(),
        surface_formats: Vec::new(),
        usage: vk::ImageUsageFlags::empty(),
        max_extent: vk::Extent2D::default(),
        present_modes: Vec::new(),
        times: false,
        schedules: false,
    };
    let mut format = made_up::FormatProperties::default();
    let chain = (&raw mut format).cast();
    // SAFETY: as above.
    unsafe { WITH_MADE_UP.fill_format(&offer, vk::Format::B8G8R8A8_SRGB, chain) };
    assert_eq!(format.value, vk::Format::B8G8R8A8_SRGB.as_raw() as u32);
}

#[test]
fn a_made_up_extension_has_a_say_in_creation() {
    let mut create = made_up::CreateInfo::default();
    let create: *mut made_up::CreateInfo<'_> = &raw mut create;
    let info = vk::SwapchainCreateInfoKHR {
        p_next: create.cast_const().cast(),
        ..Default::default()
    };
    // SAFETY: a chain of the test's own.
    unsafe {
        assert_eq!(
            WITH_MADE_UP.read_creation(&info, |_| true).err(),
            Some("made up")
        );
        assert!(WITH_MADE_UP.read_creation(&info, |_| false).is_ok());
        (*create).value = 1;
        let asked = WITH_MADE_UP.read_creation(&info, |_| true).unwrap();
        assert_eq!(asked.present_modes, [vk::PresentModeKHR::MAILBOX]);
    }
}

#[test]
fn a_made_up_extension_has_a_say_in_presents() {
    let values: Vec<_> = (10..14)
        .map(|id| made_up::Value {
            id,
            more: id as u32,
        })
        .collect();
    let present = made_up::PresentMadeUp {
        s_type: made_up::PresentMadeUp::STRUCTURE_TYPE,
        p_next: null(),
        swapchain_count: values.len() as u32,
        p_values: values.as_ptr(),
        of_all: 5,
        chain: std::marker::PhantomData,
    };
    let ids = [20_u64, 0, 22, 23];
    let other = vk::PresentIdKHR {
        p_next: (&raw const present).cast(),
        ..vk::PresentIdKHR::default().present_ids(&ids)
    };
    let chain = (&raw const other).cast();
    let mut frame = Frame::default();
    // SAFETY: a chain of the test's own.
    unsafe { WITH_MADE_UP.read_present(chain, 3, &mut frame) };
    assert_eq!(frame.id, Some(13));

    // A driver that has some of the swapchains gets what concerns them.
    // SAFETY: as above.
    let chain = unsafe { PresentChain::of(WITH_MADE_UP, chain) };
    let (seen, of_all) = chain.with_subset(&[1, 3], |subset| {
        // SAFETY: valid during this call.
        let ours =
            unsafe { crate::vulkan::p_next::find::<made_up::PresentMadeUp<'_>>(subset) }.unwrap();
        assert!(
            ours.p_next.is_null(),
            "nobody else of the list is in the chain"
        );
        // SAFETY: as above.
        let values = unsafe { crate::vulkan::p_next::slice(ours.p_values, ours.swapchain_count) };
        let seen: Vec<_> = values.iter().map(|value| (value.id, value.more)).collect();
        (seen, ours.of_all)
    });
    assert_eq!(seen, [(11, 11), (13, 13)]);
    assert_eq!(of_all, 5);
}

/// The driver's part of a present keeps all that the extensions of the list say.
#[test]
fn the_drivers_part_of_a_present_has_its_values() {
    let ids = [20_u64, 0, 22];
    let modes = [
        vk::PresentModeKHR::FIFO,
        vk::PresentModeKHR::MAILBOX,
        vk::PresentModeKHR::IMMEDIATE,
    ];
    let masks = [1_u32, 2, 4];
    let rectangles = [vk::RectLayerKHR {
        layer: 3,
        ..Default::default()
    }];
    let regions = [
        vk::PresentRegionKHR::default(),
        vk::PresentRegionKHR::default().rectangles(&rectangles),
        vk::PresentRegionKHR::default(),
    ];
    let mut of_ids = vk::PresentIdKHR::default().present_ids(&ids);
    let mut of_modes = vk::SwapchainPresentModeInfoEXT::default().present_modes(&modes);
    let mut of_masks = vk::DeviceGroupPresentInfoKHR::default()
        .device_masks(&masks)
        .mode(vk::DeviceGroupPresentModeFlagsKHR::REMOTE);
    let mut of_regions = vk::PresentRegionsKHR::default().regions(&regions);
    let info = vk::PresentInfoKHR::default()
        .push_next(&mut of_ids)
        .push_next(&mut of_modes)
        .push_next(&mut of_masks)
        .push_next(&mut of_regions);
    // SAFETY: a chain of the test's own.
    let chain = unsafe { PresentChain::of(EXTENSIONS, info.p_next) };
    assert_eq!((chain.frame(0).id, chain.frame(1).id), (Some(20), None));
    assert_eq!(chain.frame(1).damage.len(), 1);
    chain.with_subset(&[1, 2], |subset| {
        // SAFETY: valid during this call.
        unsafe {
            use crate::vulkan::p_next::{find, slice};
            let of = find::<vk::PresentIdKHR<'_>>(subset).unwrap();
            assert_eq!(slice(of.p_present_ids, of.swapchain_count), &ids[1..]);
            let of = find::<vk::SwapchainPresentModeInfoEXT<'_>>(subset).unwrap();
            assert_eq!(slice(of.p_present_modes, of.swapchain_count), &modes[1..]);
            let of = find::<vk::DeviceGroupPresentInfoKHR<'_>>(subset).unwrap();
            assert_eq!(slice(of.p_device_masks, of.swapchain_count), &masks[1..]);
            assert_eq!(of.mode, vk::DeviceGroupPresentModeFlagsKHR::REMOTE);
            let of = find::<vk::PresentRegionsKHR<'_>>(subset).unwrap();
            let of = slice(of.p_regions, of.swapchain_count);
            assert_eq!((of[0].rectangle_count, of[1].rectangle_count), (1, 0));
            assert!(find::<vk::SwapchainPresentFenceInfoEXT<'_>>(subset).is_none());
        }
    });
}
