//! The command `wayfence`: runs programs on the layer, and shows what the layer does.

mod arguments;
mod composite_alpha;
mod doctor;
mod documents;
mod layer;
mod registry;
mod report;
mod run;
mod supervise;
mod terminal;
mod top;
mod trace;
mod verify;

use std::process::ExitCode;

pub use arguments::Arguments;
use arguments::Verb;

/// Runs the command line's verb.
pub fn run(arguments: Arguments) -> ExitCode {
    match arguments.verb {
        Verb::Run(run) => run::run(&run),
        Verb::Doctor { json } => doctor::run(json),
        Verb::Verify(verify) => match &verify.explain {
            Some(file) => verify::explain(file),
            None => verify::run(&verify::Options {
                json: verify.json,
                output: verify.output.as_deref(),
            }),
        },
        Verb::Examine { report } => verify::examine(&report),
        Verb::Probe { part } => doctor::probe::look(part),
        Verb::Documents { share } => documents::make(&share),
        Verb::Report { file } => report::print(&file),
        Verb::Top(top) => top::run(&top),
        Verb::Trace { verb } => trace::run(&verb),
    }
}
