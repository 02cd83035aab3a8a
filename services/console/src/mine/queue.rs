//! Punches that were made without a network: the browser keeps them, each with its own id and the device's clock, and sends them here when
//! it can. See `static/sw.js`.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::{CorrectPunchRequest, CorrectionAction, RecordPunchResponse};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::own::{self, whose};
use super::today::{device_at, record};
use crate::console::told;
use crate::ui::{as_sent, instant};
use crate::visit::{Sent, Visit};

/// A punch that comes later than this after the button was pressed is asked to count at the time of the press.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// What the queue must know to send something.
#[derive(Serialize)]
struct Key {
    csrf: String,
    whose: String,
}

/// `GET /my/queue`: what goes with whatever the queue sends. Other sites cannot read it.
pub async fn key(visit: Visit) -> Response<Body> {
    let csrf = visit.ui(&msg!("NAV_TODAY")).csrf().to_owned();
    answer(StatusCode::OK, &Key { csrf, whose: whose(&visit) })
}

/// What became of a punch.
#[derive(Default, Serialize)]
struct Became {
    /// `recorded`, `refused`, or `later` where it may be sent again.
    state: &'static str,
    /// In the reader's language.
    said: String,
}

/// `POST /my/queue`: a punch that was made before.
pub async fn late(visit: Visit, sent: Sent) -> Response<Body> {
    let result = if sent.get("whose") == whose(&visit) {
        recorded(&visit, &sent).await
    } else {
        Err(Error::of(Kind::PermissionDenied, msg!("UI_MINE_OTHERS_PUNCH")))
    };
    match result {
        Ok(said) => answer(StatusCode::OK, &Became { state: "recorded", said }),
        Err(error) => {
            let state = if error.retryable() { "later" } else { "refused" };
            let said = tally_i18n::sentence(visit.choices.locale, &error);
            answer(tally_rpc::http_status(&error), &Became { state, said })
        }
    }
}

/// Records it now, since the server's clock counts, and asks that it count when the button was pressed.
async fn recorded(visit: &Visit, sent: &Sent) -> Result<String> {
    let ui = visit.ui(&msg!("NAV_TODAY"));
    let reply = record(visit, sent).await?;
    let recorded_at = reply.punch.as_ref().and_then(|punch| instant(punch.at.as_ref()?)).unwrap_or_else(|| ui.now());
    let waited = device_at(sent).zip(sent.get("sent_at").parse().ok());
    let Some(pressed) = waited.and_then(|times| pressed(times, ui.now())) else {
        return Ok(reply.reasons.join(" "));
    };
    let (at, recorded) = (own::clock(&ui, pressed), own::clock(&ui, recorded_at));
    let asked = move_to(visit, sent, (&reply, pressed), ui.say(&msg!("UI_MINE_LATE_REASON", at = at.clone()))).await;
    Ok(match asked {
        Ok(()) => ui.say(&msg!("UI_MINE_LATE_ASKED", at, recorded)),
        // It was asked for before, and the answer did not come through.
        Err(error) if error.reason() == "REQUEST_ID_REUSED" => ui.say(&msg!("UI_MINE_LATE_ASKED", at, recorded)),
        Err(error) => {
            let why = tally_i18n::sentence(ui.locale(), &error);
            ui.say(&msg!("UI_MINE_LATE_NOT_ASKED", at, recorded, why))
        }
    })
}

/// When the button was pressed by the server's clock: how long the punch waited is the difference of two readings of the device's clock,
/// so that it does not matter how wrong that is. Nothing where the punch was not late.
fn pressed((device_at, sent_at): (Timestamp, Timestamp), now: Timestamp) -> Option<Timestamp> {
    let waited = sent_at.duration_since(device_at);
    (waited > LATE).then(|| now.saturating_sub(waited).ok()).flatten()
}

async fn move_to(
    visit: &Visit,
    sent: &Sent,
    (reply, at): (&RecordPunchResponse, Timestamp),
    reason: String,
) -> Result<()> {
    let ask = CorrectPunchRequest {
        request_id: format!("{}-at", sent.request_id()),
        action: CorrectionAction::Move.into(),
        punch_id: reply.punch.as_ref().map(|punch| punch.punch_id.clone()).unwrap_or_default(),
        at: Some(as_sent(at)),
        reason,
        evidence: format!("device {}", sent.get("device_at")),
        ..Default::default()
    };
    let client = CorrectionServiceClient::new(visit.channel("attendance")?);
    told(client.clone().correct_punch(visit.request(ask))).await.map(|_| ())
}

fn answer(status: StatusCode, content: &impl Serialize) -> Response<Body> {
    let mut answer = Response::new(Body::from(serde_json::to_vec(content).unwrap_or_default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_wrong_clock_of_the_device_does_not_move_a_late_punch() {
        let recorded = at("2026-03-02T03:00:00Z");
        // The device is 47 minutes ahead; the punch waited for two hours.
        let times = (at("2026-03-02T01:47:00Z"), at("2026-03-02T03:47:00Z"));
        assert_eq!(pressed(times, recorded), Some(at("2026-03-02T01:00:00Z")));
        let times = (at("2026-03-02T03:46:30Z"), at("2026-03-02T03:47:00Z"));
        assert_eq!(pressed(times, recorded), None, "it was not late");
        let times = (at("2026-03-02T05:00:00Z"), at("2026-03-02T03:47:00Z"));
        assert_eq!(pressed(times, recorded), None, "the clock was set back in between");
    }
}
