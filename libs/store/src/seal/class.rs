//! What a sealed value is. Its class is part of the column's type, and decides whose key seals it: the group's, or the
//! person's own, which can be destroyed.

mod private {
    /// A class of keys, as the database and the sealed bytes name it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum KeyClass {
        Salary,
        Result,
        Credential,
        PersonKey,
        BlindIndex,
        Members,
        IdNumber,
        Location,
        Medical,
    }

    pub trait Known {
        const KEY: KeyClass;
    }
}
pub(crate) use private::KeyClass;

/// Every class with its name and its byte; neither is ever changed.
const CLASSES: [(KeyClass, &str, u8); 9] = [
    (KeyClass::Salary, "SALARY", 1),
    (KeyClass::Result, "RESULT", 2),
    (KeyClass::Credential, "CREDENTIAL", 3),
    (KeyClass::PersonKey, "PERSON_KEY", 4),
    (KeyClass::BlindIndex, "BLIND_INDEX", 5),
    (KeyClass::Members, "MEMBERS", 7),
    (KeyClass::IdNumber, "ID_NUMBER", 16),
    (KeyClass::Location, "LOCATION", 17),
    (KeyClass::Medical, "MEDICAL", 18),
];

impl KeyClass {
    pub(crate) fn name(self) -> &'static str {
        CLASSES[self as usize].1
    }

    pub(crate) fn byte(self) -> u8 {
        CLASSES[self as usize].2
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        CLASSES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Classes whose values move to a new key when the data keys are rotated. Values under a person's key stay: that key
    /// is wrapped anew. An index must stay comparable.
    pub(crate) fn moves(self) -> bool {
        matches!(self, Self::Salary | Self::Result | Self::Credential | Self::PersonKey | Self::Members)
    }
}

/// A class of sealed values; the types of this module.
pub trait Class: private::Known + Send + Sync + 'static {}

/// Sealed under a key of the group and the class.
pub trait OfTenant: Class {}

/// Sealed under a key of the person, which an erasure destroys.
pub trait OfPerson: Class {}

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident: $whose:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl private::Known for $name {
            const KEY: KeyClass = KeyClass::$name;
        }
        impl Class for $name {}
        impl $whose for $name {}
    )+};
}

classes! {
    /// What somebody is paid. Kept for the statutory period, so not under the person's key.
    Salary: OfTenant;
    /// The kept result of a request, which may hold anything.
    Result: OfTenant;
    /// A secret that the group was given, such as that of an identity provider's client.
    Credential: OfTenant;
    /// The key of a person.
    PersonKey: OfTenant;
    /// Whom a released figure is about.
    Members: OfTenant;
    /// An identity document's number.
    IdNumber: OfPerson;
    /// Where somebody was.
    Location: OfPerson;
    /// About somebody's health.
    Medical: OfPerson;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_stands_in_its_own_row_with_a_name_and_a_byte_of_its_own() {
        for (at, (class, name, byte)) in CLASSES.into_iter().enumerate() {
            assert_eq!(class as usize, at);
            assert_eq!(KeyClass::of_name(name), Some(class));
            assert_eq!(CLASSES.iter().filter(|row| row.1 == name || row.2 == byte).count(), 1, "{name}");
        }
        assert_eq!(KeyClass::of_name("PAY"), None);
    }
}
