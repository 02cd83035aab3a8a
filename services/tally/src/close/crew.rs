//! The people who do the main job in a suite: it takes several, as the suite demands.

use anyhow::Result;
use tally_api::identity::v1 as identity;
use tally_bundle::Bundle;

use crate::said::{asked, told};
use crate::session::{Channels, Session};

/// Who does the job.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Lays out the group.
    pub admin: Session,
    /// Brings everything in, makes cycles and closes them.
    pub hr: Session,
    /// Prepares settlements.
    pub preparer: Session,
    /// Approves what somebody else prepared.
    pub approver: Session,
    /// Posts what two others prepared and approved.
    pub payer: Session,
    /// Reads everything.
    pub auditor: Session,
}

/// Sign-in names and roles of the crew, beside `admin`.
pub const USERS: [(&str, &str); 5] = [
    ("hr", "group_hr"),
    ("payroll", "compensation_specialist"),
    ("approver", "approver"),
    ("payer", "compensation_specialist"),
    ("auditor", "auditor"),
];

impl Crew {
    /// Makes the bundle's group in an empty suite, gives everybody a login with `password` and a role, and signs them in.
    pub async fn hire(at: &Channels, bundle: &Bundle, password: &str) -> Result<Self> {
        init(at, bundle, password).await?;
        let admin = Session::sign_in(at, "admin", password).await?;
        for (login, role) in USERS {
            let principal = create_login(&admin, login, password).await?;
            grant_role(&admin, &principal, role, "does the main job").await?;
        }
        let sign_in = |login: &'static str| Session::sign_in(at, login, password);
        let (hr, preparer) = (sign_in("hr").await?, sign_in("payroll").await?);
        let (approver, payer) = (sign_in("approver").await?, sign_in("payer").await?);
        Ok(Self { admin, hr, preparer, approver, payer, auditor: sign_in("auditor").await? })
    }

    /// The same people, answered in another language (`en`, `zh-CN`).
    #[must_use]
    pub fn speaking(self, language: &'static str) -> Self {
        let Self { admin, hr, preparer, approver, payer, auditor } = self;
        let [admin, hr, auditor] = [admin, hr, auditor].map(|session| session.speaking(language));
        let [preparer, approver, payer] = [preparer, approver, payer].map(|session| session.speaking(language));
        Self { admin, hr, preparer, approver, payer, auditor }
    }
}

async fn init(at: &Channels, bundle: &Bundle, password: &str) -> Result<()> {
    let ask = identity::InitTenantRequest {
        name: bundle.group.name.clone(),
        currency: bundle.group.currency.clone(),
        zone: bundle.group.zone.clone(),
        regions: tally_import::regions(bundle).into_iter().collect(),
        admin_login: "admin".to_owned(),
        admin_password: password.to_owned(),
        ..Default::default()
    };
    let mut client = identity::tenant_service_client::TenantServiceClient::new(at.identity.clone());
    client.init_tenant(asked(ask)).await.map_err(told)?;
    Ok(())
}

/// Makes a login that belongs to no person; its principal.
pub async fn create_login(admin: &Session, login: &str, password: &str) -> Result<String> {
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask =
        identity::CreateLoginRequest { login: login.to_owned(), password: password.to_owned(), ..Default::default() };
    Ok(sessions.create_login(admin.ask(ask)).await.map_err(told)?.into_inner().principal_id)
}

/// Gives a role in the whole group, from the first day on.
pub async fn grant_role(admin: &Session, principal: &str, role: &str, reason: &str) -> Result<()> {
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id: principal.to_owned(),
        role: role.to_owned(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: tally_identity::ALWAYS.to_string(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    access.grant_role(admin.ask(ask)).await.map_err(told)?;
    Ok(())
}
