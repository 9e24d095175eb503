//! What is asked of a machine: the lines of the table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Whether the layer owns the window's swapchain.
    Owner,
    /// Whether the driver gives out the fence of work that still runs.
    Fences,
    /// Whether a present returns before its rendering ends.
    Present,
    /// Whether the rendering's fence is there at the commit.
    Commit,
    /// Whether an acquire waits for the compositor's reading.
    Acquire,
    /// Whether other work waits for it, too.
    Unrelated,
    /// Whether later frames are in the fences of an image.
    Later,
    /// Whether the images have the best layout that both sides know.
    Layout,
    /// Whether the display reads an image itself.
    Scanout,
    /// Whether CPU and GPU work side by side at the display's rate.
    Rate,
    /// Whether other devices can present to the same window.
    Devices,
}

impl Question {
    /// In the order in which they are asked.
    pub const ALL: [Self; 11] = [
        Self::Owner,
        Self::Fences,
        Self::Present,
        Self::Commit,
        Self::Acquire,
        Self::Unrelated,
        Self::Later,
        Self::Layout,
        Self::Scanout,
        Self::Rate,
        Self::Devices,
    ];

    /// Its name in JSON and in documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Fences => "fences",
            Self::Present => "present",
            Self::Commit => "commit",
            Self::Acquire => "acquire",
            Self::Unrelated => "unrelated",
            Self::Later => "later",
            Self::Layout => "layout",
            Self::Scanout => "scanout",
            Self::Rate => "rate",
            Self::Devices => "devices",
        }
    }

    /// What holds if it passes.
    pub fn claim(self) -> &'static str {
        match self {
            Self::Owner => "the layer owns the window's swapchain",
            Self::Fences => "the driver gives fences out while its GPU works",
            Self::Present => "a present returns before its rendering ends",
            Self::Commit => "the rendering's fence is there at the commit",
            Self::Acquire => "an acquire is held while the compositor reads",
            Self::Unrelated => "other work runs while the compositor holds an image",
            Self::Later => "an image's fences have no later frames in them",
            Self::Layout => "images have the best layout that both sides know",
            Self::Scanout => "the display reads an image itself",
            Self::Rate => "FIFO keeps the display's rate with CPU and GPU at work",
            Self::Devices => "other devices present to the window, too",
        }
    }

    /// How it was asked, and what a failure means: its paragraph of the documentation.
    pub fn explanation(self) -> &'static str {
        let text = PAGE
            .split_once(&self.heading())
            .map_or("", |(_, text)| text);
        text.split("\n#").next().unwrap_or_default()
    }

    fn heading(self) -> String {
        format!("\n### `{}`: {}\n", self.name(), self.claim())
    }
}

const PAGE: &str = include_str!("../../../docs/verify.md");

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.claim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_json_has() {
        for question in Question::ALL {
            let json = serde_json::to_value(question).unwrap();
            assert_eq!(json, question.name());
        }
    }

    #[test]
    fn the_documentation_explains_every_line() {
        for question in Question::ALL {
            let text = question.explanation().trim();
            assert!(text.ends_with('.'), "{:?}: {text}", question.heading());
            assert!(!text.contains('#'), "{text}");
        }
    }
}
