//! What every service answers alike of its own log: who saw or changed what about this person, and whether the log is whole. The
//! contract is each service's own `AuditService`, because several services share a port; what stands behind it is here once.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::{OpContext, Permit, Rpc, Target};
use tally_api::common::v1 as common;
use tally_app::convert::{optional_instant, timestamp};
use tally_app::progress::{Tell, working};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Locale, Result, msg};
use tally_store::{Audit, AuditEntry, AuditOf, AuditQuery, AuditReport, Fault, Store};
use tonic::Status;

/// The question and its page.
///
/// # Errors
/// `INVALID_ARGUMENT` with every wrong field.
fn read(asked: &common::SearchAuditRequest) -> Result<(AuditQuery, Page)> {
    let mut wrong = Violations::new();
    let named = [&asked.person_id, &asked.principal_id, &asked.subject].iter().filter(|id| !id.is_empty()).count();
    if named != 1 {
        wrong.push("person_id", msg!("NAME_ONE_OF", fields = "person_id, principal_id, subject"));
    }
    if asked.subject.is_empty() != asked.subject_id.is_empty() {
        wrong.push("subject_id", msg!("SUBJECT_IN_PART"));
    }
    let of = if !asked.person_id.is_empty() {
        wrong.parse("person_id", &asked.person_id).map(AuditOf::Person)
    } else if !asked.principal_id.is_empty() {
        wrong.parse("principal_id", &asked.principal_id).map(AuditOf::Principal)
    } else {
        Some(AuditOf::Subject(asked.subject.clone(), asked.subject_id.clone()))
    };
    let from = optional_instant(&mut wrong, "from", asked.from);
    let to = optional_instant(&mut wrong, "to", asked.to);
    let question = format!("{of:?} {from:?} {to:?}");
    let page = wrong.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    let query = of.map(|of| AuditQuery { of, from, to });
    wrong.finish(query.zip(page))
}

/// The entries that the caller may see, newest first, and the next page's token. Asking leaves an entry itself.
///
/// # Errors
/// `INVALID_ARGUMENT`, `PERMISSION_DENIED`, or what the store says.
pub async fn search<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    asked: &common::SearchAuditRequest,
) -> Result<common::SearchAuditResponse> {
    let (query, page) = read(asked)?;
    let plan = ctx.plan::<R>()?;
    let (found, token) = store.read(ctx).await?.search_audit(&plan, &query, &page).await?;
    let audit = match &query.of {
        AuditOf::Person(person) => Audit::new("suite.audit.search", "person", person).about(*person),
        AuditOf::Principal(principal) => Audit::new("suite.audit.search", "principal", principal),
        AuditOf::Subject(kind, id) => Audit::new("suite.audit.search", "subject", id).note("kind", kind),
    };
    store.audit_read(ctx, R::METHOD, audit.note("entries", found.len())).await?;
    let entries = found.into_iter().map(|(position, entry)| told(store.service(), position, entry)).collect();
    Ok(common::SearchAuditResponse { entries, next_page_token: token })
}

fn told(service: &str, position: Option<i64>, entry: AuditEntry) -> common::AuditEntry {
    common::AuditEntry {
        service: service.to_owned(),
        entry_id: entry.id.to_string(),
        position: position.unwrap_or(0),
        at: Some(timestamp(entry.at)),
        principal_id: entry.principal.to_string(),
        actor: entry.actor,
        on_behalf_of: entry.on_behalf_of.map(|id| id.to_string()).unwrap_or_default(),
        method: entry.method,
        action: entry.action,
        subject: entry.subject,
        subject_id: entry.subject_id,
        region: entry.region.unwrap_or_default(),
        notes: entry.notes,
    }
}

/// How far checking a log is, and last what came of it.
pub type Verifying = Pin<Box<dyn Stream<Item = Result<common::VerifyAuditResponse, Status>> + Send>>;

/// Checks the log of the caller's group, and that its rows have their entries. Only who reads the whole log may: a chain is one. Asking leaves
/// an entry itself.
///
/// # Errors
/// `PERMISSION_DENIED`, or what the store says.
pub async fn verify<R: Rpc>(store: &Store, ctx: &OpContext) -> Result<Verifying> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    store.audit_read(ctx, R::METHOD, Audit::new("suite.audit.verify", "tenant", ctx.tenant())).await?;
    let (store, ctx, locale) = (store.clone(), ctx.clone(), ctx.locale);
    let told = working(move |tell| async move { verified(&store, &ctx, &permit, &tell).await });
    Ok(Box::pin(told.map(move |told| told.map_err(|error| tally_rpc::status(error, locale)))))
}

async fn verified<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    permit: &Permit<R>,
    tell: &Tell<common::VerifyAuditResponse>,
) -> Result<common::VerifyAuditResponse> {
    let told = |checked| tell.say(common::VerifyAuditResponse { checked, verdict: None });
    let report = store.verify_audit_of(ctx, permit, &told).await?;
    let checked = report.entries;
    Ok(common::VerifyAuditResponse { checked, verdict: Some(verdict(store.service(), report, ctx.locale)) })
}

fn verdict(service: &str, report: AuditReport, locale: Locale) -> common::AuditVerdict {
    let broken = |fault: Fault| common::AuditBreak {
        sentence: tally_i18n::text(locale, &fault.said()),
        table: fault.table,
        position: fault.position.unwrap_or(0),
        entry_id: fault.entry.map(|id| id.to_string()).unwrap_or_default(),
        row: fault.row.unwrap_or_default(),
    };
    common::AuditVerdict {
        service: service.to_owned(),
        whole: report.ok(),
        entries: report.entries,
        rows: report.rows,
        first_at: report.first.map(timestamp),
        last_at: report.last.map(timestamp),
        breaks: report.faults.into_iter().map(broken).collect(),
    }
}

/// The room: `Rpc { store }` answers the service's own `AuditService`. Takes the package of the contract and the rows of
/// the policy, of searching and of verifying; the service names tonic, tally-rpc and tally-store, as every room does.
#[macro_export]
macro_rules! room {
    ($package:path, $search:path, $verify:path) => {
        use ::tally_api::common::v1::{SearchAuditRequest, SearchAuditResponse, VerifyAuditRequest};
        use $package as pb;

        /// The room's rpc.
        pub struct Rpc {
            /// Whose log is asked.
            pub store: ::tally_store::Store,
        }

        #[::tonic::async_trait]
        impl pb::audit_service_server::AuditService for Rpc {
            type VerifyAuditStream = $crate::Verifying;

            async fn search_audit(
                &self,
                req: ::tonic::Request<SearchAuditRequest>,
            ) -> Result<::tonic::Response<SearchAuditResponse>, ::tonic::Status> {
                let ctx = ::tally_rpc::context(&req)?;
                let found = $crate::search::<$search>(&self.store, &ctx, req.get_ref()).await;
                ::tally_rpc::Answer::answer(found, &ctx)
            }

            async fn verify_audit(
                &self,
                req: ::tonic::Request<VerifyAuditRequest>,
            ) -> Result<::tonic::Response<$crate::Verifying>, ::tonic::Status> {
                let ctx = ::tally_rpc::context(&req)?;
                let told = $crate::verify::<$verify>(&self.store, &ctx).await;
                ::tally_rpc::Answer::answer(told, &ctx)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::SearchAuditRequest;

    use super::*;

    const ID: &str = "01990000-0000-7000-8000-000000000001";

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let asked = SearchAuditRequest {
            person_id: "nobody".to_owned(),
            subject_id: "7".to_owned(),
            from: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            page_token: "another list's".to_owned(),
            ..Default::default()
        };
        let wrong = read(&asked).unwrap_err();
        let fields: Vec<&str> = wrong.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["subject_id", "person_id", "from", "page_token"]);
        for asked in [
            SearchAuditRequest::default(),
            SearchAuditRequest { person_id: ID.to_owned(), principal_id: ID.to_owned(), ..Default::default() },
        ] {
            assert_eq!(read(&asked).unwrap_err().violations()[0].field, "person_id");
        }
    }

    #[test]
    fn a_token_belongs_to_its_question() {
        let person = SearchAuditRequest { person_id: ID.to_owned(), ..Default::default() };
        let (query, page) = read(&person).unwrap();
        assert_eq!(query.of, AuditOf::Person(ID.parse().unwrap()));
        let token = page.token(ID);
        let later = SearchAuditRequest {
            from: Some(prost_types::Timestamp::default()),
            page_token: token.clone(),
            ..person.clone()
        };
        assert_eq!(read(&later).unwrap_err().violations()[0].field, "page_token");
        assert_eq!(read(&SearchAuditRequest { page_token: token, ..person }).unwrap().1.after.as_deref(), Some(ID));
    }
}
