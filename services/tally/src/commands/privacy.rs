//! `tally person export` and `tally retention run`: what all services do about privacy, asked of a running suite.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tally_api::common::v1::{self as common, ExportedTable, RetentionTaken};
use tally_api::identity::v1 as identity;
use tally_kernel::id::PersonId;
use tally_kernel::{Clock, msg};
use tonic::Code;

use super::settings::session;
use crate::cli::{DONE, PersonCommand, PersonExport, RetentionCommand, RetentionRun};
use crate::print;
use crate::said::{Said, here, told};
use crate::session::Session;

/// Does what was asked about a person.
pub async fn person(command: PersonCommand) -> Result<u8> {
    match command {
        PersonCommand::Export(args) => export(args).await,
    }
}

/// Does what was asked about the retention schedule.
pub async fn retention(command: RetentionCommand) -> Result<u8> {
    match command {
        RetentionCommand::Run(args) => run(args).await,
    }
}

/// All rows of a service about a person, by table, and how many were withheld.
type Found = (Map<String, Value>, u64);

/// Writes one JSON document with a section for each service.
async fn export(args: PersonExport) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let person_id = match args.person.parse::<PersonId>() {
        Ok(id) => id.to_string(),
        Err(_) => of_number(&session, args.person).await?,
    };
    let (mut services, mut withheld, mut untold, mut with_more) = (Map::new(), 0, Vec::new(), Vec::new());
    // Who somebody is goes to whoever reaches all of their days; what else is known of some of these days stays to be told.
    let (tables, unknown) = match of_identity(&session, &person_id).await {
        Ok(parts) => (collected(parts)?.0, None),
        Err(status) if status.code() == Code::NotFound => (Map::new(), Some(status)),
        Err(status) => return Err(told(status)),
    };
    services.insert("identity".to_owned(), tables.into());
    untold.extend(unknown.is_some().then_some("identity"));
    macro_rules! ask {
        ($service:ident) => {{
            use tally_api::$service::v1 as pb;
            let mut client = pb::privacy_service_client::PrivacyServiceClient::new(session.at.$service.clone());
            let ask = common::ExportPersonRequest { person_id: person_id.clone() };
            let (mut parts, mut beyond) = (Vec::new(), false);
            match client.export_person(session.ask(ask)).await.map(tonic::Response::into_inner) {
                Ok(mut stream) => {
                    while let Some(message) = stream.message().await.map_err(told)? {
                        beyond |= message.beyond_reach;
                        parts.extend(message.part);
                    }
                }
                // It holds nothing about the person, or only what is of others than the caller reaches: it does not say which.
                Err(status) if status.code() == Code::NotFound => untold.push(stringify!($service)),
                Err(status) => return Err(told(status)),
            }
            let (tables, more) = collected(parts)?;
            services.insert(stringify!($service).to_owned(), tables.into());
            withheld += more;
            with_more.extend(beyond.then_some(stringify!($service)));
        }};
    }
    ask!(attendance);
    ask!(performance);
    ask!(compensation);
    ask!(talent);
    if let Some(status) = unknown.filter(|_| services.keys().all(|service| untold.contains(&service.as_str()))) {
        return Err(told(status));
    }
    let document = json!({
        "person_id": person_id,
        "exported_at": Clock::System.now().to_string(),
        "services": services,
        "withheld_rows": withheld,
        "services_that_told_nothing": untold,
        "services_with_rows_beyond_reach": with_more,
    });
    // It holds everything about somebody: readable by its owner only, and never in place of another.
    let mut file = std::fs::OpenOptions::new();
    let opened = file.write(true).create_new(true).mode(0o600).open(&args.out);
    let mut file = opened
        .map_err(|error| Said(msg!("CANNOT_CREATE", file = args.out.display(), error = tally_i18n::io(&error))))?;
    file.write_all(format!("{document:#}\n").as_bytes())?;
    let file = args.out.display();
    let written = match untold.join(", ") {
        services if services.is_empty() => msg!("PERSON_EXPORTED", file, withheld),
        services => msg!("PERSON_EXPORTED.untold", file, withheld, services),
    };
    print::note(here(&written));
    if !with_more.is_empty() {
        print::note(here(&msg!("PERSON_EXPORTED_BEYOND", services = with_more.join(", "))));
    }
    Ok(DONE)
}

/// The id of whoever has an employee number, which is of one person in the group.
async fn of_number(session: &Session, employee_no: String) -> Result<String> {
    let mut client = identity::person_service_client::PersonServiceClient::new(session.at.identity.clone());
    let ask = identity::GetPersonRequest { employee_no, ..Default::default() };
    let person = client.get_person(session.ask(ask)).await.map_err(told)?.into_inner().person;
    Ok(person.unwrap_or_default().person_id)
}

async fn of_identity(session: &Session, person_id: &str) -> Result<Vec<ExportedTable>, tonic::Status> {
    let mut client = identity::person_service_client::PersonServiceClient::new(session.at.identity.clone());
    let ask = identity::ExportPersonRequest { person_id: person_id.to_owned() };
    let parts = client.export_person(session.ask(ask)).await?.into_inner().parts;
    let table = |part: identity::ExportPart| ExportedTable { table: part.table, rows: part.rows, withheld: 0 };
    Ok(parts.into_iter().map(table).collect())
}

fn collected(parts: Vec<ExportedTable>) -> Result<Found> {
    let (mut tables, mut withheld) = (Map::new(), 0);
    for part in parts {
        let rows = tables.entry(part.table).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(rows) = rows {
            for row in part.rows {
                rows.push(serde_json::from_str(&row).context("a row that is no JSON")?);
            }
        }
        withheld += u64::from(part.withheld);
    }
    Ok((tables, withheld))
}

/// Runs the schedule in every service, until nothing is left that is over.
async fn run(args: RetentionRun) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let mut rows = 0;
    let mut tell = |service: &str, taken: Vec<RetentionTaken>| {
        for RetentionTaken { table, kind, rows: gone, .. } in taken {
            rows += gone;
            print::line(here(&msg!("RETENTION_TAKEN", service, rows = gone, table, kind)));
        }
    };
    macro_rules! run {
        ($service:ident, $client:ty) => {{
            let mut client = <$client>::new(session.at.$service.clone());
            loop {
                let ask = session.ask(common::RunRetentionRequest {});
                let ran = client.run_retention(ask).await.map_err(told)?.into_inner();
                tell(stringify!($service), ran.taken);
                if !ran.more {
                    break;
                }
            }
        }};
        ($service:ident) => {
            run!($service, tally_api::$service::v1::privacy_service_client::PrivacyServiceClient<_>)
        };
    }
    run!(identity, identity::retention_service_client::RetentionServiceClient<_>);
    run!(attendance);
    run!(performance);
    run!(compensation);
    run!(talent);
    print::note(here(&msg!("RETENTION_DONE", rows)));
    Ok(DONE)
}
