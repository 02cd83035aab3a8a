//! What a settlement takes of amounts that were put right after they were posted.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Region};
use tally_app::directory::People;
use tally_kernel::id::{DeltaId, OrgUnitId, PersonId};
use tally_kernel::{Error, Result};
use tally_store::UnitOfWork;

use crate::correction::domain::{Adjusted, Next, Outstanding, next};
use crate::correction::facts::{self, Now, Waiting};
use crate::pool::domain::Pool;
use crate::settlement::domain::{Beyond, Filed, Settlement, SettlementError};
use crate::statement;
use crate::statement::domain::{Belonged, Heading};
use crate::statement::facts::NewStatement;

/// Who belongs where: on the last day of the cycle, and by now; and by which cards.
pub(crate) struct Known<'a> {
    pub(crate) now: &'a Now,
    pub(crate) last_day: Date,
    /// The version of the cards; 0 where none says one.
    pub(crate) cards_version: u32,
}

impl Known<'_> {
    fn home(&self, person: PersonId) -> Option<Belonged> {
        let home = self.now.people.get(person)?.home(self.last_day)?;
        Some(Belonged::of(home, self.last_day))
    }
}

/// A settlement together with the deltas that it takes.
pub(crate) struct Taking {
    next: Next,
    waited: BTreeMap<DeltaId, Waiting>,
    /// The unit that pays; nothing of the group.
    payer: Option<(Region, OrgUnitId)>,
    /// When it was asked who belongs where. What is taken is kept with the settlement: whoever moves later changes nothing in it.
    pub(crate) at: Timestamp,
    /// The version of the cards that the pool is split by; 0 where none says one.
    pub(crate) cards_version: u32,
}

impl Taking {
    /// What a settlement takes of all that waits in its currency.
    pub(crate) async fn of(work: &UnitOfWork, pool: &Pool, split: &Settlement, known: &Known<'_>) -> Result<Self> {
        let waiting = facts::waiting(work, split.pool.currency).await?;
        let payer = pool.owner.unit().map(|unit| (pool.owner.region().clone(), unit));
        let with_line: HashSet<PersonId> = split.lines.iter().map(|line| line.person).collect();
        let pays = |one: &Outstanding| {
            let person = one.delta.who.person;
            let belongs = known.now.belongs(person);
            one.is_paid_by(&pool.owner, belongs.as_ref().map(|belongs| &belongs.below), with_line.contains(&person))
        };
        let outstanding = waiting.iter().map(|one| numbered(&one.outstanding, &known.now.people));
        let next = next(outstanding.collect(), split, pays)?;
        let waited = waiting.into_iter().map(|one| (one.outstanding.id, one)).collect();
        Ok(Self { next, waited, payer, at: known.now.at, cards_version: known.cards_version })
    }

    /// What a settlement took, derived once more of what waited then.
    pub(super) fn again(next: Next, waiting: Vec<Waiting>, known: &Known<'_>) -> Self {
        let waited = waiting.into_iter().map(|one| (one.outstanding.id, one)).collect();
        Self { next, waited, payer: None, at: known.now.at, cards_version: known.cards_version }
    }

    /// Everybody with a statement, by employee number.
    pub(crate) fn people(&self) -> &[Adjusted] {
        &self.next.people
    }

    /// What statements pay beside the pool; nothing where nothing is taken.
    pub(crate) fn adjusted_minor(&self) -> Result<Option<i64>> {
        let mut taken = self.people().iter().flat_map(|one| &one.adjustments).map(|one| one.minor).peekable();
        if taken.peek().is_none() {
            return Ok(None);
        }
        let sum = taken.try_fold(0_i64, i64::checked_add);
        Ok(Some(sum.ok_or(SettlementError::TooLarge(Beyond::Pool))?))
    }

    /// What is taken as a digest takes it: employee number, the amounts, what was left, and what the correction rests on.
    pub(crate) fn told(&self) -> Vec<(&str, i64, i64, i64, &str)> {
        let taken = self.people().iter().flat_map(|one| &one.adjustments).map(|one| {
            let (of, rests_on) = (&one.of, self.waited.get(&one.of.id).map(|waited| waited.inputs_digest.as_str()));
            let number = of.delta.who.employee_no.as_str();
            (number, of.delta.old_minor, of.delta.new_minor, of.left_minor, rests_on.unwrap_or_default())
        });
        taken.collect()
    }

    /// Writes the statements, and holds what they take.
    pub(crate) async fn write(
        &self,
        work: &UnitOfWork,
        ctx: &OpContext,
        of: &Heading,
        known: &Known<'_>,
    ) -> Result<()> {
        let statement = |one: &Adjusted| {
            let (person, line) = (one.who.person, one.line.clone());
            Ok(NewStatement { person, line, place: self.place(one, known)? })
        };
        let statements = self.people().iter().map(statement).collect::<Result<Vec<_>>>()?;
        statement::facts::insert_all(work, ctx, of, statements).await?;
        facts::hold(work, ctx, of, self.people(), |one| self.place(one, known)).await
    }

    /// Where somebody belongs on the last day of the cycle; of whom identity knows no more, where the person belonged once. What has no line is
    /// of the unit that pays it: the person's own may have hung elsewhere on that day, or hang elsewhere by now, and may not tell others of it.
    fn place(&self, one: &Adjusted, known: &Known<'_>) -> Result<Belonged> {
        let before = || one.adjustments.first().and_then(|taken| self.waited.get(&taken.of.id));
        let before = || before().map(|waited| Belonged::unit(waited.place.clone()));
        let payer = self.payer.clone().filter(|_| one.line.is_none()).map(Belonged::unit);
        let place = payer.or_else(|| known.home(one.who.person)).or_else(before);
        place.ok_or_else(|| Error::internal("a line of nobody whom identity knows"))
    }
}

/// The same under the number that the person has now.
fn numbered(one: &Outstanding, people: &People) -> Outstanding {
    let mut one = one.clone();
    if let Some(known) = people.get(one.delta.who.person) {
        one.delta.who.employee_no.clone_from(&known.employee_no);
    }
    one
}

/// What a settlement that is about to be posted held is settled, after it was checked once more: the sum is that of the draft, and
/// no statement falls below zero.
pub(super) async fn settle(work: &UnitOfWork, ctx: &OpContext, filed: &Filed, split: &Settlement) -> Result<()> {
    let mut paid = facts::settle(work, filed.id, ctx.now()).await?;
    let sum = paid.values().map(|minor| i128::from(*minor)).sum::<i128>();
    for line in &split.lines {
        if let Some(minor) = paid.get_mut(&line.person) {
            *minor = minor.checked_add(line.minor).ok_or(SettlementError::TooLarge(Beyond::Pool))?;
        }
    }
    let below = paid.values().any(|minor| *minor < 0);
    if below || sum != i128::from(filed.sums.adjusted_minor.unwrap_or_default()) {
        return Err(SettlementError::Broken("what is put right is not what was drafted".to_owned()).into());
    }
    Ok(())
}
