//! The repair of a finding at another service, sent as whoever asks for it: the peer decides by that person's own rights.

use tally_access::OpContext;
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::json;
use tally_engine::closing::facts::Fix;
use tally_kernel::{Error, Kind, Result, msg};
use tally_rpc::error_from;

use super::Peers;

/// By which request something is put right, and why.
#[derive(Clone, Debug)]
pub struct Why {
    /// Same id, same result; or empty.
    pub request_id: String,
    pub reason: String,
}

/// What was sent and what came of it, in the JSON of proto.
#[derive(Clone, Debug)]
pub struct Mended {
    pub request: String,
    pub answer: String,
}

impl Peers {
    /// Sends a fix as the caller's own call.
    ///
    /// # Errors
    /// What the peer says; a fault of ours for a fix that nobody can send.
    pub async fn mend(&self, ctx: &OpContext, fix: &Fix, why: &Why) -> Result<Mended> {
        let Fix { service, method, request } = fix;
        let read = |error: String| Error::internal(error);
        let written = |sent: std::result::Result<String, String>, answer: std::result::Result<String, String>| {
            Ok(Mended { request: sent.map_err(read)?, answer: answer.map_err(read)? })
        };
        match method.as_str() {
            "CorrectPunch" => {
                let mut ask: att::CorrectPunchRequest = json::read_request(service, method, request).map_err(read)?;
                (ask.request_id, ask.reason) = (why.request_id.clone(), why.reason.clone());
                let mut client = CorrectionServiceClient::new(self.attendance.channel());
                let sent = json::request(service, method, &ask);
                let done = client.correct_punch(self.attendance.request(ctx, ask)).await.map_err(error_from)?;
                written(sent, json::answer(service, method, done.get_ref()))
            }
            "CorrectHandover" => {
                let mut ask: att::CorrectHandoverRequest =
                    json::read_request(service, method, request).map_err(read)?;
                (ask.request_id, ask.reason) = (why.request_id.clone(), why.reason.clone());
                let mut client = CorrectionServiceClient::new(self.attendance.channel());
                let sent = json::request(service, method, &ask);
                let done = client.correct_handover(self.attendance.request(ctx, ask)).await.map_err(error_from)?;
                written(sent, json::answer(service, method, done.get_ref()))
            }
            "ImportAliases" => {
                let mut ask: att::ImportAliasesRequest = json::read_request(service, method, request).map_err(read)?;
                ask.request_id = why.request_id.clone();
                let mut client = AliasServiceClient::new(self.attendance.channel());
                let sent = json::request(service, method, &ask);
                let done = client.import_aliases(self.attendance.request(ctx, ask)).await.map_err(error_from)?;
                // An import answers whatever becomes of its rows; here there is one.
                let problems = done.get_ref().result.iter().flat_map(|result| &result.problems);
                if let Some(problem) = problems.into_iter().next() {
                    return Err(Error::of(Kind::FailedPrecondition, msg!("FIX_REFUSED", why = problem.message)));
                }
                written(sent, json::answer(service, method, done.get_ref()))
            }
            _ => Err(Error::internal(format_args!("a fix by {service}/{method}"))),
        }
    }
}
