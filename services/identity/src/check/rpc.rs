//! `CheckService`: parse, call, render.

use std::collections::BTreeSet;
use std::sync::Arc;

use tally_access::{Decision, Locale, MODULES, Modules, OpContext, Permission, Reach, Verdict};
use tally_api::classes::{self, DataClass};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::check_service_server::CheckService;
use tally_app::convert::timestamp;
use tally_kernel::error::{Kind, Violations};
use tally_kernel::id::PrincipalId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Message, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Explained, Holder, Own};
use super::domain::{Asked, MAX_CHECKS, Question};
use crate::App;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl CheckService for Rpc {
    async fn check(&self, req: Request<pb::CheckRequest>) -> Result<Response<pb::CheckResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let done = app::check(&self.0, &ctx, &question("", &req.into_inner())?).await?;
            let allowed = done.allowed.first().copied().unwrap_or_default();
            Ok(pb::CheckResponse { allowed, consistency_token: done.consistency_token })
        };
        reply.await.answer(&ctx)
    }

    async fn batch_check(
        &self,
        req: Request<pb::BatchCheckRequest>,
    ) -> Result<Response<pb::BatchCheckResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let done = app::check_all(&self.0, &ctx, &questions(&req.into_inner().checks)?).await?;
            Ok(pb::BatchCheckResponse { allowed: done.allowed, consistency_token: done.consistency_token })
        };
        reply.await.answer(&ctx)
    }

    async fn explain(&self, req: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let question = question("check.", &req.into_inner().check.unwrap_or_default())?;
            let explained = app::explain(&self.0, &ctx, &question).await?;
            Ok(render(explained, question.permission, ctx.locale))
        };
        reply.await.answer(&ctx)
    }

    async fn list_allowed(
        &self,
        req: Request<pb::ListAllowedRequest>,
    ) -> Result<Response<pb::ListAllowedResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (principal, permission, page) = read_list(&req.into_inner())?;
            let (reach, ids, next_page_token) = app::list_allowed(&self.0, &ctx, principal, permission, &page).await?;
            let of = |person: bool| ids.iter().filter(move |id| id.0 == person).map(|id| id.1.to_string()).collect();
            let regions = reach.regions.iter().map(ToString::to_string).collect();
            let (unit_ids, person_ids) = (of(false), of(true));
            Ok(pb::ListAllowedResponse { tenant: reach.tenant, regions, unit_ids, person_ids, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn get_own_access(
        &self,
        req: Request<pb::GetOwnAccessRequest>,
    ) -> Result<Response<pb::GetOwnAccessResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        app::own(&self.0, &ctx).await.map(|own| render_own(&ctx, own)).answer(&ctx)
    }

    async fn review_access(
        &self,
        req: Request<pb::ReviewAccessRequest>,
    ) -> Result<Response<pb::ReviewAccessResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (permission, page) = read_review(&req.into_inner())?;
            app::review(&self.0, &ctx, permission, &page).await.map(render_review)
        };
        reply.await.answer(&ctx)
    }
}

fn render_own(ctx: &OpContext, own: Own) -> pb::GetOwnAccessResponse {
    let Own { login, name, tenant_name, zone, roles } = own;
    let person = ctx.view.person();
    let reach = |reach: &Reach| {
        let mine = person.is_some_and(|me| reach.persons.iter().all(|other| *other == me));
        if reach.tenant {
            pb::OwnReach::Tenant
        } else if mine && reach.regions.is_empty() && reach.units_today().next().is_none() {
            pb::OwnReach::Self_
        } else {
            pb::OwnReach::Some
        }
    };
    let own = |(permission, it): (Permission, &Arc<Reach>)| pb::OwnPermission {
        permission: permission.to_string(),
        reach: reach(it).into(),
    };
    let lacks = |module: &&&str| matches!(ctx.view.modules(), Modules::Only(some) if !some.contains(**module));
    let held = |(permission, it): &(Permission, &Arc<Reach>)| !it.is_empty() && ctx.may_somewhere(*permission);
    let mut permissions: Vec<_> = ctx.view.rules().filter(held).map(own).collect();
    permissions.sort_by(|a, b| a.permission.cmp(&b.permission));
    pb::GetOwnAccessResponse {
        principal_id: ctx.actor.principal.to_string(),
        person_id: person.map(|id| id.to_string()).unwrap_or_default(),
        login,
        name,
        session_id: ctx.session.map(|id| id.to_string()).unwrap_or_default(),
        tenant_name,
        zone,
        missing_modules: MODULES.iter().filter(lacks).map(|module| (*module).to_owned()).collect(),
        suspended: ctx.view.is_suspended(),
        second_factor: ctx.second_factor,
        permissions,
        roles: roles.into_iter().collect(),
    }
}

fn question(at: &str, req: &pb::CheckRequest) -> Result<Question, Error> {
    let mut wrong = Violations::new();
    let question = read(&mut wrong, at, req);
    wrong.finish(question)
}

fn questions(checks: &[pb::CheckRequest]) -> Result<Vec<Question>, Error> {
    if checks.len() > MAX_CHECKS {
        return Err(Error::of(Kind::InvalidArgument, msg!("ROWS_TOO_MANY", max = MAX_CHECKS, count = checks.len())));
    }
    let mut wrong = Violations::new();
    let read = |(at, check)| read(&mut wrong, &format!("checks[{at}]."), check);
    let all = checks.iter().enumerate().map(read).collect::<Vec<_>>();
    wrong.finish(all.into_iter().collect())
}

fn read(wrong: &mut Violations, at: &str, req: &pb::CheckRequest) -> Option<Question> {
    let principal = wrong.optional(&format!("{at}principal_id"), &req.principal_id);
    let permission = wrong.parse(&format!("{at}permission"), &req.permission)?;
    let target = req.target.clone().unwrap_or_default();
    let unit = wrong.optional(&format!("{at}target.unit_id"), &target.unit_id);
    let person = wrong.optional(&format!("{at}target.person_id"), &target.person_id);
    let region = wrong.optional(&format!("{at}target.region"), &target.region);
    let asked = Asked { region, unit, person };
    Some(Question { principal, permission, asked, second_factor: req.second_factor })
}

fn read_list(req: &pb::ListAllowedRequest) -> Result<(Option<PrincipalId>, Permission, Page), Error> {
    let mut wrong = Violations::new();
    let principal = wrong.optional("principal_id", &req.principal_id);
    let permission = wrong.parse("permission", &req.permission);
    let asked = format!("{} {}", req.principal_id, req.permission);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, asked.as_bytes()));
    let (permission, page) = wrong.finish(permission.zip(page))?;
    Ok((principal, permission, page))
}

fn read_review(req: &pb::ReviewAccessRequest) -> Result<(Permission, Page), Error> {
    let mut wrong = Violations::new();
    let permission = wrong.parse("permission", &req.permission);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.permission.as_bytes()));
    wrong.finish(permission.zip(page))
}

fn render(explained: Explained, permission: Permission, locale: Locale) -> pb::ExplainResponse {
    let sentence = tally_i18n::text(locale, &sentence(&explained, permission));
    let Explained { reasons, roles, could_grant } = explained;
    let allowed = reasons.decision == Decision::Allow;
    let (delegator_id, break_glass_id) = app::source_ids(reasons.source);
    let grants = reasons.grants.iter().map(|(grant, verdict)| pb::GrantReason {
        grant: Some(crate::access::domain::GrantRecord::from(grant).into()),
        verdict: write_verdict(*verdict).into(),
    });
    pb::ExplainResponse {
        allowed,
        grants: grants.collect(),
        delegator_id,
        break_glass_id,
        roles,
        could_be_granted_by: could_grant.iter().map(ToString::to_string).collect(),
        sentence,
    }
}

fn write_verdict(verdict: Verdict) -> pb::GrantVerdict {
    match verdict {
        Verdict::Allows => pb::GrantVerdict::Allows,
        Verdict::OutOfReach => pb::GrantVerdict::OutOfReach,
        Verdict::ConditionUnmet => pb::GrantVerdict::ConditionUnmet,
        Verdict::NotNow => pb::GrantVerdict::NotNow,
        Verdict::NotEntitled => pb::GrantVerdict::NotEntitled,
        Verdict::RoleLacks => pb::GrantVerdict::RoleLacks,
    }
}

/// The answer in one sentence: what is closest to allowing it, or what is missing.
fn sentence(explained: &Explained, permission: Permission) -> Message {
    let closest = explained.reasons.grants.first().map(|(grant, verdict)| (grant.assignment.role.as_str(), *verdict));
    let (role, verdict) = closest.unwrap_or(("", Verdict::RoleLacks));
    let allowed = explained.reasons.decision == Decision::Allow;
    match verdict {
        Verdict::Allows if allowed => msg!("ALLOWED_BY_ROLE", role, permission),
        _ if allowed => msg!("ALLOWED_BY_DELEGATION", permission),
        Verdict::OutOfReach => msg!("REFUSED_HERE", role, permission),
        Verdict::ConditionUnmet => msg!("REFUSED_BY_CONDITION", role, permission),
        Verdict::NotNow => msg!("REFUSED_TODAY", role, permission),
        Verdict::NotEntitled => msg!("REFUSED_WITHOUT_MODULE", permission),
        Verdict::Allows | Verdict::RoleLacks => {
            msg!("REFUSED_WITHOUT_GRANT", permission, roles = explained.roles.join(", "))
        }
    }
}

fn render_review((holders, next_page_token): (Vec<Holder>, String)) -> pb::ReviewAccessResponse {
    let mut masked_fields = BTreeSet::new();
    let render = |holder: Holder| {
        let mut row = pb::AccessReviewRow {
            grant: Some(holder.grant.into()),
            granted_at: Some(timestamp(holder.granted_at)),
            person_id: holder.person.map(|id| id.to_string()).unwrap_or_default(),
            holds_today: holder.holds_today,
            login: holder.login,
        };
        let may_read = |class| holder.named || class != DataClass::Pii;
        masked_fields.extend(classes::mask("tally.identity.v1.AccessReviewRow", &mut row, may_read));
        row
    };
    let rows = holders.into_iter().map(render).collect();
    pb::ReviewAccessResponse { rows, next_page_token, masked_fields: masked_fields.into_iter().collect() }
}
