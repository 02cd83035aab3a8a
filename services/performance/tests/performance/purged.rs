//! A month of which retention removed something.

use jiff::SignedDuration;
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::privacy_service_client::PrivacyServiceClient;

use crate::corrections::{asked, changes, version};
use crate::fixture::{Fixture, cycle, import, person, problems, reason, record};

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
    let day = changes(fixture, &fixture.admin, id).await.removed_before;
    let words = &told.problems[0].message;
    assert!(words.starts_with("4-1 is not there") && words.contains(&day) && words.contains("SetRetention"), "{words}");
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
    assert!(gone.code() == tonic::Code::NotFound && gone.message().contains(&day), "{gone:?}");
    // Nor is it closed by what is left, or told as changed what was removed.
    let ask = pb::CloseCycleRequest { cycle_id: open.into(), ..Default::default() };
    let closed = cycles.close_cycle(fixture.admin.request(ask)).await.unwrap_err();
    assert!(closed.message().contains(&day), "{closed:?}");
    assert_eq!(reason(Err::<tonic::Response<()>, _>(closed)), "PERIOD_PURGED");
    let run = Some(pb::AttributionRun { period: cycle("").period, ..Default::default() });
    let ask = pb::StartAttributionRunRequest { run, ..Default::default() };
    assert_eq!(reason(fixture.runs().start_attribution_run(fixture.admin.request(ask)).await), "PERIOD_PURGED");
    let told = changes(fixture, &fixture.admin, id).await;
    assert_eq!((told.changes, told.others, told.people), (vec![], 0, vec![]), "the duty of the month is gone");
}
