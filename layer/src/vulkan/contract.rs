//! The loader's side of the contract: the structures of `vk_layer.h`, named as there
//! (Vulkan-Loader, `LoaderLayerInterface.md`).

use std::ffi::{c_char, c_void};

use ash::vk;

/// `PFN_GetPhysicalDeviceProcAddr`.
pub type PfnGetPhysicalDeviceProcAddr =
    unsafe extern "system" fn(vk::Instance, *const c_char) -> vk::PFN_vkVoidFunction;

/// `LAYER_NEGOTIATE_INTERFACE_STRUCT`.
pub const LAYER_NEGOTIATE_INTERFACE_STRUCT: i32 = 1;

/// The version of the loader-layer interface that this layer speaks.
pub const INTERFACE_VERSION: u32 = 2;

/// `VkNegotiateLayerInterface`.
#[repr(C)]
pub struct VkNegotiateLayerInterface {
    /// [`LAYER_NEGOTIATE_INTERFACE_STRUCT`].
    pub s_type: i32,
    /// Unused.
    pub p_next: *mut c_void,
    /// In: the newest version that the loader speaks; out: the one to use.
    pub loader_layer_interface_version: u32,
    /// Out.
    pub pfn_get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    /// Out.
    pub pfn_get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
    /// Out; from version 2 on.
    pub pfn_get_physical_device_proc_addr: Option<PfnGetPhysicalDeviceProcAddr>,
}

/// `VK_LAYER_LINK_INFO` of `VkLayerFunction`.
const VK_LAYER_LINK_INFO: i32 = 0;

/// `VkLayerInstanceLink`: the next layer's entry points.
#[repr(C)]
pub struct VkLayerInstanceLink {
    p_next: *mut VkLayerInstanceLink,
    /// The next `vkGetInstanceProcAddr`.
    pub pfn_next_get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    /// The next `vk_layerGetPhysicalDeviceProcAddr`, if it has one.
    pub pfn_next_get_physical_device_proc_addr: Option<PfnGetPhysicalDeviceProcAddr>,
}

/// `VkLayerDeviceLink`: the next layer's entry points.
#[repr(C)]
pub struct VkLayerDeviceLink {
    p_next: *mut VkLayerDeviceLink,
    /// The next `vkGetInstanceProcAddr`.
    pub pfn_next_get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    /// The next `vkGetDeviceProcAddr`.
    pub pfn_next_get_device_proc_addr: vk::PFN_vkGetDeviceProcAddr,
}

/// `VkLayerInstanceCreateInfo` and `VkLayerDeviceCreateInfo`, which differ in the link only.
#[repr(C)]
struct VkLayerCreateInfo<Link> {
    s_type: vk::StructureType,
    p_next: *const c_void,
    function: i32,
    p_layer_info: *mut Link,
}

/// The place in the loader's chain where this layer's link stands.
pub struct Chain<Link> {
    info: *mut VkLayerCreateInfo<Link>,
    link: *mut Link,
}

/// A link that knows the one after it.
pub trait NextLink {
    /// The `sType` of the create info that carries such links.
    const S_TYPE: vk::StructureType;
    /// The link of the layer after the next.
    fn next(&self) -> *mut Self;
}

impl NextLink for VkLayerInstanceLink {
    const S_TYPE: vk::StructureType = vk::StructureType::LOADER_INSTANCE_CREATE_INFO;
    fn next(&self) -> *mut Self {
        self.p_next
    }
}

impl NextLink for VkLayerDeviceLink {
    const S_TYPE: vk::StructureType = vk::StructureType::LOADER_DEVICE_CREATE_INFO;
    fn next(&self) -> *mut Self {
        self.p_next
    }
}

impl<Link: NextLink> Chain<Link> {
    /// Finds the link information (`VK_LAYER_LINK_INFO`) in a create info's `pNext` chain.
    ///
    /// # Safety
    /// `p_next` is a valid chain of Vulkan structures in which those of type `Link::S_TYPE` are the
    /// loader's, alive and not used by others for as long as the answer lives.
    pub unsafe fn find(p_next: *const c_void) -> Option<Self> {
        let mut current = p_next.cast::<vk::BaseInStructure<'_>>();
        // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
        while let Some(structure) = unsafe { current.as_ref() } {
            if structure.s_type == Link::S_TYPE {
                let info = current.cast_mut().cast::<VkLayerCreateInfo<Link>>();
                // SAFETY: a structure of this type is the loader's and has this layout, and the loader lets
                // layers change it.
                let VkLayerCreateInfo {
                    function,
                    p_layer_info,
                    ..
                } = unsafe { &*info };
                if *function == VK_LAYER_LINK_INFO && !p_layer_info.is_null() {
                    return Some(Chain {
                        info,
                        link: *p_layer_info,
                    });
                }
            }
            current = structure.p_next;
        }
        None
    }

    /// This layer's link: the entry points of the next.
    pub fn link(&self) -> &Link {
        // SAFETY: `find` saw a non-null link of the loader's, which lives during the create call.
        unsafe { &*self.link }
    }

    /// Advances the chain, so that the next layer finds its own link. To be called before each call down.
    pub fn advance(&mut self) {
        let next = self.link().next();
        // SAFETY: `find` saw it valid, and the loader gives it to the layers to advance.
        unsafe { (*self.info).p_layer_info = next };
    }
}
