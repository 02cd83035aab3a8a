//! The definition of a measure as somebody typed it.

use tally_api::performance::v1::measure_definition::Of;
use tally_api::performance::v1::{
    BothLanguages, CatalogueMeasure, Comparison, Direction, ObservationAggregation, ObservationMeasure, ObservationOf,
    RatioMeasure, RecordAggregation, RecordMeasure, Threshold,
};

/// The kinds that have a form, and the ids of their names.
pub const KINDS: [(&str, &str); 3] =
    [("record", "UI_OF_RECORDS"), ("observation", "UI_OF_OBSERVATIONS"), ("ratio", "UI_OF_RATIO")];

/// Of which kind it is; empty for one that has no form.
pub fn kind(measure: &CatalogueMeasure) -> &'static str {
    match measure.definition.as_ref().and_then(|it| it.of.as_ref()) {
        Some(Of::Record(_)) => "record",
        Some(Of::Observation(_)) => "observation",
        Some(Of::Ratio(_)) => "ratio",
        _ => "",
    }
}

/// What was typed, over what it was made from.
pub fn read(base: CatalogueMeasure, kind: &str, get: &impl Fn(&str) -> String) -> CatalogueMeasure {
    let mut definition = base.definition.clone().unwrap_or_default();
    if base.measure_id.is_empty() {
        definition.name = get("name");
    }
    definition.unit = get("unit");
    definition.direction = Direction::from_str_name(&get("direction")).unwrap_or_default().into();
    definition.min_count = get("min_count").parse().unwrap_or_default();
    definition.of = match (kind, definition.of.take()) {
        ("record", of) => Some(Of::Record(record(of, get))),
        ("observation", _) => Some(Of::Observation(ObservationMeasure {
            aggregation: ObservationAggregation::from_str_name(&get("aggregation")).unwrap_or_default().into(),
            subject: ObservationOf::from_str_name(&get("subject")).unwrap_or_default().into(),
        })),
        ("ratio", _) => {
            Some(Of::Ratio(RatioMeasure { of: get("of"), per: get("per"), percent: get("percent") == "yes" }))
        }
        (_, of) => of,
    };
    let unit_id = if base.measure_id.is_empty() { get("unit_id") } else { base.unit_id.clone() };
    let title = Some(BothLanguages { en: get("en"), zh_cn: get("zh_cn") });
    CatalogueMeasure { title, definition: Some(definition), unit_id, ..base }
}

/// Hours and sessions, which the form does not show, stay.
fn record(before: Option<Of>, get: &impl Fn(&str) -> String) -> RecordMeasure {
    let before = if let Some(Of::Record(it)) = before { it } else { RecordMeasure::default() };
    let test = Comparison::from_str_name(&get("is")).map(|is| Threshold { is: is.into(), value: get("test.value") });
    RecordMeasure {
        value: get("value"),
        aggregation: RecordAggregation::from_str_name(&get("aggregation")).unwrap_or_default().into(),
        test,
        kinds: listed(&get("kinds")),
        ..before
    }
}

/// What stands between commas, of whatever script.
pub fn listed(text: &str) -> Vec<String> {
    let parts = text.split([',', '，', '、', ';', '；', '\n']);
    parts.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_does_not_show_stays() {
        let of = Of::Record(RecordMeasure { session_minutes: 10, ..Default::default() });
        let definition = tally_api::performance::v1::MeasureDefinition {
            name: "fast".into(),
            of: Some(of),
            from: "2026-03-01".into(),
            ..Default::default()
        };
        let base = CatalogueMeasure { measure_id: "id".into(), definition: Some(definition), ..Default::default() };
        let typed = |name: &str| match name {
            "is" => "COMPARISON_AT_MOST".to_owned(),
            "test.value" => "30".to_owned(),
            "name" => "slow".to_owned(),
            "kinds" => "presale，售后; x".to_owned(),
            _ => String::new(),
        };
        let read = read(base, "record", &typed).definition.expect("it is defined");
        assert_eq!((read.name.as_str(), read.from.as_str()), ("fast", "2026-03-01"));
        let Some(Of::Record(record)) = read.of else { panic!("of records") };
        assert_eq!((record.session_minutes, record.kinds.len()), (10, 3));
        assert_eq!(record.test, Some(Threshold { is: Comparison::AtMost.into(), value: "30".into() }));
    }
}
