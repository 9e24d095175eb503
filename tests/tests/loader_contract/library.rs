//! The library: its interface version, its properties, and its manifest.

use std::ffi::CStr;
use std::fs;

use ash::vk;
use wayfence_tests::layers;
use wayfence_tests::loader::{Library, interface};

use crate::names::NO_INSTANCE;

#[test]
fn both_sides_agree_on_version_2() {
    let library = Library::open();
    for offered in [2, 3, 99] {
        let mut asked = interface(offered);
        // SAFETY: the structure is valid.
        let answer = unsafe { (library.negotiate())(&mut asked) };
        assert_eq!(answer, vk::Result::SUCCESS);
        assert_eq!(asked.loader_layer_interface_version, 2);
        assert!(asked.get_instance_proc_addr.is_some());
        assert!(asked.get_device_proc_addr.is_some());
        assert!(asked.get_physical_device_proc_addr.is_some());
    }
}

#[test]
fn another_interface_is_refused() {
    let library = Library::open();
    let mut too_old = interface(1);
    let mut unknown = interface(2);
    unknown.s_type = 0;
    for asked in [&mut too_old, &mut unknown] {
        // SAFETY: the structure is valid.
        let answer = unsafe { (library.negotiate())(asked) };
        assert_eq!(answer, vk::Result::ERROR_INITIALIZATION_FAILED);
    }
}

/// "The layer's library must stay mapped": a proxy listener or a thread-local destructor may
/// outlive the loader's `dlclose`.
#[test]
fn the_library_stays_mapped_after_it_is_closed() {
    // A copy, so that no other test of this process has it open.
    let copy = std::env::temp_dir().join(format!("wayfence-nodelete-{}.so", std::process::id()));
    fs::copy(layers::library(), &copy).unwrap();
    let is_mapped = || {
        fs::read_to_string("/proc/self/maps")
            .unwrap()
            .contains(copy.to_str().unwrap())
    };
    assert!(!is_mapped());
    // SAFETY: the library's constructors have no precondition.
    let library = unsafe { libloading::Library::new(&copy) }.unwrap();
    assert!(is_mapped());
    library.close().unwrap();
    assert!(is_mapped());
    fs::remove_file(&copy).unwrap();
}

#[test]
fn the_layer_describes_itself_and_nobody_else() {
    let library = Library::open();
    // SAFETY: global functions of these names have these types.
    let (layers, extensions): (
        vk::PFN_vkEnumerateInstanceLayerProperties,
        vk::PFN_vkEnumerateInstanceExtensionProperties,
    ) = unsafe {
        (
            library.function(NO_INSTANCE, c"vkEnumerateInstanceLayerProperties"),
            library.function(NO_INSTANCE, c"vkEnumerateInstanceExtensionProperties"),
        )
    };
    let mut count = 0;
    // SAFETY: a null array asks for the count.
    let answer = unsafe { layers(&mut count, std::ptr::null_mut()) };
    assert_eq!((answer, count), (vk::Result::SUCCESS, 1));
    let mut own = [vk::LayerProperties::default()];
    // SAFETY: there is room for `count`.
    let answer = unsafe { layers(&mut count, own.as_mut_ptr()) };
    assert_eq!((answer, count), (vk::Result::SUCCESS, 1));
    assert_eq!(
        own[0].layer_name_as_c_str().unwrap().to_str().unwrap(),
        layers::WAYFENCE
    );
    count = 0;
    // SAFETY: there is room for none.
    let answer = unsafe { layers(&mut count, own.as_mut_ptr()) };
    assert_eq!((answer, count), (vk::Result::INCOMPLETE, 0));

    let ask = |layer: &CStr, capacity: Option<u32>| {
        let mut count = capacity.unwrap_or(0);
        let mut some = vec![vk::ExtensionProperties::default(); count as usize + 1];
        let array = match capacity {
            Some(_) => some.as_mut_ptr(),
            None => std::ptr::null_mut(),
        };
        // SAFETY: a null array asks for the count, another has room for it.
        let answer = unsafe { extensions(layer.as_ptr(), &mut count, array) };
        some.truncate(count as usize);
        (answer, count, some)
    };
    let own = c"VK_LAYER_WAYFENCE_wsi";
    let (answer, all, _) = ask(own, None);
    assert_eq!(answer, vk::Result::SUCCESS);
    for capacity in 0..=all + 1 {
        let (answer, written, some) = ask(own, Some(capacity));
        assert_eq!(written, capacity.min(all));
        assert_eq!(
            answer,
            if capacity < all {
                vk::Result::INCOMPLETE
            } else {
                vk::Result::SUCCESS
            }
        );
        assert!(some.iter().all(|one| one.spec_version > 0));
    }
    assert_eq!(
        ask(c"VK_LAYER_KHRONOS_validation", None).0,
        vk::Result::ERROR_LAYER_NOT_PRESENT
    );
}

/// The loader reads the manifest, applications may ask the layer: both say the same.
#[test]
fn the_manifest_promises_what_the_layer_has() {
    let library = Library::open();
    let manifest = include_str!("../../../manifest/VkLayer_wayfence.json");
    // SAFETY: the global function of this name has this type.
    let extensions: vk::PFN_vkEnumerateInstanceExtensionProperties =
        unsafe { library.function(NO_INSTANCE, c"vkEnumerateInstanceExtensionProperties") };
    let mut count = 16;
    let mut own = [vk::ExtensionProperties::default(); 16];
    // SAFETY: there is room for `count`.
    let answer = unsafe {
        extensions(
            c"VK_LAYER_WAYFENCE_wsi".as_ptr(),
            &mut count,
            own.as_mut_ptr(),
        )
    };
    assert_eq!(answer, vk::Result::SUCCESS);
    for extension in &own[..count as usize] {
        let name = extension.extension_name_as_c_str().unwrap();
        let promise = format!(
            "\"name\": {name:?}, \"spec_version\": \"{}\"",
            extension.spec_version
        );
        assert!(manifest.contains(&promise), "{promise} in the manifest");
    }
    assert!(manifest.contains("\"name\": \"VK_LAYER_WAYFENCE_wsi\""));
    assert!(manifest.contains("\"vkNegotiateLoaderLayerInterfaceVersion\""));
}
