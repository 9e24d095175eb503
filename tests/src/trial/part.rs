//! The parts of the story.

/// A part of an application's life, in which calls are made that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has its command's name")]
pub enum Part {
    Instance = 1,
    Device,
    Surface,
    Queries,
    Create,
    Semaphore,
    Acquire,
    Present,
    Destroy,
    DestroySurface,
    DestroyDevice,
    Work,
}

impl Part {
    const ALL: [Part; 12] = [
        Part::Instance,
        Part::Device,
        Part::Surface,
        Part::Queries,
        Part::Create,
        Part::Semaphore,
        Part::Acquire,
        Part::Present,
        Part::Destroy,
        Part::DestroySurface,
        Part::DestroyDevice,
        Part::Work,
    ];

    /// The part with this number; `None` for 0, which is no part.
    pub fn numbered(number: usize) -> Option<Part> {
        Part::ALL.into_iter().find(|part| *part as usize == number)
    }

    /// Its command.
    pub fn name(self) -> &'static str {
        match self {
            Part::Instance => "vkCreateInstance",
            Part::Device => "vkCreateDevice",
            Part::Surface => "vkCreateWaylandSurfaceKHR",
            Part::Queries => "the surface's queries",
            Part::Create => "vkCreateSwapchainKHR",
            Part::Semaphore => "vkCreateSemaphore",
            Part::Acquire => "vkAcquireNextImageKHR",
            Part::Present => "vkQueuePresentKHR",
            Part::Destroy => "vkDestroySwapchainKHR",
            Part::DestroySurface => "vkDestroySurfaceKHR",
            Part::DestroyDevice => "vkDestroyDevice",
            Part::Work => "the application's own work",
        }
    }
}
