//! From a component's frozen facts and records to everything that is written about it. Pure; busy on every core.

use std::collections::{BTreeMap, BTreeSet};

use tally_kernel::id::PersonId;

use super::codec::Share;
use super::collect::{Records, Sums, day_number};
use super::credit::{CreditDigest, Figures};
use super::facts::{DutyRule, Odd, PhaseKind};
use super::snapshot::{Frozen, FrozenAccount, FrozenUse};
use super::{noticed, strangers, worth};
use crate::attribution::{
    self as attribution, AccountInput, AgentInput, Attribution, Credit, DeviceUse, Input, Occupancy, Phase, PhaseFrom,
    attribute, worth as worth_of,
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
    let devices = records.number_devices();
    input.devices = device_uses(&frozen, &devices);
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
    let devices: Vec<String> = devices.into_keys().collect();
    let mut findings = noticed::findings((&frozen, &devices), &input, &outcome, records.findings);
    findings.extend(strangers::findings((&frozen, &devices), &input));
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
        uses.extend(of_device.uses.iter().map(|one| (*device, *one)));
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
    use super::super::snapshot::{FrozenBinding, FrozenDevice, FrozenDuty, FrozenPerson};
    use super::*;
    use crate::attribution::Rung;
    use crate::policy::Policy;

    /// An account with two people rostered on it all day, and the uses of these devices.
    fn frozen(rules: &str, devices: &[(&str, FrozenDevice)]) -> Frozen {
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
            devices: devices.iter().map(|(name, device)| ((*name).to_owned(), device.clone())).collect(),
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

    /// What comes of records ten minutes apart, from ten o'clock on, that were served at these devices.
    fn computed(frozen: Frozen, devices: &[&str]) -> Computed {
        let mut records = Records::new(0);
        let mut collector = Collector::new(&frozen, 0, &mut records).unwrap();
        for (n, device) in (0..).zip(devices) {
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
    }

    #[test]
    fn a_device_that_was_nobodys_is_told_with_what_may_be_meant_by_it() {
        let hour = 3_600_000;
        let bound = |from, to, seat: Option<&str>| vec![FrozenBinding { from, to, seat: seat.map(str::to_owned) }];
        let (before, after) = (date(1969, 12, 31), date(1970, 1, 2));
        let use_of = |to_ms| vec![FrozenUse { from_ms: 0, person: Some(1), to_ms }];
        let device =
            |uses, bindings, near: Option<&str>| FrozenDevice { uses, bindings, near: near.map(str::to_owned) };
        let devices = [
            ("coming", device(vec![], bound(Some(after), None, None), None)),
            ("ended", device(vec![], bound(None, Some(before), None), None)),
            ("misspelt", device(vec![], vec![], Some("misspelled"))),
            ("other", device(vec![], vec![], None)),
            ("own", device(use_of(i64::MAX), bound(None, None, None), None)),
            ("seat", device(use_of(11 * hour), bound(None, None, Some("A1")), None)),
            ("stranger", device(vec![], vec![], None)),
        ];
        let named =
            ["coming", "ended", "misspelt", "own", "seat", "stranger", "stranger", "other", "seat", "ended", ""];
        let outcome = computed(frozen("3", &devices), &named);
        let told = |outcome: &Computed| {
            let found = outcome.findings.iter().filter(|odd| odd.finding.kind == "DEVICE_OF_NOBODY");
            let one = |odd: &Odd| (odd.finding.at.clone(), text(Locale::En, &odd.finding.detail));
            found.map(one).collect::<Vec<_>>()
        };
        let said = |at: &str, what: &str| (format!("1970-01-01T{at}:00+00:00"), what.to_owned());
        let expected = [
            said(
                "10:50",
                "2 devices that are bound to nobody, such as other, were used 3 times: that tells only what the same hands wrote",
            ),
            said(
                "10:20",
                "the device misspelt, which is bound to nobody, was used once, and misspelled, which is bound, never: is that the one meant?",
            ),
            said(
                "11:20",
                "the device seat of the seat A1 was used once while nobody was rostered on that seat: it was nobody's then",
            ),
            said(
                "10:10",
                "the device ended was used 2 times after 1969-12-31, the last day of its binding: it was nobody's then",
            ),
            said(
                "10:00",
                "the device coming was used once before 1970-01-02, the first day of its binding: it was nobody's then",
            ),
        ];
        assert_eq!(told(&outcome), expected);
        assert_eq!(told(&computed(frozen("2", &devices), &named)), []);
        // Where nothing is said of any device, nobody is asked whose they are.
        let none = devices.map(|(name, _)| (name, FrozenDevice::default()));
        assert_eq!(told(&computed(frozen("3", &none), &named)), []);
    }

    #[test]
    fn the_device_of_a_record_decides_where_it_is_one_persons_who_was_on_duty() {
        let of = |people: &[Option<u32>]| FrozenDevice {
            uses: people.iter().map(|person| FrozenUse { from_ms: 0, person: *person, to_ms: i64::MAX }).collect(),
            ..FrozenDevice::default()
        };
        let devices = [
            ("both", of(&[Some(0), Some(1)])),
            ("elsewhere", of(&[None])),
            ("nobody's", of(&[])),
            ("off duty", of(&[Some(2)])),
            ("own", of(&[Some(1)])),
        ];
        let named = ["both", "elsewhere", "", "nobody's", "off duty", "own", "unheard of"];
        let computed = |rules: &str| computed(frozen(rules, &devices), &named);
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
}
