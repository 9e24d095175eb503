//! Settings of an instance (`VK_EXT_layer_settings`).

use std::ffi::{CStr, c_char};

use ash::{ext, vk};
use wayfence_tests::driver;
use wayfence_tests::instance::WAYLAND;
use wayfence_tests::loader::{LayerInstance, Library};

use crate::names::{DEVICE_EXTENSIONS, INSTANCE_EXTENSIONS, WAYFENCE};

fn string_setting<'a>(
    layer: &'a CStr,
    name: &'a CStr,
    values: &'a [*const c_char],
) -> vk::LayerSettingEXT<'a> {
    vk::LayerSettingEXT {
        p_layer_name: layer.as_ptr(),
        p_setting_name: name.as_ptr(),
        ty: vk::LayerSettingTypeEXT::STRING,
        value_count: values.len() as u32,
        p_values: values.as_ptr().cast(),
        ..Default::default()
    }
}

/// Layers below may read the application's settings; a driver may not know the extension.
#[test]
fn an_instance_with_settings_is_made_on_any_driver() {
    let library = Library::open();
    let with_settings: Vec<_> = INSTANCE_EXTENSIONS
        .iter()
        .copied()
        .chain([ext::layer_settings::NAME])
        .collect();
    let only_needs = &INSTANCE_EXTENSIONS[3..];
    let nothing: &[&CStr] = &[];
    for (has, wayland) in [
        (with_settings.as_slice(), true),
        (INSTANCE_EXTENSIONS, true),
        (only_needs, true),
        (INSTANCE_EXTENSIONS, false),
        (nothing, false),
    ] {
        driver::install(has, DEVICE_EXTENSIONS);
        let mut asked = vec![ext::layer_settings::NAME];
        if wayland {
            asked.extend(WAYLAND);
        }
        let value = [c"cpu".as_ptr()];
        let setting = string_setting(WAYFENCE, c"sync", &value);
        let _instance =
            LayerInstance::with_settings(&library, vk::API_VERSION_1_0, &asked, &[setting])
                .unwrap();
        let seen = driver::driver();
        let got = seen.instances.last().unwrap();
        for name in &asked {
            assert_eq!(
                got.iter().any(|got| got.as_c_str() == *name),
                has.contains(name),
                "{name:?} of {has:?}"
            );
        }
        assert!(
            seen.chained
                .contains(&vk::StructureType::LAYER_SETTINGS_CREATE_INFO_EXT),
            "the application's structures reach the driver"
        );
    }
}

/// Settings of other layers, unknown ones and broken ones do not fail an instance.
#[test]
fn settings_that_are_not_understood_are_left_alone() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let texts = [c"nonsense".as_ptr(), c"cpu".as_ptr()];
    let number = [7_u32];
    let of = |name: &'static CStr| string_setting(WAYFENCE, name, &texts[..1]);
    let settings = [
        string_setting(c"VK_LAYER_TEST_other", c"sync", &texts[..1]),
        of(c"unknown"),
        of(c""),
        of(c"sync"),
        of(c"sync"),
        of(c"log"),
        vk::LayerSettingEXT {
            ty: vk::LayerSettingTypeEXT::UINT32,
            p_values: number.as_ptr().cast(),
            ..of(c"report")
        },
        vk::LayerSettingEXT {
            value_count: 2,
            p_values: texts.as_ptr().cast(),
            ..of(c"sync")
        },
        vk::LayerSettingEXT {
            value_count: 0,
            p_values: std::ptr::null(),
            ..of(c"log")
        },
    ];
    for count in 0..=settings.len() {
        let settings = &settings[..count];
        LayerInstance::with_settings(&library, vk::API_VERSION_1_1, WAYLAND, settings).unwrap();
    }
}
