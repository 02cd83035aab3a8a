//! How one service calls another: the channel, and on whose behalf.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use tally_access::{ActorKind, OpContext};
use tally_kernel::id::PrincipalId;
use tally_kernel::{Error, Result};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Status, Streaming};

use crate::channel::{AsService, GONE, RpcChannel};
use crate::deadline;
use crate::layers::CONSISTENCY;
use crate::signing::Signer;
use crate::status::error_from;
use crate::trace::TRACEPARENT;

/// A peer of a service.
///
/// ```ignore
/// let reply = RosterServiceClient::new(peer.channel()).list_occupancy(peer.request(&ctx, message)).await;
/// let reply = reply.map_err(tally_rpc::error_from)?.into_inner();
/// ```
#[derive(Clone, Debug)]
pub struct Peer {
    channel: RpcChannel,
    signer: Arc<Signer>,
}

impl Peer {
    /// A peer behind `channel`, called with tokens of the caller or of the service that `signer` signs for.
    pub fn new(channel: RpcChannel, signer: Arc<Signer>) -> Self {
        Self { channel, signer }
    }

    /// The channel, for a generated client.
    pub fn channel(&self) -> RpcChannel {
        self.channel.clone()
    }

    /// A request on behalf of the caller: the caller's own token where there is one (the peer decides by the caller's
    /// grants), else, in background work, the service's token. Trace, language, consistency
    /// token and what is left of the deadline go along.
    pub fn request<T>(&self, ctx: &OpContext, message: T) -> Request<T> {
        match &ctx.token {
            Some(token) => carry(ctx, token, message),
            None => self.as_service(ctx, message),
        }
    }

    /// A request as the service itself, with the caller noted as the one it is done for. The peer decides by the
    /// service's row of the policy table, so the app must have asked for its own permit first.
    pub fn as_service<T>(&self, ctx: &OpContext, message: T) -> Request<T> {
        let token = self.signer.token(ctx.tenant(), behalf(ctx)).unwrap_or_else(|error| {
            // Without a token the peer refuses, which is the right end of a broken key.
            tracing::error!(?error, "a service token could not be made");
            String::new()
        });
        let mut request = carry(ctx, &token, message);
        request.extensions_mut().insert(AsService);
        request
    }
}

/// All rows of a list of a peer: page by page, until there is no further one.
///
/// ```ignore
/// let accounts = pages(async |page_token| {
///     let ask = ListAccountsRequest { page_size: MAX_SIZE, page_token };
///     let page = AccountServiceClient::new(peer.channel()).list_accounts(peer.as_service(&ctx, ask)).await?.into_inner();
///     Ok((page.accounts, page.next_page_token))
/// });
/// ```
///
/// # Errors
/// What the peer answers; a fault of ours when its list does not go on.
pub async fn pages<T, F, Fut>(ask: F) -> Result<Vec<T>>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, String), Status>> + Send,
{
    let (mut rows, mut token) = ask(String::new()).await.map_err(error_from)?;
    while !token.is_empty() {
        let (more, next) = ask(token.clone()).await.map_err(error_from)?;
        if next == token {
            return Err(unreadable("a page that names itself as the next"));
        }
        rows.extend(more);
        token = next;
    }
    Ok(rows)
}

/// How often a stream that broke is asked for again: one that breaks its server must not visit them all.
const BROKEN_MAX: u32 = 2;

/// What a stream of a peer tells, from `start` on. Where it breaks before its end, because its peer died, what was heard
/// is thrown away and the stream is asked for again, at another address if there is one.
///
/// ```ignore
/// let add = |rows: &mut Vec<_>, part: ListOccupancyResponse| Ok(rows.extend(part.accounts));
/// let ask = async || client.clone().list_occupancy(peer.as_service(ctx, asked.clone())).await;
/// let rows = streamed(Vec::new, ask, add).await?;
/// ```
///
/// # Errors
/// What the peer answers, and what `add` says of a part.
pub async fn streamed<M, A, F, Fut>(
    start: impl Fn() -> A,
    ask: F,
    mut add: impl FnMut(&mut A, M) -> Result<()>,
) -> Result<A>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<tonic::Response<Streaming<M>>, Status>> + Send,
{
    let mut broken = 0;
    loop {
        let mut stream = ask().await.map_err(error_from)?.into_inner();
        let mut heard = start();
        let end = loop {
            match stream.message().await.map_err(error_from) {
                Ok(Some(part)) => add(&mut heard, part)?,
                Ok(None) => return Ok(heard),
                Err(error) => break error,
            }
        };
        if broken == BROKEN_MAX || end.reason() != GONE {
            return Err(end);
        }
        broken += 1;
    }
}

/// A peer sent what cannot be read: a fault of ours, whoever called.
pub fn unreadable(error: impl std::fmt::Debug) -> Error {
    Error::internal(format_args!("a peer sent what cannot be read: {error:?}"))
}

fn behalf(ctx: &OpContext) -> Option<PrincipalId> {
    match ctx.actor.kind {
        ActorKind::Person(_) | ActorKind::User => Some(ctx.actor.principal),
        ActorKind::Service(_) | ActorKind::Nobody => ctx.actor.on_behalf_of,
    }
}

fn carry<T>(ctx: &OpContext, token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    bearer(&mut request, token);
    put(request.metadata_mut(), "accept-language", ctx.locale.tag());
    if let Some(consistency) = &ctx.consistency {
        put(request.metadata_mut(), CONSISTENCY, consistency);
    }
    if let Some(trace) = &ctx.trace {
        put(request.metadata_mut(), TRACEPARENT, trace);
    }
    if let Some(deadline) = ctx.deadline {
        let mut headers = std::mem::take(request.metadata_mut()).into_headers();
        deadline::write(&mut headers, deadline);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
    }
    request
}

/// Puts a bearer token on a request: also for clients outside the suite, such as the command line.
pub fn bearer<T>(request: &mut Request<T>, token: &str) {
    put(request.metadata_mut(), AUTHORIZATION.as_str(), &format!("Bearer {token}"));
}

fn put(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = MetadataValue::try_from(value) {
        metadata.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::Kind;

    use super::*;

    #[tokio::test]
    async fn a_list_is_read_to_its_end_and_one_that_does_not_go_on_is_a_fault() {
        let told = async |token: String| match token.as_str() {
            "" => Ok((vec![1, 2], "second".to_owned())),
            "second" => Ok((vec![], "third".to_owned())),
            _ => Ok((vec![3], String::new())),
        };
        assert_eq!(pages(told).await.unwrap(), [1, 2, 3]);
        let same = async |_| Ok((vec![1], "again".to_owned()));
        assert_eq!(pages(same).await.unwrap_err().kind(), Kind::Internal);
        let away = async |_| Err::<(Vec<u8>, String), _>(Status::unavailable("away"));
        assert_eq!(pages(away).await.unwrap_err().kind(), Kind::Unavailable);
    }
}
