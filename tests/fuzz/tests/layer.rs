//! The stories of `frames`, told of the layer itself on a driver.

mod explore;

use std::time::Duration;

use explore::explore;
use wayfence_fuzz::layer::Layer;
use wayfence_fuzz::replay;

/// The same bytes are another story to the layer, but as random.
const TARGET: &str = "frames";

const WITHIN: Duration = Duration::from_secs(8);

#[test]
#[ignore = "needs a driver, /dev/udmabuf, a DRM node with timeline syncobjs: scripts/test"]
fn the_layer_survives_any_compositor() {
    let layer = Layer::new();
    replay::all(TARGET, |bytes| layer.play(bytes));
    explore(TARGET, WITHIN, |bytes| layer.play(bytes));
}
