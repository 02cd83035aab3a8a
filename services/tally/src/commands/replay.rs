//! `tally replay`: recomputes a result folder from its own inputs and compares every byte.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use super::close::{prepare, read};
use crate::bundle::{FileDigest, Options, Unusable};
use crate::cli::{DONE, FAILED, Replay};
use crate::close::{Home, Job, Manifest, Place, Versions, clock_of, close as job, read_json, secret};
use crate::progress::Progress;

/// A line longer than this is cut where it is shown.
const SHOWN: usize = 300;

/// What a replay found.
#[derive(Debug, Serialize)]
struct Verdict {
    /// Whether every file came out the same.
    identical: bool,
    /// The digest in the folder's manifest.
    digest: String,
    /// Files that were compared.
    files: usize,
    /// Inputs that are not those the result was computed from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    altered_inputs: Vec<String>,
    /// The first difference of the results.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
    /// What may explain a difference: other versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Where two files part.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    file: String,
    line: u64,
    /// The folder's line; nothing where it ends before.
    recorded: Option<String>,
    /// The line as recomputed now.
    recomputed: Option<String>,
}

/// Recomputes, compares, says what came of it.
pub async fn replay(args: Replay) -> Result<u8> {
    let manifest = manifest(&args.dir)?;
    let verdict = Box::pin(judge(&args, &manifest)).await?;
    if args.json {
        crate::show::print(&(serde_json::to_string_pretty(&verdict)? + "\n"));
    } else {
        crate::show::print(&tell(&verdict));
    }
    Ok(if verdict.identical { DONE } else { FAILED })
}

fn manifest(dir: &Path) -> Result<Manifest> {
    let file = dir.join("manifest.json");
    if !file.is_file() {
        let cure = "give a folder that tally close wrote (with --out)";
        let problem = "it holds no manifest.json, so it is no result folder";
        return Err(anyhow!(Unusable::new("NO_MANIFEST", dir.display().to_string(), problem, cure)));
    }
    read_json(dir, "manifest.json").map_err(|error| {
        let cure = "restore the folder from where it was kept";
        anyhow!(Unusable::new("BAD_MANIFEST", file.display().to_string(), format!("{error:#}"), cure))
    })
}

async fn judge(args: &Replay, manifest: &Manifest) -> Result<Verdict> {
    let inputs = args.dir.join("inputs");
    let mut verdict = Verdict {
        identical: false,
        digest: manifest.digest.clone(),
        files: 0,
        altered_inputs: altered(&inputs, &manifest.inputs)?,
        difference: None,
        notes: Vec::new(),
    };
    if !verdict.altered_inputs.is_empty() {
        return Ok(verdict);
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let out = scratch.path().join("result");
    let now = recompute(&inputs, manifest, &out, scratch.path(), Progress::new(args.json)).await?;
    verdict.notes = notes(&manifest.versions, &now);
    let names = manifest.results.iter().map(|result| result.file.as_str()).chain(["summary.json", "manifest.json"]);
    for name in names {
        verdict.files += 1;
        let as_now = [(&manifest.versions.tally, &now.tally), (&manifest.versions.tzdb, &now.tzdb)];
        // The names of the versions are told apart from the results; here only what they computed counts.
        let same_names: &[_] = if name.ends_with(".json") { &as_now } else { &[] };
        verdict.difference = first_difference(&args.dir, &out, name, same_names)?;
        if verdict.difference.is_some() {
            return Ok(verdict);
        }
    }
    verdict.identical = true;
    Ok(verdict)
}

/// Inputs that are missing, were added, or have another digest than the manifest says.
fn altered(dir: &Path, known: &[FileDigest]) -> Result<Vec<String>> {
    let mut altered = Vec::new();
    for file in known {
        let path = dir.join(&file.file);
        match digest(&path) {
            Ok(found) if found == file.blake3 => {}
            Ok(_) => altered.push(format!("inputs/{}: its content was changed", file.file)),
            Err(_) => altered.push(format!("inputs/{}: it is missing or cannot be read", file.file)),
        }
    }
    let entries = std::fs::read_dir(dir).map_err(|error| {
        let cure = "restore the folder from where it was kept";
        Unusable::new("NO_INPUTS", dir.display().to_string(), format!("it cannot be read ({error})"), cure)
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut strangers: Vec<String> = names.filter(|name| !known.iter().any(|file| file.file == *name)).collect();
    strangers.sort();
    altered.extend(strangers.into_iter().map(|name| format!("inputs/{name}: it was added")));
    Ok(altered)
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

async fn recompute(
    inputs: &Path,
    manifest: &Manifest,
    out: &Path,
    scratch: &Path,
    progress: Progress,
) -> Result<Versions> {
    let reading = read(inputs, Options { literal: true, ..Options::default() }, &progress)?;
    prepare(out)?;
    let (bundle, place) = (&reading.bundle, Place::Folder(scratch.join("data")));
    let home = Box::pin(Home::start(&place, bundle, clock_of(bundle)?, &secret(), None)).await?;
    let crew = home.crew.clone().speaking(crate::cli::Language::of_tag(&manifest.language).tag());
    let rejected_before = manifest.rejected.clone();
    let (out, form, csv) = (out.to_owned(), manifest.form, manifest.csv);
    let work = Job { reading: &reading, rejected_before, out, form, csv, progress: &progress };
    let outcome = Box::pin(job(&crew, work)).await?;
    home.stop().await?;
    Ok(outcome.summary.versions)
}

/// Versions that are not those of the folder.
fn notes(then: &Versions, now: &Versions) -> Vec<String> {
    let of = |what: &str, then: &str, now: &str| {
        (then != now).then(|| format!("{what}: the result was computed with {then}, this is {now}"))
    };
    [of("tally", &then.tally, &now.tally), of("time zone database", &then.tzdb, &now.tzdb)]
        .into_iter()
        .flatten()
        .collect()
}

/// The first line in which a file of `recorded` and its twin in `recomputed` differ, byte for byte. `same` are pairs of
/// a recorded and a recomputed text that count as equal where a quoted value is exactly that.
fn first_difference(
    recorded: &Path,
    recomputed: &Path,
    name: &str,
    same: &[(&String, &String)],
) -> Result<Option<Difference>> {
    let open = |dir: &Path| File::open(dir.join(name)).map(|file| BufReader::with_capacity(1 << 16, file));
    let Ok(mut before) = open(recorded) else {
        let recomputed = Some("the file is missing from the folder".to_owned());
        return Ok(Some(Difference { file: name.to_owned(), line: 0, recorded: None, recomputed }));
    };
    let mut after = open(recomputed).with_context(|| format!("{name} was not recomputed"))?;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for line in 1.. {
        a.clear();
        b.clear();
        let ends = (before.read_until(b'\n', &mut a)? == 0, after.read_until(b'\n', &mut b)? == 0);
        if ends == (true, true) {
            break;
        }
        if a != b && !equal_but_for(&a, &b, same) {
            let file = name.to_owned();
            let (recorded, recomputed) = ((!ends.0).then(|| shown(&a)), (!ends.1).then(|| shown(&b)));
            return Ok(Some(Difference { file, line, recorded, recomputed }));
        }
    }
    Ok(None)
}

fn equal_but_for(a: &[u8], b: &[u8], same: &[(&String, &String)]) -> bool {
    let (Ok(a), Ok(b)) = (str::from_utf8(a), str::from_utf8(b)) else { return false };
    same.iter().any(|(then, now)| a.replace(&format!("\"{then}\""), &format!("\"{now}\"")) == b)
}

/// A line without its end, cut where it is long.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

fn tell(verdict: &Verdict) -> String {
    let mut text = String::new();
    for note in &verdict.notes {
        text.push_str(&format!("{note}\n"));
    }
    if verdict.identical {
        return text + &format!("identical: {} files, digest {}\n", verdict.files, verdict.digest);
    }
    for altered in &verdict.altered_inputs {
        text.push_str(&format!("altered: {altered}\n"));
    }
    if let Some(Difference { file, line, recorded, recomputed }) = &verdict.difference {
        let end = "(the file ends before this line)";
        text.push_str(&format!("different: {file}, line {line}\n"));
        text.push_str(&format!("  in the folder: {}\n", recorded.as_deref().unwrap_or(end)));
        text.push_str(&format!("  recomputed:    {}\n", recomputed.as_deref().unwrap_or(end)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(recorded: &str, recomputed: &str, same: &[(&String, &String)]) -> Option<Difference> {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(a.path().join("x.csv"), recorded).unwrap();
        std::fs::write(b.path().join("x.csv"), recomputed).unwrap();
        first_difference(a.path(), b.path(), "x.csv", same).unwrap()
    }

    #[test]
    fn the_first_line_that_differs_is_named_with_both_its_forms() {
        let (line, recorded, recomputed) = (2, Some("b".to_owned()), Some("c".to_owned()));
        let expected = Difference { file: "x.csv".to_owned(), line, recorded, recomputed };
        assert_eq!(compare("a\nb\n", "a\nc\n", &[]), Some(expected));
        assert_eq!(compare("a\nb\n", "a\nb\n", &[]), None);
    }

    #[test]
    fn a_file_that_ends_early_or_lacks_its_last_line_end_differs() {
        let shorter = compare("a\n", "a\nb\n", &[]).unwrap();
        assert_eq!((shorter.line, shorter.recorded, shorter.recomputed.as_deref()), (2, None, Some("b")));
        assert_eq!(compare("a\nb", "a\nb\n", &[]).map(|d| d.line), Some(2));
    }

    #[test]
    fn another_name_of_the_version_alone_is_no_difference() {
        let (then, now) = ("2026a".to_owned(), "2026f".to_owned());
        let same = [(&then, &now)];
        assert_eq!(compare("  \"tzdb\": \"2026a\"\n", "  \"tzdb\": \"2026f\"\n", &same), None);
        assert!(compare("1,2026a\n", "1,2026f\n", &same).is_some());
    }
}
