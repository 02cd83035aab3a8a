//! What is kept of a person, from every service, for whoever asks for it and may: as one file.

use axum::body::Body;
use futures::StreamExt as _;
use http::Response;
use serde_json::{Map, Value, json};
use tally_access::Permission;
use tally_api::common::v1::{ExportPersonRequest, ExportPersonResponse};
use tally_api::identity::v1 as identity;
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};
use tonic::{Status, Streaming};

use crate::act::{Act, all_right, allowed, missing};
use crate::console::told;
use crate::names;
use crate::ui::form::{Field, Form, Kind};
use crate::visit::answer::file_named;
use crate::visit::{Sent, Visit};

const HERE: &str = "/platform/kept";

async fn page(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::PersonReadPii)?;
    let people = names::people(visit).await?;
    let ui = visit.ui(&msg!("NAV_KEPT"));
    let person = Field::new(&ui, "person_id", "UI_PERSON", Kind::Choice(people.choices())).required();
    let form = Form::new(&ui, HERE, "kept", "UI_KEPT_GET").with(person);
    let said = ui.t("UI_KEPT_SAID");
    Ok(Act::new(ui, form, "/").note("plain", said))
}

/// `GET /platform/kept`.
pub async fn form(visit: Visit) -> Response<Body> {
    visit.page(page(&visit).await)
}

/// `POST /platform/kept`: the file. Every service notes that it was read.
pub async fn get(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let person = sent.get("person_id").to_owned();
    let found = async {
        all_right(missing(&sent, &["person_id"]))?;
        everything(&visit, &person).await
    };
    match found.await {
        Ok(text) => file_named(&format!("{person}.json"), "application/json", text.into_bytes()),
        Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
    }
}

async fn everything(visit: &Visit, person: &str) -> Result<String> {
    use tally_api::{attendance, compensation, performance, talent};
    macro_rules! of {
        ($api:ident, $service:literal) => {
            async {
                let ask = visit.request(ExportPersonRequest { person_id: person.to_owned() });
                let mut client = $api::v1::privacy_service_client::PrivacyServiceClient::new(visit.channel($service)?);
                read(client.export_person(ask).await).await
            }
        };
    }
    let (own, attendance, performance, compensation, talent) = futures::try_join!(
        own(visit, person),
        of!(attendance, "attendance"),
        of!(performance, "performance"),
        of!(compensation, "compensation"),
        of!(talent, "talent")
    )?;
    let at = visit.console().clock().now().to_string();
    let services = json!({
        "identity": own, "attendance": attendance, "performance": performance, "compensation": compensation, "talent": talent,
    });
    serde_json::to_string_pretty(&json!({ "person_id": person, "read_at": at, "services": services }))
        .map_err(Error::internal)
}

async fn own(visit: &Visit, person: &str) -> Result<Value> {
    let ask = identity::ExportPersonRequest { person_id: person.to_owned() };
    let mut client = identity::person_service_client::PersonServiceClient::new(visit.channel("identity")?);
    let parts = told(client.export_person(visit.request(ask))).await?.parts;
    let tables: Map<String, Value> = parts.into_iter().map(|part| (part.table, rows(&part.rows))).collect();
    Ok(json!({ "tables": tables }))
}

/// Rows as they are in the table.
fn rows(rows: &[String]) -> Value {
    rows.iter().map(|row| serde_json::from_str(row).unwrap_or_else(|_| Value::from(row.as_str()))).collect()
}

/// What a service holds; nothing where none of it is in reach.
async fn read(opened: std::result::Result<tonic::Response<Streaming<ExportPersonResponse>>, Status>) -> Result<Value> {
    let (mut tables, mut withheld, mut beyond) = (Map::new(), 0, false);
    let mut parts = match opened.map(tonic::Response::into_inner).map_err(tally_rpc::error_from) {
        Ok(parts) => parts,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(json!({ "tables": {} })),
        Err(error) => return Err(error),
    };
    while let Some(part) = parts.next().await {
        let part = match part.map_err(tally_rpc::error_from) {
            Ok(part) => part,
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        beyond |= part.beyond_reach;
        let Some(table) = part.part else { continue };
        withheld += table.withheld;
        let known = tables.entry(table.table).or_insert_with(|| Value::Array(Vec::new()));
        if let (Value::Array(known), Value::Array(more)) = (known, rows(&table.rows)) {
            known.extend(more);
        }
    }
    Ok(json!({ "tables": tables, "withheld": withheld, "beyond_reach": beyond }))
}
