//! group.yaml and policy.yaml.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use tally_kernel::money::Currency;
use tally_kernel::{limits, msg};

use super::cell;
use super::direction::Punches;
use super::numbers::{Numbers, read_numbers};
use super::yaml::Fields;

/// The region of a branch that group.yaml does not name.
pub const DEFAULT_REGION: &str = "default";

/// group.yaml: the enterprise. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name; `Group` by default.
    pub name: String,
    /// ISO 4217 code of all amounts; `CNY` by default.
    pub currency: String,
    /// IANA zone of people and accounts that name none; `Asia/Shanghai` by default.
    pub zone: String,
    /// The region in which the data of a branch lives.
    pub branches: BTreeMap<String, String>,
    /// How punches say which way they went.
    #[serde(skip_serializing_if = "Punches::directed")]
    pub punches: Punches,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            name: "Group".to_owned(),
            currency: "CNY".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            branches: BTreeMap::new(),
            punches: Punches::default(),
        }
    }
}

/// Local dates, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Period {
    /// Whether a day lies in it.
    pub fn contains(&self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }
}

/// An ISO 4217 code, noted when it is none.
pub(crate) fn currency(fields: &mut Fields<'_>) -> Option<String> {
    let code = fields.text("currency")?;
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        fields.note("currency", msg!("GROUP_CURRENCY"));
        return None;
    }
    if code.parse::<Currency>().is_err() {
        fields.note("currency", msg!("GROUP_CURRENCY_UNKNOWN", code));
        return None;
    }
    Some(code)
}

/// `period: {from, to}`, noted when one is missing or they are the wrong way round.
pub(crate) fn period(fields: &mut Fields<'_>) -> Option<Period> {
    let mut period = fields.nested("period")?;
    let (from, to) = (period.date("from"), period.date("to"));
    for key in ["from", "to"] {
        if !period.has(key) {
            period.missing::<()>(key);
        }
    }
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        period.note("to", msg!("GROUP_PERIOD_BACKWARDS", to, from));
    } else if let Some(days) = from.zip(to).map(|(from, to)| days(from, to)).filter(|n| *n > limits::PERIOD_DAYS) {
        period.note("to", msg!("GROUP_PERIOD_TOO_LONG", days, most = limits::PERIOD_DAYS));
    }
    period.finish();
    Some(Period { from: from?, to: to? })
}

/// How many days they are, both included.
pub(crate) fn days(from: Date, to: Date) -> i32 {
    to.since(from).map_or(i32::MAX, |span| span.get_days() + 1)
}

/// What group.yaml says of the files and not of the group.
#[derive(Debug, Default)]
pub(crate) struct AboutFiles {
    /// The period, which may be overruled.
    pub period: Option<Period>,
    /// How numbers are written. The canonical form writes them with a point, so this does not go into it.
    pub numbers: Option<Numbers>,
}

/// Reads group.yaml.
pub(crate) fn read_group(fields: &mut Fields<'_>) -> Option<(Group, AboutFiles)> {
    let standard = Group::default();
    let name = fields.text("name");
    let currency = currency(fields);
    let zone = fields.text("zone").and_then(|name| match cell::zone(&name) {
        Ok(zone) => zone.iana_name().map(str::to_owned),
        Err(wrong) => {
            fields.note("zone", msg!("SETTING_WRONG", reason = wrong.reason, cure = wrong.cure));
            None
        }
    });
    let about = AboutFiles { period: period(fields), numbers: read_numbers(fields) };
    let ways =
        [("directed", Punches::Directed), ("alternating", Punches::Alternating), ("first_last", Punches::FirstLast)];
    let punches = fields.word("punches", &ways);
    let branches = fields.pairs("branches").unwrap_or_default();
    for (branch, region) in &branches {
        if region == "*" || region.parse::<tally_kernel::Region>().is_err() {
            fields.note("branches", msg!("GROUP_REGION", branch, region = cell::shown(region)));
        }
    }
    let group = Group {
        name: name.unwrap_or(standard.name),
        currency: currency.unwrap_or(standard.currency),
        zone: zone.unwrap_or(standard.zone),
        branches: branches.into_iter().collect(),
        punches: punches.unwrap_or_default(),
    };
    Some((group, about))
}

/// policy.yaml: how evidence becomes credit. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Version of the rules; the newest, 2.
    pub version: u32,
    /// Minutes either side of a rostered shift that still count; 15.
    pub grace_minutes: u32,
    /// Hours after which a take without release ends; 16.
    pub handover_max_hours: u32,
    /// Minutes within which a customer's return is the same session; 10.
    pub session_window_minutes: u32,
    /// Whether the ladder has its inferred rung.
    pub inference: Inference,
    /// Records of an account with several candidates below which nothing is inferred; 50.
    pub min_ambiguous: u32,
    /// Local time at which a working day begins, as `HH:MM`; `04:00`.
    pub cut_over: String,
    /// How records that name contributors are shared; none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// What each role of a shared record is worth, in percent that sum to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// Name of the rule.
    pub version: String,
    /// Whoever answered first.
    pub first_answer: Decimal,
    /// Whoever closed the sale.
    pub closer: Decimal,
    /// Whoever served after it.
    pub after_sales: Decimal,
}

impl Split {
    /// The parts of the roles in millionths, in their order; nothing where they are not exact or make no whole.
    pub fn parts(&self) -> Option<[u32; 3]> {
        let ppm = |percent: Decimal| {
            let ppm = percent.checked_mul(Decimal::from(10_000))?.normalize();
            ppm.is_integer().then(|| u32::try_from(ppm.mantissa()).ok()).flatten().filter(|ppm| *ppm <= 1_000_000)
        };
        let parts = [ppm(self.first_answer)?, ppm(self.closer)?, ppm(self.after_sales)?];
        (parts.iter().sum::<u32>() == 1_000_000).then_some(parts)
    }
}

/// Whether the most likely of several people on duty is inferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inference {
    /// Where there is enough to infer from.
    Auto,
    /// Never: equal among those on duty.
    Off,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: 3,
            grace_minutes: 15,
            handover_max_hours: 16,
            session_window_minutes: 10,
            inference: Inference::Auto,
            min_ambiguous: 50,
            cut_over: "04:00".to_owned(),
            split: None,
        }
    }
}

impl Policy {
    /// When a working day begins.
    pub fn cut_over(&self) -> jiff::civil::Time {
        jiff::civil::Time::strptime("%H:%M", &self.cut_over).unwrap_or(tally_kernel::time::CUT_OVER)
    }
}

/// How records that name contributors are shared. What is not exact, or makes no whole, is a violation and not rounded.
fn read_split(fields: &mut Fields<'_>) -> Option<Split> {
    let mut split = fields.nested("split")?;
    let (version, first_answer) = (split.text("version"), split.decimal("first_answer"));
    let (closer, after_sales) = (split.decimal("closer"), split.decimal("after_sales"));
    split.finish();
    let read = version.zip(first_answer).zip(closer.zip(after_sales));
    let read = read.map(|((version, first_answer), (closer, after_sales))| Split {
        version,
        first_answer,
        closer,
        after_sales,
    });
    let read = read.filter(|split| split.parts().is_some());
    if read.is_none() {
        fields.note("split", msg!("POLICY_SPLIT"));
    }
    read
}

/// Reads policy.yaml.
pub(crate) fn read_policy(fields: &mut Fields<'_>) -> Option<Policy> {
    let standard = Policy::default();
    // YAML knows `off` as a word and as false.
    let inference =
        fields.word("inference", &[("auto", Inference::Auto), ("off", Inference::Off), ("false", Inference::Off)]);
    let cut_over = fields.text("cut_over").and_then(|text| {
        let (hour, minute) = text.split_once(':')?;
        let number = |s: &str, most: u32| s.parse::<u32>().ok().filter(|n| s.len() <= 2 && *n <= most);
        number(hour, 11).zip(number(minute, 59)).map(|(h, m)| format!("{h:02}:{m:02}"))
    });
    if cut_over.is_none() && fields.has("cut_over") {
        fields.note("cut_over", msg!("POLICY_CUT_OVER"));
    }
    Some(Policy {
        version: fields.whole("version", 1, 3).unwrap_or(standard.version),
        grace_minutes: fields.whole("grace_minutes", 0, 240).unwrap_or(standard.grace_minutes),
        handover_max_hours: fields.whole("handover_max_hours", 1, 48).unwrap_or(standard.handover_max_hours),
        session_window_minutes: fields
            .whole("session_window_minutes", 0, 1440)
            .unwrap_or(standard.session_window_minutes),
        inference: inference.unwrap_or(standard.inference),
        min_ambiguous: fields.whole("min_ambiguous", 0, 1_000_000).unwrap_or(standard.min_ambiguous),
        cut_over: cut_over.unwrap_or(standard.cut_over),
        split: read_split(fields),
    })
}
