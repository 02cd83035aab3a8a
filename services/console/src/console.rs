//! What all pages stand on: the ways to the services, the clock, and which screens there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_kernel::{Clock, Error, Result, Rng};
use tally_rpc::{RpcChannel, error_from};
use tonic::{Response, Status};

use crate::ui::screens::Screen;

/// See the module's text. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: BTreeMap<&'static str, RpcChannel>,
    clock: Clock,
    rng: Rng,
    screens: &'static [Screen],
}

impl Console {
    /// A console over these services.
    pub fn new(
        services: impl IntoIterator<Item = (&'static str, RpcChannel)>,
        (clock, rng): (Clock, Rng),
        screens: &'static [Screen],
    ) -> Self {
        Self(Arc::new(Inner { services: services.into_iter().collect(), clock, rng, screens }))
    }

    /// The way to a service, for its generated clients.
    ///
    /// # Errors
    /// A fault of ours: there is no such service.
    pub fn channel(&self, service: &str) -> Result<RpcChannel> {
        let known = self.0.services.get(service).cloned();
        known.ok_or_else(|| Error::internal(format_args!("no way to the service {service}")))
    }

    /// Tells the time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Gives what nobody can guess.
    pub fn rng(&self) -> &Rng {
        &self.0.rng
    }

    /// The screens there are.
    pub fn screens(&self) -> &'static [Screen] {
        self.0.screens
    }
}

/// What a service answered, or its refusal as an error.
///
/// # Errors
/// What the service refused, with the sentence it told.
pub async fn told<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T> {
    call.await.map(Response::into_inner).map_err(error_from)
}
