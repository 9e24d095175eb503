//! Dma-buf feedback, true and false.

use rustix::fs::{Dev, fstat};
use rustix::io::pread;
use wayfence_test_compositor::{Compositor, Feedback, Format, Offer, Table, Tranche};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;

use crate::client::{ARGB8888, Client, commit};

const DEVICE: Dev = 0xe280;
const OTHER: Dev = 0xe281;

const LINEAR: Format = Format {
    fourcc: ARGB8888,
    modifier: Format::LINEAR,
};
const TILED: Format = Format {
    fourcc: ARGB8888,
    modifier: 0x0100_0000_0000_0002,
};

fn two_tranches() -> Feedback {
    Feedback {
        main_device: DEVICE,
        tranches: vec![
            Tranche {
                target_device: OTHER,
                scanout: true,
                formats: vec![TILED],
                stray_indices: Vec::new(),
            },
            Tranche {
                target_device: DEVICE,
                scanout: false,
                formats: vec![LINEAR, TILED],
                stray_indices: Vec::new(),
            },
        ],
        table: Table::Proper,
    }
}

fn default_feedback(client: &Client) -> ZwpLinuxDmabufFeedbackV1 {
    let dmabuf: ZwpLinuxDmabufV1 = client.bind();
    dmabuf.get_default_feedback(&client.handle(), ())
}

/// The names of the events, without what they carry.
fn names(events: &[String]) -> Vec<&str> {
    events
        .iter()
        .map(|event| {
            event
                .trim_matches('"')
                .split([' ', '{'])
                .next()
                .unwrap_or_default()
        })
        .collect()
}

const STORY: [&str; 11] = [
    "FormatTable",
    "MainDevice",
    "TrancheTargetDevice",
    "TrancheFlags",
    "TrancheFormats",
    "TrancheDone",
    "TrancheTargetDevice",
    "TrancheFlags",
    "TrancheFormats",
    "TrancheDone",
    "Done",
];

#[test]
fn tranches_come_in_order_and_point_into_the_table() {
    let test = Compositor::new(Offer {
        feedback: Some(two_tranches()),
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    let object = default_feedback(&client);
    client.roundtrip();
    let events = client.events_of(&object);
    assert_eq!(names(&events), STORY);
    assert_eq!(
        events[1],
        format!("MainDevice {{ device: {:?} }}", DEVICE.to_ne_bytes())
    );
    assert_eq!(
        events[2],
        format!(
            "TrancheTargetDevice {{ device: {:?} }}",
            OTHER.to_ne_bytes()
        )
    );
    assert!(events[3].contains("Scanout"), "{}", events[3]);
    assert!(!events[7].contains("Scanout"), "{}", events[7]);

    let (file, size) = client.heard.tables.pop().unwrap();
    assert_eq!(size, 32);
    let mut table = [0; 32];
    assert_eq!(pread(&file, &mut table[..], 0).unwrap(), 32);
    let entry = |index: u16| {
        let bytes = &table[usize::from(index) * 16..][..16];
        Format {
            fourcc: u32::from_ne_bytes(bytes[..4].try_into().unwrap()),
            modifier: u64::from_ne_bytes(bytes[8..].try_into().unwrap()),
        }
    };
    let tranches: Vec<Vec<Format>> = client
        .heard
        .indices
        .iter()
        .map(|indices| {
            let indices = indices.chunks(2);
            let indices = indices.map(|index| u16::from_ne_bytes(index.try_into().unwrap()));
            indices.map(entry).collect()
        })
        .collect();
    assert_eq!(tranches, [vec![TILED], vec![LINEAR, TILED]]);
}

#[test]
fn new_feedback_reaches_everybody_or_one_surface() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let surface = client.surface();
    let dmabuf: ZwpLinuxDmabufV1 = client.bind();
    let of_all = dmabuf.get_default_feedback(&client.handle(), ());
    let of_surface = dmabuf.get_surface_feedback(&surface, &client.handle(), ());
    let of_other = dmabuf.get_surface_feedback(&client.surface(), &client.handle(), ());
    commit(&surface, &client.buffer());
    client.roundtrip();
    let frame = test.next_commit();
    client.heard.events.clear();

    test.send_feedback(two_tranches());
    client.roundtrip();
    for object in [&of_all, &of_surface, &of_other] {
        assert_eq!(names(&client.events_of(object)), STORY);
    }
    test.send_surface_feedback(frame.surface, two_tranches());
    client.roundtrip();
    assert_eq!(names(&client.events_of(&of_surface)), STORY);
    assert!(client.events_of(&of_all).is_empty());
    assert!(client.events_of(&of_other).is_empty());

    // Who is gone hears nothing.
    of_all.destroy();
    client.roundtrip();
    test.send_feedback(two_tranches());
    client.roundtrip();
    assert!(client.events_of(&of_all).is_empty());
}

fn table_with(table: Table) -> (Client, ZwpLinuxDmabufFeedbackV1) {
    let test = Compositor::new(Offer {
        feedback: Some(Feedback {
            table,
            ..two_tranches()
        }),
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    let object = default_feedback(&client);
    client.roundtrip();
    (client, object)
}

#[test]
fn a_table_may_be_broken() {
    let (mut client, object) = table_with(Table::Missing);
    assert_eq!(names(&client.events_of(&object)), STORY[1..]);

    let (client, _) = table_with(Table::Claims(1 << 31 | 5));
    let (file, size) = &client.heard.tables[0];
    assert_eq!((fstat(file).unwrap().st_size, *size), (32, 1 << 31 | 5));

    let (client, _) = table_with(Table::Huge(1 << 30));
    let (file, size) = &client.heard.tables[0];
    assert_eq!((fstat(file).unwrap().st_size, *size), (1 << 30, 1 << 30));

    let (client, _) = table_with(Table::Unmappable);
    let (file, _) = &client.heard.tables[0];
    assert!(pread(file, &mut [0; 16], 0).is_err());

    let (client, _) = table_with(Table::Replaced);
    let entries: Vec<[u8; 4]> = client
        .heard
        .tables
        .iter()
        .map(|(file, _)| {
            let mut fourcc = [0; 4];
            pread(file, &mut fourcc[..], 0).unwrap();
            fourcc
        })
        .collect();
    assert_eq!(entries, [(!ARGB8888).to_ne_bytes(), ARGB8888.to_ne_bytes()]);
}

#[test]
fn indices_may_stray() {
    let mut feedback = two_tranches();
    feedback.tranches[0].stray_indices = vec![0xff, 0xff, 0x01];
    let test = Compositor::new(Offer {
        feedback: Some(feedback),
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    default_feedback(&client);
    client.roundtrip();
    assert_eq!(client.heard.indices[0], [0, 0, 0xff, 0xff, 0x01]);
}
