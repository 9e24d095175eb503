//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

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
    /// Looks at the kernel (its ioctls, by trying them), the compositor (protocols and formats), the
    /// Vulkan loader (where the layer is installed, whether it is loaded, in which order) and the
    /// driver (extensions, formats and modifiers), then asks the layer itself: it makes a swapchain
    /// on a surface that is never shown.
    ///
    /// The verdict is about applications started in this environment, on the first Vulkan device:
    /// `wayfence run -- wayfence doctor` tells of those started with `wayfence run`.
    ///
    /// Exits with 0 if the layer will take over, with 1 if it steps aside, with 2 if that cannot be
    /// found out.
    Doctor {
        /// Print everything as JSON
        #[arg(long)]
        json: bool,
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

    /// Print what the layer counted: frames, fences, sync_files, waits, times
    ///
    /// The layer appends to the file that WAYFENCE_REPORT names, one line of JSON for each
    /// swapchain; this prints it for people. See also `wayfence run --report`.
    ///
    /// Exits with 0; with 1 if FILE names no swapchain, which means that the layer never owned
    /// one; with 2 if FILE cannot be read.
    Report {
        /// What the layer wrote
        file: PathBuf,
    },
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

    /// How much the layer says on standard error; `info` tells who owns each surface's
    /// swapchains, and why
    #[arg(long, value_name = "LEVEL", value_parser = ["off", "error", "warn", "info", "debug", "trace"])]
    pub log: Option<String>,

    /// Print what the layer counted when APP has ended
    #[arg(long)]
    pub report: bool,

    /// Run without the layer, even if it is installed: to compare
    #[arg(long, conflicts_with_all = ["sync", "log", "report"])]
    pub without: bool,

    /// The application and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["APP", "ARGS"])]
    pub command: Vec<OsString>,
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
    fn a_comparison_takes_no_settings_of_the_layer() {
        for option in ["--report", "--sync=cpu", "--log=info"] {
            assert!(
                Arguments::try_parse_from(["wayfence", "run", "--without", option, "vkcube"])
                    .is_err(),
                "{option}"
            );
        }
    }
}
