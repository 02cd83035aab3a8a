use proptest::collection::vec;
use proptest::prelude::*;

use super::super::tests::placed;
use super::*;

/// What is stored, and how many versions there were.
#[derive(Default)]
struct Shelf(There);

impl Shelf {
    fn send(&mut self, rows: &[Placed]) -> ImportOutcome {
        let mut outcome = ImportOutcome::default();
        let rows: Vec<(u32, Placed)> = (0..).zip(rows.iter().cloned()).collect();
        let plan = revise(&rows, self.0.clone(), &mut outcome);
        for (id, revision) in plan.raised {
            self.0.values_mut().filter(|stored| stored.id == id).for_each(|stored| stored.revision = revision);
        }
        for Change { was, versions } in plan.changes {
            let last = versions.last().unwrap();
            let ordinal = was.map_or(0, |was| was.ordinal) + i32::try_from(versions.len()).unwrap();
            let (id, content, revision) = (Uuid::from_u128(5), last.content(), last.said.revision);
            self.0.insert(last.key(), Stored { id, ordinal, revision, content, withdrawn: None });
        }
        outcome.in_order()
    }

    fn now(&self) -> (i64, Micro, i32) {
        let stored = self.0.values().next().unwrap();
        (stored.revision, stored.content.value, stored.ordinal)
    }

    fn withdraw(&mut self) {
        self.0.values_mut().for_each(|stored| stored.withdrawn = Some("a typing error".into()));
    }
}

fn counts(outcome: &ImportOutcome) -> (u32, u32, u32) {
    (outcome.written, outcome.unchanged, outcome.revised)
}

fn reasons(outcome: &ImportOutcome) -> Vec<(u32, &str)> {
    outcome.problems.iter().map(|problem| (problem.index, problem.reason.as_str())).collect()
}

#[test]
fn the_same_is_unchanged_and_a_higher_revision_is_a_new_version() {
    let mut shelf = Shelf::default();
    assert_eq!(counts(&shelf.send(&[placed(8, 1)])), (1, 0, 0));
    assert_eq!(counts(&shelf.send(&[placed(8, 1), placed(8, 0)])), (0, 2, 0));
    assert_eq!(counts(&shelf.send(&[placed(9, 3)])), (0, 0, 1));
    let late = shelf.send(&[placed(7, 2), placed(7, 3), placed(9, 5)]);
    assert_eq!(reasons(&late), [(0, "REVISION_STALE"), (1, "DIFFERENT_CONTENT")]);
    assert_eq!(shelf.now(), (5, Micro::from_int(9), 2), "the number of the same content is kept");
}

#[test]
fn another_source_of_the_same_value_contradicts_it_and_nothing_counts_twice() {
    let mut shelf = Shelf::default();
    let mut other = placed(8, 0);
    other.said.source = "gym".into();
    assert_eq!(counts(&shelf.send(&[placed(8, 0)])), (1, 0, 0));
    assert_eq!(reasons(&shelf.send(std::slice::from_ref(&other))), [(0, "DIFFERENT_CONTENT")]);
    let both = Shelf::default().send(&[placed(8, 0), other]);
    assert_eq!(reasons(&both), [(0, "ROWS_CONTRADICT"), (1, "ROWS_CONTRADICT")]);
}

#[test]
fn what_was_withdrawn_comes_back_with_a_higher_revision_alone() {
    let mut shelf = Shelf::default();
    shelf.send(&[placed(8, 1)]);
    shelf.withdraw();
    assert_eq!(
        reasons(&shelf.send(&[placed(8, 1), placed(9, 0)])),
        [(0, "OBSERVATION_WITHDRAWN"), (1, "OBSERVATION_WITHDRAWN")]
    );
    assert_eq!(counts(&shelf.send(&[placed(8, 2)])), (1, 0, 0));
    assert_eq!(shelf.now(), (2, Micro::from_int(8), 2));
}

proptest! {
    /// Each revision says one value, which may be that of others.
    #[test]
    fn the_highest_revision_counts_in_whatever_order_and_calls_they_come(
        values in vec(0..3_i32, 1..6), order in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
    ) {
        let rows: Vec<Placed> = (1..).zip(&values).map(|(revision, value)| placed(*value, revision)).collect();
        let mut turned = rows.clone();
        turned.rotate_left(order.index(rows.len()));
        let (first, second) = turned.split_at(cut.index(rows.len()));
        let mut shelf = Shelf::default();
        shelf.send(first);
        shelf.send(second);
        let (revision, value, _) = shelf.now();
        prop_assert_eq!((revision, value), (rows.len() as i64, rows.last().unwrap().said.value));
        let again = shelf.send(std::slice::from_ref(rows.last().unwrap()));
        prop_assert_eq!(counts(&again), (0, 1, 0));
    }
}
