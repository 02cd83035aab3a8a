//! What a replay compares, and where what is stored is not what was derived. Pure.

use std::collections::BTreeMap;

use tally_engine::attribution::Rung;
use tally_engine::closing::codec::{Share, decode, decode_why};
use tally_engine::closing::collect::Sums;
use tally_engine::closing::credit::rung_of;
use tally_engine::closing::snapshot::Frozen;
use tally_engine::scoring::{ScoreCard, difference};
use tally_kernel::id::{AccountId, CycleId, PersonId};
use tally_kernel::{Message, Micro, msg};

use crate::credit::facts::Decided;
use crate::cycle::domain::Summary;

/// Differences that are told; of the others how many there are.
pub const NAMED: usize = 100;

/// What a difference is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A record's credit: the account and the platform's own id; the whole account where that is empty.
    Credit(AccountId, String),
    /// What somebody's shares add up to.
    Sum(PersonId),
    Card(PersonId),
    /// The figures of the cycle.
    Cycle,
}

/// To whom a record is credited, and how sure that is; nothing of what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditedAs {
    pub rung: Option<Rung>,
    /// Whom, with millionths.
    pub shares: Vec<(PersonId, u32)>,
    /// Why nobody.
    pub reason: String,
}

/// Where what is stored is not what was derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub of: Of,
    /// A credit as it is stored, and as it was derived.
    pub credits: (Option<CreditedAs>, Option<CreditedAs>),
    /// Anything else as it is stored, and as it was derived.
    pub words: (Option<Message>, Option<Message>),
    /// What is different, sentence by sentence.
    pub said: Vec<Message>,
}

impl Difference {
    fn of(of: Of) -> Self {
        Self { of, credits: (None, None), words: (None, None), said: Vec::new() }
    }
}

/// The first differences, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    pub count: u64,
    pub first: Vec<Difference>,
}

impl Differences {
    fn push(&mut self, one: impl FnOnce() -> Difference) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(one());
        }
    }
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub cycle: CycleId,
    /// Credits that were compared.
    pub credits: u64,
    pub cards: u32,
    /// Of all inputs and results of the cycle, hex: then, and as derived now.
    pub digests: (String, String),
    /// Of all credits.
    pub credits_digests: (String, String),
    pub differences: Differences,
}

/// What is decided about a record, on either side.
type Sides<'a> = (Option<Decided<'a>>, Option<Decided<'a>>);

impl Differences {
    /// A record of an account whose people are these: its credit as it is stored, and as it was derived.
    pub fn credit(&mut self, (account, external_id): (AccountId, &str), frozen: &Frozen, sides: Sides<'_>) {
        if sides.0 == sides.1 {
            return;
        }
        self.push(|| {
            let (stored, derived) = (sides.0.map(|it| credited(frozen, it)), sides.1.map(|it| credited(frozen, it)));
            let mut said = Vec::new();
            if sides.0.is_some_and(|(.., shares, why)| {
                decode(shares).is_none() || why.is_some_and(|why| decode_why(why).is_none())
            }) {
                said.push(msg!("REPLAY_UNREADABLE"));
            } else if stored == derived {
                said.push(msg!("REPLAY_REASON_OTHER"));
            } else if stored.is_none() {
                said.push(msg!("REPLAY_NOT_STORED"));
            } else if derived.is_none() {
                said.push(msg!("REPLAY_NOT_DERIVED"));
            }
            let of = Of::Credit(account, external_id.to_owned());
            Difference { credits: (stored, derived), said, ..Difference::of(of) }
        });
    }

    /// An account whose figures are not what its credits come to.
    pub fn account(&mut self, account: AccountId) {
        let said = vec![msg!("REPLAY_ACCOUNT_FIGURES")];
        self.push(|| Difference { said, ..Difference::of(Of::Credit(account, String::new())) });
    }

    /// What everybody's shares add up to, as it is stored (as JSON), and as it was derived.
    pub fn sums(&mut self, stored: &BTreeMap<PersonId, String>, derived: &BTreeMap<PersonId, Sums>) {
        let told = |sums: &Sums| msg!("REPLAY_CREDITED", records = records(sums.credited_ppm));
        for person in keys(stored, derived) {
            let kept = Kept::of(stored.get(&person), |json| serde_json::from_str(json).ok());
            let now = derived.get(&person);
            if kept.is(now) {
                continue;
            }
            self.push(|| Difference {
                words: (kept.there().map(told), now.map(told)),
                said: vec![kept.why(now).unwrap_or_else(|| msg!("REPLAY_SUM_OTHER"))],
                ..Difference::of(Of::Sum(person))
            });
        }
    }

    /// Everybody's cards, as they are stored, and as they were derived.
    pub fn cards(&mut self, stored: &BTreeMap<PersonId, KeptCard>, derived: &BTreeMap<PersonId, ScoreCard>) {
        for person in keys(stored, derived) {
            let kept = Kept::of(stored.get(&person), KeptCard::read);
            let now = derived.get(&person);
            if kept.is(now) {
                continue;
            }
            self.push(|| Difference {
                words: (kept.there().map(ScoreCard::explain), now.map(ScoreCard::explain)),
                said: kept.why(now).map_or_else(|| difference(kept.there(), now), |why| vec![why]),
                ..Difference::of(Of::Card(person))
            });
        }
    }

    /// The figures of the cycle. `digest`: whether the digest of all is to be the same too, since nothing else explains another one.
    pub fn figures(&mut self, stored: &Summary, derived: &Summary, digest: bool) {
        let bare = |of: &Summary| Summary { digest: String::new(), tzdb: String::new(), ..of.clone() };
        let other = bare(stored) != bare(derived);
        if !other && (!digest || stored.digest == derived.digest) {
            return;
        }
        let told = |of: &Summary| {
            let credited = records(of.credited_ppm);
            msg!("REPLAY_FIGURES", records = of.records, unattributed = of.unattributed, credited, people = of.people)
        };
        let said = vec![if other { msg!("REPLAY_FIGURES_OTHER") } else { msg!("REPLAY_DIGEST_OTHER") }];
        let words = (Some(told(stored)), Some(told(derived)));
        self.push(|| Difference { words, said, ..Difference::of(Of::Cycle) });
    }

    /// No cards could be derived, for this reason.
    pub fn without_cards(&mut self, reason: Message) {
        self.push(|| Difference { said: vec![reason], ..Difference::of(Of::Cycle) });
    }
}

/// A card as it is kept.
#[derive(Clone, Debug)]
pub struct KeptCard {
    /// As JSON.
    pub body: String,
    /// The columns beside it.
    pub rank: i32,
    pub of: i32,
    /// Digest of what went in, hex.
    pub inputs_digest: String,
}

impl KeptCard {
    /// The card, if the columns say the same.
    fn read(&self) -> Option<ScoreCard> {
        let card: ScoreCard = serde_json::from_str(&self.body).ok()?;
        let says = |column: i32, number: u32| u32::try_from(column) == Ok(number);
        (says(self.rank, card.rank) && says(self.of, card.of)).then_some(card)
    }
}

/// Everybody on either side, once.
fn keys<A, B>(one: &BTreeMap<PersonId, A>, other: &BTreeMap<PersonId, B>) -> Vec<PersonId> {
    let mut keys: Vec<PersonId> = one.keys().chain(other.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// What is stored of somebody.
enum Kept<T> {
    Absent,
    Unreadable,
    There(T),
}

impl<T: PartialEq> Kept<T> {
    fn of<S>(stored: Option<&S>, read: impl FnOnce(&S) -> Option<T>) -> Self {
        match stored.map(read) {
            None => Self::Absent,
            Some(None) => Self::Unreadable,
            Some(Some(there)) => Self::There(there),
        }
    }

    fn there(&self) -> Option<&T> {
        match self {
            Self::There(there) => Some(there),
            Self::Absent | Self::Unreadable => None,
        }
    }

    fn is(&self, derived: Option<&T>) -> bool {
        match self {
            Self::Absent => derived.is_none(),
            Self::Unreadable => false,
            Self::There(there) => Some(there) == derived,
        }
    }

    /// Why it differs from what was derived, where it is not two of a kind.
    fn why(&self, derived: Option<&T>) -> Option<Message> {
        match (self, derived) {
            (Self::Unreadable, _) => Some(msg!("REPLAY_UNREADABLE")),
            (Self::Absent, _) => Some(msg!("REPLAY_NOT_STORED")),
            (Self::There(_), None) => Some(msg!("REPLAY_NOT_DERIVED")),
            (Self::There(_), Some(_)) => None,
        }
    }
}

/// Millionths of records as records.
fn records(ppm: u64) -> Micro {
    Micro::from_millionths(i64::try_from(ppm).unwrap_or(i64::MAX))
}

fn credited(frozen: &Frozen, (rung, reason, shares, _): Decided<'_>) -> CreditedAs {
    let shares = decode(shares).unwrap_or_default();
    let share = |share: Share| Some((frozen.people.get(share.person as usize)?.id, share.ppm));
    CreditedAs {
        rung: rung_of(rung),
        shares: shares.into_iter().filter_map(share).collect(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
