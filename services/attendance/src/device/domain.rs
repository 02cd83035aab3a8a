//! Whose a device is: a person's, or a seat's. At any date it may be of several, since each is evidence; then none is trusted.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_kernel::error::Violations;
use tally_kernel::id::PersonId;
use tally_kernel::import::Keyed;
use tally_kernel::{Message, msg};

use crate::days;
use crate::roster::domain::read_seat;

/// Whose a device is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Person(PersonId),
    /// Of whoever is rostered on it.
    Seat(String),
}

impl Owner {
    pub fn person(&self) -> Option<PersonId> {
        if let Self::Person(person) = self { Some(*person) } else { None }
    }

    /// Of a request: exactly one of both.
    pub fn read(v: &mut Violations, person: &str, seat: &str) -> Option<Self> {
        match (person.is_empty(), seat.trim().is_empty()) {
            (false, true) => v.parse("person_id", person).map(Self::Person),
            (true, false) => read_seat(v, seat).map(Self::Seat),
            _ => {
                v.push("seat", msg!("DEVICE_OWNER_EXPECTED"));
                None
            }
        }
    }

    pub fn seat(&self) -> Option<&str> {
        if let Self::Seat(seat) = self { Some(seat) } else { None }
    }
}

/// A device and whose it is from when to when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// As desk or platform name it.
    pub device: String,
    pub owner: Owner,
    /// First local date; nothing means from the beginning.
    pub from: Option<Date>,
    /// Last local date; nothing means open.
    pub to: Option<Date>,
}

impl Device {
    /// The first day on which it is also the other's, who is not the same; nothing where there is none.
    pub fn shared_from(&self, other: &Self) -> Option<Date> {
        days::common((self.from, self.to), (other.from, other.to)).filter(|_| self.owner != other.owner)
    }
}

impl Keyed for Device {
    type Key = (String, Owner, Option<Date>);
    type Content = Option<Date>;
    fn key(&self) -> Self::Key {
        (self.device.clone(), self.owner.clone(), self.from)
    }
    fn content(&self) -> Self::Content {
        self.to
    }
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        ("ALREADY_DIFFERENT", msg!("DEVICE_DIFFERENT"))
    }
}

/// A device that is of several at once, and from which day on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shared {
    pub device: String,
    /// Nothing means from the beginning.
    pub from: Option<Date>,
}

/// Those of these devices that are of several at once, by name, each with the first day of it.
pub fn shared<'d>(devices: impl IntoIterator<Item = &'d Device>) -> Vec<Shared> {
    let mut named: BTreeMap<&str, Vec<&Device>> = BTreeMap::new();
    for device in devices {
        named.entry(&device.device).or_default().push(device);
    }
    let first = |same: Vec<&Device>| {
        let each = same.iter().enumerate();
        each.flat_map(|(at, one)| same.iter().skip(at + 1).filter_map(|other| one.shared_from(other))).min()
    };
    let shared = named.into_iter().filter_map(|(device, same)| Some((device, first(same)?)));
    shared
        .map(|(device, from)| Shared { device: device.to_owned(), from: Some(from).filter(|day| *day != Date::MIN) })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn device(name: &str, owner: Owner, from: Option<Date>, to: Option<Date>) -> Device {
        Device { device: name.into(), owner, from, to }
    }

    #[test]
    fn a_device_is_of_several_where_days_of_two_owners_meet() {
        let (one, two) = (Owner::Person(PersonId(Uuid::from_u128(1))), Owner::Seat("A1".into()));
        let until = device("PC-1", one.clone(), None, Some(date(2026, 3, 9)));
        let after = device("PC-1", two.clone(), Some(date(2026, 3, 10)), None);
        assert_eq!(shared([&until, &after]), []);
        let again = device("PC-1", one.clone(), Some(date(2026, 2, 1)), Some(date(2026, 2, 2)));
        assert_eq!(shared([&until, &again]), [], "of the same one twice");
        let same_day = device("PC-1", two.clone(), Some(date(2026, 3, 9)), None);
        let elsewhere = device("PC-2", two.clone(), None, None);
        let found = shared([&until, &elsewhere, &same_day, &after]);
        assert_eq!(found, [Shared { device: "PC-1".into(), from: Some(date(2026, 3, 9)) }]);
        let ever = device("PC-2", one, None, None);
        assert_eq!(shared([&elsewhere, &ever]), [Shared { device: "PC-2".into(), from: None }]);
    }
}
