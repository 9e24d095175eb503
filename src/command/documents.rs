//! Man pages and shell completions, made from the command line's own description.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, terminal::complain};

/// Shells, and where below `share` their completions belong by their documentation.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/wayfence"),
    (Shell::Zsh, "zsh/site-functions/_wayfence"),
    (Shell::Fish, "fish/vendor_completions.d/wayfence.fish"),
];

/// Writes man pages and completions into a folder laid out as `/usr/share`.
pub fn make(share: &Path) -> ExitCode {
    match write(share) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{}: {error}", share.display()));
            ExitCode::FAILURE
        }
    }
}

fn write(share: &Path) -> io::Result<()> {
    for (shell, place) in SHELLS {
        let path = share.join(place);
        fs::create_dir_all(path.parent().unwrap_or(share))?;
        let mut file = File::create(path)?;
        clap_complete::generate(shell, &mut visible(), "wayfence", &mut file);
    }
    let man = share.join("man/man1");
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(visible(), man)
}

/// The command line without its hidden verbs.
fn visible() -> clap::Command {
    let all = Arguments::command();
    let mut visible = clap::Command::new("wayfence")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .arg_required_else_help(true);
    if let Some(about) = all.get_about() {
        visible = visible.about(about.clone());
    }
    if let Some(about) = all.get_long_about() {
        visible = visible.long_about(about.clone());
    }
    visible.subcommands(
        all.get_subcommands()
            .filter(|verb| !verb.is_hide_set())
            .cloned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_and_every_shell_a_completion() {
        let share = tempfile::tempdir().unwrap();
        write(share.path()).unwrap();
        for verb in [
            "run",
            "doctor",
            "report",
            "top",
            "trace",
            "trace-summary",
            "trace-plot",
            "verify",
        ] {
            let page = fs::read_to_string(share.path().join(format!("man/man1/wayfence-{verb}.1")))
                .unwrap();
            assert!(page.contains(".TH wayfence-"), "{page}");
            for (_, place) in SHELLS {
                let text = fs::read_to_string(share.path().join(place)).unwrap();
                let word = verb.rsplit('-').next().unwrap();
                assert!(text.contains(word), "{verb}: {text}");
                assert!(!text.contains("probe"), "{text}");
                assert!(!text.contains("examine "), "{text}");
            }
        }
        assert!(share.path().join("man/man1/wayfence.1").is_file());
        assert_eq!(
            fs::read_dir(share.path().join("man/man1")).unwrap().count(),
            9,
            "hidden verbs have no page"
        );
    }
}
