//! The examination: each file asks one question, or two that the same frame answers.

mod acquire;
mod awake;
mod devices;
mod fences;
mod later;
mod layout;
mod owner;
mod present;
mod rate;
mod scanout;
mod stage;
mod unrelated;

use std::path::Path;

use super::event::Event;
use super::finding::Finding;
use super::question::Question;
use super::scene::Fault;
use stage::Stage;

/// Asks everything, and tells each answer as soon as it is there. `report` is the file in which the layer
/// tells of its swapchains.
pub fn run(report: &Path, tell: &mut dyn FnMut(Event)) {
    match ask(report, tell) {
        Ok(()) => tell(Event::Done),
        Err(Fault(why)) => tell(Event::Ended(why)),
    }
}

fn ask(report: &Path, tell: &mut dyn FnMut(Event)) -> Result<(), Fault> {
    tell(Event::Asks(Question::Owner));
    let stage = Stage::set(|machine| tell(Event::Machine(machine)))?;
    let found = owner::ask(&stage, report)?;
    let is_owned = found.verdict == super::finding::Verdict::Pass;
    tell(Event::Found(found));
    if !is_owned {
        return Err(Fault(
            "the layer does not own the window's swapchain".to_owned(),
        ));
    }
    let questions: [(Question, Ask); 9] = [
        (Question::Fences, fences::ask),
        (Question::Present, present::ask),
        (Question::Acquire, acquire::ask),
        (Question::Unrelated, unrelated::ask),
        (Question::Later, later::ask),
        (Question::Layout, layout::ask),
        (Question::Rate, rate::ask),
        // Once many frames were shown.
        (Question::Scanout, scanout::ask),
        // Last: a compositor may end the connection of one whose buffer it does not understand.
        (Question::Devices, devices::ask),
    ];
    for (question, ask) in questions {
        tell(Event::Asks(question));
        let answer = ask(&stage);
        if let Some(why) = stage.seen.broken() {
            return Err(Fault(why));
        }
        match answer {
            Ok(found) => found
                .into_iter()
                .for_each(|found| tell(Event::Found(found))),
            Err(Fault(why)) => tell(Event::Found(Finding::untold(question, why))),
        }
    }
    Ok(())
}

type Ask = fn(&Stage) -> Result<Vec<Finding>, Fault>;
