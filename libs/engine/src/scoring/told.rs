//! What a definition measures, in words.

use tally_kernel::message::Arg;
use tally_kernel::{Message, msg};

use super::definition::{
    Aggregation, Counts, Definition, Derived, Hours, Observed, Of, OfObservations, OfRecords, OfTeam, Rolled, Subject,
    Test, Value,
};

impl Of {
    /// What is measured, as a part of a sentence.
    pub fn explain(&self) -> Message {
        match self {
            Self::Record(records) => of_records(records),
            Self::Observation(OfObservations { aggregation, subject }) => {
                let aggregation = match aggregation {
                    Observed::Sum => "sum",
                    Observed::Mean => "mean",
                    Observed::Last => "last",
                };
                let subject = match subject {
                    Subject::Person => "person",
                    Subject::Unit => "unit",
                    Subject::Account => "account",
                    Subject::Store => "store",
                    Subject::Campaign => "campaign",
                };
                msg!("DEFINED_OBSERVATION", aggregation, subject)
            }
            Self::Derived(derived) => of_others(derived),
            Self::Team(OfTeam { of, aggregation, test }) => {
                let aggregation = match aggregation {
                    Rolled::Mean => "mean",
                    Rolled::Share => "share",
                    Rolled::Sum => "sum",
                };
                msg!("DEFINED_TEAM", aggregation, of, test = optional(test.map(told_test)))
            }
        }
    }
}

impl Definition {
    /// What is measured and when that counts, as a part of a sentence.
    pub fn explain(&self) -> Message {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let valid = match (self.from, self.to) {
            (Some(_), Some(_)) => "between",
            (Some(_), None) => "from",
            (None, Some(_)) => "to",
            (None, None) => "ever",
        };
        let few = if self.min_count > 0 { "yes" } else { "no" };
        let (what, from, to) = (self.of.explain(), day(self.from), day(self.to));
        msg!("DEFINED", what, few, min_count = self.min_count, valid, from, to)
    }
}

fn of_records(records: &OfRecords) -> Message {
    let aggregation = match (records.aggregation, &records.value) {
        (Aggregation::Mean, _) => "mean",
        (Aggregation::Sum, _) => "sum",
        (Aggregation::Share, _) => "share",
        (Aggregation::Count, None) => "count",
        (Aggregation::Count, Some(_)) => "count_of",
        (Aggregation::Distinct, None) => "distinct",
        (Aggregation::Distinct, Some(_)) => "distinct_of",
    };
    let value = optional(records.value.as_ref().map(told_value));
    // Counting by a value alone counts the records that have one.
    let given = records.value.as_ref().filter(|value| **value != Value::Resolved).map(|_| msg!("DEFINED_GIVEN"));
    let test = optional(records.test.map(told_test).or(given));
    let kinds = records.kinds.join(", ");
    let kinds = optional((!kinds.is_empty()).then(|| msg!("DEFINED_KINDS", kinds)));
    let hours = optional(records.hours.map(told_hours));
    let minutes = records.session_minutes;
    let session = optional((minutes > 0).then(|| msg!("DEFINED_SESSION", minutes)));
    msg!("DEFINED_RECORDS", aggregation, value, test, kinds, hours, session)
}

fn of_others(derived: &Derived) -> Message {
    match derived {
        Derived::Ratio { of, per, percent } => {
            msg!("DEFINED_RATIO", of, per, percent = if *percent { "yes" } else { "no" })
        }
        Derived::Sum(parts) => {
            let part = |part: &super::definition::Part| msg!("DEFINED_PART", of = part.of, factor = part.factor);
            msg!("DEFINED_SUM", parts = Arg::List(parts.iter().map(part).collect()))
        }
        Derived::Repeat { of, after, within_days } => {
            let after = if after.is_empty() { of } else { after };
            msg!("DEFINED_REPEAT", of, after, days = within_days)
        }
        Derived::Trend { of } => msg!("DEFINED_TREND", of),
    }
}

fn told_value(value: &Value) -> Message {
    msg!("DEFINED_VALUE", value = value.name())
}

fn told_test(test: Test) -> Message {
    let (is, threshold) = match test {
        Test::AtMost(threshold) => ("at_most", threshold),
        Test::AtLeast(threshold) => ("at_least", threshold),
        Test::Below(threshold) => ("below", threshold),
        Test::Above(threshold) => ("above", threshold),
        Test::Equal(threshold) => ("equal", threshold),
    };
    msg!("DEFINED_TEST", is, threshold)
}

fn told_hours(hours: Hours) -> Message {
    let counts = match hours.counts {
        Counts::Begun => "begun",
        Counts::Inside => "inside",
    };
    let clock = |time: jiff::civil::Time| time.strftime("%H:%M").to_string();
    msg!("DEFINED_HOURS", counts, from = clock(hours.from), to = clock(hours.to))
}

fn optional(part: Option<Message>) -> Arg {
    part.map_or_else(|| Arg::Text(String::new()), Arg::Message)
}
