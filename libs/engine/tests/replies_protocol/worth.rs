//! What more evidence is said to bring, on the groups of the forum, beside what it brought.

use std::collections::BTreeMap;
use std::path::Path;

use tally_engine::attribution::{DutyRule, Input, Occupancy, Worth, attribute, worth};

use super::{Group, Post, day, draw, groups, misallocated, month, posts, root, shared_account, totals, with_evidence};

/// What is compared, in the order of [`figures`].
const WHAT: [&str; 4] = ["now", "breaks", "devices", "claims"];
/// How far the mean of a size of groups may be from what came.
const FACTOR: f64 = 1.6;
/// Two kinds of evidence that differ by less than this factor have no order.
const ALIKE: f64 = 1.34;

/// Duty in stretches that end where somebody writes nothing for two hours, as people who punch their breaks would show.
fn with_breaks(mut input: Input, posts: &[Post], group: &Group) -> Input {
    let mut of: BTreeMap<(usize, i64), Vec<i64>> = BTreeMap::new();
    for post in posts.iter().filter(|post| month(post.at - 2 * 3_600) == group.month) {
        if let Some(agent) = group.agents.iter().position(|one| Some(one) == post.by.as_ref()) {
            of.entry((agent, day(post.at))).or_default().push(post.at);
        }
    }
    let mut stretches = Vec::new();
    for ((person, _), times) in of {
        for stretch in times.chunk_by(|one, next| next - one <= 7_200) {
            stretches.push((person, stretch[0], stretch[stretch.len() - 1]));
        }
    }
    let row = |(evidence, (person, from, to)): (u32, (usize, i64, i64))| {
        let minutes = |side: u64| 60 * (1 + draw(8, (from as u64) << 8 | (person as u64) << 1 | side) % 15) as i64;
        let (from_ms, to_ms) = ((from - minutes(0)) * 1_000, (to + minutes(1)) * 1_000);
        Occupancy { account: 0, person: person as u32, from_ms, to_ms, rule: DutyRule::Punched, evidence }
    };
    input.occupancy = (0..).zip(stretches).map(row).collect();
    input
}

fn figures(worth: Worth) -> [f64; 4] {
    [worth.now_ppm, worth.breaks_ppm, worth.devices_ppm, worth.claims_ppm].map(|ppm| f64::from(ppm) / 1e6)
}

/// What came, what was expected, and the days that show hours without work: as things are, and with breaks punched.
struct Means {
    came: [f64; 4],
    expected: [f64; 4],
    idle: [u32; 2],
}

/// The means of some groups of one size; these parts of the records are tagged, and clocks may tell no seconds, so that no model speaks.
fn means(posts: &[Post], groups: &[&Group], (percent, seconds): (u64, bool)) -> Means {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let mut means = Means { came: [0.0; 4], expected: [0.0; 4], idle: [0; 2] };
    for group in groups {
        let (input, truth) = shared_account(posts, group, group.rep * 1_000 + group.k as u64 * 10, percent);
        let blunt = |mut input: Input| {
            input.replies.iter_mut().filter(|_| !seconds).for_each(|reply| reply.at_ms -= reply.at_ms % 60_000);
            input
        };
        let of = |input: &Input| {
            let outcome = attribute(input, &pool);
            (misallocated(&totals(group.k, &outcome).0, &truth), worth(input, &outcome, &pool)[0].unwrap_or_default())
        };
        let (came, expected) = of(&blunt(input.clone()));
        let (with_breaks, then) = of(&blunt(with_breaks(input.clone(), posts, group)));
        let with = |devices, claims| of(&blunt(with_evidence(input.clone(), posts, group, &truth, devices, claims))).0;
        for (sum, one) in means.came.iter_mut().zip([came, with_breaks, with(30, 0), with(0, 50)]) {
            *sum += one / groups.len() as f64;
        }
        for (sum, one) in means.expected.iter_mut().zip(figures(expected)) {
            *sum += one / groups.len() as f64;
        }
        means.idle[0] += expected.idle_days;
        means.idle[1] += then.idle_days;
    }
    means
}

/// The means in a line of the table: expected, then what came.
fn line(k: usize, percent: u64, means: &Means) -> String {
    let cells = WHAT.iter().enumerate().map(|(n, _)| format!(" {:.4} {:.4} |", means.expected[n], means.came[n]));
    format!("| {k} | {percent} % |{} {} {} |", cells.collect::<String>(), means.idle[0], means.idle[1])
}

#[test]
fn what_evidence_is_said_to_bring_on_the_forum_is_about_what_it_brought() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    println!("| people | tagged | {} | days without work |", WHAT.join(" | "));
    for (k, percent) in [2, 3, 5, 8].into_iter().flat_map(|k| [(k, 0), (k, 30)]) {
        let of_size: Vec<&Group> = groups.iter().filter(|group| group.k == k).collect();
        let means = means(&posts, &of_size, (percent, true));
        let row = line(k, percent, &means);
        println!("{row}");
        for (expected, came) in means.expected.iter().zip(means.came) {
            assert!(came / FACTOR <= *expected && *expected <= came * FACTOR, "{row}");
        }
        for (one, other) in (0..4).flat_map(|one| (0..4).map(move |other| (one, other))) {
            let less = means.came[one] * ALIKE < means.came[other];
            assert!(!less || means.expected[one] < means.expected[other], "{} {}: {row}", WHAT[one], WHAT[other]);
        }
        // People of the forum write so seldom that chance leaves nearly as many hours without a reply; with breaks punched nothing is left to say.
        assert_eq!(means.idle[1], 0, "{row}");
    }
}

#[test]
fn where_nothing_weighs_the_records_the_expected_error_is_that_of_an_equal_split() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    for k in [2, 3, 5, 8] {
        let of_size: Vec<&Group> = groups.iter().filter(|group| group.k == k).collect();
        let means = means(&posts, &of_size, (0, false));
        let row = line(k, 0, &means);
        println!("{row}");
        for n in [0, 3] {
            let (expected, came) = (means.expected[n], means.came[n]);
            assert!(came / FACTOR <= expected && expected <= came * FACTOR, "{row}");
        }
    }
}
