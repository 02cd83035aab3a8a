//! The key folder and the published key set.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::SignedDuration;
use tally_api::identity::v1 as pb;
use tally_identity::{KeyRing, PUBLISH_AHEAD, open_or_create, rotate};
use tally_kernel::{Clock, Rng};
use tally_rpc::{Jwks, Keys as _, Views as _};
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{TestIdentity, answered};

#[test]
fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let again = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let now = Clock::System.now();
    assert_eq!(first.at(now).public(), again.at(now).public());
    let file = folder.path().join("identity.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = open_or_create(folder.path(), "identity", &Rng::System).unwrap_err();
    assert!(tally_i18n::sentence(tally_kernel::Locale::En, &error).contains("chmod 600"), "{error}");
}

#[test]
fn a_malformed_key_is_refused_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talent.key");
    fs::write(&file, "AAAA").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(open_or_create(folder.path(), "talent", &Rng::System).unwrap_err().reason(), "KEYS_UNUSABLE");
    assert_eq!(fs::read_to_string(&file).unwrap(), "AAAA");
}

#[test]
fn a_public_key_that_does_not_belong_to_the_private_one_beside_it_is_refused_by_its_service_and_by_identity() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    for folder in [&folder, &other] {
        open_or_create(folder.path(), "talent", &Rng::System).unwrap();
    }
    let own = fs::read(at("talent.pub")).unwrap();
    fs::copy(other.path().join("talent.pub"), at("talent.pub")).unwrap();
    let refused = open_or_create(folder.path(), "talent", &Rng::System).unwrap_err();
    let of_identity = KeyRing::folder(folder.path(), Clock::System).unwrap_err();
    let of_rotation = rotate(folder.path(), "talent", Clock::System.now(), &Rng::System).unwrap_err();
    for error in [refused, of_identity, of_rotation] {
        let told = tally_i18n::sentence(tally_kernel::Locale::En, &error);
        assert!(told.contains("talent.pub does not belong to") && told.contains("talent.key"), "{told}");
    }
    fs::remove_file(at("talent.pub")).unwrap();
    open_or_create(folder.path(), "talent", &Rng::System).unwrap();
    assert_eq!(fs::read(at("talent.pub")).unwrap(), own, "it is written again from the private one");
    fs::remove_file(at("talent.key")).unwrap();
    open_or_create(folder.path(), "talent", &Rng::System).unwrap();
    assert_ne!(fs::read(at("talent.pub")).unwrap(), own, "a new private key publishes its own");
    fs::copy(other.path().join("talent.pub"), at("performance.pub")).unwrap();
    assert_eq!(
        KeyRing::folder(folder.path(), Clock::System).unwrap().all().unwrap().0.len(),
        2,
        "no private one lies beside it"
    );
}

#[tokio::test]
async fn a_ring_holds_every_public_key_of_its_folder_under_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let identity = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let talent = open_or_create(folder.path(), "talent", &Rng::System).unwrap();
    let (identity, talent) = (identity.at(jiff::Timestamp::UNIX_EPOCH), talent.at(jiff::Timestamp::UNIX_EPOCH));
    let clock = Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap());
    let ring = KeyRing::folder(folder.path(), clock.clone()).unwrap();
    let owners: Vec<_> = ring.all().unwrap().0.into_iter().map(|key| key.owner).collect();
    assert_eq!(owners, ["identity", "talent"]);
    assert_eq!(ring.key(&talent.public().kid).await.unwrap().as_ref(), Some(talent.public()));
    let too_early = ring.key("unheard of").await.unwrap_err();
    assert_eq!(too_early.reason(), "KEY_NOT_KNOWN_YET", "the folder was looked at in this second");
    clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(ring.key("unheard of").await.unwrap(), None);
    let late = open_or_create(folder.path(), "performance", &Rng::System).unwrap().at(jiff::Timestamp::UNIX_EPOCH);
    let found = ring.key(&late.public().kid).await.unwrap();
    assert_eq!(found.as_ref(), Some(late.public()), "a file that was put there is seen at once");
    let fixed = KeyRing::fixed([identity.public().clone()]);
    assert_eq!(fixed.key(&talent.public().kid).await.unwrap(), None);
}

on_both!(the_key_set_is_public_and_verifies_tokens);
async fn the_key_set_is_public_and_verifies_tokens(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let json = answered(identity.sessions().get_jwks(pb::GetJwksRequest {}).await).unwrap().jwks_json;
    let published = Jwks::from_json(&json).unwrap();
    assert_eq!(published.0, identity.keys.all().unwrap().0);
    let owners: BTreeSet<_> = published.0.iter().map(|key| key.owner.as_str()).collect();
    let all = ["attendance", "compensation", "identity", "performance", "talent"];
    assert_eq!(owners, BTreeSet::from(all));
}

#[tokio::test]
async fn a_new_key_is_published_before_its_turn_and_the_old_one_stays_until_its_last_token_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap());
    let keys = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let old = keys.at(clock.now());
    let from = rotate(folder.path(), "identity", clock.now(), &Rng::System).unwrap();
    assert_eq!(from, clock.now() + PUBLISH_AHEAD);
    keys.replace(&open_or_create(folder.path(), "identity", &Rng::System).unwrap());
    let new = keys.at(from);
    assert_eq!(keys.at(clock.now()).public(), old.public(), "it is not its turn yet");
    assert_ne!(new.public(), old.public());
    let ring = KeyRing::folder(folder.path(), clock.clone()).unwrap();
    for key in [&old, &new] {
        assert_eq!(ring.key(&key.public().kid).await.unwrap().as_ref(), Some(key.public()));
    }
    assert_eq!(ring.all().unwrap().0.len(), 2);
    let soon = rotate(folder.path(), "identity", clock.now(), &Rng::System).unwrap_err();
    assert_eq!(soon.reason(), "KEY_ROTATES_ALREADY");

    clock.advance(PUBLISH_AHEAD + SignedDuration::from_mins(15));
    assert_eq!(ring.key(&old.public().kid).await.unwrap(), None, "its last token is dead");
    assert_eq!(ring.all().unwrap().0, [new.public().clone()]);
    rotate(folder.path(), "identity", clock.now(), &Rng::System).unwrap();
    let file = folder.path().join("identity.key");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2, "the first key is forgotten");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no file is left over");
}

#[tokio::test]
async fn keys_take_turns_under_load_and_no_call_fails() {
    let (identity, rotating) = TestIdentity::with_key_folder().await;
    let group = async |token: &str| {
        let mut request = tonic::Request::new(pb::GetTenantRequest {});
        tally_rpc::bearer(&mut request, token);
        answered(identity.tenants().get_tenant(request).await)
    };
    let views = identity.leased();
    let mut kids = std::collections::BTreeSet::new();
    let mut tokens = vec![identity.admin.clone()];
    // Two rotations in an hour, somebody signing in every half minute, and every token used until it is ten minutes old.
    for half_minute in 0..120 {
        if half_minute == 20 || half_minute == 70 {
            rotating.rotate(identity.clock.now());
        }
        identity.wait(30);
        let login = identity.sign_in("admin").await;
        kids.insert(login.token.split('.').next().unwrap().to_owned());
        tokens.push(login);
        let young = tokens.len().saturating_sub(19);
        for login in &tokens[young..] {
            group(&login.token).await.unwrap_or_else(|e| panic!("half minute {half_minute}: {e:?}"));
        }
        // The other services ask identity with tokens of their own, which its stack verifies by the same ring.
        views.view(&tokens[tokens.len() - 1].claims(&identity), true).await.unwrap();
    }
    assert_eq!(kids.len(), 3, "three keys signed");
}
