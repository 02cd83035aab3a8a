//! Whose a device was at an instant.

use std::collections::BTreeMap;

use super::canon::Canon;

/// Whose a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody's that is known.
    Unknown,
    /// One person's, by rank.
    One(u32),
    /// Of somebody who is none of these people, and so not on duty here.
    Elsewhere,
    /// Of several at once: it tells nothing.
    Several,
}

/// Whose devices are, by their numbers.
#[derive(Default)]
pub(super) struct Devices<'a> {
    /// From, to and rank of the person (none of somebody else), by device, in order.
    uses: BTreeMap<u32, Vec<(i64, i64, Option<u32>)>>,
    /// Devices of records by index.
    of_records: Option<&'a BTreeMap<u32, u32>>,
}

impl<'a> Devices<'a> {
    /// Those of the input; none where the policy does not know devices.
    pub fn of(canon: &Canon<'a>) -> Self {
        let input = canon.input;
        if input.policy.rules < 3 {
            return Self::default();
        }
        let mut uses: BTreeMap<u32, Vec<(i64, i64, Option<u32>)>> = BTreeMap::new();
        for one in &input.devices {
            let person = one.person.map(|person| canon.person_rank[person as usize]);
            uses.entry(one.device).or_default().push((one.from_ms, one.to_ms, person));
        }
        uses.values_mut().for_each(|uses| uses.sort_unstable());
        Self { uses, of_records: Some(&input.record_devices) }
    }

    /// Whose a device was.
    pub fn owner(&self, device: u32, at_ms: i64) -> Owner {
        let uses = self.uses.get(&device).into_iter().flatten();
        let mut people = uses.filter(|(from, to, _)| (*from..*to).contains(&at_ms)).map(|(.., person)| *person);
        match people.next() {
            None => Owner::Unknown,
            Some(first) if people.all(|other| other == first) => first.map_or(Owner::Elsewhere, Owner::One),
            Some(_) => Owner::Several,
        }
    }

    /// The device that a record names, and whose it was when the record began.
    pub fn of_record(&self, record: u32, at_ms: i64) -> Option<(u32, Owner)> {
        let device = *self.of_records?.get(&record)?;
        Some((device, self.owner(device, at_ms)))
    }
}
