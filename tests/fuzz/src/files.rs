//! What is read from files: reports, traces, and what other processes count.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use wayfence::live::{self, layout};
use wayfence::report::{self, Summary};
use wayfence::trace;

use crate::source::Source;

/// A folder in memory, if there is one.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a folder for a file")
}

/// What is printed has no character that a terminal would obey.
fn printed(text: &str) {
    let obeyed = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(obeyed), "{text:?}");
}

/// Somebody has written into a report.
pub(crate) fn report(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("report");
    fs::write(&path, report_text(bytes)).expect("room");
    match report::read(&path) {
        Ok(reports) => {
            printed(&Summary(&reports).to_string());
            serde_json::to_string(&reports).expect("what was read can be written");
        }
        Err(error) => assert!(error.to_string().contains("report")),
    }
}

/// The bytes as they are, or a report that is one but for what they change in it.
pub fn report_text(bytes: &[u8]) -> Vec<u8> {
    let mut source = Source::new(bytes);
    if source.flag() {
        return source.rest().to_vec();
    }
    let mut text = Vec::new();
    for _ in 0..=source.index(4) {
        let mut one = one_report();
        change(&mut one, &mut source);
        text.extend(one.to_string().into_bytes());
        text.push(b'\n');
    }
    text
}

/// One as it should be.
fn one_report() -> Value {
    json!({
        "pid": 7, "application": "cube", "driver": "llvmpipe", "compositor": "weston",
        "synchronisation": "implicit", "format": "B8G8R8A8_UNORM", "modifier": 0,
        "color_space": "SRGB_NONLINEAR", "hdr_metadata": null, "extent": [256, 256],
        "present_mode": "FIFO", "image_count": 3,
        "creation": {"all_ns": 1000, "images_ns": 500},
        "counters": {
            "acquires_pending": 1, "acquires_signalled": 2, "acquires_held": 1, "presents": 3,
            "sync_files_exported": 1, "sync_files_imported": 1, "cpu_waits": 0,
            "acquire_total_ns": 100, "acquire_max_ns": 60, "present_total_ns": 200, "present_max_ns": 90,
        },
        "latencies": {
            "shown": 2, "total_ns": 10, "max_ns": 6, "with_target": 1, "late": 1, "missed": 1,
            "missed_at_most": 1, "by_application": 0, "by_gpu": 0, "by_pace": 1,
        },
    })
}

/// Some of its values are others.
fn change(value: &mut Value, source: &mut Source<'_>) {
    match value {
        Value::Object(members) => {
            for member in members.values_mut() {
                change(member, source);
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| change(member, source)),
        other => match source.byte() {
            0..192 => {}
            192..224 => *other = json!(source.u64()),
            224..230 => *other = json!(source.u32() as i32),
            230..236 => *other = json!(f64::from(source.u32()) * 1e300),
            236..250 => *other = json!(String::from_utf8_lossy(&source.run())),
            250 => *other = Value::Null,
            _ => *other = json!([]),
        },
    }
}

/// Somebody has written into a trace.
pub(crate) fn trace(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("trace");
    fs::write(&path, trace_text(bytes)).expect("room");
    match trace::read(&path) {
        Ok(timeline) => {
            let summary = trace::Summary::of(&timeline);
            printed(&summary.to_string());
            serde_json::to_string(&summary).expect("a summary can be written");
        }
        Err(error) => assert!(error.to_string().contains("trace")),
    }
}

/// The bytes as they are, or events that are a trace's but for what they change in them.
pub fn trace_text(bytes: &[u8]) -> Vec<u8> {
    let mut source = Source::new(bytes);
    if source.flag() {
        return source.rest().to_vec();
    }
    let mut events = vec![json!({
        "name": "wayfence", "ph": "M", "pid": 7,
        "args": {"version": 1, "application": "cube"},
    })];
    while !source.is_over() && events.len() < 200 {
        events.push(event(&mut source));
    }
    let mut text = Value::Array(events).to_string().into_bytes();
    if source.one_in(8) {
        text.truncate(text.len() / 2);
    }
    text
}

fn event(source: &mut Source<'_>) -> Value {
    let time = |source: &mut Source<'_>| match source.byte() % 8 {
        0 => json!(f64::from(source.u32()) * 1e18),
        1 => json!(-f64::from(source.u32())),
        2 => json!(source.u64()),
        _ => json!(f64::from(source.byte()) * 1000.0),
    };
    let count = |source: &mut Source<'_>| match source.byte() % 4 {
        0 => source.u64(),
        _ => source.byte().into(),
    };
    let text = |source: &mut Source<'_>| match source.byte() % 4 {
        0 => String::from_utf8_lossy(&source.run()).into_owned(),
        _ => "cube".to_owned(),
    };
    let small = |source: &mut Source<'_>| match source.byte() % 16 {
        0 => source.u32(),
        few => u32::from(few) % 3,
    };
    let mut args = Map::new();
    args.insert("swapchain".into(), json!(small(source)));
    args.insert("frame".into(), json!(u64::from(source.byte() % 8)));
    args.insert("image".into(), json!(small(source)));
    let fill = |names: &[&str], args: &mut Map<String, Value>, source: &mut Source<'_>| {
        for name in names {
            args.insert((*name).into(), json!(count(source)));
        }
    };
    let fences = |source: &mut Source<'_>| -> Value {
        let fence = |_| {
            json!({
                "driver": text(source), "timeline": text(source), "status": "signalled",
                "signalled_ns": count(source),
            })
        };
        (0..3).map(fence).collect()
    };
    let (ph, name) = match source.byte() % 12 {
        0 | 1 => {
            fill(&["no_image_ns", "busy_ns", "cpu_waits"], &mut args, source);
            args.insert("pending".into(), json!(source.flag()));
            ("X", "acquire")
        }
        2 => {
            args.remove("frame");
            fill(&["no_image_ns", "busy_ns", "cpu_waits"], &mut args, source);
            args.insert("pending".into(), json!(false));
            ("X", "acquire without an image")
        }
        3 | 4 => {
            fill(&["handed_ns", "paced_ns"], &mut args, source);
            ("i", "commit")
        }
        5 => {
            fill(&["cpu_waits"], &mut args, source);
            ("X", "present")
        }
        6 => ("i", "release"),
        7 => {
            args.insert("fences".into(), fences(source));
            ("i", "fences of the release")
        }
        8 => {
            args.insert("fences".into(), fences(source));
            ("i", "fences of the rendering")
        }
        9 => {
            fill(
                &["refresh_ns", "sequence", "latency_ns", "missed"],
                &mut args,
                source,
            );
            args.insert("refresh_ns".into(), json!(source.u32()));
            ("i", "shown")
        }
        10 => match source.byte() % 3 {
            0 => ("i", "discarded"),
            1 => ("i", "given back"),
            _ => {
                fill(&["events", "sync_files"], &mut args, source);
                ("i", "lost")
            }
        },
        _ => {
            for name in ["synchronisation", "compositor", "mode", "color_space"] {
                args.insert(name.into(), json!(text(source)));
            }
            args.insert("extent".into(), json!([source.u32(), source.u32()]));
            args.insert("images".into(), json!(small(source)));
            ("i", "swapchain")
        }
    };
    let mut event = json!({
        "name": name, "ph": ph, "pid": 7, "ts": time(source), "dur": time(source), "args": args,
    });
    if source.one_in(32) {
        change(&mut event, source);
    }
    event
}

/// Another process of the same user writes into the file by which its swapchains are seen.
pub(crate) fn live(bytes: &[u8]) {
    let folder = folder();
    let path = live_folder(folder.path(), bytes);
    let read = live::watch(&path);
    if let Ok(processes) = &read {
        for swapchain in processes.iter().flat_map(|process| &process.swapchains) {
            printed(&Summary(std::slice::from_ref(&swapchain.report)).to_string());
        }
        serde_json::to_string(processes).expect("what was read can be written");
    }
    let report = folder.path().join("report");
    if let Ok(reports) = live::unwritten(&path, &report) {
        assert!(reports.len() <= 16 * layout::SLOTS);
    }
}

/// The folder with its files, in this folder.
pub fn live_folder(runtime: &Path, bytes: &[u8]) -> PathBuf {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mut source = Source::new(bytes);
    let folder = runtime.join("wayfence");
    fs::create_dir(&folder).expect("room");
    let mode = match source.one_in(16) {
        true => 0o777,
        false => 0o700,
    };
    fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("it is ours");
    for _ in 0..=source.index(3) {
        let name = match source.byte() % 8 {
            0 => "1-2-3".to_owned(),
            1 => "1-2-3.ended".to_owned(),
            2 => "01-2-3".to_owned(),
            3 => format!("{}-{}-{}", source.u32(), source.u64(), source.u64()),
            4 => format!("{}-0-0.ended", source.u32()),
            5 => "..ended".to_owned(),
            _ => identity(),
        };
        let path = folder.join(name);
        match source.byte() % 16 {
            0 => {
                let _ = symlink("/proc/self/status", &path);
            }
            1 => {
                let _ = fs::create_dir(&path);
            }
            2 => {
                let mode = rustix::fs::Mode::RWXU;
                let kind = rustix::fs::FileType::Fifo;
                let _ = rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0);
            }
            _ => {
                // The name may be taken, by a link or a pipe, which are not to be opened.
                let Ok(file) = fs::File::create_new(&path) else {
                    continue;
                };
                swapchains(&file, &mut source);
            }
        }
    }
    folder
}

/// The name of the file of a process that lives: this one.
fn identity() -> String {
    use std::os::unix::fs::MetadataExt;
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    let started = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19))
        .expect("proc_pid_stat(5): the 22nd field is the start");
    let namespace = fs::metadata("/proc/self/ns/pid").expect("/proc").ino();
    format!("{}-{started}-{namespace}", std::process::id())
}

/// A file of swapchains, some bytes of which are others.
fn swapchains(file: &fs::File, source: &mut Source<'_>) {
    let size = match source.one_in(16) {
        true => u64::from(source.u32()) % (2 * layout::SIZE as u64),
        false => layout::SIZE as u64,
    };
    file.set_len(size).expect("room");
    let write = |bytes: &[u8], at: usize| file.write_all_at(bytes, at as u64).expect("room");
    if !source.one_in(16) {
        write(&layout::MAGIC.map(u64::to_ne_bytes).concat(), 0);
    }
    for _ in 0..source.index(4) {
        let slot = layout::FIRST_SLOT + source.index(layout::SLOTS) * layout::SLOT;
        let state = match source.byte() % 4 {
            0 => source.u64(),
            _ => layout::FIRST_NUMBER + u64::from(source.byte()),
        };
        write(&state.to_ne_bytes(), slot);
        let mut one = json!({"report_file": "/dev/shm/report", "swapchain": one_report()});
        change(&mut one, source);
        let mut text = match source.byte() % 8 {
            0 => source.run(),
            _ => one.to_string().into_bytes(),
        };
        text.truncate(layout::SLOT - layout::TEXT);
        write(&text, slot + layout::TEXT);
        let length = match source.byte() % 8 {
            0 => source.u64(),
            _ => text.len() as u64,
        };
        write(&length.to_ne_bytes(), slot + layout::LENGTH);
        let words = (layout::TEXT - layout::COUNTERS) / 8;
        for word in 0..source.index(words) {
            let number = source.u64();
            write(&number.to_ne_bytes(), slot + layout::COUNTERS + word * 8);
        }
    }
    if source.one_in(4) {
        let bytes = source.run();
        write(&bytes, source.u32() as usize % layout::SIZE);
    }
}
