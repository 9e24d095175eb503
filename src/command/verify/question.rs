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

    /// How it was asked, what a failure means, and whose it is.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Owner => {
                "The buffers of the window's frames were seen on their way to the compositor: dma-bufs that \
                 the layer has made. If not, the layer was not loaded or stepped aside, and nothing else can \
                 be asked; `wayfence run -- wayfence doctor` says why."
            }
            Self::Fences => {
                "A device without a window got work that lasts, and gave out the semaphore behind it as a \
                 sync_file. A failure is the driver's: it waits until the work is over, or gives out a fence \
                 that does not wait for the work. No present can then return before its rendering ends."
            }
            Self::Present => {
                "A frame was presented whose rendering lasts. When vkQueuePresentKHR returned, the rendering's \
                 own fence, and what the compositor was given to wait for, were looked at. A failure costs \
                 frames: the CPU stands still while the GPU draws. Where the driver itself waits for the work \
                 when it gives a fence out, that is the line before."
            }
            Self::Commit => {
                "What the compositor has to wait for was taken from the wire in the moment of the commit, \
                 before the compositor saw it: the fences of the dma-buf, the point, or the sync_file. It has \
                 to be pending while the frame is drawn, and to signal when the drawing ends: earlier, and \
                 half-drawn frames are shown; later, and frames come late."
            }
            Self::Acquire => {
                "When the compositor released an image, a reader that was still at work was added to what it \
                 gave back, as a compositor's own GPU would have been. The image's next acquire has to signal \
                 after that reader, and soon after. A failure to wait shows as flicker and torn frames."
            }
            Self::Unrelated => {
                "While an image bore the fence of a reader, the device drew on another image and filled a \
                 buffer. Neither has anything to do with the reader. A failure is a driver's that lists every \
                 image in every submission: the application then waits for the compositor where it need not."
            }
            Self::Later => {
                "While a later frame was being drawn on another image, the fences of an image that the \
                 compositor held were looked at. A failure is a driver's that puts the fences of its work on \
                 images that the work does not use: an acquire then also waits for frames that came later."
            }
            Self::Layout => {
                "The modifier and the planes of the buffers, as the compositor was told, beside what it takes \
                 and what the driver can do. Rows (LINEAR) where both know tiles are slow to draw and to read."
            }
            Self::Scanout => {
                "The compositor says of each frame whether it was shown without a copy. It decides so by the \
                 window's place; where it copied, nothing is proven."
            }
            Self::Rate => {
                "Each frame had the CPU work and the GPU work of three fifths of a refresh, first without a \
                 window, then in FIFO. Both fit into a refresh side by side, and not one after the other. A \
                 failure means that the present or the acquire kept CPU and GPU from working at the same time."
            }
            Self::Devices => {
                "Each other Vulkan device drew frames to the same window. A failure is one whose images the \
                 compositor did not take, or never released."
            }
        }
    }
}

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
    fn the_documentation_tells_of_every_line() {
        let page = include_str!("../../../docs/verify.md");
        for question in Question::ALL {
            let heading = format!("### `{}`: {}", question.name(), question.claim());
            assert!(page.contains(&heading), "docs/verify.md lacks {heading:?}");
        }
    }
}
