//! What the pages of this room are: a list, or one thing.

use askama::Template;
use tally_api::attendance::v1::{FactState, Standing, Touched};

use crate::act::{AsOf, Step, Touch, days};
use crate::names::Names;
use crate::ui::Ui;
use crate::ui::table::{Cell, Table};

/// A list, and what is done first.
#[derive(Template)]
#[template(path = "structure/list.html")]
pub struct List {
    pub ui: Ui,
    /// Other pages beside it: address and name.
    pub besides: Vec<(String, String)>,
    /// Where one more is added, for whoever may.
    pub add: Option<(&'static str, String)>,
    /// Days that are asked for: name, label, value.
    pub days: Vec<(&'static str, String, String)>,
    /// The same list of other states: address, name, whether it is this.
    pub tabs: Vec<(String, String, bool)>,
    pub notes: Vec<(&'static str, String)>,
    pub table: Table,
}

impl List {
    /// Of a table alone.
    pub fn new(ui: Ui, table: Table) -> Self {
        let (besides, days, tabs, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { ui, besides, add: None, days, tabs, notes, table }
    }

    /// With one more where that is allowed; `label` is an id.
    #[must_use]
    pub fn adding(mut self, may: bool, href: &'static str, label: &str) -> Self {
        self.add = may.then(|| (href, self.ui.t(label)));
        self
    }
}

/// One thing.
#[derive(Template)]
#[template(path = "structure/detail.html")]
pub struct Detail {
    pub ui: Ui,
    pub asof: Option<AsOf>,
    pub acts: Vec<(String, String)>,
    pub notes: Vec<(&'static str, String)>,
    pub facts: Vec<(String, String)>,
    pub timelines: Vec<(String, Vec<Step>)>,
    pub lists: Vec<(String, Vec<(String, String)>)>,
}

impl Detail {
    /// Of these facts.
    pub fn new(ui: Ui, facts: Vec<(String, String)>) -> Self {
        let (acts, notes, timelines, lists) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { ui, asof: None, acts, notes, facts, timelines, lists }
    }
}

/// Whether a fact counts.
pub fn counts(standing: Option<&Standing>) -> bool {
    standing.is_none_or(|it| matches!(it.state(), FactState::Counts | FactState::Unspecified))
}

/// A cell that says whether a fact counts.
pub fn standing(ui: &Ui, standing: Option<&Standing>) -> Cell {
    let state = standing.map_or(FactState::Counts, Standing::state);
    let tone = if counts(standing) { "good" } else { "plain" };
    Cell::pill(ui.word(state.as_str_name()), tone)
}

/// What attendance says that a change touches.
pub fn touch(ui: &Ui, touched: Option<Touched>, (people, accounts): (&Names, &Names)) -> Touch {
    let Touched { accounts: held, person_ids, from, to } = touched.unwrap_or_default();
    let person = |id: &String| (people.said(id), format!("/people/{id}"));
    let all = person_ids.iter().map(person).collect();
    let mut lists = vec![(ui.t("NAV_PEOPLE"), all)];
    for account in held {
        let days = account.days.iter().map(|day| (ui.format.day_text(day), String::new())).collect();
        lists.push((accounts.said(&account.account_id), days));
    }
    Touch { facts: vec![(ui.t("UI_DAYS"), days(ui, &from, &to))], lists }
}
