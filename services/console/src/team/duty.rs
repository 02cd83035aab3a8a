//! What several pages of the room ask: whose credits are shown (a cycle's, or a run's), accounts with their zones, credits of one account.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_api::attendance::v1::{Account, DutyPolicy};
use tally_api::common::v1::Period;
use tally_api::performance::v1::attribution_run_service_client::AttributionRunServiceClient;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{
    AttributionPolicy, AttributionRunState, Credit, CycleState, ExportCreditsRequest, ListAttributionRunsRequest,
    ListCyclesRequest, ListTotalsRequest, Rung, Total,
};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::lanes::Sure;
use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::form::Choice;
use crate::ui::{Ui, as_sent};
use crate::visit::Visit;

/// Whose credits and findings are shown: those of a cycle, or of a run that no cycle scores from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub id: String,
    pub is_run: bool,
    pub name: String,
    pub period: Period,
    pub scheme_id: String,
    pub scheme_version: u32,
    pub unit_id: String,
    pub policy: AttributionPolicy,
    /// It has cards and credits; one that could not be closed has findings alone.
    pub is_done: bool,
    pub state: &'static str,
}

impl Source {
    /// As the rpcs name it: a cycle, or a run.
    pub fn ids(&self) -> (String, String) {
        if self.is_run { (String::new(), self.id.clone()) } else { (self.id.clone(), String::new()) }
    }

    /// What people read: its name and its period.
    pub fn label(&self, ui: &Ui) -> String {
        let period = ui.format.period(&self.period.from, &self.period.to);
        if self.name.is_empty() { period } else { format!("{} · {period}", self.name) }
    }

    /// Whether a day (`2026-03-01`) is of its period.
    pub fn has(&self, day: &str) -> bool {
        self.period.from.as_str() <= day && day <= self.period.to.as_str()
    }

    /// Its rules of duty, where it says some.
    pub fn duty(&self) -> Option<DutyPolicy> {
        self.policy.duty.clone()
    }
}

/// All there are, newest first: cycles, then runs of their own.
///
/// # Errors
/// What performance refuses.
pub async fn sources(visit: &Visit) -> Result<Vec<Source>> {
    let (cycles, runs) = futures::try_join!(cycles(visit), runs(visit))?;
    Ok(cycles.into_iter().chain(runs).collect())
}

/// The cycles that are closed, or could not be.
///
/// # Errors
/// What performance refuses.
pub async fn cycles(visit: &Visit) -> Result<Vec<Source>> {
    let client = CycleServiceClient::new(visit.channel("performance")?);
    let cycles = tally_rpc::pages(async |page_token| {
        let ask = ListCyclesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_cycles(visit.request(ask)).await?.into_inner();
        Ok((page.cycles, page.next_page_token))
    })
    .await?;
    let closed = cycles.into_iter().filter(|cycle| {
        let rests = matches!(cycle.state(), CycleState::Reviewable | CycleState::Published | CycleState::Failed);
        rests && cycle.corrects_id.is_empty()
    });
    let source = |cycle: tally_api::performance::v1::Cycle| Source {
        is_done: cycle.state() != CycleState::Failed,
        state: cycle.state().as_str_name(),
        id: cycle.cycle_id,
        is_run: false,
        name: cycle.name,
        period: cycle.period.unwrap_or_default(),
        scheme_id: cycle.scheme_id,
        scheme_version: cycle.scheme_version,
        unit_id: cycle.unit_id,
        policy: cycle.policy.unwrap_or_default(),
    };
    let mut sources: Vec<_> = closed.map(source).collect();
    // The list is by when they were made; people look for the newest month.
    sources.sort_by(|a, b| b.period.to.cmp(&a.period.to));
    Ok(sources)
}

async fn runs(visit: &Visit) -> Result<Vec<Source>> {
    let client = AttributionRunServiceClient::new(visit.channel("performance")?);
    let runs = tally_rpc::pages(async |page_token| {
        let ask = ListAttributionRunsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_attribution_runs(visit.request(ask)).await?.into_inner();
        Ok((page.runs, page.next_page_token))
    })
    .await?;
    let own = runs.into_iter().filter(|run| run.cycle_id.is_empty() && run.state() == AttributionRunState::Done);
    let source = |run: tally_api::performance::v1::AttributionRun| Source {
        state: run.state().as_str_name(),
        id: run.attribution_run_id,
        is_run: true,
        period: run.period.unwrap_or_default(),
        unit_id: run.unit_id,
        policy: run.policy.unwrap_or_default(),
        is_done: true,
        ..Source::default()
    };
    Ok(own.map(source).collect())
}

/// The one that is asked for; else the first that fits.
///
/// # Errors
/// None has the id that is asked for.
pub fn chosen<'s>(sources: &'s [Source], wanted: &str, fits: impl Fn(&Source) -> bool) -> Result<Option<&'s Source>> {
    if wanted.is_empty() {
        return Ok(sources.iter().find(|source| fits(source)));
    }
    let found = sources.iter().find(|source| source.id == wanted);
    found.map(Some).ok_or_else(|| Error::of(Kind::NotFound, msg!("UI_NOTHING_THERE")))
}

/// All as choices.
pub fn choices(ui: &Ui, sources: &[Source]) -> Vec<Choice> {
    sources.iter().map(|source| Choice::new(&source.id, source.label(ui))).collect()
}

/// Platform, store and name of an account.
pub fn account_name(account: &Account) -> String {
    format!("{} / {} / {}", account.platform, account.store, account.name)
}

/// The zone of an account's days.
pub fn zone_of(ui: &Ui, account: &Account) -> TimeZone {
    TimeZone::get(&account.zone).unwrap_or_else(|_| ui.format.zone().clone())
}

/// Credits of one account: those of records that began within some time, and who is credited with anything of it at all.
///
/// # Errors
/// What performance refuses.
pub async fn credits(
    visit: &Visit,
    source: &Source,
    account: &str,
    within: (Timestamp, Timestamp),
) -> Result<(Vec<Credit>, BTreeSet<String>)> {
    let of_account = Wanted { account_id: account.to_owned(), ..Wanted::default() };
    let (credits, totals) =
        futures::try_join!(exported(visit, source, account, within), totals(visit, source, &of_account))?;
    Ok((credits, totals.into_iter().map(|total| total.person_id).collect()))
}

async fn exported(
    visit: &Visit,
    source: &Source,
    account: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Credit>> {
    let (cycle_id, attribution_run_id) = source.ids();
    let ask = ExportCreditsRequest {
        cycle_id,
        attribution_run_id,
        account_id: account.to_owned(),
        from: Some(as_sent(from)),
        to: Some(as_sent(to)),
        ..Default::default()
    };
    let client = AttributionServiceClient::new(visit.channel("performance")?);
    let mut client = client.max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let mut parts = told(client.export_credits(visit.request(ask))).await?;
    let mut credits = Vec::new();
    while let Some(part) = parts.message().await.map_err(tally_rpc::error_from)? {
        credits.extend(part.credits);
    }
    Ok(credits)
}

/// Which work is asked for: of one person, on one account, or on all accounts together.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub person_id: String,
    pub account_id: String,
    pub sums_only: bool,
}

/// Work by person: on all accounts together, and on each.
///
/// # Errors
/// What performance refuses.
pub async fn totals(visit: &Visit, source: &Source, wanted: &Wanted) -> Result<Vec<Total>> {
    let client = AttributionServiceClient::new(visit.channel("performance")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let (cycle_id, attribution_run_id) = source.ids();
        let Wanted { person_id, account_id, sums_only } = wanted.clone();
        let page_size = AT_ONCE;
        let ask =
            ListTotalsRequest { cycle_id, attribution_run_id, person_id, account_id, sums_only, page_size, page_token };
        let page = client.clone().list_totals(visit.request(ask)).await?.into_inner();
        Ok((page.totals, page.next_page_token))
    })
    .await
}

/// How sure a rung is.
pub fn sure(rung: Rung) -> Sure {
    match rung {
        Rung::Tag | Rung::Claim | Rung::Handover | Rung::Device | Rung::Sole | Rung::Split => Sure::Known,
        Rung::Inferred | Rung::Replies | Rung::TagShare => Sure::Weighed,
        Rung::Equal | Rung::Team => Sure::Shared,
        Rung::Unattributed => Sure::Nobody,
        Rung::Unspecified => Sure::Open,
    }
}

/// The tone of the same.
pub fn tone(rung: Rung) -> &'static str {
    match sure(rung) {
        Sure::Known => "good",
        Sure::Weighed => "accent",
        Sure::Shared => "warn",
        Sure::Nobody => "bad",
        Sure::Open => "plain",
    }
}

/// For an address: everything but letters and digits is written otherwise.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: &str, from: &str, to: &str) -> Source {
        let period = Period { from: from.to_owned(), to: to.to_owned() };
        Source { id: id.to_owned(), period, is_done: true, ..Source::default() }
    }

    #[test]
    fn a_source_is_the_one_asked_for_or_the_first_that_fits() {
        let all = [source("b", "2026-03-01", "2026-03-31"), source("a", "2026-02-01", "2026-02-28")];
        let of = |wanted: &str, day: &str| {
            chosen(&all, wanted, |it| it.has(day)).map(|it| it.map(|it| it.id.clone()).unwrap_or_default())
        };
        assert_eq!(of("", "2026-02-28").ok().as_deref(), Some("a"));
        assert_eq!(of("b", "2026-02-28").ok().as_deref(), Some("b"));
        assert_eq!(of("", "2025-01-01").ok().as_deref(), Some(""));
        assert_eq!(of("c", "2026-02-28").map_err(|error| error.kind()), Err(Kind::NotFound));
    }

    #[test]
    fn every_rung_says_how_sure_it_is() {
        assert_eq!(
            [sure(Rung::Tag), sure(Rung::Replies), sure(Rung::Team)],
            [Sure::Known, Sure::Weighed, Sure::Shared]
        );
        assert_eq!((tone(Rung::Unattributed), tone(Rung::Unspecified)), ("bad", "plain"));
    }
}
