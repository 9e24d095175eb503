//! A window that is hidden for a while and shown again, on the compositor of this session: how fast its frames
//! go while it is hidden, and whether any call takes long afterwards.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use wayfence_tests::{
    Application, Swapchain, Wanted, child, compositor, layers::WAYFENCE, watchdog::Watchdog,
};

/// How long a compositor that shows a window takes to ask it for a frame.
const LAST_REFRESHES: Duration = Duration::from_millis(700);
/// How long windows fade away.
const FADING: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Hidden {
    /// How many seconds the window is hidden.
    #[arg(long, default_value_t = 20)]
    pub hidden: u64,
    /// How many seconds are measured after it is shown again.
    #[arg(long, default_value_t = 60)]
    pub shown: u64,
    /// Measure once, on whatever swapchains there are.
    #[arg(long, hide = true)]
    pub measure: bool,
}

/// What some frames took.
#[derive(Debug, Default)]
struct Took {
    frames: u32,
    all: Duration,
    acquire: Duration,
    present: Duration,
}

impl Took {
    fn rate(&self) -> f64 {
        f64::from(self.frames) / self.all.as_secs_f64()
    }
}

impl Hidden {
    /// Measures each side, and prints the results.
    ///
    /// # Errors
    /// If a side cannot be measured.
    pub fn run(&self) -> Result<()> {
        if self.measure {
            println!("{}", self.measure()?);
            return Ok(());
        }
        let this = env::current_exe().context("/proc/self/exe")?;
        for (name, layers) in [
            ("the layer", &[WAYFENCE] as &[&str]),
            ("the driver's own swapchains", &[]),
        ] {
            let mut command = child::on(&this, layers);
            command
                .args(["hidden", "--measure"])
                .args(["--hidden", &self.hidden.to_string()])
                .args(["--shown", &self.shown.to_string()]);
            let output = command.output().context(name)?;
            let said = String::from_utf8_lossy(&output.stdout);
            match output.status.success() {
                true => print!("{name}: {said}"),
                // A side that never ends is a result, too.
                false => println!(
                    "{name}: {} {said} {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
            }
        }
        Ok(())
    }

    fn measure(&self) -> Result<String> {
        // A call that never returns is a result, too.
        let most = self.hidden + self.shown + 100;
        let _watchdog = Watchdog::new(Duration::from_secs(most), "a hidden window");
        let app = Application::new();
        let mut swapchain = app.swapchain_with(Wanted {
            extent: (320, 240),
            ..Wanted::default()
        });
        let seen = frames(&mut swapchain, Duration::from_secs(3))?;
        let way = hide(&app)?;
        let hidden = frames(&mut swapchain, Duration::from_secs(self.hidden))?;
        let name = way.name();
        way.show(&app);
        ensure!(
            app.surface.window().is_seen(FADING),
            "{name}: the window was not shown again; hidden: {hidden:?}"
        );
        let shown = frames(&mut swapchain, Duration::from_secs(self.shown))?;
        Ok(format!(
            "{name}; seen {:.1} frames/s; hidden {:.1} frames/s, longest acquire {:.0?}, present {:.0?}; in \
             the {} s after it was shown again {:.1} frames/s, longest acquire {:.0?}, present {:.0?}",
            seen.rate(),
            hidden.rate(),
            hidden.acquire,
            hidden.present,
            self.shown,
            shown.rate(),
            shown.acquire,
            shown.present,
        ))
    }
}

/// Draws for so long.
fn frames(swapchain: &mut Swapchain, long: Duration) -> Result<Took> {
    let mut took = Took::default();
    let begun = Instant::now();
    while begun.elapsed() < long {
        let at = Instant::now();
        let index = swapchain.acquire_and_wait(u64::MAX)?;
        took.acquire = took.acquire.max(at.elapsed());
        swapchain.draw_now(index)?;
        let at = Instant::now();
        swapchain.present(index)?;
        took.present = took.present.max(at.elapsed());
        took.frames += 1;
        swapchain.surface.dispatch();
    }
    took.all = begun.elapsed();
    Ok(took)
}

/// How a window was hidden.
enum Way {
    /// Covered by another window, for as long as this lives.
    Covered(Box<Swapchain>),
    /// Minimised, or on a workspace that is not shown.
    Left,
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Way::Covered(_) => "covered",
            Way::Left => "minimised",
        }
    }

    fn show(self, app: &Application) {
        match self {
            Way::Covered(cover) => drop(cover),
            Way::Left => {
                compositor::bring_back();
                app.surface.window().fill_the_display();
            }
        }
    }
}

/// Hides the application's window, in a way that can be undone: not every compositor lets a client show a
/// window that it has minimised.
fn hide(app: &Application) -> Result<Way> {
    let window = app.surface.window();
    let cover = Application::new();
    let mut above = cover.swapchain_with(Wanted {
        extent: match cover.surface.window().fill_the_display() {
            (0, 0) => (800, 600),
            extent => extent,
        },
        ..Wanted::default()
    });
    for _ in 0..3 {
        above.frame()?;
    }
    if is_hidden(app) {
        return Ok(Way::Covered(Box::new(above)));
    }
    drop(above);
    drop(cover);
    window.minimise();
    compositor::leave_workspace();
    ensure!(is_hidden(app), "the compositor shows it all the same");
    Ok(Way::Left)
}

fn is_hidden(app: &Application) -> bool {
    let until = Instant::now() + FADING;
    while Instant::now() < until {
        if !app.surface.window().is_seen(LAST_REFRESHES) {
            return true;
        }
    }
    false
}
