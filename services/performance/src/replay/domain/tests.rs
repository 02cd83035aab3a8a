use jiff::civil::date;
use tally_access::Region;
use tally_engine::closing::codec::encode;
use tally_engine::closing::credit::rung_number;
use tally_engine::closing::snapshot::FrozenPerson;
use tally_engine::policy::Policy;
use tally_kernel::id::OrgUnitId;
use tally_kernel::time::Period;
use uuid::Uuid;

use super::*;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn frozen() -> Frozen {
    let known = |n| FrozenPerson {
        id: person(n),
        no: format!("E{n}"),
        unit: OrgUnitId(Uuid::nil()),
        unit_path: String::new(),
        region: Region::global(),
        employed: vec![(date(2026, 1, 1), None)],
    };
    Frozen {
        period: Period::month_of(date(2026, 3, 1)),
        policy: Policy::default(),
        minor_digits: 2,
        rosters_known: true,
        effort: 1,
        people: vec![known(1), known(2)],
        accounts: Vec::new(),
    }
}

fn shares(of: &[(u32, u32)]) -> Vec<u8> {
    encode(&of.iter().map(|(person, ppm)| Share { person: *person, ppm: *ppm, duty: None }).collect::<Vec<_>>())
}

fn said(differences: &Differences) -> Vec<Vec<String>> {
    let ids = |one: &Difference| one.said.iter().map(|said| said.id().to_owned()).collect();
    differences.first.iter().map(ids).collect()
}

#[test]
fn a_credit_that_is_not_as_derived_names_its_record_and_both_sides() {
    let (frozen, account) = (frozen(), AccountId(Uuid::from_u128(9)));
    let (whole, half) = (shares(&[(0, 1_000_000)]), shares(&[(0, 500_000), (1, 500_000)]));
    let (sole, equal) = (rung_number(Rung::Sole), rung_number(Rung::Equal));
    let mut differences = Differences::default();
    let mut compare = |id: &str, stored, derived| differences.credit((account, id), &frozen, (stored, derived));
    let of = |rung, shares| Some((rung, "", shares, None));
    compare("same", of(sole, whole.as_slice()), of(sole, &whole));
    compare("other", of(sole, &whole), of(equal, &half));
    compare("lost", None, of(sole, &whole));
    compare("added", of(sole, &whole), None);
    compare("broken", of(sole, &[0xff]), of(sole, &whole));
    compare("reason", Some((sole, "", &whole, Some(&[][..]))), of(sole, &whole));
    assert_eq!(differences.count, 5);
    let expected: [&[&str]; 5] =
        [&[], &["REPLAY_NOT_STORED"], &["REPLAY_NOT_DERIVED"], &["REPLAY_UNREADABLE"], &["REPLAY_UNREADABLE"]];
    assert_eq!(said(&differences), expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()));
    let other = &differences.first[0];
    assert_eq!(other.of, Of::Credit(account, "other".to_owned()));
    let credited = |rung, shares: &[(PersonId, u32)]| {
        Some(CreditedAs { rung: Some(rung), shares: shares.to_vec(), reason: String::new() })
    };
    let halves = [(person(1), 500_000), (person(2), 500_000)];
    let sides = (credited(Rung::Sole, &[(person(1), 1_000_000)]), credited(Rung::Equal, &halves));
    assert_eq!(other.credits, sides);
}

#[test]
fn sums_are_held_against_each_other_by_what_they_say_and_what_cannot_be_read_is_told() {
    let sums = |credited_ppm| Sums { credited_ppm, ..Sums::default() };
    let json = |ppm| serde_json::to_string(&sums(ppm)).unwrap();
    let derived = BTreeMap::from([1, 2, 3, 4].map(|n| (person(n), sums(1_000_000))));
    let stored = BTreeMap::from([
        (person(1), json(1_000_000)),
        (person(2), json(2_500_000)),
        (person(3), "{".to_owned()),
        (person(5), json(1)),
    ]);
    let mut differences = Differences::default();
    differences.sums(&stored, &derived);
    let expected = ["REPLAY_SUM_OTHER", "REPLAY_UNREADABLE", "REPLAY_NOT_STORED", "REPLAY_NOT_DERIVED"];
    assert_eq!(said(&differences), expected.map(|id| vec![id.to_owned()]));
    let of: Vec<_> = differences.first.iter().map(|one| one.of.clone()).collect();
    assert_eq!(of, [2, 3, 4, 5].map(|n| Of::Sum(person(n))));
}

#[test]
fn a_card_is_held_against_its_columns_too() {
    let card = |score: i32| ScoreCard {
        person: person(1),
        unit: OrgUnitId(Uuid::nil()),
        score: Micro::from_int(score),
        rank: 1,
        of: 2,
        grade: None,
        collaboration: None,
        lines: Vec::new(),
        credited_ppm: 0,
        outside_ppm: None,
        kept: BTreeMap::new(),
    };
    let kept = |card: &ScoreCard, rank| {
        let body = serde_json::to_string(card).unwrap();
        BTreeMap::from([(person(1), KeptCard { body, rank, of: 2, inputs_digest: String::new() })])
    };
    let compared = |stored: &BTreeMap<PersonId, KeptCard>| {
        let mut differences = Differences::default();
        differences.cards(stored, &BTreeMap::from([(person(1), card(80))]));
        said(&differences)
    };
    assert_eq!(compared(&kept(&card(80), 1)), Vec::<Vec<String>>::new());
    assert_eq!(compared(&kept(&card(90), 1)), [["CARD_CHANGED"]]);
    assert_eq!(compared(&kept(&card(80), 2)), [["REPLAY_UNREADABLE"]]);
    assert_eq!(compared(&BTreeMap::new()), [["REPLAY_NOT_STORED"]]);
}

#[test]
fn figures_differ_by_a_number_and_by_the_digest_only_where_nothing_else_explains_it() {
    let figures = |records, digest: &str| Summary { records, digest: digest.to_owned(), ..Summary::default() };
    let compared = |stored: &Summary, derived: &Summary, digest| {
        let mut differences = Differences::default();
        differences.figures(stored, derived, digest);
        said(&differences)
    };
    let none = Vec::<Vec<String>>::new();
    assert_eq!(compared(&figures(1, "a"), &figures(1, "a"), true), none);
    assert_eq!(compared(&figures(1, "a"), &figures(2, "a"), false), [["REPLAY_FIGURES_OTHER"]]);
    assert_eq!(compared(&figures(1, "a"), &figures(1, "b"), true), [["REPLAY_DIGEST_OTHER"]]);
    assert_eq!(compared(&figures(1, "a"), &figures(1, "b"), false), none);
}

#[test]
fn of_many_differences_the_first_hundred_are_told_and_all_are_counted() {
    let derived: BTreeMap<_, _> = (0..250).map(|n| (person(n), Sums::default())).collect();
    let mut differences = Differences::default();
    differences.sums(&BTreeMap::new(), &derived);
    assert_eq!((differences.count, differences.first.len()), (250, NAMED));
}
