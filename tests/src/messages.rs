//! Warnings and errors of layers and driver, through `VK_EXT_debug_utils`.

use std::ffi::{CStr, c_void};
use std::sync::{Mutex, PoisonError};

use ash::vk;

/// Warnings and errors, in order of arrival, from any thread.
#[derive(Default)]
pub struct Messages(Mutex<Vec<String>>);

impl Messages {
    /// Everything so far.
    pub fn so_far(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The create info of a messenger that writes here.
    ///
    /// # Safety
    /// `self` stays where it is and alive for as long as the messenger made from the create info,
    /// or the call that it is chained to.
    pub unsafe fn messenger(&self) -> vk::DebugUtilsMessengerCreateInfoEXT<'static> {
        vk::DebugUtilsMessengerCreateInfoEXT::default()
            .message_severity(
                vk::DebugUtilsMessageSeverityFlagsEXT::ERROR
                    | vk::DebugUtilsMessageSeverityFlagsEXT::WARNING,
            )
            .message_type(
                vk::DebugUtilsMessageTypeFlagsEXT::GENERAL
                    | vk::DebugUtilsMessageTypeFlagsEXT::VALIDATION
                    | vk::DebugUtilsMessageTypeFlagsEXT::PERFORMANCE,
            )
            .pfn_user_callback(Some(receive))
            .user_data(std::ptr::from_ref(self).cast_mut().cast())
    }
}

/// # Safety
/// Called by Vulkan with the user data of [`Messages::messenger`].
unsafe extern "system" fn receive(
    severity: vk::DebugUtilsMessageSeverityFlagsEXT,
    kind: vk::DebugUtilsMessageTypeFlagsEXT,
    data: *const vk::DebugUtilsMessengerCallbackDataEXT<'_>,
    user_data: *mut c_void,
) -> vk::Bool32 {
    // SAFETY: the user data is the `Messages` that `messenger` was called on, which its caller
    // keeps alive; it is only ever shared.
    let messages = unsafe { &*user_data.cast::<Messages>() };
    // SAFETY: Vulkan passes a valid structure with valid or null strings for the call.
    let text = unsafe {
        data.as_ref()
            .map(|data| data.p_message)
            .filter(|text| !text.is_null())
            .map(|text| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    messages
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(format!(
            "{severity:?} {kind:?}: {}",
            text.unwrap_or_default()
        ));
    vk::FALSE
}
