//! Which records a statement leads back to, on both databases.

use tally_kernel::id::SettlementId;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;

use super::fixture::{Fixture, branch, person};
use super::january;
use crate::{SERVICE, migrations, statement};

async fn traced(fixture: &Fixture, of: SettlementId) -> String {
    let room = statement::app::App { store: fixture.store().clone(), peers: fixture.app.peers.clone() };
    let (records, all) = statement::app::trace(&room, &fixture.approver, of, person(0), 0..10).await.unwrap();
    assert_eq!((records.len(), all), (1, 1));
    let more = statement::app::trace(&room, &fixture.approver, of, person(0), 1..10).await.unwrap();
    assert_eq!((more.0.len(), more.1), (0, 1), "what was told before is not told again");
    records.into_iter().next().unwrap().external_id
}

on_both!(a_statement_leads_to_the_records_of_the_cards_that_it_was_drafted_from);
async fn a_statement_leads_to_the_records_of_the_cards_that_it_was_drafted_from(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    assert_eq!(traced(&fixture, first).await, "version 1");
    fixture.score(0, &[(0, 20), (1, 40), (2, 40)]);
    assert_eq!(traced(&fixture, first).await, "version 1", "the cycle was corrected, and what was posted stays");
    fixture.put_right(first).await.unwrap();
    fixture.score(1, &[(0, 90), (1, 90)]);
    let drafted = fixture.drafted(&branch(0), 1, 10_000).await;
    fixture.score(1, &[(1, 90)]);
    fixture.approve_and_post(drafted.id).await.unwrap();
    assert_eq!(
        traced(&fixture, drafted.id).await,
        "version 1",
        "it was drafted before the correction, and posted after it"
    );
    assert_eq!(traced(&fixture, first).await, "version 1", "what was put right is paid by another statement");
    // Where no version is kept, what was published by then.
    fixture.score(2, &[(0, 90), (1, 90)]);
    fixture.told.lock().unwrap().versions.insert(2, 0);
    let old = fixture.posted(&branch(0), 2, 10_000).await;
    assert_eq!(old.sums.cards_version, None);
    assert_eq!(traced(&fixture, old.id).await, format!("known at {}", old.prepared_at.as_second()));
}
