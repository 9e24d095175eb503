//! Events that no test has thought of: any of a protocol's, with any arguments of the right types.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use wayland_server::backend::protocol::{AllowNull, Argument, ArgumentType, Message};
use wayland_server::backend::{ClientId as Peer, Handle, ObjectData, ObjectId};

use crate::ids::ClientId;
use crate::misbehave::Misbehave;
use crate::state::State;

/// What decides where the test does not.
pub trait Whim {
    /// Any number.
    fn number(&mut self) -> u32;
    /// A number below this one, which is not 0.
    fn below(&mut self, bound: usize) -> usize;
    /// Any bytes, some thousand at most: a message has no room for more.
    fn bytes(&mut self) -> Vec<u8>;
    /// Any file.
    fn file(&mut self) -> OwnedFd;
}

impl Misbehave<'_> {
    /// Sends an event of an object that the client has, of an interface that fits: any event that its version has,
    /// with any arguments of the right types. The compositor does not mind what that says: it may destroy an object of
    /// the client's, or end the connection on the client's side alone. Answers which event it was; `None` if there is
    /// none.
    pub fn event(
        &self,
        client: ClientId,
        fits: impl Fn(&str) -> bool,
        whim: &mut dyn Whim,
    ) -> Option<String> {
        self.0.act(|state| state.event(client, fits, whim))
    }
}

impl State {
    fn event(
        &mut self,
        client: ClientId,
        fits: impl Fn(&str) -> bool,
        whim: &mut dyn Whim,
    ) -> Option<String> {
        let client = self.clients.get(&client)?.id();
        let handle = self.display.backend_handle();
        let mut objects = Vec::new();
        let collect = |id: ObjectId| objects.push(id);
        handle.with_all_objects_for(client.clone(), collect).ok()?;
        objects.sort_by_key(|object| (object.interface().name, object.protocol_id()));
        let mut interfaces: Vec<&str> = objects
            .iter()
            .map(|object| object.interface())
            .filter(|interface| !interface.events.is_empty() && fits(interface.name))
            .map(|interface| interface.name)
            .collect();
        interfaces.dedup();
        // First the interface: of some there are many objects.
        let interface = pick(&interfaces, whim)?;
        let of_it = |object: &&ObjectId| object.interface().name == *interface;
        let objects: Vec<&ObjectId> = objects.iter().filter(of_it).collect();
        let object = (*pick(&objects, whim)?).clone();
        let version = handle.object_info(object.clone()).ok()?.version;
        let all = object.interface().events.iter().enumerate();
        let known: Vec<_> = all.filter(|(_, event)| event.since <= version).collect();
        let (opcode, event) = pick(&known, whim)?;
        let mut interfaces = event.arg_interfaces.iter();
        let mut files = Vec::new();
        let mut args = Vec::new();
        for kind in event.signature {
            args.push(match kind {
                ArgumentType::Int => Argument::Int(whim.number() as i32),
                ArgumentType::Uint => Argument::Uint(whim.number()),
                ArgumentType::Fixed => Argument::Fixed(whim.number() as i32),
                ArgumentType::Str(_) => {
                    let mut text = whim.bytes();
                    text.retain(|byte| *byte != 0);
                    Argument::Str(std::ffi::CString::new(text).ok().map(Box::new))
                }
                ArgumentType::Array => Argument::Array(Box::new(whim.bytes())),
                ArgumentType::Fd => {
                    let file = whim.file();
                    let number = file.as_raw_fd();
                    files.push(file);
                    Argument::Fd(number)
                }
                ArgumentType::Object(null) => {
                    let interface = interfaces.next()?;
                    // The backend knows an object of any interface by the name of none.
                    let any = interface.name == "<anonymous>";
                    let named =
                        self.objects_of(&handle, &client, |name| any || name == interface.name);
                    let none = *null == AllowNull::Yes && whim.below(2) == 0;
                    match pick(&named, whim).filter(|_| !none) {
                        Some(named) => Argument::Object(named.clone()),
                        None if *null == AllowNull::Yes => Argument::Object(ObjectId::null()),
                        None => return None,
                    }
                }
                ArgumentType::NewId => {
                    let interface = event.child_interface?;
                    let version = version.min(interface.version);
                    let made = handle.create_object::<State>(
                        client.clone(),
                        interface,
                        version,
                        Arc::new(Mute),
                    );
                    Argument::NewId(made.ok()?)
                }
            });
        }
        let text = format!("{object}.{}{args:?}", event.name);
        let message = Message {
            sender_id: object,
            opcode: *opcode as u16,
            args: args.into_iter().collect(),
        };
        handle.send_event(message).ok()?;
        Some(text)
    }

    fn objects_of(
        &self,
        handle: &Handle,
        client: &Peer,
        fits: impl Fn(&str) -> bool,
    ) -> Vec<ObjectId> {
        let mut objects = Vec::new();
        let collect = |id: ObjectId| {
            if fits(id.interface().name) {
                objects.push(id);
            }
        };
        // A client that is gone has none.
        let _ = handle.with_all_objects_for(client.clone(), collect);
        objects.sort_by_key(ObjectId::protocol_id);
        objects
    }
}

fn pick<'a, T>(of: &'a [T], whim: &mut dyn Whim) -> Option<&'a T> {
    (!of.is_empty()).then(|| &of[whim.below(of.len())])
}

/// An object to which the compositor does not listen.
struct Mute;

impl ObjectData<State> for Mute {
    fn request(
        self: Arc<Self>,
        _: &Handle,
        _: &mut State,
        _: Peer,
        _: Message<ObjectId, OwnedFd>,
    ) -> Option<Arc<dyn ObjectData<State>>> {
        None
    }

    fn destroyed(self: Arc<Self>, _: &Handle, _: &mut State, _: Peer, _: ObjectId) {}
}
