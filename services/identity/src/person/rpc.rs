//! `PersonService`: parse, call, mask, render.

use std::collections::BTreeSet;
use std::sync::Arc;

use tally_api::classes::{self, DataClass};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::person_service_server::PersonService;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Asked, Seen};
use super::domain::{Change, MAX_TEXT, PersonRow, Post, Reason, Rectification, Terms};
use super::store::{Key, Wanted};
use crate::export::app::Part;
use crate::render::{check_rows, date, date_or_none, day, digest, instant_or_none, parse_or_none, question};
use crate::{App, export};

/// The server.
pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl PersonService for Rpc {
    async fn import_people(
        &self,
        req: Request<pb::ImportPeopleRequest>,
    ) -> Result<Response<pb::ImportPeopleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::import(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|done| pb::ImportPeopleResponse { result: Some(done.into()) }).answer(&ctx)
    }

    async fn change_employment(
        &self,
        req: Request<pb::ChangeEmploymentRequest>,
    ) -> Result<Response<pb::ChangeEmploymentResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change(&self.0, &ctx, &req.into_inner().try_into()?).await.map(render) };
        let reply = reply.await;
        let reply =
            reply.map(|(person, masked)| pb::ChangeEmploymentResponse { person: Some(person), masked_fields: masked });
        reply.answer(&ctx)
    }

    async fn end_employment(
        &self,
        req: Request<pb::EndEmploymentRequest>,
    ) -> Result<Response<pb::EndEmploymentResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|seen| pb::EndEmploymentResponse { person: Some(render(seen).0) }).answer(&ctx)
    }

    async fn rectify_person(
        &self,
        req: Request<pb::RectifyPersonRequest>,
    ) -> Result<Response<pb::RectifyPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::rectify(&self.0, &ctx, &req.into_inner().try_into()?).await.map(render) };
        let reply = reply.await;
        let reply =
            reply.map(|(person, masked_fields)| pb::RectifyPersonResponse { person: Some(person), masked_fields });
        reply.answer(&ctx)
    }

    async fn export_person(
        &self,
        req: Request<pb::ExportPersonRequest>,
    ) -> Result<Response<pb::ExportPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { export::app::person(&self.0, &ctx, req.into_inner().person_id.parse()?).await };
        reply
            .await
            .map(|parts| pb::ExportPersonResponse { parts: parts.into_iter().map(Into::into).collect() })
            .answer(&ctx)
    }

    async fn get_person(&self, req: Request<pb::GetPersonRequest>) -> Result<Response<pb::GetPersonResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::get(&self.0, &ctx, &req.into_inner().try_into()?).await.map(render) };
        let reply =
            reply.await.map(|(person, masked_fields)| pb::GetPersonResponse { person: Some(person), masked_fields });
        reply.answer(&ctx)
    }

    async fn list_people(
        &self,
        req: Request<pb::ListPeopleRequest>,
    ) -> Result<Response<pb::ListPeopleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (about, page) = read_list(&req.into_inner())?;
            app::list(&self.0, &ctx, about, &page).await.map(render_list)
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListPeopleRequest) -> Result<(Wanted, Page), Error> {
    let mut wrong = Violations::new();
    let period = req.period.as_ref().and_then(|period| {
        let days = date(&mut wrong, "period.from", &period.from).zip(date(&mut wrong, "period.to", &period.to));
        let read =
            days.map(|(from, to)| Period::new(from, to).map_err(|error| wrong.push("period", error.to_string())));
        read.and_then(Result::ok)
    });
    let known_at = instant_or_none(&mut wrong, "known_at", req.known_at.as_ref());
    let asked = req.period.as_ref().map(|period| format!("{}..{}", period.from, period.to)).unwrap_or_default();
    let asked = question(&[&asked], known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &asked));
    Ok((Wanted { period, known_at }, wrong.finish(page)?))
}

impl TryFrom<pb::ImportPeopleRequest> for app::Import {
    type Error = Error;
    fn try_from(req: pb::ImportPeopleRequest) -> Result<Self, Error> {
        check_rows(&req.rows)?;
        let body = digest(&req);
        let row = |row: pb::PersonRow| PersonRow {
            employee_no: row.employee_no,
            name: row.name,
            unit_path: row.unit_path,
            position: row.position,
            grade: row.grade,
            hired_on: row.hired_on,
            left_on: row.left_on,
            zone: row.zone,
        };
        Ok(Self { request_id: req.request_id, body, rows: req.rows.into_iter().map(row).collect() })
    }
}

impl TryFrom<pb::EndEmploymentRequest> for app::End {
    type Error = Error;
    fn try_from(req: pb::EndEmploymentRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let body = digest(&req);
        let person = wrong.parse("person_id", &req.person_id);
        let last_day = date(&mut wrong, "last_day", &req.last_day);
        let (person, last_day) = wrong.finish(person.zip(last_day))?;
        Ok(Self { request_id: req.request_id, body, person, last_day })
    }
}

impl TryFrom<pb::RectifyPersonRequest> for app::Rectify {
    type Error = Error;
    fn try_from(req: pb::RectifyPersonRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let body = digest(&req);
        let person = wrong.parse("person_id", &req.person_id);
        let person = wrong.finish(person)?;
        let right = Rectification { employee_no: req.employee_no, name: req.name, zone: req.zone };
        Ok(Self { request_id: req.request_id, body, person, right })
    }
}

impl TryFrom<pb::ChangeEmploymentRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::ChangeEmploymentRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let body = digest(&req);
        let person = wrong.parse("person_id", &req.person_id);
        let change = read_change(&mut wrong, req.change);
        let (person, change) = wrong.finish(person.zip(change))?;
        Ok(Self { request_id: req.request_id, body, person, change })
    }
}

fn read_change(wrong: &mut Violations, change: Option<pb::change_employment_request::Change>) -> Option<Change> {
    use pb::change_employment_request::Change as Sent;
    match change {
        None => {
            wrong.push("change", "say what is to be different");
            None
        }
        Some(Sent::Transfer(sent)) => {
            let employment = parse_or_none(wrong, "transfer.employment_id", &sent.employment_id);
            let terms = read_terms(wrong, "transfer.terms.unit_id", sent.terms);
            let from = date(wrong, "transfer.from", &sent.from)?;
            Some(Change::Transfer { employment, terms, from })
        }
        Some(Sent::Post(sent)) => {
            let post = match sent.post() {
                pb::Post::Concurrent => Some(Post::Concurrent),
                pb::Post::Secondment => Some(Post::Secondment),
                pb::Post::Unspecified | pb::Post::Home => {
                    wrong.push("post.post", "concurrent or secondment: a home is hired, transferred or rehired");
                    None
                }
            };
            let terms = read_terms(wrong, "post.terms.unit_id", sent.terms);
            let to = date_or_none(wrong, "post.to", &sent.to);
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
            let to = date_or_none(wrong, "rehire.to", &sent.to);
            let from = date(wrong, "rehire.from", &sent.from)?;
            Some(Change::Rehire { terms, from, to })
        }
        Some(Sent::Leave(sent)) => {
            let to = date_or_none(wrong, "leave.to", &sent.to);
            let from = date(wrong, "leave.from", &sent.from)?;
            Some(Change::Leave { from, to })
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
    }
}

/// Terms as sent; texts are judged where the employment is known.
fn read_terms(wrong: &mut Violations, field: &str, sent: Option<pb::Terms>) -> Terms {
    let sent = sent.unwrap_or_default();
    let unit = parse_or_none(wrong, field, &sent.unit_id);
    for (name, text) in [("position", &sent.position), ("grade", &sent.grade)] {
        if text.chars().count() > MAX_TEXT {
            wrong.push(format!("terms.{name}"), format!("at most {MAX_TEXT} characters"));
        }
    }
    Terms { unit, position: sent.position.trim().to_owned(), grade: sent.grade.trim().to_owned() }
}

impl TryFrom<pb::GetPersonRequest> for Asked {
    type Error = Error;
    fn try_from(req: pb::GetPersonRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let key = match (req.person_id.as_str(), req.employee_no.trim()) {
            ("", "") => {
                wrong.push("person_id", "name the person by id or by employee_no");
                None
            }
            ("", number) => Some(Key::EmployeeNo(number.to_owned())),
            (id, "") => wrong.parse("person_id", id).map(Key::Id),
            _ => {
                wrong.push("employee_no", "leave it empty when person_id is given");
                None
            }
        };
        let as_of = date_or_none(&mut wrong, "as_of", &req.as_of);
        let known_at = instant_or_none(&mut wrong, "known_at", req.known_at.as_ref());
        Ok(Self { key: wrong.finish(key)?, as_of, known_at })
    }
}

fn render_list((people, next_page_token): (Vec<Seen>, String)) -> pb::ListPeopleResponse {
    let mut masked_fields = BTreeSet::new();
    let render = |seen| {
        let (person, masked) = render(seen);
        masked_fields.extend(masked);
        person
    };
    let people = people.into_iter().map(render).collect();
    pb::ListPeopleResponse { people, next_page_token, masked_fields: masked_fields.into_iter().collect() }
}

/// A person without what the caller may not read, and the names of what was cleared.
fn render(seen: Seen) -> (pb::Person, Vec<String>) {
    let Seen { person, paths, named } = seen;
    let employments = person.employments.into_iter().zip(paths).map(|(employment, unit_path)| pb::Employment {
        employment_id: employment.id.to_string(),
        unit_id: employment.unit.to_string(),
        unit_path,
        region: employment.region.to_string(),
        position: employment.position,
        grade: employment.grade,
        from: employment.from.to_string(),
        to: day(employment.to),
        post: pb::Post::from(employment.post).into(),
        reason: pb::EmploymentReason::from(employment.reason).into(),
    });
    let leaves = person.leaves.into_iter().map(|leave| pb::Leave {
        leave_id: leave.id.to_string(),
        from: leave.from.to_string(),
        to: day(leave.to),
    });
    let mut person = pb::Person {
        person_id: person.id.to_string(),
        employee_no: person.employee_no,
        name: person.name,
        zone: person.zone,
        employments: employments.collect(),
        leaves: leaves.collect(),
    };
    let masked = classes::mask("tally.identity.v1.Person", &mut person, |class| match class {
        DataClass::Public | DataClass::Internal => true,
        DataClass::Pii => named,
        _ => false,
    });
    (person, masked)
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
