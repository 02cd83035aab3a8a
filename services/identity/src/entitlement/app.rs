//! Saying which modules the group has, and reading it.

use tally_access::{MODULES, Modules, OpContext, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_store::Audit;

use super::store;
use crate::policy::{GetModules, SetModules};
use crate::{App, revision};

/// The modules that the group is to have.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) request: RequestKey,
    pub(crate) modules: Modules,
}

/// Says which modules the group has: the consistency token.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn set(app: &App, ctx: &OpContext, wanted: &Set) -> Result<String> {
    let permit = ctx.permit::<SetModules>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let before = store::modules(&work).await?;
        store::put(&work, ctx, &wanted.modules).await?;
        let token = revision::facts::advance(&work, ctx, revision).await?;
        let audit = Audit::new("identity.entitlement.write", "tenant", ctx.tenant());
        let audit = audit.note("before", names(&before).join(" ")).note("after", names(&wanted.modules).join(" "));
        Ok((work, audit, token))
    })
    .await
}

/// The modules that the group has, by name.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn get(app: &App, ctx: &OpContext) -> Result<Vec<&'static str>> {
    ctx.plan::<GetModules>()?;
    Ok(names(&store::modules(&*app.store.read(ctx).await?).await?))
}

fn names(modules: &Modules) -> Vec<&'static str> {
    let has = |name: &&str| match modules {
        Modules::All => true,
        Modules::Only(names) => names.contains(*name),
    };
    MODULES.into_iter().filter(has).collect()
}
