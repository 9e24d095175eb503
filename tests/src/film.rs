//! A film: frames at fixed times, one after the other. With `VK_EXT_present_timing` each frame has a target
//! time, and is presented as soon as there is an image for it. Elsewhere the film does what players do: it
//! waits until a refresh before a frame's time, and presents.

use std::ffi::{CStr, c_void};
use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use ash::{khr, vk};
use wayfence::trace::now;

use crate::application::Application;
use crate::device::Device;
use crate::instance::{Instance, Options};
use crate::present_timing::{self as timing, Asked, NEAREST, PIXEL_OUT, QUEUE_OPERATIONS_END};
use crate::present_wait;
use crate::registry::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_TIMING, PRESENT_ID_2_FEATURES, PRESENT_ID2,
    PRESENT_STAGE_LOCAL, PRESENT_TIMING, PRESENT_TIMING_FEATURES,
};
use crate::surface::Surface;
use crate::swapchain::{Swapchain, Wanted};
use crate::watch::Watch;
use crate::window::Window;

const SECOND: u64 = 1_000_000_000;
/// The refresh that is assumed while it is unknown.
const USUAL_REFRESH: u64 = SECOND / 60;

/// What swapchains with target times need.
const EXTENSIONS: [&CStr; 3] = [
    PRESENT_ID2,
    khr::calibrated_timestamps::NAME,
    PRESENT_TIMING,
];

/// `VkPhysicalDevicePresentTimingFeaturesEXT`, all of them.
#[repr(C)]
struct TimingFeatures {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    features: [vk::Bool32; 3],
}

/// A frame of a film. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// When it is meant to be shown.
    pub target: u64,
    /// When its present had returned, and its rendering was over.
    pub ready: u64,
    /// When it was shown; `None`: never, or it is not known yet.
    pub shown: Option<u64>,
}

impl Frame {
    /// How far from its target time it was shown.
    pub fn off(&self) -> Option<i64> {
        Some(self.shown? as i64 - self.target as i64)
    }

    /// Whether it was ready before the first refresh that may be the nearest to its target time.
    pub fn is_in_time(&self, refresh: u64) -> bool {
        self.ready + refresh / 2 <= self.target
    }
}

/// Shows a film.
pub struct Projector {
    swapchain: Swapchain,
    /// The number of the time domain, if frames have target times.
    domain: Option<u64>,
    watch: Option<Watch>,
    start: u64,
    per_second: u64,
    /// In their order.
    frames: Vec<Frame>,
    told: usize,
}

impl Projector {
    /// A projector with a window of its own, for so many frames a second. Without `targets` no frame has a
    /// target time.
    ///
    /// # Panics
    /// If something is missing.
    pub fn new(window: Window, per_second: u64, targets: bool) -> Self {
        let instance = Instance::new(Options::default());
        let surface = Surface::of_window(&instance, window);
        let timed = targets && has(&instance, &EXTENSIONS);
        let mut of_timing = TimingFeatures {
            s_type: PRESENT_TIMING_FEATURES,
            p_next: std::ptr::null_mut(),
            features: [vk::TRUE; 3],
        };
        let mut numbered = present_wait::feature(PRESENT_ID_2_FEATURES);
        numbered.p_next = (&raw mut of_timing).cast();
        let mut features = vk::PhysicalDeviceFeatures2::default();
        let mut extensions = vec![khr::swapchain::NAME];
        if timed {
            features.p_next = (&raw mut numbered).cast();
            extensions.extend(EXTENSIONS);
        }
        let device = Device::with_features(&instance, &extensions, &mut features);
        let app = Application { surface, device };
        let scheduled = timed && timing::abilities(&app.surface, app.device.physical).absolute;
        let flags = CREATE_PRESENT_ID_2.as_raw() | CREATE_PRESENT_TIMING.as_raw();
        let swapchain = app.swapchain_with(Wanted {
            flags: vk::SwapchainCreateFlagsKHR::from_raw(if scheduled { flags } else { 0 }),
            ..Wanted::default()
        });
        let domain = scheduled.then(|| {
            let sized = timing::set_queue_size(&swapchain, 16);
            assert_eq!(sized, vk::Result::SUCCESS);
            timing::domain(&swapchain, PRESENT_STAGE_LOCAL).expect("a domain of the stages")
        });
        let watch = app.surface.window().watch();
        Self {
            swapchain,
            domain,
            watch,
            start: now() + SECOND / 2,
            per_second,
            frames: Vec::new(),
            told: 0,
        }
    }

    /// Whether each frame has a target time.
    pub fn has_targets(&self) -> bool {
        self.domain.is_some()
    }

    /// The time from one refresh to the next in nanoseconds; 0: unknown.
    pub fn refresh(&self) -> u64 {
        match (&self.watch, self.domain) {
            (_, Some(_)) => timing::refresh(&self.swapchain).duration,
            (Some(watch), None) => watch.refresh(),
            (None, None) => 0,
        }
    }

    /// The frames so far; when the last ones were shown may still be unknown.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Shows the next frame.
    ///
    /// # Panics
    /// If the driver, the layer or the compositor fails.
    pub fn show(&mut self) {
        let number = self.frames.len() as u64 + 1;
        let target = self.start + number * SECOND / self.per_second;
        if self.domain.is_none() {
            let refresh = match self.refresh() {
                0 => USUAL_REFRESH,
                known => known,
            };
            sleep(Duration::from_nanos(
                (target - refresh).saturating_sub(now()),
            ));
        }
        let index = self
            .swapchain
            .acquire_and_wait(u64::MAX)
            .expect("an acquire");
        self.swapchain.draw_now(index).expect("a submit");
        match self.domain {
            Some(domain) => {
                let asked = Asked {
                    flags: NEAREST,
                    target,
                    domain,
                    stages: QUEUE_OPERATIONS_END | PIXEL_OUT,
                };
                timing::present(&self.swapchain, index, number, asked).expect("a present");
            }
            None => {
                if let Some(watch) = &self.watch {
                    watch.next(number);
                }
                self.swapchain.present(index).expect("a present");
            }
        }
        self.frames.push(Frame {
            target,
            ready: now(),
            shown: None,
        });
        self.swapchain.surface.dispatch();
        self.hear();
    }

    /// Waits until it is known of all frames when they were shown, for some seconds at most.
    ///
    /// # Panics
    /// If the driver, the layer or the compositor fails.
    pub fn end(&mut self) {
        let begun = now();
        while self.told < self.frames.len() && now() < begun + 5 * SECOND {
            self.hear();
            self.swapchain.surface.dispatch();
            sleep(Duration::from_millis(5));
        }
        self.swapchain.device.wait_idle().expect("an idle device");
    }

    fn hear(&mut self) {
        if self.domain.is_some() {
            for told in timing::past(&self.swapchain, 0, 16).frames {
                let frame = &mut self.frames[told.id as usize - 1];
                let rendered = told.at(QUEUE_OPERATIONS_END).unwrap_or(0);
                frame.ready = frame.ready.max(rendered);
                frame.shown = told.at(PIXEL_OUT).filter(|at| *at > 0);
                self.told += 1;
            }
        } else if let Some(watch) = &mut self.watch {
            for (number, shown) in watch.take() {
                self.frames[number as usize - 1].shown = shown;
                self.told += 1;
            }
        }
    }
}

/// Whether the instance's device has all of these extensions.
fn has(instance: &Instance, names: &[&CStr]) -> bool {
    // SAFETY: the physical device is the instance's, which is alive.
    let all = unsafe {
        instance
            .raw
            .enumerate_device_extension_properties(instance.physical_device())
    }
    .expect("a list of extensions");
    let has = |name: &&CStr| {
        all.iter()
            .any(|one| one.extension_name_as_c_str() == Ok(*name))
    };
    names.iter().all(has)
}

/// How evenly a film was shown.
#[derive(Clone, Copy, Debug)]
pub struct Evenness {
    /// The time from one refresh to the next.
    pub refresh: u64,
    /// How many frames were shown.
    pub shown: usize,
    /// How many of these were shown at the refresh nearest to their times.
    pub nearest: usize,
    /// How many were never shown.
    pub lost: usize,
    /// How far frames were shown from their times on average, in nanoseconds,
    pub mean: f64,
    /// the standard deviation of that,
    pub jitter: f64,
    /// and the earliest and the latest.
    pub range: (i64, i64),
}

impl Evenness {
    /// The evenness of these frames, on a display with this refresh.
    pub fn of(frames: &[Frame], refresh: u64) -> Self {
        let off: Vec<i64> = frames.iter().filter_map(Frame::off).collect();
        let many = off.len().max(1) as f64;
        let mean = off.iter().sum::<i64>() as f64 / many;
        let square = |off: &i64| (*off as f64 - mean).powi(2);
        Evenness {
            refresh,
            shown: off.len(),
            nearest: off
                .iter()
                .filter(|off| off.unsigned_abs() <= refresh / 2)
                .count(),
            lost: frames.len() - off.len(),
            mean,
            jitter: (off.iter().map(square).sum::<f64>() / many).sqrt(),
            range: (
                off.iter().min().copied().unwrap_or(0),
                off.iter().max().copied().unwrap_or(0),
            ),
        }
    }
}

impl fmt::Display for Evenness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: f64| ns / 1e6;
        write!(
            f,
            "{:.2} Hz, {} frames {:+.1} ms off on average, jitter {:.1} ms, {:+.1} to {:+.1} ms; {} at the \
             nearest refresh, {} never shown",
            SECOND as f64 / self.refresh.max(1) as f64,
            self.shown,
            ms(self.mean),
            ms(self.jitter),
            ms(self.range.0 as f64),
            ms(self.range.1 as f64),
            self.nearest,
            self.lost,
        )
    }
}
