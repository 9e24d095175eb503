//! A message of the wire format: two words, the object's number, and the size with the opcode; then the
//! arguments, each in whole words.

use wayland_client::backend::protocol::ArgumentType;

/// The first two words.
pub const HEADER: usize = 8;

/// A message as it is sent.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Whose it is.
    pub object: u32,
    /// Which of its requests or events it is.
    pub opcode: u16,
    /// All of it.
    pub bytes: &'a [u8],
}

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers of all kinds, objects among them.
    Number(u32),
    /// A text.
    Text(String),
    /// Something that nobody here looks into.
    Other,
}

impl<'a> Message<'a> {
    /// The first whole message; `None` if there is none yet.
    ///
    /// # Errors
    /// If it is none at all.
    pub fn first(bytes: &'a [u8]) -> Result<Option<Self>, String> {
        let (Some(object), Some(second)) = (word(bytes, 0), word(bytes, 4)) else {
            return Ok(None);
        };
        let length = (second >> 16) as usize;
        if length < HEADER {
            return Err(format!("a message of {length} bytes"));
        }
        Ok(bytes.get(..length).map(|bytes| Self {
            object,
            opcode: second as u16,
            bytes,
        }))
    }

    /// Its arguments, if they are those of this signature.
    pub fn arguments(&self, signature: &[ArgumentType]) -> Option<Vec<Value>> {
        let mut rest = &self.bytes[HEADER..];
        let mut take = |length: usize| {
            let (taken, left) = rest.split_at_checked(length.next_multiple_of(4))?;
            rest = left;
            Some(&taken[..length])
        };
        signature
            .iter()
            .map(|kind| {
                Some(match kind {
                    ArgumentType::Fd => Value::Other,
                    ArgumentType::Str(_) => {
                        let length = word(take(4)?, 0)? as usize;
                        let text = take(length)?;
                        let text = text.split_last().map_or(&[][..], |(_, text)| text);
                        Value::Text(String::from_utf8_lossy(text).into_owned())
                    }
                    ArgumentType::Array => {
                        let length = word(take(4)?, 0)? as usize;
                        take(length)?;
                        Value::Other
                    }
                    ArgumentType::Int
                    | ArgumentType::Uint
                    | ArgumentType::Fixed
                    | ArgumentType::Object(_)
                    | ArgumentType::NewId => Value::Number(word(take(4)?, 0)?),
                })
            })
            .collect()
    }

    /// The same with another opcode.
    pub fn with_opcode(&self, opcode: u16) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let second = (bytes.len() as u32) << 16 | u32::from(opcode);
        bytes[4..HEADER].copy_from_slice(&second.to_ne_bytes());
        bytes
    }

    /// The same with another last word.
    pub fn with_last(&self, value: u32) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&value.to_ne_bytes());
        bytes
    }
}

impl Value {
    /// The number; 0 if it is none.
    pub fn number(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            _ => 0,
        }
    }

    /// The text; nothing if it is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(word.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use wayland_client::backend::protocol::AllowNull;

    use super::*;

    fn global() -> Vec<u8> {
        // wl_registry.global(7, "wl_shm", 2) of object 2.
        let mut words = vec![2, 0, 7, 7];
        words.extend([
            u32::from_ne_bytes(*b"wl_s"),
            u32::from_ne_bytes(*b"hm\0\0"),
            2,
        ]);
        words[1] = (words.len() as u32 * 4) << 16;
        words.into_iter().flat_map(u32::to_ne_bytes).collect()
    }

    #[test]
    fn a_message_has_the_arguments_of_its_signature() {
        let bytes = global();
        let message = Message::first(&bytes).unwrap().unwrap();
        assert_eq!((message.object, message.opcode), (2, 0));
        let signature = [
            ArgumentType::Uint,
            ArgumentType::Str(AllowNull::No),
            ArgumentType::Uint,
        ];
        let arguments = message.arguments(&signature).unwrap();
        assert_eq!(
            arguments,
            [
                Value::Number(7),
                Value::Text("wl_shm".to_owned()),
                Value::Number(2)
            ]
        );
        assert_eq!(message.arguments(&[ArgumentType::Uint; 6]), None);
    }

    #[test]
    fn a_part_of_a_message_is_none_yet() {
        let bytes = global();
        for length in 0..bytes.len() {
            assert!(Message::first(&bytes[..length]).unwrap().is_none());
        }
        assert!(Message::first(&[0; HEADER]).is_err());
    }

    #[test]
    fn opcode_and_last_word_can_be_others() {
        let bytes = global();
        let message = Message::first(&bytes).unwrap().unwrap();
        let changed = message.with_opcode(3);
        assert_eq!(Message::first(&changed).unwrap().unwrap().opcode, 3);
        assert_eq!(changed[HEADER..], bytes[HEADER..]);
        let changed = message.with_last(1);
        assert_eq!(changed[bytes.len() - 4..], 1_u32.to_ne_bytes());
        assert_eq!(changed[..bytes.len() - 4], bytes[..bytes.len() - 4]);
    }
}
