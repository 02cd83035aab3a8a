//! A month of which retention removed something.

use jiff::SignedDuration;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::privacy_service_client::PrivacyServiceClient;

use crate::corrections::{asked, changes, version};
use crate::fixture::{Fixture, at, import, person, problems, reason, record};

/// Days that retention may have taken something of are not worked out anew, and nothing comes to them.
pub async fn nothing_comes_to_it(fixture: &mut Fixture, id: &str, open: &str) {
    let mut cycles = fixture.cycles();
    let observed = || pb::Observation {
        measure: "receipts".into(),
        subject: Some(pb::Subject { of: Some(pb::subject::Of::PersonId(person(1).to_string())) }),
        from: "2026-03-01".into(),
        value: "1".into(),
        ..Default::default()
    };
    assert_eq!(changes(fixture, &fixture.admin, id).await.removed_before, "", "all is kept");
    fixture.pass(SignedDuration::from_hours(24 * 760));
    assert_eq!(reason(cycles.correct_cycle(fixture.admin.request(asked(id, "late"))).await), "PERIOD_PURGED");
    // What is there still is put right as ever.
    assert_eq!(fixture.import(4, vec![version(4, 1, true, 9)]).await.revised, 1);
    let ran = PrivacyServiceClient::new(fixture.channel.clone())
        .run_retention(fixture.admin.request(common::RunRetentionRequest {}))
        .await
        .unwrap();
    assert!(ran.into_inner().taken.iter().any(|taken| taken.table == "records"), "the month is gone");
    fixture.tell(|told| told.duty.clear());
    let today = fixture.callers.clock.now().to_string();
    let told = fixture.import(4, vec![version(4, 1, true, 10), version(4, 7, true, 0), record("new", &today)]).await;
    assert_eq!((told.written, told.revised), (1, 0));
    assert_eq!(problems(&told), [(0, "PERIOD_PURGED"), (1, "PERIOD_PURGED")]);
    let day = "2026-05-02";
    let words = &told.problems[0].message;
    assert!(words.starts_with("4-1 is not there") && words.contains(day) && words.contains("SetRetention"), "{words}");
    let ask = pb::ImportObservationsRequest { rows: vec![observed()], ..Default::default() };
    let told = fixture.observations().import_observations(fixture.admin.request(ask)).await.unwrap().into_inner();
    assert_eq!(problems(&told.result.unwrap()), [(0, "PERIOD_PURGED")]);
    let of = import(4, Vec::new());
    let ask = pb::WithdrawRecordRequest {
        account_id: of.account_id,
        region: of.region,
        unit_id: of.unit_id,
        external_id: "4-1".into(),
        reason: "a test dialogue".into(),
        ..Default::default()
    };
    let gone = fixture.records().withdraw_record(fixture.admin.request(ask)).await.unwrap_err();
    assert!(
        gone.code() == tonic::Code::NotFound && gone.message().contains("; if it was before 2026-05-02"),
        "{gone:?}"
    );
    // Nor is it closed by what is left, or told as changed what was removed.
    let ask = pb::CloseCycleRequest { cycle_id: open.into(), ..Default::default() };
    let closed = cycles.close_cycle(fixture.admin.request(ask)).await.unwrap_err();
    assert!(closed.message().contains("attendance.duty"), "{closed:?}");
    assert_eq!(reason(Err::<tonic::Response<()>, _>(closed)), "PERIOD_PURGED");
    assert_eq!(reason(run_from(fixture, "2026-03-01").await), "PERIOD_PURGED");
    let told = changes(fixture, &fixture.admin, id).await;
    assert_eq!((told.changes, told.others, told.people), (vec![], 0, vec![]), "the duty of the month is gone");
    // What begins on the day that is told is whole: the edge is 2026-05-01T01:00Z, and who punched in then may be on duty on the second.
    let cut = run_from(fixture, "2026-05-02").await.unwrap_err();
    assert!(cut.message().contains("begins on 2026-05-03 or later"), "{cut:?}");
    run_from(fixture, "2026-05-03").await.unwrap();
    longer(fixture, id, open).await;
}

/// Starts a run over a month.
async fn run_from(
    fixture: &Fixture,
    from: &str,
) -> Result<tonic::Response<pb::StartAttributionRunResponse>, tonic::Status> {
    let period = Some(common::Period { from: from.into(), to: format!("{}31", &from[..8]) });
    let run = Some(pb::AttributionRun { period, ..Default::default() });
    let ask = pb::StartAttributionRunRequest { run, ..Default::default() };
    fixture.runs().start_attribution_run(fixture.admin.request(ask)).await
}

/// A longer time brings nothing back: what was worked out before is not worked out anew from what is left, and what is brought in is closed.
async fn longer(fixture: &Fixture, id: &str, open: &str) {
    let mut cycles = fixture.cycles();
    let kept = |kind: &str| idn::Retention { kind: kind.into(), months: 120, ..Default::default() };
    let kinds = ["attendance.duty", "performance.records", "performance.results"];
    fixture.tell(|told| told.retention = kinds.map(kept).into());
    let close = || pb::CloseCycleRequest { cycle_id: open.into(), ..Default::default() };
    // Whom a nickname meant is as good as the duty.
    let closed = cycles.close_cycle(fixture.admin.request(close())).await.unwrap_err();
    assert!(closed.message().contains("2026-05-01 is made of attendance.aliases"), "{closed:?}");
    let raised = |kind: &str| {
        let (removed_before, raised_at) = (at("2026-05-01T01:00:00Z"), at("2028-05-01T01:00:00Z"));
        idn::Retention { removed_before, raised_at, ..kept(kind) }
    };
    let kinds = ["attendance.aliases", "attendance.duty", "performance.records", "performance.results"];
    fixture.tell(|told| told.retention = kinds.map(raised).into());
    let refused = cycles.correct_cycle(fixture.admin.request(asked(id, "late"))).await.unwrap_err();
    assert!(refused.message().contains("begins before 2026-05-03"), "{refused:?}");
    assert_eq!(reason(Err::<tonic::Response<()>, _>(refused)), "PERIOD_PURGED");
    assert_ne!(changes(fixture, &fixture.admin, id).await.removed_before, "");
    let again = fixture.import(4, vec![record("brought", "2026-03-05T04:00:00Z")]).await;
    assert_eq!((again.written, problems(&again)), (1, vec![]));
    cycles.close_cycle(fixture.admin.request(close())).await.unwrap();
}
