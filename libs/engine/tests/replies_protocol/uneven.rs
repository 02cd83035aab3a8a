//! Some click far more than others, or sit where their workstation is told.

use super::*;
use tally_engine::attribution::FindingKind;

/// Of how many records in a hundred each person says that they are theirs, then on how many of the replies in a hundred their workstation is told.
type Rates = (&'static [u64], &'static [u64]);

/// The rate of a person: those of the list in turn, beginning with another for every group.
fn of(rates: &[u64], group: &Group, person: usize) -> u64 {
    rates[(person + group.rep as usize) % group.k % rates.len()]
}

fn with_rates(input: Input, posts: &[Post], group: &Group, truth: &[usize], (claims, devices): Rates) -> Input {
    let whole = with_evidence(input.clone(), posts, group, truth, 100, 100);
    let mut input = Input { claims: whole.claims, devices: whole.devices, ..input };
    input.claims.retain(|claim| {
        let number = claim.record.expect("a record");
        draw(14, u64::from(number)) % 100 < of(claims, group, claim.person as usize)
    });
    for ((number, reply), known) in (0..).zip(&mut input.replies).zip(&whole.replies) {
        let rate = known.device.map_or(0, |device| of(devices, group, device as usize));
        reply.device = known.device.filter(|_| draw(11, number) % 100 < rate);
    }
    input
}

/// Where all say alike: nothing is found, and nothing changes.
const ALIKE: [Rates; 4] = [(&[50], &[0]), (&[20], &[0]), (&[0], &[10]), (&[0], &[30])];

/// Where some say far more, with what the misallocated share must not exceed with 2, 3, 5 and 8 people.
const APART: [(Rates, [f64; 4]); 7] = [
    ((&[80, 10, 10], &[0]), [0.014, 0.027, 0.045, 0.062]),
    ((&[80, 10, 10, 10, 10], &[0]), [0.014, 0.027, 0.053, 0.062]),
    ((&[0, 50, 50, 50, 50], &[0]), [0.019, 0.023, 0.043, 0.056]),
    ((&[90, 0, 0, 0, 0], &[0]), [0.016, 0.028, 0.068, 0.083]),
    ((&[60, 30, 30, 30, 30], &[0]), [0.015, 0.027, 0.041, 0.056]),
    ((&[0], &[90, 0, 0, 90, 0]), [0.008, 0.021, 0.048, 0.066]),
    ((&[0], &[60, 10, 10, 60, 10]), [0.011, 0.023, 0.050, 0.076]),
];

/// The mean misallocated share of the groups of a size, and on how many of their accounts it was found that people say unevenly.
fn judge(
    (posts, groups): (&[Post], &[Group]),
    k: usize,
    rates: Rates,
    pool: &rayon::ThreadPool,
) -> (f64, usize, usize) {
    let mine: Vec<&Group> = groups.iter().filter(|group| group.k == k).collect();
    let (mut sum, mut found) = (0.0, 0);
    for group in &mine {
        let (input, truth) = shared_account(posts, group, 0, 0);
        let outcome = attribute(&with_rates(input, posts, group, &truth, rates), pool);
        sum += misallocated(&totals(k, &outcome).0, &truth);
        found += usize::from(outcome.findings.iter().any(|found| found.kind == FindingKind::EvidenceUneven));
    }
    (sum / mine.len() as f64, found, mine.len())
}

#[test]
fn whoever_clicks_more_or_sits_at_a_known_device_is_not_credited_with_the_rest() {
    let Some(root) = root() else { return };
    let (posts, groups) = (posts(Path::new(&root)), groups(Path::new(&root)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!(
        "| claimed, at a device, %, by person in turn | misallocated, k = 2, 3, 5, 8 | accounts on which it was found |"
    );
    let apart = APART.map(|(rates, bars)| (rates, Some(bars)));
    for (rates, bars) in ALIKE.map(|rates| (rates, None)).into_iter().chain(apart) {
        let cells = [2, 3, 5, 8].map(|k| judge((&posts, &groups), k, rates, &pool));
        let shares = cells.map(|(share, ..)| format!("{share:.4}")).join(" ");
        println!("| {rates:?} | {shares} | {} |", cells.map(|(_, found, of)| format!("{found} of {of}")).join(", "));
        for (column, (share, found, of)) in cells.into_iter().enumerate() {
            match bars {
                None => assert_eq!(found, 0, "{rates:?}"),
                Some(bars) => {
                    assert!(share <= bars[column] && found > 0, "{rates:?}: {share:.4}, {found} of {of}")
                }
            }
        }
    }
}
