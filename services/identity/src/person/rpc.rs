//! `PersonService`: parse, call, mask, render.

use std::mem::take;
use std::sync::Arc;

use tally_access::OpContext;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::person_service_server::PersonService;
use tally_app::RequestKey;
use tally_app::convert::{date, date_text, employment_kind, employment_kind_message, optional_date, optional_instant};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, IdNumber, msg};
use tally_rpc::{Answer as _, mask, masked_in, may_ask_by};
use tonic::{Request, Response, Status};

use super::app::{self, Asked, By, Listed, Seen};
use super::domain::{
    Change, Key, Leave, LeaveKind, MAX_REASON, MAX_TEXT, PersonRow, Post, Reason, Rectification, Terms, Why,
};
use super::store::Wanted;
use crate::export::app::Part;
use crate::policy::{ChangeEmployment, EndEmployment, GetPerson, ListPeople, RectifyPerson};
use crate::render::question;
use crate::{App, export};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl PersonService for Rpc {
    async fn import_people(
        &self,
        req: Request<pb::ImportPeopleRequest>,
    ) -> Result<Response<pb::ImportPeopleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut req = req.into_inner();
            let request = RequestKey::of(take(&mut req.request_id), &req);
            app::import(&self.0, &ctx, &Import::checked(request, req.rows, MAX_ROWS, |row, _| Some(row.into()))?).await
        };
        reply.await.map(|done| pb::ImportPeopleResponse { result: Some(import::told(done, ctx.locale)) }).answer(&ctx)
    }

    async fn change_employment(
        &self,
        req: Request<pb::ChangeEmploymentRequest>,
    ) -> Result<Response<pb::ChangeEmploymentResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change(&self.0, &ctx, &req.into_inner().try_into()?).await };
        let reply = reply.await.map(|seen| render::<ChangeEmployment>(&ctx, seen));
        reply.map(|(person, masked_fields)| pb::ChangeEmploymentResponse { person, masked_fields }).answer(&ctx)
    }

    async fn end_employment(
        &self,
        req: Request<pb::EndEmploymentRequest>,
    ) -> Result<Response<pb::EndEmploymentResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await };
        let reply = reply.await.map(|seen| render::<EndEmployment>(&ctx, seen));
        reply.map(|(person, masked_fields)| pb::EndEmploymentResponse { person, masked_fields }).answer(&ctx)
    }

    async fn rectify_person(
        &self,
        req: Request<pb::RectifyPersonRequest>,
    ) -> Result<Response<pb::RectifyPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::rectify(&self.0, &ctx, &req.into_inner().try_into()?).await };
        let reply = reply.await.map(|seen| render::<RectifyPerson>(&ctx, seen));
        reply.map(|(person, masked_fields)| pb::RectifyPersonResponse { person, masked_fields }).answer(&ctx)
    }

    async fn export_person(
        &self,
        req: Request<pb::ExportPersonRequest>,
    ) -> Result<Response<pb::ExportPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply =
            async { export::app::person(&self.0, &ctx, field("person_id", &req.into_inner().person_id)?).await };
        reply
            .await
            .map(|parts| pb::ExportPersonResponse { parts: parts.into_iter().map(Into::into).collect() })
            .answer(&ctx)
    }

    async fn get_person(&self, req: Request<pb::GetPersonRequest>) -> Result<Response<pb::GetPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            may_ask_by::<GetPerson>(&ctx, "tally.identity.v1.GetPersonRequest", req.get_ref())?;
            app::get(&self.0, &ctx, &req.into_inner().try_into()?).await
        };
        let reply = reply.await.map(|seen| render::<GetPerson>(&ctx, seen));
        reply.map(|(person, masked_fields)| pb::GetPersonResponse { person, masked_fields }).answer(&ctx)
    }

    async fn list_people(
        &self,
        req: Request<pb::ListPeopleRequest>,
    ) -> Result<Response<pb::ListPeopleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let (about, page) = read_list(&req)?;
            app::list(&self.0, &ctx, about, req.known_revision, &page).await.map(|found| render_list(&ctx, found))
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListPeopleRequest) -> Result<(Wanted, Page), Error> {
    let mut wrong = Violations::new();
    let period = req.period.as_ref().and_then(|period| {
        let days = date(&mut wrong, "period.from", &period.from).zip(date(&mut wrong, "period.to", &period.to));
        days.and_then(|(from, to)| wrong.take("period", Period::new(from, to).map_err(Error::from)))
    });
    let known_at = optional_instant(&mut wrong, "known_at", req.known_at);
    let asked = req.period.as_ref().map(|period| format!("{}..{}", period.from, period.to)).unwrap_or_default();
    let asked = question(&[&asked], known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &asked));
    Ok((Wanted { period, known_at }, wrong.finish(page)?))
}

impl From<pb::PersonRow> for PersonRow {
    fn from(row: pb::PersonRow) -> Self {
        Self {
            employee_no: row.employee_no,
            name: row.name,
            unit_path: row.unit_path,
            position: row.position,
            grade: row.grade,
            hired_on: row.hired_on,
            left_on: row.left_on,
            zone: row.zone,
            id_number: row.id_number,
            kind: row.employment_kind,
        }
    }
}

impl TryFrom<pb::EndEmploymentRequest> for app::End {
    type Error = Error;
    fn try_from(req: pb::EndEmploymentRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        let last_day = date(&mut wrong, "last_day", &req.last_day);
        let (person, last_day) = wrong.finish(person.zip(last_day))?;
        Ok(Self { request, person, last_day })
    }
}

impl TryFrom<pb::RectifyPersonRequest> for app::Rectify {
    type Error = Error;
    fn try_from(req: pb::RectifyPersonRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        let id_number = id_number_or_none(&mut wrong, &req.id_number);
        let person = wrong.finish(person)?;
        let right = Rectification { employee_no: req.employee_no, name: req.name, zone: req.zone, id_number };
        Ok(Self { request, person, right })
    }
}

impl TryFrom<pb::ChangeEmploymentRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::ChangeEmploymentRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        let change = read_change(&mut wrong, req.change);
        let (person, change) = wrong.finish(person.zip(change))?;
        Ok(Self { request, person, change })
    }
}

fn read_change(wrong: &mut Violations, change: Option<pb::change_employment_request::Change>) -> Option<Change> {
    use pb::change_employment_request::Change as Sent;
    match change {
        None => {
            wrong.push("change", msg!("CHANGE_MISSING"));
            None
        }
        Some(Sent::Transfer(sent)) => {
            let employment = wrong.optional("transfer.employment_id", &sent.employment_id);
            let terms = read_terms(wrong, "transfer.terms.unit_id", sent.terms);
            let from = date(wrong, "transfer.from", &sent.from)?;
            Some(Change::Transfer { employment, terms, from })
        }
        Some(Sent::Post(sent)) => {
            let post = match sent.post() {
                pb::Post::Concurrent => Some(Post::Concurrent),
                pb::Post::Secondment => Some(Post::Secondment),
                pb::Post::Unspecified | pb::Post::Home => {
                    wrong.push("post.post", msg!("POST_KIND_MISSING"));
                    None
                }
            };
            let terms = read_terms(wrong, "post.terms.unit_id", sent.terms);
            let to = optional_date(wrong, "post.to", &sent.to);
            let from = date(wrong, "post.from", &sent.from)?;
            Some(Change::Post { post: post?, terms, from, to })
        }
        Some(Sent::EndPost(sent)) => {
            let employment = wrong.parse("end_post.employment_id", &sent.employment_id);
            let last_day = date(wrong, "end_post.last_day", &sent.last_day)?;
            Some(Change::EndPost { employment: employment?, last_day })
        }
        Some(Sent::Rehire(sent)) => {
            let terms = read_terms(wrong, "rehire.terms.unit_id", sent.terms);
            let to = optional_date(wrong, "rehire.to", &sent.to);
            let from = date(wrong, "rehire.from", &sent.from)?;
            Some(Change::Rehire { terms, from, to })
        }
        Some(Sent::Leave(sent)) => {
            let to = optional_date(wrong, "leave.to", &sent.to);
            let why = read_why(wrong, &sent);
            let from = date(wrong, "leave.from", &sent.from)?;
            Some(Change::Leave { from, to, why })
        }
        Some(Sent::EndLeave(sent)) => {
            let leave = wrong.parse("end_leave.leave_id", &sent.leave_id);
            let last_day = date(wrong, "end_leave.last_day", &sent.last_day)?;
            Some(Change::EndLeave { leave: leave?, last_day })
        }
        Some(Sent::Cancel(sent)) => {
            let employment = wrong.parse("cancel.employment_id", &sent.employment_id);
            let on = date(wrong, "cancel.on", &sent.on)?;
            Some(Change::Cancel { employment: employment?, on })
        }
        Some(Sent::CorrectStart(sent)) => {
            let employment = wrong.parse("correct_start.employment_id", &sent.employment_id);
            let from = date(wrong, "correct_start.first_day", &sent.first_day)?;
            Some(Change::CorrectStart { employment: employment?, from })
        }
    }
}

fn read_why(wrong: &mut Violations, sent: &pb::NewLeave) -> Option<Why> {
    let (kind, reason) = (read_kind(sent.kind()), sent.reason.trim().to_owned());
    if reason.chars().count() > MAX_REASON {
        wrong.push("leave.reason", msg!("TEXT_TOO_LONG", max = MAX_REASON));
    }
    (kind.is_some() || !reason.is_empty()).then_some(Why { kind, reason })
}

fn read_kind(kind: pb::LeaveKind) -> Option<LeaveKind> {
    match kind {
        pb::LeaveKind::Unspecified => None,
        pb::LeaveKind::Sick => Some(LeaveKind::Sick),
        pb::LeaveKind::WorkInjury => Some(LeaveKind::WorkInjury),
        pb::LeaveKind::Maternity => Some(LeaveKind::Maternity),
        pb::LeaveKind::Parental => Some(LeaveKind::Parental),
        pb::LeaveKind::Care => Some(LeaveKind::Care),
        pb::LeaveKind::Unpaid => Some(LeaveKind::Unpaid),
        pb::LeaveKind::Other => Some(LeaveKind::Other),
    }
}

fn id_number_or_none(wrong: &mut Violations, text: &str) -> Option<IdNumber> {
    if text.trim().is_empty() {
        return None;
    }
    wrong.take("id_number", IdNumber::parse(text).map_err(Error::from))
}

/// Terms as sent; texts are judged where the employment is known.
fn read_terms(wrong: &mut Violations, field: &str, sent: Option<pb::Terms>) -> Terms {
    let sent = sent.unwrap_or_default();
    let unit = wrong.optional(field, &sent.unit_id);
    for (name, text) in [("position", &sent.position), ("grade", &sent.grade)] {
        if text.chars().count() > MAX_TEXT {
            wrong.push(format!("terms.{name}"), msg!("TEXT_TOO_LONG", max = MAX_TEXT));
        }
    }
    let kind = employment_kind(wrong, "terms.kind", sent.kind);
    Terms { unit, position: sent.position.trim().to_owned(), grade: sent.grade.trim().to_owned(), kind }
}

impl TryFrom<pb::GetPersonRequest> for Asked {
    type Error = Error;
    fn try_from(req: pb::GetPersonRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let by = match (req.person_id.as_str(), req.employee_no.trim(), req.id_number.trim()) {
            ("", number, "") if !number.is_empty() => Some(By::Key(Key::EmployeeNo(number.to_owned()))),
            ("", "", number) if !number.is_empty() => id_number_or_none(&mut wrong, number).map(By::IdNumber),
            (id, "", "") if !id.is_empty() => wrong.parse("person_id", id).map(|id| By::Key(Key::Id(id))),
            _ => {
                wrong.push("person_id", msg!("NAME_ONE_OF", fields = "person_id, employee_no, id_number"));
                None
            }
        };
        let as_of = optional_date(&mut wrong, "as_of", &req.as_of);
        let known_at = optional_instant(&mut wrong, "known_at", req.known_at);
        Ok(Self { by: wrong.finish(by)?, as_of, known_at })
    }
}

fn render_list(ctx: &OpContext, found: Listed) -> pb::ListPeopleResponse {
    let Listed { people, next: next_page_token, revision, unchanged } = found;
    let (people, masked): (Vec<_>, Vec<_>) = people.into_iter().map(|seen| render::<ListPeople>(ctx, seen)).unzip();
    let masked_fields = masked_in("people", masked);
    let people = people.into_iter().flatten().collect();
    pb::ListPeopleResponse { people, next_page_token, masked_fields, revision, unchanged }
}

/// A person without what the caller may not read, and the names of what was cleared.
fn render<R: tally_access::Rpc>(ctx: &OpContext, seen: Seen) -> (Option<pb::Person>, Vec<String>) {
    let targets = seen.targets();
    let Seen { person, paths } = seen;
    let id = person.id;
    let employments = person.employments.into_iter().zip(paths).map(|(employment, unit_path)| pb::Employment {
        employment_id: employment.id.to_string(),
        unit_id: employment.unit.to_string(),
        unit_path,
        region: employment.region.to_string(),
        position: employment.position,
        grade: employment.grade,
        from: employment.from.to_string(),
        to: date_text(employment.to),
        post: pb::Post::from(employment.post).into(),
        reason: pb::EmploymentReason::from(employment.reason).into(),
        kind: employment_kind_message(employment.kind).into(),
    });
    let mut masked = Vec::new();
    // Why somebody was away is read where the person was then; who the person is, wherever the person is known.
    let leaves = person.leaves.into_iter().map(|leave| {
        let at = [leave.target(id)];
        let mut message = pb::Leave::from(leave);
        masked.push(mask::<R, _>(ctx, "tally.identity.v1.Leave", &mut message, &at));
        message
    });
    let leaves: Vec<_> = leaves.collect();
    let mut person = pb::Person {
        person_id: id.to_string(),
        employee_no: person.employee_no,
        name: person.name,
        zone: person.zone,
        employments: employments.collect(),
        leaves: Vec::new(),
        id_number: person.id_number.map(|number| number.reveal().to_owned()).unwrap_or_default(),
    };
    let mut masked = masked_in("leaves", masked);
    masked.extend(mask::<R, _>(ctx, "tally.identity.v1.Person", &mut person, &targets));
    masked.sort();
    person.leaves = leaves;
    (Some(person), masked)
}

impl From<Leave> for pb::Leave {
    fn from(leave: Leave) -> Self {
        let kind = match leave.why.as_ref().and_then(|why| why.kind) {
            None => pb::LeaveKind::Unspecified,
            Some(LeaveKind::Sick) => pb::LeaveKind::Sick,
            Some(LeaveKind::WorkInjury) => pb::LeaveKind::WorkInjury,
            Some(LeaveKind::Maternity) => pb::LeaveKind::Maternity,
            Some(LeaveKind::Parental) => pb::LeaveKind::Parental,
            Some(LeaveKind::Care) => pb::LeaveKind::Care,
            Some(LeaveKind::Unpaid) => pb::LeaveKind::Unpaid,
            Some(LeaveKind::Other) => pb::LeaveKind::Other,
        };
        Self {
            leave_id: leave.id.to_string(),
            from: leave.from.to_string(),
            to: date_text(leave.to),
            kind: kind.into(),
            reason: leave.why.map(|why| why.reason).unwrap_or_default(),
        }
    }
}

impl From<Part> for pb::ExportPart {
    fn from(part: Part) -> Self {
        Self { table: part.table.to_owned(), rows: part.rows }
    }
}

impl From<Post> for pb::Post {
    fn from(post: Post) -> Self {
        match post {
            Post::Home => Self::Home,
            Post::Concurrent => Self::Concurrent,
            Post::Secondment => Self::Secondment,
        }
    }
}

impl From<Reason> for pb::EmploymentReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Hire => Self::Hire,
            Reason::Rehire => Self::Rehire,
            Reason::Transfer => Self::Transfer,
            Reason::Promotion => Self::Promotion,
            Reason::Secondment => Self::Secondment,
            Reason::ConcurrentPost => Self::ConcurrentPost,
            Reason::Reorganisation => Self::Reorganisation,
        }
    }
}
