//! The rows of a bundle once they are read.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use strum_macros::IntoStaticStr;
use tally_kernel::person::EmploymentKind;

use super::symbols::Symbol;

/// Index of a person in [`Bundle::people`](super::Bundle::people).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonIx(pub u32);

/// Index of an account in [`Bundle::accounts`](super::Bundle::accounts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIx(pub u32);

/// Index of a record in [`Bundle::records`](super::Bundle::records).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordIx(pub u32);

/// Somebody of people.csv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePerson {
    /// The number the group knows the person by.
    pub employee_no: String,
    /// The name.
    pub name: String,
    /// IANA zone of the person's clock.
    pub zone: String,
    /// At least one, by first day; their days do not overlap.
    pub employments: Vec<Employment>,
}

impl BundlePerson {
    /// Where the person belongs on a day, in a gap where it was before; in the sense of `docs/decisions/0014`.
    pub fn home(&self, day: Date) -> &Employment {
        let begun = self.employments.iter().skip(1).take_while(|e| e.hired_on <= day).count();
        &self.employments[begun]
    }

    /// Whether some employment of the person is in a unit or below it.
    pub fn belongs_to(&self, unit: &str) -> bool {
        self.employments.iter().any(|e| e.is_in(unit))
    }
}

/// A row of people.csv: where somebody works, from when to when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Employment {
    /// First day.
    pub hired_on: Date,
    /// Last day, inclusive.
    pub left_on: Option<Date>,
    /// Path with `/`; the first segment is the branch.
    pub org_unit: String,
    /// May be empty.
    pub position: String,
    /// May be empty.
    pub grade: String,
    /// As what the person is employed, where it is said.
    pub kind: Option<EmploymentKind>,
}

impl Employment {
    /// Whether it holds on one of the days from `from` to `to`.
    pub fn holds(&self, from: Date, to: Date) -> bool {
        self.hired_on <= to && self.left_on.is_none_or(|left| from <= left)
    }

    /// Whether it begins on the day after another one ends.
    pub fn follows(&self, other: &Self) -> bool {
        other.left_on.and_then(|left| left.tomorrow().ok()) == Some(self.hired_on)
    }

    /// Whether it is in a unit or below it.
    pub fn is_in(&self, unit: &str) -> bool {
        self.org_unit.strip_prefix(unit).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A platform account with its phases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleAccount {
    /// Such as `JD`.
    pub platform: String,
    /// The shop on it.
    pub store: String,
    /// The login.
    pub name: String,
    /// IANA zone of its records.
    pub zone: String,
    /// Org unit whose people serve it; nothing means everybody.
    pub team: Option<String>,
    /// One holder at a time.
    pub exclusive: bool,
    /// By first day; the first holds from the beginning.
    pub phases: Vec<Phase>,
}

impl BundleAccount {
    /// platform/store/name.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.platform, self.store, self.name)
    }

    /// The phase on a local day.
    pub fn phase_on(&self, day: Date) -> &Phase {
        let later = self.phases.iter().skip(1).take_while(|p| p.from.is_none_or(|from| from <= day)).count();
        &self.phases[later]
    }
}

/// How an account is used from a day on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase {
    /// First day; nothing means from the beginning.
    pub from: Option<Date>,
    /// Shared, mixed or named.
    pub kind: PhaseKind,
    /// Conversations one person handles at once.
    pub capacity: u32,
}

/// Whether an account says who served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PhaseKind {
    /// Everybody under one name.
    Shared,
    /// Some records are tagged.
    Mixed,
    /// Every record names its agent.
    Named,
}

/// A row of records.csv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The platform's id, unique within the account.
    pub external_id: Symbol,
    /// The account it was recorded under.
    pub account: AccountIx,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; never before it began.
    pub ended_at: Timestamp,
    /// Who served, where the record says so.
    pub agent: Option<PersonIx>,
    /// Such as `presale`.
    pub kind: Option<Symbol>,
    /// Seconds until the first reply.
    pub first_reply_seconds: Option<Decimal>,
    /// Whether the matter was settled.
    pub resolved: Option<bool>,
    /// The customer's mark.
    pub rating: Option<Decimal>,
    /// Sales in minor units of the currency; negative in a refund.
    pub amount_minor: Option<i64>,
    /// Who was served.
    pub customer: Option<Symbol>,
    /// Tells versions of a record apart; 0 where the file does not say.
    pub revision: u64,
    /// Of the amount, where it is not the group's.
    pub currency: Option<Symbol>,
    /// Of a refund, the external id of the record that it takes from.
    pub refers_to: Option<Symbol>,
    /// Who contributed what, by employee number, as `tally_kernel::contribution` writes it.
    pub contributors: Option<Symbol>,
    /// The workstation, browser or seat that it was served at, where the file says so.
    pub device: Option<Symbol>,
}

/// An extra column of records.csv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The column, in lower case.
    pub name: String,
    /// A value for each record.
    pub values: MeasureValues,
}

/// Numbers where every value of the column is one, else texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeasureValues {
    /// Six decimals at most.
    Numbers(Vec<Option<Decimal>>),
    /// Anything else.
    Texts(Vec<Option<Symbol>>),
}

/// A row of rosters.csv.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Roster {
    /// Who.
    pub person: PersonIx,
    /// From when.
    pub start: Timestamp,
    /// Until when; after the start.
    pub end: Timestamp,
    /// On which account.
    pub account: AccountIx,
    /// At which seat, as devices.csv names it, where the row says so.
    pub seat: Option<String>,
}

/// A row of punches.csv as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenPunch {
    /// Who.
    pub person: PersonIx,
    /// When.
    pub at: Timestamp,
    /// In or out, where the row says so.
    pub kind: Option<PunchKind>,
}

/// A punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Punch {
    /// Who.
    pub person: PersonIx,
    /// When.
    pub at: Timestamp,
    /// In or out.
    pub kind: PunchKind,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PunchKind {
    /// To work.
    In,
    /// From work.
    Out,
}

/// A row of handovers.csv.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handover {
    /// Of which account.
    pub account: AccountIx,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub person: PersonIx,
    /// Take or release.
    pub kind: HandoverKind,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HandoverKind {
    /// The person begins to hold the account.
    Take,
    /// The person holds it no longer.
    Release,
}

/// A row of observations.csv: a value of a measure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observation {
    /// Name of the measure.
    pub measure: String,
    /// Whom or what it is about.
    pub subject: Subject,
    /// When it was.
    pub when: Observed,
    /// Six decimals at most.
    pub value: Decimal,
    /// Who says so; may be empty.
    pub source: String,
    /// 0 where the row does not say.
    pub revision: u64,
}

/// Whom or what is observed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Somebody.
    Person(PersonIx),
    /// An org unit, by its path.
    Unit(String),
    /// A platform account.
    Account(AccountIx),
    /// platform/store.
    Store(String),
    /// A campaign.
    Campaign {
        /// Its name.
        name: String,
        /// Path of the org unit that runs it; nothing for the group's.
        run_by: Option<String>,
    },
}

/// When something was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observed {
    /// At an instant.
    At(Timestamp),
    /// From a first local day to a last one.
    Days(Date, Date),
}

/// A row of replies.csv: a message of a record, and nothing of what it says. There are millions of them, so that it names the record
/// by its place and the device by its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    /// Of which record, and so of which account.
    pub record: RecordIx,
    /// When; it may lie outside of the record.
    pub at: Timestamp,
    /// By which side.
    pub by: Side,
    /// Where it was written, in [`Bundle::devices`](super::Bundle::devices).
    pub device: Option<Symbol>,
}

/// Who wrote a message. Of one instant the customer's comes first: it may be what the other answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Side {
    /// Who was served.
    Customer,
    /// Whoever had the account then.
    Agent,
}

/// A row of claims.csv: somebody's word that a dialogue is theirs. Without a record and a customer it is of the next one on the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// On which account.
    pub account: AccountIx,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub person: PersonIx,
    /// The record, by its external id, where one is named.
    pub external_id: Option<String>,
    /// The customer, where one is named and no record.
    pub customer: Option<String>,
}

/// A row of rates.csv: one unit of `from` is worth `rate` of `to` from a day on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// The first day.
    pub day: Date,
    /// Of which one unit is meant, by its code.
    pub from: String,
    /// In which its worth is told.
    pub to: String,
    /// An exact decimal above zero, without needless zeros.
    pub rate: String,
    /// Who says so.
    pub source: String,
}

/// A row of devices.csv: whose a device is from when to when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedDevice {
    /// Workstation, browser or seat, as desk or platform name it.
    pub device: String,
    /// Whose.
    pub owner: DeviceOwner,
    /// First local day; nothing means from the beginning.
    pub from: Option<Date>,
    /// Last local day, inclusive; nothing means until further notice.
    pub to: Option<Date>,
}

/// Whose a device is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceOwner {
    /// Somebody's.
    Person(PersonIx),
    /// Of whoever is rostered on a seat, as rosters.csv names it.
    Seat(String),
}

/// A row of aliases.csv.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// Where the alias is used.
    pub platform: String,
    /// The alias.
    pub alias: String,
    /// First local day; nothing means from the beginning.
    pub from: Option<Date>,
    /// Last local day, inclusive; nothing means until further notice.
    pub to: Option<Date>,
    /// Who it is.
    pub person: PersonIx,
}

impl Alias {
    /// Whether it is in force on a local day.
    pub fn covers(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}
