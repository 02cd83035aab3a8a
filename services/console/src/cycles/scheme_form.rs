//! Writing a version of a scheme: a form that does not save what does not sum.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_api::performance::v1::{
    CatalogueMeasure, CreateSchemeVersionRequest, Direction, ListSchemeTemplatesRequest, Normalisation, Scheme,
    SchemeParent,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use super::data::{self, client};
use super::draft;
use super::words;
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Kind};
use crate::visit::{Sent, Visit};

/// What the weights of a scheme sum to.
const WHOLE: Decimal = Decimal::ONE_HUNDRED;

/// An indicator in the form.
struct Part {
    at: usize,
    /// What it is called in the form.
    title: String,
    fields: Vec<Field>,
}

/// What the weights sum to, and what that means.
struct Sum {
    said: String,
    whole: bool,
}

#[derive(Template)]
#[template(path = "cycles/scheme-form.html")]
struct Written {
    ui: Ui,
    action: String,
    /// What it is made from, in words.
    from: String,
    fields: Vec<Field>,
    parts: Vec<Part>,
    sum: Sum,
    /// What was refused and belongs to no field.
    wrong: Vec<String>,
    back: String,
}

/// What a form begins from: a template, a standard to refine, a version before, or nothing.
struct Beginning {
    scheme: Scheme,
    from: String,
    /// Name and owner stay: it is a further version.
    further: bool,
}

/// `GET /schemes/new?template=&refines=`
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit, "").await)
}

/// `GET /schemes/{id}/new-version`
pub async fn further(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(asked(&visit, &id).await)
}

/// `POST /schemes/new`
pub async fn write(visit: Visit, sent: Sent) -> Response<Body> {
    written(&visit, "", &sent).await.unwrap_or_else(|error| visit.refused(&error))
}

/// `POST /schemes/{id}/new-version`
pub async fn write_further(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    written(&visit, &id, &sent).await.unwrap_or_else(|error| visit.refused(&error))
}

async fn asked(visit: &Visit, id: &str) -> Result<Written> {
    let beginning = beginning(visit, id).await?;
    let scheme = beginning.scheme.clone();
    page(visit, id, &beginning, &scheme).await
}

async fn beginning(visit: &Visit, id: &str) -> Result<Beginning> {
    let (ui, asked) = (visit.ui(&msg!("UI_NEW_SCHEME")), visit.asked());
    if !id.is_empty() {
        let scheme = data::scheme(visit, id, 0).await?;
        let version = scheme.version;
        let from = ui.say(&msg!("UI_FROM_VERSION", version));
        return Ok(Beginning { scheme: draft::without_copies(scheme), from, further: true });
    }
    if !asked.get("refines").is_empty() {
        let standard = data::scheme(visit, asked.get("refines"), 0).await?;
        let (name, version) = (&standard.name, standard.version);
        let from = ui.say(&msg!("UI_FROM_STANDARD", name, version));
        let parent = Some(SchemeParent { scheme_id: standard.scheme_id.clone(), version });
        let scheme = Scheme { parent, bounds: None, unit_id: String::new(), name: String::new(), ..standard };
        return Ok(Beginning { scheme: draft::without_copies(scheme), from, further: false });
    }
    let template = asked.get("template");
    let ask = visit.request(ListSchemeTemplatesRequest {});
    let templates = told(client!(visit, SchemeServiceClient).list_scheme_templates(ask)).await?.templates;
    let found = templates.into_iter().find(|it| it.name == template).and_then(|it| it.scheme);
    let from = ui.t(if found.is_some() { "UI_FROM_TEMPLATE" } else { "UI_FROM_NOTHING" });
    let scheme = found.map(draft::without_copies).unwrap_or_else(draft::empty);
    Ok(Beginning { scheme, from, further: false })
}

async fn written(visit: &Visit, id: &str, sent: &Sent) -> Result<Response<Body>> {
    let beginning = beginning(visit, id).await?;
    let get = |name: &str| sent.get(name).to_owned();
    let scheme = draft::read(&beginning.scheme, beginning.further, &get);
    let scheme = match sent.get("do") {
        "save" => return saved(visit, id, &beginning, scheme, sent).await,
        "add" => draft::with_one_more(scheme),
        other => other
            .strip_prefix("remove-")
            .and_then(|at| at.parse().ok())
            .map_or(scheme.clone(), |at| draft::without(scheme, at)),
    };
    Ok(visit.page(page(visit, id, &beginning, &scheme).await))
}

async fn saved(visit: &Visit, id: &str, beginning: &Beginning, scheme: Scheme, sent: &Sent) -> Result<Response<Body>> {
    let sum = draft::sum(&scheme);
    let answer = if sum == WHOLE {
        let ask = CreateSchemeVersionRequest { request_id: sent.request_id(), scheme: Some(scheme.clone()) };
        told(client!(visit, SchemeServiceClient).create_scheme_version(visit.request(ask))).await
    } else {
        let wrong = Error::of(ErrorKind::InvalidArgument, msg!("INVALID_REQUEST", count = 1));
        Err(wrong.at("kpis".to_owned(), msg!("WEIGHTS_NOT_HUNDRED", sum = sum.to_string())))
    };
    let error = match answer {
        Ok(answer) => {
            let made = answer.scheme.unwrap_or_default().scheme_id;
            return Ok(visit.done(&format!("/schemes/{made}"), "SCHEME_SAVED"));
        }
        Err(error) => error,
    };
    let page = page(visit, id, beginning, &scheme).await.map(|page| page.refused(&error));
    Ok(visit.wrong(page, &error))
}

async fn page(visit: &Visit, id: &str, beginning: &Beginning, scheme: &Scheme) -> Result<Written> {
    let (units, measures) = futures::try_join!(names::units(visit, "", None), data::measures(visit))?;
    let list = visit.ui(&msg!("NAV_SCHEMES")).title;
    let ui = visit.ui(&msg!("UI_NEW_SCHEME")).below("/schemes", list);
    let (ui, back) = if id.is_empty() {
        (ui, "/schemes".to_owned())
    } else {
        let name = &scheme.name;
        let title = ui.say(&msg!("UI_NEW_VERSION_OF", name));
        (ui.below(format!("/schemes/{id}"), name).titled(title), format!("/schemes/{id}"))
    };
    let choices = measure_choices(&ui, &measures, scheme);
    Ok(Written {
        action: ui.here().to_owned(),
        from: beginning.from.clone(),
        fields: if beginning.further { rest(&ui, scheme) } else { whole(&ui, visit, scheme, &Names::of_units(&units)) },
        parts: scheme.kpis.iter().enumerate().map(|(at, _)| part(&ui, scheme, at, &choices)).collect(),
        sum: sum(&ui, scheme),
        wrong: Vec::new(),
        back,
        ui,
    })
}

fn sum(ui: &Ui, scheme: &Scheme) -> Sum {
    let sum = draft::sum(scheme);
    let said = ui.format.number(&sum.normalize().to_string());
    let rest = ui.format.number(&(WHOLE - sum).abs().normalize().to_string());
    let said = match sum.cmp(&WHOLE) {
        std::cmp::Ordering::Equal => ui.say(&msg!("UI_SUM_WHOLE", said)),
        std::cmp::Ordering::Less => ui.say(&msg!("UI_SUM_SHORT", said, rest)),
        std::cmp::Ordering::Greater => ui.say(&msg!("UI_SUM_OVER", said, rest)),
    };
    Sum { said, whole: sum == WHOLE }
}

fn whole(ui: &Ui, visit: &Visit, scheme: &Scheme, units: &Names) -> Vec<Field> {
    let mut owner = Field::new(ui, "unit_id", "UI_UNIT", Kind::Choice(units.choices())).value(&scheme.unit_id);
    if visit.me().may_all(Permission::SchemeWrite) && scheme.parent.is_none() {
        owner = owner.hint(ui.t("UI_UNIT_OR_GROUP_HINT"));
    } else {
        owner = owner.required();
    }
    let name = Field::text(ui, "name", "UI_NAME").required().value(&scheme.name);
    let mut fields = vec![name, owner];
    fields.extend(rest(ui, scheme));
    fields
}

fn rest(ui: &Ui, scheme: &Scheme) -> Vec<Field> {
    let tick =
        |name: &str, label: &str, on: bool| Field::new(ui, name, label, Kind::Check).value(if on { "yes" } else { "" });
    let mut fields = vec![tick("collaboration", "UI_COLLABORATION", scheme.collaboration)];
    if scheme.parent.is_none() {
        let currency = Field::text(ui, "currency", "UI_CURRENCY").value(&scheme.currency);
        fields.push(currency.hint(ui.t("UI_CURRENCY_HINT")));
        fields.push(tick("refinable", "UI_MAY_BE_REFINED", scheme.bounds.is_some()));
        fields.push(tick("mandatory", "UI_MUST_BE_REFINED", scheme.bounds.as_ref().is_some_and(|it| it.mandatory)));
    }
    fields
}

fn measure_choices(ui: &Ui, measures: &[CatalogueMeasure], scheme: &Scheme) -> Vec<Choice> {
    let titles = data::titles(ui, measures);
    let in_use = measures.iter().filter(|it| it.retired.is_none()).filter_map(|it| it.definition.as_ref());
    let mut names: Vec<&str> = in_use.map(|it| it.name.as_str()).collect();
    // What a template or a version before brings itself, and columns of records, which no catalogue has.
    let brought = scheme.measures.iter().map(|it| it.name.as_str());
    for name in brought.chain(scheme.kpis.iter().map(|kpi| kpi.measure.as_str())) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    let title = |name: &str| titles.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let mut choices: Vec<_> = names.into_iter().map(|name| Choice::new(name, title(name))).collect();
    choices.sort_by(|a, b| ui.format.order(&a.label, &b.label));
    choices
}

fn part(ui: &Ui, scheme: &Scheme, at: usize, measures: &[Choice]) -> Part {
    let kpi = scheme.kpis.get(at).cloned().unwrap_or_default();
    let number = at + 1;
    let name = |field: &str| format!("kpis[{at}].{field}");
    let of = |field: &str, label: &str, kind: Kind, value: &str| Field::new(ui, &name(field), label, kind).value(value);
    let word = |name: &'static str| Choice::new(name, ui.word(name));
    let directions = [Direction::Higher, Direction::Lower].map(|it| word(it.as_str_name())).to_vec();
    let ways =
        [Normalisation::TargetPiecewise, Normalisation::MinMax, Normalisation::Percentile, Normalisation::TScore];
    let ways = ways.map(|it| word(it.as_str_name())).to_vec();
    let target = if kpi.target == words::TEAM_MEDIAN { "" } else { &kpi.target };
    let mut fields = vec![
        of("measure", "UI_MEASURE", Kind::Choice(measures.to_vec()), &kpi.measure).required(),
        of("weight", "UI_WEIGHT", Kind::Number, &kpi.weight).required(),
        of("target", "UI_TARGET", Kind::Number, target).hint(ui.t("UI_TARGET_HINT")),
        of("direction", "UI_DIRECTION", Kind::Choice(directions), kpi.direction().as_str_name()).required(),
        of("normalisation", "UI_HOW_POINTS", Kind::Choice(ways), kpi.normalisation().as_str_name()).required(),
        of("floor", "UI_FLOOR", Kind::Number, &kpi.floor).required(),
        of("cap", "UI_CAP", Kind::Number, &kpi.cap).required(),
        of("unit", "UI_UNIT_OF_MEASURE", Kind::Text, &kpi.unit),
        of("small_sample", "UI_SMALL_SAMPLE", Kind::Number, &draft::count(kpi.small_sample))
            .hint(ui.t("UI_SMALL_SAMPLE_HINT")),
        of("key", "UI_KEY", Kind::Text, &kpi.key).hint(ui.t("UI_KEY_HINT")),
    ];
    if scheme.parent.is_none() {
        let within = draft::within(scheme, &kpi);
        fields.push(of("within", "UI_WITHIN", Kind::Number, &within).hint(ui.t("UI_WITHIN_HINT")));
    }
    Part { at, title: ui.say(&msg!("UI_INDICATOR_N", number)), fields }
}

impl Written {
    /// With what was refused beside its fields.
    fn refused(mut self, error: &Error) -> Self {
        for violation in error.violations() {
            let said = self.ui.say(&violation.message);
            let name = violation.field.strip_prefix("scheme.").unwrap_or(&violation.field);
            let mut all = self.fields.iter_mut().chain(self.parts.iter_mut().flat_map(|part| &mut part.fields));
            match all.find(|field| field.name == name) {
                Some(field) => field.error = said,
                None => self.wrong.push(said),
            }
        }
        if error.violations().is_empty() {
            self.wrong.push(tally_i18n::sentence(self.ui.locale(), error));
        }
        self
    }

    /// Whether anything was refused.
    fn is_refused(&self) -> bool {
        !self.wrong.is_empty() || self.faults().next().is_some()
    }

    /// The fields with something wrong.
    fn faults(&self) -> impl Iterator<Item = &Field> {
        let all = self.fields.iter().chain(self.parts.iter().flat_map(|part| &part.fields));
        all.filter(|field| !field.error.is_empty())
    }
}
