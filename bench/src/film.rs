//! A film on the compositor of this session: how evenly its frames are shown, with the layer and with the
//! driver's own swapchains.

use std::env;

use anyhow::{Context, Result, ensure};
use wayfence_tests::{
    Window, child,
    film::{Evenness, Projector},
    layers::WAYFENCE,
};

/// What is played.
#[derive(Debug, Clone, clap::Args)]
pub struct Film {
    /// How many frames a second.
    #[arg(long, default_value_t = 24)]
    pub rate: u64,
    /// How many frames.
    #[arg(long, default_value_t = 240)]
    pub frames: u64,
    /// Play it once, on whatever swapchains there are.
    #[arg(long, hide = true)]
    pub play: bool,
    /// Give no frame a target time.
    #[arg(long, hide = true)]
    pub no_targets: bool,
}

impl Film {
    /// Plays the film on each side, and prints how even it was.
    ///
    /// # Errors
    /// If a side cannot play it.
    pub fn run(&self) -> Result<()> {
        ensure!(self.rate > 0 && self.frames > 1, "there is nothing to see");
        if self.play {
            println!("{}", self.play());
            return Ok(());
        }
        let this = env::current_exe().context("/proc/self/exe")?;
        let sides: [(_, &[&str], _); 3] = [
            ("the layer", &[WAYFENCE], false),
            ("the layer, without targets", &[WAYFENCE], true),
            ("the driver's own swapchains", &[], false),
        ];
        for (name, layers, no_targets) in sides {
            let mut command = child::on(&this, layers);
            command
                .args(["film", "--play"])
                .args(["--rate", &self.rate.to_string()])
                .args(["--frames", &self.frames.to_string()])
                .args(no_targets.then_some("--no-targets"));
            let output = command.output().context(name)?;
            ensure!(
                output.status.success(),
                "{name}: {}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
            print!("{name}, {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(())
    }

    fn play(&self) -> String {
        let mut projector = Projector::new(Window::open(), self.rate, !self.no_targets);
        for _ in 0..self.frames {
            projector.show();
        }
        projector.end();
        let refresh = projector.refresh();
        // The display's refresh is known after the first frame.
        let frames = &projector.frames()[1..];
        let even = Evenness::of(frames, refresh);
        match projector.has_targets() {
            true => {
                let late = frames.iter().filter(|frame| !frame.is_in_time(refresh));
                format!("by targets, {} of them ready late: {even}", late.count())
            }
            false => format!("by sleep: {even}"),
        }
    }
}
