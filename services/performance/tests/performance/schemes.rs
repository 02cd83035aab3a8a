//! Writing scheme versions.

use tally_access::Permission;
use tally_api::performance::v1 as pb;

use crate::world::{NORTH, Told, World, reason, scheme};

async fn write(world: &World, scheme: pb::Scheme) -> Result<pb::Scheme, String> {
    let ask = pb::CreateSchemeVersionRequest { request_id: String::new(), scheme: Some(scheme) };
    match world.schemes().create_scheme_version(world.admin.request(ask)).await {
        Ok(written) => Ok(written.into_inner().scheme.unwrap()),
        Err(refused) => Err(tally_i18n::sentence(tally_kernel::Locale::En, &tally_rpc::error_from(refused))),
    }
}

#[tokio::test]
async fn a_scheme_of_a_known_name_gets_its_next_version_and_old_ones_stay() {
    for world in World::all(Told::default()).await {
        let name = world.db.name;
        let first = write(&world, scheme()).await.unwrap();
        let mut changed = scheme();
        changed.collaboration = false;
        let second = write(&world, changed).await.unwrap();
        assert_eq!((first.version, second.version), (1, 2), "{name}");
        assert_eq!(first.scheme_id, second.scheme_id, "{name}");
        let get = async |version| {
            let ask = pb::GetSchemeRequest { scheme_id: first.scheme_id.clone(), version };
            world.schemes().get_scheme(world.admin.request(ask)).await.unwrap().into_inner().scheme.unwrap()
        };
        assert_eq!((get(1).await, get(0).await), (first.clone(), second.clone()), "{name}");
        let all = world.schemes().list_schemes(world.admin.request(pb::ListSchemesRequest::default())).await.unwrap();
        assert_eq!(all.into_inner().schemes, [second], "{name}");
    }
}

#[tokio::test]
async fn weights_that_do_not_sum_and_weights_of_zero_are_refused_with_the_cure() {
    for world in World::all(Told::default()).await {
        let mut short = scheme();
        short.kpis[0].weight = "39".into();
        assert!(write(&world, short).await.unwrap_err().contains("99"), "{}", world.db.name);
        let mut zero = scheme();
        (zero.kpis[0].weight, zero.kpis[1].weight) = ("70".into(), "0".into());
        assert!(write(&world, zero).await.unwrap_err().contains("leave the indicator out"), "{}", world.db.name);
    }
}

#[tokio::test]
async fn a_branch_reads_the_groups_schemes_but_does_not_write_them() {
    for world in World::all(Told::default()).await {
        let written = write(&world, scheme()).await.unwrap();
        let branch = world.callers.person(
            crate::world::TENANT,
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
        assert!(world.schemes().get_scheme(branch.request(get)).await.is_ok(), "{}", world.db.name);
        let ask = pb::CreateSchemeVersionRequest { request_id: String::new(), scheme: Some(scheme()) };
        let refused = world.schemes().create_scheme_version(branch.request(ask)).await;
        assert_eq!(reason(refused), "PERMISSION_DENIED", "{}", world.db.name);
    }
}
