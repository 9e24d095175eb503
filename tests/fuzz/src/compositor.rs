//! A compositor that does anything that the wire allows.

use std::time::Duration;

use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{
    Behaviour, Cause, ClientId, Clock, Colour, Commit, Compositor, Dmabuf, Feature, Imports, Kind,
    Offer, Presented, Primaries, Synchronisation, TransferFunction, Verdict, With,
};

use crate::feedback;
use crate::source::Source;

/// As many frames are on their way; older ones are forgotten, and never come back.
const REMEMBERED: usize = 32;

/// Interfaces of which the layer has objects. Others' events are the application's to survive.
const OURS: &[&str] = &[
    "wl_buffer",
    "wl_callback",
    "wl_display",
    "wp_color_management_surface_v1",
    "wp_color_manager_v1",
    "wp_image_description_v1",
    "wp_image_description_info_v1",
    "wp_presentation",
    "wp_presentation_feedback",
    "zwp_linux_buffer_params_v1",
    "zwp_linux_buffer_release_v1",
    "zwp_linux_dmabuf_feedback_v1",
    "zwp_linux_dmabuf_v1",
];

/// What it offers.
pub(crate) fn offer(source: &mut Source<'_>) -> Offer {
    let plain = Offer::default();
    let has = source.byte();
    let flag = |bit: u8| has & 1 << bit != 0;
    Offer {
        dmabuf: match source.byte() % 8 {
            0 => Dmabuf::Modifiers(3),
            1 => Dmabuf::Feedback(4),
            _ => Dmabuf::Feedback(5),
        },
        explicit: flag(0),
        release_event_with_syncobj: flag(1),
        presentation: match source.byte() % 4 {
            0 => None,
            1 => Some(Clock::Realtime),
            _ => plain.presentation,
        },
        fifo: flag(2),
        commit_timing: flag(3),
        tearing_control: flag(4),
        fixes: flag(5),
        colour: flag(6).then(|| colour(source)),
        behaviour: match flag(7) {
            true => Behaviour::Automatic {
                refresh: Duration::from_millis(1),
            },
            false => Behaviour::Manual,
        },
        modes: (0..source.index(4)).map(|_| source.u32() as i32).collect(),
        ..plain
    }
}

fn colour(source: &mut Source<'_>) -> Colour {
    let mut colour = Colour {
        version: 1 + u32::from(source.byte() % 3),
        ..Colour::default()
    };
    let kept = source.byte();
    let mut bit = 0;
    let mut keep = || {
        bit += 1;
        kept == 0 || kept & 1 << (bit % 8) != 0
    };
    colour
        .features
        .retain(|feature| *feature == Feature::Parametric || keep());
    colour
        .transfer_functions
        .retain(|_: &TransferFunction| keep());
    colour.primaries.retain(|_: &Primaries| keep());
    colour.verdict = verdict(source);
    colour
}

fn verdict(source: &mut Source<'_>) -> Verdict {
    let causes = [Cause::LowVersion, Cause::Unsupported, Cause::NoOutput];
    let cause = causes[source.index(causes.len())];
    match source.byte() % 6 {
        0 => Verdict::Failed(cause),
        1 => Verdict::OnlyPlain(cause),
        2 => Verdict::Later,
        _ => Verdict::Ready,
    }
}

/// One client's compositor.
pub(crate) struct Whimsical<'a> {
    pub(crate) compositor: &'a Compositor,
    pub(crate) client: ClientId,
    commits: Vec<Commit>,
    /// A fence that the compositor may hand over, where there are any.
    pub(crate) fence: Option<SyncFile>,
}

impl<'a> Whimsical<'a> {
    pub(crate) fn new(compositor: &'a Compositor, client: ClientId) -> Self {
        Self {
            compositor,
            client,
            commits: Vec::new(),
            fence: None,
        }
    }

    fn is_connected(&self) -> bool {
        self.compositor.clients().contains(&self.client)
    }

    /// Does something, and says what.
    pub(crate) fn act(&mut self, source: &mut Source<'_>) -> String {
        let compositor = self.compositor;
        for commit in compositor.take_commits() {
            if commit.has_buffer() {
                self.commits.push(commit);
            }
        }
        let old = self.commits.len().saturating_sub(REMEMBERED);
        self.commits.drain(..old);
        match source.byte() % 16 {
            0..=2 => {
                let Some(commit) = source.of(&self.commits) else {
                    return "no commit to release".to_owned();
                };
                let fences: Vec<&SyncFile> = self.fence.iter().filter(|_| source.flag()).collect();
                // Twice, or with a fence where there can be none, is an error of ours.
                let done = compositor.try_release(commit, With::readers(&fences));
                format!("release of commit {}: {done:?}", commit.serial)
            }
            3 => {
                let buffers = compositor.buffers(self.client);
                let Some(buffer) = source.of(&buffers) else {
                    return "no buffer to release".to_owned();
                };
                let done = compositor.misbehave().release_event(buffer);
                format!("wl_buffer.release of {:?}: {done}", buffer.id)
            }
            4 | 5 => {
                let Some(commit) = source.of(&self.commits) else {
                    return "no commit to be shown".to_owned();
                };
                let presented = Presented {
                    at: match source.byte() % 4 {
                        0 => Presented::default().at,
                        1 => Duration::new(source.u64(), source.u32() % 1_000_000_000),
                        2 => Duration::new(source.u32().into(), source.u32() % 1_000_000_000),
                        _ => Presented::default().at + Duration::from_nanos(source.u32().into()),
                    },
                    refresh: Duration::from_nanos(source.u32().into()),
                    sequence: source.u64(),
                    flags: Kind::from_bits_truncate(source.byte().into()),
                };
                let told = compositor.misbehave().presented(commit, presented);
                format!(
                    "commit {} is shown, {told} told: {presented:?}",
                    commit.serial
                )
            }
            6 => {
                let Some(commit) = source.of(&self.commits) else {
                    return "no commit to discard".to_owned();
                };
                let told = compositor.misbehave().discarded(commit);
                format!("commit {} is discarded, {told} told", commit.serial)
            }
            7 | 8 => {
                let surfaces = compositor.surfaces(self.client);
                for surface in &surfaces {
                    compositor.frame_done(*surface);
                }
                format!("frame_done of {surfaces:?}")
            }
            9 => {
                let feedback = feedback::any(source);
                compositor.send_feedback(feedback);
                "feedback".to_owned()
            }
            10 => match source.byte() % 4 {
                0 => {
                    let imports = match source.byte() % 4 {
                        0 => Imports::Unanswered,
                        1 => Imports::PitchOf(256),
                        _ => Imports::Proper,
                    };
                    compositor.import(imports);
                    format!("{imports:?}")
                }
                1 => {
                    let verdict = verdict(source);
                    compositor.judge_descriptions(verdict);
                    format!("{verdict:?}")
                }
                2 => {
                    let commit = self.commits.iter().rev().find(|commit| {
                        matches!(
                            commit.fences().synchronisation,
                            Synchronisation::Explicit { .. }
                        )
                    });
                    match commit {
                        Some(commit) => {
                            let file = source.any_file();
                            let done = compositor.misbehave().try_fenced_release(commit, &file);
                            format!("fenced_release of commit {}: {done}", commit.serial)
                        }
                        None => "no fenced release".to_owned(),
                    }
                }
                _ if compositor.undecided_count() > 0 => {
                    compositor.decide(source.flag().then_some(Cause::Unsupported));
                    "a description is decided".to_owned()
                }
                _ => "nothing to decide".to_owned(),
            },
            11 if source.one_in(8) && self.is_connected() => {
                if source.flag() {
                    compositor.disconnect(self.client);
                    "the end of the connection".to_owned()
                } else {
                    let code = source.u32();
                    compositor.disconnect_with_error(self.client, code, "the end");
                    format!("protocol error {code}")
                }
            }
            _ => {
                // An error that the compositor does not know of ends the story: seldom.
                let ends = source.one_in(32);
                let fits = |name: &str| OURS.contains(&name) && (ends || name != "wl_display");
                let event = compositor.misbehave().event(self.client, fits, source);
                event.unwrap_or_else(|| "no event".to_owned())
            }
        }
    }
}
