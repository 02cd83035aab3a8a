//! Who works when on which account: by people or by accounts, for a day, a week or a month.
//!
//! Everybody stands in the list, also who has no shift, so that it is empty only where the reader may see nobody.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tally_access::Permission;
use tally_api::attendance::v1::{Account, Shift};
use tally_api::common::v1::Period;
use tally_api::identity::v1::Person;
use tally_kernel::{Result, msg};

use super::{duty, moments};
use crate::format::zone_name;
use crate::names::{self, Names};
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::Visit;

/// Columns of days: keys stand in the address, and are known beforehand.
const DAYS: [&str; 31] = [
    "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", "d16", "d17",
    "d18", "d19", "d20", "d21", "d22", "d23", "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31",
];

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Day,
    Week,
    Month,
}

impl View {
    const ALL: [(Self, &str, &str); 3] = [
        (Self::Day, "day", "UI_TEAM_VIEW_DAY"),
        (Self::Week, "week", "UI_TEAM_VIEW_WEEK"),
        (Self::Month, "month", "UI_TEAM_VIEW_MONTH"),
    ];

    fn of(asked: &Asked) -> Self {
        let wanted = asked.get("view");
        Self::ALL.into_iter().find(|(_, name, _)| *name == wanted).map_or(Self::Week, |(view, _, _)| view)
    }

    /// The days around one.
    fn days(self, day: Date) -> Vec<Date> {
        let (first, count) = match self {
            Self::Day => (day, 1),
            Self::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                (day.checked_sub(back.days()).unwrap_or(day), 7)
            }
            Self::Month => (day.first_of_month(), i64::from(day.days_in_month())),
        };
        (0..count).filter_map(|at| first.checked_add(at.days()).ok()).collect()
    }
}

#[derive(Template)]
#[template(path = "team/roster.html")]
struct Roster {
    ui: Ui,
    day: String,
    view: &'static str,
    /// Ways to the others: what they are called, where they lead, and whether it is this one.
    views: Vec<(String, String, bool)>,
    sides: Vec<(String, String, bool)>,
    title: String,
    previous: String,
    next: String,
    today: String,
    note: String,
    may_write: bool,
    by: String,
    table: Table,
}

/// `GET /team/roster?view=&day=&by=`.
pub async fn roster(visit: Visit) -> Response<Body> {
    visit.list(shown(&visit).await, |page| &page.table)
}

async fn shown(visit: &Visit) -> Result<Roster> {
    let ui = visit.ui(&msg!("NAV_ROSTER"));
    let asked = visit.asked();
    let today = ui.now().to_zoned(ui.format.zone().clone()).date();
    let (view, day) = (View::of(&asked), asked.get("day").parse().unwrap_or(today));
    let days = view.days(day);
    let (from, to) = (days.first().copied().unwrap_or(day), days.last().copied().unwrap_or(day));
    let period = Some(Period { from: from.to_string(), to: to.to_string() });
    let window = around(from, to);
    let (people, accounts, shifts) = futures::try_join!(
        names::everybody(visit, period, None),
        names::accounts(visit),
        moments::all_shifts(visit, "", window, view != View::Day)
    )?;
    let grid = Grid { ui: &ui, people: &people, accounts: &accounts, shifts: &shifts, days: &days, today };
    let by_accounts = asked.get("by") == "accounts";
    let table = match (by_accounts, view) {
        (true, _) => grid.by_accounts(&asked),
        (false, View::Day) => grid.list(&asked),
        (false, _) => grid.by_people(&asked),
    };
    let path = "/team/roster";
    let link =
        |changes: &[(&str, &str)]| asked.with(path, &[changes, &[("page", ""), ("sort", ""), ("cols", "")]].concat());
    let step = |date: Option<Date>| link(&[("day", &date.unwrap_or(day).to_string())]);
    let views = View::ALL.map(|(it, name, label)| (ui.t(label), link(&[("view", name)]), it == view));
    let side = |label: &str, by: &str, chosen: bool| (ui.t(label), link(&[("by", by)]), chosen);
    Ok(Roster {
        day: day.to_string(),
        view: View::ALL.iter().find(|(it, _, _)| *it == view).map_or("week", |(_, name, _)| name),
        views: views.to_vec(),
        sides: vec![side("UI_TEAM_BY_PEOPLE", "", !by_accounts), side("UI_TEAM_BY_ACCOUNTS", "accounts", by_accounts)],
        title: if view == View::Day {
            ui.format.weekday(day)
        } else {
            ui.format.period(&from.to_string(), &to.to_string())
        },
        previous: step(from.yesterday().ok()),
        next: step(to.tomorrow().ok()),
        today: step(Some(today)),
        note: note(&ui, &accounts, window.0),
        may_write: ui.me().is_some_and(|me| me.may_others(Permission::RosterWrite)),
        by: asked.get("by").to_owned(),
        table,
        ui,
    })
}

/// Some days, wherever they are: a day begins up to a day earlier or later than in UTC.
pub fn around(from: Date, to: Date) -> (Timestamp, Timestamp) {
    let at = |day: Date, hours: i64| {
        let at = day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).unwrap_or_default();
        at.checked_add(hours.hours()).unwrap_or(at)
    };
    (at(from, -14), at(to, 38))
}

/// Which zones the times are of.
fn note(ui: &Ui, accounts: &[Account], at: Timestamp) -> String {
    let mut zones: Vec<_> = accounts.iter().map(|it| it.zone.as_str()).filter(|it| !it.is_empty()).collect();
    zones.sort_unstable();
    zones.dedup();
    match zones[..] {
        [] => String::new(),
        [zone] => {
            let offset = TimeZone::get(zone).map(|it| zone_name(at, &it)).unwrap_or_default();
            ui.say(&msg!("UI_TEAM_TIMES_IN", zone, offset))
        }
        _ => ui.t("UI_TEAM_TIMES_OF_ACCOUNTS"),
    }
}

/// Stretches that touch or overlap, as one.
fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match all.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => all.push((from, to)),
        }
    }
    all
}

/// Between stretches.
fn between(spans: &[(i64, i64)]) -> Vec<(i64, i64)> {
    spans.iter().zip(spans.iter().skip(1)).map(|(one, next)| (one.1, next.0)).collect()
}

struct Grid<'a> {
    ui: &'a Ui,
    people: &'a [Person],
    accounts: &'a [Account],
    shifts: &'a [Shift],
    days: &'a [Date],
    today: Date,
}

/// A shift with its times.
#[derive(Clone, Copy)]
struct Timed<'a> {
    shift: &'a Shift,
    account: Option<&'a Account>,
    from: i64,
    to: i64,
}

impl<'a> Grid<'a> {
    fn zone(&self, account: Option<&Account>) -> TimeZone {
        account.map_or_else(|| self.ui.format.zone().clone(), |it| duty::zone_of(self.ui, it))
    }

    /// The shifts by the day on which they begin, where the account is.
    fn by_day(&self) -> BTreeMap<Date, Vec<Timed<'a>>> {
        let mut days: BTreeMap<Date, Vec<Timed<'a>>> = BTreeMap::new();
        let accounts: BTreeMap<&str, &Account> = self.accounts.iter().map(|it| (it.account_id.as_str(), it)).collect();
        let zones: BTreeMap<&str, TimeZone> =
            self.accounts.iter().map(|it| (it.account_id.as_str(), duty::zone_of(self.ui, it))).collect();
        for shift in self.shifts {
            let second = |at: &Option<prost_types::Timestamp>| at.as_ref().and_then(instant).unwrap_or_default();
            let (from, to) = (second(&shift.start), second(&shift.end));
            let zone = zones.get(shift.account_id.as_str()).unwrap_or(self.ui.format.zone());
            let account = accounts.get(shift.account_id.as_str()).copied();
            let timed = Timed { shift, account, from: from.as_second(), to: to.as_second() };
            days.entry(zone.to_datetime(from).date()).or_default().push(timed);
        }
        days
    }

    fn times(&self, from: i64, to: i64, account: Option<&Account>) -> String {
        let zone = self.zone(account);
        let time = |at: i64| Timestamp::from_second(at).map(|at| self.ui.format.time_in(at, &zone)).unwrap_or_default();
        format!("{}–{}", time(from), time(to))
    }

    /// The same, as short as a month needs it: `08–17`, with minutes where there are some.
    fn hours(&self, from: i64, to: i64, account: Option<&Account>) -> String {
        let zone = self.zone(account);
        let hour = |at: i64| {
            let at = zone.to_datetime(Timestamp::from_second(at).unwrap_or_default());
            at.strftime(if at.minute() == 0 { "%H" } else { "%H:%M" }).to_string()
        };
        format!("{}–{}", hour(from), hour(to))
    }

    fn heads(&self, by: (&'static str, &str)) -> Vec<Column> {
        let ui = self.ui;
        let mut columns = vec![Column::text(ui, by.0, by.1)];
        if by.0 == "name" {
            columns.push(Column::text(ui, "number", "UI_EMPLOYEE_NO"));
            columns.push(Column::text(ui, "unit", "UI_UNIT").filtered().hidden());
        } else {
            columns.push(Column::text(ui, "team", "UI_UNIT").filtered().hidden());
        }
        let long = self.days.len() > 7;
        columns.extend(self.days.iter().zip(DAYS).map(|(day, key)| {
            let label = if long { day.day().to_string() } else { short(self.ui, *day) };
            Column { label, ..Column::text(ui, key, "UI_DAY") }
        }));
        columns
    }

    fn by_people(&self, asked: &Asked) -> Table {
        let by_day = self.by_day();
        let mut of: BTreeMap<(&str, Date), Vec<Timed<'_>>> = BTreeMap::new();
        for (day, shifts) in &by_day {
            for timed in shifts {
                of.entry((timed.shift.person_id.as_str(), *day)).or_default().push(*timed);
            }
        }
        let row = |person: &Person| {
            let cell = |day: &Date| {
                let shifts = of.get(&(person.person_id.as_str(), *day)).map(Vec::as_slice).unwrap_or_default();
                self.shifts_of(shifts, *day, &person.employee_no)
            };
            let unit = person.employments.last().map(|it| it.unit_path.clone()).unwrap_or_default();
            let mut cells = vec![Cell::text(&person.name), Cell::code(&person.employee_no), Cell::text(unit)];
            cells.extend(self.days.iter().map(cell));
            Row { id: person.person_id.clone(), href: format!("/team/people/{}", person.person_id), cells }
        };
        let rows = self.people.iter().map(row).collect();
        Table::new(self.ui, ("roster", "NAV_ROSTER", "UI_NO_PEOPLE"), asked, self.heads(("name", "UI_NAME")), rows)
    }

    /// Somebody's shifts of a day: the same times on several accounts are said once.
    fn shifts_of(&self, shifts: &[Timed<'_>], day: Date, number: &str) -> Cell {
        let mut times: BTreeMap<(i64, i64), Vec<&Timed<'_>>> = BTreeMap::new();
        for shift in shifts {
            times.entry((shift.from, shift.to)).or_default().push(shift);
        }
        let long = self.days.len() > 7;
        let said = |((from, to), all): (&(i64, i64), &Vec<&Timed<'_>>)| {
            let first = all.first().and_then(|it| it.account);
            let mut names: Vec<_> = all.iter().map(|it| it.account.map_or("…", |it| it.name.as_str())).collect();
            names.sort_unstable();
            let times = self.times(*from, *to, first);
            if long { self.hours(*from, *to, first) } else { format!("{times} {}", names.join(", ")) }
        };
        let text: Vec<_> = times.iter().map(said).collect();
        let href = match shifts {
            [] => String::new(),
            [one] => format!("/team/roster/{}?day={day}", one.shift.shift_id),
            _ => format!("/team/roster?view=day&day={day}&q={}", duty::encoded(number)),
        };
        Cell::text(text.join(&self.ui.t("LIST_SEPARATOR"))).to(href)
    }

    fn by_accounts(&self, asked: &Asked) -> Table {
        let by_day = self.by_day();
        let row = |account: &Account| {
            let cell = |day: &Date| {
                let shifts = by_day.get(day).map(Vec::as_slice).unwrap_or_default();
                let mine = shifts.iter().filter(|it| it.shift.account_id == account.account_id);
                self.cover(account, mine.map(|it| (it.from, it.to)).collect(), *day)
            };
            let mut cells = vec![Cell::text(duty::account_name(account)), Cell::text(&account.team_path)];
            cells.extend(self.days.iter().map(cell));
            Row { id: account.account_id.clone(), href: format!("/team/accounts/{}", account.account_id), cells }
        };
        let rows = self.accounts.iter().map(row).collect();
        let heads = self.heads(("account", "UI_TEAM_ACCOUNT"));
        Table::new(self.ui, ("roster", "NAV_ROSTER", "UI_TEAM_NO_ACCOUNTS"), asked, heads, rows)
    }

    /// When an account is covered, and where not.
    fn cover(&self, account: &Account, spans: Vec<(i64, i64)>, day: Date) -> Cell {
        let count = spans.len();
        let covered = merged(spans);
        let times: Vec<_> = covered.iter().map(|(from, to)| self.times(*from, *to, Some(account))).collect();
        let gaps: Vec<_> = between(&covered).iter().map(|(from, to)| self.times(*from, *to, Some(account))).collect();
        let href = format!("/team/roster?view=day&day={day}&q={}", duty::encoded(&account.name));
        let cell = match (covered.is_empty(), gaps.is_empty()) {
            (true, _) => {
                return Cell::pill(self.ui.t("UI_TEAM_NOBODY"), if day < self.today { "plain" } else { "bad" });
            }
            (_, true) => Cell::text(format!("{} ({})", times.join(", "), self.ui.format.count(count))),
            (_, false) => {
                let gaps = gaps.join(", ");
                Cell::pill(self.ui.say(&msg!("UI_TEAM_GAP_AT", gaps)), "bad")
            }
        };
        cell.to(href)
    }

    /// Every shift of a day, also those that count no more, and whoever has none.
    fn list(&self, asked: &Asked) -> Table {
        let ui = self.ui;
        let day = self.days.first().copied().unwrap_or(self.today);
        let by_day = self.by_day();
        let shifts = by_day.get(&day).map(Vec::as_slice).unwrap_or_default();
        let names = Names::of_people(self.people);
        let columns = vec![
            Column::text(ui, "name", "UI_TEAM_PERSON"),
            Column::text(ui, "account", "UI_TEAM_ACCOUNT").filtered(),
            Column::text(ui, "from", "UI_TEAM_FROM"),
            Column::text(ui, "to", "UI_TEAM_TO"),
            Column::text(ui, "seat", "UI_TEAM_SEAT"),
            Column::text(ui, "state", "UI_STATE").filtered(),
        ];
        let moment = |at: i64, account: Option<&Account>| {
            let zone = self.zone(account);
            let said = Timestamp::from_second(at).map(|at| ui.format.moment_in(at, &zone)).unwrap_or_default();
            Cell::when(said, at)
        };
        let row = |it: &Timed<'_>| Row {
            id: it.shift.shift_id.clone(),
            href: format!("/team/roster/{}?day={day}", it.shift.shift_id),
            cells: vec![
                Cell::text(names.said(&it.shift.person_id)),
                Cell::text(it.account.map(duty::account_name).unwrap_or_else(|| ui.t("UI_TEAM_OTHER_ACCOUNT"))),
                moment(it.from, it.account),
                moment(it.to, it.account),
                Cell::code(&it.shift.seat),
                state(ui, it.shift.standing.as_ref()),
            ],
        };
        let works = |it: &&Person| !shifts.iter().any(|shift| shift.shift.person_id == it.person_id);
        let free = |it: &Person| Row {
            id: it.person_id.clone(),
            href: format!("/team/people/{}", it.person_id),
            cells: vec![
                Cell::text(names.said(&it.person_id)),
                Cell::text(""),
                Cell::text(""),
                Cell::text(""),
                Cell::text(""),
                Cell::pill(ui.t("UI_TEAM_NO_SHIFT"), "plain"),
            ],
        };
        let mut rows: Vec<Row> = shifts.iter().map(row).collect();
        rows.extend(self.people.iter().filter(works).map(free));
        Table::new(ui, ("roster", "NAV_ROSTER", "UI_NO_PEOPLE"), asked, columns, rows)
    }
}

/// Whether a fact counts, as a pill.
pub fn state(ui: &Ui, standing: Option<&tally_api::attendance::v1::Standing>) -> Cell {
    use tally_api::attendance::v1::FactState;
    let state = standing.map(tally_api::attendance::v1::Standing::state).unwrap_or_default();
    let brought = standing.is_some_and(|it| !it.correction_id.is_empty());
    match state {
        FactState::Counts if brought => Cell::pill(ui.t("UI_TEAM_COUNTS_PUT_RIGHT"), "accent"),
        FactState::Counts | FactState::Unspecified => Cell::pill(ui.word(FactState::Counts.as_str_name()), "good"),
        other => Cell::pill(ui.word(other.as_str_name()), "warn"),
    }
}

/// A day as the head of a column: which of the week, and its number.
fn short(ui: &Ui, day: Date) -> String {
    let weekday = ui.t(match day.weekday().to_monday_one_offset() {
        1 => "UI_TEAM_MONDAY",
        2 => "UI_TEAM_TUESDAY",
        3 => "UI_TEAM_WEDNESDAY",
        4 => "UI_TEAM_THURSDAY",
        5 => "UI_TEAM_FRIDAY",
        6 => "UI_TEAM_SATURDAY",
        _ => "UI_TEAM_SUNDAY",
    });
    format!("{weekday} {}", day.day())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_week_begins_on_monday_and_a_month_has_all_its_days() {
        let week = View::Week.days(date(2026, 3, 4));
        assert_eq!((week.first(), week.last()), (Some(&date(2026, 3, 2)), Some(&date(2026, 3, 8))));
        assert_eq!(View::Month.days(date(2028, 2, 10)).len(), 29);
        assert_eq!(View::Day.days(date(2026, 3, 4)), [date(2026, 3, 4)]);
    }

    #[test]
    fn cover_is_one_stretch_where_shifts_touch_and_a_gap_is_between() {
        let covered = merged(vec![(14, 23), (8, 12), (11, 13)]);
        assert_eq!(covered, [(8, 13), (14, 23)]);
        assert_eq!(between(&covered), [(13, 14)]);
        assert_eq!(between(&merged(vec![(1, 2), (2, 3)])), []);
    }

    #[test]
    fn days_are_asked_for_wherever_they_begin() {
        let (from, to) = around(date(2026, 3, 2), date(2026, 3, 2));
        assert_eq!((from.to_string(), to.to_string()), ("2026-03-01T10:00:00Z".into(), "2026-03-03T14:00:00Z".into()));
    }
}
