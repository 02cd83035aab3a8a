//! What everybody's shares add up to by measure, of a run that may have been made for another scheme.

use std::collections::{HashMap, VecDeque};

use tally_engine::closing::collect::{Row, Sums, half};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_engine::scoring::Sample;
use tally_kernel::id::{AccountId, AttributionRunId, PersonId};
use tally_kernel::{Error, Micro, Result};
use tally_store::ScopedTx;

use crate::credit::facts::{StoredCredit, credits};
use crate::record;
use crate::record::facts::Reading;
use crate::run::domain::RunError;
use crate::run::facts as runs;

/// Records and credits read at once.
const READ: u64 = 20_000;

/// What everybody's shares of a run add up to, the custom measures in the order of `columns`. Those that the run did not add up are read
/// from the records again, with the credits as they are; so are sales, where the run left out what is in another currency.
///
/// # Errors
/// What the store says; `RUN_OUTDATED` where records are not any more what was credited; `MEASURE_TOO_LARGE` for a number that is not computed with, `RECORD_RATE_MISSING` for sales that are not.
pub async fn sums(
    tx: &ScopedTx,
    run: AttributionRunId,
    columns: &[String],
    amounts: bool,
) -> Result<Vec<(PersonId, Sums)>> {
    let mut people = runs::sums_of_people(tx, run.0).await?;
    let there = runs::columns(tx, run).await?;
    let Some((there, counted)) = there else { return Ok(people) };
    let amounts = amounts && !counted;
    let missing: Vec<String> = columns.iter().filter(|column| !there.contains(column)).cloned().collect();
    let mut more: HashMap<PersonId, Vec<Sample>> = HashMap::new();
    if amounts || !missing.is_empty() {
        let credited: HashMap<_, _> = runs::outcomes(tx, run.0).await?.into_iter().collect();
        for component in 0..runs::components(tx, run.0).await? {
            let frozen = runs::component(tx, run.0, component).await?;
            for account in &frozen.accounts {
                let outdated = || Error::from(RunError::Outdated(account.key.clone()));
                let outcome = credited.get(&account.key).ok_or_else(outdated)?;
                let kept = AttributionRunId(outcome.credits);
                let contents = read(tx, kept, (&frozen, account), (&missing, amounts), &mut more).await?;
                if outcome.contents != Some(contents) {
                    return Err(outdated());
                }
            }
        }
    }
    let none = vec![Sample::default(); missing.len()];
    for (person, sums) in &mut people {
        let found = more.get(person).unwrap_or(&none);
        let sample = |column: &String| {
            let known = there.iter().position(|name| name == column).and_then(|place| sums.custom.get(place));
            let read = || missing.iter().position(|name| name == column).and_then(|place| found.get(place));
            known.or_else(read).copied().ok_or_else(|| Error::internal("a measure that nothing was added up of"))
        };
        sums.custom = columns.iter().map(sample).collect::<Result<_>>()?;
    }
    Ok(people)
}

/// A record that was read again: where it stands among the others, its content and the values of the columns.
type Read = ((i64, String), [u8; 16], Vec<Option<Micro>>);

/// Adds up these columns over an account's credits: the digest of the contents of what was read.
async fn read(
    tx: &ScopedTx,
    run: AttributionRunId,
    (frozen, account): (&Frozen, &FrozenAccount),
    (columns, amounts): (&[String], bool),
    more: &mut HashMap<PersonId, Vec<Sample>>,
) -> Result<[u8; 32]> {
    let (of, span) = ((account.id, account.key.as_str()), (account.from_ms, account.to_ms));
    let reading = Reading { account: of, span, columns, amounts, known_at: None };
    let (mut last, mut contents) = (None, Vec::new());
    let mut waiting = Credits { waiting: VecDeque::new(), last: None, more: true };
    loop {
        let mut rows: Vec<Read> = Vec::new();
        let take = |row: &Row<'_>| {
            rows.push(((row.started_ms, row.external_id.to_owned()), half(row.content), row.custom.to_vec()));
        };
        last = record::facts::collect(tx, &reading, last.as_ref(), READ, take).await?;
        for ((started_ms, id), content, values) in rows {
            let Some(credit) = waiting.of(tx, run, account.id, (started_ms, id.as_str())).await? else { continue };
            contents.extend_from_slice(&content);
            for share in &credit.shares {
                let person = frozen.people.get(share.person as usize).map(|person| person.id);
                let person = person.ok_or_else(|| Error::internal("a share of nobody"))?;
                let samples = more.entry(person).or_insert_with(|| vec![Sample::default(); columns.len()]);
                let values = samples.iter_mut().zip(&values);
                values.for_each(|(sample, value)| value.iter().for_each(|value| sample.add(share.ppm, *value)));
            }
        }
        if last.is_none() {
            return Ok(*blake3::hash(&contents).as_bytes());
        }
    }
}

/// The credits of an account, in the order of its records.
struct Credits {
    waiting: VecDeque<StoredCredit>,
    last: Option<(i64, String)>,
    more: bool,
}

impl Credits {
    /// The credit of a record; nothing of one that came after the run.
    async fn of(
        &mut self,
        tx: &ScopedTx,
        run: AttributionRunId,
        account: AccountId,
        record: (i64, &str),
    ) -> Result<Option<StoredCredit>> {
        loop {
            while let Some(next) = self.waiting.front() {
                match (next.started_ms, next.external_id.as_str()).cmp(&record) {
                    std::cmp::Ordering::Less => drop(self.waiting.pop_front()),
                    std::cmp::Ordering::Equal => return Ok(self.waiting.pop_front()),
                    std::cmp::Ordering::Greater => return Ok(None),
                }
            }
            if !self.more {
                return Ok(None);
            }
            let after = self.last.as_ref().map(|(ms, id)| (*ms, id.as_str()));
            let page = credits(tx, run.0, account, after, READ).await?;
            self.more = page.len() as u64 == READ;
            self.last = page.last().map(|credit| (credit.started_ms, credit.external_id.clone()));
            self.waiting.extend(page);
        }
    }
}
