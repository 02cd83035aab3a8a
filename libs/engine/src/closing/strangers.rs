//! Devices that were used while they were nobody's, where some are somebody's: mostly a name that is written otherwise than it was bound, a seat
//! that nobody is rostered on, or a binding that has ended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_kernel::time::zone;
use tally_kernel::{Message, msg};

use super::facts::{Finding, Odd};
use super::noticed::told;
use super::snapshot::{Frozen, FrozenAccount, FrozenBinding, FrozenDevice};
use crate::attribution::{Input, Side};

/// The kind of finding about devices that were nobody's.
pub const DEVICE_OF_NOBODY: &str = "DEVICE_OF_NOBODY";

/// Why a device was nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lack<'a> {
    /// Nothing is said of it.
    Unbound,
    /// Nothing is said of it, but of one whose name is nearly the same.
    Near(&'a str),
    /// It is of a seat that nobody was rostered on then.
    Seat(&'a str),
    /// It was somebody's until that day.
    Ended(Date),
    /// It is somebody's from that day on.
    Coming(Date),
}

/// How often, and when first.
#[derive(Clone, Copy, Debug)]
struct Used {
    times: u64,
    first_ms: i64,
}

/// What somebody should look at, by account. `names` are those of the devices by their numbers.
pub(super) fn findings((frozen, names): (&Frozen, &[String]), input: &Input) -> Vec<Odd> {
    if frozen.policy.rules() < 3 || names.is_empty() {
        return Vec::new();
    }
    let known: Vec<Account<'_>> = frozen.accounts.iter().map(|account| Account::of(account, names)).collect();
    let mut used: BTreeMap<(usize, Lack<'_>, u32), Used> = BTreeMap::new();
    let mut note = |account: u32, device: u32, at_ms: i64| {
        let Some(lack) = known.get(account as usize).and_then(|known| known.lack(device, at_ms)) else { return };
        let used = used.entry((account as usize, lack, device)).or_insert(Used { times: 0, first_ms: at_ms });
        (used.times, used.first_ms) = (used.times + 1, used.first_ms.min(at_ms));
    };
    for (record, device) in &input.record_devices {
        if let Some(record) = input.records.get(*record as usize) {
            note(record.account, *device, record.start_ms);
        }
    }
    for reply in input.replies.iter().filter(|reply| reply.by == Side::Agent) {
        if let (Some(record), Some(device)) = (input.records.get(reply.record as usize), reply.device) {
            note(record.account, device, reply.at_ms);
        }
    }
    let used: Vec<_> = used.into_iter().collect();
    // Those of which nothing is said are told together, in the order of their names: whole workplaces may be so.
    let same = |one: (usize, Lack<'_>, u32), other: (usize, Lack<'_>, u32)| {
        one.1 == Lack::Unbound && (one.0, one.1) == (other.0, other.1)
    };
    let grouped = used.chunk_by(|(one, _), (other, _)| same(*one, *other));
    grouped.filter_map(|devices| finding((frozen, names), devices)).collect()
}

fn finding((frozen, names): (&Frozen, &[String]), devices: &[((usize, Lack<'_>, u32), Used)]) -> Option<Odd> {
    let ((place, lack, device), _) = *devices.first()?;
    let account = u32::try_from(place).ok()?;
    let times = devices.iter().map(|(_, used)| used.times).sum();
    let at = told(frozen, account, devices.iter().map(|(_, used)| used.first_ms).min()?);
    let detail = lack.said(names.get(device as usize)?, times, devices.len());
    let finding = Finding::new(DEVICE_OF_NOBODY, frozen.accounts.get(place)?.key.as_str(), at, detail);
    Some(Odd { account: Some(account), person: None, record: None, finding })
}

impl Lack<'_> {
    fn said(self, device: &str, records: u64, devices: usize) -> Message {
        match self {
            Self::Unbound => msg!("DEVICE_OF_NOBODY", device, records, devices),
            Self::Near(near) => msg!("DEVICE_OF_NOBODY.near", device, records, near),
            Self::Seat(seat) => msg!("DEVICE_OF_NOBODY.seat", device, records, seat),
            Self::Ended(to) => msg!("DEVICE_OF_NOBODY.ended", device, records, to),
            Self::Coming(from) => msg!("DEVICE_OF_NOBODY.coming", device, records, from),
        }
    }
}

/// What is known of the devices that an account's records name.
struct Account<'a> {
    /// By number.
    devices: BTreeMap<u32, &'a FrozenDevice>,
    /// Whether something is said of any of them.
    any: bool,
    zone: TimeZone,
}

impl<'a> Account<'a> {
    fn of(account: &'a FrozenAccount, names: &[String]) -> Self {
        let named = (0..).zip(names).filter_map(|(number, name)| Some((number, account.devices.get(name)?)));
        let any = account.devices.values().any(|device| !device.bindings.is_empty());
        Self { devices: named.collect(), any, zone: zone(&account.zone).unwrap_or(TimeZone::UTC) }
    }

    /// Why a device was nobody's at an instant; nothing where it was somebody's, or where nothing is said of any.
    fn lack(&self, device: u32, at_ms: i64) -> Option<Lack<'a>> {
        let device = *self.devices.get(&device)?;
        if device.uses.iter().any(|one| (one.from_ms..one.to_ms).contains(&at_ms)) {
            return None;
        }
        if device.bindings.is_empty() {
            return device.near.as_deref().map(Lack::Near).or(self.any.then_some(Lack::Unbound));
        }
        let day = self.zone.to_datetime(Timestamp::from_millisecond(at_ms).ok()?).date();
        let begun = |one: &&FrozenBinding| one.from.is_none_or(|from| from <= day);
        let lasts = |one: &&FrozenBinding| one.to.is_none_or(|to| day <= to);
        let mut then = device.bindings.iter().filter(begun).filter(lasts).peekable();
        if then.peek().is_some() {
            // A person's then is so but for an hour of another zone.
            return then.find_map(|one| one.seat.as_deref()).map(Lack::Seat);
        }
        let ended = device.bindings.iter().filter_map(|one| one.to).filter(|to| *to < day).max();
        let coming = || device.bindings.iter().filter_map(|one| one.from).filter(|from| *from > day).min();
        ended.map(Lack::Ended).or_else(|| coming().map(Lack::Coming))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    #[test]
    fn why_a_device_is_nobodys_is_said_in_both_languages_and_once_is_not_plural() {
        let lacks = [
            Lack::Unbound,
            Lack::Near("PC-17"),
            Lack::Seat("A1"),
            Lack::Ended(date(2026, 3, 9)),
            Lack::Coming(date(2026, 3, 9)),
        ];
        for lack in lacks {
            let detail = |times, devices| lack.said("PC17", times, devices);
            let [english, chinese] = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &detail(1, 1)));
            assert!(english.contains("PC17") && english.contains("once") && !english.contains("CREDIT"), "{english}");
            assert!(chinese.contains("PC17") && chinese != english && !chinese.contains("CREDIT"), "{chinese}");
            assert!(text(Locale::En, &detail(4_711, 1)).contains("4711 times"));
        }
        let several = text(Locale::En, &Lack::Unbound.said("PC17", 9, 3));
        assert!(several.starts_with("3 devices that are bound to nobody") && several.contains("PC17"), "{several}");
    }
}
