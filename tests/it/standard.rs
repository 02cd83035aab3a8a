//! `tally scheme export` and `tally scheme import`: a standard of the group goes to the stack of another region by the command line.

use std::path::PathBuf;

use tally_api::performance::v1 as performance;
use tally_suite::session::Session;

use crate::regions::{NORTH, WEST};
use crate::stack::Stack;

/// What a command did: its exit code, what it printed and what it said.
type Did = (Option<i32>, String, String);

/// The scheme of the month leaves the first stack and is read in the second, which believes it already: the file.
pub async fn crosses(home: (&Stack, &Session), there: (&Stack, &Session)) -> String {
    let written = the_groups(home.1).await.pop().expect("the scheme of the month");
    let (name, versions) = (written.name.as_str(), written.version);
    let (code, file, said) = scheme(home, &["export", name, "--lang", "en"], None).await;
    assert_eq!((code, said.as_str()), (Some(0), ""), "{file}");
    assert!(file.contains(&format!("\"from\":\"{NORTH}\"")), "a stack of one region leaves that one: {file}");
    let (code, printed, said) = scheme(home, &["export", name, "--from", WEST, "--lang", "en"], None).await;
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains(WEST), "it is not served there: {said}");
    let (code, printed, said) = scheme(home, &["export", name, "--from", "mars", "--lang", "en"], None).await;
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("the group has no region \"mars\""), "{said}");
    let (code, printed, said) = scheme(home, &["export", "Nowhere", "--lang", "en"], None).await;
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("\"Nowhere\""), "{said}");

    let forged = file.replacen("\"collaboration\":true", "\"collaboration\":false", 1);
    assert_ne!(forged, file, "the standard gives points for collaboration");
    let (code, _, said) = scheme(there, &["import", "--lang", "en"], Some(&forged)).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("the file is not signed by the stack of {NORTH}")), "{said}");
    let (code, _, said) = scheme(there, &["import", "--lang", "en"], file.lines().next()).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("not all of it"), "{said}");
    assert_eq!(the_groups(there.1).await, [], "nothing of either was taken in");

    for new in [versions, 0] {
        let (code, _, said) = scheme(there, &["import", "--lang", "en"], Some(&file)).await;
        assert_eq!(code, Some(0), "{said}");
        let told = format!("version {versions} is the newest, {new} new, {} unchanged", versions - new);
        assert!(said.contains(&told), "{said}");
    }
    let read = performance::Scheme { origin_region: NORTH.into(), ..written };
    assert_eq!(the_groups(there.1).await, [read]);
    file
}

/// Runs `tally scheme ..` against a stack as somebody, with a file of this text as its last word.
async fn scheme((stack, who): (&Stack, &Session), args: &[&str], text: Option<&str>) -> Did {
    let write = |name: &str, text: &str| -> PathBuf {
        let path = stack.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let mut command = stack.tally(&["scheme"]);
    command.args(args).arg("--token-file").arg(write("token-of-scheme", &who.token()));
    command.args(text.map(|text| write("a.standard", text)));
    let ran = command.output().await.expect("the program runs");
    let [out, error] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (ran.status.code(), out, error)
}

/// The schemes of the group that somebody reads.
async fn the_groups(who: &Session) -> Vec<performance::Scheme> {
    let mut schemes = performance::scheme_service_client::SchemeServiceClient::new(who.at.performance.clone());
    let ask = performance::ListSchemesRequest::default();
    let listed = schemes.list_schemes(who.ask(ask)).await.expect("schemes").into_inner().schemes;
    listed.into_iter().filter(|scheme| scheme.unit_id.is_empty()).collect()
}
