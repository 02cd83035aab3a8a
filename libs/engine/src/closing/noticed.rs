//! How it is told what attribution noticed.

use jiff::Timestamp;
use tally_kernel::time::{told_at, zone};
use tally_kernel::{Message, msg};

use super::credit::on_duty;
use super::facts::{Finding, Odd};
use super::snapshot::Frozen;
use crate::attribution::{self, Attribution, FindingKind, Input, Rung};

/// What was odd of records when they were read, and what attribution noticed. `devices` are the names of the devices by their numbers.
pub(super) fn findings(
    (frozen, devices): (&Frozen, &[String]),
    input: &Input,
    outcome: &Attribution,
    of_records: Vec<Finding>,
) -> Vec<Odd> {
    let place = |key: &str| frozen.accounts.iter().position(|a| a.key == key).and_then(|i| u32::try_from(i).ok());
    let of_record = |found: Finding| {
        let account = place(&found.subject);
        let at = found.at.parse().map_or(found.at, |at| by_its_clock(frozen, account, at));
        Odd { account, person: None, record: None, finding: Finding { at, ..found } }
    };
    let mut all: Vec<_> = of_records.into_iter().map(of_record).collect();
    for found in &outcome.findings {
        // Attendance reports accounts without evidence of duty, whether records came or not.
        let (Some(account), false) =
            (frozen.accounts.get(found.account as usize), found.kind == FindingKind::NoDutyEvidence)
        else {
            continue;
        };
        let shared = outcome.credits.iter().find(|credit| credit.record == found.record);
        let shared = shared.is_some_and(|credit| credit.rung == Rung::Equal);
        let seen = Seen { shared, ..Seen::of((frozen, devices), input, found) };
        let finding = Finding::new(found.kind.to_string(), account.key.as_str(), seen.at.clone(), seen.detail());
        let record = Some(found.record).filter(|_| found.records == 1);
        all.push(Odd { account: Some(found.account), person: found.person, record, finding });
    }
    all
}

/// An instant in milliseconds by the clock of its account.
pub(super) fn told(frozen: &Frozen, account: u32, at_ms: i64) -> String {
    by_its_clock(frozen, Some(account), Timestamp::from_millisecond(at_ms).unwrap_or_default())
}

/// An instant by the clock of its account. Months of the first rules were told by UTC, and stay so.
fn by_its_clock(frozen: &Frozen, account: Option<u32>, at: Timestamp) -> String {
    let account = account.and_then(|a| frozen.accounts.get(a as usize)).filter(|_| frozen.policy.rules() >= 2);
    let zone = account.and_then(|account| zone(&account.zone).ok());
    zone.map_or_else(|| at.to_string(), |zone| told_at(at, &zone))
}

/// What a finding knows, in words.
#[derive(Clone, Debug, Default)]
struct Seen<'a> {
    kind: Option<FindingKind>,
    records: u32,
    person: &'a str,
    at: String,
    ahead_ms: i64,
    /// The external id of the first record.
    record: &'a str,
    /// The other person, and when that one clicked.
    other: &'a str,
    other_at: Option<String>,
    device: &'a str,
    /// Whose the device was then, of those who are known here; and how many there were.
    owners: Vec<&'a str>,
    of: usize,
    /// Whether the first record is shared equally.
    shared: bool,
    /// For which other account whose device it was was on duty then.
    there: &'a str,
}

impl<'a> Seen<'a> {
    fn of((frozen, devices): (&'a Frozen, &'a [String]), input: &'a Input, found: &attribution::Finding) -> Self {
        let number = |person: u32| frozen.people.get(person as usize).map_or("", |person| person.no.as_str());
        let record = input.records.get(found.record as usize);
        let at_ms = found.at_ms.or(record.map(|record| record.start_ms)).unwrap_or_default();
        let mut seen = Self {
            kind: Some(found.kind),
            records: found.records,
            person: found.person.map_or("", number),
            at: told(frozen, found.account, at_ms),
            ahead_ms: found.ahead_ms.unwrap_or_default(),
            record: record.map_or("", |record| record.key.as_str()),
            other: found.other.map_or("", number),
            other_at: found.other_at_ms.map(|at_ms| told(frozen, found.account, at_ms)),
            ..Self::default()
        };
        let Some(device) = found.device.and_then(|device| devices.get(device as usize)) else { return seen };
        seen.device = device;
        let known = frozen.accounts.get(found.account as usize).and_then(|account| account.devices.get(device));
        let uses = known.into_iter().flat_map(|device| &device.uses);
        let owners = uses.filter(|one| (one.from_ms..one.to_ms).contains(&at_ms)).map(|one| one.person);
        let owners: std::collections::BTreeSet<Option<u32>> = owners.collect();
        seen.of = owners.len();
        seen.owners = owners.into_iter().flatten().map(number).collect();
        let others = (0..).zip(&frozen.accounts).filter(|(place, _)| *place != found.account);
        let there = found.person.and_then(|person| {
            let serves = |account: &super::snapshot::FrozenAccount| {
                on_duty(account, at_ms).iter().any(|duty| duty.person == person)
            };
            others.map(|(_, account)| account).find(|account| serves(account))
        });
        seen.there = there.map_or("", |account| account.key.as_str());
        seen
    }

    /// What was seen and what was made of it.
    fn detail(&self) -> Message {
        let Some(kind) = self.kind else { return Message::default() };
        let (records, person) = (self.records, self.person);
        match kind {
            FindingKind::NoDutyEvidence => msg!("CREDIT_NO_EVIDENCE", records),
            FindingKind::UnheldAccount => msg!("CREDIT_NOBODY_ON_DUTY", records),
            FindingKind::TagOffDuty => msg!("CREDIT_TAG_OFF_DUTY", records, person),
            FindingKind::NamedWithoutAgent => msg!("CREDIT_NAMED_WITHOUT_AGENT", records),
            FindingKind::MixedWithoutTag => msg!("CREDIT_MIXED_WITHOUT_TAG", records),
            FindingKind::TooFewToInfer => msg!("CREDIT_TOO_FEW_TO_INFER", records),
            FindingKind::DidNotSettle => msg!("CREDIT_DID_NOT_SETTLE", records),
            FindingKind::SeveralAtOnce => msg!("CREDIT_SEVERAL_AT_ONCE", records),
            FindingKind::TooFewReplies => msg!("CREDIT_TOO_FEW_REPLIES", records),
            FindingKind::RepliesTooDense => msg!("CREDIT_REPLIES_TOO_DENSE", records),
            FindingKind::EvidenceUneven if self.shared => msg!("CREDIT_EVIDENCE_UNEVEN.equal", records, person),
            FindingKind::EvidenceUneven => msg!("CREDIT_EVIDENCE_UNEVEN", records, person),
            FindingKind::ReplyOutsideRecord => msg!("CREDIT_REPLY_OUTSIDE_RECORD", records),
            FindingKind::ClockWithoutSeconds => msg!("CREDIT_CLOCK_WITHOUT_SECONDS", records),
            FindingKind::ClocksApart => self.clocks_apart(),
            FindingKind::ClaimOffDuty => msg!("CREDIT_CLAIM_OFF_DUTY", records, person),
            FindingKind::ClaimWithoutRecord => msg!("CREDIT_CLAIM_WITHOUT_RECORD", records, person),
            FindingKind::ClaimsDiffer => self.claims_differ(),
            FindingKind::DeviceOffDuty => self.device_off_duty(),
            FindingKind::DeviceOfSeveral => self.device_of_several(),
            FindingKind::ContributorOffDuty => msg!("CREDIT_CONTRIBUTOR_OFF_DUTY", records, person),
            FindingKind::ContributorsNotSplit => msg!("CREDIT_CONTRIBUTORS_NOT_SPLIT", records),
        }
    }

    /// Who claimed what and when beside whom; the first, and how many more there are of these two on that day.
    fn claims_differ(&self) -> Message {
        let Self { person, record, at, other: second, .. } = self;
        let more = self.records.saturating_sub(1);
        match &self.other_at {
            Some(before) => msg!("CREDIT_CLAIMS_DIFFER", person, record, at, second, before, more),
            None => msg!("CREDIT_CLAIMS_DIFFER.tag", person, record, at, second, more),
        }
    }

    fn device_off_duty(&self) -> Message {
        let Self { records, person, device, there: place, .. } = self;
        match (person.is_empty(), place.is_empty()) {
            (true, _) => msg!("CREDIT_DEVICE_OFF_DUTY.elsewhere", records, device),
            (false, true) => msg!("CREDIT_DEVICE_OFF_DUTY", records, device, person),
            (false, false) => msg!("CREDIT_DEVICE_OFF_DUTY.there", records, device, person, place),
        }
    }

    fn device_of_several(&self) -> Message {
        let Self { records, device, .. } = self;
        match self.owners[..] {
            [first, second, ..] => {
                let more = self.of.saturating_sub(2);
                msg!("CREDIT_DEVICE_OF_SEVERAL", records, device, first, second, more)
            }
            [person] => msg!("CREDIT_DEVICE_OF_SEVERAL.beyond", records, device, person),
            [] => msg!("CREDIT_DEVICE_OF_SEVERAL.unknown", records, device),
        }
    }

    /// How far apart clocks are, to the second.
    fn clocks_apart(&self) -> Message {
        let (records, seconds) = (self.records, (self.ahead_ms.unsigned_abs() + 500) / 1_000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        match self.ahead_ms {
            0.. => msg!("CREDIT_CLOCKS_APART", records, minutes, seconds),
            _ => msg!("CREDIT_CLOCKS_APART.behind", records, minutes, seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    /// The kind after this one: a new kind does not compile until it stands here.
    fn next(kind: FindingKind) -> Option<FindingKind> {
        match kind {
            FindingKind::NoDutyEvidence => Some(FindingKind::UnheldAccount),
            FindingKind::UnheldAccount => Some(FindingKind::TagOffDuty),
            FindingKind::TagOffDuty => Some(FindingKind::NamedWithoutAgent),
            FindingKind::NamedWithoutAgent => Some(FindingKind::MixedWithoutTag),
            FindingKind::MixedWithoutTag => Some(FindingKind::TooFewToInfer),
            FindingKind::TooFewToInfer => Some(FindingKind::DidNotSettle),
            FindingKind::DidNotSettle => Some(FindingKind::SeveralAtOnce),
            FindingKind::SeveralAtOnce => Some(FindingKind::TooFewReplies),
            FindingKind::TooFewReplies => Some(FindingKind::ClockWithoutSeconds),
            FindingKind::ClockWithoutSeconds => Some(FindingKind::RepliesTooDense),
            FindingKind::RepliesTooDense => Some(FindingKind::EvidenceUneven),
            FindingKind::EvidenceUneven => Some(FindingKind::ReplyOutsideRecord),
            FindingKind::ReplyOutsideRecord => Some(FindingKind::ClocksApart),
            FindingKind::ClocksApart => Some(FindingKind::ClaimOffDuty),
            FindingKind::ClaimOffDuty => Some(FindingKind::ClaimWithoutRecord),
            FindingKind::ClaimWithoutRecord => Some(FindingKind::ClaimsDiffer),
            FindingKind::ClaimsDiffer => Some(FindingKind::DeviceOffDuty),
            FindingKind::DeviceOffDuty => Some(FindingKind::DeviceOfSeveral),
            FindingKind::DeviceOfSeveral => Some(FindingKind::ContributorOffDuty),
            FindingKind::ContributorOffDuty => Some(FindingKind::ContributorsNotSplit),
            FindingKind::ContributorsNotSplit => None,
        }
    }

    /// A finding of this kind that knows all that one can.
    fn seen(kind: FindingKind, records: u32) -> Seen<'static> {
        Seen {
            kind: Some(kind),
            records,
            person: "E17",
            at: "10:00:20".to_owned(),
            ahead_ms: -247_400,
            record: "T-9",
            other: "E23",
            other_at: Some("10:00:10".to_owned()),
            device: "PC-7",
            owners: vec!["E17", "E23"],
            of: 3,
            shared: true,
            there: "JD/shop/b",
        }
    }

    fn said(seen: &Seen<'_>) -> [String; 2] {
        [Locale::En, Locale::ZhCn].map(|locale| text(locale, &seen.detail()))
    }

    #[test]
    fn every_finding_is_said_in_every_language_with_all_that_it_knows() {
        for kind in std::iter::successors(Some(FindingKind::NoDutyEvidence), |kind| next(*kind)) {
            let seen = seen(kind, 4_711);
            let (detail, told) = (seen.detail(), said(&seen));
            assert_ne!(told[0], told[1]);
            for told in told {
                let count = if kind == FindingKind::ClaimsDiffer { "4710" } else { "4711" };
                assert!(told.contains(count) && !told.contains(detail.id()), "{told}");
                let named = detail.args().iter().any(|(name, _)| ["person", "first"].contains(name));
                assert_eq!(told.contains("E17"), named, "{told}");
                let of_device = [FindingKind::DeviceOffDuty, FindingKind::DeviceOfSeveral].contains(&kind);
                assert_eq!(told.contains("PC-7"), of_device, "{told}");
            }
        }
    }

    #[test]
    fn two_who_claim_one_record_are_both_named_with_the_record_and_their_clicks() {
        let both = seen(FindingKind::ClaimsDiffer, 1);
        let [english, chinese] = said(&both);
        assert_eq!(english, "E17 claimed T-9 at 10:00:20, and E23 had claimed it at 10:00:10: neither claim decides");
        assert!(["E17", "E23", "T-9", "10:00:20", "10:00:10"].iter().all(|part| chinese.contains(part)), "{chinese}");
        assert!(said(&Seen { records: 2, ..both.clone() })[0].ends_with(". So it is with 1 more record of that day"));
        assert!(said(&Seen { records: 3, ..both.clone() })[0].ends_with(". So it is with 2 more records of that day"));
        let [english, chinese] = said(&Seen { other_at: None, ..both });
        assert_eq!(english, "E17 claimed T-9 at 10:00:20, and the platform named E23 for it: the name counts");
        assert!(["E17", "E23", "T-9", "10:00:20"].iter().all(|part| chinese.contains(part)), "{chinese}");
    }

    #[test]
    fn a_device_is_named_with_whose_it_is_and_where_they_were() {
        let off = seen(FindingKind::DeviceOffDuty, 1);
        let [english, chinese] = said(&off);
        assert_eq!(
            english,
            "the device PC-7 of E17, who was on duty for JD/shop/b then, was used once: it does not count"
        );
        assert!(["PC-7", "E17", "JD/shop/b"].iter().all(|part| chinese.contains(part)), "{chinese}");
        let nowhere = Seen { there: "", records: 2, ..off.clone() };
        let expected = "the device PC-7 of E17, who was not on duty then, was used 2 times: it does not count";
        assert_eq!(said(&nowhere)[0], expected);
        assert!(said(&Seen { person: "", ..nowhere }).iter().all(|told| told.contains("PC-7")));
        let several = seen(FindingKind::DeviceOfSeveral, 1);
        let [english, chinese] = said(&several);
        assert_eq!(
            english,
            "the device PC-7 is E17's, E23's and 1 other's at once, and was used once: it does not count"
        );
        assert!(["PC-7", "E17", "E23"].iter().all(|part| chinese.contains(part)), "{chinese}");
        let [english, _] = said(&Seen { of: 2, ..several.clone() });
        assert!(english.starts_with("the device PC-7 is E17's and E23's at once"), "{english}");
        for owners in [vec!["E17"], vec![]] {
            let told = said(&Seen { owners: owners.clone(), of: 2, ..several.clone() });
            assert!(
                told.iter().all(|told| told.contains("PC-7") && told.contains("E17") != owners.is_empty()),
                "{told:?}"
            );
        }
    }

    #[test]
    fn one_of_a_kind_is_not_said_in_the_plural() {
        use FindingKind::{
            ClaimOffDuty, ClaimWithoutRecord, ClockWithoutSeconds, ClocksApart, RepliesTooDense, ReplyOutsideRecord,
            TooFewReplies,
        };
        let kinds = [
            ClaimOffDuty,
            ClaimWithoutRecord,
            ClockWithoutSeconds,
            ClocksApart,
            RepliesTooDense,
            ReplyOutsideRecord,
            TooFewReplies,
        ];
        for kind in kinds {
            let [english, _] = said(&seen(kind, 1));
            let plural =
                ["1 records", "1 replies", "1 dialogues", "1 times", "their record", "claims do", "they count"];
            assert!(!plural.iter().any(|plural| english.contains(plural)), "{english}");
            assert_ne!(english, said(&seen(kind, 2))[0].replace('2', "1"));
        }
    }

    #[test]
    fn clocks_are_said_to_be_ahead_or_behind_to_the_second() {
        for (ahead_ms, english, chinese) in
            [(247_400, "4 min 7 s ahead", "快 4 分 7 秒"), (-659_600, "11 min 0 s behind", "慢 11 分 0 秒")]
        {
            let told = said(&Seen { ahead_ms, ..seen(FindingKind::ClocksApart, 31) });
            assert!(told[0].contains(english) && told[1].contains(chinese), "{told:?}");
        }
    }

    #[test]
    fn a_month_that_was_closed_reads_the_same_again() {
        let told = said(&seen(FindingKind::UnheldAccount, 1));
        assert_eq!(told[0], "1 records came while nobody was on duty: credited to nobody");
    }
}
