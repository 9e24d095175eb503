//! Drivers that cannot be had without their hardware, each as a manner of the test driver in processes of its
//! own: what the layer asks of them, and what the kernel's rules of implicit synchronisation make of that.

use wayfence_test_compositor::With;
use wayfence_tests::hardware::{Driver, inode};
use wayfence_tests::manner::{Hardware, Manner};
use wayfence_tests::on_each;
use wayfence_tests::played::{
    self, a_reader_of_one_image_does_not_hold_other_work, a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait, watchdog, ways,
};
use wayfence_tests::scripted::{Payload, SOON, Stage, Way};

on_each!(
    super::Manner::run,
    "needs a driver, udmabuf, vgem, a DRM node with timeline syncobjs",
    [
        anv_i915: super::Manner::AnvI915,
        anv_xe: super::Manner::AnvXe,
        nvidia: super::Manner::Nvidia,
        panvk_panthor: super::Manner::PanvkPanthor,
        powervr: super::Manner::PowerVr,
        amdvlk: super::Manner::Amdvlk,
    ];
    the_best_way_that_is_heeded_is_chosen,
    a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait,
    a_display_can_show_the_images,
    a_reader_of_one_image_does_not_hold_other_work,
    a_later_frame_is_in_no_acquire,
);

fn the_best_way_that_is_heeded_is_chosen(hardware: &Hardware) {
    let _watchdog = watchdog("the_best_way_that_is_heeded_is_chosen");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Both);
        assert!(acquired.signals_within(SOON).is_some(), "{way}");
        drop(acquired);
        let expected = match way {
            Way::Implicit if !hardware.driver.heeds_fences() => Way::Cpu,
            way => way,
        };
        assert_eq!(scene.end().synchronisation, expected.to_string());
    }
}

/// Not only a compositor can read them.
fn a_display_can_show_the_images(hardware: &Hardware) {
    const SCANOUT: u64 = 1;
    let _watchdog = watchdog("a_display_can_show_the_images");
    let stage = Stage::new();
    for way in ways(hardware.driver) {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let flags = hardware.flags_of(commit.dma_buf());
        assert_eq!(flags & SCANOUT, SCANOUT, "{way}");
        scene.end();
    }
}

/// See [`played::a_later_frame_is_in_no_acquire`].
fn a_later_frame_is_in_no_acquire(hardware: &Hardware) {
    // i915 leaves a reader's fence of each submission on all memory, amdgpu a writer's, so that drivers' own
    // swapchains have the same fences there.
    let leaves = match hardware.driver {
        Manner::AnvI915 => Some("read"),
        Manner::Amdvlk => Some("write"),
        Manner::AnvXe | Manner::Nvidia | Manner::PanvkPanthor | Manner::PowerVr => None,
    };
    played::a_later_frame_is_in_no_acquire(hardware, |way, frames| {
        let image = inode(frames.earlier.dma_buf());
        for work in frames.submitted {
            let used = work.shared.iter().find(|used| used.dma_buf == image);
            let left = used.and_then(|used| used.leaves.as_deref());
            assert_eq!(left, leaves, "{way}");
        }
        leaves.is_some()
    });
}
