//! The share by tags on a real help chat: hide who answered, name some of them, credit the dialogues, compare with the truth.
//!
//! Prints the tables of `docs/attribution.md`. Needs the reference data in the folder named by `TALLY_REFERENCE_DATA`.

use std::collections::BTreeMap;
use std::path::Path;

use tally_engine::attribution::{
    AccountInput, AgentInput, DutyRule, Input, Occupancy, Phase, PhaseFrom, Policy, Record, Rung, WHOLE, attribute,
};

#[path = "tag_share_protocol/months.rs"]
mod months;

/// People of a group, and the fewest dialogues each of them has.
const SIZES: [(usize, usize); 4] = [(2, 8), (3, 8), (5, 8), (8, 6)];
/// Tagged parts of the dialogues, in percent.
const TAGS: [u64; 3] = [10, 20, 30];
/// Draws of the tags.
const SEEDS: u64 = 20;
/// Most that a cell may be worse than the equal split.
const WORSE: f64 = 0.001;

/// One dialogue: who answered whom, and from when to when in minutes.
#[derive(Clone, Copy)]
struct Dialogue {
    person: usize,
    customer: u32,
    start: i64,
    end: i64,
}

/// The dialogues of the busiest of a window, in the order of their start.
struct Group {
    /// Number of the window.
    window: u64,
    people: usize,
    dialogues: Vec<Dialogue>,
}

/// The folder of the reference data, if one is named.
fn reference() -> Option<std::ffi::OsString> {
    // clippy.toml: only libs/runtime reads the environment of the product; this is a test.
    let root = std::env::vars_os().find(|(name, _)| name == "TALLY_REFERENCE_DATA").map(|(_, value)| value);
    if root.is_none() {
        eprintln!("did not run: TALLY_REFERENCE_DATA is not set");
    }
    root
}

/// Helper, customer, start and end of a dialogue.
type Row = (String, u32, i64, i64);

/// The windows of the chat.
fn windows(root: &Path) -> Vec<Vec<Row>> {
    let text = std::fs::read_to_string(root.join("chat/irc_dev.csv")).expect("the chat");
    let mut windows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let minute = |cell: &str| cell.parse::<i64>().expect("a number");
        windows.entry(cells[0]).or_default().push((
            cells[1].to_owned(),
            minute(cells[2]) as u32,
            minute(cells[3]),
            minute(cells[4]),
        ));
    }
    windows.into_values().collect()
}

/// The `size` busiest of each window in which they all have `fewest` dialogues; equally busy ones by their code.
fn groups(windows: &[Vec<Row>], size: usize, fewest: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    for (window, rows) in (0..).zip(windows) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        rows.iter().for_each(|(helper, ..)| *counts.entry(helper).or_default() += 1);
        let mut busiest: Vec<(&str, usize)> = counts.into_iter().collect();
        busiest.sort_by_key(|&(helper, count)| (std::cmp::Reverse(count), helper));
        if busiest.get(size - 1).is_none_or(|(_, count)| *count < fewest) {
            continue;
        }
        let person = |helper: &str| busiest[..size].iter().position(|(one, _)| *one == helper);
        let mut dialogues: Vec<Dialogue> = rows
            .iter()
            .filter_map(|&(ref helper, customer, start, end)| {
                Some(Dialogue { person: person(helper)?, customer, start, end })
            })
            .collect();
        dialogues.sort_by_key(|dialogue| (dialogue.start, dialogue.end));
        groups.push(Group { window, people: size, dialogues });
    }
    groups
}

/// A number below 2^64 for a seed and a count: a fixed draw.
fn draw(seed: u64, number: u64) -> u64 {
    let mut state = seed.wrapping_add((number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// Everybody's duty: first to last dialogue, five minutes either side.
fn duty(group: &Group) -> Vec<(i64, i64)> {
    let of = |person| {
        let own = || group.dialogues.iter().filter(move |dialogue| dialogue.person == person);
        let (from, to) = (own().map(|dialogue| dialogue.start).min(), own().map(|dialogue| dialogue.end).max());
        (from.unwrap_or_default() - 5, to.unwrap_or_default() + 5)
    };
    (0..group.people).map(of).collect()
}

/// One account of the group, several dialogues a person; `percent` of the dialogues name who answered, and all their customer where these
/// are `known`.
fn shared_account(group: &Group, duty: &[(i64, i64)], seed: u64, percent: u64, known: bool) -> Input {
    const MINUTE: i64 = 60_000;
    let seed = seed * 1_000_003 + group.window * 1_009 + group.people as u64 * 10 + (percent / 10 - 1);
    let record = |(number, dialogue): (u64, &Dialogue)| Record {
        key: format!("{number:06}"),
        account: 0,
        day: 0,
        start_ms: dialogue.start * MINUTE,
        end_ms: dialogue.end * MINUTE,
        kind: 0,
        customer: known.then_some(dialogue.customer),
        tag: (draw(seed, number) % 100 < percent).then_some(dialogue.person as u32),
    };
    let occupancy = (0..).zip(duty).map(|(person, &(from, to))| Occupancy {
        account: 0,
        person,
        from_ms: from * MINUTE,
        to_ms: to * MINUTE,
        rule: DutyRule::Punched,
        evidence: person,
    });
    let phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 8 }];
    Input {
        people: (0..group.people).map(|person| AgentInput { key: format!("h{person}") }).collect(),
        accounts: vec![AccountInput { key: "shared".to_owned(), phases, team: Vec::new() }],
        occupancy: occupancy.collect(),
        records: (0..).zip(&group.dialogues).map(record).collect(),
        ..Input::default()
    }
}

/// What became of an account.
#[derive(Clone, Copy, Default)]
struct Judged {
    /// The part of its dialogues that went to the wrong person.
    misallocated: f64,
    /// Dialogues that several might have answered, and those weighed by tags.
    open: u32,
    weighed: u32,
    /// Intervals that hold the true count, and their width in dialogues.
    holding: u32,
    width: f64,
}

fn judge(group: &Group, mut input: Input, rules: u32, pool: &rayon::ThreadPool) -> Judged {
    input.policy = Policy { rules, ..Policy::default() };
    let outcome = attribute(&input, pool);
    let whole = u64::from(WHOLE);
    let mut judged = Judged::default();
    let mut missing = 0;
    for person in 0..group.people {
        let truth = group.dialogues.iter().filter(|dialogue| dialogue.person == person).count() as u64 * whole;
        let total = outcome.by_person.iter().find(|total| total.person == person as u32).copied().unwrap_or_default();
        missing += truth.saturating_sub(total.total);
        judged.holding += u32::from(total.low <= truth && truth <= total.high);
        judged.width += (total.high - total.low) as f64 / whole as f64;
    }
    judged.misallocated = missing as f64 / (group.dialogues.len() as u64 * whole) as f64;
    for credit in &outcome.credits {
        judged.open += u32::from(matches!(credit.rung, Rung::Equal | Rung::TagShare));
        judged.weighed += u32::from(credit.rung == Rung::TagShare);
    }
    judged
}

/// Means over the groups of one size: equal, tag share.
#[derive(Clone, Copy, Default)]
struct Cell {
    equal: f64,
    shared: f64,
    /// Of the two halves of the windows, every other one.
    halves: [(f64, f64); 2],
    open: u32,
    weighed: u32,
    /// Intervals that hold, by the equal split and by tag share, of how many; mean widths.
    holding: [u32; 2],
    width: [f64; 2],
    intervals: u32,
    /// Those of tag share that hold, of how many, by halves of the windows.
    by_half: [(u32, u32); 2],
}

/// One draw of the tags over all groups of one size.
fn cell(groups: &[Group], seed: u64, percent: u64, known: bool, pool: &rayon::ThreadPool) -> Cell {
    let mut cell = Cell::default();
    for (number, group) in groups.iter().enumerate() {
        let input = shared_account(group, &duty(group), seed, percent, known);
        let judged = [2, 3].map(|rules| judge(group, input.clone(), rules, pool));
        let (equal, shared) = (judged[0].misallocated, judged[1].misallocated);
        let half = groups.len().saturating_sub(number % 2).div_ceil(2) as f64;
        cell.equal += equal / groups.len() as f64;
        cell.shared += shared / groups.len() as f64;
        cell.halves[number % 2].0 += equal / half;
        cell.halves[number % 2].1 += shared / half;
        cell.open += judged[1].open;
        cell.weighed += judged[1].weighed;
        cell.intervals += group.people as u32;
        let by_half = &mut cell.by_half[number % 2];
        *by_half = (by_half.0 + judged[1].holding, by_half.1 + group.people as u32);
        for (way, judged) in judged.iter().enumerate() {
            cell.holding[way] += judged.holding;
            cell.width[way] += judged.width;
        }
    }
    cell
}

/// Cells by tagged part, draw and size.
type Table = Vec<Vec<Vec<Cell>>>;

fn table(groups: &[Vec<Group>], known: bool, pool: &rayon::ThreadPool) -> Table {
    let draws =
        |percent| (0..SEEDS).map(move |seed| groups.iter().map(|of| cell(of, seed, percent, known, pool)).collect());
    TAGS.into_iter().map(|percent| draws(percent).collect()).collect()
}

/// How much less is misallocated, in percent, over all sizes together.
fn gain<'c>(cells: impl Iterator<Item = &'c Cell>, of: impl Fn(&Cell) -> (f64, f64)) -> f64 {
    let (equal, shared) = cells.map(of).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    100.0 * (1.0 - shared / equal)
}

fn mean(cells: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = cells.fold((0_u32, 0.0), |(count, sum), one| (count + 1, sum + one));
    sum / f64::from(count)
}

/// Prints a row of the table, and asserts what is promised of it.
fn report(draws: &[Vec<Cell>], percent: u64) {
    let mut row = format!("| {percent} % |");
    for size in 0..SIZES.len() {
        let of = |value: fn(&Cell) -> f64| mean(draws.iter().map(|cells| value(&cells[size])));
        let (equal, shared) = (of(|cell| cell.equal), of(|cell| cell.shared));
        let opened = 100.0 * of(|cell| f64::from(cell.weighed) / f64::from(cell.open));
        let worst = draws.iter().map(|cells| cells[size].shared - cells[size].equal).fold(f64::MIN, f64::max);
        row += &format!(" {equal:.4} {shared:.4} (opened {opened:.0} %, worst draw {worst:+.4}) |");
        assert!(shared <= equal + WORSE, "k = {}, {percent} % tags", SIZES[size].0);
        assert!(worst <= WORSE, "a draw of k = {}, {percent} % tags: {worst:+.4}", SIZES[size].0);
    }
    let all = gain(draws.iter().flatten(), |cell| (cell.equal, cell.shared));
    let halves = [0, 1].map(|half| gain(draws.iter().flatten(), |cell| cell.halves[half]));
    let mut single: Vec<f64> = draws.iter().map(|cells| gain(cells.iter(), |cell| (cell.equal, cell.shared))).collect();
    single.sort_by(f64::total_cmp);
    println!(
        "{row} {all:.1} % | {:.1} % {:.1} % | {:.1} to {:.1} % |",
        halves[0],
        halves[1],
        single[0],
        single[single.len() - 1]
    );
    let cells = || draws.iter().flatten();
    for (way, name) in ["equal", "tag share"].into_iter().enumerate() {
        let held = cells().map(|cell| cell.holding[way]).sum::<u32>();
        let of = cells().map(|cell| cell.intervals).sum::<u32>();
        let width = cells().map(|cell| cell.width[way]).sum::<f64>() / f64::from(of);
        println!("intervals of {name}: {held} of {of} hold, {width:.1} dialogues wide");
        let part = f64::from(held) / f64::from(of);
        assert!(way == 0 || (0.88..=0.955).contains(&part), "{percent} % tags: {part:.3}");
    }
    let by_half = |half: usize| {
        let (held, of) =
            cells().fold((0, 0), |(held, of), cell| (held + cell.by_half[half].0, of + cell.by_half[half].1));
        f64::from(held) / f64::from(of)
    };
    let by_size = |size: usize| {
        let of = draws.iter().map(|cells| cells[size].intervals).sum::<u32>();
        f64::from(draws.iter().map(|cells| cells[size].holding[1]).sum::<u32>()) / f64::from(of)
    };
    println!("by size {:.3?}, by halves of the windows {:.3?}", [0, 1, 2, 3].map(by_size), [0, 1].map(by_half));
    if percent >= 20 {
        assert!(all >= 6.0 && halves.iter().all(|half| *half >= 3.0), "{percent} % tags: {all:.1} %, {halves:.1?}");
    }
}

#[test]
fn the_share_by_tags_is_never_worse_than_equal_and_better_with_enough_tags() {
    let Some(root) = reference() else { return };
    let windows = windows(Path::new(&root));
    let groups: Vec<Vec<Group>> = SIZES.iter().map(|&(size, fewest)| groups(&windows, size, fewest)).collect();
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [73, 63, 37, 28], "windows by size of the group");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    for known in [false, true] {
        println!("customers {}", if known { "known, so that sessions lend names" } else { "unknown" });
        println!("| tags | k = 2 | k = 3 | k = 5 | k = 8 | less misallocated | halves | of one draw |");
        for (draws, percent) in table(&groups, known, &pool).iter().zip(TAGS) {
            report(draws, percent);
        }
    }
}

/// Somebody else answered every dialogue: anybody on duty, with equal chances.
fn dealt(group: &Group, duty: &[(i64, i64)], seed: u64) -> Group {
    let deal = |(number, dialogue): (u64, &Dialogue)| {
        let at = dialogue.start;
        let there: Vec<usize> = (0..group.people).filter(|&one| duty[one].0 <= at && at < duty[one].1).collect();
        let person = there[(draw(seed * 77 + group.window * 13 + 5, number) >> 7) as usize % there.len()];
        Dialogue { person, ..*dialogue }
    };
    Group { dialogues: (0..).zip(&group.dialogues).map(deal).collect(), ..*group }
}

#[test]
fn people_who_answer_alike_lose_little() {
    let Some(root) = reference() else { return };
    let windows = windows(Path::new(&root));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!("| tags | where all on duty answer alike: equal, tag share, k = 2, 3, 5, 8 |");
    for percent in TAGS {
        let mut row = format!("| {percent} % |");
        let mut costs = 0.0;
        for (size, fewest) in SIZES {
            let groups = groups(&windows, size, fewest);
            let (mut equal, mut shared) = (0.0, 0.0);
            for (group, seed) in groups.iter().flat_map(|group| (0..SEEDS).map(move |seed| (group, seed))) {
                let duty = duty(group);
                let alike = dealt(group, &duty, seed);
                let input = shared_account(&alike, &duty, seed, percent, false);
                equal += judge(&alike, input.clone(), 2, &pool).misallocated;
                shared += judge(&alike, input, 3, &pool).misallocated;
            }
            let count = (groups.len() as u64 * SEEDS) as f64;
            row += &format!(" {:.4} {:.4} |", equal / count, shared / count);
            costs += (shared - equal) / count / SIZES.len() as f64;
            assert!((shared - equal) / count <= 0.008, "k = {size}, {percent} % tags");
        }
        println!("{row} {costs:+.4} |");
        assert!(costs <= 0.004, "{percent} % tags: {costs:+.4}");
    }
}
