//! One cycle: where it stands, what came of it, and what may be done now.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::change_service_client::ChangeServiceClient;
use tally_api::performance::v1::{Cycle, CycleState, ListCycleChangesRequest, ListCycleChangesResponse, Scheme};
use tally_kernel::{Result, msg};

use super::acts::Acts;
use super::progress;
use super::review::{self, Review};
use super::watch::Watches;
use super::words::{self, Fact};
use super::{acts, data, data::client};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::Form;
use crate::visit::Visit;

/// A step of its life.
struct Step {
    tone: &'static str,
    when: String,
    said: String,
}

/// What has changed since it was worked out.
struct Changes {
    /// In sentences.
    said: Vec<String>,
    /// By account: name, what.
    accounts: Vec<(String, String)>,
    people: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "cycles/one.html")]
struct One {
    ui: Ui,
    id: String,
    state: String,
    tone: &'static str,
    facts: Vec<Fact>,
    steps: Vec<Step>,
    failure: String,
    /// What is being done, while it is.
    progress: Option<String>,
    review: Option<Review>,
    changes: Option<Changes>,
    acts: Acts,
}

impl One {
    /// Where its progress is told.
    fn watched(&self) -> String {
        format!("/cycles/{}/progress", self.id)
    }
}

/// `GET /cycles/{id}`
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(Box::pin(shown(&visit, &id, None)).await)
}

/// The same with a form that was refused.
pub async fn shown_again(visit: &Visit, id: &str, form: Form, error: &tally_kernel::Error) -> Response<Body> {
    visit.wrong(Box::pin(shown(visit, id, Some(form))).await, error)
}

/// `GET /cycles/{id}/progress`: what is being done, as it goes on.
pub async fn progress(
    visit: Visit,
    Path(id): Path<String>,
    Extension(watches): Extension<Watches>,
) -> axum::response::Response {
    // Whoever looks must be allowed to: the stream behind is one for all.
    match data::cycle(&visit, &id).await.and_then(|_| progress::cycle(&visit, &watches, &id)) {
        Ok(answer) => answer,
        Err(error) => visit.refused(&error),
    }
}

async fn shown(visit: &Visit, id: &str, refused: Option<Form>) -> Result<One> {
    let cycle = data::cycle(visit, id).await?;
    let state = cycle.state();
    let has_result = matches!(state, CycleState::Reviewable | CycleState::Published);
    let ui = visit.ui(&msg!("NAV_CYCLES"));
    let may_accounts = visit.me().may(Permission::AccountRead);
    let (units, scheme, people, review, changes, accounts) = futures::try_join!(
        names::units(visit, "", None),
        async { data::where_allowed(data::scheme(visit, &cycle.scheme_id, cycle.scheme_version).await) },
        names::people(visit),
        async { if has_result { review::of(visit, &cycle).await.map(Some) } else { Ok(None) } },
        async { if has_result { changes(visit, id).await } else { Ok(None) } },
        async { if has_result && may_accounts { data::where_allowed(names::accounts(visit).await) } else { Ok(None) } }
    )?;
    let accounts = Names::of_accounts(&accounts.unwrap_or_default());
    let units = Names::of_units(&units);
    let scheme = scheme.unwrap_or_default();
    let title = if cycle.corrects_id.is_empty() {
        cycle.name.clone()
    } else {
        let name = &cycle.name;
        ui.say(&msg!("UI_CORRECTION_OF", name))
    };
    let ui = ui.titled(title).below("/cycles", visit.ui(&msg!("NAV_CYCLES")).title);
    let review = review.map(|seen| review::shown(&ui, &cycle, seen, (&people, &units, &scheme)));
    Ok(One {
        id: id.to_owned(),
        state: ui.word(state.as_str_name()),
        tone: words::tone(state),
        facts: facts(&ui, &cycle, &units, (&scheme, &people)),
        steps: steps(&ui, &cycle),
        failure: cycle.failure.clone(),
        progress: (state == CycleState::Closing).then(|| progress::part(&ui, &cycle.step, cycle.done, cycle.total)),
        review,
        changes: changes.map(|it| changed(&ui, &it, (&people, &accounts))),
        acts: acts::allowed(&ui, &visit.me(), &cycle, refused),
        ui,
    })
}

/// Who is in it, in words.
fn population(ui: &Ui, cycle: &Cycle, (people, units): (&Names, &Names)) -> String {
    let Some(it) = &cycle.population else { return ui.t("UI_EVERYBODY_OF_UNIT") };
    let said =
        |label: &str, names: Vec<String>| (!names.is_empty()).then(|| format!("{}: {}", ui.t(label), names.join(", ")));
    let named = |ids: &[String]| ids.iter().map(|id| people.said(id)).collect();
    let kinds = it.employment_kinds().map(|kind| ui.word(kind.as_str_name())).collect();
    let parts = [
        said("UI_UNIT", it.unit_ids.iter().map(|id| units.said(id)).collect()),
        said("UI_POSITIONS", it.positions.clone()),
        said("UI_GRADES", it.grades.clone()),
        said("UI_EMPLOYED_AS", kinds),
        said("UI_INCLUDE", named(&it.include_person_ids)),
        said("UI_EXCLUDE", named(&it.exclude_person_ids)),
        said(
            "UI_AS_OF_DAY",
            Some(ui.format.day_text(&it.as_of)).filter(|_| !it.as_of.is_empty()).into_iter().collect(),
        ),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn facts(ui: &Ui, cycle: &Cycle, units: &Names, (scheme, people): (&Scheme, &Names)) -> Vec<Fact> {
    let period = cycle.period.clone().unwrap_or_default();
    let (name, version) = (&scheme.name, cycle.scheme_version);
    let scheme_href = format!("/schemes/{}?version={version}", cycle.scheme_id);
    let mut facts = vec![
        Fact::new(ui, "UI_PERIOD", ui.format.period(&period.from, &period.to)),
        Fact::new(ui, "UI_UNIT", words::unit(ui, units, &cycle.unit_id)),
        Fact::new(ui, "UI_SCHEME", ui.say(&msg!("UI_NAME_VERSION", name, version))).to(scheme_href),
        Fact::new(ui, "UI_POPULATION", population(ui, cycle, (people, units))),
    ];
    if !cycle.attribution_run_id.is_empty() {
        let href = format!("/runs/{}", cycle.attribution_run_id);
        facts.push(Fact::new(ui, "UI_RUN", ui.t("UI_OPEN_RUN")).to(href));
    }
    if !cycle.corrects_id.is_empty() {
        let href = format!("/cycles/{}", cycle.corrects_id);
        facts.push(Fact::new(ui, "UI_CORRECTS", ui.t("UI_OPEN_CORRECTED")).to(href));
        facts.push(Fact::new(ui, "UI_REASON", &cycle.correction_reason));
    }
    if cycle.result_version > 0 {
        facts.push(Fact::new(ui, "UI_RESULT_VERSION", ui.format.count(cycle.result_version)));
    }
    facts
}

fn steps(ui: &Ui, cycle: &Cycle) -> Vec<Step> {
    let state = cycle.state();
    let step = |tone, id: &str| Step { tone, when: String::new(), said: ui.t(id) };
    let mut steps = vec![step("good", "UI_STEP_MADE")];
    match state {
        CycleState::Closing => steps.push(step("warn", "UI_STEP_CLOSING")),
        CycleState::Failed => steps.push(step("bad", "UI_STEP_FAILED")),
        CycleState::Reviewable | CycleState::Published => steps.push(step("good", "UI_STEP_CLOSED")),
        CycleState::Unspecified | CycleState::Open => steps.push(step("plain", "UI_STEP_TO_CLOSE")),
    }
    let published = || Step { when: ui.moment(cycle.published_at.as_ref()), ..step("good", "UI_STEP_PUBLISHED") };
    match state {
        CycleState::Reviewable => steps.push(step("warn", "UI_STEP_REVIEW")),
        CycleState::Published => steps.push(published()),
        _ => {}
    }
    steps
}

async fn changes(visit: &Visit, id: &str) -> Result<Option<ListCycleChangesResponse>> {
    let ask = ListCycleChangesRequest { cycle_id: id.to_owned(), page_size: AT_ONCE, ..Default::default() };
    data::where_allowed(told(client!(visit, ChangeServiceClient).list_cycle_changes(visit.request(ask))).await)
}

fn changed(ui: &Ui, seen: &ListCycleChangesResponse, (people, named): (&Names, &Names)) -> Changes {
    let (accounts, observations, others) = (seen.changes.len(), seen.observations, seen.others);
    let mut said = Vec::new();
    if accounts > 0 {
        said.push(ui.say(&msg!("UI_CHANGED_ACCOUNTS", accounts)));
    }
    if observations > 0 {
        said.push(ui.say(&msg!("UI_CHANGED_OBSERVATIONS", observations)));
    }
    if others > 0 {
        said.push(ui.say(&msg!("UI_CHANGED_OTHERS", others)));
    }
    let rate = |it: &tally_api::performance::v1::RateChange| {
        let (from, to) = (&it.from_currency, &it.to_currency);
        ui.say(&msg!("UI_CHANGED_RATE", from, to))
    };
    said.extend(seen.rates.iter().map(rate));
    if !seen.removed_before.is_empty() {
        let day = ui.format.day_text(&seen.removed_before);
        said.push(ui.say(&msg!("UI_CHANGES_REMOVED", day)));
    }
    let account = |it: &tally_api::performance::v1::CycleChange| {
        let (records, days) = (it.records, it.duty.len());
        let what = ui.say(&msg!("UI_CHANGED_ON_ACCOUNT", records, days));
        let (name, period) = (named.said(&it.account_id), ui.format.period(&it.from, &it.to));
        let known = named.has(&it.account_id);
        (
            if known { format!("/accounts/{}", it.account_id) } else { String::new() },
            format!("{name} · {period}: {what}"),
        )
    };
    let person = |it: &tally_api::performance::v1::PersonChange| {
        let kinds: Vec<_> = it.kinds().map(|kind| ui.word(kind.as_str_name())).collect();
        (format!("/people/{}", it.person_id), people.said(&it.person_id), kinds.join(", "))
    };
    Changes {
        said,
        accounts: seen.changes.iter().map(account).collect(),
        people: seen.people.iter().map(person).collect(),
    }
}

/// The confirmation before a result is published.
#[derive(Template)]
#[template(path = "cycles/publish.html")]
struct Publish {
    ui: Ui,
    id: String,
    facts: Vec<Fact>,
    form: Option<Form>,
    /// Why there is nothing to publish.
    not_now: String,
}

/// `GET /cycles/{id}/publish`
pub async fn publish(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(publishing(&visit, &id, None).await)
}

/// The same with a form that was refused.
pub async fn publish_again(visit: &Visit, id: &str, form: Form, error: &tally_kernel::Error) -> Response<Body> {
    visit.wrong(publishing(visit, id, Some(form)).await, error)
}

async fn publishing(visit: &Visit, id: &str, form: Option<Form>) -> Result<Publish> {
    let (cycle, units) = futures::try_join!(data::cycle(visit, id), names::units(visit, "", None))?;
    let ui = visit.ui(&msg!("UI_PUBLISH_RESULT")).below("/cycles", visit.ui(&msg!("NAV_CYCLES")).title);
    let ui = ui.below(format!("/cycles/{id}"), &cycle.name);
    let may = visit.me().may_others(Permission::CyclePublish);
    let not_now = match cycle.state() {
        _ if !may => ui.t("UI_PUBLISH_NOT_YOURS"),
        CycleState::Reviewable => String::new(),
        CycleState::Published => ui.t("UI_PUBLISHED_ALREADY"),
        _ => ui.t("UI_PUBLISH_NOTHING_YET"),
    };
    let summary = cycle.summary.clone().unwrap_or_default();
    let period = cycle.period.clone().unwrap_or_default();
    let facts = vec![
        Fact::new(&ui, "UI_UNIT", words::unit(&ui, &Names::of_units(&units), &cycle.unit_id)),
        Fact::new(&ui, "UI_PERIOD", ui.format.period(&period.from, &period.to)),
        Fact::new(&ui, "UI_PEOPLE_IN", ui.format.count(summary.people)),
    ];
    let form = form.unwrap_or_else(|| acts::publishing(&ui, &cycle));
    Ok(Publish { id: id.to_owned(), facts, form: Some(form).filter(|_| not_now.is_empty()), not_now, ui })
}
