//! A branch's month from closing to pay, by five people in their browsers, in Chinese: whoever closes it, whoever prepares, approves and
//! posts the pay, and an agent on a phone who is paid. And what people do to pages: the way back, and twice.

use tally_testkit::eventually;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, DESKTOP, PHONE, complaints, is_there, picture, press, script};
use crate::demo::Demo;
use crate::roles::{sign_in, texts};

const NAME: &str = "杭州三月复核";

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_closes_its_month_and_three_people_pay_it() {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let hr = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&hr, &demo, demo.login("hr3")).await;
    let cycle = closed(&hr, &demo).await;
    published(&hr, &demo, &cycle).await;
    hr.quit().await.expect("the browser ends");

    let payroll = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&payroll, &demo, demo.login("payroll")).await;
    let settlement = drafted(&payroll, &demo).await;
    let own = texts(&payroll, "[...document.querySelectorAll('input[name=act]')].map((it) => it.value)").await;
    assert!(!own.contains(&"approve".to_owned()), "nobody approves what they prepared: {own:?}");
    payroll.quit().await.expect("the browser ends");

    let approver = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&approver, &demo, demo.login("approver")).await;
    open(&approver, &demo, &settlement).await;
    send(&approver, "form:has(input[name=act][value=approve])", &[]).await;
    back_and_again(&approver, &demo, &settlement).await;
    approver.quit().await.expect("the browser ends");

    let payer = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&payer, &demo, demo.login("payer")).await;
    open(&payer, &demo, &settlement).await;
    send(&payer, "form:has(input[name=act][value=post])", &[("confirm", "tick")]).await;
    let acts = texts(&payer, "[...document.querySelectorAll('input[name=act]')].map((it) => it.value)").await;
    assert!(!acts.contains(&"post".to_owned()), "it is posted: {acts:?}");
    payer.quit().await.expect("the browser ends");

    let agent = chrome.browser("zh-CN", PHONE, false).await;
    sign_in(&agent, &demo, demo.login("10010")).await;
    open(&agent, &demo, "/my/pay").await;
    let page = texts(&agent, "[document.querySelector('main').innerText]").await.concat();
    assert!(page.contains(NAME), "the agent sees what was paid: {page}");
    picture(&agent, "month-agent-pay").await;
    assert_eq!(complaints(&agent).await, Vec::<String>::new());
    agent.quit().await.expect("the browser ends");
}

async fn open(browser: &WebDriver, demo: &Demo, path: &str) {
    browser.goto(format!("{}{path}", demo.address)).await.expect("the page");
}

/// The path that is shown.
async fn path(browser: &WebDriver) -> String {
    texts(browser, "[location.pathname]").await.concat()
}

/// Fills in a form and sends it as a person does. `*` takes the first choice, `tick` ticks every box that must be, another value of a choice is a part of its label.
async fn send(browser: &WebDriver, form: &str, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let fill = format!(
            "const form = document.querySelector({form:?}); const value = {value:?};
             if (value === 'tick') {{ form.querySelectorAll('input[type=checkbox][required]').forEach((it) => it.checked = true); return 'done'; }}
             const field = form.querySelector('[name={name}]');
             if (field.tagName !== 'SELECT') {{ field.value = value; return 'done'; }}
             const found = [...field.options].find((it) => it.value !== '' && (value === '*' || it.text.includes(value)));
             field.value = found.value; return 'done'"
        );
        assert_eq!(script(browser, &fill).await, "done", "{form} {name}");
    }
    press(browser, &format!("{form} .acts button:not(.quiet)")).await;
    let wrong = texts(browser, "[document.querySelector('.wrong, .refused')?.innerText ?? '']").await.concat();
    assert_eq!(wrong, "", "{form} is taken");
}

/// Makes a cycle and closes it; gives its page once it can be looked at.
async fn closed(browser: &WebDriver, demo: &Demo) -> String {
    open(browser, demo, "/cycles/new").await;
    let days = [("from", "2026-03-01"), ("to", "2026-03-31")];
    let fields = [("name", NAME), ("unit_id", "*"), days[0], days[1], ("scheme_id", "*")];
    send(browser, "form[action='/cycles/new']", &fields).await;
    let cycle = path(browser).await;
    assert!(cycle.starts_with("/cycles/0"), "a cycle is shown: {cycle}");
    send(browser, &format!("form[action='{cycle}/close']"), &[]).await;
    eventually("the cycle can be looked at", async || {
        open(browser, demo, &cycle).await;
        let ways = texts(browser, "[...document.querySelectorAll('main a')].map((it) => it.pathname)").await;
        ways.contains(&format!("{cycle}/publish")).then_some(())
    })
    .await;
    picture(browser, "month-reviewable").await;
    cycle
}

async fn published(browser: &WebDriver, demo: &Demo, cycle: &str) {
    open(browser, demo, &format!("{cycle}/publish")).await;
    send(browser, &format!("form[action='{cycle}/publish']"), &[("sure", "tick")]).await;
    assert_eq!(path(browser).await, cycle);
    let forms =
        texts(browser, "[...document.querySelectorAll('main form')].map((it) => it.getAttribute('action'))").await;
    assert!(!forms.contains(&format!("{cycle}/close")), "it is published: {forms:?}");
}

/// Makes a pool of it and drafts a settlement; gives the settlement's page.
async fn drafted(browser: &WebDriver, demo: &Demo) -> String {
    open(browser, demo, "/pay/pools/new").await;
    let fields = [("name", NAME), ("cycle_id", NAME), ("amount", "50000"), ("currency", "*")];
    send(browser, "form[action='/pay/pools/new']", &fields).await;
    open(browser, demo, "/pay/settlements/new").await;
    send(browser, "form[action='/pay/settlements/new']", &[("pool_id", NAME)]).await;
    let settlement = path(browser).await;
    assert!(settlement.starts_with("/pay/settlements/0"), "a settlement is shown: {settlement}");
    picture(browser, "month-drafted").await;
    settlement
}

/// Goes back to the page from before and sends its form once more: nothing happens twice, and the page says how it stands.
async fn back_and_again(browser: &WebDriver, demo: &Demo, settlement: &str) {
    browser.back().await.expect("the way back");
    let again = "form:has(input[name=act][value=approve]) .acts button:not(.quiet)";
    if browser.find(By::Css(again)).await.is_ok() {
        press(browser, again).await;
    }
    open(browser, demo, settlement).await;
    let acts = texts(browser, "[...document.querySelectorAll('input[name=act]')].map((it) => it.value)").await;
    assert!(!acts.contains(&"approve".to_owned()), "it is approved, once: {acts:?}");
}
