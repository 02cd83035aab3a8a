//! The measures that scheme.yaml defines.

use std::collections::BTreeSet;

use jiff::civil::Time;
use tally_engine::scoring::definition::{
    Aggregation, Counts, Definition, Derived, Hours, Observed, Of, OfObservations, OfRecords, OfTeam, Part, Rolled,
    Subject, Test, Value,
};
use tally_engine::scoring::{Direction, SUPPLIED, copy_named, supplied, unsound};
use tally_kernel::{Micro, msg};

use super::cell::shown;
use super::yaml::{Fields, micro};

/// Reads `measures`, and notes everything that does not go together.
pub(super) fn read(fields: &mut Fields<'_>) -> Vec<Definition> {
    let Some(items) = fields.list("measures") else { return Vec::new() };
    let count = items.len();
    let mut found: Vec<Definition> = items.into_iter().filter_map(one).collect();
    // With a broken definition the others would be told to name something unknown.
    if found.len() == count {
        let known = supplied();
        let bare = |of: &Definition| Definition { version: 0, unit: String::new(), ..of.clone() };
        for (own, at) in found.iter().zip(1..).filter(|(own, _)| own.name.starts_with(SUPPLIED)) {
            if !known.iter().any(|one| bare(one) == bare(own)) {
                fields.note(&format!("measures[{at}].name"), msg!("MEASURE_NAME_RESERVED", prefix = SUPPLIED));
            }
        }
        copy_named([], &mut found, &supplied());
        // Lists of a file are counted from one.
        for problem in unsound(&found, 1) {
            fields.note(&problem.field, problem.description);
        }
    }
    found
}

/// The columns of records.csv that definitions read, with the name of the first definition that does.
pub(super) fn columns(measures: &[Definition]) -> Vec<(&str, &str)> {
    let (mut seen, mut columns) = (BTreeSet::new(), Vec::new());
    for definition in measures {
        if let Of::Record(OfRecords { value: Some(Value::Column(column)), .. }) = &definition.of
            && seen.insert(column)
        {
            columns.push((definition.name.as_str(), column.as_str()));
        }
    }
    columns
}

fn one(mut fields: Fields<'_>) -> Option<Definition> {
    let name = if fields.has("name") { fields.text("name") } else { fields.missing("name") };
    let version = fields.whole("version", 0, 1_000_000).unwrap_or(0);
    let unit = fields.text("unit").unwrap_or_default();
    let direction = fields.word("direction", &[("higher", Direction::Higher), ("lower", Direction::Lower)]);
    let min_count = fields.whole("min_count", 0, 1_000_000).unwrap_or(0);
    let (from, to) = (fields.date("from"), fields.date("to"));
    let of = if fields.has("of") { fields.nested("of").and_then(of) } else { fields.missing("of") };
    fields.finish();
    let direction = direction.unwrap_or_default();
    Some(Definition { name: name?, version, unit, standard_unit: false, direction, of: of?, min_count, from, to })
}

fn of(mut fields: Fields<'_>) -> Option<Of> {
    let found = if fields.has("record") {
        fields.nested("record").and_then(records).map(Of::Record)
    } else if fields.has("observation") {
        fields.nested("observation").and_then(observations).map(Of::Observation)
    } else if fields.has("derived") {
        fields.nested("derived").and_then(derived).map(Of::Derived)
    } else if fields.has("team") {
        fields.nested("team").and_then(team).map(Of::Team)
    } else {
        fields.note("record", msg!("MEASURE_OF_EXPECTED"));
        return None;
    };
    fields.finish();
    found
}

fn records(mut fields: Fields<'_>) -> Option<OfRecords> {
    let value = fields.text("value").map(Value::from);
    let words = [
        ("mean", Aggregation::Mean),
        ("sum", Aggregation::Sum),
        ("count", Aggregation::Count),
        ("share", Aggregation::Share),
        ("distinct", Aggregation::Distinct),
    ];
    let aggregation =
        if fields.has("aggregation") { fields.word("aggregation", &words) } else { fields.missing("aggregation") };
    let test = fields.nested("test").map(test);
    let kinds = fields.texts("kinds").unwrap_or_default();
    let hours = fields.nested("hours").map(hours);
    let session_minutes = fields.whole("session_minutes", 0, 7 * 24 * 60).unwrap_or(0);
    fields.finish();
    let (test, hours) = (test.map_or(Some(None), |test| test.map(Some))?, hours.map_or(Some(None), |h| h.map(Some))?);
    Some(OfRecords { value, aggregation: aggregation?, test, kinds, hours, session_minutes })
}

/// A comparison with a threshold that is still to be named.
type Compared = fn(Micro) -> Test;

fn test(mut fields: Fields<'_>) -> Option<Test> {
    let words: [(&'static str, Compared); 5] = [
        ("at_most", Test::AtMost),
        ("at_least", Test::AtLeast),
        ("below", Test::Below),
        ("above", Test::Above),
        ("equal", Test::Equal),
    ];
    let found: Vec<Test> =
        words.into_iter().filter_map(|(word, test)| fields.computed(word).and_then(micro).map(test)).collect();
    if found.len() != 1 {
        fields.note("at_most", msg!("MEASURE_TEST_MISSING"));
    }
    fields.finish();
    found.into_iter().next()
}

fn hours(mut fields: Fields<'_>) -> Option<Hours> {
    let mut time = |key: &'static str| {
        let text = if fields.has(key) { fields.text(key)? } else { return fields.missing(key) };
        let time: Option<Time> = Time::strptime("%H:%M", &text).or_else(|_| text.parse()).ok();
        if time.is_none() {
            fields.note(key, msg!("TIME_OF_DAY_MALFORMED", text = shown(&text)));
        }
        time
    };
    let (from, to) = (time("from"), time("to"));
    let counts = fields.word("counts", &[("begun", Counts::Begun), ("inside", Counts::Inside)]).unwrap_or_default();
    fields.finish();
    from.zip(to).map(|(from, to)| Hours { from, to, counts })
}

fn observations(mut fields: Fields<'_>) -> Option<OfObservations> {
    let words = [("sum", Observed::Sum), ("mean", Observed::Mean), ("last", Observed::Last)];
    let aggregation =
        if fields.has("aggregation") { fields.word("aggregation", &words) } else { fields.missing("aggregation") };
    let words = [
        ("person", Subject::Person),
        ("unit", Subject::Unit),
        ("account", Subject::Account),
        ("store", Subject::Store),
        ("campaign", Subject::Campaign),
    ];
    let subject = if fields.has("subject") { fields.word("subject", &words) } else { fields.missing("subject") };
    fields.finish();
    aggregation.zip(subject).map(|(aggregation, subject)| OfObservations { aggregation, subject })
}

fn derived(mut fields: Fields<'_>) -> Option<Derived> {
    let found = if let Some(mut ratio) = fields.nested("ratio") {
        let (of, per) = (named(&mut ratio, "of"), named(&mut ratio, "per"));
        let percent = ratio.word("percent", &[("true", true), ("false", false)]).unwrap_or(false);
        ratio.finish();
        of.zip(per).map(|(of, per)| Derived::Ratio { of, per, percent })
    } else if let Some(parts) = fields.list("sum") {
        parts.into_iter().map(part).collect::<Option<_>>().map(Derived::Sum)
    } else if let Some(mut repeat) = fields.nested("repeat") {
        let of = named(&mut repeat, "of");
        let after = repeat.text("after").unwrap_or_default();
        let days =
            if repeat.has("within_days") { repeat.whole("within_days", 1, 366) } else { repeat.missing("within_days") };
        repeat.finish();
        of.zip(days).map(|(of, within_days)| Derived::Repeat { of, after, within_days })
    } else if let Some(mut trend) = fields.nested("trend") {
        let of = named(&mut trend, "of");
        trend.finish();
        of.map(|of| Derived::Trend { of })
    } else {
        fields.note("ratio", msg!("MEASURE_OF_EXPECTED"));
        None
    };
    fields.finish();
    found
}

fn part(mut fields: Fields<'_>) -> Option<Part> {
    let of = named(&mut fields, "of");
    let factor = if fields.has("factor") { fields.computed("factor").and_then(micro) } else { Some(Micro::ONE) };
    fields.finish();
    of.zip(factor).map(|(of, factor)| Part { of, factor })
}

fn team(mut fields: Fields<'_>) -> Option<OfTeam> {
    let of = named(&mut fields, "of");
    let words = [("mean", Rolled::Mean), ("share", Rolled::Share), ("sum", Rolled::Sum)];
    let aggregation =
        if fields.has("aggregation") { fields.word("aggregation", &words) } else { fields.missing("aggregation") };
    let test = fields.nested("test").map_or(Some(None), |fields| test(fields).map(Some));
    fields.finish();
    Some(OfTeam { of: of?, aggregation: aggregation?, test: test? })
}

fn named(fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    if fields.has(key) { fields.text(key) } else { fields.missing(key) }
}
