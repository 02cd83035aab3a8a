//! Files come in: written to the disk as they come, never held in memory, and read at their end.

use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest as _, Multipart};
use http::Request;
use jiff::civil::Date;
use tally_api::identity::v1::GetTenantRequest;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_bundle::Unusable;
use tally_import::Caller;
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::reading::Read;
use super::unpack::{Came, refused, too_large, unpack};
use super::uploads::{About, Beginning, Upload, Uploads, no_place};
use super::whose;
use crate::console::told;
use crate::visit::{Visit, forgery};

/// How long a part of a file may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is sent beyond what may come is read away so far, so that the browser hears why it is refused: none hears an answer while it sends.
const READ_AWAY: u64 = 4 << 30;
/// What a field that is no file may have.
const FIELD_MAX: u64 = 1 << 12;
/// Settings of the group, which we know.
const GROUP: &str = "group.yaml";

/// What comes in.
struct Coming<'v> {
    visit: &'v Visit,
    beginning: Beginning,
    came: Came,
    /// Bytes that may still come.
    left: u64,
    from: Option<Date>,
    to: Option<Date>,
    is_ours: bool,
}

/// Takes an upload, and reads it.
///
/// # Errors
/// What is wrong with what came; nothing of it is kept then.
pub async fn take(visit: &Visit, uploads: &Uploads, request: Request<Body>) -> Result<Upload> {
    let now = visit.console().clock().now();
    let id = visit.console().rng().uuid(now);
    let beginning = uploads.begin(id, &visit.me().principal_id, now)?;
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| refused(msg!("BRING_NOTHING")))?;
    let (came, left) = (Came::default(), uploads.most());
    let mut coming = Coming { visit, beginning, came, left, from: None, to: None, is_ours: false };
    if let Err(error) = coming.all(&mut parts).await {
        read_away(&mut parts).await;
        return Err(error);
    }
    coming.end(uploads).await
}

impl Coming<'_> {
    async fn all(&mut self, parts: &mut Multipart) -> Result<()> {
        while let Some(mut field) = next(parts.next_field()).await? {
            let name = field.name().unwrap_or_default().to_owned();
            match name.as_str() {
                "csrf" => self.is_ours = self.holds(&text(&mut field).await?),
                "from" | "to" => self.day(&name, &text(&mut field).await?)?,
                "files" if self.is_ours => self.file(field).await?,
                "files" => return Err(outdated()),
                _ => drop(text(&mut field).await?),
            }
        }
        if self.is_ours { Ok(()) } else { Err(outdated()) }
    }

    fn holds(&self, token: &str) -> bool {
        self.visit.session().is_some_and(|session| forgery::holds(&session.secret, token))
    }

    fn day(&mut self, name: &str, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let day = text.parse().map_err(|_| refused(msg!("DATE_EXPECTED")))?;
        *(if name == "from" { &mut self.from } else { &mut self.to }) = Some(day);
        Ok(())
    }

    async fn file(&mut self, mut field: Field<'_>) -> Result<()> {
        let name = field.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Ok(());
        }
        if name.to_lowercase().ends_with(".zip") {
            let archive = self.beginning.archive();
            let sent = self.write(&mut field, &archive).await?;
            let (into, left, mut came) = (self.beginning.files(), self.left + sent, self.came.clone());
            let unpacked = tokio::task::spawn_blocking(move || -> Result<_> {
                let left = unpack(&archive, &into, left, &mut came)?;
                std::fs::remove_file(&archive).map_err(no_place)?;
                Ok((left, came))
            });
            let (left, came) = unpacked.await.map_err(Error::internal)??;
            (self.left, self.came) = (left, came);
            return Ok(());
        }
        match self.came.place(&name)? {
            Some(known) => drop(self.write(&mut field, &self.beginning.files().join(known)).await?),
            None => while chunk(&mut field).await?.is_some_and(|chunk| self.has_room(chunk.len())) {},
        }
        if self.left == 0 { Err(too_large()) } else { Ok(()) }
    }

    /// Writes what a field holds; gives how many bytes that was.
    async fn write(&mut self, field: &mut Field<'_>, to: &std::path::Path) -> Result<u64> {
        let mut file = File::create(to).await.map_err(no_place)?;
        let before = self.left;
        while let Some(chunk) = chunk(field).await? {
            if !self.has_room(chunk.len()) {
                return Err(too_large());
            }
            file.write_all(&chunk).await.map_err(no_place)?;
        }
        file.flush().await.map_err(no_place)?;
        Ok(before - self.left)
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    /// Everything is here: settings of the group where there are none, and the first reading.
    async fn end(self, uploads: &Uploads) -> Result<Upload> {
        let Self { visit, beginning, came, from, to, .. } = self;
        if came.files.is_empty() {
            let names = came.others.into_iter().take(5).collect::<Vec<_>>().join(", ");
            return Err(refused(if names.is_empty() {
                msg!("BRING_NOTHING")
            } else {
                msg!("BRING_NOTHING.others", names)
            }));
        }
        if from.is_some() != to.is_some() || from > to {
            return Err(refused(msg!("BRING_PERIOD")));
        }
        let made_group = !came.files.contains(GROUP);
        let about = About {
            principal_id: visit.me().principal_id,
            at: visit.console().clock().now(),
            files: came.files.into_iter().collect(),
            others: came.others.into_iter().collect(),
            made_group,
            from,
            to,
        };
        let upload = beginning.whole(about)?;
        match first_reading(visit, uploads, &upload).await {
            Ok(read) => {
                uploads.know(&upload, read);
                Ok(upload)
            }
            Err(error) => {
                uploads.discard(&upload)?;
                Err(error)
            }
        }
    }
}

/// Reads an upload, and holds it against the group.
///
/// # Errors
/// The suite cannot be asked, or the disk cannot be written.
pub async fn first_reading(visit: &Visit, uploads: &Uploads, upload: &Upload) -> Result<Read> {
    let (caller, _place) = (whose(visit)?, uploads.place_to_read().await);
    if upload.about.made_group {
        write_group(visit, &caller, upload, &[]).await?;
    }
    let mut reading = match upload.reading().await {
        Ok(reading) => reading,
        Err(unusable) => return Ok(Read::of(Err(unusable), None)),
    };
    // Branches that the suite does not know yet lie where the group does, where that is one region.
    let new: Vec<String> = tally_import::branches(&reading.bundle).into_iter().map(str::to_owned).collect();
    if upload.about.made_group && new.iter().any(|branch| !reading.bundle.group.branches.contains_key(branch)) {
        write_group(visit, &caller, upload, &new).await?;
        reading = match upload.reading().await {
            Ok(reading) => reading,
            Err(unusable) => return Ok(Read::of(Err(unusable), None)),
        };
    }
    let misfit = match tally_import::fits(&caller, &reading.bundle).await {
        Ok(()) => None,
        Err(error) => Some(error.downcast::<Unusable>().map_err(failed)?),
    };
    Ok(Read::of(Ok(&reading), misfit))
}

/// Why the suite could not be asked.
fn failed(error: anyhow::Error) -> Error {
    match error.downcast::<tally_import::said::Refusal>() {
        Ok(refusal) => refusal.into_error(),
        Err(error) => Error::internal(error),
    }
}

/// What the suite knows of the group, as a file of the bundle. JSON is YAML.
async fn write_group(visit: &Visit, caller: &Caller, upload: &Upload, new: &[String]) -> Result<()> {
    let ask = visit.request(GetTenantRequest {});
    let tenant = told(TenantServiceClient::new(visit.channel("identity")?).get_tenant(ask)).await?.tenant;
    let tenant = tenant.unwrap_or_default();
    let units = tally_import::units_there(caller).await.map_err(failed)?;
    let known = units
        .into_iter()
        .filter(|unit| !unit.path.is_empty() && !unit.path.contains('/'))
        .map(|unit| (unit.path, unit.region));
    let only = tenant.regions.first().filter(|_| tenant.regions.len() == 1);
    let new = new.iter().filter_map(|branch| Some((branch.clone(), only?.clone())));
    let branches: std::collections::BTreeMap<String, String> = new.chain(known).collect();
    let group = serde_json::json!({
        "name": tenant.name, "currency": tenant.currency, "zone": tenant.zone, "branches": branches,
    });
    tokio::fs::write(upload.files().join(GROUP), group.to_string()).await.map_err(no_place)
}

/// What comes next, which is waited for so long and no longer.
async fn next<T>(
    coming: impl Future<Output = std::result::Result<T, axum::extract::multipart::MultipartError>>,
) -> Result<T> {
    let come = tokio::time::timeout(PATIENCE, coming).await;
    let come = come.map_err(|_| Error::of(Kind::DeadlineExceeded, msg!("BODY_TOO_SLOW")))?;
    come.map_err(|cause| Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")).with_internal(cause))
}

async fn chunk(field: &mut Field<'_>) -> Result<Option<bytes::Bytes>> {
    next(field.chunk()).await
}

async fn text(field: &mut Field<'_>) -> Result<String> {
    let mut text = Vec::new();
    while let Some(chunk) = chunk(field).await? {
        text.extend_from_slice(&chunk);
        if text.len() as u64 > FIELD_MAX {
            return Err(outdated());
        }
    }
    String::from_utf8(text).map(|text| text.trim().to_owned()).map_err(|_| outdated())
}

/// Reads on without keeping anything.
async fn read_away(parts: &mut Multipart) {
    let mut read = 0;
    while let Ok(Some(mut field)) = next(parts.next_field()).await {
        while let Ok(Some(chunk)) = chunk(&mut field).await {
            read += chunk.len() as u64;
            if read > READ_AWAY {
                return;
            }
        }
    }
}

fn outdated() -> Error {
    Error::of(Kind::PermissionDenied, msg!("FORM_OUTDATED"))
}
