//! An account over a day or some days: who held it, was rostered and punched in, what came, and whose it is.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::Account;
use tally_api::performance::v1::Credit;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::duty::{self, Source};
use super::lanes::{self, Day, Dot, Drawing, Point, Span, Sure};
use super::moments::{self, Facts};
use crate::format::zone_name;
use crate::names::{self, Names};
use crate::ui::form::Choice;
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// How many days may be shown at once.
const DAYS: [u8; 3] = [1, 3, 7];

#[derive(Template)]
#[template(path = "team/timeline.html")]
struct Timeline {
    ui: Ui,
    path: String,
    day: String,
    spans: Vec<(u8, String, bool)>,
    sources: Vec<Choice>,
    of: String,
    /// What to know before: a tone and a sentence.
    notes: Vec<(&'static str, String)>,
    days: Vec<Shown>,
    previous: String,
    next: String,
    table: Table,
    /// The table is open, since something of it is asked for.
    open: bool,
}

/// A day as it is shown.
struct Shown {
    /// Its id in the page.
    id: String,
    title: String,
    /// What is drawn, in a sentence.
    said: String,
    drawing: Drawing,
    /// Who was on duty, by which rule, from when to when, and by what evidence.
    duty: Vec<[String; 4]>,
    /// Who was to work.
    shifts: Vec<[String; 3]>,
    /// When nobody was on duty: from when to when, and what came meanwhile.
    gaps: Vec<(String, bool)>,
}

/// `GET /team/accounts/{id}?day=&days=&of=`.
pub async fn timeline(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.list(Box::pin(shown(&visit, &id)).await, |page| &page.table)
}

async fn shown(visit: &Visit, id: &str) -> Result<Timeline> {
    let asked = visit.asked();
    let (accounts, sources) = futures::try_join!(names::accounts(visit), duty::sources(visit))?;
    let account = accounts.into_iter().find(|account| account.account_id == id);
    let account = account.ok_or_else(|| Error::of(Kind::NotFound, msg!("UI_NOTHING_THERE")))?;
    let ui = visit.ui(&msg!("NAV_TEAM_ACCOUNTS")).below("/team/accounts", visit.ui(&msg!("NAV_TEAM_ACCOUNTS")).title);
    let ui = ui.titled(duty::account_name(&account));
    let zone = duty::zone_of(&ui, &account);
    let done: Vec<Source> = sources.into_iter().filter(|source| source.is_done).collect();
    let first = first_day(&ui, &asked, &done, &zone);
    let source = duty::chosen(&done, asked.get("of"), |source| source.has(&first.to_string()))?;
    let span = asked.get("days").parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(1);
    let days: Vec<Date> = (0..i64::from(span)).filter_map(|at| first.checked_add(at.days()).ok()).collect();
    let window = window(&days, &zone)?;
    let (people, facts, (credits, credited)) = futures::try_join!(
        names::people(visit),
        moments::facts(visit, &account, source, (&days, window)),
        credited(visit, source, &account.account_id, window)
    )?;
    let reader = Reader { ui: &ui, people: &people, account: &account, zone: &zone, source };
    let order = reader.order(&facts, credited);
    let dots = reader.dots(&facts, &credits, &order);
    let shown = days.iter().map(|day| reader.day(*day, &facts, &dots, &order)).collect::<Result<Vec<_>>>()?;
    let table = reader.table(&asked, &facts, &credits);
    let path = format!("/team/accounts/{id}");
    let to = |days: i64| {
        let day = first.checked_add(days.days()).unwrap_or(first).to_string();
        asked.with(&path, &[("day", &day), ("page", ""), ("q", "")])
    };
    Ok(Timeline {
        day: first.to_string(),
        spans: DAYS.map(|days| (days, ui.say(&msg!("UI_TEAM_DAYS", count = usize::from(days))), days == span)).to_vec(),
        sources: duty::choices(&ui, &done),
        of: source.map(|source| source.id.clone()).unwrap_or_default(),
        notes: notes(&ui, &zone, window.0, source, &dots),
        previous: to(-i64::from(span)),
        next: to(i64::from(span)),
        open: asked.others().count() < asked_names(&asked) || asked.wants_export(),
        days: shown,
        table,
        path,
        ui,
    })
}

/// How many names the address has in all.
fn asked_names(asked: &Asked) -> usize {
    let own = ["q", "sort", "cols", "group", "page", "size"];
    asked.others().count() + own.iter().filter(|name| !asked.get(name).is_empty()).count()
}

/// The day that is asked for; else today, or the last day that has credits where today has none.
fn first_day(ui: &Ui, asked: &Asked, sources: &[Source], zone: &TimeZone) -> Date {
    let today = ui.now().to_zoned(zone.clone()).date();
    let wanted = sources.iter().find(|source| source.id == asked.get("of"));
    let newest = wanted.or_else(|| sources.first()).map(|source| source.period.clone()).unwrap_or_default();
    let (from, to) = (newest.from.parse().unwrap_or(today), newest.to.parse().unwrap_or(today));
    let usual = if wanted.is_some() { today.clamp(from, to) } else { today.min(to.max(from)) };
    asked.get("day").parse().unwrap_or(usual)
}

/// From the beginning of the first day to the end of the last.
fn window(days: &[Date], zone: &TimeZone) -> Result<(Timestamp, Timestamp)> {
    let refused = |_| Error::of(Kind::InvalidArgument, msg!("UI_NOTHING_THERE"));
    let (first, last) = (days.first().copied().unwrap_or_default(), days.last().copied().unwrap_or_default());
    let at = |day: Date| day.to_zoned(zone.clone()).map(|at| at.timestamp()).map_err(refused);
    Ok((at(first)?, at(last.checked_add(1.day()).map_err(refused)?)?))
}

async fn credited(
    visit: &Visit,
    source: Option<&Source>,
    account: &str,
    window: (Timestamp, Timestamp),
) -> Result<(Vec<Credit>, BTreeSet<String>)> {
    match source {
        Some(source) if visit.me().may(Permission::CreditRead) => duty::credits(visit, source, account, window).await,
        _ => Ok(Default::default()),
    }
}

fn notes(
    ui: &Ui,
    zone: &TimeZone,
    at: Timestamp,
    source: Option<&Source>,
    dots: &[Dot],
) -> Vec<(&'static str, String)> {
    let mut notes = Vec::new();
    if source.is_none() {
        notes.push(("warn", ui.t("UI_TEAM_NOT_CREDITED_YET")));
    }
    let nobody = dots.iter().filter(|dot| dot.sure == Sure::Nobody).count();
    if nobody > 0 {
        notes.push(("bad", ui.say(&msg!("UI_TEAM_CREDITED_TO_NOBODY", count = nobody))));
    }
    let (zone, offset) = (zone.iana_name().unwrap_or("UTC").to_owned(), zone_name(at, zone));
    notes.push(("plain", ui.say(&msg!("UI_TEAM_TIMES_IN", zone, offset))));
    notes
}

/// What everything of the page is written with.
struct Reader<'a> {
    ui: &'a Ui,
    people: &'a Names,
    account: &'a Account,
    zone: &'a TimeZone,
    source: Option<&'a Source>,
}

impl Reader<'_> {
    /// The people of the page, in an order that stays from day to day: those with credits of the account, by name, then whoever else was there.
    fn order(&self, facts: &Facts, credited: BTreeSet<String>) -> Vec<String> {
        let mut others = facts.people();
        others.retain(|person| !credited.contains(person));
        let sorted = |set: BTreeSet<String>| {
            let mut all: Vec<_> = set.into_iter().map(|id| (self.people.said(&id), id)).collect();
            all.sort_by(|a, b| self.ui.format.order(&a.0, &b.0));
            all.into_iter().map(|(_, id)| id)
        };
        sorted(credited).chain(sorted(others)).collect()
    }

    fn time(&self, at: i64) -> String {
        Timestamp::from_second(at).map(|at| self.ui.format.time_in(at, self.zone)).unwrap_or_default()
    }

    fn times(&self, from: i64, to: i64) -> String {
        format!("{}–{}", self.time(from), self.time(to))
    }

    /// Whose a record is, in words.
    fn shares(&self, credit: &Credit) -> String {
        let mut parts: Vec<_> = credit.shares.iter().collect();
        parts.sort_by_key(|share| std::cmp::Reverse(share.ppm));
        let share = |ppm: u32| self.ui.format.percent(ppm);
        let mut said: Vec<_> =
            parts.iter().map(|it| format!("{} {}", self.people.said(&it.person_id), share(it.ppm))).collect();
        if credit.others_ppm > 0 {
            said.push(format!("{} {}", self.ui.t("UI_TEAM_OTHERS"), share(credit.others_ppm)));
        }
        if said.is_empty() { self.ui.t("UI_TEAM_NOBODY") } else { said.join(&self.ui.t("LIST_SEPARATOR")) }
    }

    fn href(&self, external_id: &str) -> String {
        let of = self.source.map(|source| format!("?of={}", source.id)).unwrap_or_default();
        format!("/team/records/{}/{}{of}", self.account.account_id, duty::encoded(external_id))
    }

    fn dots(&self, facts: &Facts, credits: &[Credit], order: &[String]) -> Vec<Dot> {
        let credits: BTreeMap<&str, &Credit> = credits.iter().map(|it| (it.external_id.as_str(), it)).collect();
        let dot = |record: &tally_api::performance::v1::Record| {
            let second = |at: &Option<prost_types::Timestamp>| at.as_ref().map(|at| at.seconds).unwrap_or_default();
            let (from, to) = (second(&record.started_at), second(&record.ended_at));
            let credit = credits.get(record.external_id.as_str());
            let place = |person: &str| order.iter().position(|id| id == person);
            let mut parts: Vec<_> = credit
                .iter()
                .flat_map(|it| &it.shares)
                .filter_map(|it| Some((place(&it.person_id)?, it.ppm)))
                .collect();
            parts.sort_by_key(|(place, ppm)| (std::cmp::Reverse(*ppm), *place));
            let rung = credit.map(|it| self.ui.t(it.rung().as_str_name())).unwrap_or_default();
            let whose = credit.map(|it| self.shares(it)).unwrap_or_else(|| self.ui.t("UI_TEAM_NOT_CREDITED"));
            Dot {
                from,
                to,
                parts,
                sure: credit.map_or(Sure::Open, |it| duty::sure(it.rung())),
                href: self.href(&record.external_id),
                said: format!("{} {}: {whose}. {rung}", self.times(from, to), record.external_id).trim_end().to_owned(),
            }
        };
        facts.records.iter().filter(|it| it.refers_to.is_empty()).map(dot).collect()
    }

    fn day(&self, day: Date, facts: &Facts, dots: &[Dot], order: &[String]) -> Result<Shown> {
        let (from, to) = window(&[day], self.zone)?;
        let (from, to) = (from.as_second(), to.as_second());
        let within = |span: &&Span| span.from < to && span.to > from;
        let input = Day {
            from,
            to,
            hours: self.hours(day),
            duty: self.spans(&facts.duty, order, "UI_TEAM_ON_DUTY"),
            shifts: self.spans(&facts.shifts, order, "UI_TEAM_ROSTERED"),
            presence: self.spans(&facts.presence, order, "UI_TEAM_PUNCHED"),
            points: self.points(facts, order),
            records: dots.iter().filter(|dot| dot.from >= from && dot.from < to).cloned().collect(),
            names: order.iter().map(|id| self.people.said(id)).collect(),
            mirrored: self.ui.dir() == "rtl",
        };
        let name = |person: usize| order.get(person).map(|id| self.people.said(id)).unwrap_or_default();
        let rules: BTreeMap<(usize, i64), (&str, &str)> = facts
            .duty
            .iter()
            .filter_map(|it| Some(((place(order, &it.person)?, it.from), (it.kind, it.evidence.as_str()))))
            .collect();
        let duty = input.duty.iter().filter(within).map(|span| {
            let (rule, evidence) = rules.get(&(span.person, span.from)).copied().unwrap_or_default();
            [name(span.person), self.times(span.from, span.to), self.ui.word(rule), evidence.replace('+', " + ")]
        });
        let shifts = input.shifts.iter().filter(within);
        let gaps = lanes::gaps(&input);
        let records = input.records.len();
        let title = self.ui.format.weekday(day);
        Ok(Shown {
            id: format!("day-{day}"),
            said: self.ui.say(&msg!("UI_TEAM_DAY_DRAWN", day = title.clone(), records, gaps = gaps.len())),
            title,
            duty: duty.collect(),
            shifts: shifts.map(|span| [name(span.person), self.times(span.from, span.to), span.said.clone()]).collect(),
            gaps: gaps.iter().map(|(from, to, busy)| (self.times(*from, *to), *busy)).collect(),
            drawing: lanes::draw(&input),
        })
    }

    fn hours(&self, day: Date) -> Vec<(i64, String)> {
        let at = |hour: i8| {
            let at = day.at(hour, 0, 0, 0).to_zoned(self.zone.clone()).ok()?;
            Some((at.timestamp().as_second(), format!("{hour:02}:00")))
        };
        [3, 6, 9, 12, 15, 18, 21].into_iter().filter_map(at).collect()
    }

    fn spans(&self, all: &[moments::Stretch], order: &[String], label: &str) -> Vec<Span> {
        let span = |it: &moments::Stretch| {
            let person = place(order, &it.person)?;
            let said =
                format!("{}: {}, {}", self.people.said(&it.person), self.ui.t(label), self.times(it.from, it.to));
            Some(Span { person, from: it.from, to: it.to, kind: moments::class(it.kind), said })
        };
        all.iter().filter_map(span).collect()
    }

    fn points(&self, facts: &Facts, order: &[String]) -> Vec<Point> {
        let point = |(person, at, kind): &(String, i64, &'static str)| {
            let person_at = place(order, person)?;
            let said = format!("{}: {}, {}", self.people.said(person), self.ui.word(kind), self.time(*at));
            Some(Point { person: person_at, at: *at, kind: moments::class(kind), said })
        };
        facts.points.iter().filter_map(point).collect()
    }

    fn table(&self, asked: &Asked, facts: &Facts, credits: &[Credit]) -> Table {
        let credits: BTreeMap<&str, &Credit> = credits.iter().map(|it| (it.external_id.as_str(), it)).collect();
        let ui = self.ui;
        let columns = vec![
            Column::text(ui, "record", "UI_TEAM_RECORD"),
            Column::text(ui, "began", "UI_TEAM_BEGAN"),
            Column::text(ui, "ended", "UI_TEAM_ENDED").hidden(),
            Column::text(ui, "whose", "UI_TEAM_WHOSE"),
            Column::text(ui, "sure", "UI_TEAM_HOW_SURE").filtered(),
            Column::text(ui, "kind", "UI_TEAM_KIND").filtered(),
            Column::text(ui, "evidence", "UI_TEAM_EVIDENCE").hidden(),
        ];
        let row = |record: &tally_api::performance::v1::Record| {
            let credit = credits.get(record.external_id.as_str());
            let moment = |at: &Option<prost_types::Timestamp>| {
                let at = at.as_ref().and_then(instant);
                let said = at.map(|at| ui.format.moment_in(at, self.zone)).unwrap_or_default();
                Cell::when(said, at.map(Timestamp::as_second).unwrap_or_default())
            };
            Row {
                id: record.record_id.clone(),
                href: self.href(&record.external_id),
                cells: vec![
                    Cell::code(&record.external_id),
                    moment(&record.started_at),
                    moment(&record.ended_at),
                    Cell::text(credit.map(|it| self.shares(it)).unwrap_or_else(|| ui.t("UI_TEAM_NOT_CREDITED"))),
                    credit
                        .map_or(Cell::text(""), |it| Cell::pill(ui.t(it.rung().as_str_name()), duty::tone(it.rung()))),
                    Cell::text(&record.kind),
                    Cell::text(credit.map(|it| it.evidence.clone()).unwrap_or_default()),
                ],
            }
        };
        let rows = facts.records.iter().map(row).collect();
        Table::new(ui, ("records", "UI_TEAM_RECORDS", "UI_TEAM_NO_RECORDS"), asked, columns, rows)
    }
}

fn place(order: &[String], person: &str) -> Option<usize> {
    order.iter().position(|id| id == person)
}
