//! What people should look at: the findings of a cycle or a run, each with what to do about it, and putting one right.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use jiff::Timestamp;
use tally_access::Permission;
use tally_api::attendance::v1::Account;
use tally_api::common::v1::Finding;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::finding_service_client::FindingServiceClient;
use tally_api::performance::v1::{ApplyFixRequest, GetFindingRequest, ListFindingsRequest, ListPersonFindingsRequest};
use tally_kernel::{Result, msg};

use super::duty::{self, Source};
use super::fix::{self, Words};
use crate::act;
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// By what the list is grouped where nothing else is asked for, and what stands for no groups at all.
const GROUPED: &str = "kind";
const NOT_GROUPED: &str = "none";

/// A finding as people read it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub id: String,
    pub kind: String,
    /// Whom or what it is about.
    pub subject: String,
    pub at: String,
    pub detail: String,
    pub advice: String,
    pub fixable: bool,
    /// Its page.
    pub href: String,
    second: i64,
}

#[derive(Template)]
#[template(path = "team/findings.html")]
struct List {
    ui: Ui,
    sources: Vec<Choice>,
    of: String,
    /// How many can be put right at once.
    said: String,
    table: Table,
}

#[derive(Template)]
#[template(path = "team/finding.html")]
struct One {
    ui: Ui,
    told: Told,
    /// What the fix does, in a sentence; empty where there is none.
    fix: String,
    /// What to know of it.
    note: String,
    form: Option<Form>,
    /// Where to look: what it is called, and its address.
    ways: Vec<(String, String)>,
    back: String,
}

/// `GET /team/findings?of=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_FINDINGS"));
    let asked = grouped(visit.asked(), ui.here());
    let (sources, people) = futures::try_join!(duty::sources(visit), names::people(visit))?;
    let source = duty::chosen(&sources, asked.get("of"), |_| true)?;
    let found = all(visit, source, "").await?;
    let of = source.map(|it| it.id.clone()).unwrap_or_default();
    let told = told_of(&ui, &found, &people, &of);
    let fixable = told.iter().filter(|it| it.fixable).count();
    Ok(List {
        sources: duty::choices(&ui, &sources),
        said: if fixable > 0 { ui.say(&msg!("UI_TEAM_FIXABLE", count = fixable)) } else { String::new() },
        table: table(&ui, &asked, told),
        of,
        ui,
    })
}

/// The list is by kind, unless the address says otherwise; what says that it is not grouped at all must stay in all addresses of the page.
fn grouped(asked: Asked, here: &str) -> Asked {
    if !asked.get("group").is_empty() {
        return asked;
    }
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let chosen = query.split('&').any(|pair| pair == "group=");
    let mut pairs: Vec<_> =
        form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| name != "group").collect();
    pairs.push(("group".to_owned(), if chosen { NOT_GROUPED } else { GROUPED }.to_owned()));
    Asked::of(pairs)
}

async fn all(visit: &Visit, source: Option<&Source>, person_id: &str) -> Result<Vec<Finding>> {
    let Some(source) = source else { return Ok(Vec::new()) };
    let (cycle_id, attribution_run_id) = source.ids();
    let client = AttributionServiceClient::new(visit.channel("performance")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListFindingsRequest {
            cycle_id: cycle_id.clone(),
            attribution_run_id: attribution_run_id.clone(),
            page_size: AT_ONCE,
            page_token,
            person_id: person_id.to_owned(),
        };
        let page = client.clone().list_findings(visit.request(ask)).await?.into_inner();
        Ok((page.findings, page.next_page_token))
    })
    .await
}

/// What is odd about somebody by the newest run that tells of them, which may be none that the reader sees as a whole.
///
/// # Errors
/// What performance refuses.
pub async fn of_person(visit: &Visit, id: &str) -> Result<Vec<Finding>> {
    let client = FindingServiceClient::new(visit.channel("performance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListPersonFindingsRequest { person_id: id.to_owned(), page_size: AT_ONCE, page_token };
        let page = client.clone().list_person_findings(visit.request(ask)).await?.into_inner();
        Ok((page.findings, page.next_page_token))
    })
    .await
}

/// Findings as people read them; `of` is whose they are, for their pages.
pub fn told_of(ui: &Ui, found: &[Finding], people: &Names, of: &str) -> Vec<Told> {
    let one = |finding: &Finding| {
        let at = finding.at.parse::<Timestamp>().ok();
        let person = &finding.person_id;
        let id = finding.finding_id.clone();
        Told {
            kind: kind(ui, &finding.kind),
            subject: if person.is_empty() { finding.subject.clone() } else { people.said(person) },
            at: at.map(|at| ui.format.moment(at)).unwrap_or_default(),
            second: at.map(Timestamp::as_second).unwrap_or_default(),
            detail: finding.detail.clone(),
            advice: finding.advice.clone(),
            fixable: finding.fix.as_ref().is_some_and(|it| fix::allowed(ui, &it.method)),
            href: if id.is_empty() { String::new() } else { format!("/team/findings/{id}?of={of}&person={person}") },
            id,
        }
    };
    found.iter().map(one).collect()
}

/// What a kind means.
fn kind(ui: &Ui, kind: &str) -> String {
    tally_i18n::named(ui.locale(), &format!("KIND_{kind}")).unwrap_or_else(|| kind.to_owned())
}

fn table(ui: &Ui, asked: &Asked, told: Vec<Told>) -> Table {
    let columns = vec![
        Column::text(ui, "detail", "UI_TEAM_WHAT_WAS_SEEN"),
        Column::text(ui, "kind", "UI_TEAM_KIND").filtered().hidden(),
        Column::text(ui, "subject", "UI_TEAM_ABOUT").filtered(),
        Column::text(ui, "at", "UI_TEAM_WHEN"),
        Column::text(ui, "advice", "UI_TEAM_WHAT_TO_DO"),
        Column::text(ui, "fix", "UI_TEAM_FIX").filtered(),
    ];
    let row = |it: Told| Row {
        id: it.id,
        href: it.href,
        cells: vec![
            Cell::text(it.detail),
            Cell::text(it.kind),
            Cell::text(it.subject),
            if it.at.is_empty() { Cell::text("") } else { Cell::when(it.at, it.second) },
            Cell::text(it.advice),
            if it.fixable { Cell::pill(ui.t("UI_TEAM_FIX_THERE"), "good") } else { Cell::text("") },
        ],
    };
    Table::new(
        ui,
        ("findings", "NAV_FINDINGS", "UI_TEAM_NO_FINDINGS"),
        asked,
        columns,
        told.into_iter().map(row).collect(),
    )
}

/// `GET /team/findings/{id}?of=`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(found(&visit, &id).await.map(|(page, _)| page))
}

/// `POST /team/findings/{id}`: puts it right.
pub async fn apply(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let (mut page, method) = match found(&visit, &id).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    match applied(&visit, &id, &sent).await {
        Ok(()) => visit.done(&page.back, fix::done(&method)),
        Err(error) => {
            page.form = page.form.map(|form| form.refused(&page.ui, sent.fields(), &error));
            visit.wrong(Ok(page), &error)
        }
    }
}

async fn applied(visit: &Visit, id: &str, sent: &Sent) -> Result<()> {
    act::all_right(act::missing(sent, &["reason"]))?;
    let mut client = FindingServiceClient::new(visit.channel("performance")?);
    let (finding_id, reason) = (id.to_owned(), sent.get("reason").to_owned());
    told(client.apply_fix(visit.request(ApplyFixRequest { request_id: sent.request_id(), finding_id, reason })))
        .await?;
    Ok(())
}

async fn get(visit: &Visit, id: &str) -> Result<Finding> {
    let mut client = FindingServiceClient::new(visit.channel("performance")?);
    let ask = GetFindingRequest { finding_id: id.to_owned() };
    Ok(told(client.get_finding(visit.request(ask))).await?.finding.unwrap_or_default())
}

/// The page of one, and what its fix calls.
async fn found(visit: &Visit, id: &str) -> Result<(One, String)> {
    let (finding, people, accounts) = futures::try_join!(get(visit, id), names::people(visit), names::accounts(visit))?;
    let of = visit.asked().get("of").to_owned();
    let back = format!("/team/findings?of={of}");
    let ui = visit.ui(&msg!("NAV_FINDINGS")).below(back.clone(), visit.ui(&msg!("NAV_FINDINGS")).title);
    let title = kind(&ui, &finding.kind);
    let ui = ui.titled(title);
    let told = told_of(&ui, std::slice::from_ref(&finding), &people, &of).into_iter().next().unwrap_or_default();
    let words = Words { ui: &ui, people: &people, accounts: &accounts };
    let (fix, method) = finding.fix.as_ref().map(|it| (words.sentence(it), it.method.clone())).unwrap_or_default();
    let form = told.fixable.then(|| {
        let reason = Field::new(&ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT"));
        Form::new(&ui, format!("/team/findings/{id}?of={of}"), "fix", "UI_TEAM_PUT_IT_RIGHT").with(reason)
    });
    let page = One {
        note: match (&form, fix.is_empty()) {
            (Some(_), _) => ui.t(fix::note(&method)),
            (None, true) => ui.t("UI_TEAM_FIX_NONE"),
            (None, false) => ui.t("UI_TEAM_FIX_NOT_YOURS"),
        },
        ways: ways(&ui, &finding, &accounts, &of),
        told,
        fix,
        form,
        back,
        ui,
    };
    Ok((page, method))
}

/// Where to look: the account on that day, and the person.
fn ways(ui: &Ui, finding: &Finding, accounts: &[Account], of: &str) -> Vec<(String, String)> {
    let mut ways = Vec::new();
    let named = |key: &str| accounts.iter().find(|it| it.key == key);
    let account =
        named(&finding.subject).or_else(|| finding.arguments.iter().find_map(|argument| named(&argument.value)));
    if let Some(account) = account
        && ui.me().is_some_and(|me| me.may(Permission::RecordRead))
    {
        let zone = duty::zone_of(ui, account);
        let day = finding.at.parse::<Timestamp>().map(|at| at.to_zoned(zone).date().to_string()).unwrap_or_default();
        ways.push((duty::account_name(account), format!("/team/accounts/{}?day={day}&of={of}", account.account_id)));
    }
    if !finding.person_id.is_empty() {
        ways.push((ui.t("UI_TEAM_TO_THE_CARD"), format!("/team/people/{}", finding.person_id)));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(here: &str) -> String {
        let query = here.split_once('?').map_or("", |(_, query)| query);
        let asked = Asked::of(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        grouped(asked, here).get("group").to_owned()
    }

    #[test]
    fn findings_are_grouped_by_kind_until_something_else_is_asked() {
        assert_eq!(group("/team/findings"), GROUPED);
        assert_eq!(group("/team/findings?of=1&q=a"), GROUPED);
        assert_eq!(group("/team/findings?group=&q=a"), NOT_GROUPED);
        assert_eq!(group("/team/findings?group=none"), NOT_GROUPED);
        assert_eq!(group("/team/findings?group=subject"), "subject");
    }
}
