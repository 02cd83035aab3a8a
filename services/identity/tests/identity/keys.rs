//! The key folder and the published key set.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tally_api::identity::v1 as pb;
use tally_identity::{KeyRing, open_or_create};
use tally_kernel::Rng;
use tally_rpc::{Jwks, Keys as _};

use crate::house::{House, told};

#[test]
fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let again = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    assert_eq!(first.public(), again.public());
    let file = folder.path().join("identity.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = open_or_create(folder.path(), "identity", &Rng::System).unwrap_err();
    assert!(error.message().contains("chmod 600"), "{error}");
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

#[tokio::test]
async fn a_ring_holds_every_public_key_of_its_folder_under_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let identity = open_or_create(folder.path(), "identity", &Rng::System).unwrap();
    let talent = open_or_create(folder.path(), "talent", &Rng::System).unwrap();
    let ring = KeyRing::folder(folder.path()).unwrap();
    let owners: Vec<_> = ring.all().unwrap().0.into_iter().map(|key| key.owner).collect();
    assert_eq!(owners, ["identity", "talent"]);
    assert_eq!(ring.key(&talent.public().kid).await.unwrap().as_ref(), Some(talent.public()));
    assert_eq!(ring.key("unheard of").await.unwrap(), None);
    let fixed = KeyRing::fixed([identity.public().clone()]);
    assert_eq!(fixed.key(&talent.public().kid).await.unwrap(), None);
}

#[tokio::test]
async fn the_key_set_is_public_and_verifies_tokens() {
    for house in House::all().await {
        let json = told(house.sessions().get_jwks(pb::GetJwksRequest {}).await).unwrap().jwks_json;
        let published = Jwks::from_json(&json).unwrap();
        assert_eq!(published.0, house.keys.all().unwrap().0);
        let owners: Vec<_> = published.0.iter().map(|key| key.owner.as_str()).collect();
        assert_eq!(owners, ["identity", "performance"], "{}", house.db.name);
    }
}
