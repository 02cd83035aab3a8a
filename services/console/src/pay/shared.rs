//! What the pages of pay share: amounts and those that are hidden, who did a step, and the cycles and settlements by name.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::common::v1::Money;
use tally_api::compensation::v1::pool_service_client::PoolServiceClient;
use tally_api::compensation::v1::settlement_service_client::SettlementServiceClient;
use tally_api::compensation::v1::{ListPoolsRequest, ListSettlementsRequest, Pool, Settlement, SettlementState};
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{Cycle, ListCyclesRequest};
use tally_kernel::money::Currency;
use tally_kernel::{Error, Kind, Result, msg};

use super::names::{AT_ONCE, Named};
use crate::ui::Ui;
use crate::ui::table::Cell;
use crate::visit::Visit;

/// Letters of an id that set accounts apart whose names the reader may not read: the last ones are random.
const TAIL: usize = 4;

/// Cycles by id.
pub type Cycles = BTreeMap<String, Cycle>;

/// All cycles that the reader may see.
pub async fn cycles(visit: &Visit) -> Result<Cycles> {
    let client = CycleServiceClient::new(visit.channel("performance")?);
    let cycles = tally_rpc::pages(async |page_token| {
        let ask = ListCyclesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_cycles(visit.request(ask)).await?.into_inner();
        Ok((page.cycles, page.next_page_token))
    })
    .await?;
    Ok(cycles.into_iter().map(|cycle| (cycle.cycle_id.clone(), cycle)).collect())
}

/// All settlements that the reader may see, newest first.
pub async fn settlements(visit: &Visit) -> Result<Vec<Settlement>> {
    let client = SettlementServiceClient::new(visit.channel("compensation")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListSettlementsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_settlements(visit.request(ask)).await?.into_inner();
        Ok((page.settlements, page.next_page_token))
    })
    .await
}

/// All pools that the reader may see, newest first.
pub async fn pools(visit: &Visit) -> Result<Vec<Pool>> {
    let client = PoolServiceClient::new(visit.channel("compensation")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListPoolsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_pools(visit.request(ask)).await?.into_inner();
        Ok((page.pools, page.next_page_token))
    })
    .await
}

/// What a cycle is called, and its months.
pub fn cycle_name(ui: &Ui, cycles: &Cycles, id: &str) -> String {
    let Some(cycle) = cycles.get(id) else { return ui.t("UI_PAY_CYCLE_HIDDEN") };
    let period = cycle.period.as_ref().map(|it| ui.format.period(&it.from, &it.to)).unwrap_or_default();
    if cycle.name.is_empty() || cycle.name == period { period } else { cycle.name.clone() }
}

/// What a unit is called; none is the group.
pub fn unit_name(ui: &Ui, units: &BTreeMap<String, String>, id: &str) -> String {
    if id.is_empty() {
        return ui.t("UI_PAY_WHOLE_GROUP");
    }
    units.get(id).cloned().unwrap_or_else(|| ui.t("UI_PAY_UNIT_HIDDEN"))
}

/// What a person is called, whatever the reader may read of it.
pub fn person_name(ui: &Ui, named: Option<&Named>) -> String {
    let name = named.map(|it| it.name.clone()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| ui.t("UI_PAY_NAME_HIDDEN"))
}

/// An amount in whole units, to compute and to sort with.
pub fn decimal(money: &Money) -> Decimal {
    Decimal::new(money.minor, digits(&money.currency))
}

/// Digits behind the point of a currency.
pub fn digits(currency: &str) -> u32 {
    currency.parse().map_or(0, Currency::minor_digits)
}

/// An amount; what the reader may not read says so.
pub fn amount(ui: &Ui, money: Option<&Money>) -> String {
    money.map_or_else(|| ui.t("UI_PAY_HIDDEN"), |it| ui.format.money(it.minor, &it.currency))
}

/// An amount as a cell; one that never came stands as hidden.
pub fn cell(ui: &Ui, money: Option<&Money>) -> Cell {
    match money {
        Some(it) => Cell::number(ui.format.money(it.minor, &it.currency), decimal(it)),
        None => Cell::text(ui.t("UI_PAY_HIDDEN")),
    }
}

/// What a settlement pays beside its pool: nothing where it says none, and hidden where its pool is hidden too.
pub fn adjustments(it: &Settlement) -> Option<Money> {
    let none = || it.pool.as_ref().map(|pool| Money { currency: pool.currency.clone(), minor: 0 });
    it.adjustments.clone().or_else(none)
}

/// Refuses a page to whom its button is not shown; the rpc behind it would refuse too, after everything was filled in.
pub fn must(visit: &Visit, permission: Permission) -> Result<()> {
    if visit.me().may(permission) {
        return Ok(());
    }
    Err(Error::of(Kind::PermissionDenied, msg!("PERMISSION_DENIED")))
}

/// The code of an amount.
pub fn currency(money: Option<&Money>) -> String {
    money.map(|it| it.currency.clone()).unwrap_or_default()
}

/// The difference of two amounts of one currency.
pub fn difference(old: Option<&Money>, new: Option<&Money>) -> Option<Money> {
    let (old, new) = old.zip(new)?;
    let minor = new.minor.checked_sub(old.minor)?;
    (old.currency == new.currency).then(|| Money { currency: new.currency.clone(), minor })
}

/// Who took a step: the reader, a name where the reader may read it, or another account.
pub fn hands(ui: &Ui, logins: &BTreeMap<String, String>, principal: &str) -> String {
    if ui.me().is_some_and(|me| me.principal_id == principal) {
        return ui.t("UI_PAY_YOU");
    }
    if let Some(login) = logins.get(principal) {
        return login.clone();
    }
    let tail: String = principal.chars().skip(principal.chars().count().saturating_sub(TAIL)).collect();
    ui.say(&msg!("UI_PAY_ANOTHER_ACCOUNT", tail))
}

/// The tone of a settlement's state.
pub fn tone(state: SettlementState) -> &'static str {
    match state {
        SettlementState::Draft => "warn",
        SettlementState::Approved => "accent",
        SettlementState::Posted => "good",
        _ => "plain",
    }
}

/// What a settlement is called: its cycle and its unit.
pub fn settlement_name(ui: &Ui, it: &Settlement, cycles: &Cycles, units: &BTreeMap<String, String>) -> String {
    format!("{} · {}", cycle_name(ui, cycles, &it.cycle_id), unit_name(ui, units, &it.unit_id))
}

/// A step of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub tone: &'static str,
    /// When, or empty.
    pub when: String,
    pub said: String,
    /// Who.
    pub by: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_of_one_currency() {
        let of = |currency: &str, minor| Money { currency: currency.to_owned(), minor };
        let (old, new) = (of("CNY", 97_780), of("CNY", 116_857));
        assert_eq!(difference(Some(&old), Some(&new)), Some(of("CNY", 19_077)));
        assert_eq!(difference(Some(&old), Some(&of("EUR", 1))), None);
        assert_eq!(difference(None, Some(&new)), None);
        assert_eq!(decimal(&of("JPY", 5_000)).to_string(), "5000");
        assert_eq!(decimal(&of("KWD", 5_000)).to_string(), "5.000");
    }
}
