//! What everybody's shares add up to by measure, of a run that may have been made for another scheme.

use std::collections::{HashMap, VecDeque};

use tally_engine::closing::collect::{Row, Sums, half};
use tally_engine::closing::measured::{Added, Measuring, Taken, Takes};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_engine::scoring::{Sample, Scheme};
use tally_kernel::id::{AccountId, AttributionRunId, PersonId};
use tally_kernel::{Error, Micro, Result};
use tally_store::ScopedTx;

use super::facts::{customs, reads_amounts};
use crate::credit::facts::{StoredCredit, credits};
use crate::record;
use crate::record::facts::Reading;
use crate::run::domain::RunError;
use crate::run::facts as runs;

/// Records and credits read at once.
const READ: u64 = 20_000;

/// What everybody's shares of a run add up to, the custom measures in the order of [`super::facts::names`]. Those that the run did not add up are read
/// from the records again, with the credits as they are; so are sales, where the run left out what is in another currency.
///
/// # Errors
/// What the store says; `RUN_OUTDATED` where records are not any more what was credited; `MEASURE_TOO_LARGE` for a number that is not computed with, `RECORD_RATE_MISSING` for sales that are not.
pub async fn sums(tx: &ScopedTx, run: AttributionRunId, scheme: &Scheme) -> Result<Vec<(PersonId, Sums)>> {
    let mut people = runs::sums_of_people(tx, run.0).await?;
    let there = runs::columns(tx, run).await?;
    let Some((there, counted)) = there else { return Ok(people) };
    let columns = customs(scheme);
    let missing: Vec<String> = columns.iter().filter(|column| !there.contains(column)).cloned().collect();
    let wanted = Wanted::of(scheme, missing, counted);
    let more = if wanted.is_empty() { HashMap::new() } else { read_all(tx, run, &wanted).await? };
    let none = More::new(&wanted);
    for (person, sums) in &mut people {
        let found = more.get(person).unwrap_or(&none);
        let sample = |column: &String| {
            let known = there.iter().position(|name| name == column).and_then(|place| sums.custom.get(place));
            let read =
                || wanted.missing.iter().position(|name| name == column).and_then(|place| found.columns.get(place));
            known.or_else(read).copied().ok_or_else(|| Error::internal("a measure that nothing was added up of"))
        };
        let mut custom: Vec<Sample> = columns.iter().map(sample).collect::<Result<_>>()?;
        custom.extend(found.taken.samples());
        sums.custom = custom;
    }
    Ok(people)
}

/// What is read from records again.
struct Wanted {
    /// Columns whose mean is taken.
    missing: Vec<String>,
    takes: Takes,
    /// All columns: those, then those of the definitions.
    columns: Vec<String>,
    amounts: bool,
}

impl Wanted {
    fn of(scheme: &Scheme, missing: Vec<String>, counted: bool) -> Self {
        let takes = Takes::of(scheme);
        let amounts = takes.amounts() || (reads_amounts(scheme) && !counted);
        let columns = missing.iter().chain(takes.columns()).cloned().collect();
        Self { missing, takes, columns, amounts }
    }

    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.takes.is_empty() && !self.amounts
    }
}

/// What a person's shares of what was read again add up to.
struct More {
    columns: Vec<Sample>,
    taken: Added,
}

impl More {
    fn new(wanted: &Wanted) -> Self {
        Self { columns: vec![Sample::default(); wanted.missing.len()], taken: Added::new(&wanted.takes) }
    }
}

async fn read_all(tx: &ScopedTx, run: AttributionRunId, wanted: &Wanted) -> Result<HashMap<PersonId, More>> {
    let mut more = HashMap::new();
    let credited: HashMap<_, _> = runs::outcomes(tx, run.0).await?.into_iter().collect();
    for component in 0..runs::components(tx, run.0).await? {
        let frozen = runs::component(tx, run.0, component).await?;
        for account in &frozen.accounts {
            let outdated = || Error::from(RunError::Outdated(account.key.clone()));
            let outcome = credited.get(&account.key).ok_or_else(outdated)?;
            let kept = AttributionRunId(outcome.credits);
            let contents = read(tx, kept, (&frozen, account), wanted, &mut more).await?;
            if outcome.contents != Some(contents) {
                return Err(outdated());
            }
        }
    }
    Ok(more)
}

/// A record that was read again: where it stands among the others, its content, the values of the columns and what the definitions take.
type Read = ((i64, String), [u8; 16], Vec<Option<Micro>>, Vec<Option<Taken>>);

/// Adds up an account's credits: the digest of the contents of what was read.
async fn read(
    tx: &ScopedTx,
    run: AttributionRunId,
    (frozen, account): (&Frozen, &FrozenAccount),
    wanted: &Wanted,
    more: &mut HashMap<PersonId, More>,
) -> Result<[u8; 32]> {
    let (of, span) = ((account.id, account.key.as_str()), (account.from_ms, account.to_ms));
    let (columns, means) = (wanted.columns.as_slice(), wanted.missing.len());
    let reading = Reading { account: of, span, columns, amounts: wanted.amounts, known_at: None };
    let mut measuring = Measuring::new(&wanted.takes, account, frozen.period, frozen.minor_digits)?;
    if wanted.takes.before_ms() > 0 {
        let span = (account.from_ms - wanted.takes.before_ms(), account.from_ms);
        let before = Reading { span, columns: wanted.takes.columns(), ..reading };
        look_back(tx, &before, &mut measuring).await?;
    }
    let (mut last, mut contents) = (None, Vec::new());
    let mut waiting = Credits { waiting: VecDeque::new(), last: None, more: true };
    loop {
        let mut rows: Vec<Read> = Vec::new();
        let take = |row: &Row<'_>| {
            let (values, of_definitions) = row.custom.split_at(means);
            let taken = measuring.take(&Row { custom: of_definitions, ..*row });
            rows.push(((row.started_ms, row.external_id.to_owned()), half(row.content), values.to_vec(), taken));
        };
        last = record::facts::collect(tx, &reading, last.as_ref(), READ, take).await?;
        for ((started_ms, id), content, values, taken) in rows {
            let Some(credit) = waiting.of(tx, run, account.id, (started_ms, id.as_str())).await? else { continue };
            contents.extend_from_slice(&content);
            for share in &credit.shares {
                let person = frozen.people.get(share.person as usize).map(|person| person.id);
                let person = person.ok_or_else(|| Error::internal("a share of nobody"))?;
                let more = more.entry(person).or_insert_with(|| More::new(wanted));
                let values = more.columns.iter_mut().zip(&values);
                values.for_each(|(sample, value)| value.iter().for_each(|value| sample.add(share.ppm, *value)));
                more.taken.add(share.ppm, &taken);
            }
        }
        if last.is_none() {
            more.values_mut().for_each(|more| more.taken.end_account());
            return Ok(*blake3::hash(&contents).as_bytes());
        }
    }
}

/// Looks at an account's records from before the period, which others may come after.
async fn look_back(tx: &ScopedTx, before: &Reading<'_>, measuring: &mut Measuring<'_>) -> Result<()> {
    let (mut last, mut more) = (None, true);
    while more {
        last = record::facts::collect(tx, before, last.as_ref(), READ, |row| measuring.before(row)).await?;
        more = last.is_some();
    }
    Ok(())
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
