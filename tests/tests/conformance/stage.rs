//! What cases run on: a compositor, and one instance and device for all of them, with every window-system
//! extension that they have.

use std::ffi::{CStr, c_void};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{env, iter};

use ash::{ext, khr, vk};
use wayfence_test_compositor::{Behaviour, Colour, Compositor, Format, Offer};
use wayfence_tests::compositor;
use wayfence_tests::instance::{Options, WAYLAND};
use wayfence_tests::layers::{self, VALIDATION};
use wayfence_tests::other_driver::OtherDriver;
use wayfence_tests::physical_device::{layouts, render_node};
use wayfence_tests::{Application, Device, Instance, Surface, Window};

use crate::names::{self, Feature};
use crate::outcome::{NotSupported, Outcome};

/// The refresh of the scripted compositor.
const REFRESH: Duration = Duration::from_millis(16);

/// Longer than any refresh in the virtual machine.
const LAST_REFRESHES: Duration = Duration::from_secs(3);

/// After this a minimised window has faded out.
const FADING: Duration = Duration::from_secs(10);

/// Instance and device, which outlive the cases: the driver stays loaded.
struct Kit {
    instance: Arc<Instance>,
    device: Arc<Device>,
    of_instance: Vec<&'static CStr>,
    of_device: Vec<&'static CStr>,
}

static KIT: Mutex<Option<Arc<Kit>>> = Mutex::new(None);

/// What a case runs on.
pub struct Stage {
    kit: Arc<Kit>,
    compositor: Option<Compositor>,
}

impl Stage {
    /// Runs a case.
    ///
    /// # Panics
    /// If it breaks a rule of Wayland, or one that the validation layer knows.
    pub fn set(case: fn(&Stage) -> Outcome) -> Outcome {
        let scripted = env::var("WAYFENCE_TEST_COMPOSITOR").is_ok_and(|name| name == "scripted");
        let compositor = scripted.then(|| {
            Compositor::new(Offer {
                fifo: true,
                commit_timing: true,
                tearing_control: true,
                colour: Some(Colour::default()),
                behaviour: Behaviour::Automatic { refresh: REFRESH },
                ..on_the_drivers_device()
            })
        });
        let kit = Arc::clone(
            KIT.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| Arc::new(Kit::new(window(compositor.as_ref())))),
        );
        let before = kit.messages().len();
        let stage = Stage { kit, compositor };
        let outcome = case(&stage);
        if let Some(compositor) = &stage.compositor {
            let errors = compositor.protocol_errors();
            assert!(errors.is_empty(), "{errors:?}");
        }
        let messages = stage.kit.messages().split_off(before);
        assert!(messages.is_empty(), "{}", messages.join("; "));
        outcome
    }

    /// Ends it after the last case.
    pub fn end() {
        drop(KIT.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// An application with one window, on the device of all cases.
    pub fn app(&self) -> Application {
        Application {
            surface: Surface::of_window(&self.kit.instance, self.window()),
            device: Arc::clone(&self.kit.device),
        }
    }

    /// An application with an instance and a device of its own.
    pub fn app_with(&self, options: Options<'_>) -> Application {
        let instance = Instance::new(options);
        Application {
            surface: Surface::of_window(&instance, self.window()),
            device: Device::new(&instance),
        }
    }

    /// A window on a connection of its own.
    pub fn window(&self) -> Window {
        window(self.compositor.as_ref())
    }

    /// The instance of all cases.
    pub fn instance(&self) -> &Arc<Instance> {
        &self.kit.instance
    }

    /// The device of all cases.
    pub fn device(&self) -> &Arc<Device> {
        &self.kit.device
    }

    /// The compositor that does what a case tells it to.
    pub fn scripted(&self) -> Result<&Compositor, NotSupported> {
        self.compositor.as_ref().ok_or_else(|| {
            NotSupported::because("only the scripted compositor can be told to do this")
        })
    }

    /// Hides the application's window for good. To be called when the compositor has its frames.
    pub fn hide(&self, app: &Application) -> Outcome {
        let window = app.surface.window();
        match &self.compositor {
            Some(compositor) => {
                let clients = compositor.clients();
                for surface in clients
                    .into_iter()
                    .flat_map(|client| compositor.surfaces(client))
                {
                    compositor.hide(surface);
                }
            }
            None => {
                window.minimise();
                compositor::leave_workspace();
            }
        }
        // Earlier commits may still get events, and some windows fade out.
        let until = Instant::now() + FADING;
        while window.is_seen(LAST_REFRESHES) {
            if Instant::now() > until {
                return Err(NotSupported::because(
                    "the compositor shows a window that was minimised",
                ));
            }
        }
        Ok(())
    }

    /// Requires a driver that draws.
    pub fn needs_pixels(&self) -> Outcome {
        match OtherDriver::asked_for() {
            Some(driver) if !driver.draws() => Err(NotSupported::not_applicable(
                "nothing is drawn without hardware",
            )),
            _ => Ok(()),
        }
    }

    /// Requires this extension of the instance.
    pub fn needs_of_instance(&self, name: &CStr) -> Outcome {
        needs("the instance", &self.kit.of_instance, name)
    }

    /// Requires this extension of the device, with its features.
    pub fn needs(&self, name: &CStr) -> Outcome {
        needs("the device", &self.kit.of_device, name)
    }

    /// Requires one of these extensions of the device.
    pub fn needs_one(&self, names: &[&CStr]) -> Outcome {
        match names.iter().any(|name| self.needs(name).is_ok()) {
            true => Ok(()),
            false => self.needs(names[0]),
        }
    }
}

/// A compositor on the same device as a driver that has none here, which takes every layout in which that draws; on
/// other drivers a plain one.
fn on_the_drivers_device() -> Offer {
    static OFFER: OnceLock<Offer> = OnceLock::new();
    let offer = OFFER.get_or_init(|| {
        let mut offer = Offer::default();
        if let Some(OtherDriver::Real(_)) = OtherDriver::asked_for() {
            let instance = Instance::new(Options::default());
            let physical = instance.physical_device();
            offer.main_device = render_node(&instance, physical);
            let format = vk::Format::B8G8R8A8_UNORM;
            let modifiers = layouts(&instance, physical, format);
            for plain in std::mem::take(&mut offer.formats) {
                offer.formats.extend(modifiers.iter().map(|layout| Format {
                    modifier: layout.drm_format_modifier,
                    ..plain
                }));
            }
        }
        offer
    });
    offer.clone()
}

fn window(compositor: Option<&Compositor>) -> Window {
    match compositor {
        Some(compositor) => Window::open_at(compositor.connect()),
        None => Window::open(),
    }
}

fn needs(who: &str, has: &[&CStr], name: &CStr) -> Outcome {
    match has.contains(&name) {
        true => Ok(()),
        false => Err(NotSupported::because(format!(
            "{who} has no {}",
            name.to_string_lossy()
        ))),
    }
}

impl Kit {
    /// `window` is on the compositor of the cases: which extensions a device has may depend on the surface.
    fn new(window: Window) -> Self {
        let of_instance = instance_extensions();
        let instance = Instance::new(Options {
            api_version: vk::API_VERSION_1_3,
            extensions: &of_instance,
            messages: layers::chosen().iter().any(|name| name == VALIDATION),
            ..Options::default()
        });
        let physical = instance.physical_device();
        let _surface = Surface::of_window(&instance, window);
        // SAFETY: the device is the instance's.
        let offered =
            unsafe { instance.raw.enumerate_device_extension_properties(physical) }.unwrap();
        let mut of_device: Vec<&CStr> = names::DEVICE
            .iter()
            .copied()
            .filter(|name| {
                offered
                    .iter()
                    .any(|one| one.extension_name_as_c_str() == Ok(name))
            })
            .collect();
        let mut features: Vec<Feature> = names::FEATURES
            .iter()
            .filter(|(_, names)| names.iter().any(|name| of_device.contains(name)))
            .map(|(structure, _)| Feature::of(*structure))
            .collect();
        let mut chain = vk::PhysicalDeviceFeatures2::default();
        for feature in &mut features {
            feature.p_next = chain.p_next;
            chain.p_next = (&raw mut *feature).cast::<c_void>();
        }
        // SAFETY: the device is the instance's; a chain of structures that live as long as it.
        unsafe {
            instance
                .raw
                .get_physical_device_features2(physical, &mut chain);
        }
        // An extension without its feature is of no use.
        let missing = |name: &&CStr| {
            names::FEATURES.iter().any(|(structure, names)| {
                names.contains(name)
                    && features
                        .iter()
                        .any(|one| one.s_type == *structure && one.feature == vk::FALSE)
            })
        };
        of_device.retain(|name| !missing(name));
        // Only features of extensions.
        chain.features = vk::PhysicalDeviceFeatures::default();
        let device = Device::with_features(&instance, &of_device, &mut chain);
        Self {
            instance,
            device,
            of_instance,
            of_device,
        }
    }

    /// Messages of the validation layer, except the loader's remark on how it was chosen.
    fn messages(&self) -> Vec<String> {
        let mut messages = self.instance.messages();
        messages.retain(|line| !line.contains("GENERAL: env var 'VK_INSTANCE_LAYERS' defined"));
        messages
    }
}

/// Window-system extensions that drivers and layers have.
fn instance_extensions() -> Vec<&'static CStr> {
    // SAFETY: see `Instance::new`.
    let entry = unsafe { ash::Entry::load() }.expect("there is a Vulkan loader");
    let layers: Vec<_> = layers::chosen()
        .into_iter()
        .filter(|name| name != layers::INSTALLED)
        .map(|name| std::ffi::CString::new(name).expect("a name has no NUL"))
        .collect();
    let offered: Vec<_> = iter::once(None)
        .chain(layers.iter().map(|name| Some(name.as_c_str())))
        .flat_map(|layer| {
            // SAFETY: the name of a layer, or none.
            unsafe { entry.enumerate_instance_extension_properties(layer) }.unwrap()
        })
        .collect();
    let more = [
        names::KHR_SURFACE_MAINTENANCE1,
        ext::surface_maintenance1::NAME,
        khr::surface_protected_capabilities::NAME,
        ext::headless_surface::NAME,
        ext::swapchain_colorspace::NAME,
    ];
    let more = more.into_iter().filter(|name| {
        offered
            .iter()
            .any(|one| one.extension_name_as_c_str() == Ok(name))
    });
    WAYLAND.iter().copied().chain(more).collect()
}
