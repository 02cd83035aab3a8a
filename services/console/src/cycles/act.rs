//! Doing something with a cycle: close, cancel, correct, publish. Each once, however often its button is pressed.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{
    CancelCycleRequest, CloseCycleRequest, CorrectCycleRequest, Cycle, PublishCycleRequest,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use super::acts::{cancelling, closing, correcting, fresh, publishing};
use super::{data, one};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::form::{Field, Form};
use crate::visit::{Sent, Visit};

/// The way to do it, once the box is ticked.
fn sure(visit: &Visit, sent: &Sent) -> Result<CycleServiceClient<tally_rpc::RpcChannel>> {
    if sent.get("sure") != "yes" {
        let error = Error::of(ErrorKind::InvalidArgument, msg!("INVALID_REQUEST", count = 1));
        return Err(error.at("sure".to_owned(), msg!("UI_SAY_SURE")));
    }
    Ok(CycleServiceClient::new(visit.channel("performance")?))
}

/// `POST /cycles/{id}/close`
pub async fn close(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let closed = async {
        let ask = CloseCycleRequest { request_id: sent.request_id(), cycle_id: id.clone(), ..Default::default() };
        told(CycleServiceClient::new(visit.channel("performance")?).close_cycle(visit.request(ask))).await
    };
    match closed.await {
        Ok(_) => visit.done(&format!("/cycles/{id}"), "CYCLE_CLOSING"),
        Err(error) => again(&visit, &id, &sent, (closing, &error)).await,
    }
}

/// `POST /cycles/{id}/cancel`
pub async fn cancel(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let cancelled = async {
        let ask = CancelCycleRequest { request_id: sent.request_id(), cycle_id: id.clone() };
        told(sure(&visit, &sent)?.cancel_cycle(visit.request(ask))).await
    };
    match cancelled.await {
        Ok(_) => visit.done(&format!("/cycles/{id}"), "CYCLE_CANCELLED"),
        Err(error) => again(&visit, &id, &sent, (cancelling, &error)).await,
    }
}

/// `POST /cycles/{id}/correct`
pub async fn correct(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let corrected = async {
        let ask = CorrectCycleRequest {
            request_id: sent.request_id(),
            cycle_id: id.clone(),
            reason: sent.get("reason").to_owned(),
            scheme_version: sent.get("scheme_version").parse().unwrap_or_default(),
        };
        told(sure(&visit, &sent)?.correct_cycle(visit.request(ask))).await
    };
    match corrected.await {
        Ok(answer) => {
            let correction = answer.cycle.unwrap_or_default().cycle_id;
            visit.done(&format!("/cycles/{correction}"), "CYCLE_CORRECTING")
        }
        Err(error) => again(&visit, &id, &sent, (correcting, &error)).await,
    }
}

/// `POST /cycles/{id}/publish`
pub async fn publish(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let published = async {
        let mut client = sure(&visit, &sent)?;
        fresh(&data::cycle(&visit, &id).await?, sent.get("etag"))?;
        let ask = PublishCycleRequest { request_id: sent.request_id(), cycle_id: id.clone() };
        told(client.publish_cycle(visit.request(ask))).await
    };
    match published.await {
        Ok(_) => visit.done(&format!("/cycles/{id}"), "CYCLE_PUBLISHED"),
        Err(error) => {
            let ui = visit.ui(&msg!("UI_PUBLISH_RESULT"));
            match data::cycle(&visit, &id).await {
                Ok(cycle) => {
                    // The page that is shown now is of the result as it is now.
                    let mut form = publishing(&ui, &cycle).refused(&ui, &[], &error);
                    form.fields.retain(|field| field.name != "etag");
                    let form = form.with(Field::hidden("etag", &cycle.etag));
                    one::publish_again(&visit, &id, form, &error).await
                }
                Err(error) => visit.refused(&error),
            }
        }
    }
}

async fn again(
    visit: &Visit,
    id: &str,
    sent: &Sent,
    (form, error): (fn(&Ui, &Cycle) -> Form, &Error),
) -> Response<Body> {
    let ui = visit.ui(&msg!("NAV_CYCLES"));
    match data::cycle(visit, id).await {
        Ok(cycle) => {
            let form = form(&ui, &cycle).refused(&ui, sent.fields(), error);
            one::shown_again(visit, id, form, error).await
        }
        Err(error) => visit.refused(&error),
    }
}
