//! Messages of a record as bytes: a few of them each, since millions come in a month.
//!
//! A byte for the form, the names of the devices, and how many messages there are; then of each message in its order the milliseconds since the
//! one before (of the first, since 1970), and its side and device. Numbers are of seven bits a byte, the lowest first, as those of protobuf.

use std::collections::BTreeSet;

use tally_engine::attribution::Side;

use super::Reply;

/// The form that is written here; another would be another number.
const FORM: u8 = 1;

/// Bytes that are no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes that are no messages of a record")
    }
}

impl std::error::Error for Malformed {}

/// A message as it lies in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub by: Side,
    /// Empty where nobody says.
    pub device: &'a str,
}

impl From<Message<'_>> for Reply {
    fn from(of: Message<'_>) -> Self {
        Self { at_ms: of.at_ms, by: of.by, device: of.device.to_owned() }
    }
}

/// Packs messages that are in order.
pub fn pack(replies: &[Reply]) -> Vec<u8> {
    let devices: BTreeSet<&str> = replies.iter().map(|reply| reply.device.as_str()).collect();
    let devices: Vec<&str> = devices.into_iter().filter(|device| !device.is_empty()).collect();
    let mut bytes = Vec::with_capacity(16 + 4 * replies.len());
    bytes.push(FORM);
    put(&mut bytes, devices.len() as u64);
    for device in &devices {
        put(&mut bytes, device.len() as u64);
        bytes.extend_from_slice(device.as_bytes());
    }
    put(&mut bytes, replies.len() as u64);
    let mut before = 0_i64;
    for reply in replies {
        put(&mut bytes, folded(reply.at_ms.wrapping_sub(before)));
        before = reply.at_ms;
        let device = devices.binary_search(&reply.device.as_str()).map_or(0, |place| place as u64 + 1);
        let side = match reply.by {
            Side::Customer => 0,
            Side::Agent => 1,
        };
        put(&mut bytes, device << 1 | side);
    }
    bytes
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// [`Malformed`], here or of any message.
pub fn unpack(bytes: &[u8]) -> Result<Messages<'_>, Malformed> {
    let (&form, mut rest) = bytes.split_first().ok_or(Malformed)?;
    if form != FORM {
        return Err(Malformed);
    }
    let count = take(&mut rest)?;
    let mut devices = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(take(&mut rest)?).map_err(|_| Malformed)?;
        let (device, after) = rest.split_at_checked(length).ok_or(Malformed)?;
        devices.push(std::str::from_utf8(device).map_err(|_| Malformed)?);
        rest = after;
    }
    let left = take(&mut rest)?;
    // A message takes two bytes at least.
    if left > rest.len() as u64 / 2 {
        return Err(Malformed);
    }
    Ok(Messages { devices, rest, left, before: 0 })
}

/// The messages in packed bytes, one after the other.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    devices: Vec<&'a str>,
    rest: &'a [u8],
    left: u64,
    before: i64,
}

impl<'a> Messages<'a> {
    /// All of them.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn all(self) -> Result<Vec<Reply>, Malformed> {
        self.map(|message| message.map(Reply::from)).collect()
    }

    fn read(&mut self) -> Result<Message<'a>, Malformed> {
        let at_ms = self.before.wrapping_add(unfolded(take(&mut self.rest)?));
        self.before = at_ms;
        let tag = take(&mut self.rest)?;
        let device = match tag >> 1 {
            0 => "",
            place => {
                let place = usize::try_from(place - 1).map_err(|_| Malformed)?;
                self.devices.get(place).copied().ok_or(Malformed)?
            }
        };
        let by = if tag & 1 == 0 { Side::Customer } else { Side::Agent };
        Ok(Message { at_ms, by, device })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let read = self.read();
        if read.is_err() {
            self.left = 0;
        }
        Some(read)
    }
}

/// Small numbers of either sign as small ones without.
fn folded(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return Err(Malformed);
        }
        number |= part << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}
