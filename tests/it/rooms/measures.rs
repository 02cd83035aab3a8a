//! The catalogue of measures, and a scheme to begin with: a month without a record is closed by what is observed.

use tally_api::common::v1 as common;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::subject::Of;
use tonic::Code;

use super::performance::team_of;
use crate::journey::Done;

/// Does them all, and looks at what came of each.
pub async fn journey(done: &Done) {
    catalogue(done).await;
    template(done).await;
}

async fn catalogue(done: &Done) {
    let hr = &done.crew.hr;
    let mut measures = performance::measure_service_client::MeasureServiceClient::new(hr.at.performance.clone());
    let aggregation = performance::RecordAggregation::Count.into();
    let records = performance::RecordMeasure { aggregation, kinds: vec!["call".into()], ..Default::default() };
    let definition = performance::MeasureDefinition {
        name: "calls".into(),
        of: Some(performance::measure_definition::Of::Record(records)),
        ..Default::default()
    };
    let title = Some(performance::BothLanguages { en: "Calls".into(), zh_cn: "通话数".into() });
    let measure = performance::CatalogueMeasure { title, definition: Some(definition), ..Default::default() };
    let ask = performance::CreateMeasureRequest { measure: Some(measure), ..Default::default() };
    let made = measures.create_measure(hr.ask(ask)).await.expect("a measure").into_inner().measure.expect("a measure");
    let ask = performance::UpdateMeasureRequest { measure: Some(made.clone()), ..Default::default() };
    let revised = measures.update_measure(hr.ask(ask.clone())).await.expect("a revision").into_inner();
    let revised = revised.measure.expect("a revision");
    assert_eq!((made.revision, revised.revision), (1, 2));
    let stale = measures.update_measure(hr.ask(ask)).await.expect_err("made from what was there before");
    assert_eq!(stale.code(), Code::Aborted, "{stale:?}");
    let ask = performance::GetMeasureRequest { measure_id: made.measure_id.clone() };
    let found = measures.get_measure(hr.ask(ask)).await.expect("the measure").into_inner().measure;
    assert_eq!(found, Some(revised));
    let reason = "a trial".to_owned();
    let ask = performance::RetireMeasureRequest { measure_id: made.measure_id, reason, ..Default::default() };
    let retired = measures.retire_measure(hr.ask(ask)).await.expect("a retirement").into_inner().measure;
    let listed = measures.list_measures(hr.ask(performance::ListMeasuresRequest::default())).await.expect("measures");
    let listed = listed.into_inner();
    assert_eq!(listed.measures, Vec::from_iter(retired));
    assert!(listed.supplied.iter().all(|one| one.supplied) && !listed.supplied.is_empty());
}

async fn template(done: &Done) {
    let hr = &done.crew.hr;
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(hr.at.performance.clone());
    let ask = performance::ListSchemeTemplatesRequest {};
    let templates = schemes.list_scheme_templates(hr.ask(ask)).await.expect("templates").into_inner().templates;
    let operations = templates.into_iter().find(|one| one.name == "operations").expect("a template");
    assert!(operations.record_values.is_empty());
    let ask = performance::CreateSchemeVersionRequest { scheme: operations.scheme, ..Default::default() };
    let scheme = schemes.create_scheme_version(hr.ask(ask)).await.expect("a scheme").into_inner().scheme;
    let scheme = scheme.expect("a scheme");
    observe(done, &operations.observations).await;

    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let person_id = done.outcome.ids.people.first().expect("a person").clone();
    let population = performance::Population { include_person_ids: vec![person_id.clone()], ..Default::default() };
    let cycle = performance::Cycle {
        name: "operations".into(),
        period: Some(common::Period { from: "2026-01-01".into(), to: "2026-01-31".into() }),
        scheme_id: scheme.scheme_id,
        scheme_version: scheme.version,
        population: Some(population),
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let cycle = cycles.create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle");
    let cycle_id = cycle.cycle_id;
    let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    cycles.close_cycle(hr.ask(ask)).await.expect("closing");
    let ask = performance::WatchCycleRequest { cycle_id: cycle_id.clone() };
    let mut states = cycles.watch_cycle(hr.ask(ask)).await.expect("its progress").into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.expect("its progress") {
        last = state.cycle;
    }
    let closed = last.expect("the cycle");
    assert_eq!(closed.state(), performance::CycleState::Reviewable, "without a record: {}", closed.failure);
    let ask = performance::GetCardRequest { cycle_id, person_id, ..Default::default() };
    let mut cards = performance::card_service_client::CardServiceClient::new(hr.at.performance.clone());
    let card = cards.get_card(hr.ask(ask)).await.expect("a card").into_inner().card.expect("a card");
    let value = |key: &str| {
        let line = card.lines.iter().find(|line| line.kpi == key).expect("an indicator");
        (line.value.clone(), line.dropped())
    };
    use performance::DropReason::{NoDataOfPerson, NoPast, NobodyHasData, Unspecified};
    assert_eq!(value("campaign_sales"), ("90000".to_owned(), Unspecified), "the group's campaign");
    assert!([NoPast, NoDataOfPerson, NobodyHasData].contains(&value("visitors_growth").1));
}

/// All that the template wants observed, of a team or of the group's campaign.
async fn observe(done: &Done, wanted: &[performance::TemplateObservation]) {
    let hr = &done.crew.hr;
    let unit_id = team_of(done).await;
    let row = |one: &performance::TemplateObservation| {
        let of = match one.subject() {
            performance::ObservationOf::Campaign => Of::Campaign("New Year".into()),
            _ => Of::UnitId(unit_id.clone()),
        };
        performance::Observation {
            measure: one.measure.clone(),
            subject: Some(performance::Subject { of: Some(of) }),
            from: "2026-01-01".into(),
            to: "2026-01-31".into(),
            value: "90000".into(),
            source: "till".into(),
            ..Default::default()
        }
    };
    let rows = wanted.iter().map(row).collect();
    let ask = performance::ImportObservationsRequest { rows, ..Default::default() };
    let mut client = performance::observation_service_client::ObservationServiceClient::new(hr.at.performance.clone());
    let result = client.import_observations(hr.ask(ask)).await.expect("an import").into_inner().result;
    let result = result.expect("a result");
    assert_eq!((result.written as usize, result.problems.len()), (wanted.len(), 0), "{result:?}");
}
