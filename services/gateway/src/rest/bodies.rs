//! Bodies of requests that are read whole, within bounds for one and for all of them together.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tally_rpc::MAX_MESSAGE_BYTES;
use tokio::sync::Semaphore;

use crate::Body;

/// How long a body may take.
const WITHIN: Duration = Duration::from_secs(60);
/// A body up to here is read whatever else goes on, and of somebody who has not signed in none is larger.
const SMALL: usize = 64 * 1024;
/// Larger bodies that are read at once: at most half a gigabyte.
const LARGE_AT_ONCE: usize = 128;

/// What bounds them.
pub struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_AT_ONCE)))
    }
}

impl Bodies {
    /// The whole body.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, also by what the headers say of it; `BODY_TOO_SLOW`, `BODY_BROKE_OFF`.
    pub async fn whole(&self, headers: &HeaderMap, body: Body, small: bool) -> Result<Bytes> {
        let limit = if small { SMALL } else { MAX_MESSAGE_BYTES };
        let too_large = || Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit));
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > limit) {
            return Err(too_large());
        }
        let read = tokio::time::timeout(WITHIN, self.read(body, limit)).await;
        read.map_err(|_| Error::of(Kind::DeadlineExceeded, msg!("BODY_TOO_SLOW")))??.ok_or_else(too_large)
    }

    /// Nothing where it is larger than the limit.
    async fn read(&self, mut body: Body, limit: usize) -> Result<Option<Bytes>> {
        let (mut read, mut place) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let broke_off = |cause| Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")).with_internal(cause);
            let Ok(data) = frame.map_err(broke_off)?.into_data() else { continue };
            if read.len() + data.len() > limit {
                return Ok(None);
            }
            if place.is_none() && read.len() + data.len() > SMALL {
                place = Some(Arc::clone(&self.0).acquire_owned().await.map_err(Error::internal)?);
            }
            read.extend_from_slice(&data);
        }
        Ok(Some(read.freeze()))
    }
}
