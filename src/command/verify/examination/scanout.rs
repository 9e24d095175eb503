//! Whether the display reads an image itself.

use super::stage::Stage;
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::Fault;

const ASKED: Question = Question::Scanout;

/// Looks at what the compositor has said of all frames.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    Ok(vec![match stage.seen.shown() {
        (0, _) => Finding::untold(ASKED, "the compositor does not tell how frames were shown"),
        (shown, 0) => Finding::untold(
            ASKED,
            format!("the compositor copied all {shown} frames of a small window"),
        ),
        (shown, direct) => Finding::pass(ASKED, format!("{direct} of {shown} frames")),
    }])
}
