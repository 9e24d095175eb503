//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::doctor::probe::Part;
use clap::builder::PossibleValuesParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use wayfence::synchronisation::Choice;

/// Exact synchronisation between Vulkan applications and Wayland compositors.
///
/// Wayfence is a Vulkan layer that takes over swapchains on Wayland: an application waits for
/// exactly the fences that the compositor left on a buffer, and the compositor for the
/// application's. This command runs applications through it, and says what it did.
#[derive(Parser)]
#[command(name = "wayfence", version, arg_required_else_help = true, styles = STYLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    Run(Run),

    /// Say whether the layer will take over here, and if not, why
    ///
    /// Looks at the kernel (its ioctls, by trying them), the compositor (protocols and formats), the Vulkan
    /// loader (where the layer is installed, whether it is loaded, in which order) and the driver (extensions,
    /// formats and modifiers), then asks the layer itself, with a swapchain on a surface that is never shown.
    ///
    /// The verdict is about applications started in this environment, on the first Vulkan device. `wayfence run
    /// -- wayfence doctor` gives it for those started with `wayfence run`.
    ///
    /// Exits with 0 if the layer will take over, with 1 if it steps aside, with 2 if that is unknown.
    Doctor {
        /// Print everything as JSON
        #[arg(long)]
        json: bool,
    },

    Verify(Verify),

    /// Examine in a process of its own, for verify
    #[command(hide = true)]
    Examine {
        /// The file for the layer's reports
        report: PathBuf,
    },

    /// Look at a part, for the doctor
    #[command(hide = true)]
    Probe {
        /// The part
        part: Part,
    },

    /// Write man pages and shell completions, for packages
    #[command(hide = true)]
    Documents {
        /// The folder, laid out as /usr/share
        share: PathBuf,
    },

    /// Print what the layer counted: frames, fences, sync_files, waits, times, latencies
    ///
    /// The layer appends a line of JSON to the file that WAYFENCE_REPORT names for each swapchain that ends.
    /// This prints it for people, together with the counts of living swapchains, and of those whose process was
    /// killed within the last hour. See also `wayfence run --report`.
    ///
    /// Exits with 0; with 1 if there is no swapchain in FILE; with 2 if FILE cannot be read, as when the layer owned
    /// no swapchain and made no FILE.
    Report {
        /// What the layer wrote
        file: PathBuf,
    },

    Top(Top),

    /// Say what held up an application's frames, from a trace
    ///
    /// The layer writes a trace to the file that WAYFENCE_TRACE names, or `wayfence run --trace`: when each
    /// frame was acquired, presented, shown and released, and with which fences. It also opens in Perfetto
    /// (ui.perfetto.dev) and in Chrome (chrome://tracing).
    #[command(arg_required_else_help = true)]
    Trace {
        /// What to do with it.
        #[command(subcommand)]
        verb: TraceVerb,
    },
}

/// What to do with a trace.
#[derive(Subcommand)]
pub enum TraceVerb {
    /// Print how long everything took, and who is to blame
    ///
    /// Exits with 0; with 1 if FILE has no frame, with 2 if it cannot be read, or is no trace.
    Summary {
        /// Print everything as JSON, with times in nanoseconds
        #[arg(long)]
        json: bool,

        /// What the layer wrote
        file: PathBuf,
    },

    /// Draw the frames: a lane for each image, time across
    ///
    /// Draws the swapchain with the most frames: its last frames, or those that --frames names.
    ///
    /// Exits with 0; with 1 if FILE has none of the frames, with 2 if it cannot be read, or is no
    /// trace, or if the drawing cannot be written.
    Plot {
        /// The first and the last frame to draw, counted from 1; at most 500
        #[arg(long, value_name = "A..B")]
        frames: Option<FrameRange>,

        /// The drawing
        #[arg(short, long, value_name = "FRAMES.svg")]
        output: PathBuf,

        /// What the layer wrote
        file: PathBuf,
    },
}

/// Frames, from the first to the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl FrameRange {
    /// More could not be distinguished in a drawing.
    const MOST: u64 = 500;
}

impl FromStr for FrameRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = text
            .split_once("..")
            .and_then(|(first, last)| {
                Some(Self {
                    first: first.parse().ok()?,
                    last: last.parse().ok()?,
                })
            })
            .ok_or("two numbers are expected, as in 100..130")?;
        match range.last.checked_sub(range.first) {
            None => Err("the last frame comes before the first".to_owned()),
            Some(more) if more >= Self::MOST => {
                Err(format!("at most {} frames can be drawn", Self::MOST))
            }
            Some(_) => Ok(range),
        }
    }
}

/// Run an application through the layer
///
/// Sets environment variables and starts APP: nothing is installed, and nothing outlasts it. The
/// layer is put below all others that draw on the application's frames (MangoHud, vkBasalt,
/// RenderDoc), whether or not it is installed too.
///
/// Exits as APP does, and passes signals on to it. Otherwise with 125 if the layer is missing,
/// 126 if APP cannot be run, 127 if there is no APP.
#[derive(Args)]
#[command(override_usage = "wayfence run [OPTIONS] -- APP [ARGS]...")]
#[command(after_help = "Example: wayfence run --report -- vkcube --wsi wayland")]
pub struct Run {
    /// How application and compositor wait for each other
    #[arg(long, value_name = "WAY", value_parser = PossibleValuesParser::new(Choice::NAMES))]
    pub sync: Option<String>,

    /// How much the layer logs on standard error; `info` says who owns each surface's swapchains, and why
    #[arg(long, value_name = "LEVEL", value_parser = ["off", "error", "warn", "info", "debug", "trace"])]
    pub log: Option<String>,

    /// Print what the layer counted, when APP has ended
    #[arg(long)]
    pub report: bool,

    /// Write a trace of every frame to FILE, for `wayfence trace` and for Perfetto; %p in its name is
    /// the number of the process
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Run without the layer even if it is installed, to compare
    #[arg(long, conflicts_with_all = ["sync", "log", "report", "trace"])]
    pub without: bool,

    /// The application and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["APP", "ARGS"])]
    pub command: Vec<OsString>,
}

/// Watch every application on the layer: frames a second, times, and what acquires wait for
///
/// Shows the applications of this user, in all sessions whose XDG_RUNTIME_DIR is this one's, until q
/// is pressed. One that was killed is shown as killed for a minute.
///
/// Exits with 0; with --once or --json with 1 if no application has a swapchain on the layer; with 2 if that is
/// unknown.
#[derive(Args)]
pub struct Top {
    /// Print one interval, and end
    #[arg(long)]
    pub once: bool,

    /// The same as JSON, with times in nanoseconds
    #[arg(long)]
    pub json: bool,

    /// Seconds from one reading to the next
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = super::top::parse_interval)]
    pub interval: Duration,
}

/// Verify whether synchronisation is exact on this machine
///
/// Opens a small window on the running compositor, draws on it through the layer for less than a minute, and
/// examines what passes between the window and the compositor, and the fences of driver and kernel: does a
/// present return before its rendering ends, is the rendering's fence there at the commit, is an acquire held
/// while the compositor reads, and so on. Needs no privileges, and changes nothing in the session.
/// WAYFENCE_SYNC chooses the way of synchronisation, as everywhere.
///
/// Exits with 0 if nothing failed, with 1 if something did, with 2 if nothing could be examined or the examination
/// ended early. With --explain, with 0 if FILE could be read.
#[derive(Args)]
#[command(
    after_help = "Example: wayfence verify --output verify.json, and attach verify.json to an issue"
)]
pub struct Verify {
    /// Print everything as JSON, with times in milliseconds
    #[arg(long)]
    pub json: bool,

    /// Keep everything as JSON in FILE, to attach to an issue
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Examine nothing: print FILE, with what each line means
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "output"])]
    pub explain: Option<PathBuf>,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_follows_the_application_is_its_own() {
        for line in [
            "wayfence run --log info -- vkcube --log x",
            "wayfence run --log info vkcube --log x",
        ] {
            let Verb::Run(run) = Arguments::try_parse_from(line.split(' ')).unwrap().verb else {
                panic!("{line}");
            };
            assert_eq!(run.command, ["vkcube", "--log", "x"], "{line}");
            assert_eq!(run.log.as_deref(), Some("info"), "{line}");
        }
    }

    #[test]
    fn frames_are_named_by_the_first_and_the_last() {
        let range: FrameRange = "3..7".parse().unwrap();
        assert_eq!(range, FrameRange { first: 3, last: 7 });
        assert!("1..500".parse::<FrameRange>().is_ok());
        for wrong in [
            "",
            "7",
            "7..",
            "..3",
            "7..3",
            "-1..3",
            "1..501",
            "0..18446744073709551615",
        ] {
            assert!(wrong.parse::<FrameRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_comparison_takes_no_settings_of_the_layer() {
        for option in ["--report", "--sync=cpu", "--log=info", "--trace=x"] {
            assert!(
                Arguments::try_parse_from(["wayfence", "run", "--without", option, "vkcube"])
                    .is_err(),
                "{option}"
            );
        }
    }
}
