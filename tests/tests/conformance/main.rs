//! The rules of the Vulkan specification for window-system integration, each as a case: on the layer or
//! on a driver's own swapchains, on a real compositor or on the scripted one.
//!
//! All cases are ignored unless `--ignored` asks for them: they need a driver, and a session
//! (`WAYLAND_DISPLAY`), or `WAYFENCE_TEST_COMPOSITOR=scripted`. `scripts/conformance` runs them in the
//! virtual machine on every compositor and prints the table.
//!
//! A case uses the API as the specification allows, so the validation layer has nothing to say of any:
//! with it (`WAYFENCE_TEST_LAYERS`) a case fails where it has. What a case needs and does not find is
//! "not supported", with the reason.
//!
//! `WAYFENCE_TEST_ON` names a driver that the machine does not have (`tests/src/other_driver.rs`), on which the cases
//! are then run. Where that draws nothing, cases that look at pixels are "not applicable".

mod acquire;
mod allocation;
mod case;
mod colour;
mod creation;
mod damage;
mod destruction;
mod device_groups;
mod frames;
mod hidden;
mod maintenance1;
mod modes;
mod names;
mod old_swapchain;
mod outcome;
mod present;
mod present_wait;
mod queries;
mod runner;
mod scaling;
mod stage;
mod threads;
mod timing;

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(
        &[
            queries::CASES,
            creation::CASES,
            acquire::CASES,
            present::CASES,
            old_swapchain::CASES,
            modes::CASES,
            colour::CASES,
            present_wait::CASES,
            timing::past::CASES,
            timing::domains::CASES,
            timing::targets::CASES,
            timing::google::CASES,
            hidden::CASES,
            maintenance1::CASES,
            damage::CASES,
            scaling::CASES,
            threads::CASES,
            destruction::CASES,
            allocation::CASES,
            device_groups::CASES,
        ]
        .concat(),
    )
}
