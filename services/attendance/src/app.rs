//! What the `app.rs` of every room stands on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tally_access::{OpContext, Permit, Rpc, Target};
use tally_app::directory::{Directory, People};
use tally_app::import;
use tally_kernel::id::PersonId;
use tally_kernel::import::{ImportOutcome, Keyed, Problem, refuse};
use tally_kernel::{Message, Result, msg};
use tally_privacy::{Removed, Terms};
use tally_runtime::Compute;
use tally_store::Store;

use crate::directory::Home;
use crate::errors::Refused;
use crate::peers::Peers;
use crate::placed::{About, Placed, Stored, keyed};

/// Longest names and keys, in characters.
pub const MAX_NAME: usize = tally_kernel::limits::TEXT;

/// What punches, hand-overs, shifts and their corrections are in the retention schedule.
pub const DUTY: &str = "attendance.duty";

/// What nicknames and devices are in it: both say whose a record is.
pub const ALIASES: &str = "attendance.aliases";

/// The store, the peers and the pool that every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    pub store: Store,
    pub peers: Peers,
    /// People and where they belong.
    pub directory: Directory,
    /// For work that keeps a core busy.
    pub compute: Compute,
    /// A month that was closed before is closed again: what was taken then is taken.
    pub replays: bool,
    /// Nothing is ever removed here.
    pub keeps_all: bool,
}

impl App {
    /// How long is kept what, where the oldest of some facts of a kind is so old that it matters.
    pub(crate) async fn terms(
        &self,
        ctx: &OpContext,
        kind: &'static str,
        oldest: Option<Timestamp>,
    ) -> Result<Option<Terms>> {
        let oldest = oldest.filter(|_| !self.keeps_all).map(|at| (kind, at));
        tally_privacy::terms_of_old(&self.peers.identity, ctx, oldest).await
    }

    /// Refuses rows that contradict what counts at their instant, or another row of it: which is right nobody can say. `of` is
    /// what a fact can be contradicted in, `why` the columns in which two do.
    pub(crate) fn without_contradictions<T: Keyed + About, G: Ord>(
        &self,
        rows: Vec<(u32, Placed<T>)>,
        there: &[Stored<T>],
        of: impl Fn(&T) -> G,
        why: impl Fn(&T, &T) -> Option<Message>,
        outcome: &mut ImportOutcome,
    ) -> Vec<(u32, Placed<T>)> {
        if self.replays {
            return rows;
        }
        let mut said: BTreeMap<(G, Timestamp), Vec<&T>> = BTreeMap::new();
        let counting = there.iter().filter(|stored| stored.counts()).map(|stored| &stored.placed);
        for fact in counting.chain(rows.iter().map(|(_, row)| row)).map(|row| &row.fact) {
            said.entry((of(fact), fact.at())).or_default().push(fact);
        }
        let contradicted = |row: &Placed<T>| {
            let others = said.get(&(of(&row.fact), row.fact.at()))?;
            others.iter().find_map(|other| why(&row.fact, other))
        };
        let found: BTreeMap<u32, Message> = rows.iter().filter_map(|(i, row)| Some((*i, contradicted(row)?))).collect();
        let good = rows.into_iter().filter(|(index, _)| !found.contains_key(index)).collect();
        outcome.problems.extend(found.into_iter().map(|(index, why)| Problem::new(index, "ALREADY_DIFFERENT", why)));
        good
    }

    /// The person who calls, and where what they do now belongs.
    pub(crate) async fn caller(&self, ctx: &OpContext) -> Result<(PersonId, Home)> {
        let id = ctx.actor.person().ok_or(Refused::NoPerson)?;
        let person = self.directory.person(ctx, id).await?;
        let home = person.home_at(ctx.now()).ok_or(Refused::NeverEmployed)?;
        Ok((id, home.into()))
    }
}

/// Places facts where their people were at the time; those of unknown people become problems.
pub fn place<T: About>(rows: Vec<(u32, T)>, people: &People, outcome: &mut ImportOutcome) -> Vec<(u32, Placed<T>)> {
    let mut placed = Vec::with_capacity(rows.len());
    for (index, fact) in rows {
        match people.get(fact.person()).and_then(|person| person.home_at(fact.at())) {
            Some(home) => placed.push((index, Placed { home: home.into(), fact })),
            None => outcome.problems.push(unknown_person(index, fact.person())),
        }
    }
    placed
}

/// Rows of an import where their people were.
pub type Rows<T> = Vec<(u32, Placed<T>)>;

/// The rows that the caller reaches, with the permit for all of them; `target` is what each is decided on. The others become problems.
///
/// # Errors
/// `PERMISSION_DENIED` for whoever may do none at all.
pub fn reached<R: Rpc, T>(
    ctx: &OpContext,
    rows: Rows<T>,
    outcome: &mut ImportOutcome,
    target: impl Fn(&Placed<T>) -> Target,
) -> Result<(Rows<T>, Permit<R>)> {
    let beyond = |index, _: &Placed<T>| Problem::new(index, "FACT_OUT_OF_REACH", msg!("FACT_OUT_OF_REACH"));
    import::reached(ctx, rows, outcome, |row| Ok(target(row)), beyond)
}

/// Refuses the rows that are not there and of which nothing would be kept: written, they would stand alone until retention runs next. `ends`
/// is whom they are about, if anybody, and the instant that their months count from. What is there, whatever it says, is judged as ever.
pub fn without_removed<T: Keyed, P: Into<Option<PersonId>>>(
    rows: Rows<T>,
    there: &[Stored<T>],
    (terms, kind, now): (Option<&Terms>, &'static str, Timestamp),
    ends: impl Fn(&T) -> (P, Timestamp),
    outcome: &mut ImportOutcome,
) -> Result<Rows<T>> {
    let removed = Removed::of(terms, kind, now);
    let known = keyed(there);
    refuse(rows, outcome, |index, row| {
        let (person, end) = ends(&row.fact);
        let gone = removed.before(person.into(), end)?.filter(|_| !known.contains_key(&row.key()));
        Ok(gone.map(|day| Problem::new(index, "PERIOD_PURGED", msg!("PERIOD_PURGED.row", day, kind))))
    })
}

/// A row about a person whom the group does not know.
pub fn unknown_person(index: u32, id: PersonId) -> Problem {
    Problem::new(index, "PERSON_UNKNOWN", msg!("PERSON_UNKNOWN", id))
}
