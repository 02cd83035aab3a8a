//! What the suite answers becomes files: sorted by what people know (employee numbers, accounts, external ids), so that
//! the same bundle gives the same bytes whatever ids a run makes up.

mod evidence;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;
use tally_api::compensation::v1 as compensation;
use tally_api::performance::v1 as performance;
use tally_bundle::sheet::{Csv, Sheet};
use tally_bundle::{AccountIx, Bundle, BundleAccount, FileDigest, Finding, PersonIx, Rejected};
use tally_i18n::text;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::time::{told_by, zone};
use tally_kernel::{Locale, msg};
use tally_rpc::pages;

use super::summary::{CLOCK_FORM, FIRST_FORM, NotSettled, SILENT_FORM, UTC_FORM};
use crate::said::{Said, refusal, told};
use crate::session::Session;
pub use evidence::AccountEvidence;
use tally_import::Ids;

/// Columns of attribution.csv for the rungs of policy version 3.
const LATER: [&str; 4] = ["claimed", "device", "replies", "tag_share"];

/// The result folder in the making: each file is digested as it is written.
pub struct Results<'a> {
    dir: PathBuf,
    bundle: &'a Bundle,
    ids: &'a Ids,
    labels: Vec<String>,
    /// Of each account, by which its times are told.
    zones: Vec<TimeZone>,
    csv: Csv,
    form: u32,
    /// Digests of the files written so far, by name.
    pub digests: Vec<FileDigest>,
}

/// Sums that the summary shows, taken while the files are written.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Records credited to somebody.
    pub credited: u64,
    /// Records credited to nobody.
    pub unattributed: u64,
    /// Records per rung.
    pub rungs: BTreeMap<&'static str, u64>,
}

/// A person's total on one account or over all of them, in millionths of a record.
#[derive(Clone, Debug)]
pub struct PersonTotal {
    /// Who.
    pub person: PersonIx,
    /// Which account; nothing for all of them.
    pub account: Option<AccountIx>,
    /// All credited.
    pub total_ppm: u64,
    /// Of it by a name or because only one person can have served.
    pub certain_ppm: u64,
    /// Lower end of the 90 % interval.
    pub low_ppm: u64,
    /// Upper end of it.
    pub high_ppm: u64,
}

/// All cards of a cycle, by rank.
pub async fn cards_of(session: &Session, cycle_id: &str) -> Result<Vec<performance::Card>> {
    let client = performance::card_service_client::CardServiceClient::new(session.at.performance.clone());
    let cards = pages(async |page_token| {
        let ask = performance::ListCardsRequest {
            cycle_id: cycle_id.to_owned(),
            page_size: MAX_SIZE,
            page_token,
            ..Default::default()
        };
        let page = client.clone().list_cards(session.ask(ask)).await?.into_inner();
        Ok((page.cards, page.next_page_token))
    });
    cards.await.map_err(refusal)
}

impl<'a> Results<'a> {
    /// Files go to `dir`, which must be there.
    pub fn new(dir: &Path, bundle: &'a Bundle, ids: &'a Ids, (csv, form): (Csv, u32)) -> Self {
        let labels = (0..bundle.accounts.len()).map(|at| bundle.account_label(AccountIx(at as u32))).collect();
        let of = |account: &BundleAccount| zone(&account.zone).unwrap_or(TimeZone::UTC);
        let zones = if form > UTC_FORM { bundle.accounts.iter().map(of).collect() } else { Vec::new() };
        Self { dir: dir.to_owned(), bundle, ids, labels, zones, csv, form, digests: Vec::new() }
    }

    fn table(&self, name: &'static str, head: &[&str]) -> Result<Table> {
        Table::create(&self.dir, name, head, self.csv)
    }

    fn label(&self, account: AccountIx) -> &str {
        &self.labels[account.0 as usize]
    }

    /// A text with its instants by the clock of an account, but in the forms that told them in UTC.
    fn by_clock<'t>(&self, account: AccountIx, text: &'t str) -> Cow<'t, str> {
        self.zones.get(account.0 as usize).map_or(text.into(), |zone| told_by(text, zone).into())
    }

    fn number(&self, person: PersonIx) -> &str {
        &self.bundle.person(person).employee_no
    }

    /// `credits.csv` and `unattributed.csv`, by account, start and external id. `tell` hears how many records are out.
    pub async fn credits(&mut self, session: &Session, cycle_id: &str, mut tell: impl FnMut(u64)) -> Result<Counts> {
        let credits = ["external_id", "account", "employee_no", "share_ppm", "rung", "policy_version", "evidence"];
        let mut credited = self.table("credits.csv", &credits)?;
        let mut nobody = self.table("unattributed.csv", &["external_id", "account", "started_at", "reason"])?;
        let mut counts = Counts::default();
        let ask = performance::ExportCreditsRequest {
            cycle_id: cycle_id.to_owned(),
            person_id: String::new(),
            ..Default::default()
        };
        let mut client =
            performance::attribution_service_client::AttributionServiceClient::new(session.at.performance.clone());
        let mut stream = client.export_credits(session.ask(ask)).await.map_err(told)?.into_inner();
        while let Some(part) = stream.message().await.map_err(told)? {
            for credit in &part.credits {
                let rung = rung(credit.rung())?;
                *counts.rungs.entry(rung).or_default() += 1;
                let at = self.ids.account(&credit.account_id)?;
                let account = self.label(at);
                if credit.shares.is_empty() {
                    counts.unattributed += 1;
                    nobody.row([
                        &credit.external_id,
                        account,
                        &self.by_clock(at, &started(credit)?),
                        &credit.reason,
                    ])?;
                    continue;
                }
                counts.credited += 1;
                let evidence = &*self.by_clock(at, &credit.evidence);
                for (number, ppm) in self.shares(credit)? {
                    let ppm = ppm.to_string();
                    let version = &credit.policy_version;
                    credited.row([&credit.external_id, account, number, &ppm, rung, version, evidence])?;
                }
            }
            tell(counts.credited + counts.unattributed);
        }
        self.digests.extend([credited.close()?, nobody.close()?]);
        Ok(counts)
    }

    /// A credit's shares, by employee number.
    fn shares(&self, credit: &performance::Credit) -> Result<Vec<(&str, u32)>> {
        let share = |s: &performance::Share| Ok((self.number(self.ids.person(&s.person_id)?), s.ppm));
        let mut shares = credit.shares.iter().map(share).collect::<Result<Vec<_>>>()?;
        shares.sort_unstable();
        Ok(shares)
    }

    /// `attribution.csv`, by employee number; the row of all accounts (`*`) first.
    pub async fn attribution(&mut self, session: &Session, cycle_id: &str) -> Result<Vec<PersonTotal>> {
        let mut rows: BTreeMap<(PersonIx, Option<AccountIx>), performance::Total> = BTreeMap::new();
        let client =
            performance::attribution_service_client::AttributionServiceClient::new(session.at.performance.clone());
        let totals = pages(async |page_token| {
            let ask = performance::ListTotalsRequest {
                cycle_id: cycle_id.to_owned(),
                page_size: MAX_SIZE,
                page_token,
                ..Default::default()
            };
            let page = client.clone().list_totals(session.ask(ask)).await?.into_inner();
            Ok((page.totals, page.next_page_token))
        });
        for total in totals.await.map_err(refusal)? {
            let account = (!total.account_id.is_empty()).then(|| self.ids.account(&total.account_id)).transpose()?;
            rows.insert((self.ids.person(&total.person_id)?, account), total);
        }
        // Months that were closed when these rungs were not there stay the same bytes.
        let later_columns: &[&str] = if self.bundle.policy.version >= 3 { &LATER } else { &[] };
        let mut head = vec!["employee_no", "account", "tagged", "handover", "sole", "inferred", "equal", "team"];
        head.extend(later_columns);
        head.extend(["total", "low_90", "high_90"]);
        let mut table = self.table("attribution.csv", &head)?;
        let mut people = Vec::with_capacity(rows.len());
        for ((person, account), t) in &rows {
            let parts = [t.tagged_ppm, t.handover_ppm, t.sole_ppm, t.inferred_ppm, t.equal_ppm, t.team_ppm];
            let later = [t.claimed_ppm, t.device_ppm, t.replies_ppm, t.tag_share_ppm];
            let later = later.into_iter().take(later_columns.len());
            let sums = [t.total_ppm, t.low_ppm, t.high_ppm];
            let mut row = vec![self.number(*person).to_owned(), account.map_or("*", |a| self.label(a)).to_owned()];
            row.extend(parts.into_iter().chain(later).chain(sums).map(six));
            table.row(row.iter().map(String::as_str))?;
            people.push(PersonTotal {
                person: *person,
                account: *account,
                total_ppm: t.total_ppm,
                certain_ppm: t.tagged_ppm + t.handover_ppm + t.sole_ppm + t.claimed_ppm + t.device_ppm,
                low_ppm: t.low_ppm,
                high_ppm: t.high_ppm,
            });
        }
        self.digests.push(table.close()?);
        Ok(people)
    }

    /// `score_cards.csv`: a row per person and indicator, by rank and employee number.
    pub async fn cards(&mut self, session: &Session, cycle_id: &str) -> Result<Vec<(PersonIx, performance::Card)>> {
        let of = |card: performance::Card| Ok((self.ids.person(&card.person_id)?, card));
        let mut cards = cards_of(session, cycle_id).await?.into_iter().map(of).collect::<Result<Vec<_>>>()?;
        cards.sort_by_key(|(person, card)| (card.rank, *person));
        let head = [
            "employee_no",
            "rank",
            "of",
            "score",
            "collaboration",
            "kpi",
            "n",
            "value",
            "adjusted",
            "target",
            "points",
            "weight",
            "weighted",
            "next",
            "note",
        ];
        let mut table = self.table("score_cards.csv", &head)?;
        for (person, card) in &cards {
            let (rank, of) = (card.rank.to_string(), card.of.to_string());
            for line in &card.lines {
                table.row([
                    self.number(*person),
                    &rank,
                    &of,
                    &card.score,
                    &card.collaboration,
                    &line.kpi,
                    &line.n,
                    &line.value,
                    &line.adjusted,
                    &line.target,
                    &line.normalised,
                    &line.weight,
                    &line.weighted,
                    &line.next,
                    &line.note,
                ])?;
            }
        }
        self.digests.push(table.close()?);
        Ok(cards)
    }

    /// `statements.csv`: a row per person and amount, and one with line `total`; by employee number.
    pub async fn statements(
        &mut self,
        session: &Session,
        settlement_id: Option<&str>,
    ) -> Result<Vec<(PersonIx, compensation::Statement)>> {
        let mut statements = Vec::new();
        if let Some(settlement_id) = settlement_id {
            let channel = session.at.compensation.clone();
            let client = compensation::statement_service_client::StatementServiceClient::new(channel);
            let all = pages(async |page_token| {
                let settlement_id = settlement_id.to_owned();
                let ask = compensation::ListStatementsRequest { settlement_id, page_size: MAX_SIZE, page_token };
                let page = client.clone().list_statements(session.ask(ask)).await?.into_inner();
                Ok((page.statements, page.next_page_token))
            });
            for statement in all.await.map_err(refusal)? {
                statements.push((self.ids.person(&statement.person_id)?, statement));
            }
        }
        statements.sort_by_key(|(person, _)| *person);
        let head = [
            "employee_no",
            "line",
            "rule",
            "tier",
            "weight",
            "weight_sum",
            "exact_minor",
            "amount_minor",
            "currency",
            "score",
            "equal_split_minor",
            "why",
        ];
        let mut table = self.table("statements.csv", &head)?;
        for (person, statement) in &statements {
            let number = self.number(*person);
            let (amount, currency) = minor(&statement.amount);
            for line in &statement.lines {
                let part = line.part.to_string();
                let (amount, _) = minor(&line.amount);
                table.row([
                    number,
                    &part,
                    &line.rule,
                    &line.tier,
                    &line.weight,
                    &line.weight_sum,
                    &line.exact,
                    &amount,
                    &currency,
                    "",
                    "",
                    &line.note,
                ])?;
            }
            let (equal, _) = minor(&statement.equal_split);
            table.row([number, "total", "", "", "", "", "", &amount, &currency, &statement.score, &equal, ""])?;
        }
        self.digests.push(table.close()?);
        Ok(statements)
    }

    /// [`FINDINGS`]: of the reading, of the services, and why the pool was not split, in one order. Gives how many of
    /// each kind. Written a second time when the settlement was refused.
    pub async fn findings(
        &mut self,
        session: &Session,
        cycle_id: &str,
        refused: Option<&NotSettled>,
    ) -> Result<BTreeMap<String, u64>> {
        let mut rows = findings_of(self.bundle, session.locale());
        let channel = session.at.performance.clone();
        let client = performance::attribution_service_client::AttributionServiceClient::new(channel);
        // The first form of a result had these findings in English whatever language it was closed in.
        let session = if self.form == FIRST_FORM { session.clone().speaking("en") } else { session.clone() };
        let findings = pages(async |page_token| {
            let cycle_id = cycle_id.to_owned();
            let ask =
                performance::ListFindingsRequest { cycle_id, page_size: MAX_SIZE, page_token, ..Default::default() };
            let page = client.clone().list_findings(session.ask(ask)).await?.into_inner();
            Ok((page.findings, page.next_page_token))
        });
        let known = |kind: &str| {
            let later = [(CLOCK_FORM, &SINCE_CLOCK_FORM[..]), (SILENT_FORM, &SINCE_SILENT_FORM)];
            later.iter().all(|(form, kinds)| self.form > *form || !kinds.contains(&kind))
        };
        let findings = findings.await.map_err(refusal)?.into_iter().filter(|finding| known(&finding.kind));
        rows.extend(findings.map(|f| [f.kind, f.subject, f.at, f.detail]));
        rows.extend(
            refused.map(|r| ["NOT_SETTLED".to_owned(), "pool.yaml".to_owned(), String::new(), r.told(self.form)]),
        );
        let (kinds, digest) = write_findings(&self.dir, rows, self.csv)?;
        self.digests.retain(|other| other.file != digest.file);
        self.digests.push(digest);
        Ok(kinds)
    }
}

/// The file of what somebody should look at.
pub const FINDINGS: &str = "findings.csv";

/// Kinds of findings that [`CLOCK_FORM`] and those before it did not have.
const SINCE_CLOCK_FORM: [&str; 2] = ["BARELY_COVERED_SHIFT", "HELD_BY_OTHERS"];

/// The same of [`SILENT_FORM`].
const SINCE_SILENT_FORM: [&str; 3] = ["OBSERVATIONS_BEYOND_PERIOD", "OBSERVATIONS_UNREAD", "REFUND_EXCEEDS_SALE"];

/// What the reading of a bundle found, as rows of [`FINDINGS`].
pub fn findings_of(bundle: &Bundle, locale: Locale) -> Vec<[String; 4]> {
    let row = |finding: &Finding| {
        let subject = [finding.file.as_str(), finding.subject.as_str()].join(" ").trim().to_owned();
        let detail = text(locale, &finding.detail);
        [finding.kind.to_string().to_uppercase(), subject, String::new(), detail]
    };
    bundle.findings.iter().map(row).collect()
}

/// [`FINDINGS`], in one order. Gives how many there are of each kind.
pub fn write_findings(dir: &Path, mut rows: Vec<[String; 4]>, csv: Csv) -> Result<(BTreeMap<String, u64>, FileDigest)> {
    rows.sort();
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut table = Table::create(dir, FINDINGS, &["kind", "subject", "at", "detail"], csv)?;
    for row in &rows {
        *kinds.entry(row[0].clone()).or_default() += 1;
        table.row(row.iter().map(String::as_str))?;
    }
    Ok((kinds, table.close()?))
}

/// The file of the rows that were not taken.
pub const REJECTED: &str = "rejected.csv";

/// [`REJECTED`]: the one result that depends on the order of rows, because it names lines. Programs go by its `code`.
pub fn rejected(dir: &Path, rows: &[Rejected], csv: Csv, locale: Locale) -> Result<FileDigest> {
    let mut table = Table::create(dir, REJECTED, &["file", "line", "column", "reason", "cure", "code"], csv)?;
    for row in rows {
        let (reason, cure) = (text(locale, &row.reason), text(locale, &row.cure));
        table.row([row.file, &row.line.to_string(), &row.column, &reason, &cure, row.code])?;
    }
    table.close()
}

/// A CSV file that takes the digest of what is written to it.
struct Table {
    name: &'static str,
    rows: Sheet<Digesting>,
}

impl Table {
    fn create(dir: &Path, name: &'static str, head: &[&str], csv: Csv) -> Result<Self> {
        let path = dir.join(name);
        let file = File::create(&path)
            .map_err(|error| Said(msg!("CANNOT_WRITE", file = path.display(), error = tally_i18n::io(&error))))?;
        let out = Digesting { file: BufWriter::with_capacity(1 << 18, file), hasher: blake3::Hasher::new(), bytes: 0 };
        Ok(Self { name, rows: Sheet::new(out, head, csv).context(name)? })
    }

    fn row<'r>(&mut self, cells: impl IntoIterator<Item = &'r str>) -> Result<()> {
        self.rows.row(cells).context(self.name)
    }

    fn close(self) -> Result<FileDigest> {
        let mut out = self.rows.finish().context(self.name)?;
        out.flush().context(self.name)?;
        Ok(FileDigest {
            file: self.name.to_owned(),
            bytes: out.bytes,
            blake3: out.hasher.finalize().to_hex().to_string(),
        })
    }
}

struct Digesting {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buf)?;
        self.hasher.update(&buf[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Millionths with six decimals.
fn six(ppm: u64) -> String {
    format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000)
}

fn minor(money: &Option<tally_api::common::v1::Money>) -> (String, String) {
    money.as_ref().map(|m| (m.minor.to_string(), m.currency.clone())).unwrap_or_default()
}

fn started(credit: &performance::Credit) -> Result<String> {
    let at = credit.started_at.unwrap_or_default();
    Ok(jiff::Timestamp::new(at.seconds, at.nanos)?.to_string())
}

/// The word for a rung in files.
fn rung(rung: performance::Rung) -> Result<&'static str> {
    Ok(match rung {
        performance::Rung::Tag => "tag",
        performance::Rung::Handover => "handover",
        performance::Rung::Sole => "sole",
        performance::Rung::Inferred => "inferred",
        performance::Rung::Equal => "equal",
        performance::Rung::Team => "team",
        performance::Rung::Split => "split",
        performance::Rung::Claim => "claim",
        performance::Rung::Device => "device",
        performance::Rung::Replies => "replies",
        performance::Rung::TagShare => "tag_share",
        performance::Rung::Unattributed => "unattributed",
        performance::Rung::Unspecified => anyhow::bail!("a rung that this release does not know"),
    })
}
