//! What one side writes, and the other reads.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{layout, process::Identity, publisher, reader::*};
use crate::observe::{counters::Snapshot, report::tests::vkcube};

/// A folder as `XDG_RUNTIME_DIR` is, and in it the path of ours.
fn runtime_dir() -> (tempfile::TempDir, PathBuf) {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("wayfence");
    (above, folder)
}

fn only(folder: &Path) -> Process {
    let mut processes = read(folder).unwrap();
    assert_eq!(processes.len(), 1, "{processes:?}");
    processes.remove(0)
}

#[test]
fn without_the_folder_there_is_nobody() {
    let (_above, folder) = runtime_dir();
    assert!(read(&folder).unwrap().is_empty());
    assert!(!folder.exists());
}

#[test]
fn what_is_counted_is_seen_from_publishing_to_withdrawal() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    counted.presented(Some(Duration::from_nanos(5)));
    assert!(only(&folder).swapchains.is_empty());

    counted.publish(vkcube(), Some(Path::new("/tmp/report")));
    let process = only(&folder);
    assert_eq!(process.state, State::Living);
    assert_eq!(process.identity.pid, std::process::id());
    let [swapchain] = &process.swapchains[..] else {
        panic!("{process:?}");
    };
    assert_eq!(
        swapchain.report_file.as_deref(),
        Some(Path::new("/tmp/report"))
    );
    assert_eq!(swapchain.report.application, "vkcube");
    let expected = Snapshot {
        presents: 1,
        present_total_ns: 5,
        present_max_ns: 5,
        ..Snapshot::default()
    };
    assert_eq!(swapchain.report.counters, expected);

    counted.acquired_pending(Some(Duration::from_nanos(7)));
    assert_eq!(
        only(&folder).swapchains[0].report.counters,
        counted.snapshot()
    );
    assert_eq!(
        unwritten(&folder, Path::new("/tmp/report")).unwrap().len(),
        1
    );
    assert!(
        unwritten(&folder, Path::new("/tmp/other"))
            .unwrap()
            .is_empty()
    );

    counted.withdraw();
    assert!(only(&folder).swapchains.is_empty());
}

#[test]
fn who_is_watched_is_told_so() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    counted.publish(vkcube(), None);
    read(&folder).unwrap();
    assert!(!counted.is_watched(), "who only reads does not watch");
    assert_eq!(watch(&folder).unwrap().len(), 1);
    assert!(counted.is_watched());
    assert_eq!(only(&folder).swapchains.len(), 1);
}

#[test]
fn a_child_by_fork_takes_nothing_from_view() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    counted.publish(vkcube(), None);
    // SAFETY: the child makes one system call, stores atomics, and ends without running anybody's destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        counted.withdraw();
        drop(counted);
        // SAFETY: ends this process.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: our child, and a number to fill.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(only(&folder).swapchains.len(), 1);
}

#[test]
fn a_slot_is_given_to_the_next_with_nothing_of_the_last() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let first = publisher::counted_in(page);
    first.presented(Some(Duration::from_nanos(5)));
    first.publish(vkcube(), None);
    let number = only(&folder).swapchains[0].number;
    drop(first);
    assert!(only(&folder).swapchains.is_empty());
    let second = publisher::counted_in(page);
    assert_eq!(second.snapshot(), Snapshot::default());
    second.publish(vkcube(), None);
    let process = only(&folder);
    assert_eq!(process.swapchains.len(), 1);
    assert!(process.swapchains[0].number > number);
}

#[test]
fn more_swapchains_than_slots_count_by_themselves() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let many: Vec<_> = (0..layout::SLOTS + 10)
        .map(|_| {
            let counted = publisher::counted_in(page);
            counted.publish(vkcube(), None);
            counted.cpu_wait();
            counted
        })
        .collect();
    assert!(many.iter().all(|counted| counted.cpu_waits() == 1));
    assert_eq!(only(&folder).swapchains.len(), layout::SLOTS);
    drop(many);
    assert!(only(&folder).swapchains.is_empty());
}

#[test]
fn text_without_room_leaves_the_swapchain_unseen() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    let mut report = vkcube();
    report.application = "x".repeat(layout::SLOT);
    counted.publish(report, None);
    assert!(only(&folder).swapchains.is_empty());
}

#[test]
fn who_has_ended_is_kept_and_marked() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    counted.publish(vkcube(), Some(Path::new("/tmp/report")));
    let own = Identity::own().unwrap();
    // The same file, of a process that had this number before.
    let ended = Identity {
        started: own.started - 1,
        ..own
    };
    let path = folder.join(ended.to_string());
    fs::rename(folder.join(own.to_string()), &path).unwrap();
    let process = only(&folder);
    assert_eq!(process.state, State::Ended);
    assert_eq!(process.swapchains.len(), 1);
    // Found again, under the name of those that have ended.
    assert!(!path.exists());
    assert_eq!(only(&folder).state, State::Ended);
    assert_eq!(
        unwritten(&folder, Path::new("/tmp/report")).unwrap().len(),
        1
    );
}

/// `exec` keeps number, start and namespace of a process, and ends nothing that was to be done at its exit.
#[test]
fn a_process_that_becomes_another_program_is_seen() {
    let (_above, folder) = runtime_dir();
    let before = publisher::counted_in(publisher::leaked_page(&folder).unwrap());
    before.publish(vkcube(), None);
    let page = publisher::leaked_page(&folder).unwrap();
    assert!(only(&folder).swapchains.is_empty());
    let counted = publisher::counted_in(page);
    counted.publish(vkcube(), Some(Path::new("/tmp/report")));
    let [swapchain] = &only(&folder).swapchains[..] else {
        panic!("{:?}", only(&folder));
    };
    assert!(swapchain.report_file.is_some());
}

#[test]
fn a_process_that_is_not_seen_is_left_alone() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let counted = publisher::counted_in(page);
    counted.publish(vkcube(), None);
    let own = Identity::own().unwrap();
    let elsewhere = Identity {
        namespace: own.namespace + 1,
        ..own
    };
    let path = folder.join(elsewhere.to_string());
    fs::rename(folder.join(own.to_string()), &path).unwrap();
    assert_eq!(only(&folder).state, State::Elsewhere);
    assert!(path.exists());
}

#[test]
fn files_that_are_none_of_ours_are_left_out() {
    let (_above, folder) = runtime_dir();
    let page = publisher::leaked_page(&folder).unwrap();
    let own = Identity::own().unwrap();
    let other = |pid| Identity { pid, ..own }.to_string();
    fs::write(folder.join("README"), "text").unwrap();
    fs::write(folder.join(other(1)), "short").unwrap();
    fs::write(folder.join(other(2)), vec![0xff; layout::SIZE]).unwrap();
    symlink(folder.join(own.to_string()), folder.join(other(3))).unwrap();
    fs::create_dir(folder.join(other(4))).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        folder.join(other(5)),
        rustix::fs::Mode::RUSR,
    )
    .unwrap();
    assert_eq!(only(&folder).identity.pid, std::process::id());
    drop(publisher::counted_in(page));
}

#[test]
fn nothing_in_a_slot_is_believed() {
    let (_above, folder) = runtime_dir();
    publisher::leaked_page(&folder).unwrap();
    let path = folder.join(Identity::own().unwrap().to_string());
    let mut file = fs::read(&path).unwrap();
    let mut slot = |index: usize, state: u64, length: u64| {
        let begin = layout::FIRST_SLOT + index * layout::SLOT;
        file[begin..][..8].copy_from_slice(&state.to_ne_bytes());
        file[begin + layout::LENGTH..][..8].copy_from_slice(&length.to_ne_bytes());
    };
    slot(0, 7, 0);
    slot(1, 8, u64::MAX);
    slot(2, 9, 100);
    fs::write(&path, file).unwrap();
    assert!(only(&folder).swapchains.is_empty());
}

#[test]
fn a_folder_that_others_could_have_placed_is_refused() {
    let (above, folder) = runtime_dir();
    let refused = |what: &str| {
        assert!(publisher::leaked_page(&folder).is_err(), "{what}");
        assert!(read(&folder).is_err(), "{what}");
    };
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), &folder).unwrap();
    refused("a link");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    fs::remove_file(&folder).unwrap();

    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
    refused("a group's");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(publisher::leaked_page(&folder).is_ok());

    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o777)).unwrap();
    refused("in a folder of all");
}
