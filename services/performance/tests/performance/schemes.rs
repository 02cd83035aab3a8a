//! Writing scheme versions.

use tally_access::Permission;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::corrections::asked;
use crate::fixture::{Fixture, NORTH, PeerFacts, cycle, reason, scheme};

async fn write(fixture: &Fixture, scheme: pb::Scheme) -> Result<pb::Scheme, String> {
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
    match fixture.schemes().create_scheme_version(fixture.admin.request(ask)).await {
        Ok(written) => Ok(written.into_inner().scheme.unwrap()),
        Err(refused) => Err(tally_i18n::sentence(tally_kernel::Locale::En, &tally_rpc::error_from(refused))),
    }
}

on_both!(a_scheme_of_a_known_name_gets_its_next_version_and_old_ones_stay);
async fn a_scheme_of_a_known_name_gets_its_next_version_and_old_ones_stay(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let first = write(&fixture, scheme()).await.unwrap();
    let mut changed = scheme();
    changed.collaboration = false;
    let second = write(&fixture, changed).await.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(first.scheme_id, second.scheme_id);
    let get = async |version| {
        let ask = pb::GetSchemeRequest { scheme_id: first.scheme_id.clone(), version };
        fixture.schemes().get_scheme(fixture.admin.request(ask)).await.unwrap().into_inner().scheme.unwrap()
    };
    assert_eq!((get(1).await, get(0).await), (first.clone(), second.clone()));
    let all = fixture.schemes().list_schemes(fixture.admin.request(pb::ListSchemesRequest::default())).await.unwrap();
    assert_eq!(all.into_inner().schemes, [second]);
}

on_both!(weights_that_do_not_sum_and_weights_of_zero_are_refused_with_the_cure);
async fn weights_that_do_not_sum_and_weights_of_zero_are_refused_with_the_cure(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let mut short = scheme();
    short.kpis[0].weight = "39".into();
    assert!(write(&fixture, short).await.unwrap_err().contains("99"));
    let mut zero = scheme();
    (zero.kpis[0].weight, zero.kpis[1].weight) = ("70".into(), "0".into());
    assert!(write(&fixture, zero).await.unwrap_err().contains("leave the indicator out"));
}

on_both!(a_branch_reads_the_groups_schemes_but_does_not_write_them);
async fn a_branch_reads_the_groups_schemes_but_does_not_write_them(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::default()).await;
    let written = write(&fixture, scheme()).await.unwrap();
    let branch = fixture.callers.person(
        crate::fixture::TENANT,
        None,
        [Permission::SchemeRead, Permission::SchemeWrite].map(|p| {
            let mut reach = tally_access::Reach::default();
            reach.units.insert(NORTH);
            if p.reads_group_configuration() {
                reach.regions.insert(tally_access::Region::global());
            }
            (p, reach)
        }),
    );
    let get = pb::GetSchemeRequest { scheme_id: written.scheme_id, version: 0 };
    assert!(fixture.schemes().get_scheme(branch.request(get)).await.is_ok());
    let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme()), ..Default::default() };
    let refused = fixture.schemes().create_scheme_version(branch.request(ask)).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
}

/// A version that is not there is none, whatever its number.
pub async fn versions_that_are_none(fixture: &Fixture, cycle_id: &str) {
    for version in [3, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let refused = with_version(fixture, cycle_id, version).await;
        assert_eq!(refused, ["NOT_FOUND"; 7].map(str::to_owned), "{version}");
    }
}

/// What each call that names a version of a cycle's scheme is refused with.
async fn with_version(fixture: &Fixture, id: &str, version: u32) -> [String; 7] {
    let (admin, scheme_id) = (&fixture.admin, fixture.watch(id).await.scheme_id);
    let mut schemes = fixture.schemes();
    let corrected = pb::CorrectCycleRequest { scheme_version: version, ..asked(id, "by that one") };
    let made = pb::Cycle { scheme_version: version, ..cycle(&scheme_id) };
    let made = pb::CreateCycleRequest { cycle: Some(made), ..Default::default() };
    let touched =
        pb::ListTouchedCyclesRequest { scheme_id: scheme_id.clone(), scheme_version: version, ..Default::default() };
    let parent = Some(pb::SchemeParent { scheme_id: scheme_id.clone(), version });
    let refined = pb::Scheme { name: "refined".into(), unit_id: NORTH.to_string(), parent, ..scheme() };
    let refined = pb::CreateSchemeVersionRequest { scheme: Some(refined), ..Default::default() };
    let out = |version, superseded_by| {
        let (from, reason) = ("2026-06-01".into(), "wrong".into());
        let withdrawal = Some(pb::SchemeWithdrawal { version, superseded_by, from, reason });
        pb::WithdrawSchemeRequest { scheme_id: scheme_id.clone(), withdrawal, ..Default::default() }
    };
    [
        reason(fixture.cycles().correct_cycle(admin.request(corrected)).await),
        reason(fixture.cycles().create_cycle(admin.request(made)).await),
        reason(fixture.changes().list_touched_cycles(admin.request(touched)).await),
        reason(schemes.create_scheme_version(admin.request(refined)).await),
        reason(schemes.withdraw_scheme(admin.request(out(version, 0))).await),
        reason(schemes.withdraw_scheme(admin.request(out(1, version))).await),
        reason(schemes.get_scheme(admin.request(pb::GetSchemeRequest { scheme_id: scheme_id.clone(), version })).await),
    ]
}
