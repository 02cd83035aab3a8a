//! What the contracts say, in words, and side by side.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tally_api::performance::v1::{AttributionRunState, CycleState, Kpi, Normalisation, RungCount, Scheme};
use tally_kernel::msg;

use crate::names::Names;
use crate::ui::Ui;
use crate::ui::chart::Bars;

/// What a target is that is not a number.
pub const TEAM_MEDIAN: &str = "team_median";

/// Something and what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    pub label: String,
    pub value: String,
    /// Where it leads, or empty.
    pub href: String,
}

impl Fact {
    /// A fact; `label` is an id.
    pub fn new(ui: &Ui, label: &str, value: impl Into<String>) -> Self {
        Self { label: ui.t(label), value: value.into(), href: String::new() }
    }

    /// The same, leading somewhere.
    #[must_use]
    pub fn to(mut self, href: impl Into<String>) -> Self {
        self.href = href.into();
        self
    }
}

/// Several of a kind beside each other, a row for each thing that is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub caption: String,
    /// What stands above each column, and where it leads.
    pub heads: Vec<(String, String)>,
    pub rows: Vec<SideRow>,
}

/// What is compared, and what each has of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideRow {
    pub label: String,
    pub cells: Vec<String>,
    /// They do not all have the same.
    pub differs: bool,
}

impl Side {
    /// A table of what each has; what differs is marked.
    pub fn new(caption: String, heads: Vec<(String, String)>, rows: Vec<(String, Vec<String>)>) -> Self {
        let row = |(label, cells): (String, Vec<String>)| {
            let differs = cells.windows(2).any(|pair| pair.first() != pair.last());
            SideRow { label, cells, differs }
        };
        Self { caption, heads, rows: rows.into_iter().map(row).collect() }
    }

    /// What the column at a place is called.
    pub fn head(&self, at: &usize) -> &str {
        self.heads.get(*at).map_or("", |(head, _)| head.as_str())
    }

    /// How many rows differ.
    pub fn differing(&self) -> usize {
        self.rows.iter().filter(|row| row.differs).count()
    }
}

/// How a state of a cycle looks.
pub fn tone(state: CycleState) -> &'static str {
    match state {
        CycleState::Unspecified | CycleState::Open => "plain",
        CycleState::Closing => "accent",
        CycleState::Reviewable => "warn",
        CycleState::Published => "good",
        CycleState::Failed => "bad",
    }
}

/// How a state of a run looks.
pub fn run_tone(state: AttributionRunState) -> &'static str {
    match state {
        AttributionRunState::Unspecified | AttributionRunState::Cancelled => "plain",
        AttributionRunState::Running => "accent",
        AttributionRunState::Done => "good",
        AttributionRunState::Failed => "bad",
    }
}

/// What a unit is called; nothing is the whole group.
pub fn unit(ui: &Ui, units: &Names, id: &str) -> String {
    if id.is_empty() { ui.t("UI_WHOLE_GROUP") } else { units.said(id) }
}

/// A target in words.
pub fn target(ui: &Ui, kpi: &Kpi) -> String {
    match kpi.target.as_str() {
        "" => "–".to_owned(),
        TEAM_MEDIAN => ui.t("UI_TEAM_MEDIAN"),
        number => with_unit(ui, number, &kpi.unit),
    }
}

/// A number and its unit.
pub fn with_unit(ui: &Ui, number: &str, unit: &str) -> String {
    let number = ui.format.number(number);
    if unit.is_empty() { number } else { format!("{number}\u{a0}{unit}") }
}

/// An indicator in a sentence.
pub fn sentence(ui: &Ui, kpi: &Kpi) -> String {
    let (weight, target, floor, cap) =
        (ui.format.number(&kpi.weight), target(ui, kpi), ui.format.number(&kpi.floor), ui.format.number(&kpi.cap));
    let direction = ui.word(kpi.direction().as_str_name());
    let how = ui.word(kpi.normalisation().as_str_name());
    let small = kpi.small_sample;
    let said = if kpi.normalisation() == Normalisation::TargetPiecewise {
        ui.say(&msg!("UI_INDICATOR_OF_TARGET", weight, target, floor, cap, direction))
    } else {
        ui.say(&msg!("UI_INDICATOR_OF_GROUP", weight, how, floor, cap, direction))
    };
    if small == 0 { said } else { format!("{said} {}", ui.say(&msg!("UI_INDICATOR_SMALL", small))) }
}

/// Versions of a scheme beside each other.
pub fn versions(ui: &Ui, caption: String, schemes: &[&Scheme], titles: &BTreeMap<String, String>) -> Side {
    let head = |scheme: &&Scheme| {
        let (id, version) = (&scheme.scheme_id, scheme.version);
        (ui.say(&msg!("UI_VERSION_N", version)), format!("/schemes/{id}?version={version}"))
    };
    let mut keys: Vec<&String> = Vec::new();
    for kpi in schemes.iter().flat_map(|scheme| &scheme.kpis) {
        if !keys.contains(&&kpi.key) {
            keys.push(&kpi.key);
        }
    }
    let mut rows = Vec::new();
    for key in keys {
        let of: Vec<Option<&Kpi>> =
            schemes.iter().map(|scheme| scheme.kpis.iter().find(|kpi| kpi.key == *key)).collect();
        let measure = of.iter().flatten().map(|kpi| &kpi.measure).next_back();
        let title = measure.map_or(key, |measure| titles.get(measure).unwrap_or(measure));
        let mut row = |label: &str, say: &dyn Fn(&Kpi) -> String| {
            let cells = of.iter().map(|kpi| kpi.map_or_else(|| "–".to_owned(), say)).collect();
            rows.push((format!("{title}: {}", ui.t(label)), cells));
        };
        row("UI_WEIGHT", &|kpi| ui.format.number(&kpi.weight));
        row("UI_TARGET", &|kpi| target(ui, kpi));
        row("UI_DIRECTION", &|kpi| ui.word(kpi.direction().as_str_name()));
        row("UI_HOW_POINTS", &|kpi| ui.word(kpi.normalisation().as_str_name()));
        row("UI_FLOOR_CAP", &|kpi| format!("{} – {}", ui.format.number(&kpi.floor), ui.format.number(&kpi.cap)));
        row("UI_SMALL_SAMPLE", &|kpi| ui.format.count(kpi.small_sample));
    }
    let yes = |said: bool| ui.t(if said { "UI_YES" } else { "UI_NO" });
    rows.push((ui.t("UI_COLLABORATION"), schemes.iter().map(|it| yes(it.collaboration)).collect()));
    rows.push((ui.t("UI_MAY_BE_REFINED"), schemes.iter().map(|it| yes(it.bounds.is_some())).collect()));
    Side::new(caption, schemes.iter().map(head).collect(), rows)
}

/// How records were credited, as bars.
pub fn rungs(ui: &Ui, rungs: &[RungCount]) -> Bars {
    let bar = |it: &RungCount| {
        let tone = if it.rung == "unattributed" { "bad" } else { "accent" };
        (ui.t(&format!("RUNG_{}", it.rung.to_uppercase())), ui.format.count(it.records), it.records, tone)
    };
    Bars::of(ui.t("UI_HOW_CREDITED"), rungs.iter().map(bar))
}

/// A decimal of the services, for sorting and comparing; nothing where there is none.
pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked() {
        let row = |label: &str, cells: &[&str]| (label.to_owned(), cells.iter().map(|it| (*it).to_owned()).collect());
        let side = Side::new(
            String::new(),
            Vec::new(),
            vec![row("a", &["1", "1", "1"]), row("b", &["1", "1", "2"]), row("c", &["1"])],
        );
        assert_eq!(side.rows.iter().map(|row| row.differs).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(side.differing(), 1);
    }
}
