//! Records as attribution reads them: sessions, each with what refunds left of its amount.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;
use tally_engine::closing::collect::{Row as Collected, to_micro};
use tally_kernel::id::AccountId;
use tally_kernel::{Currency, Error, Kind, Micro, Result, msg};
use tally_store::{ScopedTx, to_db, word_from_db};

use super::super::domain::MeasureValue;
use super::super::domain::money::{Amounts, Converted};
use super::super::domain::overpaid::{Overpaid, Sum};
use super::{Column, Entity, Last, beyond, contributors_of, measures_of, version};

/// How records are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The account, and what errors call it.
    pub account: (AccountId, &'a str),
    /// Those that began in `from..to`.
    pub span: (i64, i64),
    /// Columns whose values are handed over beside the known ones.
    pub columns: &'a [String],
    /// Whether amounts are computed with, and in what.
    pub amounts: Amounts<'a>,
    /// As they were known at this instant, and not as they are.
    pub known_at: Option<Timestamp>,
}

/// What [`collect`] reads of a record.
#[derive(FromQueryResult)]
struct Chosen {
    started_ms: i64,
    ended_ms: i64,
    external_id: String,
    agent: String,
    kind: String,
    customer: String,
    first_reply_ms: Option<i64>,
    resolved: Option<bool>,
    rating_milli: Option<i32>,
    amount_minor: Option<i64>,
    measures: Option<String>,
    content: Vec<u8>,
    currency: Option<String>,
    contributors: Option<String>,
    device: Option<String>,
}

/// What [`collect`] reads of a refund.
#[derive(FromQueryResult)]
struct Refund {
    external_id: String,
    refers_to: Option<String>,
    amount_minor: Option<i64>,
    content: Vec<u8>,
    currency: Option<String>,
}

/// The next sessions of records or of their versions: the same columns of two tables.
macro_rules! sessions {
    ($query:expr, $column:ident, $reading:ident, $after:ident, $limit:ident) => {{
        let ((account, _), (from, to)) = ($reading.account, $reading.span);
        let query = $query.filter($column::AccountId.eq(account.0)).filter($column::StartedMs.lt(to));
        let query = match $after {
            None => query.filter($column::StartedMs.gte(from)),
            Some(last) => query.filter(beyond(last, $column::StartedMs, $column::ExternalId)),
        };
        let query = query.filter($column::RefersTo.is_null());
        let ordered = query.order_by_asc($column::StartedMs).order_by_asc($column::ExternalId).limit($limit);
        let chosen = ordered.rows_into::<Chosen>(|q| {
            let q = q.column($column::StartedMs).column($column::EndedMs).column($column::ExternalId);
            let q = q.column($column::Agent).column($column::Kind).column($column::Customer);
            let q = q.column($column::FirstReplyMs).column($column::Resolved).column($column::RatingMilli);
            let q = q.column($column::AmountMinor).column($column::Content).column($column::Currency);
            let q = q.column($column::Contributors).column($column::Device);
            if $reading.columns.is_empty() { q.without($column::Measures) } else { q.column($column::Measures) }
        });
        chosen.await?
    }};
}

/// The refunds of these sessions, from either table.
macro_rules! refunds {
    ($query:expr, $column:ident, $account:ident, $ids:ident) => {{
        let query = $query.filter($column::AccountId.eq($account.0)).filter($column::RefersTo.is_not_null());
        let query = query.filter($column::RefersTo.is_in($ids.iter().copied()));
        let chosen = query.rows_into::<Refund>(|q| {
            let q = q.column($column::ExternalId).column($column::RefersTo).column($column::AmountMinor);
            q.column($column::Content).column($column::Currency)
        });
        chosen.await?
    }};
}

/// What there is to tell of a session's amount.
#[derive(Clone, Debug, Default)]
pub struct Reckoned {
    /// By what its parts were converted.
    pub converted: Vec<Converted>,
    /// More was paid back than it brought.
    pub overpaid: Option<Overpaid>,
}

/// Hands over the next sessions, by start and external id, after the last one read, each with what there is to tell of its amount; or with
/// why its amount or a column cannot be computed with, which it has not then. The last one now, or nothing at the end.
pub async fn collect(
    tx: &ScopedTx,
    reading: &Reading<'_>,
    after: Option<&Last>,
    limit: u64,
    mut take: impl FnMut(&Collected<'_>, Result<Reckoned>) -> Result<()>,
) -> Result<Option<Last>> {
    use version::Column as Was;
    let mut rows = match reading.known_at {
        None => sessions!(tx.select::<Entity>(), Column, reading, after, limit),
        Some(at) => {
            let known = tx.select::<Entity>().filter(Column::RecordedAt.lte(to_db(at)));
            let mut rows = sessions!(known, Column, reading, after, limit);
            let known = tx.select::<version::Entity>().filter(version::known_at(at));
            rows.extend(sessions!(known, Was, reading, after, limit));
            rows.sort_by(|a, b| (a.started_ms, &a.external_id).cmp(&(b.started_ms, &b.external_id)));
            rows
        }
    };
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut refunds = refunds_of(tx, reading, &rows).await?;
    for row in &mut rows {
        let refunds = refunds.remove(&row.external_id).unwrap_or_default();
        let mut told = reckoned(row, &refunds, reading);
        if told.is_err() {
            row.amount_minor = None;
        }
        tell(&mut row.content, &refunds);
        let columns = measured((reading.account.1, &row.external_id), row.measures.as_deref(), reading.columns);
        let custom = columns.unwrap_or_else(|problem| {
            told = Err(problem);
            vec![None; reading.columns.len()]
        });
        let row = Collected {
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            external_id: &row.external_id,
            agent: &row.agent,
            contributors: &contributors_of(row.contributors.as_deref())?,
            kind: &row.kind,
            customer: &row.customer,
            first_reply_ms: row.first_reply_ms,
            resolved: row.resolved,
            rating_milli: row.rating_milli,
            amount_minor: row.amount_minor,
            custom: &custom,
            device: row.device.as_deref().unwrap_or_default(),
            content: &row.content,
        };
        take(&row, told)?;
    }
    let more = rows.len() as u64 == limit;
    Ok(rows.into_iter().next_back().filter(|_| more).map(|row| (row.started_ms, row.external_id)))
}

/// The refunds of these sessions that are known, by what they refer to, each session's by their external ids.
async fn refunds_of(tx: &ScopedTx, reading: &Reading<'_>, rows: &[Chosen]) -> Result<BTreeMap<String, Vec<Refund>>> {
    use version::Column as Was;
    let (account, _) = reading.account;
    let any = tx.select::<Entity>().filter(Column::AccountId.eq(account.0)).filter(Column::RefersTo.is_not_null());
    let any = any.limit(1).rows::<(Uuid, Uuid)>(|q| q.column(Column::Id).column(Column::AccountId));
    // Most accounts have none: one look instead of a list of thousands.
    if reading.known_at.is_none() && any.await?.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
    let found = match reading.known_at {
        None => refunds!(tx.select::<Entity>(), Column, account, ids),
        Some(at) => {
            let known = tx.select::<Entity>().filter(Column::RecordedAt.lte(to_db(at)));
            let mut found = refunds!(known, Column, account, ids);
            let known = tx.select::<version::Entity>().filter(version::known_at(at));
            found.extend(refunds!(known, Was, account, ids));
            found
        }
    };
    let mut refunds: BTreeMap<String, Vec<Refund>> = BTreeMap::new();
    for refund in found {
        refunds.entry(refund.refers_to.clone().unwrap_or_default()).or_default().push(refund);
    }
    refunds.values_mut().for_each(|of_one| of_one.sort_by(|a, b| a.external_id.cmp(&b.external_id)));
    Ok(refunds)
}

/// Makes of a session's amount what refunds left of it, in what is reckoned in.
fn reckoned(row: &mut Chosen, refunds: &[Refund], reading: &Reading<'_>) -> Result<Reckoned> {
    let is_plain = row.currency.is_none() && reading.amounts.are_of_the_group();
    if refunds.is_empty() && (is_plain || row.amount_minor.is_none()) {
        return Ok(Reckoned::default());
    }
    let brought = row.amount_minor;
    let own = row.amount_minor.map(|minor| (row.currency.as_deref(), minor));
    let back = refunds.iter().filter_map(|refund| Some((refund.currency.as_deref(), refund.amount_minor?)));
    let amounts: Vec<(Option<&str>, i64)> = own.into_iter().chain(back).collect();
    let foreign = amounts.iter().find_map(|(currency, _)| *currency);
    let (record, account) = (row.external_id.as_str(), reading.account.1);
    let refused = |message| Error::of(Kind::FailedPrecondition, message);
    let (minor, converted) = match (reading.amounts, foreign) {
        // Nobody computes with it, and nobody shall sum it by mistake.
        (Amounts::LeftOut, Some(_)) => (None, Vec::new()),
        (Amounts::OfTheGroup, Some(currency)) => {
            return Err(refused(msg!("RECORD_RATE_MISSING", currency, record, account)));
        }
        (Amounts::LeftOut | Amounts::OfTheGroup, None) => {
            (Some(amounts.iter().fold(0, |sum: i64, (_, minor)| sum.saturating_add(*minor))), Vec::new())
        }
        (Amounts::In(reckoning), _) => {
            let of = |(currency, minor): &(Option<&str>, i64)| -> Result<(Currency, i64)> {
                let said = currency.map(|code| word_from_db("a currency", code)).transpose()?;
                Ok((said.unwrap_or(reckoning.group), *minor))
            };
            let amounts: Vec<_> = amounts.iter().map(of).collect::<Result<_>>()?;
            let reckoned = reckoning.reckon(row.started_ms, amounts);
            let (minor, converted) = reckoned.map_err(|problem| refused(problem.message(record, account)))?;
            (Some(minor), converted)
        }
    };
    row.amount_minor = minor;
    // Where amounts are left out, those of one currency still tell.
    let first = amounts.first().map(|(currency, _)| *currency);
    let alike = amounts.iter().all(|(currency, _)| Some(*currency) == first);
    let sum = minor.or_else(|| alike.then(|| amounts.iter().fold(0, |sum, (_, minor)| minor.saturating_add(sum))));
    let is_over = !refunds.is_empty() && sum.is_some_and(|sum| sum < 0);
    let overpaid = is_over.then(|| overpaid(row, brought, refunds)).transpose()?;
    Ok(Reckoned { converted, overpaid })
}

fn overpaid(row: &Chosen, brought: Option<i64>, refunds: &[Refund]) -> Result<Overpaid> {
    let sum = |currency: &Option<String>, minor| -> Result<Sum> {
        Ok((currency.as_deref().map(|code| word_from_db("a currency", code)).transpose()?, minor))
    };
    let refund = |refund: &Refund| {
        let paid = refund.amount_minor.map(|minor| sum(&refund.currency, minor))?;
        Some(paid.map(|paid| (refund.external_id.clone(), paid)))
    };
    Ok(Overpaid {
        sale: row.external_id.clone(),
        brought: brought.map(|minor| sum(&row.currency, minor)).transpose()?,
        refunds: refunds.iter().filter_map(refund).collect::<Result<_>>()?,
    })
}

/// A session's digest tells its refunds too. Without any it stays to the byte as it is.
fn tell(content: &mut Vec<u8>, refunds: &[Refund]) {
    if refunds.is_empty() {
        return;
    }
    let mut hash = blake3::Hasher::new();
    hash.update(content);
    refunds.iter().for_each(|refund| {
        hash.update(&refund.content);
    });
    *content = hash.finalize().as_bytes().to_vec();
}

/// The values of these columns in a record's measures. One that is too large to compute with is told, not left out: any other
/// column may hold such numbers, since nobody sums an order's number.
fn measured((account, record): (&str, &str), measures: Option<&str>, columns: &[String]) -> Result<Vec<Option<Micro>>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let found = measures_of(measures)?;
    let value = |column: &String| match found.iter().find(|m| m.name == *column).map(|m| &m.value) {
        Some(MeasureValue::Number(number)) => to_micro(*number).map(Some).ok_or_else(|| {
            Error::of(Kind::FailedPrecondition, msg!("MEASURE_TOO_LARGE", column, record, account, value = number))
        }),
        Some(MeasureValue::Text(_)) | None => Ok(None),
    };
    columns.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use tally_kernel::message::Arg;

    use super::*;

    #[test]
    fn a_measure_that_cannot_be_read_or_computed_with_is_an_error_and_not_left_out() {
        let columns = ["qa".to_owned()];
        let value = |json: &str| measured(("JD/shop/a", "r1"), Some(json), &columns);
        assert_eq!(value(r#"[{"k":"qa","n":"1.5"}]"#).unwrap(), [Some("1.5".parse().unwrap())]);
        assert_eq!(value(r#"[{"k":"qa","t":"good"}]"#).unwrap(), [None]);
        assert_eq!(value(r#"[{"k":"order","n":"10000000000000"}]"#).unwrap(), [None], "nobody measures it");
        let large = value(r#"[{"k":"qa","n":"10000000000000"}]"#).unwrap_err();
        let told = ["column", "record", "account"].map(|name| large.message().args()[name].clone());
        assert_eq!(told, ["qa", "r1", "JD/shop/a"].map(|text| Arg::Text(text.to_owned())));
        assert_eq!(large.reason(), "MEASURE_TOO_LARGE");
        assert_eq!(value("[{").unwrap_err().kind(), Kind::Internal);
    }
}
