//! Bodies of requests that are read whole, within bounds for one and for all of them together.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
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
/// How long what nobody will look at is read away.
const LEFT_WITHIN: Duration = Duration::from_secs(1);
/// Bodies that are longer than [`FIRST`] and have not come whole: of all, and of one address.
const SLOW_AT_ONCE: usize = 4_096;
const SLOW_OF_ADDRESS: usize = 1_024;
/// Larger bodies and streams of questions that are read at once, at most half a gigabyte: of all, and of one principal.
const LARGE_AT_ONCE: usize = 128;
const LARGE_OF_PRINCIPAL: usize = 16;

/// What bounds them, for all who have a clone.
#[derive(Clone)]
pub struct Bodies(Arc<Bounds>);

struct Bounds {
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
        Self(Arc::new(Bounds {
            tokens,
            slow: Arc::new(Semaphore::new(SLOW_AT_ONCE)),
            slow_of_address: Shares::new(SLOW_OF_ADDRESS),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            large_of_principal: Shares::new(LARGE_OF_PRINCIPAL),
        }))
    }

    /// The whole body.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, also by what the headers say of it; `BODY_TOO_SLOW`, `BODY_BROKE_OFF`; where it is large, why the token is not good.
    pub async fn whole(&self, head: &Head, body: Body, small: bool) -> Result<Bytes> {
        self.up_to(if small { SMALL } else { MAX_MESSAGE_BYTES }, head, body).await
    }

    /// The whole body of at most so many bytes.
    ///
    /// # Errors
    /// As [`Bodies::whole`].
    pub async fn up_to(&self, limit: usize, head: &Head, body: Body) -> Result<Bytes> {
        let too_large = || Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit));
        let said = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > limit) {
            return Err(too_large());
        }
        let read = tokio::time::timeout(WITHIN, self.0.read(head, body, limit)).await;
        read.map_err(|_| Error::of(Kind::DeadlineExceeded, msg!("BODY_TOO_SLOW")))??.ok_or_else(too_large)
    }

    /// A place for a stream of questions of whoever these headers show a token of, to be kept as long as it is read.
    ///
    /// # Errors
    /// Why the token is not good; `OVERLOADED`.
    pub async fn stream(&self, headers: &HeaderMap) -> Result<Place> {
        tokio::time::timeout(WITHIN, self.0.large(headers)).await.map_err(|_| overloaded())?
    }
}

/// Reads away the body of somebody who shows no token, as far as it is small and comes at once: a client that still writes while its connection is
/// closed would hear of that alone, and not why.
pub async fn left(head: &Head, mut body: Body) {
    // Whoever asks first whether to send it hears the answer as it is.
    if head.headers.contains_key(EXPECT) || body.size_hint().lower() > SMALL as u64 {
        return;
    }
    let read_away = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > SMALL {
                break;
            }
        }
    };
    _ = tokio::time::timeout(LEFT_WITHIN, read_away).await;
}

impl Bounds {
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::channel::mpsc::{UnboundedSender, unbounded};
    use futures::poll;
    use http::Request;
    use http::header::AUTHORIZATION;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tally_access::Regions;
    use tally_kernel::id::TenantId;
    use tally_testkit::{Callers, clock};
    use uuid::Uuid;

    use super::*;

    /// A body of which so much has come, and where the rest is said.
    fn begun(bytes: usize) -> (UnboundedSender<Result<Frame<Bytes>, Infallible>>, Body) {
        let (rest, body) = unbounded();
        rest.unbounded_send(Ok(Frame::data(Bytes::from(vec![b' '; bytes])))).unwrap();
        (rest, Body::new(StreamBody::new(body)))
    }

    fn head(token: &str, from: [u8; 4]) -> Head {
        let (mut head, ()) =
            Request::get("/").header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap().into_parts();
        head.extensions.insert(TcpConnectInfo { local_addr: None, remote_addr: Some((from, 1).into()) });
        head
    }

    /// Bounds, and two whom they know.
    fn bounds() -> (Bodies, [String; 2]) {
        let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 1);
        let somebody = || callers.person(TenantId(Uuid::from_u128(1)), None, []).token;
        let tokens = [somebody(), somebody()];
        let keys = Arc::<tally_rpc::LocalKeys>::clone(&callers.keys);
        (Bodies::new(Tokens::new(keys, Regions::All, callers.clock.clone())), tokens)
    }

    #[tokio::test]
    async fn of_large_bodies_that_do_not_end_nobody_has_more_than_a_share() {
        let (bodies, [anna, ben]) = bounds();
        let (anna, ben) = (head(&anna, [192, 0, 2, 1]), head(&ben, [192, 0, 2, 1]));
        let (held, parts): (Vec<_>, Vec<_>) = (0..LARGE_OF_PRINCIPAL).map(|_| begun(SMALL + 1)).unzip();
        let mut reading: Vec<_> = parts.into_iter().map(|body| Box::pin(bodies.whole(&anna, body, false))).collect();
        for one in &mut reading {
            assert!(poll!(one).is_pending());
        }
        let whole = || Body::from(vec![b' '; SMALL + 1]);
        let mut waits = Box::pin(bodies.whole(&anna, whole(), false));
        assert!(poll!(&mut waits).is_pending(), "hers are taken");
        let mut stream = Box::pin(bodies.stream(&anna.headers));
        assert!(poll!(&mut stream).is_pending());
        assert_eq!(bodies.whole(&ben, whole(), false).await.unwrap().len(), SMALL + 1);
        assert_eq!(bodies.whole(&anna, Body::from("{}"), false).await.unwrap(), "{}", "what is small waits for nobody");
        drop(held);
        for one in reading {
            assert_eq!(one.await.unwrap().len(), SMALL + 1);
        }
        assert!(waits.await.is_ok() && stream.await.is_ok());
    }

    #[tokio::test]
    async fn of_small_bodies_that_do_not_end_no_address_has_more_than_a_share_and_a_sign_in_waits_for_none() {
        let (bodies, [anna, _]) = bounds();
        let (slow, other) = (head(&anna, [192, 0, 2, 1]), head(&anna, [192, 0, 2, 2]));
        let (held, parts): (Vec<_>, Vec<_>) = (0..SLOW_OF_ADDRESS).map(|_| begun(FIRST + 1)).unzip();
        let mut reading: Vec<_> = parts.into_iter().map(|body| Box::pin(bodies.whole(&slow, body, true))).collect();
        for one in &mut reading {
            assert!(poll!(one).is_pending());
        }
        let (rest, body) = begun(FIRST + 1);
        drop(rest);
        let mut waits = Box::pin(bodies.whole(&slow, body, true));
        assert!(poll!(&mut waits).is_pending());
        let (rest, body) = begun(FIRST);
        drop(rest);
        assert_eq!(bodies.whole(&slow, body, true).await.unwrap().len(), FIRST);
        let (rest, body) = begun(FIRST + 1);
        drop(rest);
        assert_eq!(bodies.whole(&other, body, true).await.unwrap().len(), FIRST + 1);
        drop((held, reading));
        assert!(waits.await.is_ok());
    }
}
