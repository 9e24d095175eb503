//! Why something could not be asked.

use ash::vk;

/// Text for people.
#[derive(Debug)]
pub struct Fault(pub String);

impl Fault {
    /// For `map_err`: what a command has answered.
    pub fn of(command: &'static str) -> impl Fn(vk::Result) -> Self {
        move |result| Self(format!("{command}: {result:?}"))
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<wayfence::error::Error> for Fault {
    fn from(error: wayfence::error::Error) -> Self {
        Self(error.to_string())
    }
}
