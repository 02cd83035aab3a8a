//! Bodies of requests that are read whole, within bounds for one and for all of them together.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts as Head;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::id::PrincipalId;
use tally_kernel::msg;
use tally_rpc::layers::network;
use tally_rpc::{MAX_MESSAGE_BYTES, Tokens};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::TcpConnectInfo;

use crate::Body;
use crate::shares::Shares;
use crate::stack::overloaded;

/// How long a body may take, and whoever waits to send one.
const WITHIN: Duration = Duration::from_secs(60);
/// What comes of a body up to here, or at once, needs no place: a sign-in and a punch wait for nobody.
const FIRST: usize = 4 * 1024;
/// A body up to here is read of anybody, and of somebody who has not signed in none is larger.
const SMALL: usize = 64 * 1024;
/// Bodies that are longer than [`FIRST`] and have not come whole: of all, and of one address.
const SLOW_AT_ONCE: usize = 4_096;
const SLOW_OF_ADDRESS: usize = 1_024;
/// Larger bodies and streams of questions that are read at once, at most half a gigabyte: of all, and of one principal.
const LARGE_AT_ONCE: usize = 128;
const LARGE_OF_PRINCIPAL: usize = 16;

/// What bounds them.
pub struct Bodies {
    tokens: Tokens,
    slow: Arc<Semaphore>,
    slow_of_address: Shares<IpAddr>,
    large: Arc<Semaphore>,
    large_of_principal: Shares<PrincipalId>,
}

/// A place among all, and of the caller's own.
pub type Place = [OwnedSemaphorePermit; 2];

impl Bodies {
    /// Large ones are read of those whom these tokens know.
    pub fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            slow: Arc::new(Semaphore::new(SLOW_AT_ONCE)),
            slow_of_address: Shares::new(SLOW_OF_ADDRESS),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            large_of_principal: Shares::new(LARGE_OF_PRINCIPAL),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, also by what the headers say of it; `BODY_TOO_SLOW`, `BODY_BROKE_OFF`; where it is large, why the token is not good.
    pub async fn whole(&self, head: &Head, body: Body, small: bool) -> Result<Bytes> {
        let limit = if small { SMALL } else { MAX_MESSAGE_BYTES };
        let too_large = || Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit));
        let said = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > limit) {
            return Err(too_large());
        }
        let read = tokio::time::timeout(WITHIN, self.read(head, body, limit)).await;
        read.map_err(|_| Error::of(Kind::DeadlineExceeded, msg!("BODY_TOO_SLOW")))??.ok_or_else(too_large)
    }

    /// A place for a stream of questions of whoever these headers show a token of, to be kept as long as it is read.
    ///
    /// # Errors
    /// Why the token is not good; `OVERLOADED`.
    pub async fn stream(&self, headers: &HeaderMap) -> Result<Place> {
        tokio::time::timeout(WITHIN, self.large(headers)).await.map_err(|_| overloaded())?
    }

    /// Nothing where it is larger than the limit.
    async fn read(&self, head: &Head, mut body: Body, limit: usize) -> Result<Option<Bytes>> {
        let (mut read, mut slow, mut large) = (BytesMut::new(), None, None);
        while let Some(frame) = body.frame().await {
            let broke_off = |cause| Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")).with_internal(cause);
            let Ok(data) = frame.map_err(broke_off)?.into_data() else { continue };
            if read.len() + data.len() > limit {
                return Ok(None);
            }
            if large.is_none() && read.len() + data.len() > SMALL {
                large = Some(self.large(&head.headers).await?);
            }
            read.extend_from_slice(&data);
            if slow.is_none() && read.len() > FIRST && !body.is_end_stream() {
                slow = Some(both(self.slow_of_address.of(address(head)), &self.slow).await?);
            }
        }
        Ok(Some(read.freeze()))
    }

    /// Whoever has but a text that looks like a token gets no place for what is large.
    async fn large(&self, headers: &HeaderMap) -> Result<Place> {
        let claims = self.tokens.of(headers).await?;
        both(self.large_of_principal.of(claims.sub), &self.large).await
    }
}

/// Waits for a place of the caller's own, and only then for one among all: nobody's queue is before another's.
async fn both(own: Arc<Semaphore>, all: &Arc<Semaphore>) -> Result<Place> {
    let own = own.acquire_owned().await.map_err(Error::internal)?;
    Ok([own, Arc::clone(all).acquire_owned().await.map_err(Error::internal)?])
}

/// What a request counts as where nobody is signed in.
fn address(head: &Head) -> IpAddr {
    let connection = head.extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    connection.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| network(address.ip()))
}
