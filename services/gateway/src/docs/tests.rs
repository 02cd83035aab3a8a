use std::sync::LazyLock;

use tally_access::{Effect, Needs, PolicyRow};
use tally_api::classes;

use super::*;

static DOCS: LazyLock<Docs> = LazyLock::new(|| {
    let rpcs = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let name = |rpc: prost_reflect::MethodDescriptor| format!("{}/{}", rpc.parent_service().full_name(), rpc.name());
    let row = |name: String| PolicyRow {
        method: name.leak(),
        needs: Needs::SignIn,
        effect: Effect::Read,
        openers: &[],
        vital: false,
    };
    let rows: Vec<PolicyRow> = rpcs.map(name).map(row).collect();
    let rules: Vec<_> = crate::rules::rules(&rows).unwrap().into_iter().map(Arc::new).collect();
    Docs::of(crate::openapi::document(&rules))
});

fn page(room: &str, locale: Locale) -> String {
    String::from_utf8(DOCS.page(room, locale).unwrap().to_vec()).unwrap()
}

fn pages() -> impl Iterator<Item = (&'static str, String)> {
    let rooms = DOCS.rooms.iter().map(String::as_str);
    std::iter::once("")
        .chain(rooms)
        .flat_map(|room| [Locale::En, Locale::ZhCn].map(|locale| (room, page(room, locale))))
}

/// What stands between one text and the next other, wherever.
fn between<'t>(text: &'t str, before: &'t str, after: char) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

#[test]
fn every_call_stands_in_the_list_and_on_the_page_of_its_room() {
    let list = page("", Locale::En);
    let mut calls = 0;
    for (path, verbs) in DOCS.description["paths"].as_object().unwrap() {
        for operation in verbs.as_object().unwrap().values() {
            let room = operation["tags"][0].as_str().unwrap();
            let name = operation["operationId"].as_str().unwrap().strip_prefix(room).unwrap().trim_start_matches('.');
            assert!(list.contains(&format!("href=\"/docs/{room}#{name}\"")), "{room}.{name}");
            let page = page(room, Locale::En);
            assert!(page.contains(&format!("<article id=\"{name}\">")), "{room}.{name}");
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            calls += 1;
        }
    }
    assert!(calls > 225, "{calls}");
}

#[test]
fn no_page_holds_a_script_a_style_or_anything_from_elsewhere() {
    for (room, page) in pages() {
        for never in
            ["<script", "<style", " style=", " onclick", " onload", "javascript:", "<img", "<iframe", "{{", "{%"]
        {
            assert!(!page.contains(never), "{room}: {never}");
        }
        for address in between(&page, "href=\"", '"').chain(between(&page, "src=\"", '"')) {
            assert!(address.starts_with(['#', '/']) && !address.starts_with("//"), "{room}: {address}");
        }
    }
    for never in ["url(", "@import", "http"] {
        assert!(!STYLE.contains(never), "{never}");
    }
}

#[test]
fn every_link_within_a_page_leads_somewhere_and_every_anchor_is_there_once() {
    for (room, page) in pages() {
        let mut anchors = BTreeSet::new();
        for id in between(&page, " id=\"", '"') {
            assert!(anchors.insert(id), "{room}: {id} twice");
        }
        let lost: Vec<_> = between(&page, "href=\"#", '"').filter(|id| !anchors.contains(id)).collect();
        assert_eq!(lost, Vec::<&str>::new(), "{room}");
    }
}

#[test]
fn a_page_is_in_the_readers_language_and_says_what_is_in_another() {
    let (english, chinese) = (page("performance.Cycle", Locale::En), page("performance.Cycle", Locale::ZhCn));
    assert!(english.contains("<html lang=\"en\">") && english.contains("Asks for a session, and"));
    assert!(
        chinese.contains("<html lang=\"zh-CN\">") && chinese.contains("需要登录，") && chinese.contains(" lang=\"en\"")
    );
    assert!(!chinese.contains("Asks for"), "words of ours are translated");
}

#[test]
fn a_page_that_is_not_there_is_told_so_and_what_is_there_comes_under_a_policy() {
    let answer = DOCS.answer("performance.Nothing", &Extensions::new());
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let answer = DOCS.answer("performance.Cycle", &Extensions::new());
    assert_eq!(answer.headers()[CONTENT_SECURITY_POLICY], POLICY);
    assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(DOCS.made.lock().unwrap().len() <= (DOCS.rooms.len() + 1) * 2, "one of a name and a language");
}
