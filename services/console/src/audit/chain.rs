//! Checking the logs: whether every entry is as it was written and every row has its entry, of one service or of all, as it goes on.

use std::pin::Pin;

use askama::Template;
use axum::body::Body;
use axum::response::IntoResponse as _;
use futures::{Stream, StreamExt as _};
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::{AuditVerdict, VerifyAuditRequest, VerifyAuditResponse};
use tally_kernel::{Result, msg};
use tonic::Status;

use super::live::{self, without_end};
use super::log::SERVICES;
use crate::cycles::watch;
use crate::pay::shared;
use crate::ui::Ui;
use crate::visit::Visit;
use crate::visit::answer::rendered;

/// What the address says for all services.
const ALL: &str = "all";

#[derive(Template)]
#[template(path = "audit/chain.html")]
struct Chain {
    ui: Ui,
    /// The services: name in the address, name, and whether it was chosen.
    services: Vec<(&'static str, String, bool)>,
    /// Where the check is told, while it is to go on; or empty.
    live: String,
    /// What came of it; nothing where nothing was asked.
    checks: Vec<Check>,
    rests: bool,
}

/// The part of the page that changes.
#[derive(Template)]
#[template(path = "audit/chain-part.html")]
struct Changing {
    ui: Ui,
    checks: Vec<Check>,
    rests: bool,
}

/// The log of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Check {
    service: &'static str,
    name: String,
    /// Of its pill, empty while it goes on.
    tone: &'static str,
    state: String,
    said: String,
    /// When its first and its last entry were written; both empty where there is none.
    first: String,
    last: String,
    /// Where it breaks, in sentences.
    breaks: Vec<String>,
}

impl Check {
    fn of(ui: &Ui, service: &'static str) -> Self {
        Self { service, name: ui.module(service), ..Self::default() }
    }

    /// What a service tells: how far it is, or what came of it.
    fn told(&mut self, ui: &Ui, told: Result<VerifyAuditResponse>) {
        match told {
            Ok(VerifyAuditResponse { checked, verdict: None }) => {
                self.said = ui.say(&msg!("UI_CHAIN_CHECKED", count = checked));
            }
            Ok(VerifyAuditResponse { verdict: Some(verdict), .. }) => self.ended(ui, verdict),
            Err(error) => self.unknown(ui, tally_i18n::sentence(ui.locale(), &error)),
        }
    }

    fn ended(&mut self, ui: &Ui, verdict: AuditVerdict) {
        let AuditVerdict { whole, entries, rows, first_at, last_at, breaks, .. } = verdict;
        let state;
        (self.tone, state, self.said) = match (whole, entries) {
            (true, 0) => ("good", "UI_CHAIN_WHOLE", ui.t("UI_CHAIN_EMPTY")),
            (true, _) => ("good", "UI_CHAIN_WHOLE", ui.say(&msg!("UI_CHAIN_HOLDS", entries, rows))),
            (false, _) => ("bad", "UI_CHAIN_BROKEN", ui.say(&msg!("UI_CHAIN_FAILS", entries, rows))),
        };
        self.state = ui.t(state);
        let moment = |at: Option<_>| at.map(|at| ui.moment(Some(&at))).unwrap_or_default();
        (self.first, self.last) = (moment(first_at), moment(last_at));
        self.breaks = breaks.into_iter().map(|broken| broken.sentence).collect();
    }

    fn unknown(&mut self, ui: &Ui, why: String) {
        (self.tone, self.state, self.said) = ("warn", ui.t("UI_CHAIN_UNKNOWN"), why);
    }

    fn rests(&self) -> bool {
        !self.tone.is_empty()
    }
}

/// `GET /audit/chain?service=`: the question, and what came of it once it is asked.
pub async fn chain(visit: Visit) -> Response<Body> {
    let asked = visit.asked();
    visit.page(shown(&visit, asked.get("service"), false).await)
}

/// `GET /audit/chain/live?service=`: the same, with what comes of it told as it goes on.
pub async fn begun(visit: Visit) -> Response<Body> {
    let asked = visit.asked();
    visit.page(shown(&visit, asked.get("service"), true).await)
}

/// `GET /audit/chain/progress?service=`: what comes of it, as events.
pub async fn progress(visit: Visit) -> axum::response::Response {
    let asked = visit.asked();
    match told(&visit, asked.get("service")) {
        Ok((ui, states)) => live::answer(states.map(move |checks| {
            let rests = checks.iter().all(Check::rests);
            let html = rendered(&Changing { ui: ui.clone(), checks, rests }).unwrap_or_default();
            watch::Told { html, rests }
        })),
        Err(error) => visit.refused(&error).into_response(),
    }
}

async fn shown(visit: &Visit, service: &str, live: bool) -> Result<Chain> {
    shared::must(visit, Permission::AuditRead)?;
    let ui = visit.ui(&msg!("NAV_AUDIT_CHAIN"));
    let choice = |of: &'static str| (of, ui.module(of), of == service);
    let services = SERVICES.map(choice).into();
    let (mut checks, mut progress) = (Vec::new(), String::new());
    if live && !chosen(service).is_empty() {
        progress = format!("/audit/chain/progress?service={service}");
        checks = chosen(service).into_iter().map(|of| Check::of(&ui, of)).collect();
    } else if !service.is_empty() {
        let (_, mut states) = told(visit, service)?;
        while let Some(state) = states.next().await {
            checks = state;
        }
    }
    let rests = checks.iter().all(Check::rests);
    Ok(Chain { ui, services, live: progress, checks, rests })
}

/// The services that a word of the address means; none where it is no word for any.
fn chosen(service: &str) -> Vec<&'static str> {
    SERVICES.into_iter().filter(|of| service == ALL || service == *of).collect()
}

type States = Pin<Box<dyn Stream<Item = Vec<Check>> + Send>>;

/// How far the checks of the chosen services are, each time that one of them tells something; last how each of them ended.
fn told(visit: &Visit, service: &str) -> Result<(Ui, States)> {
    shared::must(visit, Permission::AuditRead)?;
    let ui = visit.ui(&msg!("NAV_AUDIT_CHAIN"));
    let services = chosen(service);
    let mut answers = Vec::new();
    for (at, of) in services.iter().enumerate() {
        answers.push(answers_of(visit, of)?.map(move |told| (at, told)).boxed());
    }
    let checks: Vec<Check> = services.iter().map(|of| Check::of(&ui, of)).collect();
    let (own, first) = (ui.clone(), checks.clone());
    let states = futures::stream::select_all(answers).scan(checks, move |checks, (at, told)| {
        if let Some(check) = checks.get_mut(at) {
            check.told(&own, told);
        }
        futures::future::ready(Some(checks.clone()))
    });
    Ok((ui, Box::pin(futures::stream::iter([first]).chain(states))))
}

/// What a service tells; that it broke off before its end is told too.
fn answers_of(
    visit: &Visit,
    service: &'static str,
) -> Result<impl Stream<Item = Result<VerifyAuditResponse>> + Send + use<>> {
    use tally_api::{attendance, compensation, identity, performance, talent};
    let (channel, request) = (visit.channel(service)?, without_end(visit.request(VerifyAuditRequest {})));
    macro_rules! ask {
        ($api:ident) => {
            $api::v1::audit_service_client::AuditServiceClient::new(channel).verify_audit(request).await
        };
    }
    let opened = async move {
        let answer: Result<_, Status> = match service {
            "identity" => ask!(identity),
            "attendance" => ask!(attendance),
            "performance" => ask!(performance),
            "compensation" => ask!(compensation),
            _ => ask!(talent),
        };
        answer.map(tonic::Response::into_inner)
    };
    Ok(live::until_end(opened, |told: &VerifyAuditResponse| told.verdict.is_some()))
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::AuditBreak;
    use tally_kernel::Error;

    use super::*;

    #[test]
    fn a_word_of_the_address_means_one_service_all_or_none() {
        assert_eq!(chosen("talent"), ["talent"]);
        assert_eq!(chosen(ALL), SERVICES);
        assert!(chosen("").is_empty() && chosen("other").is_empty());
    }

    #[test]
    fn a_check_goes_on_until_it_is_whole_broken_or_unknown() {
        let ui = crate::audit::ui_of_tests();
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let told = |verdict| VerifyAuditResponse { checked: 7, verdict };
        let mut check = Check::of(&ui, "talent");
        check.told(&ui, Ok(told(None)));
        assert!(!check.rests() && check.said.contains('7'));
        let verdict =
            AuditVerdict { whole: true, entries: 7, rows: 3, first_at: at(0), last_at: at(60), ..Default::default() };
        check.told(&ui, Ok(told(Some(verdict.clone()))));
        assert_eq!((check.tone, check.rests()), ("good", true));
        assert!(check.first.contains("UTC") && check.first != check.last, "{check:?}");
        let broken = AuditBreak { sentence: "entry 4 is not what the service wrote".into(), ..Default::default() };
        check.told(&ui, Ok(told(Some(AuditVerdict { whole: false, breaks: vec![broken], ..verdict }))));
        assert_eq!((check.tone, check.breaks.len()), ("bad", 1));
        check.told(&ui, Err(Error::internal("away")));
        assert_eq!(check.tone, "warn");
    }
}
