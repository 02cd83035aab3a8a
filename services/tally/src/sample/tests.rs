use std::collections::{BTreeMap, BTreeSet};

use tally_bundle::{Bundle, Inference, Options, PhaseKind, Policy, PunchKind, Reading, Scheme, read_bundle};
use tempfile::TempDir;

use super::*;

fn read(sample: &Sample) -> Reading {
    let dir = TempDir::new().expect("a folder");
    sample.write_bundle(dir.path()).expect("written");
    read_bundle(dir.path(), Options::default(), &mut |_, _| {}).expect("the sample is usable")
}

#[test]
fn the_sample_reads_without_trouble_in_both_languages() {
    for lang in [Lang::En, Lang::ZhCn] {
        let Reading { bundle, rejected, .. } = read(&sample(1, 20_000, lang));
        assert_eq!((rejected, &bundle.findings), (Vec::new(), &Vec::new()));
        assert_eq!((bundle.records.len(), bundle.people.len(), bundle.accounts.len()), (20_000, 60, 11));
        let names: BTreeSet<_> = bundle.people.iter().map(|p| &p.name).collect();
        assert_eq!(names.len(), 60, "everybody has another name");
        let regions: BTreeSet<&str> =
            bundle.people.iter().map(|p| bundle.region_of(&p.employments[0].org_unit)).collect();
        assert_eq!(regions.len(), 3);
        assert!(bundle.people.iter().any(|p| p.employments[0].left_on.is_some_and(|d| bundle.period.contains(d))));
        assert!(bundle.aliases.iter().any(|a| a.from.is_some()) && bundle.aliases.iter().any(|a| a.to.is_some()));
        assert_eq!(bundle.pool.as_ref().map(|p| p.amount_minor), Some(6_000_000));
    }
}

#[test]
fn its_settings_are_the_defaults_written_out() {
    let bundle = read(&sample(1, 500, Lang::ZhCn)).bundle;
    assert_eq!(bundle.policy, Policy { inference: Inference::Auto, ..Policy::default() });
    assert_eq!(bundle.scheme, Scheme { name: bundle.scheme.name.clone(), ..Scheme::default() });
}

#[test]
fn a_seed_determines_every_byte_and_another_seed_another_month() {
    assert_eq!(sample(7, 3_000, Lang::En), sample(7, 3_000, Lang::En));
    assert_ne!(sample(7, 3_000, Lang::En), sample(8, 3_000, Lang::En));
}

#[test]
fn a_large_group_has_two_hundred_people_on_twenty_accounts() {
    let made = sample(1, 500_000, Lang::En);
    assert_eq!(made.files["people.csv"].lines().count(), 201);
    let accounts: BTreeSet<&str> =
        made.files["accounts.csv"].lines().skip(1).filter_map(|l| l.split(',').nth(2)).collect();
    assert_eq!(accounts.len(), 20);
    assert_eq!(made.files["records.csv"].lines().count(), 500_001);
}

/// What the demo promises to show is in the month.
#[test]
fn the_month_has_nights_missing_punches_and_every_kind_of_account() {
    let bundle = read(&sample(3, 20_000, Lang::En)).bundle;
    let kinds: BTreeSet<PhaseKind> = bundle.accounts.iter().flat_map(|a| a.phases.iter().map(|p| p.kind)).collect();
    assert_eq!(kinds.len(), 3);
    assert!(bundle.accounts.iter().any(|a| a.phases.len() == 2) && bundle.accounts.iter().any(|a| a.exclusive));
    let of = |kind| bundle.punches.iter().filter(|p| p.kind == kind).count();
    assert_ne!(of(PunchKind::In), of(PunchKind::Out));
    let doubled = bundle.punches.windows(2).filter(|w| w[0].person == w[1].person && w[0].kind == w[1].kind).count();
    assert!(doubled > 5, "{doubled}");
    // 23:00 in Shanghai is 15:00 in UTC.
    let nights = bundle.records.iter().filter(|r| (15..20).contains(&(r.started_at.as_second() / 3_600 % 24))).count();
    assert!(nights > 200, "{nights}");
    let evidence: BTreeSet<_> =
        bundle.rosters.iter().map(|r| r.account).chain(bundle.handovers.iter().map(|h| h.account)).collect();
    let unit = |person| bundle.person(person).employments[0].org_unit.as_str();
    let punched: BTreeSet<&str> = bundle.punches.iter().map(|p| unit(p.person)).collect();
    let dark = bundle.accounts.iter().enumerate().filter(|(i, a)| {
        let team = a.team.as_deref().expect("every account has a team");
        !evidence.contains(&tally_bundle::AccountIx(*i as u32)) && !punched.contains(team)
    });
    assert_eq!(dark.count(), 1, "one account has no evidence of duty at all");
}

fn truth<'a>(bundle: &'a Bundle, made: &'a Sample) -> impl Iterator<Item = (&'a tally_bundle::Record, &'a str)> {
    bundle.records.iter().map(|r| (r, made.served_by(bundle.text(r.external_id)).expect("the truth is known")))
}

#[test]
fn tags_are_true_and_partial() {
    let made = sample(5, 20_000, Lang::ZhCn);
    let bundle = read(&made).bundle;
    let mut tagged = BTreeMap::<PhaseKind, (u32, u32)>::new();
    for (record, person) in truth(&bundle, &made) {
        let day = record.started_at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date();
        let count = tagged.entry(bundle.account(record.account).phase_on(day).kind).or_default();
        count.1 += 1;
        if let Some(agent) = record.agent {
            assert_eq!(bundle.person(agent).employee_no, person);
            count.0 += 1;
        }
    }
    let percent = |kind| tagged[&kind].0 * 100 / tagged[&kind].1;
    assert_eq!(percent(PhaseKind::Shared), 0);
    assert!((30..40).contains(&percent(PhaseKind::Mixed)) && (95..100).contains(&percent(PhaseKind::Named)));
    assert_eq!(made.served_by("nonsense"), None);
}

#[test]
fn nobody_serves_more_at_once_than_two_hands_can_or_outside_the_employment() {
    let made = sample(2, 60_000, Lang::En);
    let bundle = read(&made).bundle;
    let mut open: BTreeMap<&str, Vec<(i64, i32)>> = BTreeMap::new();
    for (record, person) in truth(&bundle, &made) {
        let ix = bundle.find_person(person).expect("a person");
        let day = record.started_at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date();
        let employed = bundle.person(ix);
        // A night shift may end on the day after the last one.
        let last = employed.employments[0].left_on.map(|d| d.tomorrow().expect("in range"));
        assert!(employed.employments[0].hired_on <= day && last.is_none_or(|last| day <= last));
        let spans = open.entry(person).or_default();
        spans.push((record.started_at.as_second(), 1));
        spans.push((record.ended_at.as_second(), -1));
    }
    for spans in open.values_mut() {
        spans.sort_unstable();
        let mut load = 0;
        let most = spans
            .iter()
            .map(|(_, step)| {
                load += step;
                load
            })
            .max();
        assert!(most <= Some(3), "{most:?}");
    }
}

/// The chat accounts have replies that a person could have written, on known workstations, and clicks that are true.
#[test]
fn chat_accounts_tell_when_who_wrote_and_whose_it_was() {
    let made = sample(4, 20_000, Lang::En);
    let records: BTreeMap<&str, Vec<&str>> = made.files["records.csv"]
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>())
        .map(|c| (c[3], c))
        .collect();
    let (mut accounts, mut first, mut devices) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for line in made.files["replies.csv"].lines().skip(1) {
        let [account, id, at, by, device] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let record = &records[id];
        assert!(record[2] == account && record[4] <= at && at <= record[5], "{line}");
        accounts.insert(account);
        if by == "agent" {
            first.entry(id).or_insert(at);
        }
        devices.extend(Some(device).filter(|d| !d.is_empty()));
    }
    assert_eq!(accounts.len(), 3);
    let bound: BTreeSet<&str> = made.files["devices.csv"].lines().skip(1).filter_map(|l| l.split(',').next()).collect();
    assert!(devices.is_subset(&bound) && devices.len() > 5, "{devices:?}");
    let (mut named, mut claims) = (0, 0);
    for line in made.files["claims.csv"].lines().skip(1) {
        let [_, at, who, id, customer] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        claims += 1;
        if !id.is_empty() {
            assert!(made.served_by(id) == Some(who) && records[id][4] <= at && customer.is_empty(), "{line}");
            named += 1;
        }
    }
    assert!(named > 100 && named * 10 < claims * 7, "{named} of {claims}");
    let large = sample(1, 500_000, Lang::En);
    assert!(!large.files.contains_key("replies.csv") && !large.files["rosters.csv"].contains("seat"));
}
