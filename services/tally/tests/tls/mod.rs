//! Certificates for tests. A private key is taken only from a file that nobody else can read, and a checkout is readable by all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// The path of a certificate, or of a key.
pub fn tls(file: &str) -> String {
    let kept = PathBuf::from(format!("{}/../../libs/rpc/tests/tls/{file}", env!("CARGO_MANIFEST_DIR")));
    if !file.ends_with(".key") {
        return kept.display().to_string();
    }
    let own = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
    // Put there in one step: other tests may read it just now.
    let new = own.with_extension(format!("key-{}", std::process::id()));
    fs::copy(kept, &new).expect("a copy");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(new, &own).expect("the copy in its place");
    own.display().to_string()
}
