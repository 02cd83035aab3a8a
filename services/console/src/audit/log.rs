//! The search of the log: all five services at once, by person, by account or by thing, newest first.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use futures::future::join_all;
use http::Response;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use tally_access::Permission;
use tally_api::common::v1::{AuditEntry, SearchAuditRequest, SearchAuditResponse};
use tally_kernel::{Error, Kind, Message, Result, msg};
use tonic::Status;

use super::merge::{Place, Told, merged};
use crate::pay::names::{self, Named};
use crate::pay::shared;
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::ui::{Ui, as_sent, instant};
use crate::visit::Visit;

/// The services, each with a log of its own.
pub const SERVICES: [&str; 5] = ["identity", "attendance", "performance", "compensation", "talent"];
/// Entries of a page.
const PAGE: usize = 50;
/// Kinds of things that the logs tell of, for the form.
const SUBJECTS: [&str; 22] = [
    "account",
    "attribution_run",
    "break_glass",
    "claim",
    "correction",
    "cycle",
    "delegation",
    "erasure",
    "finding",
    "grant",
    "handover",
    "hold",
    "org_unit",
    "pay_correction",
    "pool",
    "punch",
    "rate",
    "record",
    "role",
    "scheme",
    "settlement",
    "transfer",
];

#[derive(Template)]
#[template(path = "audit/log.html")]
struct Log {
    ui: Ui,
    /// What was asked, for the form.
    ask: Ask,
    subjects: Vec<(&'static str, String)>,
    /// Sign-in names that may be typed.
    logins: Vec<String>,
    /// What is wrong with what was asked.
    wrong: String,
    /// Services that did not answer: the list is not whole.
    silent: String,
    /// Empty where nothing was asked yet.
    table: Table,
    is_asked: bool,
    /// The way to older entries, or empty.
    older: String,
    /// The way to the newest ones, where these are not.
    newest: String,
}

/// What the address asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ask {
    /// `person`, `account` or `thing`.
    by: String,
    /// An employee number or the id of a person; a sign-in name or the id of an account.
    who: String,
    subject: String,
    id: String,
    from: String,
    to: String,
}

impl Ask {
    fn of(asked: &Asked) -> Self {
        let get = |name: &str| asked.get(name).trim().to_owned();
        let by = if asked.get("by").is_empty() { "person".to_owned() } else { get("by") };
        Self { by, who: get("who"), subject: get("subject"), id: get("id"), from: get("from"), to: get("to") }
    }

    fn is_by(&self, by: &str) -> bool {
        self.by == by
    }

    fn is_empty(&self) -> bool {
        if self.is_by("thing") { self.id.is_empty() } else { self.who.is_empty() }
    }
}

/// `GET /audit/log?by=&who=&subject=&id=&from=&to=`.
pub async fn log(visit: Visit) -> Response<Body> {
    visit.list(shown(&visit).await, |page| &page.table)
}

async fn shown(visit: &Visit) -> Result<Log> {
    shared::must(visit, Permission::AuditRead)?;
    let ui = visit.ui(&msg!("NAV_AUDIT_LOG"));
    let asked = visit.asked();
    let ask = Ask::of(&asked);
    let places = SERVICES.map(|service| (service, Place::read(asked.get(&format!("at.{service}")))));
    let (logins, found) = asked_for(visit, &ui, &ask, &places).await?;
    let subjects = SUBJECTS.iter().map(|kind| (*kind, thing(&ui, kind))).collect();
    let names = logins.values().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let mut page = Log {
        ask,
        subjects,
        logins: names,
        wrong: String::new(),
        silent: String::new(),
        table: table(&ui, &asked, &[], &Known { logins: &logins, people: &BTreeMap::new() }),
        is_asked: false,
        older: String::new(),
        newest: String::new(),
        ui: ui.clone(),
    };
    let (told, silent) = match found {
        Some(Ok(found)) => found,
        Some(Err(wrong)) => return Ok(Log { wrong, ..page }),
        None => return Ok(page),
    };
    let (entries, next) = merged(told, places.into_iter().collect(), PAGE);
    page.silent = silent.iter().map(|service| service_name(&ui, service)).collect::<Vec<_>>().join(", ");
    let people = people_of(visit, &entries).await?;
    page.table = table(&ui, &asked, &entries, &Known { logins: &logins, people: &people });
    page.is_asked = true;
    (page.older, page.newest) = ways(&ui, &asked, &next);
    Ok(page)
}

/// The ways to older entries and back to the newest, each empty where there is none.
fn ways(ui: &Ui, asked: &Asked, next: &BTreeMap<&'static str, Place>) -> (String, String) {
    let keys: Vec<_> = SERVICES.iter().map(|service| format!("at.{service}")).collect();
    let texts: Vec<_> = SERVICES.iter().map(|it| next.get(it).map(Place::text).unwrap_or_default()).collect();
    let pairs: Vec<_> = keys.iter().zip(&texts).map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let none: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
    let (more, begun) = (next.values().any(|place| !place.over), keys.iter().any(|key| !asked.get(key).is_empty()));
    let way = |there: bool, pairs: &[(&str, &str)]| if there { asked.with(ui.path(), pairs) } else { String::new() };
    (way(more, &pairs), way(begun, &none))
}

/// What the logs say, or what is wrong with the question; nothing where none was asked yet.
type Found = Option<Result<(Answers, Vec<&'static str>), String>>;

/// The sign-in names, and what was found: at once, where the question does not name somebody by one.
async fn asked_for(
    visit: &Visit,
    ui: &Ui,
    ask: &Ask,
    places: &[(&'static str, Place)],
) -> Result<(BTreeMap<String, String>, Found)> {
    if ask.is_empty() {
        return Ok((names::logins(visit).await?, None));
    }
    if ask.is_by("account") {
        let logins = names::logins(visit).await?;
        let found = found(visit, ui, (ask, &logins), places).await?;
        return Ok((logins, Some(found)));
    }
    let none = BTreeMap::new();
    let (logins, found) = futures::try_join!(names::logins(visit), found(visit, ui, (ask, &none), places))?;
    Ok((logins, Some(found)))
}

async fn found(
    visit: &Visit,
    ui: &Ui,
    (ask, logins): (&Ask, &BTreeMap<String, String>),
    places: &[(&'static str, Place)],
) -> Result<Result<(Answers, Vec<&'static str>), String>> {
    match request(visit, ui, ask, logins).await {
        Ok(request) => told(visit, &request, places).await.map(Ok),
        Err(error) if matches!(error.kind(), Kind::InvalidArgument | Kind::NotFound) => {
            Ok(Err(tally_i18n::sentence(ui.locale(), &error)))
        }
        Err(error) => Err(error),
    }
}

/// What the services are asked.
async fn request(visit: &Visit, ui: &Ui, ask: &Ask, logins: &BTreeMap<String, String>) -> Result<SearchAuditRequest> {
    let zone = ui.format.zone();
    let day = |text: &str, next: bool| -> Result<Option<prost_types::Timestamp>> {
        if text.is_empty() {
            return Ok(None);
        }
        let at = begins(text, next).and_then(|at| at.to_zoned(zone.clone()).ok());
        let at: Option<Timestamp> = at.map(|at| at.timestamp());
        at.map(|at| Some(as_sent(at))).ok_or_else(|| refused(msg!("UI_AUDIT_NO_DAY", text)))
    };
    let mut request = SearchAuditRequest {
        from: day(&ask.from, false)?,
        to: day(&ask.to, true)?,
        page_size: PAGE as u32,
        ..Default::default()
    };
    match ask.by.as_str() {
        "person" => request.person_id = person(visit, &ask.who).await?,
        "account" => request.principal_id = account(&ask.who, logins)?,
        _ => (request.subject, request.subject_id) = (ask.subject.clone(), ask.id.clone()),
    }
    Ok(request)
}

fn refused(message: Message) -> Error {
    Error::of(Kind::InvalidArgument, message)
}

/// The first moment of a day, or of the one behind it: both ends of a search are days that count.
fn begins(day: &str, next: bool) -> Option<DateTime> {
    let day: Date = day.parse().ok()?;
    let day = if next { day.tomorrow().ok()? } else { day };
    Some(day.at(0, 0, 0, 0))
}

/// A person by an id, as links have it, or by an employee number, as people do.
async fn person(visit: &Visit, who: &str) -> Result<String> {
    if is_id(who) {
        return Ok(who.to_owned());
    }
    let found = names::numbered(visit, who).await;
    found.map(|person| person.person_id).map_err(|error| match error.kind() {
        Kind::NotFound | Kind::InvalidArgument => refused(msg!("UI_AUDIT_NOBODY", text = who)),
        _ => error,
    })
}

fn account(who: &str, logins: &BTreeMap<String, String>) -> Result<String> {
    if is_id(who) {
        return Ok(who.to_owned());
    }
    let found = logins.iter().find(|(_, login)| *login == who).map(|(id, _)| id.clone());
    found.ok_or_else(|| refused(msg!("UI_AUDIT_NO_ACCOUNT", text = who)))
}

/// Whether a text is a UUID.
fn is_id(text: &str) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    text.len() == 36
        && text
            .char_indices()
            .all(|(at, sign)| if DASHES.contains(&at) { sign == '-' } else { sign.is_ascii_hexdigit() })
}

type Answers = BTreeMap<&'static str, Told>;

/// Asks all services at once; one that is away is named, and one that refuses decides.
async fn told(
    visit: &Visit,
    request: &SearchAuditRequest,
    places: &[(&'static str, Place)],
) -> Result<(Answers, Vec<&'static str>)> {
    let open = places.iter().filter(|(_, place)| !place.over);
    let asked = open.map(async |(service, place)| (*service, read(visit, service, request, place).await));
    let (mut told, mut silent) = (Answers::new(), Vec::new());
    for (service, answer) in join_all(asked).await {
        match answer {
            Ok(entries) => drop(told.insert(service, entries)),
            Err(error) if error.kind() == Kind::Unavailable => silent.push(service),
            Err(error) => return Err(error),
        }
    }
    Ok((told, silent))
}

/// A page of a service's log from a place on, and the next where the first was shown in part.
async fn read(visit: &Visit, service: &'static str, request: &SearchAuditRequest, place: &Place) -> Result<Told> {
    let mut told = Told::default();
    let mut place = place.clone();
    while !place.over && told.entries.len() < PAGE {
        let request = SearchAuditRequest { page_token: place.token.clone(), ..request.clone() };
        let page = search(visit, service, request).await?;
        place = told.add(&place, page.entries, &page.next_page_token);
    }
    Ok(told)
}

async fn search(visit: &Visit, service: &str, request: SearchAuditRequest) -> Result<SearchAuditResponse> {
    use tally_api::{attendance, compensation, identity, performance, talent};
    let (channel, request) = (visit.channel(service)?, visit.request(request));
    macro_rules! ask {
        ($api:ident) => {
            $api::v1::audit_service_client::AuditServiceClient::new(channel).search_audit(request).await
        };
    }
    let answer: Result<_, Status> = match service {
        "identity" => ask!(identity),
        "attendance" => ask!(attendance),
        "performance" => ask!(performance),
        "compensation" => ask!(compensation),
        _ => ask!(talent),
    };
    answer.map(tonic::Response::into_inner).map_err(tally_rpc::error_from)
}

async fn people_of(visit: &Visit, entries: &[AuditEntry]) -> Result<BTreeMap<String, Named>> {
    let actors = entries.iter().filter_map(|entry| entry.actor.strip_prefix("person:"));
    let things = entries.iter().filter(|entry| entry.subject == "person").map(|entry| entry.subject_id.as_str());
    let ids = actors.chain(things).map(str::to_owned).collect();
    names::people(visit, &ids).await
}

/// The names that are known.
struct Known<'k> {
    logins: &'k BTreeMap<String, String>,
    people: &'k BTreeMap<String, Named>,
}

impl Known<'_> {
    fn person(&self, id: &str) -> Option<String> {
        let named = self.people.get(id)?;
        (!named.name.is_empty()).then(|| format!("{} {}", named.name, named.number))
    }

    /// Who did it: a name, a service, or an account.
    fn actor(&self, ui: &Ui, entry: &AuditEntry) -> String {
        if let Some(name) = entry.actor.strip_prefix("person:").and_then(|id| self.person(id)) {
            return name;
        }
        if let Some(service) = entry.actor.strip_prefix("service:") {
            return ui.say(&msg!("UI_AUDIT_SERVICE", name = service_name(ui, service)));
        }
        if entry.actor == "nobody" {
            return ui.t("UI_AUDIT_NOBODY_SIGNED_IN");
        }
        shared::hands(ui, self.logins, &entry.principal_id)
    }
}

fn table(ui: &Ui, asked: &Asked, entries: &[AuditEntry], known: &Known<'_>) -> Table {
    let columns = vec![
        Column::text(ui, "at", "UI_AUDIT_WHEN"),
        Column::text(ui, "who", "UI_AUDIT_WHO").filtered(),
        Column::text(ui, "what", "UI_AUDIT_WHAT").filtered(),
        Column::text(ui, "thing", "UI_AUDIT_THING"),
        Column::text(ui, "service", "UI_AUDIT_LOG_OF").filtered(),
        Column::text(ui, "notes", "UI_AUDIT_NOTES").hidden(),
        Column::text(ui, "action", "UI_AUDIT_ACTION").hidden(),
        Column::text(ui, "method", "UI_AUDIT_METHOD").hidden(),
        Column::number(ui, "position", "UI_AUDIT_POSITION").hidden(),
        Column::text(ui, "id", "UI_AUDIT_ID").hidden(),
    ];
    let rows = entries.iter().map(|entry| row(ui, entry, known)).collect();
    Table::new(ui, ("log", "NAV_AUDIT_LOG", "UI_AUDIT_NOTHING"), asked, columns, rows)
}

fn row(ui: &Ui, entry: &AuditEntry, known: &Known<'_>) -> Row {
    let at = entry.at.as_ref();
    let said = known.person(&entry.subject_id).filter(|_| entry.subject == "person");
    let named = said.unwrap_or_else(|| thing(ui, &entry.subject));
    let by = format!("/audit/log?by=account&who={}", entry.principal_id);
    let who = Cell::text(known.actor(ui, entry));
    let what = Cell::text(named);
    Row {
        id: entry.entry_id.clone(),
        href: String::new(),
        cells: vec![
            Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second())),
            if is_id(&entry.principal_id) { who.to(by) } else { who },
            Cell::text(said_of(ui, &entry.action)),
            if is_id(&entry.subject_id) { what.to(about(entry)) } else { what },
            Cell::text(service_name(ui, &entry.service)),
            Cell::text(notes(&entry.notes)),
            Cell::code(&entry.action),
            Cell::code(&entry.method),
            Cell::number(ui.format.count(entry.position), entry.position),
            Cell::code(&entry.subject_id),
        ],
    }
}

/// The search for what an entry tells of.
fn about(entry: &AuditEntry) -> String {
    let AuditEntry { subject, subject_id, .. } = entry;
    if subject == "person" {
        return format!("/audit/log?by=person&who={subject_id}");
    }
    format!("/audit/log?by=thing&subject={subject}&id={subject_id}")
}

/// An action in words; one that has none stands as it is.
fn said_of(ui: &Ui, action: &str) -> String {
    let name = format!("DID_{}", action.to_uppercase().replace('.', "_"));
    let said = ui.word(&name);
    if said == name { action.to_owned() } else { said }
}

/// A kind of thing in words.
fn thing(ui: &Ui, subject: &str) -> String {
    let name = format!("THING_{}", subject.to_uppercase());
    let said = ui.word(&name);
    if said == name { subject.to_owned() } else { said }
}

fn service_name(ui: &Ui, service: &str) -> String {
    let name = format!("SERVICE_{}", service.to_uppercase());
    let said = ui.word(&name);
    if said == name { service.to_owned() } else { said }
}

/// Counts, codes and ids: a JSON object of texts, told as `name: value`.
fn notes(json: &str) -> String {
    json.trim_matches(['{', '}']).replace("\",\"", "; ").replace("\":\"", ": ").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_days_of_a_search_count() {
        assert_eq!(begins("2026-03-31", false).map(|at| at.to_string()).as_deref(), Some("2026-03-31T00:00:00"));
        assert_eq!(begins("2026-03-31", true).map(|at| at.to_string()).as_deref(), Some("2026-04-01T00:00:00"));
        assert_eq!(begins("yesterday", true), None);
    }

    #[test]
    fn an_id_is_told_from_a_number_and_a_name() {
        assert!(is_id("019d48ea-7b1c-7000-8000-0123456789ab"));
        assert!(!is_id("10027") && !is_id("payroll") && !is_id("019d48ea-7b1c-7000-8000-0123456789aé"));
    }

    #[test]
    fn notes_are_told_without_their_brackets() {
        assert_eq!(notes(r#"{"from":"draft","to":"approved"}"#), "from: draft; to: approved");
        assert_eq!(notes("{}"), "");
    }

    #[test]
    fn nothing_is_asked_without_somebody_or_something() {
        let of = |pairs: &[(&str, &str)]| {
            Ask::of(&Asked::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
        };
        assert!(of(&[]).is_empty() && of(&[]).is_by("person"));
        assert!(!of(&[("who", "10027")]).is_empty());
        assert!(of(&[("by", "thing"), ("who", "10027"), ("subject", "pool")]).is_empty());
        assert!(!of(&[("by", "thing"), ("subject", "pool"), ("id", "x")]).is_empty());
    }
}
