use jiff::civil::date;
use tally_kernel::person::{Employment, Post};
use uuid::Uuid;

use super::super::facts::{DeviceBinding, DeviceUse};
use super::*;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn march() -> Period {
    Period::month_of(date(2026, 3, 1))
}

fn employment(post: Post, from: Date, path: &str) -> Employment {
    let (unit, region) = (OrgUnitId(id(900)), "cn-north".parse().unwrap());
    let (position, grade) = ("agent".into(), "P1".into());
    Employment { post, from, to: None, unit, unit_path: path.into(), region, position, grade, kind: None }
}

fn person(n: u128, path: &str) -> DirectoryPerson {
    let home = employment(Post::Home, date(2020, 1, 1), path);
    DirectoryPerson { id: PersonId(id(n)), employee_no: format!("E{n}"), zone: TimeZone::UTC, employments: vec![home] }
}

fn account(n: u128, key: &str) -> AccountFacts {
    AccountFacts {
        id: AccountId(id(n)),
        platform: "JD".to_owned(),
        key: key.to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        team_path: "north/a".to_owned(),
        unit: None,
        region: "cn-north".parse().unwrap(),
        phases: vec![],
    }
}

/// On the second day of the period.
fn duty(p: u128) -> Duty {
    let start_ms = "2026-03-02T01:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    Duty { person: PersonId(id(p)), start_ms, end_ms: start_ms + 10, rule: DutyRule::Roster, evidence: String::new() }
}

fn count(a: u128, agent: &str) -> AgentCount {
    AgentCount { account: AccountId(id(a)), agent: agent.to_owned(), records: 5 }
}

/// Accounts 11, 12 and 13 with keys c, b and a; people 1 to 4.
fn facts() -> Facts {
    Facts {
        people: (1..=4).map(|n| person(n, "north/a").into()).collect(),
        accounts: vec![account(11, "c"), account(12, "b"), account(13, "a")],
        duty: BTreeMap::from([
            (AccountId(id(11)), vec![duty(1), duty(2)]),
            (AccountId(id(12)), vec![duty(2)]),
            (AccountId(id(13)), vec![duty(3)]),
        ]),
        ..Facts::default()
    }
}

fn keys(plan: &Plan) -> Vec<Vec<&str>> {
    plan.components.iter().map(|c| c.accounts.iter().map(|a| a.key.as_str()).collect()).collect()
}

#[test]
fn accounts_that_share_a_person_are_one_item_and_others_are_apart() {
    let plan =
        snapshot(&facts(), march(), (&Policy::default(), Days::Own), &[count(11, ""), count(12, ""), count(13, "")])
            .unwrap();
    assert_eq!(keys(&plan), [vec!["a"], vec!["b", "c"]]);
    assert_eq!(plan.records, 15);
    let nos: Vec<_> = plan.components[1].people.iter().map(|p| p.no.as_str()).collect();
    assert_eq!(nos, ["E1", "E2"]);
}

#[test]
fn a_name_on_a_record_joins_accounts_as_duty_does() {
    let plan =
        snapshot(&facts(), march(), (&Policy::default(), Days::Own), &[count(12, "E3"), count(12, ""), count(13, "")])
            .unwrap();
    assert_eq!(keys(&plan), [vec!["a", "b"]]);
    assert_eq!(plan.components[0].accounts[1].agents["E3"], [Meaning { person: 1, from: None, to: None }]);
}

#[test]
fn accounts_without_records_are_no_work_and_unknown_accounts_are_a_finding() {
    let plan = snapshot(&facts(), march(), (&Policy::default(), Days::Own), &[count(13, ""), count(99, "")]).unwrap();
    assert_eq!(keys(&plan), [vec!["a"]]);
    assert_eq!(plan.records, 5);
    assert_eq!(plan.findings.iter().map(|f| f.kind.as_str()).collect::<Vec<_>>(), ["ACCOUNT_UNKNOWN"]);
}

#[test]
fn the_order_in_which_facts_come_does_not_matter() {
    let counts = [count(11, ""), count(12, "E4"), count(13, "")];
    let one = snapshot(&facts(), march(), (&Policy::default(), Days::Own), &counts).unwrap();
    let mut other = facts();
    other.people.reverse();
    other.accounts.reverse();
    other.duty.values_mut().for_each(|d| d.reverse());
    let other = snapshot(
        &other,
        march(),
        (&Policy::default(), Days::Own),
        &[counts[2].clone(), counts[1].clone(), counts[0].clone()],
    );
    assert_eq!(other.unwrap(), one);
}

#[test]
fn an_account_is_the_own_one_of_its_team_and_of_those_rostered_on_it() {
    let mut facts = facts();
    facts.people = [person(1, "north/a/early"), person(2, "north/ab"), person(3, "south")].map(Arc::new).into();
    facts.duty = BTreeMap::from([(AccountId(id(11)), vec![duty(1), duty(2), duty(3)])]);
    facts.rostered = BTreeSet::from([(AccountId(id(11)), PersonId(id(3)))]);
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(11, "")]).unwrap();
    assert_eq!(plan.components[0].accounts[0].own, [0, 2]);
    assert!(plan.components[0].rosters_known);
    assert!(!serde_json::to_string(&plan.components).unwrap().contains("own_from"));
}

#[test]
fn the_account_of_a_closed_team_is_the_own_one_of_those_it_went_to_from_that_day_on() {
    let mut facts = facts();
    facts.duty = BTreeMap::from([(AccountId(id(11)), vec![duty(1), duty(2), duty(3)])]);
    facts.rostered = BTreeSet::from([(AccountId(id(11)), PersonId(id(3)))]);
    // 1 was of it before, 2 is since the 10th, and so is 3, who is rostered on it anyhow.
    let joined = [2, 3].map(|n| (PersonId(id(n)), date(2026, 3, 10)));
    facts.joined = BTreeMap::from([(AccountId(id(11)), joined.into())]);
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(11, "")]).unwrap();
    let account = &plan.components[0].accounts[0];
    let midnight = "2026-03-10T00:00:00+08:00".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!((&account.own[..], &account.own_from), (&[0, 1, 2][..], &BTreeMap::from([(1, midnight)])));
    let own = |at| [0, 1, 2, 3].map(|place| account.is_own(place, at));
    assert_eq!([own(midnight - 1), own(midnight)], [[true, false, true, false], [true, true, true, false]]);
}

#[test]
fn a_second_post_leaves_the_card_with_the_home() {
    let mut facts = facts();
    let post = employment(Post::Beside, date(2026, 3, 1), "south");
    Arc::make_mut(&mut facts.people[2]).employments.push(Employment { unit: OrgUnitId(id(901)), ..post });
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(13, "")]).unwrap();
    let person = &plan.components[0].people[0];
    assert_eq!((person.unit, person.unit_path.as_str()), (OrgUnitId(id(900)), "north/a"));
}

#[test]
fn who_left_before_the_period_is_nobody() {
    let mut facts = facts();
    Arc::make_mut(&mut facts.people[2]).employments[0].to = Some(date(2026, 2, 28));
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(13, "E3")]).unwrap();
    assert_eq!(plan.components[0].people, []);
    assert_eq!(plan.components[0].accounts[0].agents["E3"], []);
}

#[test]
fn components_share_the_effort_by_their_records_and_a_few_records_elsewhere_change_no_part() {
    let one = attribution::Policy::default().effort;
    assert_eq!(effort(40_000, 40_000), one);
    assert_eq!(effort(10_000, 1_000_000), 10_000 << 7);
    assert_eq!(effort(10_000, 1_000_500), effort(10_000, 1_000_000));
    assert_eq!(effort(0, 0), 0);
    for parts in [1, 7, 100] {
        assert!(effort(1_000_000 / parts, 1_000_000) * parts <= EFFORTS * one, "{parts}");
    }
}

#[test]
fn duty_and_employments_of_days_outside_of_the_period_join_nothing() {
    let counts = [count(11, ""), count(12, ""), count(13, "")];
    let shape = |facts: &Facts, days: Days| -> Vec<String> {
        let of = |component: &Frozen| {
            let accounts: Vec<_> = component.accounts.iter().map(|account| &account.key).collect();
            let people: Vec<_> = component.people.iter().map(|person| (&person.no, person.unit)).collect();
            format!("{accounts:?} {people:?}")
        };
        snapshot(facts, march(), (&Policy::default(), days), &counts).unwrap().components.iter().map(of).collect()
    };
    let before = shape(&facts(), Days::Own);
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    // In Shanghai March begins and ends at 16:00 UTC of the day before.
    for (start, end, inside) in [
        ("2026-03-31T16:00:00Z", "2026-04-01T16:00:00Z", false),
        ("2026-02-27T16:00:00Z", "2026-02-28T16:00:00Z", false),
        ("2026-03-31T15:59:59Z", "2026-04-01T16:00:00Z", true),
        ("2026-02-27T16:00:00Z", "2026-02-28T16:00:01Z", true),
    ] {
        let mut facts = facts();
        let stretch = Duty { start_ms: at(start), end_ms: at(end), rule: DutyRule::Team, ..duty(3) };
        facts.duty.get_mut(&AccountId(id(11))).unwrap().push(stretch);
        assert_eq!(shape(&facts, Days::Own) == before, !inside, "{start}");
        assert_ne!(shape(&facts, Days::Around), before, "as it was closed");
    }
    let first = Policy { version: "1".to_owned(), ..Policy::default() };
    assert_eq!([Days::of(&first), Days::of(&Policy::default())], [Days::Around, Days::Own]);
    for (last, from) in [(date(2026, 3, 31), date(2026, 4, 1)), (date(2026, 2, 28), date(2026, 3, 1))] {
        let mut facts = facts();
        let homes = &mut Arc::make_mut(&mut facts.people[2]).employments;
        let there = homes[0].clone();
        let elsewhere = Employment { unit: OrgUnitId(id(901)), unit_path: "south".into(), ..there.clone() };
        let (first, second) = if from > march().to() { (there, elsewhere) } else { (elsewhere, there) };
        *homes = vec![Employment { to: Some(last), ..first }, Employment { from, ..second }];
        assert_eq!(shape(&facts, Days::Own), before, "another unit until {last}, or from {from}");
    }
}

#[test]
fn a_device_is_frozen_where_records_name_it_with_whoever_had_it_around_the_period() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (first, last) = (at("2026-02-27T16:00:00Z"), at("2026-04-01T16:00:00Z"));
    let use_of = |device: &str, p: u128, from_ms, to_ms| DeviceUse {
        device: device.to_owned(),
        person: PersonId(id(p)),
        from_ms,
        to_ms,
    };
    let mut facts = facts();
    facts.devices = vec![
        use_of("mine", 2, i64::MIN, i64::MAX),
        use_of("shared", 3, 5, first + 9),
        use_of("shared", 1, first + 9, first + 20),
        use_of("shared", 4, first + 9, first + 20),
        use_of("shared", 3, first + 9, first + 20),
        use_of("before", 1, 0, first),
        use_of("never named", 1, 0, i64::MAX),
    ];
    let (march, policy) = (march(), (&Policy::default(), Days::Own));
    let without = snapshot(&facts, march, policy, &[count(11, "")]).unwrap();
    assert!(!serde_json::to_string(&without.components).unwrap().contains("devices"), "bytes of months without any");
    let named = ["before", "mine", "nobody's", "shared"].map(str::to_owned);
    facts.named_devices = BTreeMap::from([(AccountId(id(11)), named.into()), (AccountId(id(12)), BTreeSet::new())]);
    let plan = snapshot(&facts, march, policy, &[count(11, "")]).unwrap();
    let devices = &plan.components[0].accounts[0].devices;
    assert!(devices.values().all(|device| device.bindings.is_empty() && device.near.is_none()));
    let told: Vec<_> = devices.iter().map(|(name, device)| (name.as_str(), &device.uses[..])).collect();
    let of = |from_ms, person, to_ms| FrozenUse { from_ms, person, to_ms };
    let mine = [of(first, Some(1), last)];
    let shared = [of(first, None, first + 9), of(first + 9, None, first + 20), of(first + 9, Some(0), first + 20)];
    assert_eq!(told, [("before", &[][..]), ("mine", &mine[..]), ("nobody's", &[][..]), ("shared", &shared[..])]);
    facts.devices.reverse();
    assert_eq!(snapshot(&facts, march, policy, &[count(11, "")]).unwrap(), plan, "in whatever order they come");
}

#[test]
fn a_device_of_which_nothing_is_said_is_frozen_with_the_unused_one_that_may_be_meant() {
    let binding = |device: &str, seat: Option<&str>, to| DeviceBinding {
        device: device.to_owned(),
        seat: seat.map(str::to_owned),
        from: None,
        to,
    };
    let mut facts = facts();
    facts.bindings = ["PC-14", "Desk-7", "PC-2", "till 33"].map(|device| binding(device, None, None)).into();
    facts.bindings.push(binding("PC-9", Some("A1"), Some(date(2026, 1, 31))));
    let named = ["PC14", "desk 7", "PC-2", "PC-3", "PC-9", "laptop"].map(str::to_owned);
    // What another account uses is meant by no other name either.
    let elsewhere = BTreeSet::from(["till 33".to_owned(), "till 34".to_owned()]);
    facts.named_devices = BTreeMap::from([(AccountId(id(11)), named.into()), (AccountId(id(13)), elsewhere)]);
    let (march, policy) = (march(), (&Policy::default(), Days::Own));
    let plan = snapshot(&facts, march, policy, &[count(11, ""), count(13, "")]).unwrap();
    let devices = plan.components.iter().flat_map(|component| &component.accounts).flat_map(|account| &account.devices);
    let mut told: Vec<_> =
        devices.map(|(name, device)| (name.as_str(), device.bindings.len(), device.near.as_deref())).collect();
    told.sort_unstable();
    let expected = [
        ("PC-2", 1, None),
        ("PC-3", 0, None),
        ("PC-9", 1, None),
        ("PC14", 0, Some("PC-14")),
        ("desk 7", 0, Some("Desk-7")),
        ("laptop", 0, None),
        ("till 33", 1, None),
        ("till 34", 0, None),
    ];
    assert_eq!(told, expected);
    let seat = FrozenBinding { from: None, to: Some(date(2026, 1, 31)), seat: Some("A1".to_owned()) };
    assert_eq!(plan.components[1].accounts[0].devices["PC-9"].bindings, [seat]);
    facts.bindings.reverse();
    assert_eq!(snapshot(&facts, march, policy, &[count(11, ""), count(13, "")]).unwrap(), plan);
}

#[test]
fn whoever_claims_joins_the_account_and_claims_that_nobody_looks_at_are_told() {
    let mut facts = facts();
    let clicks = |claims: u64| Clicks { claims, first_ms: 1_772_416_810_000 };
    let claimed = |people: &[(u128, u64)]| {
        people.iter().map(|(person, claims)| (PersonId(id(*person)), clicks(*claims))).collect()
    };
    // The fourth is on duty nowhere, the ninth is not employed; account 12 has no record.
    facts.claimed.insert(AccountId(id(11)), claimed(&[(1, 2), (4, 1), (9, 3)]));
    facts.claimed.insert(AccountId(id(12)), claimed(&[(3, 5)]));
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(11, ""), count(13, "")]).unwrap();
    assert_eq!(keys(&plan), [vec!["a"], vec!["c"]], "a claim that counts for nothing joins nothing");
    let nos: Vec<_> = plan.components[1].people.iter().map(|p| p.no.as_str()).collect();
    assert_eq!(nos, ["E1", "E2", "E4"]);
    let told: Vec<_> = plan.findings.iter().map(|f| (f.kind.as_str(), f.subject.as_str(), f.detail.clone())).collect();
    let nobody = msg!("CREDIT_CLAIM_OFF_DUTY", records = 3, person = PersonId(id(9)));
    let in_vain = msg!("CREDIT_CLAIM_WITHOUT_RECORD", records = 5, person = "E3");
    assert_eq!(told, [("CLAIM_OFF_DUTY", "c", nobody), ("CLAIM_WITHOUT_RECORD", "b", in_vain)]);
    assert!(plan.findings.iter().all(|found| found.at == "2026-03-02T10:00:10+08:00"), "dated by the first click");
    facts.claimed.insert(AccountId(id(11)), claimed(&[(3, 1)]));
    let plan = snapshot(&facts, march(), (&Policy::default(), Days::Own), &[count(11, ""), count(13, "")]).unwrap();
    assert_eq!(keys(&plan), [vec!["a", "c"]], "who claims here is on duty there");
}
