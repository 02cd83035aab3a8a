//! What users of other suites complain about, as far as only a browser shows it.

use tally_testkit::eventually;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, DESKTOP, PHONE, complaints, is_there, script};
use crate::demo::Demo;
use crate::roles::{sign_in, texts};

/// A session that ends under an open page asks in a dialog, and then does what was asked, with nothing lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_asks_in_a_dialog_and_does_what_was_asked() {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let browser = chrome.browser("en", DESKTOP, false).await;
    sign_in(&browser, &demo, demo.user("group_hr")).await;
    browser.goto(format!("{}/people?size=200", demo.address)).await.expect("the page");
    let rows = "[...document.querySelectorAll('main tbody a.row')].map((it) => it.innerText)";
    let before = texts(&browser, rows).await;
    browser.delete_all_cookies().await.expect("no cookie is left");
    browser.find(By::Css("th a[id$='-by-name']")).await.expect("a head").click().await.expect("pressed");
    let dialog = eventually("a dialog asks", async || {
        let open = script(&browser, "return document.querySelector('#dialog').open").await == true;
        if open { browser.find(By::Css("#dialog #entry")).await.ok() } else { None }
    });
    let dialog = dialog.await;
    for (name, value) in [("login", demo.user("group_hr")), ("password", &demo.password)] {
        dialog.find(By::Name(name)).await.expect("a field").send_keys(value).await.expect("typed");
    }
    dialog.find(By::Css("form[action='/sign-in'] button")).await.expect("a button").click().await.expect("pressed");
    eventually("the list is sorted, and the dialog gone", async || {
        let closed = script(&browser, "return !document.querySelector('#dialog').open").await == true;
        let sorted = script(
            &browser,
            "return document.querySelector('th[aria-sort=ascending], th[aria-sort=descending]') !== null",
        )
        .await
            == true;
        (closed && sorted).then_some(())
    })
    .await;
    let mut after = texts(&browser, rows).await;
    assert_eq!(after.len(), before.len(), "no row is missing");
    after.sort();
    let mut all = before;
    all.sort();
    assert_eq!(after, all);
    browser.quit().await.expect("the browser ends");
}

/// On a phone the own punches of the month are there, each with its zone, and putting one right takes two fields and a reason.
#[tokio::test(flavor = "multi_thread")]
async fn own_punches_are_there_on_a_phone_and_are_put_right_with_two_fields_and_a_reason() {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let browser = chrome.browser("zh-CN", PHONE, false).await;
    sign_in(&browser, &demo, demo.user("agent")).await;
    browser.goto(format!("{}/my/facts?month=2026-03", demo.address)).await.expect("the page");
    let page = texts(&browser, "[document.querySelector('main').innerText]").await.concat();
    assert!(page.contains("UTC+8"), "the month says its zone: {page}");
    let days = texts(&browser, "[...document.querySelectorAll('main tbody tr')].map((it) => it.innerText)").await;
    assert!(days.len() > 10, "the month has days: {days:?}");
    browser.goto(format!("{}/my/facts/right", demo.address)).await.expect("the page");
    let fields = "[...document.querySelectorAll('main form :is(input, select, textarea):not([type=hidden])')].map((it) => it.name)";
    let fields = texts(&browser, fields).await;
    assert_eq!((fields.len(), fields.contains(&"reason".to_owned())), (3, true), "{fields:?}");
    assert_eq!(complaints(&browser).await, Vec::<String>::new());
    browser.quit().await.expect("the browser ends");
}
