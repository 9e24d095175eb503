//! Who holds which image: the state machine of one swapchain.
//!
//! Pure: events in (`released`, `retire`), decisions out (`acquire`, `present`). No I/O and no clock, so that
//! thousands of orders can be tested. `R` is what comes back with a released image, the fences of its readers;
//! the machine keeps it with the image and never looks at it.

use std::collections::VecDeque;

/// Where one image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Free: the next acquire may have it.
    Nobody,
    /// Acquired by the application and not yet presented.
    Application,
    /// Presented, and not yet released by the compositor.
    Compositor,
    /// Its memory serves another swapchain.
    Successor,
}

/// What an acquire gets now.
#[derive(Debug, PartialEq, Eq)]
pub enum Acquire<R> {
    /// This image, with what came back with it: nothing if the compositor never had it.
    Image(u32, Option<R>),
    /// Every image is held by somebody.
    Wait,
    /// Some images are free, but none is ready.
    Busy,
    /// The swapchain was replaced.
    Retired,
}

/// An image that the application does not hold was presented or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("image {0} is not acquired")]
pub struct NotAcquired(pub u32);

impl From<NotAcquired> for crate::error::Error {
    fn from(NotAcquired(index): NotAcquired) -> Self {
        crate::error::Error::NotAcquired(index)
    }
}

/// The images of one swapchain and who holds them.
#[derive(Debug)]
pub struct State<R> {
    holders: Vec<Holder>,
    /// The free images in the order in which they came free; the longest free is the likeliest to be
    /// idle.
    free: VecDeque<(u32, Option<R>)>,
    retired: bool,
}

impl<R> State<R> {
    /// One image for each element, numbered from 0, which the compositor never had, with what came back with
    /// its memory in another swapchain. Those without anything are handed out first.
    pub fn of(releases: impl IntoIterator<Item = Option<R>>) -> Self {
        let (idle, others): (Vec<_>, Vec<_>) = (0..)
            .zip(releases)
            .partition(|(_, release)| release.is_none());
        State {
            holders: vec![Holder::Nobody; idle.len() + others.len()],
            free: idle.into_iter().chain(others).collect(),
            retired: false,
        }
    }

    /// Hands out the ready image that has been free for longest.
    ///
    /// A retired swapchain hands out nothing (Vulkan specification, `VkSwapchainCreateInfoKHR`: "no
    /// further images can be acquired from it").
    pub fn acquire(&mut self, mut is_ready: impl FnMut(u32, Option<&R>) -> bool) -> Acquire<R> {
        if self.retired {
            return Acquire::Retired;
        }
        let ready = self
            .free
            .iter()
            .position(|(index, release)| is_ready(*index, release.as_ref()));
        match ready.and_then(|at| self.free.remove(at)) {
            Some((index, release)) => {
                self.holders[index as usize] = Holder::Application;
                Acquire::Image(index, release)
            }
            None if self.free.is_empty() => Acquire::Wait,
            None => Acquire::Busy,
        }
    }

    /// Undoes an acquire that could not be completed: the image is the next to be acquired again, with
    /// what it carried.
    pub fn return_acquired(&mut self, index: u32, release: Option<R>) -> Result<(), NotAcquired> {
        self.take_from_application(index, Holder::Nobody)?;
        self.free.push_front((index, release));
        Ok(())
    }

    /// The application gives the image to the compositor. Allowed after retirement: an image acquired
    /// before it may still be presented.
    pub fn present(&mut self, index: u32) -> Result<(), NotAcquired> {
        self.take_from_application(index, Holder::Compositor)
    }

    /// The compositor has released the image. Returns whether it held it; a second release, or one of an image
    /// that it never had, changes nothing.
    pub fn released(&mut self, index: u32, release: R) -> bool {
        match self.holders.get_mut(index as usize) {
            Some(holder @ Holder::Compositor) => {
                *holder = Holder::Nobody;
                self.free.push_back((index, Some(release)));
                true
            }
            _ => false,
        }
    }

    /// The swapchain was passed as `oldSwapchain`: no image is handed out any more.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    /// Takes a free image that is ready out of a swapchain that was replaced, with what came back with it.
    pub fn withdraw(
        &mut self,
        index: u32,
        is_ready: impl FnOnce(Option<&R>) -> bool,
    ) -> Option<Option<R>> {
        if !self.retired {
            return None;
        }
        let at = self.free.iter().position(|(free, _)| *free == index)?;
        if !is_ready(self.free[at].1.as_ref()) {
            return None;
        }
        let (_, release) = self.free.remove(at)?;
        self.holders[index as usize] = Holder::Successor;
        Some(release)
    }

    /// Whether the swapchain was replaced.
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// Who holds the image; `None` if there is no such image.
    pub fn holder(&self, index: u32) -> Option<Holder> {
        self.holders.get(index as usize).copied()
    }

    fn take_from_application(&mut self, index: u32, to: Holder) -> Result<(), NotAcquired> {
        match self.holders.get_mut(index as usize) {
            Some(holder @ Holder::Application) => {
                *holder = to;
                Ok(())
            }
            _ => Err(NotAcquired(index)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many images that nobody has used.
    fn fresh<R>(images: u32) -> State<R> {
        State::of((0..images).map(|_| None))
    }

    #[test]
    fn images_are_handed_out_in_the_order_in_which_they_came_back() {
        let mut state = fresh(3);
        for _ in 0..3 {
            let Acquire::Image(index, None) = state.acquire(|_, _| true) else {
                panic!("three images are free at first")
            };
            state.present(index).unwrap();
        }
        assert_eq!(state.acquire(|_, _| true), Acquire::Wait);
        assert!(state.released(2, 'a'));
        assert!(state.released(0, 'b'));
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(2, Some('a')));
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, Some('b')));
    }

    #[test]
    fn an_image_that_somebody_still_uses_holds_no_other_up() {
        let mut state = fresh(3);
        for index in 0..3 {
            state.acquire(|_, _| true);
            state.present(index).unwrap();
            state.released(index, index);
        }
        assert_eq!(
            state.acquire(|index, _| index == 1),
            Acquire::Image(1, Some(1))
        );
        assert_eq!(state.acquire(|_, _| false), Acquire::Busy);
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, Some(0)));
    }

    #[test]
    fn an_acquire_that_failed_loses_neither_the_image_nor_its_fence() {
        let mut state = fresh(1);
        state.acquire(|_, _| true);
        state.present(0).unwrap();
        state.released(0, "fence");
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, Some("fence")));
        state.return_acquired(0, Some("fence")).unwrap();
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, Some("fence")));
    }

    #[test]
    fn a_retired_swapchain_presents_what_was_acquired_and_acquires_nothing() {
        let mut state = fresh::<()>(2);
        state.acquire(|_, _| true);
        state.retire();
        assert_eq!(state.acquire(|_, _| true), Acquire::Retired);
        assert_eq!(state.present(0), Ok(()));
    }

    #[test]
    fn a_retired_swapchain_gives_away_what_nobody_holds() {
        let mut state = fresh(3);
        state.acquire(|_, _| true);
        state.acquire(|_, _| true);
        state.present(1).unwrap();
        assert_eq!(state.withdraw(2, |_| true), None, "not retired");
        state.retire();
        assert_eq!(state.withdraw(2, |_| false), None, "not ready");
        assert_eq!(state.withdraw(2, |_| true), Some(None));
        assert_eq!(state.withdraw(2, |_| true), None, "it is gone");
        assert_eq!(state.holder(2), Some(Holder::Successor));
        for held in [0, 1, 7] {
            assert_eq!(state.withdraw(held, |_| true), None);
        }
        state.released(1, "fence");
        assert_eq!(state.withdraw(1, |_| true), Some(Some("fence")));
        assert_eq!(state.present(0), Ok(()), "it was acquired");
        assert!(!state.released(1, "again"));
    }

    #[test]
    fn images_that_were_elsewhere_bring_what_came_back_there() {
        let mut state = State::of([Some("a"), None, Some("b"), None]);
        let handed: Vec<_> = std::iter::from_fn(|| match state.acquire(|_, _| true) {
            Acquire::Image(index, release) => Some((index, release)),
            _ => None,
        })
        .collect();
        assert_eq!(
            handed,
            [(1, None), (3, None), (0, Some("a")), (2, Some("b"))]
        );
    }

    #[test]
    fn a_release_of_an_image_that_the_compositor_does_not_hold_changes_nothing() {
        let mut state = fresh(1);
        assert!(!state.released(0, 1));
        assert!(!state.released(7, 2));
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, None));
        assert!(!state.released(0, 3));
        state.present(0).unwrap();
        assert!(state.released(0, 4));
        assert!(!state.released(0, 5));
        assert_eq!(state.acquire(|_, _| true), Acquire::Image(0, Some(4)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Acquire,
        Return(u32),
        Present(u32),
        Release(u32),
        Withdraw(u32),
        Retire,
    }

    fn step(images: u32) -> impl Strategy<Value = Step> {
        let index = 0..images + 1;
        prop_oneof![
            8 => Just(Step::Acquire),
            2 => index.clone().prop_map(Step::Return),
            8 => index.clone().prop_map(Step::Present),
            8 => index.clone().prop_map(Step::Release),
            2 => index.prop_map(Step::Withdraw),
            1 => Just(Step::Retire),
        ]
    }

    proptest! {
        /// In every order of calls and events, right and wrong: an image has one holder, a free image
        /// is listed once, and what came back with an image goes out with it, once.
        #[test]
        fn every_image_has_one_holder(
            images in 1u32..6,
            steps in prop::collection::vec(step(5), 0..200),
        ) {
            let mut state = fresh(images);
            let mut payload = vec![None; images as usize];
            for (serial, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Acquire => match state.acquire(|_, _| true) {
                        Acquire::Image(index, release) => {
                            prop_assert!(!state.is_retired());
                            prop_assert_eq!(release, payload[index as usize].take());
                        }
                        Acquire::Wait => prop_assert!(
                            (0..images).all(|i| state.holder(i) != Some(Holder::Nobody))
                        ),
                        Acquire::Busy => prop_assert!(false, "all are ready"),
                        Acquire::Retired => prop_assert!(state.is_retired()),
                    },
                    Step::Return(index) => {
                        let held = state.holder(index) == Some(Holder::Application);
                        prop_assert_eq!(state.return_acquired(index, Some(serial)).is_ok(), held);
                        if held {
                            payload[index as usize] = Some(serial);
                        }
                    }
                    Step::Present(index) => {
                        let held = state.holder(index) == Some(Holder::Application);
                        prop_assert_eq!(state.present(index).is_ok(), held);
                    }
                    Step::Release(index) => {
                        let held = state.holder(index) == Some(Holder::Compositor);
                        prop_assert_eq!(state.released(index, serial), held);
                        if held {
                            payload[index as usize] = Some(serial);
                        }
                    }
                    Step::Withdraw(index) => {
                        let free = state.holder(index) == Some(Holder::Nobody);
                        let withdrawn = state.withdraw(index, |_| true);
                        prop_assert_eq!(withdrawn.is_some(), free && state.is_retired());
                        if let Some(release) = withdrawn {
                            prop_assert_eq!(release, payload[index as usize].take());
                        }
                    }
                    Step::Retire => state.retire(),
                }
                let mut listed: Vec<u32> = state.free.iter().map(|(index, _)| *index).collect();
                listed.sort_unstable();
                let free: Vec<u32> =
                    (0..images).filter(|i| state.holder(*i) == Some(Holder::Nobody)).collect();
                prop_assert_eq!(listed, free);
            }
        }
    }
}
