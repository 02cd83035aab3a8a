//! A unit that was closed: its branch brings in what was observed of its days, and is told its last day for later ones.

use tally_api::identity::v1 as identity;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::observation_service_client::ObservationServiceClient;
use tally_suite::session::Session;

use crate::rooms::access::somebody_on;
use crate::year::group::Group;

/// A team of South, from the first of January to the last of February: its id.
async fn closed(group: &Group) -> String {
    let hr = &group.home.crew.hr;
    let mut org = OrgServiceClient::new(hr.at.identity.clone());
    let row = identity::OrgUnitRow { path: "South/Desk".into(), valid_from: "2026-01-01".into(), ..Default::default() };
    let ask = identity::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
    org.import_org_units(hr.ask(ask)).await.expect("a unit");
    let unit_id = tally_import::unit_ids(hr).await.expect("units").remove("South/Desk").expect("the unit");
    let (closed, from) = (unit_id.clone(), "2026-03-01".to_owned());
    let ask = identity::CloseOrgUnitRequest { unit_id: closed, from, backdated: true, ..Default::default() };
    let told = org.close_org_unit(hr.ask(ask)).await.expect("closed").into_inner().unit.expect("a unit");
    assert_eq!(told.valid_to, "2026-02-28");
    unit_id
}

fn row(unit_id: &str, day: &str, value: &str) -> performance::Observation {
    performance::Observation {
        measure: "traffic".into(),
        subject: Some(performance::Subject { of: Some(performance::subject::Of::UnitId(unit_id.into())) }),
        from: day.into(),
        value: value.into(),
        source: "counter at the door".into(),
        ..Default::default()
    }
}

async fn observe(
    who: &Session,
    rows: Vec<performance::Observation>,
) -> Result<tally_api::common::v1::ImportResult, tonic::Status> {
    let mut client = ObservationServiceClient::new(who.at.performance.clone());
    let ask = performance::ImportObservationsRequest { rows, ..Default::default() };
    Ok(client.import_observations(who.ask(ask)).await?.into_inner().result.expect("a result"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_observed_of_a_closed_unit_is_taken_for_its_days_and_refused_with_its_last_day_for_later_ones() {
    let mut group = Group::begin().await;
    group.month_ends(3).await;
    let unit_id = closed(&group).await;
    let of_branch = async |login, branch: usize| {
        let place = (identity::ScopeKind::Subtree, group.units[branch].as_str());
        somebody_on(&group.home.crew.admin, login, "branch_hr", place).await
    };
    let (south, north) = (of_branch("south-hr", 1).await, of_branch("north-hr", 0).await);
    let never = "0195d0a0-0000-7000-8000-000000000000";
    let rows = vec![
        row(&unit_id, "2026-02-10", "12"),
        row(&unit_id, "2026-03-05", "13"),
        row(&unit_id, "2025-12-30", "14"),
        row(never, "2026-02-10", "15"),
    ];
    let told = observe(&south, rows).await.expect("an import");
    let problems: Vec<_> = told.problems.iter().map(|one| (one.index, one.reason.as_str())).collect();
    let (gone, unknown) = ("OBSERVATION_UNIT_CLOSED", "OBSERVATION_SUBJECT_UNKNOWN");
    assert_eq!((told.written, problems), (1, vec![(1, gone), (2, gone), (3, unknown)]), "{told:?}");
    assert!(told.problems[0].message.contains("2026-02-28"), "its last day: {told:?}");
    assert!(told.problems[1].message.contains("2026-01-01"), "its first day: {told:?}");
    let told = observe(&north, vec![row(&unit_id, "2026-02-11", "16")]).await.expect("an answer");
    assert_eq!((told.written, told.problems[0].reason.as_str()), (0, "OBSERVATION_OUT_OF_REACH"), "another branch's");
    for (who, values) in [(&south, vec!["12"]), (&north, vec![])] {
        let mut client = ObservationServiceClient::new(who.at.performance.clone());
        let ask = performance::ListObservationsRequest { measure: "traffic".into(), ..Default::default() };
        let seen = client.list_observations(who.ask(ask)).await.expect("observations").into_inner().observations;
        assert_eq!(seen.iter().map(|one| one.value.as_str()).collect::<Vec<_>>(), values);
    }
    group.end().await;
}
