//! How it is said what more evidence would bring to an account.

use tally_kernel::{Message, Ppm, msg};

use super::facts::Finding;
use super::snapshot::FrozenAccount;
use crate::attribution::{Rung, Worth};

/// The kind of a finding about hours of unbroken duty without any work.
pub const BREAKS_NOT_PUNCHED: &str = "BREAKS_NOT_PUNCHED";
/// Fewest such days of people that are worth a look.
const FEWEST_DAYS: u32 = 3;
/// Least part of the records, in millionths, that breaks must be expected to put right.
const LEAST_GAIN: u32 = 2_000;

/// What somebody should look at on an account: breaks that nobody punched.
pub(super) fn finding(account: &FrozenAccount, worth: &Worth) -> Option<Finding> {
    let gain = worth.now_ppm.saturating_sub(worth.breaks_ppm);
    (worth.idle_days >= FEWEST_DAYS && gain >= LEAST_GAIN).then(|| {
        let (days, people) = (worth.idle_days, worth.idle_people);
        let (now, breaks) = (percent(worth.now_ppm), percent(worth.breaks_ppm));
        let detail = msg!("BREAKS_NOT_PUNCHED", days, people, now, breaks);
        Finding::new(BREAKS_NOT_PUNCHED, account.key.as_str(), "", detail)
    })
}

/// What is said of the account beside a record of it; nothing of one that is certain.
pub fn line(rung: Rung, worth: &Worth) -> Option<Message> {
    let open = matches!(rung, Rung::Inferred | Rung::Replies | Rung::TagShare | Rung::Equal | Rung::Team);
    let [now, breaks, devices, claims] =
        [worth.now_ppm, worth.breaks_ppm, worth.devices_ppm, worth.claims_ppm].map(percent);
    open.then(|| msg!("LADDER_WORTH", now, breaks, devices, claims))
}

/// A part in percent, to a tenth: more would say that it is known so well.
fn percent(ppm: u32) -> String {
    let tenths = ppm.saturating_add(500) / 1_000 * 1_000;
    Ppm::new(tenths).map_or_else(|_| tenths.to_string(), |part| part.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tally_i18n::text;
    use tally_kernel::id::AccountId;
    use tally_kernel::{Locale, Region};
    use uuid::Uuid;

    use super::*;

    fn account() -> FrozenAccount {
        FrozenAccount {
            id: AccountId(Uuid::nil()),
            key: "JD/shop/a".to_owned(),
            zone: "UTC".to_owned(),
            region: Region::global(),
            unit: None,
            from_ms: 0,
            to_ms: 1,
            phases: Vec::new(),
            duty: Vec::new(),
            own: Vec::new(),
            own_from: BTreeMap::new(),
            agents: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    const WORTH: Worth = Worth {
        now_ppm: 63_449,
        breaks_ppm: 40_012,
        devices_ppm: 31_000,
        claims_ppm: 20_000,
        idle_days: 41,
        idle_people: 5,
    };

    #[test]
    fn breaks_that_nobody_punched_are_told_with_what_punching_them_would_bring() {
        let found = finding(&account(), &WORTH).expect("41 days");
        assert_eq!((found.subject.as_str(), found.kind.as_str()), ("JD/shop/a", BREAKS_NOT_PUNCHED));
        let told = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &found.detail));
        assert_ne!(told[0], told[1]);
        for told in told {
            assert!(["41", "5", "6.3 %", "4 %"].into_iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn few_days_and_little_gain_are_not_worth_a_look() {
        assert!(finding(&account(), &Worth { idle_days: 2, ..WORTH }).is_none());
        assert!(finding(&account(), &Worth { breaks_ppm: 61_500, ..WORTH }).is_none());
        assert!(finding(&account(), &Worth { breaks_ppm: 61_449, ..WORTH }).is_some());
    }

    #[test]
    fn a_record_that_is_open_is_explained_with_what_would_tell_more_and_a_certain_one_is_not() {
        let line = line(Rung::Replies, &WORTH).expect("an open one");
        for locale in [Locale::En, Locale::ZhCn] {
            let told = text(locale, &line);
            assert!(["6.3 %", "4 %", "3.1 %", "2 %"].into_iter().all(|part| told.contains(part)), "{told}");
        }
        for certain in [Rung::Tagged, Rung::Claimed, Rung::Handover, Rung::Device, Rung::Sole, Rung::Split] {
            assert!(super::line(certain, &WORTH).is_none());
        }
    }
}
