//! `tally tenant export`: a whole group's data, asked of a running suite.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tally_api::common::v1::ExportedPiece;
use tally_api::identity::v1 as identity;
use tally_kernel::{Clock, msg};

use super::settings::session;
use crate::cli::{DONE, Language, TenantCommand, TenantExport};
use crate::print;
use crate::progress::{Bar, Progress};
use crate::said::{Said, here, told};

/// Written last: a folder without it was not finished.
const SUMMARY: &str = "export.json";

/// Does what was asked about the group.
pub async fn run(command: TenantCommand) -> Result<u8> {
    match command {
        TenantCommand::Export(args) => export(args).await,
    }
}

/// Rows of one table.
#[derive(Clone, Copy, Default, Serialize)]
struct Counted {
    rows: u64,
    withheld: u64,
}

/// The folder that is being written.
struct Folder {
    at: PathBuf,
    files: BTreeMap<String, File>,
    tables: BTreeMap<String, Counted>,
    bar: Bar,
    rows: u64,
}

impl Folder {
    /// A new one. It holds everything about a group: for its owner only, and never in place of another.
    fn new(at: &Path, bar: Bar) -> Result<Self> {
        let made = DirBuilder::new().mode(0o700).create(at);
        made.map_err(|error| Said(msg!("CANNOT_MAKE_FOLDER", folder = at.display(), error = tally_i18n::io(&error))))?;
        Ok(Self { at: at.to_owned(), files: BTreeMap::new(), tables: BTreeMap::new(), bar, rows: 0 })
    }

    fn file(&self, name: &str) -> Result<File> {
        let path = self.at.join(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        Ok(opened
            .map_err(|error| Said(msg!("CANNOT_CREATE", file = path.display(), error = tally_i18n::io(&error))))?)
    }

    fn take(&mut self, service: &str, piece: ExportedPiece) -> Result<()> {
        let table = format!("{service}.{}", piece.table);
        if !self.files.contains_key(&table) {
            self.files.insert(table.clone(), self.file(&format!("{table}.jsonl"))?);
        }
        if let Some(file) = self.files.get_mut(&table) {
            let unwritable =
                |error| Said(msg!("CANNOT_WRITE_TO", folder = self.at.display(), error = tally_i18n::io(&error)));
            file.write_all(&piece.lines).map_err(unwritable)?;
        }
        let counted = self.tables.entry(table).or_default();
        counted.rows += u64::from(piece.rows);
        counted.withheld += u64::from(piece.withheld);
        self.rows += u64::from(piece.rows);
        self.bar.of(self.rows, 0, service);
        Ok(())
    }

    /// Writes what there is: how many rows of each table, and how many were withheld.
    fn finish(self) -> Result<u64> {
        let withheld = self.tables.values().map(|counted| counted.withheld).sum();
        let exported_at = Clock::System.now().to_string();
        let summary =
            serde_json::json!({ "exported_at": exported_at, "tables": self.tables, "withheld_rows": withheld });
        self.file(SUMMARY)?.write_all(format!("{summary:#}\n").as_bytes())?;
        Ok(withheld)
    }
}

/// All services are asked at once: a token lives for ten minutes, and a large group takes longer.
async fn export(args: TenantExport) -> Result<u8> {
    let Some(session) = session(&args.server).await? else { return Ok(DONE) };
    let mut folder =
        Folder::new(&args.out, Progress::new(args.quiet, Language::spoken()).bar(&msg!("PROGRESS_ROWS"), 0))?;
    macro_rules! ask {
        ($service:ident, $client:ty, $rpc:ident, $request:expr) => {{
            let mut client = <$client>::new(session.at.$service.clone());
            let pieces = client.$rpc(session.ask($request)).await.map_err(told)?.into_inner();
            pieces.map_ok(|message| (stringify!($service), message.piece.unwrap_or_default())).boxed()
        }};
        ($service:ident) => {{
            use tally_api::$service::v1 as pb;
            let ask = tally_api::common::v1::ExportTenantRequest {};
            ask!($service, pb::privacy_service_client::PrivacyServiceClient<_>, export_tenant, ask)
        }};
    }
    let ask = identity::ExportTenantRequest {};
    let answers = [
        ask!(identity, identity::tenant_service_client::TenantServiceClient<_>, export_tenant, ask),
        ask!(attendance),
        ask!(performance),
        ask!(compensation),
        ask!(talent),
    ];
    // One that nobody reads would fill the connection that the others share.
    let mut pieces = stream::select_all(answers);
    while let Some((service, piece)) = pieces.try_next().await.map_err(told)? {
        folder.take(service, piece)?;
    }
    let rows = folder.rows;
    let withheld = folder.finish()?;
    print::note(here(&msg!("GROUP_EXPORTED", rows, folder = args.out.display(), withheld)));
    Ok(DONE)
}
