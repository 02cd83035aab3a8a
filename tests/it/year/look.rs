//! What a year came to: scores, statements, what waits and what is carried, as the people concerned are told.

use std::collections::BTreeMap;

use tally_api::common::v1 as common;
use tally_api::compensation::v1 as compensation;
use tally_api::compensation::v1::correction_service_client::CorrectionServiceClient as PayCorrections;
use tally_api::compensation::v1::statement_service_client::StatementServiceClient;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_suite::session::Session;

use super::PEOPLE;
use super::group::{Group, Posted};
use crate::journey::PASSWORD;
use crate::rooms::access::somebody_on;

/// What was paid and what is carried, in the end.
#[derive(Debug, Default)]
pub struct Paid {
    /// All statements, in minor units.
    pub paid: BTreeMap<usize, i64>,
    /// What waits of corrections, in minor units.
    pub left: BTreeMap<usize, i64>,
    /// The accounts of odd cents of both branches, in billionths of a minor unit.
    pub carried: BTreeMap<usize, i64>,
    /// How many adjustments statements show.
    pub adjusted: usize,
    /// How many of them held back less than all.
    pub held_over: usize,
    /// How many statements have adjustments alone.
    pub alone: usize,
    /// How many adjustments are of a settlement of the other branch.
    pub elsewhere: usize,
}

impl Paid {
    /// Of one person, in billionths of a minor unit.
    pub fn sum(&self, n: usize) -> i64 {
        let of = |amounts: &BTreeMap<usize, i64>| amounts.get(&n).copied().unwrap_or_default();
        (of(&self.paid) + of(&self.left)) * 1_000_000_000 + of(&self.carried)
    }
}

/// What was known on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    at: prost_types::Timestamp,
    scores: Vec<BTreeMap<usize, String>>,
    /// Everybody's deltas, with what was paid of them and what was left.
    deltas: Vec<Vec<compensation::PayDelta>>,
}

fn minor(money: Option<&common::Money>) -> i64 {
    money.map_or(0, |money| money.minor)
}

impl Group {
    /// Whoever prepares what a branch pays sees every line of what was put right of a month, also that of somebody who belongs to the
    /// other branch by now, which sees that line and no other.
    pub async fn signed(&self, month: usize, branch: usize, moved: usize) {
        let of = |one: &&Posted| (one.0, one.1) == (branch, month);
        let settlement_id = self.posted.iter().find(of).expect("a settlement").2.clone();
        let who = &self.home.crew.auditor;
        let mut client = PayCorrections::new(who.at.compensation.clone());
        let ask = compensation::ListCorrectionsRequest { settlement_id, ..Default::default() };
        let corrections = client.list_corrections(who.ask(ask)).await.expect("corrections").into_inner().corrections;
        let correction = corrections.into_iter().next().expect("the newest");
        for there in 0..2 {
            let place = (identity::ScopeKind::Subtree, self.units[there].as_str());
            let login = ["pays-north", "pays-south"][there];
            let who = somebody_on(&self.home.crew.admin, login, "compensation_specialist", place).await;
            let pay_correction_id = correction.pay_correction_id.clone();
            let ask = compensation::ListDeltasRequest { pay_correction_id, page_size: 1_000, ..Default::default() };
            let told = client.list_deltas(who.ask(ask)).await.expect("deltas").into_inner();
            let seen: Vec<usize> = told.deltas.iter().map(|delta| self.number(&delta.person_id)).collect();
            assert!(told.masked_fields.is_empty() && seen.contains(&moved), "{told:?}");
            let all = if there == branch { correction.people as usize } else { 1 };
            assert_eq!(seen.len(), all, "{there}: {told:?}");
            assert!(correction.people > 1, "{correction:?}");
        }
    }

    /// Everybody's score by the newest cards of a month.
    pub async fn scores(&self, month: usize) -> BTreeMap<usize, String> {
        self.scores_at(month, None).await
    }

    async fn scores_at(&self, month: usize, known_at: Option<prost_types::Timestamp>) -> BTreeMap<usize, String> {
        let who = &self.home.crew.auditor;
        let cycle_id = self.cycles[month - 1].clone();
        let ask = performance::ListCardsRequest { cycle_id, page_size: 1_000, known_at, ..Default::default() };
        let mut cards = performance::card_service_client::CardServiceClient::new(who.at.performance.clone());
        let cards = cards.list_cards(who.ask(ask)).await.expect("cards").into_inner().cards;
        cards.into_iter().map(|card| (self.number(&card.person_id), card.score)).collect()
    }

    async fn deltas(&self, ask: compensation::ListDeltasRequest) -> Vec<compensation::PayDelta> {
        let who = &self.home.crew.auditor;
        let ask = compensation::ListDeltasRequest { page_size: 1_000, ..ask };
        let mut client = PayCorrections::new(who.at.compensation.clone());
        client.list_deltas(who.ask(ask)).await.expect("deltas").into_inner().deltas
    }

    /// What is known now.
    pub async fn known(&self) -> Known {
        let at = format!("{}", self.home.clock.now()).parse().expect("a time");
        let of_now = Known { at, scores: vec![BTreeMap::new(); self.cycles.len()], deltas: Vec::new() };
        self.known_by(&of_now, None).await
    }

    /// What is said now of what was known then.
    pub async fn known_at(&self, then: &Known) -> Known {
        self.known_by(then, Some(then.at)).await
    }

    async fn known_by(&self, then: &Known, known_at: Option<prost_types::Timestamp>) -> Known {
        let (mut scores, mut deltas) = (Vec::new(), Vec::new());
        for month in 1..=then.scores.len() {
            scores.push(self.scores_at(month, known_at).await);
        }
        for person_id in self.ids.people.clone() {
            deltas
                .push(self.deltas(compensation::ListDeltasRequest { person_id, known_at, ..Default::default() }).await);
        }
        Known { at: then.at, scores, deltas }
    }

    async fn statements(&self, settlement_id: &str) -> Vec<compensation::Statement> {
        let who = &self.home.crew.payer;
        let settlement_id = settlement_id.to_owned();
        let ask = compensation::ListStatementsRequest { settlement_id, page_size: 1_000, ..Default::default() };
        let mut client = StatementServiceClient::new(who.at.compensation.clone());
        client.list_statements(who.ask(ask)).await.expect("statements").into_inner().statements
    }

    /// What was paid, and what is carried.
    pub async fn paid(&self) -> Paid {
        let mut all = Paid { carried: self.carried().await, ..Default::default() };
        for (branch, _, settlement_id) in &self.posted {
            for one in self.statements(settlement_id).await {
                let amount = minor(one.amount.as_ref());
                assert!(amount >= 0, "a statement below zero: {one:?}");
                *all.paid.entry(self.number(&one.person_id)).or_default() += amount;
                all.alone += usize::from(one.lines.is_empty());
                for told in &one.adjustments {
                    let difference = minor(told.new.as_ref()) - minor(told.old.as_ref());
                    assert!(!told.why.is_empty() && difference != 0, "{told:?}");
                    all.adjusted += 1;
                    all.held_over += usize::from(minor(told.left.as_ref()) != 0);
                    let of = self.posted.iter().find(|(_, _, id)| *id == told.settlement_id).expect("one of these");
                    all.elsewhere += usize::from(of.0 != *branch);
                }
            }
        }
        for delta in self.deltas(compensation::ListDeltasRequest { waiting_only: true, ..Default::default() }).await {
            *all.left.entry(self.number(&delta.person_id)).or_default() += minor(delta.left.as_ref());
        }
        all
    }

    /// The accounts of odd cents, as the group takes them along.
    async fn carried(&self) -> BTreeMap<usize, i64> {
        let at = self.home.crew.auditor.at.clone();
        let who = Session::sign_in(&at, "archivist", PASSWORD).await.expect("a session");
        let mut client = compensation::privacy_service_client::PrivacyServiceClient::new(at.compensation);
        let ask = who.ask(common::ExportTenantRequest {});
        let mut pieces = client.export_tenant(ask).await.expect("an export").into_inner();
        let mut lines = Vec::new();
        while let Some(told) = pieces.message().await.expect("a piece") {
            let piece = told.piece.expect("a piece");
            if piece.table == "carry_books" {
                assert_eq!(piece.withheld, 0);
                lines.extend(piece.lines);
            }
        }
        let mut carried = BTreeMap::new();
        for line in String::from_utf8(lines).expect("text").lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            for (number, billionths) in row["book"]["balances"].as_object().expect("balances") {
                let n = number.strip_prefix("100").expect("a number").parse::<usize>().expect("a number");
                assert!(n < PEOPLE);
                *carried.entry(n).or_default() += billionths.as_i64().expect("billionths");
            }
        }
        carried
    }
}
