//! The forum as two desks would have told it, of which one has a clock minutes apart.

use super::*;
use tally_engine::attribution::FindingKind;

/// The account with records as a desk keeps them: opened up to twenty seconds before the first message and closed up to twenty after the last, one in five of
/// them half an hour more on either side; the messages of every other dialogue by a clock that is so far ahead.
fn by_two_desks(mut input: Input, ahead_ms: i64) -> Input {
    for (number, record) in (0..).zip(&mut input.records) {
        let more = if draw(21, number).is_multiple_of(5) { 1_800_000 } else { 0 };
        record.start_ms -= (draw(22, number) % 20_000) as i64 + more;
        record.end_ms += (draw(23, number) % 20_000) as i64 + more;
    }
    for reply in &mut input.replies {
        let is_second = input.records[reply.record as usize].customer.is_some_and(|customer| customer % 2 == 0);
        reply.at_ms += if is_second { ahead_ms } else { 0 };
    }
    input
}

#[test]
fn a_desk_whose_clock_is_minutes_apart_is_found_to_the_second_and_costs_little() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!("| people | ahead, s | misallocated, one clock | two | found, s | records |");
    let mut cost = 0.0;
    for k in [3, 5, 8] {
        let mine: Vec<&Group> = groups.iter().filter(|group| group.k == k).take(12).collect();
        let mut plain = 0.0;
        let clocks = |outcome: &Attribution| -> Vec<(i64, u32)> {
            let apart = outcome.findings.iter().filter(|finding| finding.kind == FindingKind::ClocksApart);
            apart.map(|finding| (finding.ahead_ms.expect("how far"), finding.records)).collect()
        };
        for group in &mine {
            let (input, truth) = shared_account(&posts, group, 0, 0);
            assert_eq!(clocks(&attribute(&input, &pool)), []);
            let outcome = attribute(&by_two_desks(input, 0), &pool);
            assert_eq!(clocks(&outcome), []);
            plain += misallocated(&totals(k, &outcome).0, &truth);
        }
        for ahead in [-870_i64, -203, 95, 420, 900] {
            let (mut apart, mut off, mut part) = (0.0, 0, (0, 0));
            for group in &mine {
                let (input, truth) = shared_account(&posts, group, 0, 0);
                let outcome = attribute(&by_two_desks(input, ahead * 1_000), &pool);
                let [(found, records)] = clocks(&outcome)[..] else { panic!("{:?}", clocks(&outcome)) };
                off = off.max((found - ahead * 1_000).abs());
                part = (part.0 + records as usize, part.1 + truth.len());
                apart += misallocated(&totals(k, &outcome).0, &truth);
            }
            let [plain, apart] = [plain, apart].map(|sum| sum / mine.len() as f64);
            println!("| {k} | {ahead} | {plain:.4} | {apart:.4} | within {} ms | {} of {} |", off, part.0, part.1);
            assert!(off <= 3_000, "{k} people, {ahead} s: {off} ms");
            // Of the second desk one record in five says no difference, and is read by the first one's clock.
            assert!(apart <= plain + 0.012, "{k} people, {ahead} s: {plain:.4} {apart:.4}");
            cost += (apart - plain) / 15.0;
        }
    }
    println!("costs {cost:.4}");
    assert!(cost <= 0.004, "{cost:.4}");
}
