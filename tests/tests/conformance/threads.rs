//! Threads: externally synchronised objects are used by one thread at a time, all others by any ("Threading
//! Behavior").

use wayfence_tests::Wanted;
use wayfence_tests::instance::Options;

use crate::case::cases;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    applications_in_several_threads_do_not_meet,
    windows_on_one_connection_are_drawn_in_several_threads,
    queries_may_come_while_another_thread_draws,
    one_thread_acquires_while_another_presents_to_another_window,
];

/// Two devices of one instance, each with its window, in two threads.
fn applications_in_several_threads_do_not_meet(stage: &Stage) -> Outcome {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let app = stage.app_with(Options::default());
                let mut swapchain = app.swapchain_with(if thread % 2 == 0 {
                    Wanted::default()
                } else {
                    Wanted::mailbox()
                });
                for _ in 0..15 {
                    swapchain.frame().unwrap();
                }
                drop(swapchain);
                app.surface.window().assert_alive();
            });
        }
    });
    Ok(())
}

/// Windows of one application share its connection; each thread waits for its own images.
fn windows_on_one_connection_are_drawn_in_several_threads(stage: &Stage) -> Outcome {
    let first = stage.app();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let app = first.second_window();
            scope.spawn(move || {
                let mut swapchain = app.swapchain();
                for _ in 0..15 {
                    swapchain.frame().unwrap();
                }
                drop(swapchain);
                app.surface.window().assert_alive();
            });
        }
    });
    Ok(())
}

/// Surface and physical device are not externally synchronised for queries.
fn queries_may_come_while_another_thread_draws(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    std::thread::scope(|scope| {
        let drawing = scope.spawn(move || {
            for _ in 0..15 {
                swapchain.frame().unwrap();
            }
        });
        while !drawing.is_finished() {
            assert!(app.surface.capabilities(app.device.physical).is_ok());
            assert!(app.surface.formats(app.device.physical).is_ok());
            assert!(app.surface.present_modes(app.device.physical).is_ok());
        }
        drawing.join().unwrap();
    });
    app.surface.window().assert_alive();
    Ok(())
}

/// Each swapchain belongs to one thread; the device and its queue, which is locked, to both.
fn one_thread_acquires_while_another_presents_to_another_window(stage: &Stage) -> Outcome {
    let first = stage.app();
    let second = first.second_window();
    let waiting = first.swapchain_with(Wanted::mailbox());
    let _held = crate::frames::hold_all(&waiting);
    let mut drawn = second.swapchain_with(Wanted::mailbox());
    std::thread::scope(|scope| {
        let acquiring = scope.spawn(|| {
            waiting
                .acquire_and_wait(2 * crate::frames::SECOND)
                .map(drop)
        });
        for _ in 0..20 {
            drawn.frame().unwrap();
        }
        let answer = acquiring.join().unwrap();
        assert_eq!(answer, Err(ash::vk::Result::TIMEOUT));
    });
    Ok(())
}
