//! Writing scheme versions.

use tally_access::Permission;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, reason, scheme};

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
