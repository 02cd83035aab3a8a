//! From a component's frozen facts and records to everything that is written about it. Pure; busy on every core.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tally_kernel::id::PersonId;
use tally_kernel::time::{told_at, zone};
use tally_kernel::{Message, msg};

use super::codec::Share;
use super::collect::{Records, Sums, day_number};
use super::credit::{CreditDigest, Figures};
use super::facts::{DutyRule, Finding, PhaseKind};
use super::snapshot::{Frozen, FrozenAccount, FrozenUse};
use super::worth;
use crate::attribution::{
    self as attribution, AccountInput, AgentInput, Attribution, Credit, DeviceUse, FindingKind, Input, Occupancy,
    Phase, PhaseFrom, attribute, worth as worth_of,
};

/// What came out for a component.
#[derive(Debug)]
pub struct Computed {
    /// The facts that went in.
    pub frozen: Frozen,
    /// The records that went in.
    pub records: Vec<attribution::Record>,
    /// Credits and totals, people and accounts by their places in the frozen facts.
    pub outcome: Attribution,
    /// Each account's part, in order.
    pub accounts: Vec<AccountPart>,
    /// What each credited person's shares add up to.
    pub sums: Vec<(PersonId, Sums)>,
    /// What somebody should look at.
    pub findings: Vec<Odd>,
}

/// Something that a person should look at, with where it was seen.
#[derive(Clone, Debug)]
pub struct Odd {
    /// Place of the account.
    pub account: Option<u32>,
    /// Place of the person.
    pub person: Option<u32>,
    /// Place of the record, where it is about one alone.
    pub record: Option<u32>,
    /// What is told.
    pub finding: Finding,
}

/// An account's part of the credits.
#[derive(Clone, Debug)]
pub struct AccountPart {
    /// Its credits in [`Outcome::credits`].
    pub credits: std::ops::Range<usize>,
    /// How its records were credited.
    pub figures: Figures,
    /// Digest of its credits.
    pub digest: [u8; 32],
    /// Digest of its records' contents, in the order of its credits: whether they are still what was credited.
    pub contents: [u8; 32],
}

/// Credits a component's records and adds up what was measured. `customs` is the number of custom measures.
pub fn compute(frozen: Frozen, mut records: Records, customs: usize, pool: &rayon::ThreadPool) -> Computed {
    let mut input = input(&frozen);
    input.records = std::mem::take(&mut records.rows);
    input.contributions = std::mem::take(&mut records.contributions);
    input.devices = device_uses(&frozen, &records.number_devices());
    input.record_devices = std::mem::take(&mut records.record_devices);
    input.replies = std::mem::take(&mut records.replies);
    input.claims = std::mem::take(&mut records.claims);
    let outcome = attribute(&input, pool);
    let mut worths = worth_of(&input, &outcome, pool).into_iter();
    let mut accounts = Vec::with_capacity(frozen.accounts.len());
    let mut sums = vec![Sums { custom: vec![Default::default(); customs], ..Sums::default() }; frozen.people.len()];
    let mut next = 0;
    for (place, account) in (0_u32..).zip(&frozen.accounts) {
        let first = next;
        let (mut figures, mut contents) = (Figures::default(), Vec::new());
        let mut digest = CreditDigest::new(&frozen.people, &account.key, &outcome.digest);
        let of_account = |c: &&Credit| input.records[c.record as usize].account == place;
        for credit in outcome.credits[first..].iter().take_while(of_account) {
            next += 1;
            let shares = outcome.shares_of(credit);
            figures.count(credit.rung);
            let content = &records.contents[credit.record as usize];
            contents.extend_from_slice(content);
            digest.add(content, credit.rung, shares.iter().map(stored));
            for share in shares {
                let outside = !account.is_own(share.person, input.records[credit.record as usize].start_ms);
                let sum = &mut sums[share.person as usize];
                sum.add(&records, credit.record as usize, share.ppm, outside, frozen.minor_digits);
            }
        }
        figures.mixed_untagged = records.mixed_untagged.get(place as usize).copied().unwrap_or_default();
        figures.worth = worths.next().flatten();
        let contents = *blake3::hash(&contents).as_bytes();
        accounts.push(AccountPart { credits: first..next, figures, digest: digest.finish(), contents });
    }
    let mut findings = findings(&frozen, &input, &outcome, records.findings);
    let told = (0..).zip(frozen.accounts.iter().zip(&accounts));
    findings.extend(told.filter_map(|(place, (account, part))| {
        let finding = worth::finding(account, part.figures.worth.as_ref()?)?;
        Some(Odd { account: Some(place), person: None, record: None, finding })
    }));
    let people = frozen.people.iter().map(|p| p.id).zip(sums);
    let sums = people.filter(|(_, sums)| sums.credited_ppm > 0).collect();
    Computed { records: input.records, frozen, outcome, accounts, sums, findings }
}

/// A share as it is stored.
pub fn stored(share: &attribution::Share) -> Share {
    Share { person: share.person, ppm: share.ppm, duty: share.evidence }
}

fn input(frozen: &Frozen) -> Input {
    let people = frozen.people.iter().map(|p| AgentInput { key: p.no.clone() }).collect();
    let accounts = frozen.accounts.iter().map(account).collect();
    let mut occupancy = Vec::new();
    for (place, account) in (0_u32..).zip(&frozen.accounts) {
        let row = |(evidence, duty): (u32, &super::snapshot::FrozenDuty)| Occupancy {
            account: place,
            person: duty.person,
            from_ms: duty.start_ms,
            to_ms: duty.end_ms,
            rule: rule(duty.rule),
            evidence,
        };
        occupancy.extend((0_u32..).zip(&account.duty).map(row));
    }
    Input { policy: policy(frozen), people, accounts, occupancy, ..Input::default() }
}

/// Whose the devices were that records or messages name, by their numbers; each once, also where several accounts name it.
fn device_uses(frozen: &Frozen, numbers: &BTreeMap<String, u32>) -> Vec<DeviceUse> {
    let mut uses = BTreeSet::new();
    for (name, of_device) in frozen.accounts.iter().flat_map(|account| &account.devices) {
        let Some(device) = numbers.get(name) else { continue };
        uses.extend(of_device.iter().map(|one| (*device, *one)));
    }
    let one = |(device, FrozenUse { from_ms, person, to_ms })| DeviceUse { device, person, from_ms, to_ms };
    uses.into_iter().map(one).collect()
}

fn policy(frozen: &Frozen) -> attribution::Policy {
    let policy = &frozen.policy;
    attribution::Policy {
        effort: frozen.effort,
        version: policy.version.clone(),
        rules: policy.rules(),
        session_window_ms: i64::from(policy.session_window_seconds) * 1_000,
        inference: !policy.inference_off,
        min_ambiguous: policy.min_ambiguous,
        split: policy.split.clone(),
        ..attribution::Policy::default()
    }
}

fn account(account: &FrozenAccount) -> AccountInput {
    let phase = |phase: &super::facts::Phase| PhaseFrom {
        from_day: phase.from.map_or(i32::MIN, day_number),
        phase: match phase.kind {
            PhaseKind::Shared => Phase::Shared,
            PhaseKind::Mixed => Phase::Mixed,
            PhaseKind::Named => Phase::Named,
        },
        capacity: phase.capacity,
    };
    // Where nothing tells who was on duty, attendance has said so already and named the team as such.
    AccountInput { key: account.key.clone(), phases: account.phases.iter().map(phase).collect(), team: Vec::new() }
}

fn rule(rule: DutyRule) -> attribution::DutyRule {
    match rule {
        DutyRule::Handover => attribution::DutyRule::HandoverHeld,
        DutyRule::Roster => attribution::DutyRule::Rostered,
        DutyRule::Punch => attribution::DutyRule::Punched,
        DutyRule::Team => attribution::DutyRule::Team,
    }
}

fn findings(frozen: &Frozen, input: &Input, outcome: &Attribution, of_records: Vec<Finding>) -> Vec<Odd> {
    let place = |key: &str| frozen.accounts.iter().position(|a| a.key == key).and_then(|i| u32::try_from(i).ok());
    let by_its_clock = |account: Option<u32>, at: Timestamp| told(frozen, account, at);
    let of_record = |found: Finding| {
        let account = place(&found.subject);
        let at = found.at.parse().map_or(found.at, |at| by_its_clock(account, at));
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
        let person = found.person.and_then(|p| frozen.people.get(p as usize)).map_or("", |p| p.no.as_str());
        let at = input.records.get(found.record as usize).map_or(0, |r| r.start_ms);
        let at = by_its_clock(Some(found.account), Timestamp::from_millisecond(at).unwrap_or_default());
        let detail = detail(found.kind, found.records, person, found.ahead_ms);
        let finding = Finding::new(found.kind.to_string(), account.key.as_str(), at, detail);
        let record = Some(found.record).filter(|_| found.records == 1);
        all.push(Odd { account: Some(found.account), person: found.person, record, finding });
    }
    all
}

/// An instant by the clock of its account. Months of the first rules were told by UTC, and stay so.
fn told(frozen: &Frozen, account: Option<u32>, at: Timestamp) -> String {
    let account = account.and_then(|a| frozen.accounts.get(a as usize)).filter(|_| frozen.policy.rules() >= 2);
    let zone = account.and_then(|account| zone(&account.zone).ok());
    zone.map_or_else(|| at.to_string(), |zone| told_at(at, &zone))
}

/// What was seen and what was made of it.
fn detail(kind: FindingKind, records: u32, person: &str, ahead_ms: Option<i64>) -> Message {
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
        FindingKind::ReplyOutsideRecord => msg!("CREDIT_REPLY_OUTSIDE_RECORD", records),
        FindingKind::ClockWithoutSeconds => msg!("CREDIT_CLOCK_WITHOUT_SECONDS", records),
        FindingKind::ClocksApart => clocks_apart(records, ahead_ms.unwrap_or_default()),
        FindingKind::ClaimOffDuty => msg!("CREDIT_CLAIM_OFF_DUTY", records, person),
        FindingKind::ClaimWithoutRecord => msg!("CREDIT_CLAIM_WITHOUT_RECORD", records, person),
        FindingKind::ClaimsDiffer => msg!("CREDIT_CLAIMS_DIFFER", records, person),
        FindingKind::DeviceOffDuty if person.is_empty() => msg!("CREDIT_DEVICE_OFF_DUTY.elsewhere", records),
        FindingKind::DeviceOffDuty => msg!("CREDIT_DEVICE_OFF_DUTY", records, person),
        FindingKind::DeviceOfSeveral => msg!("CREDIT_DEVICE_OF_SEVERAL", records),
        FindingKind::ContributorOffDuty => msg!("CREDIT_CONTRIBUTOR_OFF_DUTY", records, person),
        FindingKind::ContributorsNotSplit => msg!("CREDIT_CONTRIBUTORS_NOT_SPLIT", records),
    }
}

/// How far apart clocks are, to the second.
fn clocks_apart(records: u32, ahead_ms: i64) -> Message {
    let seconds = (ahead_ms.unsigned_abs() + 500) / 1_000;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match ahead_ms {
        0.. => msg!("CREDIT_CLOCKS_APART", records, minutes, seconds),
        _ => msg!("CREDIT_CLOCKS_APART.behind", records, minutes, seconds),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_i18n::text;
    use tally_kernel::id::{AccountId, OrgUnitId};
    use tally_kernel::time::Period;
    use tally_kernel::{Locale, Region};
    use uuid::Uuid;

    use super::super::collect::{Collector, Row};
    use super::super::facts;
    use super::super::snapshot::{FrozenDuty, FrozenPerson};
    use super::*;
    use crate::attribution::Rung;
    use crate::policy::Policy;

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
            FindingKind::RepliesTooDense => Some(FindingKind::ReplyOutsideRecord),
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

    #[test]
    fn every_finding_is_said_in_every_language_with_all_that_it_knows() {
        for kind in std::iter::successors(Some(FindingKind::NoDutyEvidence), |kind| next(*kind)) {
            let detail = detail(kind, 4_711, "E17", Some(-247_400));
            let told = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &detail));
            assert_ne!(told[0], told[1]);
            for told in told {
                assert!(told.contains("4711") && !told.contains(detail.id()), "{told}");
                let named = detail.args().iter().any(|(name, _)| *name == "person");
                assert_eq!(told.contains("E17"), named, "{told}");
            }
        }
    }

    /// An account with two people rostered on it all day, and the uses of these devices.
    fn frozen(rules: &str, devices: &[(&str, &[FrozenUse])]) -> Frozen {
        let (day, hour) = (Period::month_of(date(1970, 1, 1)), 3_600_000);
        let person = |n: u128| FrozenPerson {
            id: PersonId(Uuid::from_u128(n)),
            no: format!("E{n}"),
            unit: OrgUnitId(Uuid::nil()),
            unit_path: String::new(),
            region: Region::global(),
            employed: vec![(date(1969, 1, 1), None)],
        };
        let (start_ms, end_ms, rule) = (9 * hour, 18 * hour, DutyRule::Roster);
        let duty = |person| FrozenDuty { start_ms, person, rule, end_ms, evidence: String::new() };
        let account = FrozenAccount {
            id: AccountId(Uuid::from_u128(9)),
            key: "JD/shop/a".to_owned(),
            zone: "UTC".to_owned(),
            region: Region::global(),
            unit: None,
            from_ms: 0,
            to_ms: 31 * 24 * hour,
            phases: vec![facts::Phase { from: None, kind: PhaseKind::Shared, capacity: 3 }],
            duty: vec![duty(0), duty(1)],
            own: Vec::new(),
            own_from: BTreeMap::new(),
            agents: BTreeMap::new(),
            devices: devices.iter().map(|(name, uses)| ((*name).to_owned(), uses.to_vec())).collect(),
        };
        Frozen {
            period: day,
            policy: Policy { version: rules.to_owned(), ..Policy::default() },
            minor_digits: 2,
            rosters_known: true,
            effort: 1_000_000,
            people: vec![person(0), person(1), person(2)],
            accounts: vec![account],
        }
    }

    #[test]
    fn the_device_of_a_record_decides_where_it_is_one_persons_who_was_on_duty() {
        let of = |person| FrozenUse { from_ms: 0, person, to_ms: i64::MAX };
        let devices: [(&str, &[FrozenUse]); 5] = [
            ("both", &[of(Some(0)), of(Some(1))]),
            ("elsewhere", &[of(None)]),
            ("nobody's", &[]),
            ("off duty", &[of(Some(2))]),
            ("own", &[of(Some(1))]),
        ];
        let computed = |rules: &str| {
            let (frozen, mut records) = (frozen(rules, &devices), Records::new(0));
            let mut collector = Collector::new(&frozen, 0, &mut records).unwrap();
            for (n, device) in (0..).zip(["both", "elsewhere", "", "nobody's", "off duty", "own", "unheard of"]) {
                let started_ms = 10 * 3_600_000 + n * 600_000;
                let row = Row {
                    started_ms,
                    ended_ms: started_ms + 60_000,
                    external_id: &n.to_string(),
                    agent: "",
                    contributors: &[],
                    kind: "",
                    customer: "",
                    first_reply_ms: None,
                    resolved: None,
                    rating_milli: None,
                    amount_minor: None,
                    custom: &[],
                    device,
                    content: &[7; 32],
                };
                collector.push(&row);
            }
            collector.finish();
            compute(frozen, records, 0, &rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap())
        };
        let outcome = computed("3");
        let rungs: Vec<_> = outcome.outcome.credits.iter().map(|credit| credit.rung).collect();
        assert!(rungs.iter().enumerate().all(|(n, rung)| (n == 5) == (*rung == Rung::Device)), "{rungs:?}");
        let share = outcome.outcome.shares_of(&outcome.outcome.credits[5]);
        assert_eq!((share[0].person, share[0].ppm, outcome.accounts[0].figures.device), (1, 1_000_000, 1));
        let told = |kind: &str| {
            let found = outcome.findings.iter().filter(|odd| odd.finding.kind == kind);
            found.map(|odd| (odd.record, odd.person)).collect::<Vec<_>>()
        };
        assert_eq!(told("DEVICE_OFF_DUTY"), [(Some(1), None), (Some(4), Some(2))]);
        assert_eq!(told("DEVICE_OF_SEVERAL"), [(Some(0), None)]);
        let before = computed("2");
        assert!(before.outcome.credits.iter().all(|credit| credit.rung == Rung::Equal));
        assert!(!before.findings.iter().any(|odd| odd.finding.kind.starts_with("DEVICE")));
    }

    #[test]
    fn clocks_are_said_to_be_ahead_or_behind_to_the_second() {
        for (ahead_ms, english, chinese) in
            [(247_400, "4 min 7 s ahead", "快 4 分 7 秒"), (-659_600, "11 min 0 s behind", "慢 11 分 0 秒")]
        {
            let detail = detail(FindingKind::ClocksApart, 31, "", Some(ahead_ms));
            let told = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &detail));
            assert!(told[0].contains(english) && told[1].contains(chinese), "{told:?}");
        }
    }

    #[test]
    fn a_month_that_was_closed_reads_the_same_again() {
        let told = text(Locale::En, &detail(FindingKind::UnheldAccount, 1, "", None));
        assert_eq!(told, "1 records came while nobody was on duty: credited to nobody");
    }
}
