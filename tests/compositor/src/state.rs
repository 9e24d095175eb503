//! The compositor's state, behind one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use wayland_protocols::wp::color_management::v1::server::wp_color_management_surface_feedback_v1::WpColorManagementSurfaceFeedbackV1;
use wayland_protocols::wp::color_management::v1::server::wp_image_description_info_v1::WpImageDescriptionInfoV1;
use wayland_protocols::wp::color_management::v1::server::wp_image_description_v1::WpImageDescriptionV1;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_buffer_params_v1::ZwpLinuxBufferParamsV1;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;
use wayland_server::backend::GlobalId;
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_output::WlOutput;
use wayland_server::protocol::wl_surface::WlSurface;
use wayland_server::{Client, DisplayHandle, Resource};

use crate::behaviour::{Automatic, Behaviour};
use crate::buffer::{Buffer, BufferId};
use crate::colour::{ImageDescription, Verdict};
use crate::commit::Commit;
use crate::connection::Connection;
use crate::control::Control;
use crate::disconnection::Disconnection;
use crate::feedback::Feedback;
use crate::frame::Frame;
use crate::ids::{ClientId, SurfaceId};
use crate::imports::Imports;
use crate::offer::Offer;
use crate::surface_state::Surface;

/// All that the compositor knows.
pub(crate) struct State {
    pub display: DisplayHandle,
    pub offer: Offer,
    /// The dma-buf feedback as it is now.
    pub feedback: Feedback,
    pub feedback_objects: Vec<ZwpLinuxDmabufFeedbackV1>,
    /// Every image description that there was.
    pub descriptions: Vec<Arc<ImageDescription>>,
    pub verdict: Verdict,
    /// Undecided descriptions, oldest first.
    pub undecided: VecDeque<WpImageDescriptionV1>,
    /// Requests for the information of a description.
    pub uninformed: Vec<(WpImageDescriptionInfoV1, Arc<ImageDescription>)>,
    pub colour_feedback: Vec<WpColorManagementSurfaceFeedbackV1>,
    /// The `wp_color_manager_v1` in the registry.
    pub color_manager: Option<GlobalId>,
    /// How dma-bufs are imported.
    pub imports: Imports,
    /// Imports to be answered later.
    pub unanswered: Vec<(ZwpLinuxBufferParamsV1, Buffer)>,
    pub clients: BTreeMap<ClientId, Client>,
    pub surfaces: BTreeMap<SurfaceId, Surface>,
    /// The `wl_buffer`s that exist.
    pub buffers: BTreeMap<BufferId, WlBuffer>,
    pub outputs: Vec<WlOutput>,
    /// What the compositor owes for each commit, until it has given all of it.
    pub frames: BTreeMap<u64, Frame>,
    /// What the test has not taken yet.
    pub commits: VecDeque<Commit>,
    pub disconnections: VecDeque<Disconnection>,
    /// How many commits there were.
    pub committed: u64,
    /// How many frames were replaced before a refresh, though their surface was seen.
    pub lost: u64,
    pub behaviour: Behaviour,
    pub automatic: Automatic,
    pub control: Control,
    last_id: u64,
    last_serial: u32,
}

impl State {
    pub fn new(display: DisplayHandle, offer: Offer) -> Self {
        let feedback = offer
            .feedback
            .clone()
            .unwrap_or_else(|| Feedback::of(offer.main_device, &offer.formats));
        Self {
            display,
            feedback,
            feedback_objects: Vec::new(),
            descriptions: Vec::new(),
            verdict: offer
                .colour
                .as_ref()
                .map(|colour| colour.verdict)
                .unwrap_or_default(),
            undecided: VecDeque::new(),
            uninformed: Vec::new(),
            colour_feedback: Vec::new(),
            color_manager: None,
            imports: Imports::Proper,
            unanswered: Vec::new(),
            clients: BTreeMap::new(),
            surfaces: BTreeMap::new(),
            buffers: BTreeMap::new(),
            outputs: Vec::new(),
            frames: BTreeMap::new(),
            commits: VecDeque::new(),
            disconnections: VecDeque::new(),
            committed: 0,
            lost: 0,
            behaviour: offer.behaviour,
            automatic: Automatic::new(),
            control: Control::default(),
            offer,
            last_id: 0,
            last_serial: 0,
        }
    }

    /// A number that nothing else has had.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A serial for an event.
    pub fn new_serial(&mut self) -> u32 {
        self.last_serial += 1;
        self.last_serial
    }

    /// The surface that a request names.
    pub fn surface_of(&mut self, resource: &WlSurface) -> Option<&mut Surface> {
        self.surfaces.get_mut(&surface_id(resource))
    }
}

/// Which surface it is.
pub(crate) fn surface_id(resource: &WlSurface) -> SurfaceId {
    *resource.data().expect("every wl_surface has its number")
}

/// Whose request it is.
pub(crate) fn client_id(client: &Client) -> ClientId {
    client
        .get_data::<Connection>()
        .expect("every client has its number")
        .client
}

/// Ends the client with an error of `resource`'s interface.
pub(crate) fn protocol_error(
    resource: &impl Resource,
    code: impl Into<u32>,
    message: impl Into<String>,
) {
    resource.post_error(code, message);
}
