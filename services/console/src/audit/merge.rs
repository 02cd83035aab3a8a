//! One list of five: the logs of the services, merged by time, and where each of them goes on.
//!
//! A service gives pages by tokens, and a page of the merged list ends within a page of each. So the address keeps for each service the token
//! of the page that is being read and which of its entries was shown last: a log grows at its beginning, by the search itself too, so that a
//! count would not do.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tally_api::common::v1::AuditEntry;

/// Where a service's log goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Of the page that is being read; empty for the first.
    pub token: String,
    /// The id of the entry that was shown last of it; empty for none.
    pub last: String,
    /// Everything was shown.
    pub over: bool,
}

impl Place {
    /// As it stands in the address; what is not so begins anew.
    pub fn read(text: &str) -> Self {
        if text == "." {
            return Self { over: true, ..Self::default() };
        }
        let (last, token) = text.split_once('~').unwrap_or_default();
        Self { token: token.to_owned(), last: last.to_owned(), over: false }
    }

    /// For the address.
    pub fn text(&self) -> String {
        if self.over { ".".to_owned() } else { format!("{}~{}", self.last, self.token) }
    }
}

/// What a service told from a place on: its entries, each with the place behind it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub entries: Vec<(AuditEntry, Place)>,
}

impl Told {
    /// Adds a page that was asked for with a place's token, and gives the place behind it. What was shown before is left out, which may be
    /// the whole page where much was written meanwhile.
    pub fn add(&mut self, place: &Place, entries: Vec<AuditEntry>, next: &str) -> Place {
        let seen = entries.iter().position(|entry| entry.entry_id == place.last);
        let (skip, last) = match seen {
            _ if place.last.is_empty() => (0, String::new()),
            Some(at) => (at + 1, String::new()),
            None => (entries.len(), place.last.clone()),
        };
        let behind = Place { token: next.to_owned(), last, over: next.is_empty() };
        let all = entries.len();
        let placed = entries.into_iter().enumerate().skip(skip).map(|(at, entry)| {
            let within = Place { token: place.token.clone(), last: entry.entry_id.clone(), over: false };
            (entry, if at + 1 < all { within } else { behind.clone() })
        });
        self.entries.extend(placed);
        behind
    }
}

/// The newest entries of all, at most `size`, and where each service goes on.
pub fn merged(
    told: BTreeMap<&'static str, Told>,
    mut places: BTreeMap<&'static str, Place>,
    size: usize,
) -> (Vec<AuditEntry>, BTreeMap<&'static str, Place>) {
    for (service, told) in &told {
        if told.entries.is_empty() {
            places.insert(service, Place { over: true, ..Place::default() });
        }
    }
    let mut left: BTreeMap<_, _> =
        told.into_iter().map(|(service, told)| (service, told.entries.into_iter().peekable())).collect();
    let mut shown = Vec::new();
    while shown.len() < size {
        // Within a service the order is its own, whatever its clock did.
        let heads = left.iter_mut().filter_map(|(service, entries)| Some((key(&entries.peek()?.0), *service)));
        let Some((_, newest)) = heads.max_by_key(|(at, service)| (*at, Reverse(*service))) else { break };
        let Some((entry, place)) = left.get_mut(newest).and_then(Iterator::next) else { break };
        places.insert(newest, place);
        shown.push(entry);
    }
    (shown, places)
}

fn key(entry: &AuditEntry) -> Option<(i64, i32)> {
    entry.at.as_ref().map(|at| (at.seconds, at.nanos))
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn entry(at: i64) -> AuditEntry {
        let time = Some(Timestamp { seconds: at, nanos: 0 });
        AuditEntry { entry_id: at.to_string(), at: time, ..Default::default() }
    }

    /// A log whose tokens name the last entry of the page before, with pages of two.
    fn ask(log: &[i64], place: &Place, size: usize) -> Told {
        let (mut told, mut place) = (Told::default(), place.clone());
        while !place.over && told.entries.len() < size {
            let from = log.iter().position(|at| at.to_string() == place.token).map_or(0, |at| at + 1);
            let page: Vec<_> = log.iter().skip(from).take(2).copied().map(entry).collect();
            let last = page.last().map(|entry| entry.entry_id.clone()).unwrap_or_default();
            let next = if from + 2 < log.len() { last } else { String::new() };
            place = told.add(&place, page, &next);
        }
        told
    }

    #[test]
    fn each_entry_is_shown_once_the_newest_first_whatever_is_written_meanwhile() {
        let mut logs = BTreeMap::from([("a", vec![90, 70, 60, 20, 10]), ("b", vec![80, 50])]);
        let mut places = BTreeMap::from([("a", Place::default()), ("b", Place::default())]);
        let mut seen = Vec::new();
        for round in 0..3 {
            let told = places.iter().map(|(service, place)| (*service, ask(&logs[service], place, 3))).collect();
            let (entries, next) = merged(told, places, 3);
            seen.extend(entries.iter().filter_map(|entry| Some(entry.at.as_ref()?.seconds)));
            places = next.into_iter().map(|(service, place)| (service, Place::read(&place.text()))).collect();
            for log in logs.values_mut() {
                log.splice(0..0, [300 + round, 200 + round, 100 + round]);
            }
        }
        assert_eq!(seen, [90, 80, 70, 60, 50, 20, 10]);
        assert!(places.values().all(|place| place.over), "{places:?}");
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for place in [
            Place::default(),
            Place { token: "a~b".to_owned(), last: "7".to_owned(), over: false },
            Place { over: true, ..Place::default() },
        ] {
            assert_eq!(Place::read(&place.text()), place);
        }
        assert_eq!(Place::read("nonsense"), Place::default());
    }
}
