//! `VK_KHR_made_up`, which exists only in tests and uses every field.

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
};

use ash::vk;

use crate::{
    catalogue::{
        command::{Given, command},
        creation::Asked,
        extension::{Extension, Features, SurfaceQuery},
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    driver::offer::Offer,
    vulkan::p_next,
};

/// Its newer name.
pub const KHR: &CStr = c"VK_KHR_made_up";
/// Its older name.
pub const EXT: &CStr = c"VK_EXT_made_up";
/// The type of the structure of its features.
pub const FEATURES: vk::StructureType = vk::StructureType::from_raw(1_999_000_000);

type PfnMadeUp = unsafe extern "system" fn(vk::Device);

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "a good reason",
    features: Some(Features {
        structure: FEATURES,
        supported: &[true, false, true],
    }),
    commands: &[
        command!(
            c"vkMadeUpKHR",
            Device,
            Given::Device(KHR),
            made_up,
            self::PfnMadeUp
        ),
        command!(
            c"vkMadeUpEXT",
            Device,
            Given::Device(EXT),
            made_up,
            self::PfnMadeUp
        ),
        command!(
            c"vkCreateImage",
            Device,
            Given::Core(KHR),
            made_up,
            self::PfnMadeUp
        ),
    ],
    color_spaces: Some(|_| vec![vk::ColorSpaceKHR::DOLBYVISION_EXT]),
    capabilities: Some(fill_capabilities),
    format: Some(fill_format),
    creation: Some(read_creation),
    present: Some(read_present),
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe { PerSwapchain::of::<PresentMadeUp<'_>, Value>() }],
    ..Extension::device(&[(KHR, 2), (EXT, 1)])
};

unsafe extern "system" fn made_up(_: vk::Device) {}

/// A structure for each of its queries.
#[repr(C)]
pub struct MadeUp<'a, const TYPE: i32> {
    pub s_type: vk::StructureType,
    pub p_next: *mut c_void,
    pub value: u32,
    pub chain: PhantomData<&'a ()>,
}

impl<const TYPE: i32> Default for MadeUp<'_, TYPE> {
    fn default() -> Self {
        MadeUp {
            s_type: vk::StructureType::from_raw(TYPE),
            p_next: std::ptr::null_mut(),
            value: 0,
            chain: PhantomData,
        }
    }
}

// SAFETY: nobody else has a structure of these types.
unsafe impl<const TYPE: i32> vk::TaggedStructure for MadeUp<'_, TYPE> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(TYPE);
}

pub type Capabilities<'a> = MadeUp<'a, 1_999_000_001>;
pub type FormatProperties<'a> = MadeUp<'a, 1_999_000_002>;
pub type CreateInfo<'a> = MadeUp<'a, 1_999_000_003>;

/// What a present says of a swapchain.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    pub id: u64,
    pub more: u32,
}

/// What a present says of its swapchains.
#[repr(C)]
pub struct PresentMadeUp<'a> {
    pub s_type: vk::StructureType,
    pub p_next: *const c_void,
    pub swapchain_count: u32,
    pub p_values: *const Value,
    pub of_all: u32,
    pub chain: PhantomData<&'a ()>,
}

// SAFETY: nobody else has a structure of this type.
unsafe impl vk::TaggedStructure for PresentMadeUp<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_999_000_004);
}

unsafe fn fill_capabilities(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    if let Some(ours) = unsafe { p_next::find_mut::<Capabilities<'_>>(chain) } {
        ours.value = query.capabilities.min_image_count;
    }
}

unsafe fn fill_format(_: &Offer, format: vk::Format, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::format` says.
    if let Some(ours) = unsafe { p_next::find_mut::<FormatProperties<'_>>(chain) } {
        ours.value = format.as_raw() as u32;
    }
}

unsafe fn read_creation(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: &mut Asked,
) -> Result<(), &'static str> {
    // SAFETY: a valid chain, as `Extension::creation` says.
    match unsafe { p_next::find::<CreateInfo<'_>>(info.p_next) } {
        Some(ours) if ours.value == 0 => Err("made up"),
        Some(_) => {
            asked.present_modes.push(vk::PresentModeKHR::MAILBOX);
            Ok(())
        }
        None => Ok(()),
    }
}

unsafe fn read_present(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says.
    unsafe {
        if let Some(ours) = p_next::find::<PresentMadeUp<'_>>(chain) {
            let value = value_at(ours.p_values, ours.swapchain_count, at);
            frame.id = value.map(|value| value.id);
        }
    }
}
