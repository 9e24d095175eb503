//! Processes, and the files that are named after them.

use std::{fmt, fs, os::unix::fs::MetadataExt, str::FromStr};

use serde::Serialize;

/// A process, distinct from all others before and after it on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its number in its namespace.
    pub pid: u32,
    /// When it started, in ticks since the boot: another process with the same number started at another time.
    pub started: u64,
    /// The inode of its namespace of processes.
    pub namespace: u64,
}

impl Identity {
    /// This process; `None` if /proc cannot be read.
    pub fn own() -> Option<Self> {
        Some(Self {
            pid: std::process::id(),
            started: started("self")?,
            namespace: own_namespace()?,
        })
    }

    /// Whether it lives; `None` if it is in another namespace, where we cannot see it.
    pub fn lives(&self) -> Option<bool> {
        if own_namespace() != Some(self.namespace) {
            return None;
        }
        Some(started(&self.pid.to_string()) == Some(self.started))
    }
}

/// The name of its file.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.pid, self.started, self.namespace)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut parts = name.split('-');
        let mut next = || parts.next().ok_or(());
        let identity = Self {
            pid: next()?.parse().map_err(|_| ())?,
            started: next()?.parse().map_err(|_| ())?,
            namespace: next()?.parse().map_err(|_| ())?,
        };
        // Another spelling of the same numbers is not one of our names.
        (identity.to_string() == name).then_some(identity).ok_or(())
    }
}

fn own_namespace() -> Option<u64> {
    Some(fs::metadata("/proc/self/ns/pid").ok()?.ino())
}

/// When a process started; `None` if there is none, or if it is a zombie.
fn started(process: &str) -> Option<u64> {
    let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
    parse_start(&String::from_utf8_lossy(&stat))
}

/// proc_pid_stat(5): "(2) comm" is in parentheses and may hold any character, "(3) state" follows, "(22) starttime".
fn parse_start(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" | "x" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_name_says_who_it_is() {
        let own = Identity::own().unwrap();
        assert_eq!(own.pid, std::process::id());
        assert_eq!(own.lives(), Some(true));
        assert_eq!(own.to_string().parse(), Ok(own));
    }

    #[test]
    fn another_of_the_same_number_is_not_the_same() {
        let own = Identity::own().unwrap();
        let before = Identity {
            started: own.started - 1,
            ..own
        };
        assert_eq!(before.lives(), Some(false));
        let elsewhere = Identity {
            namespace: own.namespace + 1,
            ..own
        };
        assert_eq!(elsewhere.lives(), None);
    }

    #[test]
    fn a_process_that_was_not_waited_for_lives_no_longer() {
        let line = |state| {
            format!(
                "7 (a) b) {state} 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 100 200 300\n"
            )
        };
        assert_eq!(parse_start(&line("S")), Some(12345));
        assert_eq!(parse_start(&line("Z")), None);
        assert_eq!(parse_start("7 (a) S 1"), None);
        assert_eq!(parse_start(""), None);
    }

    #[test]
    fn only_names_of_ours_are_read() {
        for name in ["", "1", "1-2", "1-2-3-4", "01-2-3", "+1-2-3", "1-2-x", ".."] {
            assert_eq!(name.parse::<Identity>(), Err(()), "{name}");
        }
    }
}
