//! Schemes to begin with: what they are called, whom they are for, and what somebody has to send.

use std::collections::BTreeSet;

use tally_api::performance::v1 as pb;
use tally_bundle::{KpiMeasure, Scheme, TEMPLATES, Template};
use tally_engine::observed::is_own;
use tally_engine::scoring::Measure;
use tally_engine::scoring::definition::{Definition, Of, OfRecords, built_in};
use tally_kernel::{Error, Locale, Message, Result, msg};

use crate::definitions::subject_to;
use crate::scheme_file::{Standard, scheme};

/// All of them. `currency` is that of the group.
///
/// # Errors
/// A fault of ours: they are a part of the program.
pub fn all(currency: &str, locale: Locale) -> Result<Vec<pb::SchemeTemplate>> {
    TEMPLATES.iter().map(|template| one(template, currency, locale)).collect()
}

fn one(template: &Template, currency: &str, locale: Locale) -> Result<pb::SchemeTemplate> {
    let file = template.scheme().map_err(Error::internal)?.ok_or_else(|| Error::internal("an empty template"))?;
    let standard = Standard { currency, is_told: true };
    let written = scheme(&file, standard, false).map_err(|unknown| Error::internal(format_args!("{unknown:?}")))?;
    let name = template.name;
    Ok(pb::SchemeTemplate {
        name: name.to_owned(),
        title: Some(both(&msg!("TEMPLATE_TITLE", name))),
        description: Some(both(&msg!("TEMPLATE_ABOUT", name))),
        record_values: record_values(&file).into_iter().collect(),
        observations: file.measures.iter().filter_map(observed).collect(),
        scheme: Some(in_language(written, &file, locale)),
        file: template.text.to_owned(),
    })
}

fn both(told: &Message) -> pb::BothLanguages {
    let [en, zh_cn] = [Locale::En, Locale::ZhCn].map(|locale| tally_i18n::text(locale, told));
    pb::BothLanguages { en, zh_cn }
}

/// The scheme with what its measures are in a reader's language.
fn in_language(written: pb::Scheme, file: &Scheme, locale: Locale) -> pb::Scheme {
    let measures = file.measures.iter().map(|measure| crate::definitions::definition_to(measure, locale)).collect();
    pb::Scheme { measures, ..written }
}

/// What of records is read.
fn record_values(file: &Scheme) -> BTreeSet<String> {
    let of_record = |of: &Of| match of {
        Of::Record(OfRecords { value, .. }) => value.as_ref().map(|value| value.name().to_owned()),
        Of::Observation(_) | Of::Derived(_) | Of::Team(_) => None,
    };
    let of_parts = |definition: &Definition| {
        let parts = definition.parts().into_iter().filter_map(|part| built_in(&Measure::from(part.to_owned())));
        parts.filter_map(|part| of_record(&part.of)).chain(of_record(&definition.of)).collect::<Vec<_>>()
    };
    let of_kpis = file.kpis.iter().filter(|kpi| kpi.measure != KpiMeasure::Defined).filter_map(|kpi| kpi.of.clone());
    file.measures.iter().flat_map(of_parts).chain(of_kpis).collect()
}

/// What somebody has to observe.
fn observed(definition: &Definition) -> Option<pb::TemplateObservation> {
    let Of::Observation(of) = &definition.of else { return None };
    let (measure, by_suite) = (definition.name.clone(), is_own(&definition.name));
    Some(pb::TemplateObservation { measure, subject: subject_to(of.subject).into(), by_suite })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::domain::problems;

    #[test]
    fn every_template_is_ready_to_be_written_and_says_what_it_needs() {
        let told = all("CNY", Locale::En).unwrap();
        assert_eq!(
            told.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["agent", "operations", "service-manager"]
        );
        for template in &told {
            let new = crate::scheme::message::read(template.scheme.clone().unwrap()).unwrap();
            assert_eq!(problems(&[], &new.scheme), [], "{}", template.name);
            for text in [template.title.clone().unwrap(), template.description.clone().unwrap()] {
                assert!(!text.en.is_empty() && text.zh_cn.chars().any(|c| c > '\u{2e80}'), "{text:?}");
            }
        }
        let observed = |at: usize| {
            let of = |one: &pb::TemplateObservation| (one.measure.clone(), one.by_suite);
            told[at].observations.iter().map(of).collect::<Vec<_>>()
        };
        let own = |name: &str| (name.to_owned(), true);
        let sent = |name: &str| (name.to_owned(), false);
        assert_eq!(observed(0), [sent("quality_check"), own("punctuality")]);
        assert_eq!(told[0].record_values, ["amount", "first_reply_seconds", "rating", "resolved"]);
        let expected = ["store_visitors", "store_orders", "campaign_sales", "operating_cost"].map(sent);
        assert_eq!((observed(1), told[1].record_values.len()), (expected.to_vec(), 0), "no records are needed");
        assert!(observed(2).contains(&own("turnover")) && observed(2).contains(&sent("training_hours")));
        assert_eq!(told[2].record_values, ["amount", "first_reply_seconds", "rating", "resolved"]);
        let dimension = |kpi: &pb::Kpi| kpi.key.split('.').next().unwrap().to_owned();
        let dimensions: BTreeSet<String> = told[2].scheme.iter().flat_map(|s| &s.kpis).map(dimension).collect();
        assert_eq!(dimensions.into_iter().collect::<Vec<_>>(), ["business", "innovation", "service_quality", "team"]);
    }
}
