//! claims.csv: who said with a click that a dialogue of an account is theirs.

use tally_kernel::{limits, msg};

use super::cell::{self, shown};
use super::cleaned::Need::{Optional, Required};
use super::diagnostics::{FindingKind, Seen, Unusable, Wrong};
use super::directory::Directory;
use super::exported;
use super::group::Period;
use super::layout::Layout;
use super::model::{AccountIx, Claim};
use super::people::{Diagnostics, each_row, once};
use super::refusals::RowName;
use super::source::Source;
use super::twice::Twice;

pub(crate) static CLAIMS: Layout = Layout {
    file: "claims.csv",
    columns: &[
        ("account", Required),
        ("at", Required),
        ("employee_no", Required),
        ("external_id", Optional),
        ("customer", Optional),
    ],
    extras: false,
};

/// Reads claims.csv; local times are of the account's zone. What was not made in the period is left out, as records are. Whether a record is there
/// that a claim means, closing tells.
///
/// # Errors
/// It is no such file.
pub(crate) fn read_claims(
    source: Option<&Source>,
    directory: &Directory<'_>,
    Period { from, to }: Period,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<Claim>, Unusable> {
    let Some(source) = source else { return Ok(Vec::new()) };
    let (mut twice, mut outside) = (Twice::default(), Seen::default());
    let named = |text: &str| named(text, source.canonical);
    let rows = each_row(Some(source), &CLAIMS, false, diagnostics, |row, diagnostic| {
        let account = diagnostic.take("account", directory.account(row.get(0)));
        let person = diagnostic.take("employee_no", directory.person(row.get(2)));
        let at = account
            .and_then(|account| diagnostic.take("at", cell::moment(row.get(1), directory.account_zone(account))));
        let external_id = diagnostic.take("external_id", named(row.get(3)));
        let customer = diagnostic.take("customer", named(row.get(4)));
        let (at, external_id, customer) = (at?, external_id?, customer?);
        if let (Some(record), Some(customer)) = (&external_id, &customer) {
            let reason = msg!("CLAIM_OF_BOTH", record = shown(record), customer = shown(customer));
            let wrong = Wrong::new(reason, msg!("CLAIM_OF_BOTH_CURE"));
            diagnostic.add("customer", Wrong { code: "CLAIM_NAMES_BOTH", ..wrong });
        }
        if at.doubtful().is_some() {
            twice.first.note([row.get(0), row.get(1), row.get(2)].join(" "));
        }
        let (account, person) = (account?, person?);
        let day = directory.account_zone(account).to_datetime(at.at).date();
        if day < from || to < day {
            outside.note([row.get(0), row.get(1), row.get(2)].join(" "));
            return None;
        }
        Some(Claim { account, at: at.at, person, external_id, customer })
    })?;
    twice.note(CLAIMS.file, diagnostics.findings);
    if outside.rows > 0 {
        let detail = msg!("CLAIMS_OUTSIDE_PERIOD", count = outside.rows, from, to, example = shown(&outside.least));
        diagnostics.findings.add(FindingKind::OutsidePeriod, CLAIMS.file, "", detail, outside.rows);
    }
    let account = |ix: AccountIx| directory.accounts[ix.0 as usize].path();
    let refusals = diagnostics.refusals;
    let rows = refusals.keep(rows, CLAIMS.file, diagnostics.rejects, |row| {
        refusals.of(|| RowName::Claim(account(row.account), row.at, directory.number(row.person).to_owned()))
    });
    Ok(once(rows, CLAIMS.file, diagnostics.findings))
}

/// The id of a record or of a customer, where one is named. One that lost its digits may be anybody's.
fn named(text: &str, literal: bool) -> Result<Option<String>, Wrong> {
    let text = cell::fold(text);
    if text.is_empty() {
        return Ok(None);
    }
    if !literal && exported::is_shortened(&text) {
        return Err(Wrong::new(msg!("SHORTENED_NUMBER", text = shown(&text)), msg!("EXPORT_AS_TEXT")));
    }
    Ok(Some(cell::at_most(text, limits::TEXT)?.into_owned()))
}
