//! Where the times of replies say too little the account is shared by who was on duty at each reply, and nothing is worse for it.

use super::*;
use tally_engine::attribution::{FindingKind, Rung};

const MINUTE: i64 = 60_000;
/// People of a group, and the fewest dialogues of each in a window.
const SIZES: [(usize, usize); 4] = [(2, 8), (3, 8), (5, 8), (8, 6)];

/// A dialogue of the chat: helper, start and end, and replies, in minutes.
struct Dialogue {
    helper: String,
    start: i64,
    end: i64,
    replies: Vec<i64>,
}

fn windows(root: &Path) -> Vec<Vec<Dialogue>> {
    let text = std::fs::read_to_string(root.join("chat/irc_dev.csv")).expect("the chat");
    let mut windows: BTreeMap<&str, Vec<Dialogue>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let minute = |cell: &str| cell.parse::<i64>().expect("a minute");
        windows.entry(cells[0]).or_default().push(Dialogue {
            helper: cells[1].to_owned(),
            start: minute(cells[3]),
            end: minute(cells[4]),
            // Two within a minute are one, as of any export by full minutes.
            replies: cells[5].split_whitespace().map(minute).collect::<BTreeSet<i64>>().into_iter().collect(),
        });
    }
    windows.into_values().collect()
}

/// The busiest of some windows as one account, each window a week after the one before; nothing where fewer than `size` have `fewest` dialogues.
fn shared(windows: &[Vec<Dialogue>], (size, fewest): (usize, usize), percent: u64) -> Option<(Input, Vec<usize>)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    windows.iter().flatten().for_each(|dialogue| *counts.entry(&dialogue.helper).or_default() += 1);
    let mut busiest: Vec<(&str, usize)> = counts.into_iter().collect();
    busiest.sort_by_key(|&(helper, count)| (std::cmp::Reverse(count), helper));
    busiest.get(size - 1).filter(|(_, count)| *count >= fewest)?;
    let (mut input, mut truth) = (account(size), Vec::new());
    for (week, window) in (0..).zip(windows) {
        let mut duty: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
        for dialogue in window {
            let Some(person) = busiest[..size].iter().position(|(helper, _)| *helper == dialogue.helper) else {
                continue;
            };
            let at = |minute: i64| (week * 7 * 1_440 + minute) * MINUTE;
            let (number, day) = (input.records.len() as u32, week as i32 * 7);
            let (start_ms, end_ms) = (at(dialogue.start), at(dialogue.end));
            let known = duty.entry(person).or_insert((start_ms, end_ms));
            *known = (known.0.min(start_ms), known.1.max(end_ms));
            let tag = (draw(5, u64::from(number)) % 100 < percent).then_some(person as u32);
            let key = format!("{number:06}");
            input.records.push(Record { key, account: 0, day, start_ms, end_ms, kind: 0, customer: None, tag });
            let reply = |minute: &i64| Reply { record: number, day, at_ms: at(*minute), by: Side::Agent, device: None };
            input.replies.extend(dialogue.replies.iter().map(reply));
            truth.push(person);
        }
        input.occupancy.extend(duty.into_iter().map(|(person, (from, to))| Occupancy {
            account: 0,
            person: person as u32,
            from_ms: from - 5 * MINUTE,
            to_ms: to + 5 * MINUTE,
            rule: DutyRule::Punched,
            evidence: 0,
        }));
    }
    Some((input, truth))
}

fn account(people: usize) -> Input {
    let phases = vec![PhaseFrom { from_day: i32::MIN, phase: Phase::Shared, capacity: 8 }];
    Input {
        policy: Policy { session_window_ms: 0, ..Policy::default() },
        people: (0..people).map(|person| AgentInput { key: format!("E{person}") }).collect(),
        accounts: vec![AccountInput { key: "shared".to_owned(), phases, team: Vec::new() }],
        ..Input::default()
    }
}

/// Credits an account, and the misallocated share of that, of equal shares by who was on duty at each reply, and by who was when the record began.
fn beside_equal(input: &Input, truth: &[usize], pool: &rayon::ThreadPool) -> (Attribution, [f64; 3]) {
    let outcome = attribute(input, pool);
    let bare = Input { replies: Vec::new(), policy: Policy { rules: 2, ..input.policy.clone() }, ..input.clone() };
    let started = totals(input.people.len(), &attribute(&bare, pool)).0;
    let credited = totals(input.people.len(), &outcome).0;
    let all = [credited, equal_on_duty(input), started].map(|credited| misallocated(&credited, truth));
    (outcome, all)
}

fn steps_down(outcome: &Attribution, why: &[FindingKind]) {
    assert!(outcome.credits.iter().all(|credit| credit.rung != Rung::Replies));
    let equal = outcome.credits.iter().any(|credit| credit.rung == Rung::Equal);
    assert!(!equal || outcome.findings.iter().any(|finding| why.contains(&finding.kind)), "{:?}", outcome.findings);
}

#[test]
fn a_chat_on_full_minutes_is_shared_equally_and_is_never_worse_for_its_reply_times() {
    let Some(root) = root() else { return };
    let windows = windows(Path::new(&root));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!("| people | tagged | replies | equal on duty at each | at the start |");
    for (size, fewest) in SIZES {
        for percent in TAGS {
            let (mut sums, mut count) = ([0.0; 3], 0.0);
            for window in &windows {
                let Some((input, truth)) = shared(std::slice::from_ref(window), (size, fewest), percent) else {
                    continue;
                };
                let (outcome, all) = beside_equal(&input, &truth, &pool);
                if percent == 0 {
                    steps_down(&outcome, &[FindingKind::TooFewReplies, FindingKind::ClockWithoutSeconds]);
                }
                assert!((all[0] - all[1]).abs() < 1e-4, "{all:?}");
                sums.iter_mut().zip(all).for_each(|(sum, one)| *sum += one);
                count += 1.0;
            }
            let [ours, replies, start] = sums.map(|sum| sum / count);
            println!("| {size} | {percent} % | {ours:.4} | {replies:.4} | {start:.4} |");
            assert!(ours <= start + 0.002, "{size} people, {percent} %: {ours:.4} {start:.4}");
        }
    }
}

#[test]
fn months_of_full_minutes_are_shared_equally_however_many_the_replies_are() {
    let Some(root) = root() else { return };
    let windows = windows(Path::new(&root));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    for size in [2, 3, 5, 8] {
        let (input, truth) = shared(&windows, (size, 1), 0).expect("a group");
        let (outcome, [ours, replies, start]) = beside_equal(&input, &truth, &pool);
        println!("| {size} | {} records | {ours:.4} | {replies:.4} | {start:.4} |", truth.len());
        if truth.len() >= size * 60 {
            steps_down(&outcome, &[FindingKind::ClockWithoutSeconds]);
        }
        assert!(
            (ours - replies).abs() < 1e-4 && ours <= start + 0.002,
            "{size} people: {ours:.4} {replies:.4} {start:.4}"
        );
    }
}

#[test]
fn months_of_few_records_a_person_are_shared_to_the_byte_as_by_who_was_on_duty() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    for (k, fewest) in [(2, 20), (3, 20), (5, 60), (8, 60)] {
        for group in groups.iter().filter(|group| group.k == k) {
            let (mut input, truth) = shared_account(&posts, group, 0, 0);
            // One less than would do, from all over the month.
            let most = k * fewest - 1;
            let kept: BTreeSet<u32> = (0..most).map(|at| (at * truth.len() / most) as u32).collect();
            let kept: BTreeMap<u32, u32> = kept.into_iter().zip(0..).collect();
            let truth: Vec<usize> = kept.keys().map(|record| truth[*record as usize]).collect();
            let of = |reply: Reply| Some(Reply { record: *kept.get(&reply.record)?, ..reply });
            input.replies = std::mem::take(&mut input.replies).into_iter().filter_map(of).collect();
            input.records = kept.keys().map(|record| input.records[*record as usize].clone()).collect();
            let (outcome, [ours, replies, _]) = beside_equal(&input, &truth, &pool);
            assert!(outcome.credits.iter().all(|credit| credit.rung != Rung::Replies), "{k} people");
            assert!((ours - replies).abs() < 1e-4, "{k} people: {ours} {replies}");
        }
    }
}
