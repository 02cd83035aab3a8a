//! One record: whose it is, how sure that is, and why; and what it was.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::attendance::v1::Account;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::record_service_client::RecordServiceClient;
use tally_api::performance::v1::{
    Credit, ExplainRecordRequest, ExplainRecordResponse, GetRecordRequest, ListRecordVersionsRequest, Record,
    RecordVersion, VersionEnd,
};
use tally_kernel::error::Kind;
use tally_kernel::{Error, Result, msg};

use super::duty::{self, Source};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::chart::{Bar, Bars};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// A thousandth of a million: bars are that long.
const PPM_OF_THOUSANDTH: u32 = 1_000;

#[derive(Template)]
#[template(path = "team/record.html")]
struct Page {
    ui: Ui,
    /// Whose most of it is, how sure, and its tone.
    sure: Option<(String, &'static str)>,
    /// In a sentence.
    sentence: String,
    shares: Bars,
    /// The ladder, step by step.
    lines: Vec<String>,
    /// Names and values of what it was.
    facts: Vec<(String, String)>,
    /// Why it was like this, and what it rests on.
    evidence: Vec<(String, String)>,
    /// When something else was said of it, and what became of that.
    versions: Vec<(String, String)>,
    of: String,
    timeline: String,
    /// It is not credited (yet).
    note: String,
}

/// `GET /team/records/{account}/{external}?of=`.
pub async fn record(visit: Visit, Path((account, external)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &account, &external).await)
}

async fn page(visit: &Visit, account_id: &str, external: &str) -> Result<Page> {
    let (accounts, sources, people, record) = futures::try_join!(
        names::accounts(visit),
        duty::sources(visit),
        names::people(visit),
        record_of(visit, account_id, external)
    )?;
    let account = accounts.into_iter().find(|it| it.account_id == account_id).unwrap_or_default();
    let ui = visit.ui(&msg!("UI_TEAM_RECORD"));
    let zone = duty::zone_of(&ui, &account);
    let began = record.started_at.as_ref().and_then(instant).unwrap_or_default();
    let day = began.to_zoned(zone).date().to_string();
    let done: Vec<Source> = sources.into_iter().filter(|it| it.is_done).collect();
    let asked = visit.asked();
    let source = duty::chosen(&done, asked.get("of"), |it| it.has(&day))?;
    let (why, versions) =
        futures::try_join!(explained(visit, source, account_id, external), versions(visit, account_id, external))?;
    let of = source.map(|it| format!("&of={}", it.id)).unwrap_or_default();
    let timeline = format!("/team/accounts/{account_id}?day={day}{of}");
    let ui = ui.titled(external).below("/team/accounts", visit.ui(&msg!("NAV_TEAM_ACCOUNTS")).title);
    let ui = ui.below(timeline.clone(), duty::account_name(&account));
    let why = why.unwrap_or_default();
    let credit = why.credit.clone();
    Ok(Page {
        sure: credit.as_ref().map(|it| (ui.t(it.rung().as_str_name()), duty::tone(it.rung()))),
        sentence: why.reason.as_ref().map(|it| it.sentence.clone()).unwrap_or_default(),
        shares: shares(&ui, &people, &why),
        facts: what(&ui, &account, &record),
        evidence: credit.iter().flat_map(|it| evidence(&ui, it)).collect(),
        versions: versions.iter().filter_map(|it| version(&ui, &account, it)).collect(),
        of: source.map(|it| it.label(&ui)).unwrap_or_default(),
        note: if credit.is_none() { ui.t("UI_TEAM_NOT_CREDITED_YET") } else { String::new() },
        lines: why.lines,
        timeline,
        ui,
    })
}

async fn record_of(visit: &Visit, account_id: &str, external_id: &str) -> Result<Record> {
    let mut client = RecordServiceClient::new(visit.channel("performance")?);
    let (account_id, external_id) = (account_id.to_owned(), external_id.to_owned());
    let ask = GetRecordRequest { account_id, external_id, known_at: None };
    Ok(told(client.get_record(visit.request(ask))).await?.record.unwrap_or_default())
}

/// Why; nothing where no run has credited it, or where the run has not seen it.
async fn explained(
    visit: &Visit,
    source: Option<&Source>,
    account_id: &str,
    external_id: &str,
) -> Result<Option<ExplainRecordResponse>> {
    let Some(source) = source else { return Ok(None) };
    let (cycle_id, attribution_run_id) = source.ids();
    let mut client = AttributionServiceClient::new(visit.channel("performance")?);
    let ask = ExplainRecordRequest {
        cycle_id,
        attribution_run_id,
        account_id: account_id.to_owned(),
        external_id: external_id.to_owned(),
        ..Default::default()
    };
    match told(client.explain_record(visit.request(ask))).await {
        Ok(why) => Ok(Some(why)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn versions(visit: &Visit, account_id: &str, external_id: &str) -> Result<Vec<RecordVersion>> {
    let mut client = RecordServiceClient::new(visit.channel("performance")?);
    let (account_id, external_id) = (account_id.to_owned(), external_id.to_owned());
    let ask = ListRecordVersionsRequest { account_id, external_id, ..Default::default() };
    match told(client.list_record_versions(visit.request(ask))).await {
        Ok(page) => Ok(page.versions),
        Err(error) if error.kind() == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err::<_, Error>(error),
    }
}

fn shares(ui: &Ui, people: &Names, why: &ExplainRecordResponse) -> Bars {
    let tone = why.credit.as_ref().map_or("plain", |it| duty::tone(it.rung()));
    let mut rows: Vec<_> =
        why.candidates.iter().map(|it| (people.said(&it.person_id), it.person_id.clone(), it.ppm)).collect();
    for share in why.credit.iter().flat_map(|it| &it.shares) {
        if !rows.iter().any(|(_, id, _)| *id == share.person_id) {
            rows.push((people.said(&share.person_id), share.person_id.clone(), share.ppm));
        }
    }
    rows.sort_by_key(|(_, _, ppm)| std::cmp::Reverse(*ppm));
    let others = why.credit.as_ref().map_or(0, |it| it.others_ppm);
    if others > 0 {
        rows.push((ui.t("UI_TEAM_OTHERS"), String::new(), others));
    }
    let bar = |(label, id, ppm): (String, String, u32)| Bar {
        label,
        value: ui.format.percent(ppm),
        length: ppm / PPM_OF_THOUSANDTH,
        tone,
        href: if id.is_empty() { String::new() } else { format!("/team/people/{id}") },
    };
    Bars { title: ui.t("UI_TEAM_WHOSE"), rows: rows.into_iter().map(bar).collect() }
}

fn evidence(ui: &Ui, credit: &Credit) -> Vec<(String, String)> {
    let reason = match credit.reason.as_str() {
        "" => String::new(),
        reason => ui.word(reason),
    };
    let all = [
        ("UI_TEAM_NOBODY", reason),
        ("UI_TEAM_EVIDENCE", credit.evidence.clone()),
        ("UI_TEAM_POLICY", credit.policy_version.clone()),
    ];
    said(ui, all)
}

/// What it was: only what is said of it, and what the reader may see.
fn what(ui: &Ui, account: &Account, record: &Record) -> Vec<(String, String)> {
    let zone = duty::zone_of(ui, account);
    let moment = |at: &Option<prost_types::Timestamp>| {
        at.as_ref().and_then(instant).map(|at| ui.format.moment_in(at, &zone)).unwrap_or_default()
    };
    let yes = |yes: bool| ui.t(if yes { "UI_YES" } else { "UI_NO" });
    let thousandths = |milli: u32| rust_decimal::Decimal::new(i64::from(milli), 3).normalize().to_string();
    let seconds = record.first_reply_ms.map(|ms| {
        let seconds = ui.format.number(&thousandths(ms));
        ui.say(&msg!("UI_TEAM_SECONDS", seconds))
    });
    let amount = record.amount_minor.map(|minor| match record.currency.as_str() {
        "" => ui.format.number(&rust_decimal::Decimal::new(minor, 2).to_string()),
        currency => ui.format.money(minor, currency),
    });
    let mut facts = said(
        ui,
        [
            ("UI_TEAM_ACCOUNT", duty::account_name(account)),
            ("UI_TEAM_BEGAN", moment(&record.started_at)),
            ("UI_TEAM_ENDED", moment(&record.ended_at)),
            ("UI_TEAM_KIND", record.kind.clone()),
            ("UI_TEAM_NAMED", record.agent.clone()),
            ("UI_TEAM_DEVICE", record.device.clone()),
            ("UI_TEAM_CUSTOMER", record.customer.clone()),
            ("UI_TEAM_FIRST_REPLY", seconds.unwrap_or_default()),
            ("UI_TEAM_RESOLVED", record.resolved.map(yes).unwrap_or_default()),
            ("UI_TEAM_RATING", record.rating_milli.map(|it| ui.format.number(&thousandths(it))).unwrap_or_default()),
            ("UI_AMOUNT", amount.unwrap_or_default()),
            ("UI_TEAM_REFUND_OF", record.refers_to.clone()),
        ],
    );
    facts.extend(record.measures.iter().map(|it| {
        let value = if it.number.is_empty() { it.text.clone() } else { ui.format.number(&it.number) };
        (it.name.clone(), value)
    }));
    facts
}

fn said<const N: usize>(ui: &Ui, all: [(&str, String); N]) -> Vec<(String, String)> {
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| (ui.t(label), value)).collect()
}

/// A version that counts no more: until when, and what ended it.
fn version(ui: &Ui, account: &Account, version: &RecordVersion) -> Option<(String, String)> {
    let until = version.until.as_ref().and_then(instant)?;
    if version.ended() == VersionEnd::Unspecified {
        return None;
    }
    let ended = ui.word(version.ended().as_str_name());
    let why = if version.reason.is_empty() { ended } else { format!("{ended}: {}", version.reason) };
    Some((ui.format.moment_in(until, &duty::zone_of(ui, account)), why))
}
