//! What everybody's shares add up to by measure, of a run that may have been made for another scheme.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tally_engine::closing::collect::{Row, Sums, half};
use tally_engine::closing::facts::Finding;
use tally_engine::closing::measured::{Added, Measuring, Taken, Takes};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_engine::scoring::definition::{Of, Value};
use tally_engine::scoring::{Sample, Scheme};
use tally_kernel::id::{AccountId, AttributionRunId, PersonId};
use tally_kernel::time::zone;
use tally_kernel::{Currency, Error, Micro, Result};
use tally_store::ScopedTx;

use super::facts::{customs, reads_amounts};
use crate::credit::facts::{Place, StoredCredit, credits};
use crate::record;
use crate::record::domain::money::{Amounts, Conversions, KeptRates, Reckoning};
use crate::record::facts::{Reading, Reckoned};
use crate::run::domain::{AttributionRun, RunError};
use crate::run::facts as runs;

/// Records and credits read at once.
const READ: u64 = 20_000;

/// What everybody's shares of a run add up to, the custom measures in the order of [`super::facts::names`], and what was converted. What
/// the run did not add up is read from the records again, with the credits as they are; so are sales in another currency than
/// the run's, or where the run left some out. Of a population, what lies in components that none of it is in is not read: nothing of it counts,
/// but for teams, which have members beside it.
///
/// # Errors
/// What the store says; `RUN_OUTDATED` where records are not any more what was credited; `MEASURE_TOO_LARGE` for a number that is not
/// computed with, `RECORD_RATE_MISSING` and `RUN_WITHOUT_RATES` for sales that are not.
pub async fn sums(
    tx: &ScopedTx,
    run: AttributionRunId,
    scheme: &Scheme,
    population: Option<&BTreeSet<PersonId>>,
) -> Result<(People, Told)> {
    let mut people = runs::sums_of_people(tx, run.0).await?;
    let Some(of) = runs::load_if_there(tx, run).await? else { return Ok((people, Vec::new())) };
    let (there, columns) = (&of.columns, customs(scheme));
    let missing: Vec<String> = columns.iter().filter(|column| !there.contains(column)).cloned().collect();
    let wanted = Wanted::of(scheme, missing, &of)?;
    let has_teams = scheme.measures.iter().any(|definition| matches!(definition.of, Of::Team(_)));
    let population = population.filter(|_| !has_teams);
    let again = if wanted.is_empty() { Again::default() } else { read_all(tx, run, &wanted, population).await? };
    let none = More::new(&wanted);
    for (person, sums) in &mut people {
        let found = again.people.get(person).unwrap_or(&none);
        if wanted.sales {
            sums.amount = found.sales;
        }
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
    Ok((people, again.told))
}

type People = Vec<(PersonId, Sums)>;
type Told = Vec<(Place, Finding)>;

/// What is read from records again.
struct Wanted {
    /// Columns whose mean is taken.
    missing: Vec<String>,
    takes: Takes,
    /// All columns: those, then those of the definitions.
    columns: Vec<String>,
    amounts: bool,
    /// Whether all sales are added up, since the run did not, or not in this currency.
    sales: bool,
    /// What is reckoned in, where it is not the group's currency.
    currency: Option<Currency>,
    money: Option<KeptRates>,
}

impl Wanted {
    fn of(scheme: &Scheme, missing: Vec<String>, run: &AttributionRun) -> Result<Self> {
        let (takes, money) = (Takes::of(scheme), run.money.clone());
        let read = reads_amounts(scheme);
        // Before rates were kept, runs did not say in which currency they are.
        if read && scheme.currency.is_some() && money.is_none() {
            return Err(RunError::WithoutRates.into());
        }
        let currency = scheme.currency.filter(|currency| money.as_ref().is_some_and(|money| money.group != *currency));
        let sales = read && !(run.amounts && currency.is_none());
        let amounts = takes.amounts() || sales;
        let columns = missing.iter().chain(takes.columns()).cloned().collect();
        Ok(Self { missing, takes, columns, amounts, sales, currency, money })
    }

    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.takes.is_empty() && !self.amounts
    }

    /// What an account's amounts are converted by, if any are read.
    fn reckoning(&self, account: &FrozenAccount) -> Result<Option<Reckoning>> {
        let Some(money) = self.money.as_ref().filter(|_| self.amounts) else { return Ok(None) };
        Ok(Some(money.reckoning(self.currency, zone(&account.zone)?)))
    }
}

/// What a person's shares of what was read again add up to.
struct More {
    sales: Sample,
    columns: Vec<Sample>,
    taken: Added,
}

impl More {
    fn new(wanted: &Wanted) -> Self {
        let columns = vec![Sample::default(); wanted.missing.len()];
        Self { sales: Sample::default(), columns, taken: Added::new(&wanted.takes) }
    }
}

/// All that was read again.
#[derive(Default)]
struct Again {
    people: HashMap<PersonId, More>,
    /// What was converted that the run did not tell of.
    told: Told,
}

async fn read_all(
    tx: &ScopedTx,
    run: AttributionRunId,
    wanted: &Wanted,
    population: Option<&BTreeSet<PersonId>>,
) -> Result<Again> {
    let mut again = Again::default();
    let credited: HashMap<_, _> = runs::outcomes(tx, run.0).await?.into_iter().collect();
    for component in 0..runs::components(tx, run.0).await? {
        let frozen = runs::component(tx, run.0, component).await?;
        if population.is_some_and(|people| !frozen.people.iter().any(|person| people.contains(&person.id))) {
            continue;
        }
        for account in &frozen.accounts {
            let outdated = || Error::from(RunError::Outdated(account.key.clone()));
            let outcome = credited.get(&account.key).ok_or_else(outdated)?;
            let kept = AttributionRunId(outcome.credits);
            let contents = read(tx, kept, (&frozen, account), wanted, &mut again).await?;
            if outcome.contents != Some(contents) {
                return Err(outdated());
            }
        }
    }
    Ok(again)
}

/// A record that was read again.
struct Read {
    /// Where it stands among the others.
    at: (i64, String),
    content: [u8; 16],
    sale: Option<Micro>,
    /// Values of columns.
    values: Vec<Option<Micro>>,
    /// What the definitions take.
    taken: Vec<Option<Taken>>,
}

/// Adds up an account's credits: the digest of the contents of what was read.
async fn read(
    tx: &ScopedTx,
    run: AttributionRunId,
    (frozen, account): (&Frozen, &FrozenAccount),
    wanted: &Wanted,
    again: &mut Again,
) -> Result<[u8; 32]> {
    let (of, span) = ((account.id, account.key.as_str()), (account.from_ms, account.to_ms));
    let (columns, means) = (wanted.columns.as_slice(), wanted.missing.len());
    let reckoning = wanted.reckoning(account)?;
    let amounts = match &reckoning {
        Some(reckoning) => Amounts::In(reckoning),
        None if wanted.amounts => Amounts::OfTheGroup,
        None => Amounts::LeftOut,
    };
    let digits = wanted.currency.map_or(frozen.minor_digits, Currency::minor_digits);
    let reading = Reading { account: of, span, columns, amounts, known_at: None };
    let mut measuring = Measuring::new(&wanted.takes, account, frozen.period, digits)?;
    if wanted.takes.before_ms() > 0 {
        let span = (account.from_ms - wanted.takes.before_ms(), account.from_ms);
        // The run keeps rates of the days before for definitions alone, and nothing else takes these amounts.
        let amounts = if wanted.takes.amounts() { reading.amounts } else { Amounts::LeftOut };
        let before = Reading { span, columns: wanted.takes.columns(), amounts, ..reading };
        look_back(tx, &before, &mut measuring).await?;
    }
    let (mut last, mut contents, mut conversions) = (None, Vec::new(), Conversions::default());
    let mut waiting = Credits { waiting: VecDeque::new(), last: None, more: true };
    loop {
        let mut rows: Vec<Read> = Vec::new();
        let take = |row: &Row<'_>, told: Reckoned| {
            let (values, of_definitions) = row.custom.split_at(means);
            rows.push(Read {
                at: (row.started_ms, row.external_id.to_owned()),
                content: half(row.content),
                sale: row.value(&Value::Amount, digits).filter(|_| wanted.sales),
                values: values.to_vec(),
                taken: measuring.take(&Row { custom: of_definitions, ..*row }),
            });
            conversions.add(&told.converted);
        };
        last = record::facts::collect(tx, &reading, last.as_ref(), READ, take).await?;
        for row in rows {
            let at = (row.at.0, row.at.1.as_str());
            let Some(credit) = waiting.of(tx, run, account.id, at).await? else { continue };
            contents.extend_from_slice(&row.content);
            for share in &credit.shares {
                let person = frozen.people.get(share.person as usize).map(|person| person.id);
                let person = person.ok_or_else(|| Error::internal("a share of nobody"))?;
                let more = again.people.entry(person).or_insert_with(|| More::new(wanted));
                let values = more.columns.iter_mut().zip(&row.values).chain([(&mut more.sales, &row.sale)]);
                values.for_each(|(sample, value)| value.iter().for_each(|value| sample.add(share.ppm, *value)));
                more.taken.add(share.ppm, &row.taken);
            }
        }
        if last.is_none() {
            again.people.values_mut().for_each(|more| more.taken.end_account());
            if let Some(money) = wanted.money.as_ref().filter(|_| wanted.sales) {
                let place = Place { region: account.region.clone(), unit: account.unit, person: None };
                again.told.extend(conversions.findings(&account.key, money).map(|finding| (place.clone(), finding)));
            }
            return Ok(*blake3::hash(&contents).as_bytes());
        }
    }
}

/// Looks at an account's records from before the period, which others may come after.
async fn look_back(tx: &ScopedTx, before: &Reading<'_>, measuring: &mut Measuring<'_>) -> Result<()> {
    let (mut last, mut more) = (None, true);
    while more {
        last = record::facts::collect(tx, before, last.as_ref(), READ, |row, _| measuring.before(row)).await?;
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
