//! What is being done just now, as a part of a page: of a cycle that is closing, and of a run.

use askama::Template;
use axum::response::Response;
use futures::StreamExt as _;
use tally_api::performance::v1::attribution_run_service_client::AttributionRunServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{AttributionRunState, CycleState, WatchAttributionRunRequest, WatchCycleRequest};
use tally_kernel::{Result, msg};

use super::watch::{self, Told, Watches};
use crate::ui::Ui;
use crate::visit::Visit;
use crate::visit::answer::rendered;

#[derive(Template)]
#[template(path = "cycles/progress.html")]
struct Part {
    step: String,
    said: String,
    done: u32,
    total: u32,
}

/// The part: what the worker does, and how much of it is done.
pub fn part(ui: &Ui, step: &str, done: u32, total: u32) -> String {
    let said = if total == 0 { String::new() } else { ui.say(&msg!("UI_DONE_OF", done, total)) };
    let step = if step.is_empty() { ui.t("UI_WAITS_FOR_WORKER") } else { step.to_owned() };
    rendered(&Part { step, said, done, total }).unwrap_or_default()
}

/// A stream lasts for as long as the work does.
fn without_end<T>(mut request: tonic::Request<T>) -> tonic::Request<T> {
    request.metadata_mut().remove("grpc-timeout");
    request
}

/// The progress of a cycle, of which the service is asked once for all pages of a language.
pub fn cycle(visit: &Visit, watches: &Watches, id: &str) -> Result<Response> {
    let mut client = CycleServiceClient::new(visit.channel("performance")?);
    let ask = without_end(visit.request(WatchCycleRequest { cycle_id: id.to_owned() }));
    let ui = visit.ui(&msg!("NAV_CYCLES"));
    let open = move || {
        let stream = async move { client.watch_cycle(ask).await.map(tonic::Response::into_inner) };
        heard(stream).map(move |answer| {
            let it = answer.cycle.unwrap_or_default();
            Told { html: part(&ui, &it.step, it.done, it.total), rests: it.state() != CycleState::Closing }
        })
    };
    Ok(watch::answer(watches.join(format!("cycle/{id}/{}", visit.choices.locale.tag()), open)))
}

/// The same of an attribution run.
pub fn run(visit: &Visit, watches: &Watches, id: &str) -> Result<Response> {
    let mut client = AttributionRunServiceClient::new(visit.channel("performance")?);
    let ask = without_end(visit.request(WatchAttributionRunRequest { attribution_run_id: id.to_owned() }));
    let ui = visit.ui(&msg!("NAV_RUNS"));
    let open = move || {
        let stream = async move { client.watch_attribution_run(ask).await.map(tonic::Response::into_inner) };
        heard(stream).map(move |answer| {
            let it = answer.run.unwrap_or_default();
            Told { html: part(&ui, &it.step, it.done, it.total), rests: it.state() != AttributionRunState::Running }
        })
    };
    Ok(watch::answer(watches.join(format!("run/{id}/{}", visit.choices.locale.tag()), open)))
}

/// What a stream says until it ends or breaks: pages ask again then, with the token of each.
fn heard<M: Send + 'static>(
    opened: impl Future<Output = Result<tonic::Streaming<M>, tonic::Status>> + Send + 'static,
) -> impl futures::Stream<Item = M> + Send + 'static {
    let all = futures::stream::once(opened).filter_map(|it| futures::future::ready(it.ok())).flatten();
    all.take_while(|it| futures::future::ready(it.is_ok())).filter_map(|it| futures::future::ready(it.ok()))
}
