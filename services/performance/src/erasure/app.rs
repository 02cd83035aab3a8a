//! What performance forgets of an erased person beside the rows about them.

use std::collections::BTreeSet;

use tally_access::{OpContext, Permit, Target};
use tally_kernel::Result;
use tally_privacy::Subject;
use tally_privacy::pseudonym;
use tally_store::Audit;

use super::domain::{self, Worn};
use crate::policy::ErasePerson;
use crate::run::facts as runs;
use crate::{App, credit, record};

/// Puts a pseudonym on the person's records, findings and frozen inputs: how many rows. What tells what to look for goes
/// last, so it may be stopped anywhere and done again.
///
/// # Errors
/// What attendance or the store says.
pub async fn forget(app: &App, ctx: &OpContext, subject: &Subject) -> Result<u64> {
    let permit = ctx.permit::<ErasePerson>(&Target::tenant())?;
    let worn = worn(app, ctx, subject).await?;
    let at = At { app, ctx, permit: &permit, subject, pseudonym: pseudonym(subject.person) };
    let mut rows = 0;
    for one in &worn {
        rows += app.store.retry(ctx, || at.rename(one)).await?;
    }
    rows += app.store.retry(ctx, || at.redact(&worn)).await?;
    for component in runs::all_frozen(&*app.store.read(ctx).await?).await? {
        rows += app.store.retry(ctx, || at.thaw(component)).await?;
    }
    Ok(rows)
}

/// Every text that meant the person in an account's records.
async fn worn(app: &App, ctx: &OpContext, subject: &Subject) -> Result<BTreeSet<Worn>> {
    let (aliases, accounts) = futures::try_join!(app.peers.aliases(ctx), app.peers.accounts(ctx))?;
    let mut worn = domain::worn_by_alias(subject.person, &aliases, &accounts)?;
    for component in runs::all_frozen(&*app.store.read(ctx).await?).await? {
        let tx = app.store.read(ctx).await?;
        if let Some(frozen) = runs::frozen_with(&tx, component, &subject.person.to_string()).await? {
            worn.extend(domain::worn_in(&frozen, subject.person)?);
        }
    }
    Ok(worn)
}

struct At<'a> {
    app: &'a App,
    ctx: &'a OpContext,
    permit: &'a Permit<ErasePerson>,
    subject: &'a Subject,
    pseudonym: String,
}

impl At<'_> {
    fn audit(&self, rows: u64) -> Audit {
        let audit = Audit::new("performance.person.redact", "person", self.subject.person).about(self.subject.person);
        audit.note("erasure", self.subject.erasure).note("rows", rows)
    }

    async fn rename(&self, worn: &Worn) -> Result<u64> {
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        let span = (worn.from_ms, worn.to_ms);
        let rows = record::facts::rename(&work, worn.account, &worn.agent, span, &self.pseudonym).await?;
        if rows == 0 {
            return Ok(0);
        }
        // A run that takes over what another one counted would look for the old name.
        let rows = rows + runs::discard_counted(&work, self.ctx.now()).await?;
        work.commit(self.audit(rows), rows).await
    }

    /// The number in records that no cycle ever read, and in findings; nicknames in findings, where they stand in quotes; why records of
    /// the person were moved or withdrawn.
    async fn redact(&self, worn: &BTreeSet<Worn>) -> Result<u64> {
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        let number = self.subject.employee_no.as_str();
        // It names agents, and is counted anew when somebody asks.
        let mut rows = runs::discard_counted(&work, self.ctx.now()).await?;
        if !number.is_empty() {
            rows += record::facts::rename_number(&work, number, &self.pseudonym).await?;
            for row in credit::facts::findings_with(&work, number).await? {
                let subject = domain::redact_subject(&row.subject, number, &self.pseudonym);
                let new = (subject, domain::redact_message(&row.message(), number, &self.pseudonym));
                if new != (row.subject.clone(), row.message()) {
                    credit::facts::put_finding(&work, row.id, &new.0, &new.1).await?;
                    rows += 1;
                }
            }
        }
        rows += record::facts::forget_reasons(&work, &self.pseudonym).await?;
        let agents: BTreeSet<&str> = worn.iter().map(|one| one.agent.as_str()).collect();
        for row in credit::facts::findings_of_agents(&work).await? {
            let was = row.message();
            let new = agents.iter().fold(was.clone(), |now, agent| domain::forget_agent(&now, agent, &self.pseudonym));
            if new != was {
                credit::facts::put_finding(&work, row.id, &row.subject, &new).await?;
                rows += 1;
            }
        }
        if rows == 0 { Ok(0) } else { work.commit(self.audit(rows), rows).await }
    }

    async fn thaw(&self, component: uuid::Uuid) -> Result<u64> {
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        let found = runs::frozen_with(&work, component, &self.subject.person.to_string()).await?;
        let Some(mut frozen) = found else { return Ok(0) };
        if !domain::forget(&mut frozen, self.subject.person, &self.pseudonym) {
            return Ok(0);
        }
        runs::put_frozen(&work, component, &frozen).await?;
        work.commit(self.audit(1), 1).await
    }
}
