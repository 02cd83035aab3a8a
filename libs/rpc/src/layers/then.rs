//! A future with a name for layers that only wait for the service behind them, so that they put nothing into a box.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// Waits for a future, and makes something else of what comes out with what was known before.
    pub struct Then<F, T, O>
    where
        F: Future,
    {
        #[pin]
        first: F,
        known: Option<T>,
        then: fn(T, F::Output) -> O,
    }
}

impl<F: Future, T, O> Then<F, T, O> {
    pub(crate) fn new(first: F, known: T, then: fn(T, F::Output) -> O) -> Self {
        Self { first, known: Some(known), then }
    }
}

impl<F: Future, T, O> Future for Then<F, T, O> {
    type Output = O;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        let this = self.project();
        let output = ready!(this.first.poll(cx));
        match this.known.take() {
            Some(known) => Poll::Ready((this.then)(known, output)),
            None => Poll::Pending,
        }
    }
}
