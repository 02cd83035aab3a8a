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

use super::app::{self, Seen};
use super::domain::PersonRow;
use super::store::Key;
use crate::App;
use crate::render::{check_rows, date, day, digest};

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

    async fn end_employment(
        &self,
        req: Request<pb::EndEmploymentRequest>,
    ) -> Result<Response<pb::EndEmploymentResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|seen| pb::EndEmploymentResponse { person: Some(render(seen).0) }).answer(&ctx)
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
            let (period, page) = read_list(&req.into_inner())?;
            app::list(&self.0, &ctx, period, &page).await.map(render_list)
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListPeopleRequest) -> Result<(Option<Period>, Page), Error> {
    let mut wrong = Violations::new();
    let period = req.period.as_ref().and_then(|period| {
        let days = date(&mut wrong, "period.from", &period.from).zip(date(&mut wrong, "period.to", &period.to));
        let read =
            days.map(|(from, to)| Period::new(from, to).map_err(|error| wrong.push("period", error.to_string())));
        read.and_then(Result::ok)
    });
    let question = req.period.as_ref().map(|period| format!("{}..{}", period.from, period.to)).unwrap_or_default();
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, question.as_bytes()));
    Ok((period, wrong.finish(page)?))
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

impl TryFrom<pb::GetPersonRequest> for Key {
    type Error = Error;
    fn try_from(req: pb::GetPersonRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let key = match (req.person_id.as_str(), req.employee_no.trim()) {
            ("", "") => {
                wrong.push("person_id", "name the person by id or by employee_no");
                None
            }
            ("", number) => Some(Self::EmployeeNo(number.to_owned())),
            (id, "") => wrong.parse("person_id", id).map(Self::Id),
            _ => {
                wrong.push("employee_no", "leave it empty when person_id is given");
                None
            }
        };
        wrong.finish(key)
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
    });
    let mut person = pb::Person {
        person_id: person.id.to_string(),
        employee_no: person.employee_no,
        name: person.name,
        zone: person.zone,
        employments: employments.collect(),
    };
    let masked = classes::mask("tally.identity.v1.Person", &mut person, |class| match class {
        DataClass::Public | DataClass::Internal => true,
        DataClass::Pii => named,
        _ => false,
    });
    (person, masked)
}
