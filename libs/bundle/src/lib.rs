//! A bundle: the folder of CSV and YAML files in which a group hands in a month.
//!
//! [`read_bundle`] turns the folder into typed values. It forgives what can be forgiven (encodings, byte order marks,
//! line ends, full-width digits), rejects single rows with line, column, reason and cure, notes findings, and gives up
//! with an [`Unusable`] that says what to change only when there is nothing sensible to go on with. What it returns
//! does not depend on the order of rows, and [`write_normalised`] writes it in one canonical form which reads back to
//! an equal [`Bundle`]: that is the `inputs/` folder of a result, from which a month can be replayed.
//!
//! Memory is bounded by what is kept, not by what is read: files are streamed, a row is at most 1 MiB, records hold no
//! text of their own, and rejected rows are described up to a limit and then counted.
//!
//! One file of the code for each concern: `source` (bytes, digest, encoding), `rows` and `table` (CSV), `cell` (one
//! value), `exported`, `cleaned` and `sheet` (what spreadsheets do to cells, Chinese names), `labels` and `forms` (columns by their names in each language), `people`, `records`, `measures`, `replied`, `duty`, `observed` and `rates` (the files), `directory` (who and what is meant), `group`, `scheme` (with `population`, and `templates` to begin with) and `pool` over `yaml` (the settings), `keys` and `written` (where in them a key stands, and how a number is written),
//! `model` (the rows once read) and `bundle` (the result), `diagnostics` (what can go wrong), `refusals` (what a suite said of rows), `write` (the canonical form).

use std::path::Path;

use jiff::civil::Date;
use tally_kernel::{Message, limits, msg};

mod bundle;
mod cell;
mod claimed;
mod cleaned;
mod defined;
mod devices;
mod diagnostics;
mod direction;
mod directory;
mod duty;
mod exported;
pub mod forms;
mod group;
mod keys;
mod labels;
mod layout;
mod measures;
mod model;
mod numbers;
mod observed;
mod people;
mod pool;
mod population;
mod rates;
mod records;
mod refusals;
mod replied;
mod rows;
mod scheme;
pub mod sheet;
mod source;
mod symbols;
mod table;
mod templates;
mod twice;
mod write;
mod written;
mod yaml;

#[cfg(test)]
mod tests;

pub use bundle::{Bundle, Reading};
pub use cell::{major, nearest};
pub use diagnostics::{ColumnRead, Finding, FindingKind, Rejected, TakenFor, Unusable};
pub use direction::Punches;
pub use group::{DEFAULT_REGION, Group, Inference, Period, Policy};
pub use labels::label;
pub use model::{
    AccountIx, Alias, BundleAccount, BundlePerson, Claim, DeviceOwner, Employment, GivenPunch, Handover, HandoverKind,
    Measure, MeasureValues, Observation, Observed, OwnedDevice, PersonIx, Phase, PhaseKind, Punch, PunchKind, Rate,
    Record, RecordIx, Reply, Roster, Side, Subject,
};
pub use pool::{Pool, PoolPart, PoolRule, Tier};
pub use population::Population;
pub use refusals::{Refusals, RowName};
pub use scheme::{Direction, Kpi, KpiMeasure, MEASURED_COLUMNS, Normalisation, Scheme, SmallSample, Target};
pub use source::FileDigest;
pub use symbols::{Symbol, Symbols};
pub use templates::{TEMPLATES, Template};
pub use write::write_normalised;

use diagnostics::{Findings, Rejects, one_after_other};
use directory::Directory;
use group::AboutFiles;
use people::Diagnostics;
use source::{Progress, Source};
use yaml::settings;

/// Files without which there is nothing to do; the last two where the scheme measures something of records.
const REQUIRED: [&str; 3] = ["people.csv", "accounts.csv", "records.csv"];
/// Every file a bundle may hold; reading.csv only in a normalised one.
const FILES: [&str; 17] = [
    "group.yaml",
    "policy.yaml",
    "scheme.yaml",
    "pool.yaml",
    "people.csv",
    "accounts.csv",
    "aliases.csv",
    "devices.csv",
    "records.csv",
    "replies.csv",
    "claims.csv",
    "rosters.csv",
    "punches.csv",
    "handovers.csv",
    "observations.csv",
    "rates.csv",
    source::READING,
];

/// Whether whoever hands in a month may hand in a file of this name.
pub fn is_file(name: &str) -> bool {
    name != source::READING && FILES.contains(&name)
}

/// How to read a bundle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// First local day; together with `to` it overrules the period of group.yaml.
    pub from: Option<Date>,
    /// Last local day, inclusive.
    pub to: Option<Date>,
    /// Every cell to the letter, as the canonical form of a result is read.
    pub literal: bool,
    /// Rows that a suite refused: they are rejected.
    pub refused: Option<&'a Refusals>,
}

/// Reads the bundle in `dir`. `tell` hears how many bytes of work are done, and of how many.
///
/// # Errors
/// [`Unusable`] when there is nothing sensible to go on with; single bad rows are in [`Reading::rejected`].
pub fn read_bundle(dir: &Path, options: Options<'_>, tell: &mut dyn FnMut(u64, u64)) -> Result<Reading, Unusable> {
    let (mut rejects, mut findings) = (Rejects::default(), Findings::default());
    let (total, missing) = look_around(dir, &mut findings)?;
    let mut progress = Progress::new(total * 2, tell);
    let mut sources: Vec<Source> = Vec::new();
    for name in FILES {
        sources.extend(Source::inspect(dir, name, &mut progress)?);
    }
    sources.iter_mut().for_each(|source| source.canonical |= options.literal);
    Source::agree_on_gbk(&mut sources);
    let none = Refusals::default();
    let refusals = options.refused.unwrap_or(&none);
    let diagnostics = Diagnostics { rejects: &mut rejects, findings: &mut findings, progress: &mut progress, refusals };
    let mut bundle = match read_files(&sources, missing, options, diagnostics) {
        Ok(bundle) => bundle,
        // What was wrong with rows is mostly why there is nothing to go on with.
        Err(unusable) => return Err(Unusable { rejected: rejects.finish().0, ..unusable }),
    };
    progress.finish();
    let columns = std::mem::take(&mut findings.columns);
    bundle.findings = findings.finish();
    let rows = rejects.read();
    let (rejected, rejected_rows) = rejects.finish();
    let files = sources.into_iter().map(|s| s.digest).collect();
    Ok(Reading { bundle, rows, rejected, rejected_rows, columns, files })
}

/// Checks that the folder holds what is needed, notes files nobody reads, and sums the sizes; beside that what is wrong where only files
/// about records are missing.
fn look_around(dir: &Path, findings: &mut Findings) -> Result<(u64, Option<Unusable>), Unusable> {
    let entries = std::fs::read_dir(dir).map_err(|err| {
        let folder = dir.display().to_string();
        Unusable::new("NO_FOLDER", folder, msg!("NO_FOLDER", error = tally_i18n::io(&err)), msg!("NO_FOLDER_CURE"))
    })?;
    let mut strangers: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !FILES.contains(&name.as_str()))
        .filter(|name| [".csv", ".yaml", ".yml", ".xlsx", ".xls"].iter().any(|end| name.to_lowercase().ends_with(end)))
        .collect();
    strangers.sort();
    let (mut total, mut missing) = (0, Vec::new());
    for name in FILES {
        match source::size_of(dir, name)? {
            Some(bytes) => total += bytes,
            None if REQUIRED.contains(&name) => missing.push(name),
            None => {}
        }
    }
    let lacking = if missing.is_empty() {
        None
    } else {
        let near = missing.iter().filter_map(|m| cell::nearest(m, strangers.iter().map(String::as_str)));
        let hints = one_after_other(near.map(|near| msg!("HINT_THERE_IS", near = cell::shown(near))));
        let problem = msg!("MISSING_FILE", folder = dir.display(), hints);
        let lacking = Unusable::new("MISSING_FILE", missing.join(", "), problem, msg!("MISSING_FILE_CURE"));
        if missing.contains(&REQUIRED[0]) {
            return Err(lacking);
        }
        Some(lacking)
    };
    for name in strangers {
        let near = cell::nearest(&name, FILES);
        let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_NEAR", near));
        findings.add(FindingKind::UnknownFile, &name, "", msg!("UNKNOWN_FILE", hint), 0);
    }
    Ok((total, lacking))
}

/// What the YAML files say.
struct Settings {
    group: Group,
    about: AboutFiles,
    policy: Policy,
    scheme: Option<Scheme>,
    /// With the period that it names.
    pool: Option<(Pool, Option<Period>)>,
}

fn read_settings(
    sources: &[Source],
    literal: bool,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Settings, Unusable> {
    let find = |name: &str| sources.iter().find(|s| s.name == name);
    let group = settings(find("group.yaml"), diagnostics.findings, diagnostics.progress, group::read_group)?;
    let (group, about) = group.unwrap_or_default();
    let policy = settings(find("policy.yaml"), diagnostics.findings, diagnostics.progress, group::read_policy)?
        .unwrap_or_default();
    // The canonical form is of no group that groups its numbers.
    let numbers = about.numbers.filter(|_| !literal);
    let read_scheme = |fields: &mut yaml::Fields<'_>| scheme::read_scheme(fields, numbers);
    let scheme = settings(find("scheme.yaml"), diagnostics.findings, diagnostics.progress, read_scheme)?;
    let read_pool = |fields: &mut yaml::Fields<'_>| pool::read_pool(fields, &group, (numbers, literal));
    let pool = settings(find("pool.yaml"), diagnostics.findings, diagnostics.progress, read_pool)?;
    Ok(Settings { group, about, policy, scheme, pool })
}

/// Everything but the findings, which are still being collected.
fn read_files(
    sources: &[Source],
    missing: Option<Unusable>,
    options: Options<'_>,
    mut diagnostics: Diagnostics<'_, '_>,
) -> Result<Bundle, Unusable> {
    let find = |name: &str| sources.iter().find(|s| s.name == name);
    let Settings { group, about, policy, mut scheme, pool } =
        read_settings(sources, options.literal, &mut diagnostics)?;
    let numbers = about.numbers.filter(|_| !options.literal);
    let asked = asked_period(options, about.period)?;
    let must = scheme.as_ref().is_none_or(Scheme::needs_records);
    if let Some(missing) = missing.filter(|_| must) {
        return Err(missing);
    }

    let (people, refused) = people::read_people(find("people.csv"), &group.zone, &mut diagnostics)?;
    let (accounts, lost) = people::read_accounts(find("accounts.csv"), (&group.zone, must), &mut diagnostics)?;
    let mut directory = Directory::new((&people, &refused), (&accounts, &lost));
    let (aliases, lost) = people::read_aliases(find("aliases.csv"), &directory, &mut diagnostics)?;
    directory.learn(&aliases, &lost);
    let owned = devices::read_devices(find("devices.csv"), &directory, &mut diagnostics)?;
    let measured: Vec<&str> = scheme.iter().flat_map(|scheme| scheme.columns()).map(|(_, column)| column).collect();
    let written = records::Written { currency: &group.currency, numbers: about.numbers, measured: &measured, must };
    let (records, (replies, devices)) = read_served(sources, &mut directory, written, asked, &mut diagnostics)?;
    let rosters = duty::read_rosters(find("rosters.csv"), &directory, &mut diagnostics)?;
    let around = direction::Around {
        how: group.punches,
        rosters: &rosters,
        cut_over: policy.cut_over(),
        longest: jiff::SignedDuration::from_hours(policy.handover_max_hours.into()),
        version: policy.version,
    };
    let (punches_given, punches) = duty::read_punches(find("punches.csv"), &directory, &around, &mut diagnostics)?;
    let handovers = duty::read_handovers(find("handovers.csv"), &directory, &mut diagnostics)?;
    let claims = claimed::read_claims(find("claims.csv"), &directory, records.period, &mut diagnostics)?;
    let observed = observed::Around::new(&directory, about.numbers, &group.zone);
    let observations =
        observed::read_observations(find("observations.csv"), &observed, records.period, &mut diagnostics)?;
    let rates = rates::read_rates(find("rates.csv"), numbers, &mut diagnostics)?;
    write::read_findings(find(source::READING), &mut diagnostics)?;
    scheme.iter().try_for_each(|scheme| check_measured(scheme, &records))?;
    if let Some(population) = scheme.as_mut().and_then(|scheme| scheme.population.as_mut()) {
        population::check(population, records.period, &directory, diagnostics.findings)?;
    }
    pool.iter().try_for_each(|(_, named)| pool::check_pool(*named, records.period, &people))?;
    note_unknown_people(&group, &people, &accounts, diagnostics.findings);
    Ok(Bundle {
        period: records.period,
        policy,
        scheme: scheme.unwrap_or_default(),
        pool: pool.map(|(pool, _)| pool),
        records: records.records,
        measures: records.measures,
        symbols: records.symbols,
        replies,
        devices,
        claims,
        rosters,
        punches_given,
        punches,
        handovers,
        aliases,
        owned,
        observations,
        rates,
        findings: Vec::new(),
        group,
        people,
        accounts,
    })
}

/// The records; and their messages, with the devices of these.
fn read_served(
    sources: &[Source],
    directory: &mut Directory<'_>,
    written: records::Written<'_>,
    asked: Option<Period>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(records::Records, (Vec<Reply>, Symbols)), Unusable> {
    let find = |name: &str| sources.iter().find(|s| s.name == name);
    let replies = find("replies.csv");
    let of_records = (find("records.csv"), replies.is_some());
    let records = records::read_records(of_records, directory, written, asked, diagnostics)?;
    let messages = replied::read_replies(replies, directory, &records, diagnostics)?;
    Ok((records, messages))
}

/// Whether the columns that the scheme measures are columns of numbers.
fn check_measured(scheme: &Scheme, records: &records::Records) -> Result<(), Unusable> {
    let of_kind = |numbers: bool| {
        let is_number = move |m: &&Measure| matches!(m.values, MeasureValues::Numbers(_)) == numbers;
        records.measures.iter().filter(is_number).map(|m| m.name.as_str()).collect::<Vec<_>>()
    };
    scheme::check_columns(scheme, &of_kind(true), &of_kind(false), &records.odd)
}

fn asked_period(options: Options<'_>, named: Option<Period>) -> Result<Option<Period>, Unusable> {
    match (options.from, options.to) {
        (None, None) => Ok(named),
        (Some(from), Some(to)) if from <= to && group::days(from, to) > limits::PERIOD_DAYS => {
            let problem = msg!("PERIOD_OF_DAYS", days = group::days(from, to), most = limits::PERIOD_DAYS);
            Err(Unusable::new("BAD_PERIOD", msg!("THE_PERIOD"), problem, msg!("PERIOD_OF_DAYS_CURE")))
        }
        (Some(from), Some(to)) if from <= to => Ok(Some(Period { from, to })),
        (Some(from), Some(to)) => {
            let problem = msg!("PERIOD_BACKWARDS", to, from);
            Err(Unusable::new("BAD_PERIOD", msg!("THE_PERIOD"), problem, msg!("PERIOD_BACKWARDS_CURE")))
        }
        _ => {
            let (problem, cure) = (msg!("PERIOD_HALF"), msg!("PERIOD_HALF_CURE"));
            Err(Unusable::new("BAD_PERIOD", msg!("THE_PERIOD"), problem, cure))
        }
    }
}

/// Teams and branches without people are mostly misspelt.
fn note_unknown_people(group: &Group, people: &[BundlePerson], accounts: &[BundleAccount], findings: &mut Findings) {
    for account in accounts {
        if let Some(team) = &account.team
            && !people.iter().any(|p| p.belongs_to(team))
        {
            let detail = msg!("TEAM_WITHOUT_PEOPLE", team = cell::shown(team));
            findings.add(FindingKind::TeamWithoutPeople, "accounts.csv", account.path(), detail, 0);
        }
    }
    for branch in group.branches.keys() {
        if !people.iter().any(|p| p.belongs_to(branch)) {
            let detail = msg!("BRANCH_WITHOUT_PEOPLE");
            findings.add(FindingKind::BranchWithoutPeople, "group.yaml", branch.as_str(), detail, 0);
        }
    }
}
