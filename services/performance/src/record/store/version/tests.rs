//! What becomes of earlier versions when somebody is erased, and when they are over, on both databases.

use jiff::Timestamp;
use tally_kernel::id::{PersonId, TenantId};
use tally_privacy::{DataTable, Over};
use tally_store::Audit;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{Callers, clock, on_both};

use super::*;
use crate::policy::ErasePerson;
use crate::privacy::DATA_TABLES;
use crate::{SERVICE, migrations};

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(9));

fn context(callers: &Callers) -> OpContext {
    callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, tally_testkit::callers::everything()))
}

async fn unit(db: &TestStore, ctx: &OpContext) -> UnitOfWork {
    let permit = ctx.permit::<ErasePerson>(&tally_access::Target::tenant()).unwrap();
    db.store.unit(ctx, &permit).await.unwrap()
}

async fn end(work: UnitOfWork) {
    work.commit(Audit::new("performance.person.redact", "person", "1"), ()).await.unwrap();
}

/// A record that began then, as it is and as it was: what names whom in either.
async fn revised(db: &TestStore, ctx: &OpContext, id: &str, start: &str, [is, was]: [(&str, &str); 2]) {
    let started_ms = start.parse::<Timestamp>().unwrap().as_millisecond();
    let row = |(agent, contributor): (&str, &str)| super::super::Model {
        tenant_id: ctx.tenant().into(),
        account_id: ACCOUNT.0,
        external_id: id.to_owned(),
        id: Uuid::from_u128(id.bytes().map(u128::from).sum()),
        region: "cn-north".into(),
        unit_id: None,
        started_ms,
        ended_ms: started_ms + 1,
        agent: agent.to_owned(),
        kind: String::new(),
        first_reply_ms: None,
        resolved: None,
        rating_milli: None,
        amount_minor: None,
        customer: String::new(),
        measures: None,
        content: vec![1; 32],
        recorded_at: to_db(ctx.now()),
        revision: Some(2),
        currency: None,
        refers_to: None,
        contributors: (!contributor.is_empty()).then(|| format!("closer={contributor}")),
        device: None,
    };
    let work = unit(db, ctx).await;
    let before = End { ended: Ended::Moved, reason: "was served by Mimi Wang" };
    work.insert_many([ended(ctx, row(was), 1, before)]).await.unwrap();
    work.insert_many([row(is)]).await.unwrap();
    end(work).await;
}

/// Everything that the account's records say, and said, of whom.
async fn named(db: &TestStore, ctx: &OpContext) -> Vec<String> {
    let tx = db.store.read(ctx).await.unwrap();
    let was = tx.select::<Entity>().order_by_asc(Column::StartedMs).all().await.unwrap();
    let mut rows: Vec<super::super::Model> = was.into_iter().map(super::super::Model::from).collect();
    rows.extend(tx.select::<super::super::Entity>().all().await.unwrap());
    rows.into_iter().flat_map(|row| [row.agent, row.contributors.unwrap_or_default()]).collect()
}

on_both!(an_erased_person_is_named_in_no_version_and_others_stay_as_they_were);
async fn an_erased_person_is_named_in_no_version_and_others_stay_as_they_were(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let ctx = context(&Callers::new(clock("2026-03-02T01:00:00Z"), 7));
    // By the number, by a nickname of the account, and as one of several; somebody else is called alike on other days.
    revised(&db, &ctx, "a", "2026-02-01T00:00:00Z", [("E0002", "E0002"), ("E0001", "E0001")]).await;
    revised(&db, &ctx, "b", "2026-02-02T00:00:00Z", [("E0002", ""), ("Mimi", "Mimi")]).await;
    revised(&db, &ctx, "c", "2026-02-09T00:00:00Z", [("Mimi", ""), ("Mimi", "")]).await;
    let day = |day: &str| Some(day.parse::<Timestamp>().unwrap().as_millisecond());
    let work = unit(&db, &ctx).await;
    let span = (day("2026-02-01T00:00:00Z"), day("2026-02-05T00:00:00Z"));
    super::super::rename(&work, ACCOUNT, "Mimi", span, "P-1").await.unwrap();
    super::super::rename_number(&work, "E0001", "P-1").await.unwrap();
    assert_eq!(forget_reasons(&work, "P-1").await.unwrap(), 2, "of what names the person now, or did");
    assert_eq!(forget_reasons(&work, "P-1").await.unwrap(), 0);
    end(work).await;
    let tx = db.store.read(&ctx).await.unwrap();
    let told = tx.select::<Entity>().filter(Column::Reason.ne("")).all().await.unwrap();
    assert_eq!(told.iter().map(|row| row.external_id.as_str()).collect::<Vec<_>>(), ["c"], "of somebody else");
    drop(tx);
    let now = named(&db, &ctx).await;
    assert!(!now.iter().any(|text| text.contains("E0001")), "{now:?}");
    assert_eq!(now[..6], ["P-1", "closer=P-1", "P-1", "closer=P-1", "Mimi", ""], "the versions, by their start");
    assert_eq!(now.iter().filter(|text| text.contains("E0002")).count(), 3, "{now:?}");
}

on_both!(versions_go_with_their_records_when_they_are_over_and_stay_while_anybody_is_on_hold);
async fn versions_go_with_their_records_when_they_are_over_and_stay_while_anybody_is_on_hold(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let ctx = context(&Callers::new(clock("2026-03-02T01:00:00Z"), 7));
    revised(&db, &ctx, "old", "2023-12-31T23:59:59Z", [("E0001", ""), ("E0002", "")]).await;
    revised(&db, &ctx, "new", "2024-01-01T00:00:00Z", [("E0001", ""), ("E0002", "")]).await;
    let purge = async |held: Vec<PersonId>| {
        let over = Over { until: "2024-01-01T00:00:00Z".parse().unwrap(), held };
        let mut gone = Vec::new();
        for table in DATA_TABLES.iter().filter(|table| ["records", "record_versions"].contains(&table.table())) {
            let work = unit(&db, &ctx).await;
            gone.push((table.table(), DataTable::purge_expired(table, &work, &over, 500).await.unwrap().0));
            end(work).await;
        }
        gone
    };
    let somebody = PersonId(Uuid::from_u128(1));
    assert_eq!(purge(vec![somebody]).await, [("records", 0), ("record_versions", 0)], "rows do not say whose they are");
    assert_eq!(named(&db, &ctx).await.len(), 8);
    assert_eq!(purge(Vec::new()).await, [("records", 1), ("record_versions", 1)]);
    assert_eq!(named(&db, &ctx).await, ["E0002", "", "E0001", ""], "the newer record and what it was");
}
