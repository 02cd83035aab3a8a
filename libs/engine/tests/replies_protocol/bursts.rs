//! Machines that answer by themselves, and answers in many bubbles: what they write must not spoil what is learnt of people.

use super::*;

/// Messages of a burst.
const BURST: i64 = 200;

/// What is added to an account: to so many records, be they of the first person alone, a message every so many seconds, which the customer may
/// answer.
#[derive(Clone, Copy, Debug)]
struct Burst {
    records: usize,
    every: i64,
    of_one: bool,
    answered: bool,
}

/// The account with bursts after the first reply of some records.
fn with_bursts(mut input: Input, truth: &[usize], burst: Burst) -> Input {
    let mut places: Vec<usize> = (0..truth.len()).filter(|place| !burst.of_one || truth[*place] == 0).collect();
    places.sort_by_key(|place| draw(31, *place as u64));
    for place in &places[..burst.records] {
        let is_first = |reply: &&Reply| reply.record as usize == *place && reply.by == Side::Agent;
        let first = *input.replies.iter().find(is_first).expect("a reply");
        for number in 1..=BURST {
            let more = Reply { at_ms: first.at_ms + number * burst.every * 1_000, ..first };
            input.replies.push(more);
            if burst.answered {
                input.replies.push(Reply { at_ms: more.at_ms + 500, by: Side::Customer, ..first });
            }
        }
        let record = &mut input.records[*place];
        record.end_ms = record.end_ms.max(first.at_ms + (BURST + 1) * burst.every * 1_000);
    }
    input
}

/// One and five bursts within ten minutes, of a message every 40 seconds for more than two hours, and of one that answers a customer who answers it.
const BURSTS: [Burst; 8] = [
    Burst { records: 1, every: 3, of_one: false, answered: false },
    Burst { records: 1, every: 3, of_one: true, answered: false },
    Burst { records: 5, every: 3, of_one: false, answered: false },
    Burst { records: 5, every: 3, of_one: true, answered: false },
    Burst { records: 1, every: 40, of_one: false, answered: false },
    Burst { records: 5, every: 40, of_one: true, answered: false },
    Burst { records: 1, every: 20, of_one: false, answered: true },
    Burst { records: 5, every: 20, of_one: true, answered: true },
];

#[test]
fn bursts_of_messages_cost_next_to_nothing() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!(
        "| people | without | one burst, of the first; five, of the first | every 40 s: one, five | answered: one, five |"
    );
    for k in [2, 3, 5, 8] {
        let mine: Vec<&Group> = groups.iter().filter(|group| group.k == k).collect();
        let mean = |with: &dyn Fn(Input, &[usize]) -> Input| {
            let one = |group: &&Group| {
                let (input, truth) = shared_account(&posts, group, 0, 0);
                misallocated(&totals(k, &attribute(&with(input, &truth), &pool)).0, &truth)
            };
            mine.iter().map(one).sum::<f64>() / mine.len() as f64
        };
        let without = mean(&|input, _| input);
        let with = BURSTS.map(|burst| mean(&|input, truth| with_bursts(input, truth, burst)));
        let cells: Vec<String> = with.iter().map(|with| format!("{with:.4}")).collect();
        println!("| {k} | {without:.4} | {} |", cells.join(" "));
        for (with, burst) in with.into_iter().zip(BURSTS) {
            let most = if burst.answered { 0.01 } else { 0.006 };
            assert!(with <= without + most, "{k} people, {burst:?}: {without:.4} {with:.4}");
        }
    }
}
