//! Pages of one form that changes something, and the days and instants that pages are shown as of.

use askama::Template;
use axum::body::Body;
use http::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_access::Permission;
use tally_api::common::v1::ImportResult;
use tally_kernel::error::{Error, Kind, Violation};
use tally_kernel::{Message, Result, msg};

use crate::ui::form::{Choice, Field, Form, Kind as FieldKind};
use crate::ui::table::Asked;
use crate::ui::{Ui, as_sent};
use crate::visit::{Sent, Visit};

/// A page of one form.
#[derive(Debug, Template)]
#[template(path = "ui/act.html")]
pub struct Act {
    pub ui: Ui,
    pub form: Form,
    /// What to know before: a tone and a sentence.
    pub notes: Vec<(&'static str, String)>,
    /// The form can say beforehand what it touches.
    pub looks: bool,
    /// What it touches, where that was asked.
    pub touched: Option<Touch>,
    /// Where else it leads: address and name; empty for nowhere.
    pub way: (String, String),
    /// Where it goes back to.
    pub back: String,
}

/// What a change touches.
#[derive(Clone, Debug, Default)]
pub struct Touch {
    /// Names and values.
    pub facts: Vec<(String, String)>,
    /// A heading, and what it lists: text and where it leads, or empty.
    pub lists: Vec<(String, Vec<(String, String)>)>,
}

impl Act {
    /// A page of this form.
    pub fn new(ui: Ui, form: Form, back: impl Into<String>) -> Self {
        Self { ui, form, notes: Vec::new(), looks: false, touched: None, way: Default::default(), back: back.into() }
    }

    /// With something to know before.
    #[must_use]
    pub fn note(mut self, tone: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((tone, text.into()));
        self
    }

    /// Leading somewhere else too.
    #[must_use]
    pub fn way(self, way: (String, String)) -> Self {
        Self { way, ..self }
    }

    /// The form can say beforehand what it touches.
    #[must_use]
    pub fn looking(mut self) -> Self {
        self.looks = true;
        self
    }

    /// Filled in as sent, with what it touches.
    #[must_use]
    pub fn touching(mut self, sent: &Sent, touch: Touch) -> Self {
        self.form = self.form.filled(sent.fields());
        self.touched = Some(touch);
        self
    }

    /// The answer to the form: the way on, or the same page with what was refused.
    pub fn answered(
        mut self,
        visit: &Visit,
        sent: &Sent,
        done: Result<()>,
        (path, id): (&str, &str),
    ) -> Response<Body> {
        match done {
            Ok(()) => visit.done(path, id),
            Err(error) => {
                self.form = self.form.refused(&self.ui, sent.fields(), &error);
                visit.wrong(Ok(self), &error)
            }
        }
    }

    /// The same page with what was looked at, or what was refused of it.
    pub fn looked(self, visit: &Visit, sent: &Sent, touch: Result<Touch>) -> Response<Body> {
        match touch {
            Ok(touch) => visit.page(Ok(self.touching(sent, touch))),
            Err(error) => self.answered(visit, sent, Err(error), ("", "")),
        }
    }
}

/// A stretch of days on a timeline.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// `good` for one that holds on the day that is shown, or another tone of a timeline.
    pub tone: &'static str,
    pub days: String,
    pub title: String,
    /// Where the title leads, or empty.
    pub href: String,
    /// States: text and tone.
    pub pills: Vec<(String, &'static str)>,
    pub said: String,
    /// What can be done to it: address and name.
    pub acts: Vec<(String, String)>,
}

/// Refuses a page that only changes something to whoever may not change it anywhere.
///
/// # Errors
/// What is missing.
pub fn allowed(visit: &Visit, permission: Permission) -> Result<()> {
    let missing =
        || Error::of(Kind::PermissionDenied, msg!("PERMISSION_DENIED.at_all", permission = permission.name()));
    if visit.me().may(permission) { Ok(()) } else { Err(missing()) }
}

/// Whether a form only asks what it would touch.
pub fn only_looks(sent: &Sent) -> bool {
    !sent.get("look").is_empty()
}

/// What is wrong with several fields at once; nothing where nothing is.
///
/// # Errors
/// All of it.
pub fn all_right(wrong: Vec<(&str, Message)>) -> Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let violation = |(field, message): (&str, Message)| Violation { field: field.to_owned(), message };
    Err(Error::invalid(wrong.into_iter().map(violation).collect()))
}

/// Fields of a form that must be filled in and are not.
pub fn missing<'a>(sent: &Sent, names: &[&'a str]) -> Vec<(&'a str, Message)> {
    names.iter().filter(|name| sent.get(name).is_empty()).map(|name| (*name, msg!("TEXT_EMPTY"))).collect()
}

/// What became of an import of one row: each problem beside the field that `field_of` names for its reason, in the words of the service.
///
/// # Errors
/// The problems.
pub fn imported(result: Option<ImportResult>, field_of: fn(&str, &str) -> &'static str) -> Result<()> {
    let problems = result.unwrap_or_default().problems;
    let named = |problem: tally_api::common::v1::RowProblem| {
        (field_of(&problem.reason, &problem.message), Message::told(problem.message))
    };
    let (besides, above): (Vec<_>, Vec<_>) = problems.into_iter().map(named).partition(|(field, _)| !field.is_empty());
    match above.into_iter().next() {
        Some((_, sentence)) if besides.is_empty() => Err(Error::told(Kind::InvalidArgument, "ROW_INVALID", sentence)),
        _ => all_right(besides),
    }
}

/// The day that a page shows, and as what was known.
#[derive(Clone, Debug)]
pub struct AsOf {
    pub today: String,
    /// The day, `2026-03-01`.
    pub day: String,
    /// The last day of what is known; empty for now.
    pub known: String,
    /// What the address asks of a table, which goes along when another day is chosen.
    pub kept: Vec<(&'static str, String)>,
}

impl AsOf {
    /// As the address says; today where it says nothing.
    pub fn of(ui: &Ui, asked: &Asked) -> Self {
        let today = today(ui);
        let read = |name: &str| asked.get(name).parse().map(|day: Date| day.to_string()).unwrap_or_default();
        let day = Some(read("day")).filter(|day| !day.is_empty()).unwrap_or_else(|| today.clone());
        let kept = ["q", "sort", "group"].map(|name| (name, asked.get(name).to_owned()));
        let kept = kept.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { day, known: read("known"), today, kept }
    }

    /// The instant at which it was known: the end of that day where the reader is.
    pub fn known_at(&self, ui: &Ui) -> Option<prost_types::Timestamp> {
        let next = self.known.parse::<Date>().ok()?.checked_add(1.day()).ok()?;
        next.to_zoned(ui.format.zone().clone()).ok().map(|at| as_sent(at.timestamp()))
    }

    /// For the addresses of other pages as of the same.
    pub fn query(&self) -> String {
        match (self.day == self.today, self.known.is_empty()) {
            (true, true) => String::new(),
            (_, true) => format!("?day={}", self.day),
            (..) => format!("?day={}&known={}", self.day, self.known),
        }
    }

    /// Whether days from one to another (empty: open) have the day.
    pub fn within(&self, from: &str, to: &str) -> bool {
        holds(&self.day, from, to)
    }

    /// It is neither today nor now.
    pub fn is_past(&self) -> bool {
        self.day < self.today || !self.known.is_empty()
    }
}

/// Today where the reader is.
pub fn today(ui: &Ui) -> String {
    ui.now().to_zoned(ui.format.zone().clone()).date().to_string()
}

/// Whether days from one to another (empty: open) have a day.
pub fn holds(day: &str, from: &str, to: &str) -> bool {
    from <= day && (to.is_empty() || to >= day)
}

/// From one day to another, for people: an open end says so.
pub fn days(ui: &Ui, from: &str, to: &str) -> String {
    match (from.is_empty(), to.is_empty()) {
        (false, false) if from == to => ui.format.day_text(from),
        (false, false) => {
            let (from, to) = (ui.format.day_text(from), ui.format.day_text(to));
            ui.say(&msg!("UI_FROM_TO", from, to))
        }
        (false, true) => {
            let from = ui.format.day_text(from);
            ui.say(&msg!("UI_FROM_ON", from))
        }
        (true, false) => {
            let to = ui.format.day_text(to);
            ui.say(&msg!("UI_UNTIL", to))
        }
        (true, true) => ui.t("UI_ALWAYS"),
    }
}

/// A day as a number to sort by; empty comes first.
pub fn sortable(day: &str) -> i64 {
    const DAYS: i64 = 400;
    day.parse().map_or(0, |day: Date| i64::from(day.year()) * DAYS + i64::from(day.day_of_year()))
}

/// A field of a day, filled in with today.
pub fn day_field(ui: &Ui, name: &str, label: &str) -> Field {
    Field::new(ui, name, label, FieldKind::Date).required().value(today(ui))
}

/// A field of choices of the contracts, by their names.
pub fn word_field(ui: &Ui, name: &str, label: &str, words: &[&str]) -> Field {
    let choices = words.iter().map(|word| Choice::new(*word, ui.word(word))).collect();
    Field::new(ui, name, label, FieldKind::Choice(choices))
}

/// A field that must be ticked.
pub fn sure(ui: &Ui) -> Field {
    Field::new(ui, "sure", "UI_SURE", FieldKind::Check).required()
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::RowProblem;

    use super::*;

    fn problem(reason: &str) -> RowProblem {
        RowProblem { index: 0, reason: reason.to_owned(), message: "put it right".to_owned() }
    }

    fn field_of(reason: &str, _: &str) -> &'static str {
        if reason == "UNIT_UNKNOWN" { "unit" } else { "" }
    }

    #[test]
    fn problems_of_a_row_stand_beside_their_fields_or_above() {
        let result = |reason| Some(ImportResult { problems: vec![problem(reason)], ..Default::default() });
        let beside = imported(result("UNIT_UNKNOWN"), field_of).expect_err("a problem");
        assert_eq!(beside.violations().first().map(|it| it.field.as_str()), Some("unit"));
        let above = imported(result("OTHER"), field_of).expect_err("a problem");
        assert_eq!((above.violations().len(), above.message().as_told()), (0, Some("put it right")));
        assert!(imported(Some(ImportResult::default()), field_of).is_ok());
    }

    #[test]
    fn days_hold_their_ends() {
        assert!(holds("2026-03-01", "2026-03-01", ""));
        assert!(holds("2026-03-31", "", "2026-03-31"));
        assert!(!holds("2026-04-01", "2026-03-01", "2026-03-31"));
    }
}
