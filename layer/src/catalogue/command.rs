//! A command that the layer intercepts: its name, and when the application gets the layer's function.

use std::ffi::CStr;

/// The level of a command, by the type of its first parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Of nothing.
    Global,
    /// `VkInstance`.
    Instance,
    /// `VkPhysicalDevice`.
    PhysicalDevice,
    /// `VkDevice` or `VkQueue`.
    Device,
}

/// What must be enabled for the command to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    Always,
    /// An instance extension.
    Instance(&'static CStr),
    /// A device extension.
    Device(&'static CStr),
    /// Nothing, but the layer intercepts it only with this device extension.
    Core(&'static CStr),
    /// `VK_KHR_swapchain`, with Vulkan 1.1 or this device extension.
    SwapchainWith(&'static CStr),
    /// Whatever the next layer says.
    Below,
}

/// A command and the layer's function for it.
pub struct Command {
    /// Its name.
    pub name: &'static CStr,
    /// What it is a command of.
    pub level: Level,
    /// When the application gets the layer's function.
    pub given: Given,
    /// The function, of the type that belongs to the name.
    pub function: unsafe extern "system" fn(),
}

/// A [`Command`] from its name, level, condition, function, and the function's type in `ash::vk` or
/// elsewhere.
macro_rules! command {
    ($name:literal, $level:ident, $given:expr, $function:expr, $type:ident) => {
        $crate::catalogue::command::command!($name, $level, $given, $function, ash::vk::$type)
    };
    ($name:literal, $level:ident, $given:expr, $function:expr, $type:ty) => {
        $crate::catalogue::command::Command {
            name: $name,
            level: $crate::catalogue::command::Level::$level,
            given: $given,
            function: {
                let function: $type = $function;
                // SAFETY: function pointers of one calling convention have one size; whoever gets it
                // casts it back to the type that its name tells.
                unsafe { std::mem::transmute::<$type, unsafe extern "system" fn()>(function) }
            },
        }
    };
}
pub(crate) use command;
