//! Schemes of units: whose they are, what a standard lets them change, who must follow, and what is out of use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tally_access::Permission::{self, CardRead, SchemeRead, SchemeWrite};
use tally_access::{Border, Reach, Region, Stay, Stays};
use tally_api::performance::v1 as pb;
use tally_kernel::id::OrgUnitId;
use tally_performance::{SERVICE, migrations};
use tally_testkit::callers::Caller;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, TENANT, by, cycle, reason, record, scheme};

/// The branch above the team `NORTH`.
const NORTH_BRANCH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb3));

/// A standard: records 30 to 50 with a target from 100 to 500 or the median, replies may be left out, 20 of sales or training.
fn standard() -> pb::Scheme {
    let range = |min: &str, max: &str| Some(pb::DecimalRange { min: min.into(), max: max.into() });
    let bounds = |key: &str| pb::KpiBounds { key: key.into(), ..Default::default() };
    let kpis = vec![
        pb::KpiBounds { weight_within: "10".into(), target: range("100", "500"), ..bounds("credited_records") },
        pb::KpiBounds { optional: true, weight: range("10", "30"), ..bounds("first_reply_within_30s") },
        pb::KpiBounds { weight: range("20", "40"), ..bounds("resolved") },
    ];
    let extra = Some(pb::ExtraKpis { most_weight: "20".into(), measures: vec!["amount".into(), "training".into()] });
    let bounds = pb::SchemeBounds { kpis, extra, ..Default::default() };
    pb::Scheme { name: "Group".into(), bounds: Some(bounds), ..scheme() }
}

/// What a unit makes of it.
fn refined(unit: OrgUnitId, parent: &pb::Scheme, weights: [&str; 3]) -> pb::Scheme {
    let mut own = pb::Scheme { name: "Own".into(), unit_id: unit.to_string(), ..scheme() };
    own.parent = Some(pb::SchemeParent { scheme_id: parent.scheme_id.clone(), version: 0 });
    own.kpis.iter_mut().zip(weights).for_each(|(kpi, weight)| kpi.weight = weight.into());
    own
}

async fn write(fixture: &Fixture, by: &Caller, scheme: pb::Scheme) -> Result<pb::Scheme, tonic::Status> {
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
    let written = fixture.schemes().create_scheme_version(by.request(ask)).await?;
    Ok(written.into_inner().scheme.unwrap())
}

async fn get(fixture: &Fixture, by: &Caller, scheme: &pb::Scheme) -> Result<pb::Scheme, tonic::Status> {
    let ask = pb::GetSchemeRequest { scheme_id: scheme.scheme_id.clone(), version: scheme.version };
    Ok(fixture.schemes().get_scheme(by.request(ask)).await?.into_inner().scheme.unwrap())
}

async fn refinements(fixture: &Fixture, by: &Caller, of: &pb::Scheme) -> Vec<pb::Refinement> {
    let ask = pb::ListRefinementsRequest { scheme_id: of.scheme_id.clone(), ..Default::default() };
    fixture.schemes().list_refinements(by.request(ask)).await.unwrap().into_inner().refinements
}

async fn withdraw(
    fixture: &Fixture,
    by: &Caller,
    scheme: &pb::Scheme,
    (version, from, superseded_by): (u32, &str, u32),
) -> Result<pb::Scheme, tonic::Status> {
    let withdrawal =
        pb::SchemeWithdrawal { version, from: from.into(), reason: "a wrong weight".into(), superseded_by };
    let (request_id, scheme_id) = (String::new(), scheme.scheme_id.clone());
    let ask = pb::WithdrawSchemeRequest { request_id, scheme_id, withdrawal: Some(withdrawal) };
    Ok(fixture.schemes().withdraw_scheme(by.request(ask)).await?.into_inner().scheme.unwrap())
}

fn why(refused: Result<pb::Scheme, tonic::Status>) -> String {
    reason(refused.map(tonic::Response::new))
}

/// Somebody who may do these things with what belongs to a unit, as the roles of branches give it: they read what the group lays
/// down for everybody.
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

fn fields(refused: Result<pb::Scheme, tonic::Status>) -> Vec<String> {
    let error = tally_rpc::error_from(refused.unwrap_err());
    error.violations().iter().map(|wrong| wrong.field.clone()).collect()
}

on_both!(a_unit_writes_schemes_of_its_own_under_names_that_others_have_too);
async fn a_unit_writes_schemes_of_its_own_under_names_that_others_have_too(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let group = write(&fixture, &fixture.admin, scheme()).await.unwrap();
    let (north, south) =
        (at(&fixture, NORTH, &[SchemeRead, SchemeWrite]), at(&fixture, SOUTH, &[SchemeRead, SchemeWrite]));
    let of = |unit: OrgUnitId| pb::Scheme { unit_id: unit.to_string(), ..scheme() };
    let first = write(&fixture, &north, of(NORTH)).await.unwrap();
    let second = write(&fixture, &north, of(NORTH)).await.unwrap();
    let other = write(&fixture, &south, of(SOUTH)).await.unwrap();
    assert_eq!((first.version, second.version, other.version), (1, 2, 1));
    assert!(first.scheme_id == second.scheme_id && first.scheme_id != other.scheme_id);
    assert!(first.scheme_id != group.scheme_id && other.scheme_id != group.scheme_id);
    assert_eq!(why(write(&fixture, &north, of(SOUTH)).await), "PERMISSION_DENIED");
    assert_eq!(why(write(&fixture, &north, scheme()).await), "PERMISSION_DENIED");
    assert_eq!(why(write(&fixture, &fixture.admin, of(OrgUnitId(Uuid::from_u128(9)))).await), "NOT_FOUND");
    // The root of the tree is the group.
    let root = write(&fixture, &fixture.admin, of(OrgUnitId(Uuid::from_u128(0xb0)))).await.unwrap();
    assert_eq!((root.scheme_id, root.version, root.unit_id), (group.scheme_id, 2, String::new()));
    let all = fixture.schemes().list_schemes(north.request(pb::ListSchemesRequest::default())).await.unwrap();
    let listed: Vec<_> = all.into_inner().schemes.into_iter().map(|one| (one.unit_id, one.version)).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed.contains(&(NORTH.to_string(), 2)) && listed.contains(&(String::new(), 2)));
    assert_eq!(why(get(&fixture, &north, &other).await), "NOT_FOUND");
}

on_both!(a_units_scheme_is_read_from_below_it_and_by_whoever_has_a_card_by_it);
async fn a_units_scheme_is_read_from_below_it_and_by_whoever_has_a_card_by_it(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    let of_branch = pb::Scheme { unit_id: NORTH_BRANCH.to_string(), ..scheme() };
    let written = write(&fixture, &fixture.admin, of_branch).await.unwrap();
    let (team, elsewhere) = (at(&fixture, NORTH, &[SchemeRead]), at(&fixture, SOUTH, &[SchemeRead]));
    assert_eq!(get(&fixture, &team, &written).await.unwrap(), written);
    assert_eq!(why(get(&fixture, &elsewhere, &written).await), "NOT_FOUND");
    let ask = pb::ListSchemesRequest::default();
    assert_eq!(
        fixture.schemes().list_schemes(team.request(ask)).await.unwrap().into_inner().schemes,
        std::slice::from_ref(&written)
    );
    let agent = fixture.agent(1, &[SchemeRead, CardRead]);
    assert_eq!(why(get(&fixture, &agent, &written).await), "NOT_FOUND");
    fixture.import(1, vec![by("E0001", "a", "2026-03-02T01:00:00Z")]).await;
    let of_unit = pb::Cycle { unit_id: written.unit_id.clone(), ..cycle(&written.scheme_id) };
    let ask = pb::CreateCycleRequest { cycle: Some(of_unit), ..Default::default() };
    let made = fixture.cycles().create_cycle(fixture.admin.request(ask)).await.unwrap().into_inner().cycle.unwrap();
    fixture.close(&made.cycle_id).await;
    assert_eq!(get(&fixture, &agent, &written).await.unwrap(), written);
    assert_eq!(why(get(&fixture, &fixture.agent(2, &[SchemeRead]), &written).await), "NOT_FOUND");
}

on_both!(a_version_is_read_by_whoever_reaches_a_cycle_that_is_scored_by_it);
async fn a_version_is_read_by_whoever_reaches_a_cycle_that_is_scored_by_it(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(2, 2)).await;
    let of_team = || pb::Scheme { unit_id: NORTH.to_string(), ..scheme() };
    let first = write(&fixture, &fixture.admin, of_team()).await.unwrap();
    // The branch that the team was below until the end of March.
    let april = Border::before(jiff::civil::date(2026, 4, 1), &jiff::tz::TimeZone::UTC);
    let stays = Stays::new(false, [Stay { from: None, until: Some(april) }]);
    let reach = Reach { moved: [(NORTH, stays)].into(), ..Reach::default() };
    let before = fixture.callers.person(TENANT, None, [(SchemeRead, reach.clone()), (SchemeWrite, reach)]);
    assert_eq!(why(get(&fixture, &before, &first).await), "NOT_FOUND", "it has no cycle by it");
    let of_march = pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&first.scheme_id) };
    fixture.make(of_march.clone()).await.unwrap();
    assert_eq!(get(&fixture, &before, &first).await.unwrap(), first);
    assert_eq!(why(get(&fixture, &at(&fixture, SOUTH, &[SchemeRead]), &first).await), "NOT_FOUND");
    // What is written since is not of its months; and it writes nothing.
    let second = write(&fixture, &fixture.admin, of_team()).await.unwrap();
    let period = Some(tally_api::common::v1::Period { from: "2026-04-01".into(), to: "2026-04-30".into() });
    fixture.make(pb::Cycle { period, ..of_march }).await.unwrap();
    assert_eq!(why(get(&fixture, &before, &second).await), "NOT_FOUND");
    assert_eq!(get(&fixture, &before, &first).await.unwrap().version, 1);
    assert_eq!(why(write(&fixture, &before, of_team()).await), "PERMISSION_DENIED");
    let all = fixture.schemes().list_schemes(before.request(pb::ListSchemesRequest::default())).await.unwrap();
    assert!(all.into_inner().schemes.is_empty(), "lists tell whose a scheme is today");
}

on_both!(a_refinement_within_the_bounds_is_written_and_one_outside_is_told_all_that_is_wrong);
async fn a_refinement_within_the_bounds_is_written_and_one_outside_is_told_all_that_is_wrong(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let group = write(&fixture, &fixture.admin, standard()).await.unwrap();
    let weight = group.bounds.as_ref().unwrap().kpis[0].weight.clone().unwrap();
    assert_eq!((weight.min.as_str(), weight.max.as_str()), ("30", "50"), "ten more or less");
    let north = at(&fixture, NORTH, &[SchemeRead, SchemeWrite]);
    let own = write(&fixture, &north, refined(NORTH, &group, ["50", "10", "40"])).await.unwrap();
    assert_eq!(own.parent, Some(pb::SchemeParent { scheme_id: group.scheme_id.clone(), version: 1 }));
    // What rests on the standard is what is scored by a refinement of it, too.
    let made = fixture.make(pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&own.scheme_id) }).await.unwrap();
    for version in [0, 1] {
        let (scheme_id, scheme_version) = (group.scheme_id.clone(), version);
        let ask = pb::ListTouchedCyclesRequest { scheme_id, scheme_version, ..Default::default() };
        let told = fixture.changes().list_touched_cycles(fixture.admin.request(ask)).await.unwrap().into_inner();
        assert_eq!(told.cycles.iter().map(|of| &of.cycle_id).collect::<Vec<_>>(), [&made], "version {version}");
    }
    let mut wrong = refined(NORTH, &group, ["55", "10", "15"]);
    wrong.kpis[2].target = "90".into();
    wrong.kpis.push(pb::Kpi {
        key: "luck".into(),
        measure: "luck".into(),
        weight: "25".into(),
        ..wrong.kpis[0].clone()
    });
    wrong.collaboration = false;
    let named = fields(write(&fixture, &north, wrong).await);
    let expected =
        ["kpis", "kpis[0].weight", "kpis[2].weight", "kpis[2].target", "kpis[3].measure", "kpis", "collaboration"];
    assert_eq!(named, expected.map(|field| format!("scheme.{field}")), "105 in all, and the rest");
    // What stands beside or below is nothing to refine.
    let team = pb::Scheme { unit_id: NORTH.to_string(), ..standard() };
    let team = write(&fixture, &fixture.admin, team).await.unwrap();
    for unit in [NORTH, NORTH_BRANCH, SOUTH] {
        let refused = write(&fixture, &fixture.admin, refined(unit, &team, ["40", "30", "30"])).await;
        assert_eq!(fields(refused), ["scheme.parent"], "{unit}");
    }
    let group_again = pb::Scheme { unit_id: String::new(), ..refined(NORTH, &group, ["40", "30", "30"]) };
    assert_eq!(fields(write(&fixture, &fixture.admin, group_again).await), ["scheme.parent"]);
}

on_both!(a_mandatory_standard_leaves_units_below_no_scheme_of_another_kind);
async fn a_mandatory_standard_leaves_units_below_no_scheme_of_another_kind(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let mut standard = standard();
    standard.unit_id = NORTH_BRANCH.to_string();
    standard.bounds.as_mut().unwrap().mandatory = true;
    let branch = write(&fixture, &fixture.admin, standard).await.unwrap();
    let free = |unit: OrgUnitId| pb::Scheme { name: "free".into(), unit_id: unit.to_string(), ..scheme() };
    assert_eq!(why(write(&fixture, &fixture.admin, free(NORTH)).await), "STANDARD_MANDATORY");
    write(&fixture, &fixture.admin, free(NORTH_BRANCH)).await.unwrap();
    write(&fixture, &fixture.admin, free(SOUTH)).await.unwrap();
    write(&fixture, &fixture.admin, refined(NORTH, &branch, ["40", "30", "30"])).await.unwrap();
    withdraw(&fixture, &fixture.admin, &branch, (0, "2026-04-01", 0)).await.unwrap();
    write(&fixture, &fixture.admin, free(NORTH)).await.unwrap();
}

on_both!(a_new_version_of_a_standard_shows_who_must_follow);
async fn a_new_version_of_a_standard_shows_who_must_follow(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let group = write(&fixture, &fixture.admin, standard()).await.unwrap();
    let north = write(&fixture, &fixture.admin, refined(NORTH, &group, ["50", "10", "40"])).await.unwrap();
    let south = write(&fixture, &fixture.admin, refined(SOUTH, &group, ["40", "30", "30"])).await.unwrap();
    let states = async || -> Vec<_> {
        let found = refinements(&fixture, &fixture.admin, &group).await;
        found.iter().map(|one| (one.scheme.clone().unwrap().unit_id, one.state(), one.problems.len())).collect()
    };
    use pb::RefinementState::{BehindButFits, MustFollow, ParentWithdrawn, UpToDate};
    let (of_north, of_south) = (north.unit_id.clone(), south.unit_id.clone());
    let told = |state, problems| vec![(of_north.clone(), state, problems), (of_south.clone(), UpToDate, 0)];
    assert_eq!(sorted(states().await), told(UpToDate, 0));
    let mut narrower = standard();
    let mut twice = narrower.clone();
    twice.bounds.as_mut().unwrap().kpis[1].weight_within = "5".into();
    let refused = tally_rpc::error_from(write(&fixture, &fixture.admin, twice).await.unwrap_err());
    let fields: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(fields, ["scheme.bounds.kpis[1].weight_within"], "a bound is said in one way");
    let mut below = narrower.clone();
    below.bounds.as_mut().unwrap().kpis[0].weight_within = "-5".into();
    let refused = tally_rpc::error_from(write(&fixture, &fixture.admin, below).await.unwrap_err());
    let fields: Vec<_> = refused.violations().iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(fields, ["scheme.bounds.kpis[0].weight_within"], "and not the wrong way round");
    narrower.bounds.as_mut().unwrap().kpis[0].weight_within = "5".into();
    narrower.bounds.as_mut().unwrap().kpis[2].weight = None;
    write(&fixture, &fixture.admin, narrower).await.unwrap();
    let expected = vec![(of_north.clone(), MustFollow, 2), (of_south.clone(), BehindButFits, 0)];
    assert_eq!(sorted(states().await), expected);
    // Each unit sees its own.
    let seen = refinements(&fixture, &at(&fixture, NORTH, &[SchemeRead]), &group).await;
    assert_eq!(seen.len(), 1);
    let fields: Vec<_> = seen[0].problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["kpis[0].weight", "kpis[2].weight"]);
    assert!(seen[0].problems[0].description.contains("35 to 45"), "{:?}", seen[0].problems);
    // Following is a new version.
    write(&fixture, &fixture.admin, refined(NORTH, &group, ["45", "25", "30"])).await.unwrap();
    assert_eq!(sorted(states().await), vec![(of_north.clone(), UpToDate, 0), (of_south.clone(), BehindButFits, 0)]);
    withdraw(&fixture, &fixture.admin, &group, (1, "2026-04-01", 2)).await.unwrap();
    assert_eq!(sorted(states().await), vec![(of_north.clone(), UpToDate, 0), (of_south.clone(), MustFollow, 0)]);
    withdraw(&fixture, &fixture.admin, &group, (2, "2026-04-01", 0)).await.unwrap();
    let all = vec![(of_north, ParentWithdrawn, 0), (of_south, ParentWithdrawn, 0)];
    assert_eq!(sorted(states().await), all);
    let seen = refinements(&fixture, &fixture.admin, &group).await;
    assert!(seen.iter().all(|one| one.parent_withdrawn_from == "2026-04-01"));
}

fn sorted<T: Ord + Clone, S, N>(mut told: Vec<(T, S, N)>) -> Vec<(T, S, N)> {
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told
}

on_both!(what_is_out_of_use_makes_no_cycle_and_no_refinement_and_what_was_made_stays);
async fn what_is_out_of_use_makes_no_cycle_and_no_refinement_and_what_was_made_stays(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let group = write(&fixture, &fixture.admin, standard()).await.unwrap();
    write(&fixture, &fixture.admin, standard()).await.unwrap();
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z"), by("E0001", "b", "2026-03-02T02:00:00Z")]).await;
    let make = async |version| {
        let cycle = pb::Cycle { scheme_version: version, ..cycle(&group.scheme_id) };
        let ask = pb::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
        fixture.cycles().create_cycle(fixture.admin.request(ask)).await
    };
    let before = make(2).await.unwrap().into_inner().cycle.unwrap();
    assert_eq!(why(withdraw(&fixture, &fixture.admin, &group, (2, "2026-03-31", 2)).await), "INVALID_REQUEST");
    let north = at(&fixture, NORTH, &[SchemeRead, SchemeWrite]);
    let of_the_group = tally_rpc::error_from(write(&fixture, &north, standard()).await.unwrap_err());
    let sentence = tally_i18n::sentence(tally_kernel::Locale::En, &of_the_group);
    assert!(of_the_group.reason() == "PERMISSION_DENIED" && sentence.contains("name a unit of yours"), "{sentence}");
    assert_eq!(why(withdraw(&fixture, &north, &group, (2, "2026-03-31", 1)).await), "PERMISSION_DENIED");
    let out = withdraw(&fixture, &fixture.admin, &group, (2, "2026-03-31", 1)).await.unwrap().withdrawal.unwrap();
    assert_eq!((out.version, out.superseded_by, out.from.as_str()), (2, 1, "2026-03-31"));
    assert_eq!(why(withdraw(&fixture, &fixture.admin, &group, (2, "2026-05-01", 1)).await), "SCHEME_WITHDRAWN_ALREADY");
    assert_eq!(reason(make(2).await), "SCHEME_WITHDRAWN");
    assert_eq!(make(0).await.unwrap().into_inner().cycle.unwrap().scheme_version, 1, "the newest in use");
    assert_eq!(fixture.close(&before.cycle_id).await.state(), pb::CycleState::Reviewable);
    let named = refined(NORTH, &group, ["40", "30", "30"]);
    let of = |version| Some(pb::SchemeParent { scheme_id: group.scheme_id.clone(), version });
    let refused = write(&fixture, &north, pb::Scheme { parent: of(2), ..named.clone() }).await;
    let error = tally_rpc::error_from(refused.unwrap_err());
    assert_eq!(error.reason(), "SCHEME_WITHDRAWN");
    assert!(tally_i18n::sentence(tally_kernel::Locale::En, &error).contains("refine version 1"), "{error}");
    let branch = write(&fixture, &north, named.clone()).await.unwrap();
    assert_eq!(branch.parent, of(1));
    withdraw(&fixture, &fixture.admin, &group, (0, "2026-04-01", 0)).await.unwrap();
    make(1).await.unwrap();
    for refused in [write(&fixture, &north, named).await, write(&fixture, &fixture.admin, standard()).await] {
        assert_eq!(why(refused), "SCHEME_WITHDRAWN");
    }
    // A cycle by what refines it is told of it once the standard is out of use within its period.
    let told = async || standards_out(&fixture, &branch).await;
    assert_eq!(told().await, []);
    withdraw(&fixture, &fixture.admin, &group, (1, "2026-03-30", 0)).await.unwrap();
    let told = told().await.remove(0);
    assert_eq!(told.subject, branch.name);
    assert!(told.detail.contains(&format!("version 1 of the standard \"{}\"", group.name)), "{}", told.detail);
    assert!(told.advice.contains("ListRefinements"), "{}", told.advice);
}

/// What a cycle of March by a scheme of the north is told of its standards.
async fn standards_out(fixture: &Fixture, scheme: &pb::Scheme) -> Vec<tally_api::common::v1::Finding> {
    let of_north = pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&scheme.scheme_id) };
    let cycle_id = fixture.make(of_north).await.unwrap();
    assert_eq!(fixture.close(&cycle_id).await.state(), pb::CycleState::Reviewable);
    let ask = pb::ListFindingsRequest { cycle_id, page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner();
    found.findings.into_iter().filter(|found| found.kind == "STANDARD_WITHDRAWN").collect()
}

on_both!(what_is_named_in_place_of_what_is_out_of_use_is_in_use_itself);
async fn what_is_named_in_place_of_what_is_out_of_use_is_in_use_itself(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let group = write(&fixture, &fixture.admin, standard()).await.unwrap();
    let parent = Some(pb::SchemeParent { scheme_id: group.scheme_id.clone(), version: 1 });
    let named = pb::Scheme { parent, ..refined(NORTH, &group, ["40", "30", "30"]) };
    let branch = write(&fixture, &fixture.admin, named.clone()).await.unwrap();
    write(&fixture, &fixture.admin, standard()).await.unwrap();
    write(&fixture, &fixture.admin, standard()).await.unwrap();
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z"), by("E0001", "b", "2026-03-02T02:00:00Z")]).await;
    for (version, instead, told, take, refine) in [
        (1, 2, "version 2 is to be used", "take version 2", "refine version 2"),
        (2, 3, "version 3 is to be used", "take version 3", "refine version 3"),
        (3, 0, "from 2026-03-30 on: the cycle", "no other version is in use", "and so is every other one"),
    ] {
        withdraw(&fixture, &fixture.admin, &group, (version, "2026-03-30", instead)).await.unwrap();
        let found = standards_out(&fixture, &branch).await.remove(0);
        assert!(found.detail.contains(told), "{}", found.detail);
        let cycle = Some(pb::Cycle { scheme_version: 1, ..cycle(&group.scheme_id) });
        let ask = pb::CreateCycleRequest { cycle, ..Default::default() };
        let refused = fixture.cycles().create_cycle(fixture.admin.request(ask)).await.unwrap_err();
        let written = write(&fixture, &fixture.admin, named.clone()).await.unwrap_err();
        for (refused, says) in [(refused, take), (written, refine)] {
            let error = tally_rpc::error_from(refused);
            let sentence = tally_i18n::sentence(tally_kernel::Locale::En, &error);
            assert!(error.reason() == "SCHEME_WITHDRAWN" && sentence.contains(says), "{sentence}");
        }
    }
}

/// Takes in a file.
async fn import(fixture: &Fixture, file: &str) -> Result<pb::ImportStandardResponse, tonic::Status> {
    let ask = pb::ImportStandardRequest { file: file.into(), ..Default::default() };
    Ok(fixture.schemes().import_standard(fixture.admin.request(ask)).await?.into_inner())
}

async fn export(fixture: &Fixture, scheme: &pb::Scheme) -> Result<String, tonic::Status> {
    let (scheme_id, from_region) = (scheme.scheme_id.clone(), "cn-north".into());
    let ask = pb::ExportStandardRequest { scheme_id, from_region, ..Default::default() };
    Ok(fixture.schemes().export_standard(fixture.admin.request(ask)).await?.into_inner().file)
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> String {
    reason(answer.map(tonic::Response::new))
}

/// A stack without background work, so that what it draws depends on nothing but the calls.
async fn stack(on: Backend) -> Fixture {
    Fixture::on(TestStore::on(on, SERVICE, migrations).await, PeerFacts::default())
}

on_both!(a_standard_goes_to_another_stack_as_a_signed_file_and_is_refined_there);
async fn a_standard_goes_to_another_stack_as_a_signed_file_and_is_refined_there(on: Backend) {
    let (home, there) = (stack(on).await, stack(on).await);
    let group = write(&home, &home.admin, standard()).await.unwrap();
    write(&home, &home.admin, standard()).await.unwrap();
    withdraw(&home, &home.admin, &group, (1, "2026-04-01", 2)).await.unwrap();
    let file = export(&home, &group).await.unwrap();
    assert_eq!(export(&home, &group).await.unwrap(), file, "the same file again");
    assert_eq!(refusal(import(&there, &file).await), "REGION_KEY_UNKNOWN");
    let key = STANDARD.encode(home.public.bytes);
    std::fs::write(there.keys.path().join("cn-north.pub"), &key).unwrap();
    let forged = file.replacen("\"30\"", "\"20\"", 1);
    assert_ne!(forged, file);
    assert_eq!(refusal(import(&there, &forged).await), "TRANSFER_SIGNATURE_WRONG");
    assert_eq!(refusal(import(&there, file.lines().next().unwrap()).await), "TRANSFER_MALFORMED");
    let taken = import(&there, &file).await.unwrap();
    assert_eq!((taken.written, taken.unchanged, taken.from_region.as_str()), (2, 0, "cn-north"));
    let imported = taken.scheme.unwrap();
    assert_eq!((&imported.scheme_id, imported.version), (&group.scheme_id, 2));
    assert_eq!((imported.origin_region.as_str(), &imported.bounds), ("cn-north", &group.bounds));
    let again = import(&there, &file).await.unwrap();
    assert_eq!((again.written, again.unchanged), (0, 2));
    assert_eq!(get(&there, &there.admin, &group).await.unwrap().withdrawal.unwrap().superseded_by, 2);
    // There it is read, refined, and nothing else.
    assert_eq!(why(write(&there, &there.admin, standard()).await), "SCHEME_IMPORTED");
    assert_eq!(why(withdraw(&there, &there.admin, &group, (2, "2026-05-01", 0)).await), "SCHEME_IMPORTED");
    assert_eq!(refusal(export(&there, &group).await), "SCHEME_IMPORTED");
    let own = write(&there, &there.admin, refined(SOUTH, &group, ["50", "10", "40"])).await.unwrap();
    assert_eq!(refusal(export(&there, &own).await), "SCHEME_OF_A_UNIT");
    let beyond = write(&there, &there.admin, refined(SOUTH, &group, ["55", "10", "35"])).await;
    assert_eq!(fields(beyond), ["scheme.kpis[0].weight"]);
    // A newer file adds what is new; an older one changes nothing.
    write(&home, &home.admin, pb::Scheme { collaboration: false, ..standard() }).await.unwrap();
    let newer = import(&there, &export(&home, &group).await.unwrap()).await.unwrap();
    assert_eq!((newer.written, newer.unchanged), (1, 2));
    assert_eq!(import(&there, &file).await.unwrap().scheme.unwrap().version, 3);
    let states = refinements(&there, &there.admin, &group).await;
    assert_eq!(states[0].state(), pb::RefinementState::MustFollow);
}

on_both!(a_file_of_another_author_or_with_other_content_is_refused);
async fn a_file_of_another_author_or_with_other_content_is_refused(on: Backend) {
    let (home, there) = (stack(on).await, stack(on).await);
    for stack in [&home, &there] {
        std::fs::write(stack.keys.path().join("cn-north.pub"), STANDARD.encode(home.public.bytes)).unwrap();
    }
    // Both stacks of the test draw the same ids: the first scheme of one is the first of the other, with other content.
    let first = write(&home, &home.admin, scheme()).await.unwrap();
    let group = write(&home, &home.admin, standard()).await.unwrap();
    let file = export(&home, &group).await.unwrap();
    write(&there, &there.admin, standard()).await.unwrap();
    assert_eq!(refusal(import(&there, &file).await), "SCHEME_NAME_TAKEN");
    assert_eq!(refusal(import(&there, &export(&home, &first).await.unwrap()).await), "STANDARD_DIFFERS");
    // What is written here is not written by a file, even of one's own.
    assert_eq!(import(&home, &file).await.unwrap().unchanged, 1);
    assert_eq!(import(&home, &file).await.unwrap().scheme.unwrap().origin_region, "");
    let branch = fixture_caller(&home);
    let ask = pb::ImportStandardRequest { file, ..Default::default() };
    assert_eq!(reason(home.schemes().import_standard(branch.request(ask)).await), "PERMISSION_DENIED");
    let ask = pb::ExportStandardRequest { scheme_id: group.scheme_id, ..Default::default() };
    assert_eq!(reason(home.schemes().export_standard(branch.request(ask)).await), "PERMISSION_DENIED");
}

/// A branch's own hand.
fn fixture_caller(fixture: &Fixture) -> Caller {
    at(fixture, NORTH, &[SchemeRead, SchemeWrite, Permission::TransferImport])
}
