//! `zwp_linux_dmabuf_v1` and `wl_shm`.

use std::os::fd::AsFd;

use wayfence_test_compositor::{Compositor, Dmabuf, Format, Imports, Memory, Offer};
use wayland_client::Proxy;
use wayland_client::protocol::{wl_buffer::WlBuffer, wl_shm};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::{
    Error, Flags, ZwpLinuxBufferParamsV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;

use crate::client::{ARGB8888, Client, commit, memory};

const PARAMS: &str = "zwp_linux_buffer_params_v1";
const STRANGE: u64 = 0x0123_4567_89ab_cdef;
const NV12: u32 = u32::from_le_bytes(*b"NV12");

fn offer(dmabuf: Dmabuf) -> Offer {
    let format = |fourcc, modifier| Format { fourcc, modifier };
    Offer {
        dmabuf,
        formats: vec![
            format(ARGB8888, Format::LINEAR),
            format(ARGB8888, STRANGE),
            format(NV12, Format::LINEAR),
        ],
        ..Offer::default()
    }
}

fn create(client: &Client, params: &ZwpLinuxBufferParamsV1, fourcc: u32) -> WlBuffer {
    params.create_immed(32, 32, fourcc, Flags::empty(), &client.handle(), ())
}

/// Adds a plane of 32 rows of 128 bytes.
fn add(params: &ZwpLinuxBufferParamsV1, index: u32, modifier: u64) {
    let (high, low) = ((modifier >> 32) as u32, modifier as u32);
    params.add(memory(4096).as_fd(), index, 0, 128, high, low);
}

#[test]
fn a_buffer_is_what_the_client_made_it() {
    let test = Compositor::new(offer(Dmabuf::Feedback(5)));
    let mut client = Client::new(&test);
    let surface = client.surface();
    let params = client.params();
    let planes = memory(3 * 4096);
    params.add(planes.as_fd(), 1, 4096, 64, STRANGE as u32, 0);
    params.destroy();
    let params = client.params();
    let (high, low) = ((STRANGE >> 32) as u32, STRANGE as u32);
    params.add(planes.as_fd(), 1, 4096, 64, high, low);
    params.add(planes.as_fd(), 0, 8, 256, high, low);
    let flags = Flags::YInvert;
    let buffer = params.create_immed(16, 8, ARGB8888, flags, &client.handle(), ());
    commit(&surface, &buffer);
    client.roundtrip();
    let frame = test.next_commit();
    let made = frame.buffer();
    assert_eq!((made.width, made.height), (16, 8));
    let image = made.image().unwrap();
    assert_eq!(
        (image.fourcc, image.modifier, image.flags),
        (ARGB8888, STRANGE, 1)
    );
    let planes: Vec<_> = image
        .planes
        .iter()
        .map(|plane| (plane.offset, plane.stride))
        .collect();
    assert_eq!(planes, [(8, 256), (4096, 64)]);
    assert_eq!(test.buffers(frame.client).len(), 1);
    buffer.destroy();
    client.roundtrip();
    assert!(test.buffers(frame.client).is_empty());
    // Nobody hears of it.
    test.release(&frame, wayfence_test_compositor::With::nothing());
    client.roundtrip();
}

#[test]
fn a_buffer_may_be_created_later() {
    let test = Compositor::new(offer(Dmabuf::Modifiers(3)));
    let mut client = Client::new(&test);
    let surface = client.surface();
    let params = client.params();
    add(&params, 0, Format::LINEAR);
    params.create(32, 32, ARGB8888, Flags::empty());
    client.roundtrip();
    let buffer = client.heard.created.pop().expect("created");
    commit(&surface, &buffer);
    client.roundtrip();
    assert_eq!(test.next_commit().buffer().width, 32);
}

#[test]
fn an_import_fails_if_the_test_says_so() {
    let test = Compositor::new(offer(Dmabuf::Feedback(4)));
    test.import(Imports::Refused);
    let mut client = Client::new(&test);
    let params = client.params();
    add(&params, 0, Format::LINEAR);
    params.create(32, 32, ARGB8888, Flags::empty());
    client.roundtrip();
    assert_eq!(client.events_of(&params), ["Failed"]);
    let params = client.params();
    add(&params, 0, Format::LINEAR);
    create(&client, &params, ARGB8888);
    client.assert_ended(&test, PARAMS, Error::InvalidWlBuffer);
    test.import(Imports::PitchOf(256));
    let mut client = Client::new(&test);
    let params = client.params();
    add(&params, 0, Format::LINEAR);
    params.create(32, 32, ARGB8888, Flags::empty());
    client.roundtrip();
    assert_eq!(client.events_of(&params), ["Failed"]);
    test.import(Imports::Unanswered);
    let params = client.params();
    add(&params, 0, Format::LINEAR);
    params.create(32, 32, ARGB8888, Flags::empty());
    client.roundtrip();
    assert_eq!(client.events_of(&params), [""; 0]);
    test.import(Imports::Proper);
    let mut client = Client::new(&test);
    client.buffer();
    client.roundtrip();
}

type Break = fn(&Client, &ZwpLinuxBufferParamsV1);

#[track_caller]
fn assert_refused(version: Dmabuf, error: Error, break_it: Break) {
    let test = Compositor::new(offer(version));
    let mut client = Client::new(&test);
    let params = client.params();
    break_it(&client, &params);
    client.assert_ended(&test, PARAMS, error);
}

#[test]
fn a_set_of_planes_is_used_once() {
    for break_it in [
        (|client, params| {
            create(client, params, ARGB8888);
        }) as Break,
        |_, params| add(params, 1, Format::LINEAR),
        |_, params| params.create(32, 32, ARGB8888, Flags::empty()),
    ] {
        let test = Compositor::new(offer(Dmabuf::Feedback(5)));
        let mut client = Client::new(&test);
        let params = client.params();
        add(&params, 0, Format::LINEAR);
        create(&client, &params, ARGB8888);
        client.roundtrip();
        break_it(&client, &params);
        client.assert_ended(&test, PARAMS, Error::AlreadyUsed);
    }
}

#[test]
fn there_are_four_planes_at_the_most() {
    assert_refused(Dmabuf::Feedback(5), Error::PlaneIdx, |_, params| {
        add(params, 4, Format::LINEAR);
    });
}

#[test]
fn a_plane_is_set_once() {
    assert_refused(Dmabuf::Feedback(5), Error::PlaneSet, |_, params| {
        add(params, 0, Format::LINEAR);
        add(params, 0, Format::LINEAR);
    });
}

#[test]
fn a_format_has_its_planes() {
    let stories: [Break; 4] = [
        |client, params| {
            create(client, params, ARGB8888);
        },
        |client, params| {
            add(params, 1, Format::LINEAR);
            create(client, params, ARGB8888);
        },
        |client, params| {
            add(params, 0, Format::LINEAR);
            add(params, 1, Format::LINEAR);
            create(client, params, ARGB8888);
        },
        |client, params| {
            add(params, 0, Format::LINEAR);
            create(client, params, NV12);
        },
    ];
    for break_it in stories {
        assert_refused(Dmabuf::Feedback(5), Error::Incomplete, break_it);
    }
}

#[test]
fn only_what_is_offered_is_accepted() {
    for version in [Dmabuf::Modifiers(3), Dmabuf::Feedback(4)] {
        assert_refused(version, Error::InvalidFormat, |client, params| {
            add(params, 0, Format::LINEAR);
            create(client, params, u32::from_le_bytes(*b"XR24"));
        });
    }
    let other_modifier: Break = |client, params| {
        add(params, 0, 7);
        create(client, params, ARGB8888);
    };
    // Before version 4 the client could not know.
    assert_refused(Dmabuf::Modifiers(3), Error::InvalidWlBuffer, other_modifier);
    assert_refused(Dmabuf::Feedback(4), Error::InvalidFormat, other_modifier);
}

#[test]
fn planes_have_one_modifier() {
    assert_refused(
        Dmabuf::Feedback(5),
        Error::InvalidFormat,
        |client, params| {
            add(params, 0, STRANGE);
            add(params, 1, Format::LINEAR);
            create(client, params, ARGB8888);
        },
    );
}

#[test]
fn an_image_has_a_size() {
    for (width, height) in [(0, 32), (32, -1)] {
        let test = Compositor::new(offer(Dmabuf::Feedback(5)));
        let mut client = Client::new(&test);
        let params = client.params();
        add(&params, 0, Format::LINEAR);
        params.create(width, height, ARGB8888, Flags::empty());
        client.assert_ended(&test, PARAMS, Error::InvalidDimensions);
    }
}

#[test]
fn an_image_is_within_its_memory() {
    // Offset, stride: too far, too many, too narrow for 32 pixels, more than 32 bits count.
    for (offset, stride) in [(1, 128), (0, 129), (0, 127), (0, u32::MAX)] {
        let test = Compositor::new(offer(Dmabuf::Feedback(5)));
        let mut client = Client::new(&test);
        let params = client.params();
        params.add(memory(4096).as_fd(), 0, offset, stride, 0, 0);
        create(&client, &params, ARGB8888);
        client.assert_ended(&test, PARAMS, Error::OutOfBounds);
    }
}

#[test]
fn old_clients_are_told_formats_and_modifiers() {
    for (version, formats, modifiers) in [(1, 2, 0), (3, 2, 3)] {
        let test = Compositor::new(offer(Dmabuf::Modifiers(version)));
        let mut client = Client::new(&test);
        let dmabuf: ZwpLinuxDmabufV1 = client.bind();
        assert_eq!(dmabuf.version(), version);
        client.roundtrip();
        let events = client.events_of(&dmabuf);
        let count = |name| {
            events
                .iter()
                .filter(|event| event.starts_with(name))
                .count()
        };
        assert_eq!((count("Format"), count("Modifier")), (formats, modifiers));
    }
}

#[test]
fn without_dma_bufs_there_is_shared_memory() {
    let test = Compositor::new(offer(Dmabuf::None));
    let mut client = Client::new(&test);
    let dmabuf = client
        .globals
        .bind::<ZwpLinuxDmabufV1, _, _>(&client.handle(), 1..=5, ());
    assert!(dmabuf.is_err());
    let surface = client.surface();
    commit(&surface, &client.shared_memory());
    client.roundtrip();
    let frame = test.next_commit();
    let Memory::Shm { stride, .. } = frame.buffer().memory else {
        panic!("{frame:?}");
    };
    assert_eq!(stride, 128);
    assert!(frame.fences().acquire().is_none());
    assert!(
        frame
            .fences()
            .implicit(wayfence::dma_buf::Access::Read)
            .is_none()
    );
}

#[test]
fn shared_memory_is_checked() {
    let test = Compositor::new(Offer::default());
    for (size, stride, format, error) in [
        (
            4095,
            128,
            wl_shm::Format::Argb8888,
            wl_shm::Error::InvalidStride,
        ),
        (
            4096,
            127,
            wl_shm::Format::Argb8888,
            wl_shm::Error::InvalidStride,
        ),
        (
            4096,
            128,
            wl_shm::Format::Rgb565,
            wl_shm::Error::InvalidFormat,
        ),
    ] {
        let mut client = Client::new(&test);
        let shm: wl_shm::WlShm = client.bind();
        let pool = shm.create_pool(memory(4096).as_fd(), size, &client.handle(), ());
        pool.create_buffer(0, 32, 32, stride, format, &client.handle(), ());
        client.assert_ended(&test, "wl_shm_pool", error);
    }
    let mut client = Client::new(&test);
    let shm: wl_shm::WlShm = client.bind();
    let pool = shm.create_pool(memory(4096).as_fd(), 4096, &client.handle(), ());
    pool.resize(8192);
    client.roundtrip();
    pool.resize(4096);
    client.assert_ended(&test, "wl_shm_pool", wl_shm::Error::InvalidFd);
}
