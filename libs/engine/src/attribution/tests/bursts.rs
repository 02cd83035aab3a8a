//! Many messages in a row.

use std::collections::BTreeMap;

use super::several::chat;
use super::*;

#[test]
fn two_hundred_messages_in_a_row_leave_the_other_records_to_those_whose_they_were() {
    let plain = chat(160, 1);
    let before = attribute(&plain, &pool(2));
    let mut case = plain.clone();
    let record = &mut case.records[80];
    let (day, from) = (record.day, record.end_ms);
    record.end_ms += 601_000;
    let more =
        (1..=200).map(|number| Reply { record: 80, day, at_ms: from + number * 3_000, by: Side::Agent, device: None });
    case.replies.extend(more);
    let after = attribute(&case, &pool(2));
    let shares = |outcome: &Attribution| -> BTreeMap<(u32, u32), f64> {
        let of = |credit: &Credit| -> Vec<((u32, u32), f64)> {
            outcome
                .shares_of(credit)
                .iter()
                .map(|share| ((credit.record, share.person), f64::from(share.ppm) / 1e6))
                .collect()
        };
        outcome.credits.iter().filter(|credit| credit.record != 80).flat_map(of).collect()
    };
    let [before, after] = [shares(&before), shares(&after)];
    let part = |of: &BTreeMap<(u32, u32), f64>, key| of.get(&key).copied().unwrap_or_default();
    let keys: BTreeSet<(u32, u32)> = before.keys().chain(after.keys()).copied().collect();
    let moved = keys.into_iter().map(|key| (part(&before, key) - part(&after, key)).abs()).sum::<f64>() / 2.0 / 159.0;
    assert!(moved < 0.03, "{moved:.4}");
}
