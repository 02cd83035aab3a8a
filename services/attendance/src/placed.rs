//! Facts about people, with the place where they belong.

use jiff::Timestamp;
use tally_access::Target;
use tally_kernel::Message;
use tally_kernel::id::PersonId;
use tally_kernel::import::Keyed;

use crate::directory::Home;

/// A fact about a person, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// Region and unit at its time.
    pub home: Home,
    pub fact: T,
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
        self.home.target(self.fact.person())
    }
}
