//! Every screen as every role: it is there, it is sound, it fits, and it shows nothing that is not for its reader.

use std::collections::BTreeSet;

use thirtyfour::prelude::*;

use crate::axe::violations;
use crate::chrome::{Chrome, DESKTOP, PHONE, Screen, complaints, is_there, picture, press, script};
use crate::demo::Demo;
use crate::nu::Pages;

/// A role, and the language, the screen and the theme (dark or not) of its browser.
type Walk = (&'static str, &'static str, Screen, bool);

/// Each role's walk: the language, the screen and the theme differ, so that together they see all of them.
const WALKS: [Walk; 8] = [
    ("agent", "zh-CN", PHONE, false),
    ("supervisor", "en", DESKTOP, false),
    ("branch_hr", "ar", DESKTOP, true),
    ("group_hr", "en", PHONE, true),
    ("compensation_specialist", "zh-CN", DESKTOP, false),
    ("approver", "en", PHONE, false),
    ("auditor", "ar", PHONE, false),
    ("group_admin", "zh-CN", DESKTOP, true),
];

/// Pages of one walk beyond which a list only repeats itself.
const PAGES_MAX: usize = 40;
/// Pages of one shape, such as those of each person, that are looked at.
const OF_A_SHAPE: usize = 1;

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_sound_for_those_who_work_and_their_branches() {
    walks(&WALKS[..4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_sound_for_those_who_pay_and_look() {
    walks(&WALKS[4..]).await;
}

/// One walk of each role; with `./test --all` every role in every language, on every screen and in every theme.
fn wanted(walks: &[Walk]) -> Vec<Walk> {
    if std::env::var_os("TALLY_TEST_ALL").is_none() {
        return walks.to_vec();
    }
    let mut all = Vec::new();
    for (role, ..) in walks {
        for lang in ["zh-CN", "en", "ar"] {
            for screen in [DESKTOP, PHONE] {
                all.extend([false, true].map(|dark| (*role, lang, screen, dark)));
            }
        }
    }
    all
}

async fn walks(walks: &[Walk]) {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let (mut wrong, mut served) = (Vec::new(), Pages::new());
    for (role, lang, screen, dark) in wanted(walks) {
        let browser = chrome.browser(lang, screen, dark).await;
        sign_in(&browser, &demo, demo.user(role)).await;
        let pages = walk(&browser, &demo, role, (&mut wrong, &mut served)).await;
        assert!(pages > 5, "{role} has screens, not {pages}");
        browser.quit().await.expect("the browser ends");
    }
    wrong.extend(served.faults().await);
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// Signs in as a person does.
pub async fn sign_in(browser: &WebDriver, demo: &Demo, login: &str) {
    browser.goto(format!("{}/sign-in", demo.address)).await.expect("the page");
    let field = |name: &'static str| browser.find(By::Name(name));
    field("login").await.expect("a field").send_keys(login).await.expect("typed");
    field("password").await.expect("a field").send_keys(&demo.password).await.expect("typed");
    press(browser, "#entry form[action='/sign-in'] button").await;
    let name = browser.find(By::Css(".account")).await;
    assert!(name.is_ok(), "{login} is signed in: {:?}", browser.source().await);
}

/// Looks at the pages that the role is led to, and counts them.
async fn walk(browser: &WebDriver, demo: &Demo, role: &str, (wrong, served): (&mut Vec<String>, &mut Pages)) -> usize {
    let mut open = vec![("/".to_owned(), String::new())];
    let (mut seen, mut shapes) = (BTreeSet::new(), Vec::<String>::new());
    while let Some((path, from)) = open.pop() {
        let shape = shape(&path);
        let known = shapes.iter().filter(|known| **known == shape).count();
        if seen.len() >= PAGES_MAX || known >= OF_A_SHAPE || !seen.insert(path.clone()) {
            continue;
        }
        shapes.push(shape);
        browser.goto(format!("{}{path}", demo.address)).await.expect("the page");
        for fault in faults(browser).await {
            wrong.push(format!("{role} {path} (from {from}): {fault}"));
        }
        served.keep(browser, format!("{role} {path}")).await;
        picture(browser, &format!("{role}{}", path.replace(['/', '?', '=', '&', '%'], "-"))).await;
        open.extend(ways(browser).await.into_iter().map(|way| (way, path.clone())));
    }
    seen.len()
}

/// What is wrong with the page that is shown.
async fn faults(browser: &WebDriver) -> Vec<String> {
    let mut found = violations(browser).await;
    found.extend(complaints(browser).await);
    let wide = script(browser, "return document.documentElement.scrollWidth - innerWidth").await;
    if wide.as_i64().is_none_or(|wide| wide > 0) {
        found.push(format!("it is {wide} pixels wider than the screen"));
    }
    let refused = script(browser, "return document.querySelector('.refused')?.innerText ?? ''").await;
    if refused != "" {
        found.push(format!("a way that the page shows is refused: {refused}"));
    }
    let raw = script(browser, "return document.body.innerText.match(/\\b(?:UI|NAV|WORD|DONE)_[A-Z_]+|\\b[A-Z]+(?:_[A-Z]+)+_UNSPECIFIED\\b/g) ?? []").await;
    if raw.as_array().is_none_or(|raw| !raw.is_empty()) {
        found.push(format!("texts are missing: {raw}"));
    }
    found
}

/// The ways of the page within the console: no file, and nothing that ends the session.
async fn ways(browser: &WebDriver) -> Vec<String> {
    let all = script(
        browser,
        "return [...document.querySelectorAll('a[href^=\"/\"]:not([download])')].map((a) => a.getAttribute('href'))",
    )
    .await;
    let all = all.as_array().cloned().unwrap_or_default();
    let inside = |path: &str| {
        !path.starts_with("/assets") && !path.contains('#') && !path.contains("export=") && path != "/openapi.json"
    };
    // The last are looked at first: the pages behind a list's first rows come soon.
    all.iter().filter_map(|way| way.as_str()).filter(|way| inside(way)).rev().map(str::to_owned).collect()
}

/// A path with each id and each question taken out.
fn shape(path: &str) -> String {
    let bare = path.split('?').next().unwrap_or_default();
    let part = |part: &str| {
        if part.len() > 20 || part.chars().any(|c| c.is_ascii_digit()) { "*".to_owned() } else { part.to_owned() }
    };
    bare.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Who types the address of a screen that is not for them is shown a page that says so, or what is theirs of it, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_types_an_address_is_told_of_nobody_else() {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let (mut screens, mut names) = (BTreeSet::new(), Vec::new());
    for role in ["supervisor", "group_hr", "compensation_specialist", "auditor", "group_admin"] {
        let browser = chrome.browser("en", DESKTOP, false).await;
        sign_in(&browser, &demo, demo.user(role)).await;
        screens.extend(texts(&browser, "[...document.querySelectorAll('.rail a')].map((it) => it.pathname)").await);
        if role == "group_hr" {
            browser.goto(format!("{}/people?size=200", demo.address)).await.expect("the page");
            names =
                texts(&browser, "[...document.querySelectorAll('main tbody a.row')].map((it) => it.innerText)").await;
        }
        browser.quit().await.expect("the browser ends");
    }
    assert!(names.len() > 20 && screens.len() > 20, "the group has people and screens: {names:?} {screens:?}");
    let browser = chrome.browser("en", DESKTOP, false).await;
    sign_in(&browser, &demo, demo.user("agent")).await;
    let own = texts(&browser, "[document.querySelector('.account bdi').textContent]").await;
    let mut told = Vec::new();
    for path in &screens {
        browser.goto(format!("{}{path}", demo.address)).await.expect("the page");
        let page = texts(&browser, "[document.querySelector('main').innerText]").await.concat();
        let others: Vec<_> = names.iter().filter(|name| !own.contains(name) && page.contains(*name)).collect();
        if !others.is_empty() {
            told.push(format!("{path}: {others:?}"));
        }
    }
    browser.quit().await.expect("the browser ends");
    assert!(told.is_empty(), "{told:#?}");
}

/// The texts that an expression gives.
pub async fn texts(browser: &WebDriver, expression: &str) -> Vec<String> {
    let found = script(browser, &format!("return {expression}")).await;
    found.as_array().into_iter().flatten().filter_map(|it| it.as_str()).map(|it| it.trim().to_owned()).collect()
}
