//! Definitions of measures, as contracts carry them.

use jiff::civil::Time;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::measure_definition as wire;
use tally_app::convert::{choice, date_text, optional_date};
use tally_engine::scoring::Direction;
use tally_engine::scoring::definition::{
    Aggregation, Counts, Definition, Derived, Hours, Observed, Of, OfObservations, OfRecords, OfTeam, Part, Rolled,
    Subject, Test,
};
use tally_kernel::error::Violations;
use tally_kernel::{Locale, Micro, msg};

/// A definition, sent at this path of a request.
pub fn definition_of(v: &mut Violations, path: &str, sent: pb::MeasureDefinition) -> Option<Definition> {
    v.text(&format!("{path}.name"), &sent.name, 200);
    if !sent.unit.is_empty() {
        v.text(&format!("{path}.unit"), &sent.unit, 50);
    }
    let direction = match sent.direction() {
        pb::Direction::Unspecified | pb::Direction::Higher => Direction::Higher,
        pb::Direction::Lower => Direction::Lower,
    };
    let from = optional_date(v, &format!("{path}.from"), &sent.from);
    let to = optional_date(v, &format!("{path}.to"), &sent.to);
    let of = choice(v, &format!("{path}.of"), sent.of, msg!("MEASURE_OF_EXPECTED"))?;
    let of = match of {
        wire::Of::Record(sent) => records_of(v, &format!("{path}.record"), sent).map(Of::Record),
        wire::Of::Observation(sent) => observations_of(v, &format!("{path}.observation"), sent).map(Of::Observation),
        wire::Of::Ratio(pb::RatioMeasure { of, per, percent }) => {
            Some(Of::Derived(Derived::Ratio { of, per, percent }))
        }
        wire::Of::Sum(sent) => parts_of(v, &format!("{path}.sum"), sent).map(|parts| Of::Derived(Derived::Sum(parts))),
        wire::Of::Repeat(pb::RepeatMeasure { of, after, within_days }) => {
            Some(Of::Derived(Derived::Repeat { of, after, within_days }))
        }
        wire::Of::Trend(pb::TrendMeasure { of }) => Some(Of::Derived(Derived::Trend { of })),
        wire::Of::Team(sent) => team_of(v, &format!("{path}.team"), sent).map(Of::Team),
    };
    let (name, unit, standard_unit, min_count) = (sent.name, sent.unit, sent.standard_unit, sent.min_count);
    Some(Definition { name, version: sent.version, unit, standard_unit, direction, of: of?, min_count, from, to })
}

fn records_of(v: &mut Violations, path: &str, sent: pb::RecordMeasure) -> Option<OfRecords> {
    let aggregation = match sent.aggregation() {
        pb::RecordAggregation::Unspecified => None,
        pb::RecordAggregation::Mean => Some(Aggregation::Mean),
        pb::RecordAggregation::Sum => Some(Aggregation::Sum),
        pb::RecordAggregation::Count => Some(Aggregation::Count),
        pb::RecordAggregation::Share => Some(Aggregation::Share),
        pb::RecordAggregation::Distinct => Some(Aggregation::Distinct),
    };
    let aggregation = choice(v, &format!("{path}.aggregation"), aggregation, msg!("AGGREGATION_EXPECTED"));
    let test = test_of(v, path, sent.test);
    let hours = match sent.hours {
        None => Some(None),
        Some(hours) => {
            let from = time_of(v, &format!("{path}.hours.from"), &hours.from);
            let to = time_of(v, &format!("{path}.hours.to"), &hours.to);
            let counts = if hours.inside { Counts::Inside } else { Counts::Begun };
            from.zip(to).map(|(from, to)| Some(Hours { from, to, counts }))
        }
    };
    let value = (!sent.value.is_empty()).then(|| sent.value.into());
    let (kinds, session_minutes) = (sent.kinds, sent.session_minutes);
    Some(OfRecords { value, aggregation: aggregation?, test: test?, kinds, hours: hours?, session_minutes })
}

fn time_of(v: &mut Violations, field: &str, text: &str) -> Option<Time> {
    let time = Time::strptime("%H:%M", text).ok();
    if time.is_none() {
        v.push(field, msg!("TIME_OF_DAY_MALFORMED", text));
    }
    time
}

/// No test, or one with a threshold that is a number.
fn test_of(v: &mut Violations, path: &str, sent: Option<pb::Threshold>) -> Option<Option<Test>> {
    let Some(sent) = sent else { return Some(None) };
    let threshold: Option<Micro> = v.parse(&format!("{path}.test.value"), &sent.value);
    let is = match sent.is() {
        pb::Comparison::Unspecified => None,
        pb::Comparison::AtMost => Some(Test::AtMost as fn(Micro) -> Test),
        pb::Comparison::AtLeast => Some(Test::AtLeast as fn(Micro) -> Test),
        pb::Comparison::Below => Some(Test::Below as fn(Micro) -> Test),
        pb::Comparison::Above => Some(Test::Above as fn(Micro) -> Test),
        pb::Comparison::Equal => Some(Test::Equal as fn(Micro) -> Test),
    };
    let is = choice(v, &format!("{path}.test.is"), is, msg!("MEASURE_TEST_MISSING"));
    is.zip(threshold).map(|(is, threshold)| Some(is(threshold)))
}

fn observations_of(v: &mut Violations, path: &str, sent: pb::ObservationMeasure) -> Option<OfObservations> {
    let aggregation = match sent.aggregation() {
        pb::ObservationAggregation::Unspecified => None,
        pb::ObservationAggregation::Sum => Some(Observed::Sum),
        pb::ObservationAggregation::Mean => Some(Observed::Mean),
        pb::ObservationAggregation::Last => Some(Observed::Last),
    };
    let subject = match sent.subject() {
        pb::ObservationOf::Unspecified => None,
        pb::ObservationOf::Person => Some(Subject::Person),
        pb::ObservationOf::Unit => Some(Subject::Unit),
        pb::ObservationOf::Account => Some(Subject::Account),
        pb::ObservationOf::Store => Some(Subject::Store),
        pb::ObservationOf::Campaign => Some(Subject::Campaign),
    };
    let aggregation = choice(v, &format!("{path}.aggregation"), aggregation, msg!("AGGREGATION_EXPECTED"));
    let subject = choice(v, &format!("{path}.subject"), subject, msg!("OBSERVED_OF_EXPECTED"));
    aggregation.zip(subject).map(|(aggregation, subject)| OfObservations { aggregation, subject })
}

fn parts_of(v: &mut Violations, path: &str, sent: pb::SumMeasure) -> Option<Vec<Part>> {
    let part = |(i, pb::SumPart { of, factor }): (usize, pb::SumPart)| {
        let factor = match factor.as_str() {
            "" => Some(Micro::ONE),
            text => v.parse(&format!("{path}.parts[{i}].factor"), text),
        };
        factor.map(|factor| Part { of, factor })
    };
    let parts: Vec<Option<Part>> = sent.parts.into_iter().enumerate().map(part).collect();
    parts.into_iter().collect()
}

fn team_of(v: &mut Violations, path: &str, sent: pb::TeamMeasure) -> Option<OfTeam> {
    let aggregation = match sent.aggregation() {
        pb::TeamAggregation::Unspecified => None,
        pb::TeamAggregation::Mean => Some(Rolled::Mean),
        pb::TeamAggregation::Share => Some(Rolled::Share),
        pb::TeamAggregation::Sum => Some(Rolled::Sum),
    };
    let aggregation = choice(v, &format!("{path}.aggregation"), aggregation, msg!("AGGREGATION_EXPECTED"));
    let test = test_of(v, path, sent.test);
    Some(OfTeam { of: sent.of, aggregation: aggregation?, test: test? })
}

/// A definition as it is told, with what it measures in a reader's language.
pub fn definition_to(definition: &Definition, locale: Locale) -> pb::MeasureDefinition {
    let direction = match definition.direction {
        Direction::Higher => pb::Direction::Higher,
        Direction::Lower => pb::Direction::Lower,
    };
    pb::MeasureDefinition {
        name: definition.name.clone(),
        version: definition.version,
        unit: definition.unit.clone(),
        standard_unit: definition.standard_unit,
        direction: direction.into(),
        of: Some(of_to(&definition.of)),
        min_count: definition.min_count,
        from: date_text(definition.from),
        to: date_text(definition.to),
        description: tally_i18n::text(locale, &definition.explain()),
    }
}

fn of_to(of: &Of) -> wire::Of {
    match of.clone() {
        Of::Record(records) => wire::Of::Record(records_to(records)),
        Of::Observation(of) => wire::Of::Observation(observations_to(&of)),
        Of::Derived(Derived::Ratio { of, per, percent }) => wire::Of::Ratio(pb::RatioMeasure { of, per, percent }),
        Of::Derived(Derived::Sum(parts)) => {
            let part = |part: Part| pb::SumPart { of: part.of, factor: part.factor.to_string() };
            wire::Of::Sum(pb::SumMeasure { parts: parts.into_iter().map(part).collect() })
        }
        Of::Derived(Derived::Repeat { of, after, within_days }) => {
            wire::Of::Repeat(pb::RepeatMeasure { of, after, within_days })
        }
        Of::Derived(Derived::Trend { of }) => wire::Of::Trend(pb::TrendMeasure { of }),
        Of::Team(OfTeam { of, aggregation, test }) => {
            let aggregation = match aggregation {
                Rolled::Mean => pb::TeamAggregation::Mean,
                Rolled::Share => pb::TeamAggregation::Share,
                Rolled::Sum => pb::TeamAggregation::Sum,
            };
            wire::Of::Team(pb::TeamMeasure { of, aggregation: aggregation.into(), test: test.map(test_to) })
        }
    }
}

fn records_to(of: OfRecords) -> pb::RecordMeasure {
    let aggregation = match of.aggregation {
        Aggregation::Mean => pb::RecordAggregation::Mean,
        Aggregation::Sum => pb::RecordAggregation::Sum,
        Aggregation::Count => pb::RecordAggregation::Count,
        Aggregation::Share => pb::RecordAggregation::Share,
        Aggregation::Distinct => pb::RecordAggregation::Distinct,
    };
    let clock = |time: Time| time.strftime("%H:%M").to_string();
    let hours = |hours: Hours| pb::CountingHours {
        from: clock(hours.from),
        to: clock(hours.to),
        inside: hours.counts == Counts::Inside,
    };
    pb::RecordMeasure {
        value: of.value.map(String::from).unwrap_or_default(),
        aggregation: aggregation.into(),
        test: of.test.map(test_to),
        kinds: of.kinds,
        hours: of.hours.map(hours),
        session_minutes: of.session_minutes,
    }
}

fn observations_to(of: &OfObservations) -> pb::ObservationMeasure {
    let aggregation = match of.aggregation {
        Observed::Sum => pb::ObservationAggregation::Sum,
        Observed::Mean => pb::ObservationAggregation::Mean,
        Observed::Last => pb::ObservationAggregation::Last,
    };
    pb::ObservationMeasure { aggregation: aggregation.into(), subject: subject_to(of.subject).into() }
}

/// Of what something is observed.
pub(crate) fn subject_to(subject: Subject) -> pb::ObservationOf {
    match subject {
        Subject::Person => pb::ObservationOf::Person,
        Subject::Unit => pb::ObservationOf::Unit,
        Subject::Account => pb::ObservationOf::Account,
        Subject::Store => pb::ObservationOf::Store,
        Subject::Campaign => pb::ObservationOf::Campaign,
    }
}

fn test_to(test: Test) -> pb::Threshold {
    let (is, value) = match test {
        Test::AtMost(threshold) => (pb::Comparison::AtMost, threshold),
        Test::AtLeast(threshold) => (pb::Comparison::AtLeast, threshold),
        Test::Below(threshold) => (pb::Comparison::Below, threshold),
        Test::Above(threshold) => (pb::Comparison::Above, threshold),
        Test::Equal(threshold) => (pb::Comparison::Equal, threshold),
    };
    pb::Threshold { is: is.into(), value: value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(of: wire::Of) -> pb::MeasureDefinition {
        pb::MeasureDefinition {
            name: "it".into(),
            of: Some(of),
            min_count: 3,
            from: "2026-03-01".into(),
            ..Default::default()
        }
    }

    fn read(sent: pb::MeasureDefinition) -> Result<Definition, Vec<String>> {
        let mut v = Violations::new();
        let found = definition_of(&mut v, "measures[0]", sent);
        v.finish(found).map_err(|e| e.violations().iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn every_kind_of_definition_comes_back_as_it_was_sent() {
        let test = || Some(test_to(Test::AtMost(Micro::from_int(60))));
        let hours = pb::CountingHours { from: "09:00".into(), to: "22:30".into(), inside: true };
        let record = pb::RecordMeasure {
            value: "first_reply_seconds".into(),
            aggregation: pb::RecordAggregation::Share.into(),
            test: test(),
            kinds: vec!["presale".into()],
            hours: Some(hours),
            session_minutes: 30,
        };
        let observation = pb::ObservationMeasure {
            aggregation: pb::ObservationAggregation::Last.into(),
            subject: pb::ObservationOf::Store.into(),
        };
        let parts = vec![pb::SumPart { of: "a".into(), factor: "0.5".into() }];
        let team = pb::TeamMeasure { of: "a".into(), aggregation: pb::TeamAggregation::Share.into(), test: test() };
        for of in [
            wire::Of::Record(record),
            wire::Of::Observation(observation),
            wire::Of::Ratio(pb::RatioMeasure { of: "a".into(), per: "b".into(), percent: true }),
            wire::Of::Sum(pb::SumMeasure { parts }),
            wire::Of::Repeat(pb::RepeatMeasure { of: "a".into(), after: "b".into(), within_days: 7 }),
            wire::Of::Trend(pb::TrendMeasure { of: "a".into() }),
            wire::Of::Team(team),
        ] {
            let definition = read(sent(of.clone())).unwrap();
            let told = definition_to(&definition, Locale::En);
            assert_eq!((told.of.as_ref(), told.min_count, told.from.as_str()), (Some(&of), 3, "2026-03-01"));
            assert!(!told.description.is_empty() && !told.description.contains("DEFINED"), "{}", told.description);
        }
    }

    #[test]
    fn everything_that_cannot_be_read_is_refused_by_its_field() {
        assert_eq!(
            read(pb::MeasureDefinition { name: "it".into(), ..Default::default() }),
            Err(vec!["measures[0].of".into()])
        );
        let hours = pb::CountingHours { from: "9".into(), to: "22:00".into(), inside: false };
        let test = pb::Threshold { is: 9, value: "x".into() };
        let record = pb::RecordMeasure { hours: Some(hours), test: Some(test), ..Default::default() };
        let fields = ["record.aggregation", "record.test.value", "record.test.is", "record.hours.from"];
        let fields = fields.map(|field| format!("measures[0].{field}")).to_vec();
        assert_eq!(read(sent(wire::Of::Record(record))), Err(fields));
    }
}
