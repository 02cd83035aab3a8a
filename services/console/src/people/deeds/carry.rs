//! What was filled in, as the change that identity is asked for.

use tally_api::common::v1::EmploymentKind;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::reporting_service_client::ReportingServiceClient;
use tally_api::identity::v1::{
    CancelPlan, ChangeEmploymentRequest, CorrectStart, EndEmploymentRequest, EndLeave, EndPost,
    EndReportingLineRequest, LeaveKind, NewLeave, NewPost, Post, RectifyPersonRequest, Rehire, ReportingLineKind,
    SetReportingLineRequest, Terms, Transfer,
};
use tally_kernel::{Result, msg};

use super::Deed;
use crate::act::all_right;
use crate::console::told;
use crate::names::Names;
use crate::visit::{Sent, Visit};

/// Carries out what a form says of a person.
///
/// # Errors
/// What identity refuses, and what is wrong beforehand.
pub async fn out(visit: &Visit, deed: Deed, (person, people): (&str, &Names), sent: &Sent) -> Result<()> {
    if deed.is_dangerous() && sent.get("sure").is_empty() {
        return all_right(vec![("sure", msg!("UI_TICK_SURE"))]);
    }
    let (from, to) = (sent.get("from"), sent.get("to"));
    if !to.is_empty() && to < from {
        return all_right(vec![("to", msg!("BEFORE_FROM"))]);
    }
    let (request_id, person_id) = (sent.request_id(), person.to_owned());
    let text = |name: &str| sent.get(name).to_owned();
    let mut persons = PersonServiceClient::new(visit.channel("identity")?);
    let mut lines = ReportingServiceClient::new(visit.channel("identity")?);
    match deed {
        Deed::End => {
            let ask = EndEmploymentRequest { request_id, person_id, last_day: text("last_day") };
            told(persons.end_employment(visit.request(ask))).await.map(drop)
        }
        Deed::Rectify => {
            let (employee_no, name) = (text("employee_no"), text("name"));
            let (zone, id_number) = (text("zone"), text("id_number"));
            let ask = RectifyPersonRequest { request_id, person_id, employee_no, name, zone, id_number };
            told(persons.rectify_person(visit.request(ask))).await.map(drop)
        }
        Deed::Line => {
            let manager_id = match people.find(sent.get("manager_id")) {
                Ok(id) => id,
                Err(wrong) => return all_right(vec![("manager_id", wrong)]),
            };
            let kind = ReportingLineKind::from_str_name(sent.get("kind")).unwrap_or_default().into();
            let (from, to) = (text("from"), text("to"));
            let ask = SetReportingLineRequest { request_id, person_id, manager_id, kind, from, to };
            told(lines.set_reporting_line(visit.request(ask))).await.map(drop)
        }
        Deed::EndLine => {
            let ask = EndReportingLineRequest { request_id, line_id: text("line_id"), last_day: text("last_day") };
            told(lines.end_reporting_line(visit.request(ask))).await.map(drop)
        }
        _ => {
            let ask = ChangeEmploymentRequest { request_id, person_id, change: change(deed, sent) };
            told(persons.change_employment(visit.request(ask))).await.map(drop)
        }
    }
}

fn change(deed: Deed, sent: &Sent) -> Option<Change> {
    let text = |name: &str| sent.get(name).to_owned();
    let (from, to, employment_id) = (text("from"), text("to"), text("employment_id"));
    match deed {
        Deed::Transfer => Some(Change::Transfer(Transfer { employment_id, terms: Some(terms(sent)), from })),
        Deed::Post => {
            let post = Post::from_str_name(sent.get("post")).unwrap_or_default().into();
            Some(Change::Post(NewPost { post, terms: Some(terms(sent)), from, to }))
        }
        Deed::EndPost => Some(Change::EndPost(EndPost { employment_id, last_day: text("last_day") })),
        Deed::Rehire => Some(Change::Rehire(Rehire { terms: Some(terms(sent)), from, to })),
        Deed::Leave => {
            let kind = LeaveKind::from_str_name(sent.get("kind")).unwrap_or_default().into();
            Some(Change::Leave(NewLeave { from, to, kind, reason: text("reason") }))
        }
        Deed::EndLeave => Some(Change::EndLeave(EndLeave { leave_id: text("leave_id"), last_day: text("last_day") })),
        Deed::Cancel => Some(Change::Cancel(CancelPlan { employment_id, on: text("on") })),
        Deed::CorrectStart => Some(Change::CorrectStart(CorrectStart { employment_id, first_day: text("first_day") })),
        Deed::End | Deed::Rectify | Deed::Line | Deed::EndLine => None,
    }
}

fn terms(sent: &Sent) -> Terms {
    Terms {
        unit_id: sent.get("unit_id").to_owned(),
        position: sent.get("position").to_owned(),
        grade: sent.get("grade").to_owned(),
        kind: EmploymentKind::from_str_name(sent.get("kind")).unwrap_or_default().into(),
    }
}
