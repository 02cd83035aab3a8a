//! Replaying settlements: the same where nothing was touched, whatever was put right since; and what was altered past the service, by name.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use tally_access::OpContext;
use tally_kernel::id::SettlementId;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;

use super::fixture::{Fixture, branch, number, person};
use super::{THREE, january};
use crate::settlement::app::replay::{Told, replay};
use crate::settlement::domain::replay::Replayed;
use crate::{SERVICE, migrations};

async fn replayed_by(fixture: &Fixture, ctx: &OpContext, id: SettlementId) -> (usize, Replayed) {
    let (_, told) = replay(&fixture.app, ctx, id).await.unwrap();
    let told: Vec<_> = told.map(Result::unwrap).collect().await;
    let steps = told.iter().filter(|one| matches!(one, Told::Step(..))).count();
    match told.into_iter().next_back() {
        Some(Told::End(replayed)) => (steps, *replayed),
        other => panic!("no end: {other:?}"),
    }
}

async fn replayed(fixture: &Fixture, id: SettlementId) -> Replayed {
    replayed_by(fixture, &fixture.approver, id).await.1
}

/// Who is named, and why.
fn found(replayed: &Replayed) -> Vec<(Option<usize>, String)> {
    let first = replayed.differences.first.iter();
    first.map(|it| (it.person.map(number), it.said[0].id().to_owned())).collect()
}

on_both!(a_settlement_is_the_same_whatever_was_put_right_since_and_so_is_the_one_that_took_it);
async fn a_settlement_is_the_same_whatever_was_put_right_since_and_so_is_the_one_that_took_it(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    let (steps, same) = replayed_by(&fixture, &fixture.approver, first).await;
    assert_eq!((steps, same.statements, found(&same)), (3, 3, Vec::new()));
    assert_eq!(same.digests.0, same.digests.1);
    // The cards of January are put right, and February pays the difference.
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    fixture.put_right(first).await.unwrap();
    fixture.score(1, &THREE);
    let second = fixture.posted(&branch(0), 1, 10_000).await;
    assert!(second.sums.adjusted_minor.is_some());
    for id in [first, second.id] {
        let replayed = replayed(&fixture, id).await;
        assert_eq!((found(&replayed), replayed.digests.0 == replayed.digests.1), (Vec::new(), true));
    }
    let dropped = fixture.drafted(&branch(0), 1, 500).await;
    fixture.discard(dropped.id).await;
    assert_eq!(found(&replayed(&fixture, dropped.id).await), []);
}

on_both!(a_statement_that_was_altered_or_taken_out_names_its_person);
async fn a_statement_that_was_altered_or_taken_out_names_its_person(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    let of = |n: usize| {
        let id = person(n).0;
        if on == Backend::Sqlite { format!("person_id = x'{}'", id.simple()) } else { format!("person_id = '{id}'") }
    };
    let swapped = "UPDATE statements SET line = (SELECT line FROM statements WHERE";
    assert_eq!(db.tamper(&format!("{swapped} {}) WHERE {}", of(0), of(1))).await, 1);
    assert_eq!(db.tamper(&format!("DELETE FROM statements WHERE {}", of(2))).await, 1);
    let replayed = replayed(&fixture, first).await;
    let expected = [(Some(1), "REPLAY_UNREADABLE".to_owned()), (Some(2), "REPLAY_NOT_STORED".to_owned())];
    assert_eq!(found(&replayed), expected);
    assert_eq!(replayed.digests.0, replayed.digests.1, "what it was drafted from is as it was");
}

on_both!(what_a_settlement_was_drafted_from_is_not_what_it_was_and_that_is_told);
async fn what_a_settlement_was_drafted_from_is_not_what_it_was_and_that_is_told(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    // Performance says something else of the same version than it did.
    fixture.told.lock().unwrap().cards.insert(0, BTreeMap::from([(0, 50), (1, 20), (2, 30)]));
    let changed = replayed(&fixture, first).await;
    assert_ne!(changed.digests.0, changed.digests.1);
    let people: Vec<_> = found(&changed).into_iter().map(|(person, _)| person).collect();
    assert_eq!(people, [Some(1), Some(2)]);
    // Sums that do not open are no fault of the service.
    assert_eq!(db.tamper("UPDATE settlements SET sums = (SELECT line FROM statements ORDER BY id LIMIT 1)").await, 1);
    assert_eq!(found(&replayed(&fixture, first).await), [(None, "REPLAY_UNREADABLE".to_owned())]);
}
