//! A busy desk where everybody does about as much, and some answer faster than others: who writes fast must not be taken for who writes most.

use super::*;
use tally_engine::attribution::FindingKind;

#[path = "../../../../benches/src/chat.rs"]
mod chat;

/// People, records of each in the month, and of a hundred how many name their agent.
const DESKS: [(usize, usize, usize); 8] =
    [(3, 900, 0), (8, 300, 0), (8, 900, 0), (12, 900, 0), (8, 900, 5), (3, 900, 12), (8, 900, 12), (8, 900, 30)];

#[test]
fn a_busy_desk_is_shared_equally_until_more_than_a_tenth_of_it_is_named() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!("| people | records each | named | equal on duty | Tally |");
    for (people, of_each, named) in DESKS {
        let (mut input, truth) = chat::month(people * of_each, &[people], of_each);
        for (place, record) in input.records.iter_mut().enumerate() {
            record.tag = ((place * 104_729 + 17) % 100 < named).then_some(truth[place]);
        }
        let truth: Vec<usize> = truth.into_iter().map(|person| person as usize).collect();
        let outcome = attribute(&input, &pool);
        let (all, _) = totals(people, &outcome);
        let (equal, tally) = (misallocated(&equal_on_duty(&input), &truth), misallocated(&all, &truth));
        println!("| {people} | {of_each} | {named} % | {equal:.4} | {tally:.4} |");
        let dense = outcome.findings.iter().any(|found| found.kind == FindingKind::RepliesTooDense);
        assert_eq!(dense, named < 10, "{people} people, {of_each} records each, {named} % named");
        assert!(
            !dense || tally <= equal + 0.002,
            "{people} people, {of_each} records each: {tally:.4}, equal {equal:.4}"
        );
    }
}
