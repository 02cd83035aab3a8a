//! A branch's month from its files to its pay, by people in their browsers, in Chinese: whoever brings the files, whoever closes it, whoever
//! answers what was found and who agrees, whoever prepares, approves and posts the pay, and an agent on a phone who is paid. And what people
//! do to pages: the way back, and twice.

use tally_testkit::eventually;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, DESKTOP, PHONE, complaints, is_there, picture, press, script};
use crate::demo::Demo;
use crate::roles::{sign_in, texts};

const NAME: &str = "杭州一月";
/// The demo's month as January: it has as many days.
const AS_JANUARY: [(&str, &str); 4] =
    [("2026-04-01", "2026-02-01"), ("2026-02-28", "2025-12-31"), ("2026-03-", "2026-01-"), ("2603", "2601")];
/// Its files of people and accounts, which stay, and those of the month.
const FILES: [&str; 10] = [
    "people.csv",
    "accounts.csv",
    "aliases.csv",
    "devices.csv",
    "records.csv",
    "replies.csv",
    "claims.csv",
    "rosters.csv",
    "punches.csv",
    "handovers.csv",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_closes_its_month_and_three_people_pay_it() {
    if !is_there() {
        return;
    }
    let (demo, chrome) = (Demo::start().await, Chrome::start().await);
    let group = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&group, &demo, demo.login("hr")).await;
    brought(&group, &demo).await;
    group.quit().await.expect("the browser ends");

    let hr = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&hr, &demo, demo.login("hr3")).await;
    let cycle = closed(&hr, &demo).await;
    published(&hr, &demo, &cycle).await;

    let supervisor = chrome.browser("zh-CN", DESKTOP, false).await;
    sign_in(&supervisor, &demo, demo.login("10001")).await;
    answered(&supervisor, &demo).await;
    supervisor.quit().await.expect("the browser ends");
    agreed(&hr, &demo).await;
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

/// Hands in the files of January, looks at what was read, and imports them. What is thrown in twice changes nothing.
async fn brought(browser: &WebDriver, demo: &Demo) {
    let folder = demo.month.with_file_name("january");
    std::fs::create_dir(&folder).expect("a folder");
    let mut paths = Vec::new();
    for name in FILES {
        let text = std::fs::read_to_string(demo.month.join(name)).expect("a file of the demo");
        let stays = matches!(name, "people.csv" | "accounts.csv" | "aliases.csv" | "devices.csv");
        let moved = AS_JANUARY.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        let path = folder.join(name);
        std::fs::write(&path, if stays { text } else { moved }).expect("written");
        paths.push(path.display().to_string());
    }
    open(browser, demo, "/bring").await;
    let files = browser.find(By::Id("files")).await.expect("a field of files");
    files.send_keys(paths.join("\n")).await.expect("chosen");
    press(browser, "#bring .acts button").await;
    let upload = path(browser).await;
    let page = texts(browser, "[document.querySelector('main').innerText]").await.concat();
    assert!(page.contains("2026年1月") && page.contains("records.csv"), "{upload} is read: {page}");
    picture(browser, "month-read").await;
    press(browser, "#import .acts button").await;
    eventually("the month is in", async || {
        open(browser, demo, &upload).await;
        let forms = texts(browser, "[...document.querySelectorAll('main form')].map((it) => it.id)").await;
        let page = texts(browser, "[document.querySelector('main').innerText]").await.concat();
        assert!(!page.contains("已停止"), "it goes on to its end: {page}");
        (page.contains("已导入") && !forms.contains(&"import".to_owned())).then_some(())
    })
    .await;
    picture(browser, "month-brought").await;
    let rows = "[...document.querySelectorAll('#files-records-csv td')].map((it) => it.innerText.trim())";
    let rows = texts(browser, rows).await;
    // New, replaced, there already, not taken.
    let [_, _, new, rest @ ..] = rows.as_slice() else { panic!("a row of records: {rows:?}") };
    assert!(new.starts_with("2,") && rest.iter().take(3).all(|count| count == "0"), "the records are new: {rows:?}");
    assert_eq!(complaints(browser).await, Vec::<String>::new());
}

/// Opens the first finding that can be put right there, and asks for what puts it right.
async fn answered(browser: &WebDriver, demo: &Demo) {
    open(browser, demo, "/team/findings").await;
    let ways =
        "[...document.querySelectorAll('main tbody tr:has(.pill.good) a.row')].map((it) => it.pathname + it.search)";
    let ways = texts(browser, ways).await;
    let way = ways.first().expect("something that can be put right");
    open(browser, demo, way).await;
    picture(browser, "month-finding").await;
    send(browser, "#fix-card form", &[("reason", "打卡机当天故障")]).await;
}

/// Agrees to what was asked for.
async fn agreed(browser: &WebDriver, demo: &Demo) {
    open(browser, demo, "/corrections").await;
    let ways = "[...document.querySelectorAll('main tbody tr:has(.pill.warn) a.row')].map((it) => it.pathname)";
    let way = texts(browser, ways).await.first().cloned().expect("a correction waits");
    open(browser, demo, &way).await;
    send(browser, &format!("form[action='{way}/approve']"), &[]).await;
    let forms =
        texts(browser, "[...document.querySelectorAll('main form')].map((it) => it.getAttribute('action'))").await;
    assert!(!forms.contains(&format!("{way}/approve")), "it is agreed to, once: {forms:?}");
}

/// Makes a cycle and closes it; gives its page once it can be looked at.
async fn closed(browser: &WebDriver, demo: &Demo) -> String {
    open(browser, demo, "/cycles/new").await;
    let days = [("from", "2026-01-01"), ("to", "2026-01-31")];
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
