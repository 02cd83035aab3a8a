//! What makes scoring impossible, and how it is told.

use tally_kernel::error::{Error, Kind};
use tally_kernel::id::PersonId;
use tally_kernel::msg;

use super::problem::{self, SchemeProblem};

/// What makes scoring impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardError {
    /// The scheme is not sound.
    Scheme(Vec<SchemeProblem>),
    /// Nobody to score.
    NoPeople,
    /// A person twice.
    DuplicatePerson(PersonId),
    /// Sums that no set of records can have.
    Impossible {
        /// Whose.
        person: PersonId,
        /// Of which measure.
        measure: String,
    },
    /// An indicator is compared with a group of nobody.
    NoGroup(String),
    /// A number beyond what is computed with.
    TooLarge(Beyond),
}

/// What a number is of that is too large to compute with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The score of one person.
    Score(PersonId),
    /// The quotas of the scheme's grades.
    Grades,
}

/// Why an indicator cannot be counted.
#[derive(Debug)]
pub(super) enum NotCounted {
    /// The numbers of these people are too large to compute with; of nobody: those of the group lie too far apart.
    TooLarge(Vec<PersonId>),
    /// Nothing can be scored at all.
    Fault(CardError),
}

impl From<Beyond> for Error {
    fn from(beyond: Beyond) -> Self {
        let message = match beyond {
            Beyond::Score(person) => msg!("NUMBER_TOO_LARGE", person),
            Beyond::Grades => msg!("NUMBER_TOO_LARGE.grades"),
        };
        Error::of(Kind::InvalidArgument, message)
    }
}

impl From<CardError> for Error {
    fn from(e: CardError) -> Self {
        match e {
            CardError::Scheme(problems) => problem::invalid(&problems),
            CardError::NoPeople => Error::of(Kind::FailedPrecondition, msg!("NOBODY_TO_SCORE")),
            CardError::DuplicatePerson(person) => Error::of(Kind::InvalidArgument, msg!("PERSON_TWICE", person)),
            CardError::Impossible { person, measure } => {
                Error::internal(format_args!("the sums of {measure} of person {person} contradict each other"))
            }
            CardError::NoGroup(indicator) => {
                Error::internal(format_args!("the indicator {indicator} is compared with a group of nobody"))
            }
            CardError::TooLarge(beyond) => beyond.into(),
        }
    }
}
