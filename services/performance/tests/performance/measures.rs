//! The catalogue of measures: whose they are, what a scheme copies, and what is out of use.

use tally_access::Permission::{self, SchemeRead, SchemeWrite};
use tally_access::{Reach, Region};
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::measure_definition::Of;
use tally_kernel::id::OrgUnitId;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, TENANT, reason, scheme};

/// The branch above the team `NORTH`.
const NORTH_BRANCH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb3));

/// Somebody who may do these things with what belongs to a unit, and reads what the group lays down for everybody.
fn at(fixture: &Fixture, unit: OrgUnitId, permissions: &[Permission]) -> Caller {
    let reach = |permission: &Permission| {
        let mut reach = Reach { units: [unit].into_iter().collect(), ..Reach::default() };
        if permission.reads_group_configuration() {
            reach.regions.insert(Region::global());
        }
        (*permission, reach)
    };
    fixture.callers.person(TENANT, None, permissions.iter().map(reach))
}

/// Records of a kind.
fn count(name: &str, kind: &str) -> pb::MeasureDefinition {
    let aggregation = pb::RecordAggregation::Count.into();
    let records = pb::RecordMeasure { aggregation, kinds: vec![kind.into()], ..Default::default() };
    pb::MeasureDefinition { name: name.into(), of: Some(Of::Record(records)), ..Default::default() }
}

/// So many of one in a hundred of another.
fn percentage(name: &str, of: &str, per: &str) -> pb::MeasureDefinition {
    let ratio = pb::RatioMeasure { of: of.into(), per: per.into(), percent: true };
    pb::MeasureDefinition { name: name.into(), of: Some(Of::Ratio(ratio)), ..Default::default() }
}

fn measure(definition: pb::MeasureDefinition) -> pb::CatalogueMeasure {
    let title = Some(pb::BothLanguages { en: "A measure".into(), zh_cn: "一个指标".into() });
    pb::CatalogueMeasure { title, definition: Some(definition), ..Default::default() }
}

/// One indicator of the usual scheme is of this measure.
fn naming(name: &str) -> pb::Scheme {
    let mut scheme = scheme();
    scheme.kpis[1].measure = name.into();
    scheme
}

type Answer<T> = Result<T, tonic::Status>;

impl Fixture {
    async fn define(&self, by: &Caller, measure: pb::CatalogueMeasure) -> Answer<pb::CatalogueMeasure> {
        let ask = pb::CreateMeasureRequest { measure: Some(measure), ..Default::default() };
        Ok(self.measures().create_measure(by.request(ask)).await?.into_inner().measure.unwrap())
    }

    async fn redefine(&self, by: &Caller, measure: pb::CatalogueMeasure) -> Answer<pb::CatalogueMeasure> {
        let ask = pb::UpdateMeasureRequest { measure: Some(measure), ..Default::default() };
        Ok(self.measures().update_measure(by.request(ask)).await?.into_inner().measure.unwrap())
    }

    async fn retire(&self, by: &Caller, measure: &pb::CatalogueMeasure) -> Answer<pb::CatalogueMeasure> {
        let (measure_id, reason) = (measure.measure_id.clone(), "counted twice".into());
        let ask = pb::RetireMeasureRequest { measure_id, reason, ..Default::default() };
        Ok(self.measures().retire_measure(by.request(ask)).await?.into_inner().measure.unwrap())
    }

    async fn listed(&self, by: &Caller) -> (Vec<pb::CatalogueMeasure>, Vec<pb::CatalogueMeasure>) {
        let (mut measures, mut supplied, mut page_token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let ask = pb::ListMeasuresRequest { page_size: 2, page_token };
            let page = self.measures().list_measures(by.request(ask)).await.unwrap().into_inner();
            measures.extend(page.measures);
            supplied.extend(page.supplied);
            if page.next_page_token.is_empty() {
                return (measures, supplied);
            }
            page_token = page.next_page_token;
        }
    }

    async fn written(&self, by: &Caller, scheme: pb::Scheme) -> Answer<pb::Scheme> {
        let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
        Ok(self.schemes().create_scheme_version(by.request(ask)).await?.into_inner().scheme.unwrap())
    }
}

fn why<T: std::fmt::Debug>(refused: Answer<T>) -> String {
    reason(refused.map(tonic::Response::new))
}

fn fields<T: std::fmt::Debug>(refused: Answer<T>) -> Vec<String> {
    let error = tally_rpc::error_from(refused.unwrap_err());
    error.violations().iter().map(|wrong| wrong.field.clone()).collect()
}

/// Name and version of each definition that a scheme keeps.
fn copies(scheme: &pb::Scheme) -> Vec<(&str, u32)> {
    scheme.measures.iter().map(|one| (one.name.as_str(), one.version)).collect()
}

on_both!(a_scheme_copies_what_it_names_and_keeps_it_when_the_catalogue_changes);
async fn a_scheme_copies_what_it_names_and_keeps_it_when_the_catalogue_changes(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let admin = &fixture.admin;
    let calls = fixture.define(admin, measure(count("calls", "call"))).await.unwrap();
    assert_eq!((calls.revision, calls.definition.as_ref().unwrap().version), (1, 1));
    let share = fixture.define(admin, measure(percentage("call_share", "calls", "credited_records"))).await.unwrap();
    let first = fixture.written(admin, naming("call_share")).await.unwrap();
    assert_eq!(copies(&first), [("call_share", 1), ("calls", 1)], "with what it is computed from");

    let changed = pb::CatalogueMeasure { definition: Some(count("calls", "phone")), ..calls.clone() };
    let revised = fixture.redefine(admin, changed.clone()).await.unwrap();
    assert_eq!(revised.revision, 2);
    assert_eq!(why(fixture.redefine(admin, changed).await), "STALE");
    let second = fixture.written(admin, naming("call_share")).await.unwrap();
    assert_eq!(copies(&second), [("call_share", 1), ("calls", 2)]);
    let ask = pb::GetSchemeRequest { scheme_id: first.scheme_id.clone(), version: 1 };
    let kept = fixture.schemes().get_scheme(admin.request(ask)).await.unwrap().into_inner().scheme.unwrap();
    assert_eq!(kept, first, "a version keeps its copy");

    assert_eq!(why(fixture.retire(admin, &revised).await), "MEASURE_NEEDED", "call_share is computed from it");
    let no_count = pb::CatalogueMeasure {
        definition: Some(pb::MeasureDefinition {
            name: "calls".into(),
            ..percentage("", "amount", "credited_records")
        }),
        ..revised.clone()
    };
    assert_eq!(why(fixture.redefine(admin, no_count).await), "MEASURE_NEEDED", "a ratio adds not up");
    let retired = fixture.retire(admin, &share).await.unwrap();
    assert_eq!(retired.retired.unwrap().reason, "counted twice");
    assert_eq!(why(fixture.retire(admin, &share).await), "MEASURE_RETIRED_ALREADY");
    assert_eq!(why(fixture.written(admin, naming("call_share")).await), "MEASURE_RETIRED");
    let own = pb::Scheme { measures: first.measures.clone(), ..naming("call_share") };
    assert!(fixture.written(admin, own).await.is_ok(), "a definition of the scheme itself is its own");
    let back = fixture.redefine(admin, share).await.unwrap();
    assert_eq!((back.retired, back.revision), (None, 2), "what was retired by mistake is put back in use");
    assert_eq!(copies(&fixture.written(admin, naming("call_share")).await.unwrap()), [("call_share", 2), ("calls", 2)]);
}

on_both!(a_unit_names_its_own_measures_and_those_above_and_nobody_elses);
async fn a_unit_names_its_own_measures_and_those_above_and_nobody_elses(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let of_unit =
        |unit: OrgUnitId, definition| pb::CatalogueMeasure { unit_id: unit.to_string(), ..measure(definition) };
    let (north, south) = (at(&fixture, NORTH_BRANCH, &[SchemeRead, SchemeWrite]), at(&fixture, SOUTH, &[SchemeRead]));
    fixture.define(&fixture.admin, measure(count("calls", "call"))).await.unwrap();
    let own = fixture.define(&north, of_unit(NORTH_BRANCH, count("calls", "phone"))).await.unwrap();
    assert_eq!(why(fixture.define(&north, of_unit(NORTH_BRANCH, count("calls", "x"))).await), "MEASURE_NAME_TAKEN");
    assert_eq!(why(fixture.define(&north, measure(count("visits", "x"))).await), "PERMISSION_DENIED");
    assert_eq!(why(fixture.define(&south, of_unit(SOUTH, count("visits", "x"))).await), "PERMISSION_DENIED");
    let kinds = |scheme: &pb::Scheme| match scheme.measures[0].of.clone() {
        Some(Of::Record(records)) => records.kinds,
        other => panic!("{other:?}"),
    };
    let of = |unit: OrgUnitId| pb::Scheme { unit_id: unit.to_string(), ..naming("calls") };
    assert_eq!(kinds(&fixture.written(&fixture.admin, of(NORTH)).await.unwrap()), ["phone"], "the nearest above");
    assert_eq!(kinds(&fixture.written(&fixture.admin, of(SOUTH)).await.unwrap()), ["call"]);
    assert_eq!(kinds(&fixture.written(&fixture.admin, naming("calls")).await.unwrap()), ["call"]);

    let names = |(measures, supplied): (Vec<pb::CatalogueMeasure>, Vec<pb::CatalogueMeasure>)| {
        let units = measures.iter().map(|one| one.unit_id.clone()).collect::<Vec<_>>();
        assert!(supplied.iter().all(|one| one.supplied && one.measure_id.is_empty() && one.title.is_some()));
        (units, supplied.len())
    };
    let all = names(fixture.listed(&fixture.admin).await);
    assert_eq!((all.0.len(), all.1), (2, 21), "the supplied ones come once");
    assert_eq!(names(fixture.listed(&south).await), (vec![String::new()], 21));
    assert_eq!(names(fixture.listed(&at(&fixture, NORTH, &[SchemeRead])).await).0.len(), 2, "from below");
    let get = async |by: &Caller| {
        let ask = pb::GetMeasureRequest { measure_id: own.measure_id.clone() };
        fixture.measures().get_measure(by.request(ask)).await
    };
    assert_eq!(get(&north).await.unwrap().into_inner().measure.unwrap(), own);
    assert_eq!(reason(get(&south).await), "NOT_FOUND");
    let of_south = at(&fixture, SOUTH, &[SchemeRead, SchemeWrite]);
    assert_eq!(why(fixture.retire(&of_south, &own).await), "NOT_FOUND");
    let reader = at(&fixture, NORTH_BRANCH, &[SchemeRead]);
    assert_eq!(why(fixture.retire(&reader, &own).await), "PERMISSION_DENIED");
}

on_both!(a_measure_that_cannot_be_is_refused_by_its_field);
async fn a_measure_that_cannot_be_is_refused_by_its_field(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let admin = &fixture.admin;
    let wrong = |definition| fixture.define(admin, measure(definition));
    assert_eq!(fields(wrong(count("supplied.calls", "x")).await), ["measure.definition.name"]);
    assert_eq!(fields(wrong(count("resolved", "x")).await), ["measure.definition.name"]);
    assert_eq!(fields(wrong(percentage("share", "calls", "amount")).await), ["measure.definition.of"]);
    let nameless = pb::CatalogueMeasure { title: None, ..measure(count("calls", "x")) };
    assert_eq!(fields(fixture.define(admin, nameless).await), ["measure.title.en", "measure.title.zh_cn"]);
    let calls = fixture.define(admin, measure(count("calls", "x"))).await.unwrap();
    let renamed = pb::CatalogueMeasure { definition: Some(count("phone_calls", "x")), ..calls.clone() };
    assert_eq!(fields(fixture.redefine(admin, renamed).await), ["measure.definition.name"]);
    let again = || pb::CreateMeasureRequest { request_id: "once".into(), measure: Some(measure(count("mails", "x"))) };
    let first = fixture.measures().create_measure(admin.request(again())).await.unwrap().into_inner();
    assert_eq!(fixture.measures().create_measure(admin.request(again())).await.unwrap().into_inner(), first);
}

on_both!(what_a_standard_takes_as_a_column_stays_one_whatever_a_branch_defines);
async fn what_a_standard_takes_as_a_column_stays_one_whatever_a_branch_defines(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let standard = fixture.written(&fixture.admin, pb::Scheme { name: "Group".into(), ..naming("training") }).await;
    let standard = standard.unwrap();
    assert_eq!(copies(&standard), []);
    let of_branch = pb::CatalogueMeasure { unit_id: NORTH_BRANCH.to_string(), ..measure(count("training", "x")) };
    fixture.define(&fixture.admin, of_branch).await.unwrap();
    let parent = Some(pb::SchemeParent { scheme_id: standard.scheme_id, version: 1 });
    let own = pb::Scheme { unit_id: NORTH.to_string(), parent, ..naming("training") };
    assert_eq!(copies(&fixture.written(&fixture.admin, own).await.unwrap()), []);
    let alone = pb::Scheme { unit_id: NORTH.to_string(), name: "alone".into(), ..naming("training") };
    assert_eq!(copies(&fixture.written(&fixture.admin, alone).await.unwrap()), [("training", 1)]);
}

on_both!(what_everybody_has_and_what_a_standard_allows_is_defined_once_and_not_by_a_scheme_of_its_own);
async fn what_everybody_has_and_what_a_standard_allows_is_defined_once_and_not_by_a_scheme_of_its_own(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    fixture.define(&fixture.admin, measure(count("training", "training"))).await.unwrap();
    let names = ["training", "supplied.solved", "qa"].map(str::to_owned).to_vec();
    let extra = Some(pb::ExtraKpis { most_weight: "50".into(), measures: names });
    let bounds = Some(pb::SchemeBounds { extra, ..weights() });
    let group = fixture.written(&fixture.admin, pb::Scheme { bounds, ..scheme() }).await.unwrap();
    let refined = |name: &str, measures: Vec<pb::MeasureDefinition>| {
        let mut own = pb::Scheme { name: "Own".into(), unit_id: NORTH.to_string(), measures, ..scheme() };
        own.parent = Some(pb::SchemeParent { scheme_id: group.scheme_id.clone(), version: 0 });
        own.kpis[0].weight = "20".into();
        own.kpis.push(pb::Kpi { key: "more".into(), measure: name.into(), weight: "20".into(), ..own.kpis[1].clone() });
        own
    };
    for (name, own, field) in [
        ("supplied.solved", count("supplied.solved", "easy"), "scheme.measures[0].name"),
        ("training", count("training", "easy"), "scheme.measures[0]"),
    ] {
        let refused =
            tally_rpc::error_from(fixture.written(&fixture.admin, refined(name, vec![own])).await.unwrap_err());
        let told: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(told, [field], "{name}");
        let copied = fixture.written(&fixture.admin, refined(name, Vec::new())).await.unwrap();
        fixture.written(&fixture.admin, refined(name, copied.measures)).await.expect("a copy is the same");
    }
    // What nobody defined is for the unit to say.
    fixture.written(&fixture.admin, refined("qa", vec![count("qa", "easy")])).await.unwrap();
    let free = pb::Scheme { measures: vec![count("supplied.orders", "easy")], ..naming("supplied.orders") };
    let refused = tally_rpc::error_from(fixture.written(&fixture.admin, free).await.unwrap_err());
    assert_eq!(refused.violations()[0].field, "scheme.measures[0].name");
}

/// Bounds within which the first indicator of the usual scheme may weigh less.
fn weights() -> pb::SchemeBounds {
    let kpi = pb::KpiBounds { key: scheme().kpis[0].key.clone(), weight_within: "30".into(), ..Default::default() };
    pb::SchemeBounds { kpis: vec![kpi], ..Default::default() }
}
