//! What is known of the devices that records name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use jiff::Timestamp;
use tally_kernel::id::PersonId;
use tally_kernel::near::distance;

use super::super::facts::{DeviceBinding, DeviceUse, Facts};
use super::{FrozenBinding, FrozenDevice, FrozenUse};

/// A day of 24 hours.
const DAY_MS: i64 = 86_400_000;
/// In how many letters a name differs at most from the one that is meant: in no more of them than every third.
const NEAR: usize = 2;

/// What is said of devices, by their names.
pub(super) struct Devices<'a> {
    uses: HashMap<&'a str, Vec<&'a DeviceUse>>,
    bindings: HashMap<&'a str, Vec<&'a DeviceBinding>>,
    /// Those of which something is said and that nothing names, sorted.
    unused: Vec<&'a str>,
}

impl<'a> Devices<'a> {
    pub fn of(facts: &'a Facts) -> Self {
        let mut uses: HashMap<_, Vec<&DeviceUse>> = HashMap::new();
        for one in &facts.devices {
            uses.entry(one.device.as_str()).or_default().push(one);
        }
        let mut bindings: HashMap<_, Vec<&DeviceBinding>> = HashMap::new();
        for one in &facts.bindings {
            bindings.entry(one.device.as_str()).or_default().push(one);
        }
        let named: BTreeSet<&str> = facts.named_devices.values().flatten().map(String::as_str).collect();
        let mut unused: Vec<&str> = bindings.keys().copied().filter(|device| !named.contains(device)).collect();
        unused.sort_unstable();
        Self { uses, bindings, unused }
    }

    /// What is known of the devices of an account around its days: its messages are known for a day on either side as well. What is equal up
    /// to whom it is of, of people beside the component, is one.
    pub fn frozen(
        &self,
        named: Option<&BTreeSet<String>>,
        places: &HashMap<PersonId, u32>,
        span: &Range<Timestamp>,
    ) -> BTreeMap<String, FrozenDevice> {
        let (first, last) = (span.start.as_millisecond() - DAY_MS, span.end.as_millisecond() + DAY_MS);
        let around = |one: &DeviceUse| {
            let (from_ms, to_ms) = (one.from_ms.max(first), one.to_ms.min(last));
            (from_ms < to_ms).then(|| FrozenUse { from_ms, person: places.get(&one.person).copied(), to_ms })
        };
        let said = |one: &&DeviceBinding| FrozenBinding { from: one.from, to: one.to, seat: one.seat.clone() };
        let of = |device: &String| {
            let uses = self.uses.get(device.as_str()).into_iter().flatten();
            let uses: BTreeSet<FrozenUse> = uses.filter_map(|one| around(one)).collect();
            let bindings = self.bindings.get(device.as_str()).into_iter().flatten();
            let bindings: BTreeSet<FrozenBinding> = bindings.map(said).collect();
            let near = if bindings.is_empty() { self.near(device) } else { None };
            let (uses, bindings) = (uses.into_iter().collect(), bindings.into_iter().collect());
            (device.clone(), FrozenDevice { uses, bindings, near })
        };
        named.into_iter().flatten().map(of).collect()
    }

    /// The device that may be meant by one of which nothing is said. Of two that are used neither is meant by the other's name.
    fn near(&self, device: &str) -> Option<String> {
        let lower = device.to_lowercase();
        let nearest = self.unused.iter().map(|name| (distance(&lower, &name.to_lowercase()), *name)).min()?;
        let (letters, name) = nearest;
        (letters <= NEAR && letters * 3 <= name.chars().count()).then(|| name.to_owned())
    }
}
