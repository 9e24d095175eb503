//! From a handle to the layer's object.
//!
//! A dispatchable handle points to the loader's dispatch table, which all handles of one instance, or
//! of one device, share (`LoaderLayerInterface.md`, "Layer Dispatch Initialization"): its address is
//! the key.

use std::{
    collections::HashMap,
    ffi::c_void,
    sync::{Arc, PoisonError, RwLock},
};

use ash::vk;

use crate::{objects::instance::Instance, swapchain::owner::Owner};

static INSTANCES: Table<Instance> = Table::new();
static DEVICES: Table<Owner> = Table::new();

/// Objects by their dispatch key.
struct Table<T>(RwLock<Option<HashMap<usize, Arc<T>>>>);

impl<T> Table<T> {
    const fn new() -> Self {
        Table(RwLock::new(None))
    }

    fn get(&self, key: usize) -> Option<Arc<T>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()?
            .get(&key)
            .cloned()
    }

    fn insert(&self, key: usize, object: Arc<T>) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.get_or_insert_default().insert(key, object);
    }

    fn all(&self) -> Vec<Arc<T>> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.iter().flat_map(HashMap::values).cloned().collect()
    }

    fn remove(&self, key: usize) -> Option<Arc<T>> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()?
            .remove(&key)
    }
}

/// A handle that points to a dispatch table.
pub trait Dispatchable: vk::Handle {}
impl Dispatchable for vk::Instance {}
impl Dispatchable for vk::PhysicalDevice {}
impl Dispatchable for vk::Device {}
impl Dispatchable for vk::Queue {}

/// # Safety
/// `handle` is a valid dispatchable handle.
unsafe fn key(handle: impl Dispatchable) -> usize {
    let pointer = handle.as_raw() as usize as *const *const c_void;
    // SAFETY: a dispatchable handle points to a structure that begins with the dispatch pointer.
    unsafe { *pointer as usize }
}

/// The instance of a `VkInstance` or `VkPhysicalDevice`.
///
/// # Safety
/// `handle` is a valid handle of one of these types.
pub unsafe fn instance(handle: impl Dispatchable) -> Option<Arc<Instance>> {
    // SAFETY: the caller guarantees a valid handle.
    INSTANCES.get(unsafe { key(handle) })
}

/// The device of a `VkDevice` or `VkQueue`.
///
/// # Safety
/// `handle` is a valid handle of one of these types.
pub unsafe fn device(handle: impl Dispatchable) -> Option<Arc<Owner>> {
    // SAFETY: the caller guarantees a valid handle.
    DEVICES.get(unsafe { key(handle) })
}

/// # Safety
/// `handle` is the valid handle of this instance.
pub unsafe fn add_instance(handle: vk::Instance, object: Arc<Instance>) {
    // SAFETY: the caller guarantees a valid handle.
    INSTANCES.insert(unsafe { key(handle) }, object);
}

/// # Safety
/// `handle` is a valid handle.
pub unsafe fn remove_instance(handle: vk::Instance) -> Option<Arc<Instance>> {
    // SAFETY: the caller guarantees a valid handle.
    INSTANCES.remove(unsafe { key(handle) })
}

/// The devices of an instance.
pub fn devices_of(instance: vk::Instance) -> impl Iterator<Item = Arc<Owner>> {
    let devices = DEVICES.all().into_iter();
    devices.filter(move |device| device.instance.handle == instance)
}

/// # Safety
/// `handle` is the valid handle of this device.
pub unsafe fn add_device(handle: vk::Device, object: Arc<Owner>) {
    // SAFETY: the caller guarantees a valid handle.
    DEVICES.insert(unsafe { key(handle) }, object);
}

/// # Safety
/// `handle` is a valid handle.
pub unsafe fn remove_device(handle: vk::Device) -> Option<Arc<Owner>> {
    // SAFETY: the caller guarantees a valid handle.
    DEVICES.remove(unsafe { key(handle) })
}
