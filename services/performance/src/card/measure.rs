//! What everybody's shares add up to by measure, of a run that may have been made for another scheme.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tally_engine::closing::collect::{Row, Sums, half};
use tally_engine::closing::facts::Finding;
use tally_engine::closing::measured::{Added, Measuring, Taken, Takes};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_engine::scoring::definition::Value;
use tally_engine::scoring::{Sample, Scheme};
use tally_kernel::id::{AccountId, AttributionRunId, PersonId};
use tally_kernel::time::zone;
use tally_kernel::{Currency, Error, Kind, Micro, Result};
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

/// Whose sums are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// These people's; what lies in components that none of them is in is not read. Everybody's where none are named.
    pub people: Option<&'a BTreeSet<PersonId>>,
    /// Whether a record that cannot be computed with is refused only where one of them is credited with it, as for a cycle of a unit.
    pub alone: bool,
}

impl Whose<'_> {
    fn is_any(&self, mut among: impl Iterator<Item = PersonId>) -> bool {
        self.people.is_none_or(|people| among.any(|person| people.contains(&person)))
    }
}

/// What everybody's shares of a run add up to, the custom measures in the order of [`super::facts::names`], and what was converted. What
/// the run did not add up is read from the records again, with the credits as they are; so are sales in another currency than
/// the run's, and all of it where the run left some out.
///
/// # Errors
/// What the store says; `RUN_OUTDATED` where records are not any more what was credited; `MEASURE_TOO_LARGE` for a number that is not
/// computed with, `RECORD_RATE_MISSING` and `RUN_WITHOUT_RATES` for sales that are not.
pub async fn sums(
    tx: &ScopedTx,
    (run, came): (AttributionRunId, &runs::CameTo),
    scheme: &Scheme,
    whose: Whose<'_>,
) -> Result<(People, Told)> {
    let mut people = came.people.clone();
    let Some(of) = runs::load_if_there(tx, run).await? else { return Ok((people, Vec::new())) };
    let outcomes: HashMap<_, _> = came.outcomes.iter().cloned().collect();
    let complete = outcomes.values().all(|outcome| outcome.figures.unreckoned == 0);
    let (there, columns) = (if complete { of.columns.as_slice() } else { &[] }, customs(scheme));
    let missing: Vec<String> = columns.iter().filter(|column| !there.contains(column)).cloned().collect();
    let wanted = Wanted::of(scheme, missing, &of, complete)?;
    let again =
        if wanted.is_empty() { Again::default() } else { read_all(tx, (run, &outcomes), &wanted, whose).await? };
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
    /// Whether all sales are added up, since the run did not, or not in this currency, or left some out.
    sales: bool,
    /// Whether the run has told what was converted.
    told: bool,
    /// Whether a record of a customer counts by those of before.
    links: bool,
    /// What is reckoned in, where it is not the group's currency.
    currency: Option<Currency>,
    money: Option<KeptRates>,
}

impl Wanted {
    fn of(scheme: &Scheme, missing: Vec<String>, run: &AttributionRun, complete: bool) -> Result<Self> {
        let (takes, money) = (Takes::of(scheme), run.money.clone());
        let read = reads_amounts(scheme);
        // Before rates were kept, runs did not say in which currency they are.
        if read && scheme.currency.is_some() && money.is_none() {
            return Err(RunError::WithoutRates.into());
        }
        let currency = scheme.currency.filter(|currency| money.as_ref().is_some_and(|money| money.group != *currency));
        let told = run.amounts && currency.is_none();
        let sales = read && !(told && complete);
        let (amounts, links) = (takes.amounts() || sales, takes.links());
        let columns = missing.iter().chain(takes.columns()).cloned().collect();
        Ok(Self { missing, takes, columns, amounts, sales, told, links, currency, money })
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

impl Again {
    /// Adds a record to the sums of whoever is credited with it.
    fn add(&mut self, frozen: &Frozen, credit: &StoredCredit, row: &Read, wanted: &Wanted) -> Result<()> {
        for share in &credit.shares {
            let person = frozen.people.get(share.person as usize).map(|person| person.id);
            let person = person.ok_or_else(|| Error::internal("a share of nobody"))?;
            let more = self.people.entry(person).or_insert_with(|| More::new(wanted));
            let values = more.columns.iter_mut().zip(&row.values).chain([(&mut more.sales, &row.sale)]);
            values.for_each(|(sample, value)| value.iter().for_each(|value| sample.add(share.ppm, *value)));
            more.taken.add(share.ppm, &row.taken);
        }
        Ok(())
    }
}

async fn read_all(
    tx: &ScopedTx,
    (run, credited): (AttributionRunId, &HashMap<String, runs::RunOutcome>),
    wanted: &Wanted,
    whose: Whose<'_>,
) -> Result<Again> {
    let mut again = Again::default();
    for component in 0..runs::components(tx, run.0).await? {
        let frozen = runs::component(tx, run.0, component).await?;
        if !whose.is_any(frozen.people.iter().map(|person| person.id)) {
            continue;
        }
        for account in &frozen.accounts {
            let outdated = || Error::from(RunError::Outdated(account.key.clone()));
            let outcome = credited.get(&account.key).ok_or_else(outdated)?;
            let kept = AttributionRunId(outcome.credits);
            let contents = read(tx, kept, (&frozen, account), (wanted, whose), &mut again).await?;
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
    /// Why it cannot be computed with.
    problem: Option<Error>,
    /// Empty where nothing depends on it.
    customer: String,
}

/// What cannot be computed with on an account, of customers whose later records count by it.
struct Problems<'a> {
    whose: Whose<'a>,
    links: bool,
    of_customers: HashMap<String, Error>,
}

impl Problems<'_> {
    /// Lets a record pass where it may be that nobody's sum rests on it.
    fn pass(&self, told: Result<Reckoned>) -> Result<(Reckoned, Option<Error>)> {
        match told {
            Ok(told) => Ok((told, None)),
            Err(problem) if self.whose.alone && problem.kind() == Kind::FailedPrecondition => {
                Ok((Reckoned::default(), Some(problem)))
            }
            Err(problem) => Err(problem),
        }
    }

    /// Keeps in mind that later records of this customer cannot be computed with either.
    fn note(&mut self, customer: &str, problem: &Error) {
        if self.links && !customer.is_empty() {
            self.of_customers.entry(customer.to_owned()).or_insert_with(|| problem.clone());
        }
    }

    /// Refuses a record that somebody's sum rests on.
    fn refuse(&self, row: &Read, mut people: impl Iterator<Item = PersonId>) -> Result<()> {
        match row.problem.as_ref().or_else(|| self.of_customers.get(&row.customer)) {
            Some(problem) if self.whose.is_any(&mut people) => Err(problem.clone()),
            Some(_) | None => Ok(()),
        }
    }
}

/// Adds up an account's credits: the digest of the contents of what was read.
async fn read(
    tx: &ScopedTx,
    run: AttributionRunId,
    (frozen, account): (&Frozen, &FrozenAccount),
    (wanted, whose): (&Wanted, Whose<'_>),
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
    let mut problems = Problems { whose, links: wanted.links, of_customers: HashMap::new() };
    if wanted.takes.before_ms() > 0 {
        let span = (account.from_ms - wanted.takes.before_ms(), account.from_ms);
        // The run keeps rates of the days before for definitions alone, and nothing else takes these amounts.
        let amounts = if wanted.takes.amounts() { reading.amounts } else { Amounts::LeftOut };
        let before = Reading { span, columns: wanted.takes.columns(), amounts, ..reading };
        look_back(tx, &before, &mut measuring, &mut problems).await?;
    }
    let (mut last, mut contents, mut conversions) = (None, Vec::new(), Conversions::default());
    let mut waiting = Credits { waiting: VecDeque::new(), last: None, more: true };
    loop {
        let mut rows: Vec<Read> = Vec::new();
        let take = |row: &Row<'_>, told: Result<Reckoned>| {
            let (told, problem) = problems.pass(told)?;
            let (values, of_definitions) = row.custom.split_at(means);
            rows.push(Read {
                at: (row.started_ms, row.external_id.to_owned()),
                content: half(row.content),
                sale: row.value(&Value::Amount, digits).filter(|_| wanted.sales),
                values: values.to_vec(),
                taken: measuring.take(&Row { custom: of_definitions, ..*row }),
                problem,
                customer: if wanted.links { row.customer.to_owned() } else { String::new() },
            });
            conversions.add(&told.converted);
            Ok(())
        };
        last = record::facts::collect(tx, &reading, last.as_ref(), READ, take).await?;
        for row in rows {
            let at = (row.at.0, row.at.1.as_str());
            if let Some(problem) = &row.problem {
                problems.note(&row.customer, problem);
            }
            let Some(credit) = waiting.of(tx, run, account.id, at).await? else { continue };
            contents.extend_from_slice(&row.content);
            let credited = credit.shares.iter().filter_map(|share| frozen.people.get(share.person as usize));
            problems.refuse(&row, credited.map(|person| person.id))?;
            again.add(frozen, &credit, &row, wanted)?;
        }
        if last.is_none() {
            again.people.values_mut().for_each(|more| more.taken.end_account());
            if let Some(money) = wanted.money.as_ref().filter(|_| wanted.sales && !wanted.told) {
                let place = Place { region: account.region.clone(), unit: account.unit, person: None, left: None };
                again.told.extend(conversions.findings(&account.key, money).map(|finding| (place.clone(), finding)));
            }
            return Ok(*blake3::hash(&contents).as_bytes());
        }
    }
}

/// Looks at an account's records from before the period, which others may come after.
async fn look_back(
    tx: &ScopedTx,
    before: &Reading<'_>,
    measuring: &mut Measuring<'_>,
    problems: &mut Problems<'_>,
) -> Result<()> {
    let (mut last, mut more) = (None, true);
    while more {
        let take = |row: &Row<'_>, told: Result<Reckoned>| {
            if let (_, Some(problem)) = problems.pass(told)? {
                problems.note(row.customer, &problem);
            }
            measuring.before(row);
            Ok(())
        };
        last = record::facts::collect(tx, before, last.as_ref(), READ, take).await?;
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
            let page = credits(tx, (run.0, account), (None, None), after, READ).await?;
            self.more = page.len() as u64 == READ;
            self.last = page.last().map(|credit| (credit.started_ms, credit.external_id.clone()));
            self.waiting.extend(page);
        }
    }
}
