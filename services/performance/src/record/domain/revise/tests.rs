use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::tests::{record, stored};
use super::*;

/// The version of a record with this revision: the same revision says the same.
fn row(id: &str, revision: i64) -> Row {
    let mut record = record(id);
    record.amount_minor = Some(revision);
    record.started_ms += revision;
    record.ended_ms += revision;
    Row::new(record, revision)
}

fn refund(id: &str, of: &str, revision: i64) -> Row {
    let mut record = record(id);
    record.amount_minor = Some(-1 - revision);
    record.refers_to = of.to_owned();
    Row::new(record, revision)
}

/// What is stored, and what it was.
#[derive(Default)]
struct Shelf {
    there: BTreeMap<String, There>,
    was: BTreeMap<String, Vec<Row>>,
}

impl Shelf {
    fn send(&mut self, rows: &[Row]) -> ImportOutcome {
        let mut outcome = ImportOutcome::default();
        let plan = revise((0..).zip(rows.iter().cloned()).collect(), self.there.clone(), &mut outcome);
        for (id, revision) in plan.raised {
            if let Some(There::Record(stored)) = self.there.get_mut(&id) {
                stored.revision = revision;
            }
        }
        for Change { earlier, row, was } in plan.changes {
            let id = row.record.external_id.clone();
            let before = self.was.entry(id.clone()).or_default();
            if let Some(There::Record(old)) = was {
                let revision = match &self.there[&id] {
                    There::Record(stored) => stored.revision,
                    There::Gone { .. } => old.revision,
                };
                before.push(Row { record: *old.record.unwrap(), revision, content: old.content });
            }
            before.extend(earlier);
            self.there.insert(id, There::Record(stored(&row)));
        }
        outcome.in_order()
    }

    fn revision(&self, id: &str) -> i64 {
        match &self.there[id] {
            There::Record(stored) => stored.revision,
            There::Gone { revision, .. } => -revision,
        }
    }
}

fn reasons(outcome: &ImportOutcome) -> Vec<(u32, &str)> {
    outcome.problems.iter().map(|problem| (problem.index, problem.reason.as_str())).collect()
}

fn counts(outcome: &ImportOutcome) -> (u32, u32, u32) {
    (outcome.written, outcome.unchanged, outcome.revised)
}

#[test]
fn a_higher_revision_is_a_new_version_and_a_lower_one_is_told_that_it_is_late() {
    let mut shelf = Shelf::default();
    assert_eq!(counts(&shelf.send(&[row("a", 1)])), (1, 0, 0));
    assert_eq!(counts(&shelf.send(&[row("a", 3)])), (0, 0, 1));
    let late = shelf.send(&[row("a", 2), row("a", 3)]);
    assert_eq!((counts(&late), reasons(&late)), ((0, 1, 0), vec![(0, "REVISION_STALE")]));
    let unsaid = shelf.send(&[Row { revision: 0, ..row("a", 9) }]);
    assert_eq!(reasons(&unsaid), [(0, "REVISION_STALE")]);
    let equal = shelf.send(&[Row { revision: 3, ..row("a", 9) }]);
    assert_eq!(reasons(&equal), [(0, "DIFFERENT_CONTENT")]);
    assert_eq!((shelf.revision("a"), shelf.was["a"].len()), (3, 1));
}

#[test]
fn the_same_content_under_a_higher_revision_is_the_same_record_and_what_comes_between_is_late() {
    let mut shelf = Shelf::default();
    shelf.send(&[row("a", 1)]);
    let again = Row { revision: 5, ..row("a", 1) };
    assert_eq!(counts(&shelf.send(&[again])), (0, 1, 0));
    assert_eq!(shelf.revision("a"), 5);
    assert_eq!(reasons(&shelf.send(&[row("a", 4)])), [(0, "REVISION_STALE")]);
    assert!(shelf.was["a"].is_empty());
    // Once more in one call, where the number is raised before the version ends.
    let rows = [Row { revision: 6, ..row("a", 1) }, row("a", 7)];
    assert_eq!(counts(&shelf.send(&rows)), (0, 1, 1));
    assert_eq!(shelf.was["a"].iter().map(|row| row.revision).collect::<Vec<_>>(), [6]);
}

#[test]
fn two_rows_of_one_revision_that_differ_are_refused_and_a_higher_one_beside_them_is_taken() {
    let mut shelf = Shelf::default();
    let sent = shelf.send(&[row("a", 2), Row { revision: 2, ..row("a", 9) }, row("a", 3)]);
    assert_eq!((counts(&sent), reasons(&sent)), ((1, 0, 0), vec![(0, "ROWS_CONTRADICT"), (1, "ROWS_CONTRADICT")]));
    let sent = shelf.send(&[row("a", 3), Row { revision: 3, ..row("a", 9) }]);
    assert_eq!((counts(&sent), reasons(&sent)), ((0, 1, 0), vec![(1, "DIFFERENT_CONTENT")]));
}

#[test]
fn a_record_that_was_taken_out_stays_out_until_the_sender_says_more() {
    let gone = |how| {
        BTreeMap::from([("a".to_owned(), There::Gone { revision: 2, started_ms: 0, how, why: "a test".to_owned() })])
    };
    let mut shelf = Shelf { there: gone(Gone::Withdrawn), ..Shelf::default() };
    assert_eq!(reasons(&shelf.send(&[row("a", 2)])), [(0, "RECORD_WITHDRAWN")]);
    assert_eq!(counts(&shelf.send(&[row("a", 3)])), (1, 0, 0));
    let mut shelf = Shelf { there: gone(Gone::Moved), ..Shelf::default() };
    assert_eq!(reasons(&shelf.send(&[row("a", 3)])), [(0, "RECORD_MOVED")]);
}

#[test]
fn a_refund_needs_a_served_record_which_may_come_with_it() {
    let mut shelf = Shelf::default();
    assert_eq!(reasons(&shelf.send(&[refund("b", "a", 0)])), [(0, "REFERS_TO_NOTHING")]);
    assert_eq!(counts(&shelf.send(&[refund("b", "a", 0), row("a", 0)])), (2, 0, 0));
    assert_eq!(reasons(&shelf.send(&[refund("c", "b", 0)])), [(0, "REFERS_TO_REFUND")]);
    assert_eq!(reasons(&shelf.send(&[refund("c", "c", 0)])), [(0, "REFERS_TO_NOTHING")]);
    assert_eq!(counts(&shelf.send(&[refund("b", "a", 1)])), (0, 0, 1));
    let turned = shelf.send(&[row("b", 2), refund("a", "b", 2), row("d", 0)]);
    assert_eq!(reasons(&turned), [(0, "REFERENCE_FIXED"), (1, "REFERS_TO_REFUND")]);
}

#[test]
fn what_a_change_touches_is_where_the_record_was_and_is_and_of_a_refund_the_record_it_refers_to() {
    let start = row("a", 0).record.started_ms;
    let of = |rows: &[Row], there: &Shelf| {
        let mut outcome = ImportOutcome::default();
        let plan = revise((0..).zip(rows.iter().cloned()).collect(), there.there.clone(), &mut outcome);
        plan.starts.into_iter().map(|at| at - start).collect::<BTreeSet<_>>()
    };
    let mut shelf = Shelf::default();
    shelf.send(&[row("a", 10)]);
    assert_eq!(of(&[row("a", 10)], &shelf), BTreeSet::new());
    assert_eq!(of(&[row("a", 20)], &shelf), BTreeSet::from([10, 20]));
    let later = |revision| {
        let mut refund = refund("b", "a", revision);
        refund.record.started_ms += 500;
        refund.record.ended_ms += 500;
        Row::new(refund.record, revision)
    };
    assert_eq!(of(&[later(1)], &shelf), BTreeSet::from([10]));
    assert_eq!(of(&[later(1), row("a", 20)], &shelf), BTreeSet::from([10, 20]), "one that comes with its sale");
    shelf.send(&[later(1)]);
    assert_eq!(of(&[later(2)], &shelf), BTreeSet::from([10]));
}

proptest! {
    /// Any order and repetition of the versions of records, cut into any calls, ends in the highest of each, and every version that
    /// ever counted is kept, in the order of the revisions.
    #[test]
    fn in_whatever_order_versions_come_the_highest_counts_and_none_is_lost(
        sent in prop::collection::vec((0..3_usize, 1..7_i64), 1..30),
        calls in prop::collection::vec(1..6_usize, 30),
    ) {
        let rows: Vec<Row> = sent.iter().map(|(id, revision)| row(["a", "b", "c"][*id], *revision)).collect();
        let (mut shelf, mut left, mut taken) = (Shelf::default(), rows.as_slice(), (0, 0));
        for size in calls {
            let (call, rest) = left.split_at(size.min(left.len()));
            let outcome = shelf.send(call);
            taken = (taken.0 + outcome.written, taken.1 + outcome.revised);
            let told = outcome.written + outcome.revised + outcome.unchanged + outcome.problems.len() as u32;
            prop_assert_eq!(told as usize, call.len());
            prop_assert!(outcome.problems.iter().all(|problem| problem.reason == "REVISION_STALE"));
            left = rest;
        }
        for id in ["a", "b", "c"] {
            let of_id = || rows.iter().filter(|row| row.record.external_id == id);
            let Some(highest) = of_id().map(|row| row.revision).max() else { continue };
            prop_assert_eq!(shelf.there.get(id), Some(&There::Record(stored(&row(id, highest)))));
            let mut history: Vec<i64> = shelf.was[id].iter().map(|row| row.revision).collect();
            history.push(highest);
            prop_assert!(history.windows(2).all(|pair| pair[0] < pair[1]), "{history:?}");
        }
        let kept = shelf.was.values().map(Vec::len).sum::<usize>() + shelf.there.len();
        prop_assert_eq!(kept as u32, taken.0 + taken.1);
    }
}
