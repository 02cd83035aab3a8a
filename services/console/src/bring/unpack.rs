//! An archive becomes files: those of a bundle and no others, each under its own name in one folder, and no more bytes than were allowed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use tally_kernel::error::{Error, Kind};
use tally_kernel::{Message, Result, msg};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::uploads::no_place;

/// Entries beyond which an archive is none of a month.
const ENTRIES_MAX: usize = 1_000;
/// What is unpacked at once.
const CHUNK: usize = 1 << 16;

/// Files that came: those that were taken, and those that are none of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Came {
    pub files: BTreeSet<String>,
    pub others: BTreeSet<String>,
}

impl Came {
    /// Where a file of this name goes; nothing where it is none of a bundle, which is noted.
    ///
    /// # Errors
    /// There is one of this name already; it is a workbook.
    pub fn place(&mut self, name: &str) -> Result<Option<String>> {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let known = last.to_lowercase();
        if [".xlsx", ".xls", ".et", ".ods", ".numbers"].iter().any(|end| known.ends_with(end)) {
            return Err(refused(msg!("BRING_WORKBOOK", name = last)));
        }
        if !tally_bundle::is_file(&known) {
            // What a computer adds for itself is no file of anybody.
            if !last.starts_with('.') && !name.starts_with("__MACOSX/") && self.others.len() < ENTRIES_MAX {
                self.others.insert(last.chars().take(100).collect());
            }
            return Ok(None);
        }
        if !self.files.insert(known.clone()) {
            return Err(refused(msg!("BRING_TWICE", name = last)));
        }
        Ok(Some(known))
    }
}

/// Unpacks an archive into a folder; `left` is how many bytes may come out of it.
///
/// # Errors
/// It is none, is damaged or locked, leads out of its folder, or holds more than it may.
pub fn unpack(archive: &Path, into: &Path, mut left: u64, came: &mut Came) -> Result<u64> {
    let mut archive = ZipArchive::new(File::open(archive).map_err(no_place)?).map_err(no_archive)?;
    if archive.len() > ENTRIES_MAX {
        return Err(refused(msg!("BRING_ARCHIVE_MANY", count = archive.len())));
    }
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(no_archive)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(no_archive)?.into_owned();
        if entry.enclosed_name().is_none() || name.starts_with(['/', '\\']) || entry.is_symlink() {
            let name: String = name.chars().take(100).collect();
            return Err(refused(msg!("BRING_ARCHIVE_LEADS_OUT", name)));
        }
        let Some(name) = came.place(&name)? else { continue };
        left = one(entry, &into.join(name), left)?;
    }
    Ok(left)
}

/// One file. What its header says of its size is not believed.
fn one(mut entry: ZipFile<'_, File>, to: &Path, mut left: u64) -> Result<u64> {
    let mut file = File::create_new(to).map_err(no_place)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = entry.read(&mut chunk).map_err(damaged)?;
        if read == 0 {
            return Ok(left);
        }
        left = left.checked_sub(read as u64).ok_or_else(too_large)?;
        file.write_all(chunk.get(..read).unwrap_or_default()).map_err(no_place)?;
    }
}

/// An upload that is refused for what it holds.
pub fn refused(message: Message) -> Error {
    Error::of(Kind::InvalidArgument, message)
}

/// It has more bytes than may come.
pub fn too_large() -> Error {
    refused(msg!("BRING_TOO_LARGE", megabytes = super::uploads::UPLOAD_MAX >> 20))
}

fn damaged(error: io::Error) -> Error {
    refused(msg!("BRING_ARCHIVE_DAMAGED")).with_internal(error)
}

fn no_archive(error: ZipError) -> Error {
    match &error {
        ZipError::UnsupportedArchive(why) if *why == ZipError::PASSWORD_REQUIRED => {
            refused(msg!("BRING_ARCHIVE_LOCKED"))
        }
        ZipError::UnsupportedArchive(_) => refused(msg!("BRING_ARCHIVE_UNKNOWN")).with_internal(error),
        ZipError::Io(io) if io.kind() != io::ErrorKind::UnexpectedEof && io.kind() != io::ErrorKind::InvalidData => {
            Error::of(Kind::Unavailable, msg!("BRING_NO_PLACE", error = tally_i18n::io(io)))
        }
        _ => refused(msg!("BRING_ARCHIVE_DAMAGED")).with_internal(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tempfile::TempDir;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        write(&mut zip);
        zip.finish().expect("an archive").into_inner()
    }

    fn with(names: &[&str]) -> Vec<u8> {
        archive(|zip| {
            for name in names {
                zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
                zip.write_all(name.as_bytes()).expect("written");
            }
        })
    }

    fn unpacked(bytes: &[u8], left: u64) -> (TempDir, std::result::Result<Came, &'static str>) {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, into) = (folder.path().join("sent.zip"), folder.path().join("files"));
        std::fs::write(&file, bytes).expect("written");
        std::fs::create_dir(&into).expect("a folder");
        let mut came = Came::default();
        let done = unpack(&file, &into, left, &mut came).map(|_| came).map_err(|error| error.reason());
        (folder, done)
    }

    #[test]
    fn files_of_a_month_come_out_wherever_they_lie_and_nothing_else_does() {
        let names =
            ["March/People.csv", "March/records.csv", "__MACOSX/x", "March/.DS_Store", "March/notes.txt", "a.zip"];
        let (folder, came) = unpacked(&with(&names), 1_000);
        let came = came.expect("files");
        assert_eq!(came.files, BTreeSet::from(["people.csv".to_owned(), "records.csv".to_owned()]));
        assert_eq!(came.others, BTreeSet::from(["notes.txt".to_owned(), "a.zip".to_owned()]));
        let there: BTreeSet<_> = std::fs::read_dir(folder.path().join("files"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        assert_eq!(there, came.files);
        let text = std::fs::read_to_string(folder.path().join("files/people.csv")).expect("a text");
        assert_eq!(text, "March/People.csv");
    }

    #[test]
    fn what_leads_out_of_its_folder_is_refused_and_writes_nothing() {
        for name in ["../people.csv", "/etc/people.csv", "a/../../people.csv", "C:\\people.csv"] {
            let (folder, came) = unpacked(&with(&[name]), 1_000);
            let outside = folder.path().join("people.csv").exists();
            // A name with a drive is one file name elsewhere than on its own system: the part behind it is taken, inside of the folder.
            let allowed = name.starts_with("C:");
            assert!(!outside && (came == Err("BRING_ARCHIVE_LEADS_OUT") || allowed), "{name}: {came:?}");
        }
        let link =
            archive(|zip| zip.add_symlink("people.csv", "/etc/passwd", SimpleFileOptions::default()).expect("a link"));
        assert_eq!(unpacked(&link, 1_000).1, Err("BRING_ARCHIVE_LEADS_OUT"));
    }

    #[test]
    fn an_archive_that_swells_is_stopped_while_it_does() {
        let zeros = vec![0; 8 << 20];
        let bomb = archive(|zip| {
            zip.start_file("records.csv", SimpleFileOptions::default()).expect("an entry");
            zip.write_all(&zeros).expect("written");
        });
        assert!(bomb.len() < 64 << 10, "{} bytes", bomb.len());
        let (folder, came) = unpacked(&bomb, 1 << 20);
        assert_eq!(came, Err("BRING_TOO_LARGE"));
        let written = std::fs::metadata(folder.path().join("files/records.csv")).expect("a file").len();
        assert!(written <= 1 << 20, "{written} bytes were written");
        assert!(unpacked(&bomb, 8 << 20).1.is_ok(), "as many as may come do");
    }

    #[test]
    fn an_archive_is_told_why_it_cannot_be_used() {
        let whole = with(&["people.csv"]);
        let many: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("{n}.txt")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut broken = whole.clone();
        broken[42] ^= 0xff;
        for (bytes, why) in [
            (b"employee_no,name\n".to_vec(), "BRING_ARCHIVE_DAMAGED"),
            (whole[..whole.len() / 2].to_vec(), "BRING_ARCHIVE_DAMAGED"),
            (broken, "BRING_ARCHIVE_DAMAGED"),
            (with(&many), "BRING_ARCHIVE_MANY"),
            (with(&["a/people.csv", "b/people.csv"]), "BRING_TWICE"),
            (with(&["March.xlsx"]), "BRING_WORKBOOK"),
        ] {
            assert_eq!(unpacked(&bytes, 1_000).1, Err(why));
        }
    }
}
