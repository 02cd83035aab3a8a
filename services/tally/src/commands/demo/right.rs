//! A month that is put right after it was published and paid: buyers lower what they rated, the cards get a new version, and the
//! difference in money waits for the next settlement.

use anyhow::Result;
use rust_decimal::Decimal;
use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::performance::v1 as performance;
use tally_bundle::{Pool, major};
use tally_kernel::msg;

use super::branches::{Branch, Story};
use crate::close::settle;
use crate::said::told;
use crate::show::{Page, Table, count};
use tally_import::record;

/// At most so many ratings change, and what they become.
const RATINGS: usize = 40;
const LOWERED: u32 = 1_000;
/// How many people are shown.
const SHOWN: usize = 4;

type Corrections = compensation::correction_service_client::CorrectionServiceClient<tally_rpc::RpcChannel>;

impl Story<'_> {
    /// Pays one branch, puts its month right, and tells who gets what instead.
    pub async fn put_right(&self, page: &mut Page, branches: &[Branch]) -> Result<()> {
        let Some(pool) = &self.bundle.pool else { return Ok(()) };
        let Some((branch, lowered)) = branches.iter().find_map(|branch| Some((branch, self.lowered(branch)?))) else {
            return Ok(());
        };
        let part = Pool { amount_minor: pool.amount_minor / branches.len() as i64, ..pool.clone() };
        let paid = settle(self.crew, &branch.cycle.cycle_id, &part).await?;
        page.heading(&self.say(&msg!("DEMO_RIGHT_HEADING", branch = branch.name)));
        let amount = money(&Some(Money { currency: pool.currency.clone(), minor: paid.paid_minor }));
        page.say(2, &self.say(&msg!("DEMO_RIGHT_PAID", amount, people = branch.cards.len())));
        let (ratings, account) = (count(lowered.rows.len() as u64), lowered.account.clone());
        let touched = self.revise(branch, lowered).await?;
        page.say(2, &self.say(&msg!("DEMO_RIGHT_RATINGS", ratings, account, cycles = touched)));
        let reason = self.say(&msg!("DEMO_RIGHT_REASON"));
        let ask = performance::CorrectCycleRequest {
            cycle_id: branch.cycle.cycle_id.clone(),
            reason: reason.clone(),
            ..Default::default()
        };
        let hr = &branch.hr;
        let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
        let correction = cycles.correct_cycle(hr.ask(ask)).await.map_err(told)?.into_inner().cycle.unwrap_or_default();
        let correction = self.published(hr, &correction.cycle_id).await?;
        let summary = correction.summary.unwrap_or_default();
        page.say(2, &self.say(&msg!("DEMO_RIGHT_CARDS", people = summary.corrected_people)));
        self.deltas(page, branch, (&paid.settlement_id, reason)).await
    }

    /// The first ratings of the branch's that are worth lowering, all of one account.
    fn lowered(&self, branch: &Branch) -> Option<Lowered> {
        let bundle = self.bundle;
        let is_rated = |at: &usize| bundle.records[*at].rating.is_some_and(|rating| rating >= Decimal::from(4));
        let of_branch = |account: usize| {
            let team = bundle.accounts[account].team.as_deref();
            team.is_some_and(|team| team.split('/').next() == Some(branch.name.as_str()))
        };
        let of_account = |account: usize| -> Vec<usize> {
            let rows = (0..bundle.records.len()).filter(|at| bundle.records[*at].account.0 as usize == account);
            rows.filter(is_rated).take(RATINGS).collect()
        };
        let accounts = (0..bundle.accounts.len()).filter(|account| of_branch(*account));
        let most = accounts
            .map(|account| (of_account(account), account))
            .max_by_key(|(rows, account)| (rows.len(), usize::MAX - account));
        let (rows, at) = most.filter(|(rows, _)| !rows.is_empty())?;
        Some(Lowered { rows, at, account: bundle.accounts[at].path() })
    }

    /// Sends the new versions; how many cycles rest on what they touch.
    async fn revise(&self, branch: &Branch, lowered: Lowered) -> Result<usize> {
        let (hr, ids) = (&branch.hr, &self.outcome.ids);
        let revised = |at: &usize| -> Result<performance::Record> {
            let row = record(self.bundle, *at)?;
            Ok(performance::Record { rating_milli: Some(LOWERED), revision: row.revision + 1, ..row })
        };
        let (unit_id, region) = ids.places[lowered.at].clone();
        let account_id = ids.accounts[lowered.at].clone();
        let rows = lowered.rows.iter().map(revised).collect::<Result<_>>()?;
        let ask = performance::ImportRecordsRequest { account_id, region, unit_id, rows, ..Default::default() };
        let mut records = performance::record_service_client::RecordServiceClient::new(hr.at.performance.clone());
        let touched = records.import_records(hr.ask(ask)).await.map_err(told)?.into_inner().touched;
        let account_ids = touched.into_iter().map(|touched| touched.account_id).collect();
        let ask = performance::ListTouchedCyclesRequest { account_ids, ..Default::default() };
        let mut changes = performance::change_service_client::ChangeServiceClient::new(hr.at.performance.clone());
        Ok(changes.list_touched_cycles(hr.ask(ask)).await.map_err(told)?.into_inner().cycles.len())
    }

    /// Drafts what the corrected cards make of the pay, has it approved, and tells the largest differences.
    async fn deltas(&self, page: &mut Page, branch: &Branch, (settlement_id, reason): (&str, String)) -> Result<()> {
        let (preparer, approver) = (&self.crew.preparer, &self.crew.approver);
        let ask = compensation::DraftCorrectionRequest {
            settlement_id: settlement_id.to_owned(),
            reason,
            ..Default::default()
        };
        let mut client = Corrections::new(preparer.at.compensation.clone());
        let draft = client.draft_correction(preparer.ask(ask)).await.map_err(told)?.into_inner();
        let correction = draft.correction.unwrap_or_default();
        let ask = compensation::ApproveCorrectionRequest {
            pay_correction_id: correction.pay_correction_id,
            ..Default::default()
        };
        client.approve_correction(approver.ask(ask)).await.map_err(told)?;
        let mut deltas = draft.deltas;
        let moved = |delta: &compensation::PayDelta| minor(&delta.new) - minor(&delta.old);
        deltas.sort_by_key(|delta| (moved(delta).unsigned_abs(), delta.person_id.clone()));
        let mut table = Table::new("<>>>");
        let head =
            [msg!("DEMO_COLUMN_WHO"), msg!("DEMO_COLUMN_PAID"), msg!("DEMO_COLUMN_RIGHT"), msg!("DEMO_COLUMN_DELTA")];
        table.row(head.map(|column| self.say(&column)));
        for delta in deltas.iter().rev().take(SHOWN) {
            let currency = delta.new.as_ref().map(|money| money.currency.as_str()).unwrap_or_default();
            let difference = major(moved(delta), currency);
            table.row([self.name_of(&delta.person_id), money(&delta.old), money(&delta.new), difference]);
        }
        let (more, less) = (money(&correction.more), money(&correction.less));
        page.say(2, &self.say(&msg!("DEMO_RIGHT_DELTAS", people = correction.people, more, less)));
        page.table(2, &table);
        if let Some(least) = deltas.iter().min_by_key(|delta| (moved(delta), delta.person_id.clone())) {
            self.card(page, branch, least).await?;
        }
        Ok(())
    }

    /// What is different on the card of somebody, as that person reads it, and why the pay follows.
    async fn card(&self, page: &mut Page, branch: &Branch, delta: &compensation::PayDelta) -> Result<()> {
        let hr = &branch.hr;
        let ask = performance::ListCardVersionsRequest {
            cycle_id: branch.cycle.cycle_id.clone(),
            person_id: delta.person_id.clone(),
        };
        let mut cards = performance::card_service_client::CardServiceClient::new(hr.at.performance.clone());
        let versions = cards.list_card_versions(hr.ask(ask)).await.map_err(told)?.into_inner().versions;
        let name = self.name_of(&delta.person_id);
        page.say(2, &self.say(&msg!("DEMO_RIGHT_CARD", name)));
        for change in versions.last().map(|version| version.changes.as_slice()).unwrap_or_default() {
            page.item(4, "- ", change);
        }
        page.item(4, "- ", &delta.why);
        Ok(())
    }
}

/// Records whose rating is lowered.
struct Lowered {
    rows: Vec<usize>,
    /// Place of the account.
    at: usize,
    account: String,
}

fn minor(money: &Option<Money>) -> i64 {
    money.as_ref().map_or(0, |money| money.minor)
}

fn money(money: &Option<Money>) -> String {
    money.as_ref().map_or_else(String::new, |m| format!("{} {}", major(m.minor, &m.currency), m.currency))
}
