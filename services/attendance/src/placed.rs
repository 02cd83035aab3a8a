//! Facts about people, with the place where they belong and how they stand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use strum_macros::{Display, EnumString};
use tally_access::Target;
use tally_kernel::Message;
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_kernel::import::{ImportOutcome, Keyed};
use uuid::Uuid;

use crate::directory::Home;

/// A fact about a person, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// Region and unit at its time.
    pub home: Home,
    pub fact: T,
}

/// The kinds of facts that are put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Subject {
    Punch,
    Handover,
    Shift,
    Alias,
    Device,
}

/// The correction that put a fact out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Superseded {
    pub by: CorrectionId,
    /// Whether another fact stands in its place.
    pub moved: bool,
}

/// Which facts a list is asked for: of one person, of one account, or with neither of all; as known at an instant, or now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub person: Option<PersonId>,
    pub account: Option<AccountId>,
    pub known: Option<Timestamp>,
}

/// How a fact stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The correction that brought it; nothing for one that was recorded or brought in.
    pub correction: Option<CorrectionId>,
    /// The correction by which it counts no more.
    pub superseded: Option<Superseded>,
}

/// A fact that is there, counting or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    pub id: Uuid,
    pub placed: Placed<T>,
    pub standing: Standing,
}

impl<T> Stored<T> {
    /// As its row says: its id, region and unit, and the correction that brought it. Whether it counts is not said there.
    ///
    /// # Errors
    /// A fault of ours when the region is none.
    pub fn read(
        fact: T,
        id: Uuid,
        (region, unit): (&str, Option<Uuid>),
        correction: Option<Uuid>,
    ) -> tally_kernel::Result<Self> {
        let standing = Standing { correction: correction.map(CorrectionId), superseded: None };
        Ok(Self { id, placed: Placed { home: Home::stored(region, unit)?, fact }, standing })
    }

    /// The same with what is made of the fact.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Stored<U> {
        let Placed { home, fact } = self.placed;
        Stored { id: self.id, placed: Placed { home, fact: of(fact) }, standing: self.standing }
    }

    pub fn counts(&self) -> bool {
        self.standing.superseded.is_none()
    }
}

/// Of facts that are there, those that count, each with the correction that brought it.
pub fn counting<T>(facts: Vec<Stored<T>>) -> impl Iterator<Item = (T, Option<CorrectionId>)> {
    facts.into_iter().filter(Stored::counts).map(|row| (row.placed.fact, row.standing.correction))
}

/// Takes out the rows that are there as they are, whether they count or were put right since. A fact that was brought in
/// stays what it is: bringing it in once more does not bring it back.
pub fn without_known<T: Keyed>(
    rows: Vec<(u32, Placed<T>)>,
    there: &[Stored<T>],
    outcome: &mut ImportOutcome,
) -> Vec<(u32, Placed<T>)> {
    let mut known: BTreeMap<T::Key, Vec<(T::Content, bool)>> = BTreeMap::new();
    for stored in there {
        known.entry(stored.placed.key()).or_default().push((stored.placed.content(), stored.counts()));
    }
    let mut others = Vec::with_capacity(rows.len());
    for (index, row) in rows {
        let content = row.content();
        let same = known.get(&row.key()).into_iter().flatten().filter(|(said, _)| *said == content);
        match same.map(|(_, counts)| *counts).reduce(|one, other| one || other) {
            None => others.push((index, row)),
            Some(counts) => {
                outcome.unchanged += 1;
                outcome.put_right.extend((!counts).then_some(index));
            }
        }
    }
    others
}

/// What is there of each key, for [`reconcile`](tally_kernel::import::reconcile): what counts, else what did.
pub fn keyed<T: Keyed>(there: &[Stored<T>]) -> BTreeMap<T::Key, T::Content> {
    let of = |counts: bool| there.iter().filter(move |row| row.counts() == counts).map(|row| row.placed.known());
    of(false).chain(of(true)).collect()
}

/// A fact that tells whom it is about and when it was.
pub trait About {
    fn person(&self) -> PersonId;
    fn at(&self) -> Timestamp;
}

impl<T: Keyed> Keyed for Placed<T> {
    type Key = T::Key;
    type Content = T::Content;
    fn key(&self) -> T::Key {
        self.fact.key()
    }
    fn content(&self) -> T::Content {
        self.fact.content()
    }
    fn conflict(&self, other: &Self::Content) -> (&'static str, Message) {
        self.fact.conflict(other)
    }
}

impl<T: About> Placed<T> {
    /// What a permit is asked for.
    pub fn target(&self) -> Target {
        self.home.target(self.fact.person()).at(self.fact.at())
    }
}
