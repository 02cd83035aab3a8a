//! The group itself: what it is called and where its data may live, which parts of the suite it has, and whether it is in use.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::entitlement_service_client::EntitlementServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_api::identity::v1::{
    AddRegionRequest, GetModulesRequest, GetTenantRequest, ResumeTenantRequest, SetModulesRequest,
    SuspendTenantRequest, Tenant,
};
use tally_kernel::{Error, Result, msg};

use crate::act::{all_right, missing, sure};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::visit::{Sent, Visit};

const HERE: &str = "/platform/group";
/// Parts of the suite that a group may have or not.
const MODULES: [&str; 4] = ["attendance", "performance", "compensation", "talent"];

#[derive(Template)]
#[template(path = "platform/group.html")]
struct Group {
    ui: Ui,
    state: (String, &'static str),
    facts: Vec<(String, String)>,
    /// Each with its heading and what to know before.
    forms: Vec<(String, String, Form)>,
}

/// `GET /platform/group`.
pub async fn group(visit: Visit) -> Response<Body> {
    visit.page(shown(&visit, None).await)
}

/// `refused` is a deed, what was sent with it, and why it was refused.
async fn shown(visit: &Visit, refused: Option<(&str, &Sent, &Error)>) -> Result<Group> {
    let ui = visit.ui(&msg!("NAV_GROUP"));
    let channel = visit.channel("identity")?;
    let (mut tenants, mut entitlements) =
        (TenantServiceClient::new(channel.clone()), EntitlementServiceClient::new(channel));
    let modules = async {
        let asked = told(entitlements.get_modules(visit.request(GetModulesRequest {}))).await;
        crate::cycles::data::where_allowed(asked)
    };
    let (tenant, modules) = futures::try_join!(told(tenants.get_tenant(visit.request(GetTenantRequest {}))), modules)?;
    let (tenant, modules) = (tenant.tenant.unwrap_or_default(), modules.map(|it| it.modules));
    let state = match tenant.suspended_at {
        None => (ui.t("UI_GROUP_IN_USE"), "good"),
        Some(_) => (ui.t("UI_GROUP_SUSPENDED"), "bad"),
    };
    let mut forms = forms(&ui, visit, &tenant, modules.as_deref());
    if let Some((deed, sent, error)) = refused {
        let of = |form: &Form| form.action.ends_with(&format!("/{deed}"));
        forms = forms
            .into_iter()
            .map(|(head, said, form)| match of(&form) {
                true => (head, said, form.refused(&ui, sent.fields(), error)),
                false => (head, said, form),
            })
            .collect();
    }
    Ok(Group { facts: facts(&ui, &tenant), state, forms, ui })
}

fn facts(ui: &Ui, tenant: &Tenant) -> Vec<(String, String)> {
    let mut facts = vec![
        (ui.t("UI_GROUP_NAME"), tenant.name.clone()),
        (ui.t("UI_CURRENCY"), tenant.currency.clone()),
        (ui.t("UI_ITS_ZONE"), tenant.zone.clone()),
        (ui.t("UI_REGIONS"), tenant.regions.join(", ")),
        (ui.t("UI_SINCE"), ui.moment(tenant.created_at.as_ref())),
    ];
    if tenant.suspended_at.is_some() {
        facts.push((ui.t("UI_GROUP_SUSPENDED"), ui.moment(tenant.suspended_at.as_ref())));
        facts.push((ui.t("UI_REASON"), tenant.suspended_reason.clone()));
    }
    facts
}

fn forms(ui: &Ui, visit: &Visit, tenant: &Tenant, modules: Option<&[String]>) -> Vec<(String, String, Form)> {
    let me = visit.me();
    let mut forms = Vec::new();
    if let Some(modules) = modules.filter(|_| me.may(Permission::EntitlementWrite)) {
        let all = Form::new(ui, format!("{HERE}/modules"), "modules", "UI_SAVE");
        let form = MODULES.iter().fold(all, |form, name| {
            let has = modules.iter().any(|known| known == name);
            let field = Field { label: ui.module(name), ..Field::new(ui, name, "UI_MODULES", Kind::Check) };
            form.with(field.value(if has { "yes" } else { "" }))
        });
        forms.push((ui.t("UI_MODULES"), ui.t("UI_MODULES_SAID"), form));
    }
    if me.may(Permission::TenantWrite) {
        let region = Field::text(ui, "region", "UI_REGION").required().hint(ui.t("UI_REGION_HINT"));
        let form = Form::new(ui, format!("{HERE}/region"), "region", "UI_ADD_REGION").with(region);
        forms.push((ui.t("UI_ADD_REGION"), ui.t("UI_ADD_REGION_SAID"), form));
    }
    if me.may(Permission::TenantSuspend) && tenant.suspended_at.is_none() {
        let reason = Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT"));
        let form = Form::new(ui, format!("{HERE}/suspend"), "suspend", "UI_SUSPEND_GROUP").danger();
        forms.push((ui.t("UI_SUSPEND_GROUP"), ui.t("UI_SUSPEND_SAID"), form.with(reason).with(sure(ui))));
    } else if me.may(Permission::TenantSuspend) {
        let form = Form::new(ui, format!("{HERE}/resume"), "resume", "UI_RESUME_GROUP");
        forms.push((ui.t("UI_RESUME_GROUP"), ui.t("UI_RESUME_SAID"), form));
    }
    forms
}

/// `POST /platform/group/{deed}`.
pub async fn carry(visit: Visit, Path(deed): Path<String>, sent: Sent) -> Response<Body> {
    match carried(&visit, &deed, &sent).await {
        Ok(done) => visit.done(HERE, done),
        Err(error) => visit.wrong(shown(&visit, Some((&deed, &sent, &error))).await, &error),
    }
}

async fn carried(visit: &Visit, deed: &str, sent: &Sent) -> Result<&'static str> {
    let (channel, request_id) = (visit.channel("identity")?, sent.request_id());
    let mut tenants = TenantServiceClient::new(channel.clone());
    match deed {
        "modules" => {
            let modules = MODULES.iter().filter(|name| !sent.get(name).is_empty()).map(|name| (*name).to_owned());
            let ask = SetModulesRequest { request_id, modules: modules.collect() };
            told(EntitlementServiceClient::new(channel).set_modules(visit.request(ask))).await.map(|_| "MODULES_SET")
        }
        "region" => {
            all_right(missing(sent, &["region"]))?;
            let ask = AddRegionRequest { request_id, region: sent.get("region").to_owned() };
            told(tenants.add_region(visit.request(ask))).await.map(|_| "REGION_ADDED")
        }
        "suspend" => {
            all_right(missing(sent, &["reason", "sure"]))?;
            let ask = SuspendTenantRequest { request_id, reason: sent.get("reason").to_owned() };
            told(tenants.suspend_tenant(visit.request(ask))).await.map(|_| "GROUP_SUSPENDED")
        }
        "resume" => told(tenants.resume_tenant(visit.request(ResumeTenantRequest { request_id })))
            .await
            .map(|_| "GROUP_RESUMED"),
        _ => Err(Error::not_found("page", deed)),
    }
}
