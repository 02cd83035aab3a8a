//! Messages as bytes, in the terms of the message library that connectrpc reads and writes.

use buffa::encoding::Tag;
use buffa::view::{HasMessageView, MessageView, OwnedView};
use buffa::{DecodeContext, DecodeError, DefaultInstance, EncodeSink, Message, SizeCache};
use bytes::Buf;

/// A message as its bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Raw(pub Vec<u8>);

/// The same, where they are.
#[derive(Debug)]
pub struct RawView<'a>(&'a [u8]);

/// The same, with the buffer that holds them.
pub struct RawHandle(OwnedView<RawView<'static>>);

impl DefaultInstance for Raw {
    fn default_instance() -> &'static Self {
        static EMPTY: Raw = Raw(Vec::new());
        &EMPTY
    }
}

impl Message for Raw {
    fn compute_size(&self, _cache: &mut SizeCache) -> u32 {
        u32::try_from(self.0.len()).expect("a message of some megabytes")
    }

    fn write_to(&self, _cache: &mut SizeCache, into: &mut impl EncodeSink) {
        into.put_slice(&self.0);
    }

    fn merge_field(&mut self, _: Tag, _: &mut impl Buf, _: DecodeContext<'_>) -> Result<(), DecodeError> {
        unreachable!("bytes have no fields")
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<'a> MessageView<'a> for RawView<'a> {
    type Owned = Raw;

    fn decode_view(from: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self(from))
    }

    fn merge_view_field(
        &mut self,
        _: Tag,
        _: &'a [u8],
        _: &'a [u8],
        _: DecodeContext<'_>,
    ) -> Result<&'a [u8], DecodeError> {
        unreachable!("bytes have no fields")
    }

    fn to_owned_message(&self) -> Result<Raw, DecodeError> {
        Ok(Raw(self.0.to_vec()))
    }
}

impl HasMessageView for Raw {
    type View<'a> = RawView<'a>;
    type ViewHandle = RawHandle;
}

impl From<OwnedView<RawView<'static>>> for RawHandle {
    fn from(view: OwnedView<RawView<'static>>) -> Self {
        Self(view)
    }
}

impl AsRef<OwnedView<RawView<'static>>> for RawHandle {
    fn as_ref(&self) -> &OwnedView<RawView<'static>> {
        &self.0
    }
}
