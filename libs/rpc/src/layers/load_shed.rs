//! More calls at once than there are places are refused at once. A call keeps its place until the last byte of its answer.
//!
//! What nobody works without (`vital` in the policy table: sign-in, punches, and what both ask of other services) may take every
//! place, changes seven of eight, and what only reads, exports among it, three of four: whoever looks at figures comes again, and
//! whoever stands at the door of a shop does not wait. A load of one kind so never fills the places of those before it.
//!
//! tower's `ConcurrencyLimit` gives the place back with the first answer, while a stream has only begun.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::Either;
use http::{Extensions, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tally_access::Effect;
use tally_kernel::error::{Error, Kind};
use tally_kernel::msg;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

use super::policy::row;
use super::{Refused, Then};

/// See the module's text. All services behind clones of it share the places.
#[derive(Clone, Debug)]
pub struct LoadShedLayer(Arc<Places>);

/// A call takes a place of each that its kind is counted by, so that the bounds hold however many ask at once.
#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    /// Of those for what is not vital.
    others: Arc<Semaphore>,
    /// Of those for what only reads.
    reads: Arc<Semaphore>,
}

/// What a call took.
type Taken = [Option<OwnedSemaphorePermit>; 3];

impl Places {
    /// Those of a call; nothing where there are none left for its kind.
    fn take(&self, call: &Extensions) -> Option<Taken> {
        // What no row knows is nothing that anybody waits for.
        let (vital, reads) = row(call).map_or((false, true), |row| (row.vital, row.effect != Effect::Change));
        let one = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let mut taken = [None, None, None];
        if !vital {
            if reads {
                taken[0] = Some(one(&self.reads)?);
            }
            taken[1] = Some(one(&self.others)?);
        }
        taken[2] = Some(one(&self.all)?);
        Some(taken)
    }
}

impl LoadShedLayer {
    /// With so many places.
    pub fn new(places: usize) -> Self {
        let of = |places| Arc::new(Semaphore::new(places));
        Self(Arc::new(Places { all: of(places), others: of(places - places / 8), reads: of(places - places / 4) }))
    }
}

impl<S> Layer<S> for LoadShedLayer {
    type Service = LoadShed<S>;

    fn layer(&self, inner: S) -> LoadShed<S> {
        LoadShed { inner, places: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub struct LoadShed<S> {
    inner: S,
    places: Arc<Places>,
}

type Answer<R> = Result<Response<Placed<R>>, Refused>;

impl<S, B, R> Service<Request<B>> for LoadShed<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Refused>,
{
    type Response = Response<Placed<R>>;
    type Error = Refused;
    type Future = Either<Then<S::Future, Taken, Answer<R>>, Ready<Answer<R>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(taken) = self.places.take(request.extensions()) else {
            let overloaded = Error::of(Kind::ResourceExhausted, msg!("OVERLOADED"));
            return Either::Right(ready(Err(overloaded.retry_after(Duration::from_secs(1)).into())));
        };
        Either::Left(Then::new(self.inner.call(request), taken, |taken, answer| {
            answer.map(|answer| answer.map(|inner| Placed { inner, _places: taken }))
        }))
    }
}

pin_project! {
    /// A body with the places of its call.
    pub struct Placed<B> {
        #[pin]
        inner: B,
        _places: Taken,
    }
}

impl<B: Body> Body for Placed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tally_access::{Needs, PolicyRow};

    use super::super::RpcMethod;
    use super::*;

    fn call(vital: bool, effect: Effect) -> Extensions {
        let mut noted = Extensions::new();
        let row = PolicyRow { method: "tally.a.v1.A/B", needs: Needs::SignIn, effect, openers: &[], vital };
        noted.insert(RpcMethod::of(row));
        noted
    }

    /// How many of these calls find a place, all at once.
    fn held(places: &Places, call: &Extensions) -> Vec<Taken> {
        std::iter::from_fn(|| places.take(call)).collect()
    }

    #[test]
    fn reads_leave_room_for_changes_and_both_leave_room_for_what_nobody_works_without() {
        let (read, change) = (call(false, Effect::SensitiveRead), call(false, Effect::Change));
        let vital = call(true, Effect::Read);
        let LoadShedLayer(places) = LoadShedLayer::new(16);
        let reads = held(&places, &read);
        let changes = held(&places, &change);
        assert_eq!((reads.len(), changes.len()), (12, 2));
        let vitals = held(&places, &vital);
        assert_eq!(vitals.len(), 2);
        drop(changes);
        assert!(places.take(&read).is_none() && places.take(&Extensions::new()).is_none(), "reads have their number");
        assert!(places.take(&vital).is_some());
        drop((reads, vitals));
        assert_eq!(held(&places, &vital).len(), 16, "what was refused kept no place");
        assert_eq!(held(&places, &change).len(), 14);
        assert_eq!(held(&places, &read).len(), 12);
    }

    #[test]
    fn of_few_places_each_is_for_everybody() {
        let LoadShedLayer(places) = LoadShedLayer::new(1);
        assert_eq!(held(&places, &call(false, Effect::Read)).len(), 1);
    }
}
