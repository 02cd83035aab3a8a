//! The catalogue of measures: what indicators may be computed from.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::measure_definition::Of;
use tally_api::performance::v1::measure_service_client::MeasureServiceClient;
use tally_api::performance::v1::{
    CatalogueMeasure, Comparison, CreateMeasureRequest, Direction, ObservationAggregation, ObservationOf,
    RecordAggregation, RetireMeasureRequest, UpdateMeasureRequest,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use super::data::{self, client};
use super::definition;
use super::words::{self, Fact};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "cycles/measures.html")]
struct List {
    ui: Ui,
    table: Table,
    may_write: bool,
}

/// `GET /measures`
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_MEASURES"));
    let (measures, units) = futures::try_join!(data::measures(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let titles = data::titles(&ui, &measures);
    let columns = vec![
        Column::text(&ui, "title", "UI_NAME"),
        Column::text(&ui, "said", "UI_MEASURES_WHAT"),
        Column::text(&ui, "owner", "UI_UNIT").filtered(),
        Column::text(&ui, "unit", "UI_UNIT_OF_MEASURE"),
        Column::text(&ui, "direction", "UI_DIRECTION").filtered(),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "name", "UI_KEY").hidden(),
    ];
    let row = |it: &CatalogueMeasure| {
        let definition = it.definition.clone().unwrap_or_default();
        let own = !it.supplied;
        Row {
            id: if own { it.measure_id.clone() } else { definition.name.replace('.', "-") },
            href: if own { format!("/measures/{}", it.measure_id) } else { String::new() },
            cells: vec![
                Cell::text(titles.get(&definition.name).unwrap_or(&definition.name)),
                Cell::text(&definition.description),
                Cell::text(if own { words::unit(&ui, &units, &it.unit_id) } else { ui.t("UI_SUPPLIED") }),
                Cell::text(&definition.unit),
                Cell::text(ui.word(definition.direction().as_str_name())),
                if it.retired.is_some() {
                    Cell::pill(ui.t("UI_RETIRED"), "plain")
                } else {
                    Cell::pill(ui.t("UI_IN_USE"), "good")
                },
                Cell::code(&definition.name),
            ],
        }
    };
    // The group's and the units' own first: there is something to do with them.
    let rows = measures.iter().filter(|it| !it.supplied).chain(measures.iter().filter(|it| it.supplied)).map(row);
    let rows = rows.collect();
    let table = Table::new(&ui, ("measures", "NAV_MEASURES", "UI_NO_MEASURES"), &visit.asked(), columns, rows);
    Ok(List { table, may_write: visit.me().may_others(Permission::SchemeWrite), ui })
}

#[derive(Template)]
#[template(path = "cycles/measure.html")]
struct One {
    ui: Ui,
    facts: Vec<Fact>,
    /// Its kinds, where one is to be chosen: address, name, whether it is this.
    kinds: Vec<(String, String, bool)>,
    form: Option<Form>,
    retire: Option<Form>,
    /// Why the form does not change all of it.
    note: String,
}

/// `GET /measures/new?of=record|observation|ratio`
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(drawn_new(&visit, None).await)
}

async fn drawn_new(visit: &Visit, form: Option<Form>) -> Result<One> {
    let (ui, asked) = (visit.ui(&msg!("UI_NEW_MEASURE")), visit.asked());
    let of = if asked.get("of").is_empty() { "record" } else { asked.get("of") };
    let kind = |(kind, label): (&str, &str)| (format!("/measures/new?of={kind}"), ui.t(label), of == kind);
    let kinds = definition::KINDS.map(kind).to_vec();
    let form = match form {
        Some(form) => form,
        None => form_of(&ui, visit, &CatalogueMeasure::default(), of).await?,
    };
    let ui = ui.below("/measures", visit.ui(&msg!("NAV_MEASURES")).title);
    Ok(One { facts: Vec::new(), kinds, form: Some(form), retire: None, note: String::new(), ui })
}

/// `POST /measures/new?of=`
pub async fn create(visit: Visit, sent: Sent) -> Response<Body> {
    match created(&visit, &sent).await {
        Ok(id) => visit.done(&format!("/measures/{id}"), "MEASURE_SAVED"),
        Err(error) => {
            let (ui, asked) = (visit.ui(&msg!("UI_NEW_MEASURE")), visit.asked());
            let form = form_of(&ui, &visit, &CatalogueMeasure::default(), asked.get("of")).await;
            let page = match form {
                Ok(form) => drawn_new(&visit, Some(form.refused(&ui, sent.fields(), &error))).await,
                Err(error) => Err(error),
            };
            visit.wrong(page, &error)
        }
    }
}

async fn created(visit: &Visit, sent: &Sent) -> Result<String> {
    let measure = definition::read(CatalogueMeasure::default(), visit.asked().get("of"), &|name| sent.get(name).into());
    let ask = CreateMeasureRequest { request_id: sent.request_id(), measure: Some(measure) };
    let answer = told(client!(visit, MeasureServiceClient).create_measure(visit.request(ask))).await?;
    Ok(answer.measure.unwrap_or_default().measure_id)
}

/// `GET /measures/{id}`
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(drawn(&visit, &id, None, None).await)
}

async fn found(visit: &Visit, id: &str) -> Result<CatalogueMeasure> {
    let all = data::measures(visit).await?;
    let found = all.into_iter().find(|it| !it.supplied && it.measure_id == id);
    found.ok_or_else(|| Error::of(ErrorKind::NotFound, msg!("UI_NO_MEASURE")))
}

async fn drawn(visit: &Visit, id: &str, form: Option<Form>, retire: Option<Form>) -> Result<One> {
    let ui = visit.ui(&msg!("NAV_MEASURES"));
    let (measure, units) = futures::try_join!(found(visit, id), names::units(visit, "", None))?;
    let title = data::titles(&ui, std::slice::from_ref(&measure)).into_values().next().unwrap_or_default();
    let ui = ui.titled(title).below("/measures", visit.ui(&msg!("NAV_MEASURES")).title);
    let may = visit.me().may_others(Permission::SchemeWrite);
    let kind = definition::kind(&measure);
    let form = match form {
        Some(form) => Some(form),
        None if may => Some(form_of(&ui, visit, &measure, kind).await?),
        None => None,
    };
    let retire = retire.unwrap_or_else(|| retiring(&ui, id));
    let note = if may && kind.is_empty() { ui.t("UI_MEASURE_OTHER_KIND") } else { String::new() };
    let facts = facts(&ui, &measure, &Names::of_units(&units));
    let retire = Some(retire).filter(|_| may && measure.retired.is_none());
    Ok(One { facts, kinds: Vec::new(), form, retire, note, ui })
}

fn facts(ui: &Ui, measure: &CatalogueMeasure, units: &Names) -> Vec<Fact> {
    let definition = measure.definition.clone().unwrap_or_default();
    let mut facts = vec![
        Fact::new(ui, "UI_MEASURES_WHAT", &definition.description),
        Fact::new(ui, "UI_UNIT", words::unit(ui, units, &measure.unit_id)),
        Fact::new(ui, "UI_KEY", &definition.name),
        Fact::new(ui, "UI_REVISION", ui.format.count(measure.revision)),
    ];
    if let Some(retired) = &measure.retired {
        let (at, reason) = (ui.moment(retired.at.as_ref()), &retired.reason);
        facts.push(Fact::new(ui, "UI_RETIRED", ui.say(&msg!("UI_RETIRED_BECAUSE", at, reason))));
    }
    facts
}

fn retiring(ui: &Ui, id: &str) -> Form {
    Form::new(ui, format!("/measures/{id}/retire"), "retire", "UI_RETIRE")
        .with(Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")))
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
        .danger()
}

/// `POST /measures/{id}`: defines it otherwise from now on.
pub async fn update(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    match updated(&visit, &id, &sent).await {
        Ok(()) => visit.done(&format!("/measures/{id}"), "MEASURE_SAVED"),
        Err(error) => {
            let ui = visit.ui(&msg!("NAV_MEASURES"));
            let page = match found(&visit, &id).await {
                Ok(measure) => match form_of(&ui, &visit, &measure, definition::kind(&measure)).await {
                    Ok(form) => drawn(&visit, &id, Some(form.refused(&ui, sent.fields(), &error)), None).await,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            visit.wrong(page, &error)
        }
    }
}

async fn updated(visit: &Visit, id: &str, sent: &Sent) -> Result<()> {
    let base = found(visit, id).await?;
    let kind = definition::kind(&base);
    let mut measure = definition::read(base, kind, &|name| sent.get(name).into());
    // The revision that the page was made from: what somebody else changed since is not written over.
    measure.revision = sent.get("revision").parse().unwrap_or_default();
    let ask = UpdateMeasureRequest { request_id: sent.request_id(), measure: Some(measure) };
    told(client!(visit, MeasureServiceClient).update_measure(visit.request(ask))).await.map(drop)
}

/// `POST /measures/{id}/retire`
pub async fn retire(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let (request_id, reason) = (sent.request_id(), sent.get("reason").to_owned());
    let ask = RetireMeasureRequest { request_id, measure_id: id.clone(), reason };
    let answer = match visit.channel("performance") {
        Ok(way) => told(MeasureServiceClient::new(way).retire_measure(visit.request(ask))).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(_) => visit.done(&format!("/measures/{id}"), "MEASURE_RETIRED"),
        Err(error) => {
            let ui = visit.ui(&msg!("NAV_MEASURES"));
            let form = retiring(&ui, &id).refused(&ui, sent.fields(), &error);
            visit.wrong(drawn(&visit, &id, None, Some(form)).await, &error)
        }
    }
}

/// The form of a kind of measures; of a kind that has none, what all of them have.
async fn form_of(ui: &Ui, visit: &Visit, measure: &CatalogueMeasure, kind: &str) -> Result<Form> {
    let definition = measure.definition.clone().unwrap_or_default();
    let title = measure.title.clone().unwrap_or_default();
    let further = !measure.measure_id.is_empty();
    let word = |name: &'static str| Choice::new(name, ui.word(name));
    let directions = [Direction::Higher, Direction::Lower].map(|it| word(it.as_str_name())).to_vec();
    let action = ui.here().split("?done").next().unwrap_or_default().replace("/retire", "");
    let mut form = Form::new(ui, action, "measure", "UI_SAVE")
        .with(Field::text(ui, "en", "UI_TITLE_EN").required().value(title.en))
        .with(Field::text(ui, "zh_cn", "UI_TITLE_ZH").required().value(title.zh_cn));
    if further {
        form = form.with(Field::hidden("revision", measure.revision.to_string()));
    } else {
        let units = Names::of_units(&names::units(visit, "", None).await?).choices();
        let mut unit = Field::new(ui, "unit_id", "UI_UNIT", Kind::Choice(units));
        if visit.me().may_all(Permission::SchemeWrite) {
            unit = unit.hint(ui.t("UI_UNIT_OR_GROUP_HINT"));
        } else {
            unit = unit.required();
        }
        let name = Field::text(ui, "name", "UI_KEY").required().hint(ui.t("UI_MEASURE_KEY_HINT"));
        form = form.with(name).with(unit);
    }
    for field in kind_fields(ui, visit, &definition.of, kind).await? {
        form = form.with(field);
    }
    let direction = if measure.definition.is_some() { definition.direction() } else { Direction::Higher };
    Ok(form
        .with(Field::text(ui, "unit", "UI_UNIT_OF_MEASURE").value(&definition.unit))
        .with(
            Field::new(ui, "direction", "UI_DIRECTION", Kind::Choice(directions))
                .required()
                .value(direction.as_str_name()),
        )
        .with(
            Field::new(ui, "min_count", "UI_MIN_COUNT", Kind::Number)
                .value(super::draft::count(definition.min_count))
                .hint(ui.t("UI_MIN_COUNT_HINT")),
        ))
}

async fn kind_fields(ui: &Ui, visit: &Visit, of: &Option<Of>, kind: &str) -> Result<Vec<Field>> {
    let words = |names: &[&'static str]| names.iter().map(|name| Choice::new(*name, ui.word(name))).collect::<Vec<_>>();
    let choice = |name: &str, label: &str, choices: Vec<Choice>| Field::new(ui, name, label, Kind::Choice(choices));
    Ok(match kind {
        "observation" => {
            let it = if let Some(Of::Observation(it)) = of { *it } else { Default::default() };
            let ways = [ObservationAggregation::Mean, ObservationAggregation::Sum, ObservationAggregation::Last];
            let subjects = [
                ObservationOf::Person,
                ObservationOf::Unit,
                ObservationOf::Account,
                ObservationOf::Store,
                ObservationOf::Campaign,
            ];
            vec![
                choice("subject", "UI_OBSERVED_OF", words(&subjects.map(|it| it.as_str_name())))
                    .required()
                    .value(it.subject().as_str_name()),
                choice("aggregation", "UI_AGGREGATION", words(&ways.map(|it| it.as_str_name())))
                    .required()
                    .value(it.aggregation().as_str_name()),
            ]
        }
        "record" => {
            let it = if let Some(Of::Record(it)) = of { it.clone() } else { Default::default() };
            let test = it.test.clone().unwrap_or_default();
            let ways = [
                RecordAggregation::Count,
                RecordAggregation::Mean,
                RecordAggregation::Sum,
                RecordAggregation::Share,
                RecordAggregation::Distinct,
            ];
            let compared =
                [Comparison::AtMost, Comparison::AtLeast, Comparison::Below, Comparison::Above, Comparison::Equal];
            vec![
                choice("aggregation", "UI_AGGREGATION", words(&ways.map(|it| it.as_str_name())))
                    .required()
                    .value(it.aggregation().as_str_name()),
                Field::text(ui, "value", "UI_RECORD_VALUE").value(&it.value).hint(ui.t("UI_RECORD_VALUE_HINT")),
                choice("is", "UI_TEST", words(&compared.map(|it| it.as_str_name()))).value(test.is().as_str_name()),
                Field::new(ui, "test.value", "UI_TEST_VALUE", Kind::Number).value(&test.value),
                Field::text(ui, "kinds", "UI_RECORD_KINDS").value(it.kinds.join(", ")).hint(ui.t("UI_LIST_HINT")),
            ]
        }
        "ratio" => {
            let it = if let Some(Of::Ratio(it)) = of { it.clone() } else { Default::default() };
            let measures = data::measures(visit).await?;
            let mut choices: Vec<_> =
                data::titles(ui, &measures).into_iter().map(|(name, title)| Choice::new(name, title)).collect();
            choices.sort_by(|a, b| ui.format.order(&a.label, &b.label));
            vec![
                choice("of", "UI_RATIO_OF", choices.clone()).required().value(&it.of),
                choice("per", "UI_RATIO_PER", choices).required().value(&it.per),
                Field::new(ui, "percent", "UI_IN_PERCENT", Kind::Check).value(if it.percent { "yes" } else { "" }),
            ]
        }
        _ => Vec::new(),
    })
}
