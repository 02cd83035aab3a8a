//! `tally replay`: recomputes a result folder from its own inputs and compares every byte.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tally_bundle::{FileDigest, Options, Refusals, Unusable};
use tally_kernel::{Message, msg};

use super::close::read;
use crate::cli::{DONE, FAILED, Language, Replay};
use crate::close::{Job, Manifest, Place, Versions, close_alone, read_json};
use crate::print;
use crate::progress::Progress;
use crate::said::{no_temporary, say};
use crate::unfinished::clear;

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
    /// Files of the folder that were not: they are no function of the inputs.
    not_covered: Vec<String>,
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
    /// 0 where the folder lacks the file.
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
        print::text(&(serde_json::to_string_pretty(&verdict)? + "\n"));
    } else {
        print::text(&tell(&verdict, Language::spoken()));
    }
    Ok(if verdict.identical { DONE } else { FAILED })
}

fn manifest(dir: &Path) -> Result<Manifest> {
    let file = dir.join("manifest.json");
    if let Err(error) = std::fs::read_dir(dir) {
        let (folder, problem) = (dir.display().to_string(), msg!("NO_FOLDER", error = tally_i18n::io(&error)));
        return Err(Unusable::new("NO_FOLDER", folder, problem, msg!("NO_MANIFEST_CURE")).into());
    }
    if !file.is_file() {
        let (problem, cure) = (msg!("NO_MANIFEST"), msg!("NO_MANIFEST_CURE"));
        return Err(Unusable::new("NO_MANIFEST", dir.display().to_string(), problem, cure).into());
    }
    let bad = |problem| Unusable::new("BAD_MANIFEST", file.display().to_string(), problem, msg!("RESTORE_FOLDER_CURE"));
    let manifest: Manifest = read_json(dir, "manifest.json")
        .map_err(|error| bad(msg!("BAD_MANIFEST", error = say(Language::spoken().locale(), &error))))?;
    let inputs = manifest.inputs.iter().map(|file| file.file.as_str()).collect();
    match misnamed(inputs).or_else(|| misnamed(compared(&manifest))) {
        Some(problem) => Err(bad(problem).into()),
        None => Ok(manifest),
    }
}

/// The files that a replay compares.
fn compared(manifest: &Manifest) -> Vec<&str> {
    let results = manifest.results.iter().map(|result| result.file.as_str());
    results.chain(["summary.json", "manifest.json"]).collect()
}

/// What is wrong with names of files in a folder: one is there twice, or is of another folder.
fn misnamed(mut names: Vec<&str>) -> Option<Message> {
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| msg!("MANIFEST_DOUBLE", file = pair[0]));
    let elsewhere = || names.iter().find(|name| Path::new(name).file_name() != Some(OsStr::new(name)));
    twice.or_else(|| elsewhere().map(|file| msg!("MANIFEST_ELSEWHERE", file = *file)))
}

/// What else the folder holds: what a replay says nothing about.
fn not_covered(dir: &Path, compared: &[&str]) -> Vec<String> {
    let names =
        std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name != "inputs" && !compared.contains(&name.as_str())).collect();
    names.sort();
    names
}

async fn judge(args: &Replay, manifest: &Manifest) -> Result<Verdict> {
    let inputs = args.dir.join("inputs");
    let mut verdict = Verdict {
        identical: false,
        digest: manifest.digest.clone(),
        files: 0,
        not_covered: not_covered(&args.dir, &compared(manifest)),
        altered_inputs: altered(&inputs, &manifest.inputs, Language::spoken())?,
        difference: None,
        notes: Vec::new(),
    };
    if !verdict.altered_inputs.is_empty() {
        return Ok(verdict);
    }
    let scratch = tempfile::tempdir().map_err(no_temporary)?;
    let out = scratch.path().join("result");
    let now = recompute(&inputs, manifest, &out, scratch.path(), Progress::new(args.json, Language::spoken())).await?;
    verdict.notes = notes(&manifest.versions, &now, Language::spoken());
    for name in compared(manifest) {
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
fn altered(dir: &Path, known: &[FileDigest], lang: Language) -> Result<Vec<String>> {
    let mut altered = Vec::new();
    for file in known {
        let path = dir.join(&file.file);
        match digest(&path) {
            Ok(found) if found == file.blake3 => {}
            Ok(_) => altered.push(lang.say(&msg!("REPLAY_INPUT_CHANGED", file = file.file))),
            Err(_) => altered.push(lang.say(&msg!("REPLAY_INPUT_MISSING", file = file.file))),
        }
    }
    let entries = std::fs::read_dir(dir).map_err(|error| {
        let (folder, problem) = (dir.display().to_string(), msg!("UNREADABLE", error = tally_i18n::io(&error)));
        Unusable::new("UNREADABLE", folder, problem, msg!("RESTORE_FOLDER_CURE"))
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut strangers: Vec<String> = names.filter(|name| !known.iter().any(|file| file.file == *name)).collect();
    strangers.sort();
    altered.extend(strangers.into_iter().map(|file| lang.say(&msg!("REPLAY_INPUT_ADDED", file))));
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
    let read_without = |refused: &Refusals| {
        read(inputs, Options { literal: true, refused: Some(refused), ..Options::default() }, &progress)
    };
    let reading = read_without(&Refusals::default())?;
    clear(out)?;
    let place = Place::Folder(scratch.join("data"));
    let language = Language::of_tag(&manifest.language).tag();
    let rejected_before = manifest.rejected.clone();
    let (out, form, csv) = (out.to_owned(), manifest.form, manifest.csv);
    let work = Job { reading: &reading, rejected_before, out, form, csv, progress: &progress };
    let (home, outcome) = Box::pin(close_alone(&place, language, work, &mut None, read_without)).await?;
    home.stop().await?;
    Ok(outcome.summary.versions)
}

/// Versions that are not those of the folder.
fn notes(then: &Versions, now: &Versions, lang: Language) -> Vec<String> {
    let of = |what: Message, then: &str, now: &str| {
        (then != now).then(|| lang.say(&msg!("REPLAY_VERSION", what, then, now)))
    };
    let program = of(Message::told("tally"), &then.tally, &now.tally);
    let zones = of(msg!("REPLAY_TZDB"), &then.tzdb, &now.tzdb);
    program.into_iter().chain(zones).collect()
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
        return Ok(Some(Difference { file: name.to_owned(), line: 0, recorded: None, recomputed: None }));
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

fn tell(verdict: &Verdict, lang: Language) -> String {
    let mut text = String::new();
    let mut line = |said: &str| text.push_str(&format!("{said}\n"));
    verdict.notes.iter().for_each(|note| line(note));
    if verdict.identical {
        let (files, digest) = (verdict.files, &verdict.digest);
        line(&lang.say(&msg!("REPLAY_IDENTICAL", files, digest)));
        if !verdict.not_covered.is_empty() {
            line(&lang.say(&msg!("REPLAY_NOT_COVERED", files = verdict.not_covered.join(", "))));
        }
        return text;
    }
    for what in &verdict.altered_inputs {
        line(&lang.say(&msg!("REPLAY_ALTERED", what)));
    }
    if let Some(Difference { file, line: number, recorded, recomputed }) = &verdict.difference {
        if *number == 0 {
            line(&lang.say(&msg!("REPLAY_MISSING", file)));
            return text;
        }
        let shown = |text: &Option<String>| text.as_deref().map_or_else(|| msg!("REPLAY_ENDS"), Message::told);
        line(&lang.say(&msg!("REPLAY_DIFFERENT", file, line = number)));
        line(&format!("  {}", lang.say(&msg!("REPLAY_IN_FOLDER", line = shown(recorded)))));
        line(&format!("  {}", lang.say(&msg!("REPLAY_RECOMPUTED", line = shown(recomputed)))));
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
    fn a_file_that_is_missing_is_said_to_be_missing_and_not_to_differ_in_a_line() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(b.path().join("x.csv"), "a\n").unwrap();
        let difference = first_difference(a.path(), b.path(), "x.csv", &[]).unwrap();
        let (identical, digest, files) = (false, String::new(), 1);
        let (not_covered, altered_inputs, notes) = (vec![], vec![], vec![]);
        let verdict = Verdict { identical, digest, files, not_covered, altered_inputs, difference, notes };
        assert_eq!(tell(&verdict, Language::En), "missing from the folder: x.csv\n");
        assert_eq!(tell(&verdict, Language::ZhCn), "文件夹中缺少：x.csv\n");
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

    #[test]
    fn a_name_that_is_there_twice_or_leads_out_of_the_folder_is_told() {
        let told = |names: &[&str]| misnamed(names.to_vec()).map(|problem| problem.id().to_owned());
        assert_eq!(told(&["a.csv", "b.csv"]), None);
        assert_eq!(told(&["a.csv", "b.csv", "a.csv"]).as_deref(), Some("MANIFEST_DOUBLE"));
        for name in ["../a.csv", "/etc/passwd", "x/a.csv", "..", ".", "", "a.csv/"] {
            assert_eq!(told(&["a.csv", name]).as_deref(), Some("MANIFEST_ELSEWHERE"), "{name}");
        }
    }
}
