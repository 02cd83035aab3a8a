//! Bounds of a standard, and what is held against them.

use proptest::prelude::*;

use super::*;
use crate::scoring::definition::{Definition, built_in};
use crate::scoring::{Bounds, Direction, Extra, Grade, KpiBounds, ProblemKind, SchemeProblem, Span, check, violations};

fn span(min: &str, max: &str) -> Option<Span> {
    Some(Span { min: m(min), max: m(max) })
}

/// Records 40 (35 to 45, any target from 300 to 500 or the median), replies 20 (may be left out), resolved 20 (weight 10 to
/// 30, target 80 to 100, cap 110 to 130), ratings 20 (all laid down), and 20 of anything among two measures.
fn standard() -> Scheme {
    let bounds = |key: &str| KpiBounds { key: key.to_owned(), ..KpiBounds::default() };
    let kpis = vec![
        KpiBounds { weight: span("35", "45"), target: span("300", "500"), ..bounds("credited_records") },
        KpiBounds { optional: true, ..bounds("first_reply_within_30s") },
        KpiBounds {
            weight: span("10", "30"),
            target: span("80", "100"),
            cap: span("110", "130"),
            small_sample: Some(Span { min: 10, max: 50 }),
            ..bounds("resolved")
        },
    ];
    let extra = Extra { most: m("20"), measures: vec!["amount".into(), "training".into()] };
    let bounds = Bounds { kpis, extra: Some(extra), ..Bounds::default() };
    Scheme { name: "Group".into(), bounds: Some(bounds), ..Scheme::standard() }
}

/// The standard as a branch has it before it changes anything.
fn copy() -> Scheme {
    Scheme { name: "North".into(), bounds: None, ..standard() }
}

fn changed(change: impl FnOnce(&mut Scheme)) -> Scheme {
    let mut scheme = copy();
    change(&mut scheme);
    scheme
}

fn extra(measure: &str, weight: &str) -> Kpi {
    Kpi { key: format!("own-{measure}"), weight: m(weight), ..kpi(measure, Normalisation::Percentile) }
}

fn told(problems: &[SchemeProblem]) -> Vec<(&str, String)> {
    problems.iter().map(|p| (p.field.as_str(), en(&p.description))).collect()
}

#[test]
fn a_copy_fits_and_so_does_what_stays_within_the_bounds() {
    assert_eq!(check(&[standard()], &copy()), []);
    let moved = changed(|own| {
        (own.kpis[0].weight, own.kpis[0].target) = (m("35"), Some(Target::Fixed(m("500"))));
        (own.kpis[2].weight, own.kpis[2].target, own.kpis[2].cap) = (m("25"), Some(Target::Fixed(m("80"))), m("110"));
        own.kpis[2].small_sample = 50;
        own.kpis.swap(0, 3);
    });
    assert_eq!(check(&[standard()], &moved), []);
    let with_extra = changed(|own| {
        own.kpis.remove(1);
        own.kpis.extend([extra("amount", "12.5"), extra("training", "7.5")]);
    });
    assert_eq!(check(&[standard()], &with_extra), []);
}

#[test]
fn every_step_over_the_bounds_is_named_at_once_with_what_is_allowed() {
    let over = changed(|own| {
        (own.kpis[0].weight, own.kpis[0].target) = (m("50"), Some(Target::Fixed(m("200"))));
        own.kpis[2].target = Some(Target::TeamMedian);
        own.kpis[2].small_sample = 5;
        (own.kpis[3].weight, own.kpis[3].direction) = (m("5"), Direction::Lower);
        own.kpis[3].floor = m("10");
        own.kpis[3].target = Some(Target::TeamMedian);
        own.kpis.remove(1);
        own.kpis.push(extra("amount", "15"));
        own.kpis.push(extra("luck", "10"));
        own.collaboration = false;
        own.grades = vec![Grade { name: "all".into(), min_score: Some(Micro::ZERO), quota: None }];
    });
    let problems = check(&[standard()], &over);
    assert_eq!(
        told(&problems),
        [
            ("kpis[0].weight", "50 is outside of what the standard \"Group\" allows: 35 to 45"),
            ("kpis[0].target", "200 is outside of what the standard \"Group\" allows: 300 to 500"),
            ("kpis[1].small_sample", "5 is outside of what the standard \"Group\" allows: 10 to 50"),
            ("kpis[1].target", "the standard \"Group\" allows a number from 80 to 100"),
            ("kpis[2].direction", "the standard \"Group\" lays this down: write what it has"),
            ("kpis[2].weight", "the standard \"Group\" lays down 20, not 5"),
            ("kpis[2].floor", "the standard \"Group\" lays down 0, not 10"),
            ("kpis[2].target", "the standard \"Group\" lays down 100, not team_median"),
            (
                "kpis[4].measure",
                "\"luck\" is not among what indicators beside those of the standard \"Group\" may measure: amount, training"
            ),
            (
                "kpis",
                "the indicators beside those of the standard \"Group\" weigh 25, and it allows at most 20 together"
            ),
            ("collaboration", "the standard \"Group\" lays this down: write what it has"),
            ("grades", "the standard \"Group\" lays this down: write what it has"),
        ]
        .map(|(field, text)| (field, text.to_owned()))
    );
    assert!(problems.iter().all(|p| p.kind == ProblemKind::Refinement));
    assert!(zh(&problems[0].description).contains("35") && zh(&problems[0].description).contains("Group"));
}

#[test]
fn a_standard_that_opens_nothing_is_copied_or_left() {
    let closed = Scheme { bounds: None, ..standard() };
    assert_eq!(check(std::slice::from_ref(&closed), &copy()), []);
    let own = changed(|own| {
        own.kpis.remove(3);
        own.kpis.push(extra("amount", "20"));
        own.kpis[0].measure = Measure::Amount;
        own.kpis[1].normalisation = Normalisation::MinMax;
    });
    let fields: Vec<_> = violations(&closed, &own).into_iter().map(|p| p.field).collect();
    assert_eq!(fields, ["kpis", "kpis[0].measure", "kpis[1].normalisation", "kpis[3].key"]);
}

#[test]
fn what_a_standard_measures_is_defined_in_a_refinement_as_it_is_there() {
    let defined = |name: &str, of: Measure| Definition { name: name.into(), ..built_in(&of).unwrap() };
    let mut closed = Scheme { bounds: None, ..standard() };
    closed.kpis[1].measure = Measure::Custom("prompt".into());
    closed.kpis[2].measure = Measure::Custom("nps".into());
    closed.measures = vec![defined("prompt", Measure::Resolved), defined("spare", Measure::Amount)];
    let fields = |own: &Scheme| violations(&closed, own).into_iter().map(|p| p.field).collect::<Vec<_>>();
    let mut own = Scheme { name: "North".into(), ..closed.clone() };
    assert!(fields(&own).is_empty());
    own.measures = vec![defined("prompt", Measure::Resolved), defined("mine", Measure::Amount)];
    assert!(fields(&own).is_empty(), "nothing measures what was left out");
    own.measures = vec![defined("nps", Measure::Amount), defined("prompt", Measure::RatingAtLeast4)];
    assert_eq!(fields(&own), ["measures[1]", "measures[0]"], "another definition, and one in place of a column");
    own.measures.clear();
    assert_eq!(fields(&own), ["measures"]);
}

#[test]
fn what_a_refinement_opens_itself_does_not_widen_the_standard_above_it() {
    let wide = KpiBounds { key: "credited_records".into(), weight: span("30", "60"), ..KpiBounds::default() };
    let mut north = changed(|own| own.kpis[0].weight = m("45"));
    (north.kpis[2].weight, north.bounds) = (m("15"), Some(Bounds { kpis: vec![wide], ..Bounds::default() }));
    assert_eq!(check(&[standard()], &north), [], "its own bounds are its own matter");
    let team = Scheme { name: "Team".into(), bounds: None, ..north.clone() };
    assert_eq!(check(&[north.clone(), standard()], &team), []);
    let mut beyond = team;
    (beyond.kpis[0].weight, beyond.kpis[2].weight) = (m("50"), m("10"));
    let problems = check(&[north, standard()], &beyond);
    let fields: Vec<_> =
        problems.iter().map(|p| (p.field.as_str(), en(&p.description).contains("\"Group\""))).collect();
    assert_eq!(fields, [("kpis[2].weight", false), ("kpis[0].weight", true)], "each says which standard");
}

#[test]
fn bounds_that_make_no_sense_are_refused_with_what_to_write() {
    let mut odd = standard();
    let bounds = odd.bounds.as_mut().unwrap();
    bounds.kpis[0].weight = span("45", "35");
    bounds.kpis[1].key = "replies".into();
    bounds.kpis[2].target = span("50", "90");
    bounds.kpis[2].small_sample = Some(Span { min: 1, max: 2 });
    bounds.kpis.push(bounds.kpis[2].clone());
    bounds.extra = Some(Extra { most: m("100"), measures: vec![] });
    let fields: Vec<_> = odd.validate(None).unwrap_err().into_iter().map(|p| p.field).collect();
    assert_eq!(
        fields,
        [
            "bounds.kpis[0].weight",
            "bounds.kpis[1].key",
            "bounds.kpis[2].target",
            "bounds.kpis[2].small_sample",
            "bounds.kpis[3].key",
            "bounds.kpis[3].target",
            "bounds.kpis[3].small_sample",
            "bounds.extra.most_weight"
        ]
    );
    assert_eq!(standard().validate(None), Ok(()));
}

#[test]
fn a_scheme_without_bounds_is_written_as_it_always_was() {
    let before = "{\"name\":\"one\",\"version\":1,\"kpis\":[{\"key\":\"a\",\"measure\":\"amount\",\"unit\":\"\",\
                  \"direction\":\"higher\",\"target\":\"9\",\"weight\":\"100\",\"normalisation\":\"target_piecewise\",\
                  \"floor\":\"0\",\"cap\":\"120\",\"small_sample\":0,\"bands\":[]}],\"collaboration\":true,\"grades\":[]}";
    let scheme: Scheme = serde_json::from_str(before).unwrap();
    assert_eq!(serde_json::to_string(&scheme).unwrap(), before);
    let read: Scheme = serde_json::from_str(&serde_json::to_string(&standard()).unwrap()).unwrap();
    assert_eq!(read, standard());
}

#[test]
fn a_refinement_reckons_in_the_currency_of_the_standard_and_a_scheme_without_one_says_nothing_of_it() {
    use tally_kernel::Currency;
    let fields = |standard: &Scheme, own: &Scheme| -> Vec<String> {
        violations(standard, own).into_iter().map(|problem| problem.field).collect()
    };
    let dollars = |scheme: Scheme| Scheme { currency: Some(Currency::USD), ..scheme };
    assert_eq!(fields(&standard(), &dollars(copy())), ["currency"]);
    assert_eq!(fields(&dollars(standard()), &copy()), ["currency"]);
    assert_eq!(fields(&dollars(standard()), &dollars(copy())), [""; 0]);
    let json = serde_json::to_string(&standard()).unwrap();
    assert!(!json.contains("currency"), "{json}");
    let json = serde_json::to_string(&dollars(standard())).unwrap();
    assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap().currency, Some(Currency::USD));
}

/// Any weights, targets, keys and the rest, mostly near the standard's.
fn any_refinement() -> impl Strategy<Value = Scheme> {
    let weight = prop::sample::select(vec!["5", "10", "15", "20", "25", "35", "40", "45", "50"]);
    let target = prop::sample::select(vec![None, Some("80"), Some("100"), Some("200"), Some("400")]);
    let one = (weight, target, any::<bool>(), prop::sample::select(vec!["100", "110", "120", "140"]), 0..60_u32);
    let extras = prop::collection::vec((prop::sample::select(vec!["amount", "training", "luck"]), 1..25_u32), 0..3);
    (prop::collection::vec(one, 4), prop::collection::vec(any::<bool>(), 4), extras, any::<bool>()).prop_map(
        |(each, kept, extras, collaboration)| {
            let mut own = copy();
            for (kpi, (weight, target, higher, cap, small_sample)) in own.kpis.iter_mut().zip(each) {
                kpi.weight = m(weight);
                kpi.target = Some(target.map_or(Target::TeamMedian, |target| Target::Fixed(m(target))));
                kpi.direction = if higher { Direction::Higher } else { Direction::Lower };
                (kpi.cap, kpi.small_sample) = (m(cap), small_sample);
            }
            let mut kept = kept.into_iter();
            own.kpis.retain(|_| kept.next().unwrap());
            for (i, (measure, weight)) in extras.into_iter().enumerate() {
                own.kpis.push(Kpi { key: format!("own-{i}"), ..extra(measure, &weight.to_string()) });
            }
            Scheme { collaboration, ..own }
        },
    )
}

/// The refinement with each named field as the standard has it, and without what it may not add.
fn mended(standard: &Scheme, own: &Scheme, problems: &[SchemeProblem]) -> Scheme {
    let mut mended = own.clone();
    let mut gone = Vec::new();
    for problem in problems {
        let Some((at, field)) = problem.field.strip_prefix("kpis[").and_then(|rest| rest.split_once("].")) else {
            match problem.field.as_str() {
                "collaboration" => mended.collaboration = standard.collaboration,
                _ if problem.description.id() == "REFINED_EXTRA_SHARE" => {
                    let known = |key: &str| standard.kpis.iter().any(|kpi| kpi.key == key);
                    gone.extend(own.kpis.iter().filter(|kpi| !known(&kpi.key)).map(|kpi| kpi.key.clone()));
                }
                _ => {
                    let missing = |kpi: &&Kpi| !mended.kpis.iter().any(|own| own.key == kpi.key);
                    let laid_down = |kpi: &&Kpi| kpi.key != "first_reply_within_30s";
                    let back: Vec<Kpi> = standard.kpis.iter().filter(missing).filter(laid_down).cloned().collect();
                    mended.kpis.extend(back);
                }
            }
            continue;
        };
        let kpi = &mut mended.kpis[at.parse::<usize>().unwrap()];
        match standard.kpis.iter().find(|of| of.key == kpi.key) {
            None => gone.push(kpi.key.clone()),
            Some(of) => match field {
                "weight" => kpi.weight = of.weight,
                "target" => kpi.target = of.target,
                "direction" => kpi.direction = of.direction,
                "cap" => kpi.cap = of.cap,
                "small_sample" => kpi.small_sample = of.small_sample,
                other => panic!("{other}"),
            },
        }
    }
    mended.kpis.retain(|kpi| !gone.contains(&kpi.key));
    mended
}

proptest! {
    #[test]
    fn what_fits_keeps_every_bound_and_sums_to_a_hundred(own in any_refinement()) {
        if !check(&[standard()], &own).is_empty() {
            return Ok(());
        }
        prop_assert_eq!(own.kpis.iter().map(|kpi| kpi.weight.millionths()).sum::<i64>(), Micro::HUNDRED.millionths());
        let of = |key: &str| own.kpis.iter().find(|kpi| kpi.key == key);
        let (records, resolved, rating) = (of("credited_records").unwrap(), of("resolved").unwrap(), of("rating_at_least_4").unwrap());
        prop_assert!((m("35")..=m("45")).contains(&records.weight) && (m("10")..=m("30")).contains(&resolved.weight));
        prop_assert!((m("110")..=m("130")).contains(&resolved.cap));
        prop_assert_eq!(rating, &standard().kpis[3]);
        prop_assert_eq!(own.collaboration, true);
    }

    #[test]
    fn putting_back_what_is_named_makes_it_fit(own in any_refinement()) {
        let problems = violations(&standard(), &own);
        prop_assert_eq!(violations(&standard(), &mended(&standard(), &own, &problems)), []);
        let same = |p: &SchemeProblem, q: &SchemeProblem| p.field == q.field && p.description == q.description;
        let twice = problems.iter().enumerate().any(|(i, p)| problems[..i].iter().any(|q| same(p, q)));
        prop_assert!(!twice, "each once");
    }

    #[test]
    fn a_copy_of_anything_fits_it(own in any_refinement(), collaboration: bool) {
        let standard = Scheme { bounds: standard().bounds, ..own.clone() };
        prop_assert_eq!(violations(&standard, &own), []);
        let switched = Scheme { collaboration, ..own };
        prop_assert_eq!(violations(&standard, &switched).is_empty(), collaboration == standard.collaboration);
    }
}
