//! Why somebody may do something, or may not, and who could change that.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::{AccessTarget, CheckRequest, ExplainRequest, ExplainResponse, GrantVerdict};
use tally_kernel::{Result, msg};

use super::grants::{reach, role_name};
use super::logins::{self, Principals};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::Choice;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "access/why.html")]
struct Page {
    ui: Ui,
    principals: Vec<Choice>,
    permissions: Vec<&'static str>,
    units: Vec<Choice>,
    people: Vec<Choice>,
    principal: String,
    permission: String,
    unit: String,
    person: String,
    factor: bool,
    answer: Option<Answer>,
}

/// What identity said.
struct Answer {
    allowed: bool,
    sentence: String,
    /// Each grant: role, reach, what it says, in which tone.
    grants: Vec<(String, String, String, &'static str)>,
    roles: Vec<String>,
    givers: Vec<String>,
}

/// `GET /access/why?principal=&permission=&unit=&person=`.
pub async fn ask(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit).await)
}

async fn asked(visit: &Visit) -> Result<Page> {
    let ui = visit.ui(&msg!("NAV_WHY"));
    let asked = visit.asked();
    let asks = futures::try_join!(
        Principals::of(visit),
        logins::all(visit),
        names::units(visit, "", None),
        names::people(visit)
    );
    let (principals, logins, units, people) = asks?;
    let units = Names::of_units(&units);
    let choice =
        |login: &tally_api::identity::v1::Login| Choice::new(&login.principal_id, principals.said(&login.principal_id));
    let mut choices: Vec<_> = logins.iter().map(choice).collect();
    choices.sort_by(|a, b| ui.format.order(&a.label, &b.label));
    let text = |name: &str| asked.get(name).to_owned();
    let mut page = Page {
        principals: choices,
        permissions: Permission::ALL.iter().map(|it| it.name()).collect(),
        units: units.choices(),
        people: people.choices(),
        principal: text("principal"),
        permission: text("permission"),
        unit: text("unit"),
        person: text("person"),
        factor: asked.get("factor") == "yes",
        answer: None,
        ui,
    };
    if !page.permission.is_empty() {
        let said = explained(visit, &page).await?;
        page.answer = Some(answer(&page.ui, (&principals, &units), said));
    }
    Ok(page)
}

async fn explained(visit: &Visit, page: &Page) -> Result<ExplainResponse> {
    let target = AccessTarget { region: String::new(), unit_id: page.unit.clone(), person_id: page.person.clone() };
    let check = CheckRequest {
        principal_id: page.principal.clone(),
        permission: page.permission.clone(),
        target: Some(target),
        second_factor: page.factor,
    };
    let ask = ExplainRequest { check: Some(check) };
    told(CheckServiceClient::new(visit.channel("identity")?).explain(visit.request(ask))).await
}

fn answer(ui: &Ui, (principals, units): (&Principals, &Names), said: ExplainResponse) -> Answer {
    let tone = |verdict: GrantVerdict| match verdict {
        GrantVerdict::Allows => "good",
        GrantVerdict::RoleLacks | GrantVerdict::Unspecified => "plain",
        _ => "warn",
    };
    let grant = |reason: &tally_api::identity::v1::GrantReason| {
        let grant = reason.grant.clone().unwrap_or_default();
        let verdict = ui.word(reason.verdict().as_str_name());
        let reach = reach(ui, units, (grant.scope(), &grant.scope_ref));
        (role_name(ui, &grant.role), reach, verdict, tone(reason.verdict()))
    };
    Answer {
        allowed: said.allowed,
        grants: said.grants.iter().map(grant).collect(),
        roles: said.roles.iter().map(|role| role_name(ui, role)).collect(),
        givers: said.could_be_granted_by.iter().map(|id| principals.said(id)).collect(),
        sentence: said.sentence,
    }
}
