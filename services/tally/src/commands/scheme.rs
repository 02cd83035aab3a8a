//! `tally scheme`: a standard of the group out of one stack and into another, and schemes to begin with.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_bundle::TEMPLATES;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Error, Kind, msg};
use tally_rpc::{error_from, pages};

use super::settings::session;
use crate::cli::{DONE, SchemeCommand, SchemeExport, SchemeImport, SchemeTemplate};
use crate::print;
use crate::said::{Said, here, input_refused, refusal};
use crate::session::Session;

/// Does what was asked.
pub async fn scheme(command: SchemeCommand) -> Result<u8> {
    match command {
        SchemeCommand::Export(args) => export(args).await,
        SchemeCommand::Import(args) => import(args).await,
        SchemeCommand::Template(args) => template(&args),
    }
}

/// Writes a scheme to begin with as scheme.yaml, or says which there are.
fn template(args: &SchemeTemplate) -> Result<u8> {
    let Some(name) = args.name.as_deref() else {
        for template in TEMPLATES {
            let name = template.name;
            print::line(format_args!("{name}: {}", here(&msg!("TEMPLATE_TITLE", name))));
            print::line(format_args!("    {}", here(&msg!("TEMPLATE_ABOUT", name))));
        }
        return Ok(DONE);
    };
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
        let names = TEMPLATES.map(|template| template.name).join(", ");
        return Err(Said(msg!("SCHEME_TEMPLATE_UNKNOWN", name, names)).into());
    };
    let Some(file) = &args.out else {
        print::text(template.text);
        return Ok(DONE);
    };
    // What is there may be somebody's own.
    let written = File::create_new(file).and_then(|mut out| out.write_all(template.text.as_bytes()));
    written.map_err(|error| Said(msg!("CANNOT_WRITE", file = file.display(), error = tally_i18n::io(&error))))?;
    Ok(DONE)
}

/// Prints the signed file of a scheme of the group.
async fn export(args: SchemeExport) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let scheme_id = of_name(&session, &args.name).await?;
    let from_region = args.from.unwrap_or_default();
    let ask = performance::ExportStandardRequest { scheme_id, from_region, ..Default::default() };
    let mut client = SchemeServiceClient::new(session.at.performance.clone());
    let reply = client.export_standard(session.ask(ask)).await.map_err(|status| {
        let error = error_from(status);
        // The words are of a field, and here a switch is typed.
        let is_unnamed = error.reason() == "REGION_MISSING";
        refusal(if is_unnamed { Error::of(error.kind(), msg!("REGION_MISSING.switch")) } else { error })
    })?;
    print::text(&reply.into_inner().file);
    Ok(DONE)
}

/// The id of the group's scheme of a name.
async fn of_name(session: &Session, name: &str) -> Result<String> {
    let client = SchemeServiceClient::new(session.at.performance.clone());
    let schemes = pages(async |page_token| {
        let ask = performance::ListSchemesRequest { page_size: MAX_SIZE, page_token };
        let page = client.clone().list_schemes(session.ask(ask)).await?.into_inner();
        Ok((page.schemes, page.next_page_token))
    });
    let schemes = schemes.await.map_err(refusal)?;
    let found = schemes.into_iter().find(|one| one.unit_id.is_empty() && one.name == name);
    let missing = || refusal(Error::of(Kind::NotFound, msg!("SCHEME_NAME_UNKNOWN", name)));
    found.map(|one| one.scheme_id).ok_or_else(missing)
}

/// Takes in a file that another stack exported.
async fn import(args: SchemeImport) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let ask = performance::ImportStandardRequest { file: read(&args.file)?, ..Default::default() };
    let mut client = SchemeServiceClient::new(session.at.performance.clone());
    let reply = client.import_standard(session.ask(ask)).await.map_err(input_refused)?.into_inner();
    let scheme = reply.scheme.unwrap_or_default();
    let (name, version) = (scheme.name, scheme.version);
    let (region, written, unchanged) = (reply.from_region, reply.written, reply.unchanged);
    print::note(here(&msg!("STANDARD_IMPORTED", name, version, region, written, unchanged)));
    Ok(DONE)
}

fn read(file: &Path) -> Result<String> {
    let unreadable = |error| Said(msg!("CANNOT_READ", file = file.display(), error = tally_i18n::io(&error)));
    Ok(std::fs::read_to_string(file).map_err(unreadable)?)
}
