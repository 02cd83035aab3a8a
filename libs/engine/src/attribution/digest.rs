//! One number that two machines can compare: BLAKE3 over the outcome in terms of stable keys.

use super::{Credit, Finding, Input, Share, Total};

/// Bytes collected before they are hashed.
const CHUNK: usize = 1 << 16;

/// The digest of an outcome. Evidence numbers are the caller's and stay out.
pub(super) fn of(
    input: &Input,
    credits: &[Credit],
    shares: &[Share],
    by_account: &[Total],
    by_person: &[Total],
    findings: &[Finding],
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut line: Vec<u8> = Vec::with_capacity(2 * CHUNK);
    let mut put = |line: &mut Vec<u8>| {
        if line.len() >= CHUNK {
            hasher.update(line);
            line.clear();
        }
    };
    text(&mut line, &input.policy.version);
    put(&mut line);
    for credit in credits {
        text(&mut line, &input.records[credit.record as usize].key);
        line.extend([credit.rung as u8, credit.reason.map_or(0, |reason| 1 + reason as u8)]);
        line.extend(credit.shares.to_le_bytes());
        for share in &shares[credit.first_share as usize..][..credit.shares as usize] {
            text(&mut line, &input.people[share.person as usize].key);
            line.extend(share.ppm.to_le_bytes());
        }
        put(&mut line);
    }
    for total in by_account.iter().chain(by_person) {
        text(&mut line, total.account.map_or("", |account| &input.accounts[account as usize].key));
        text(&mut line, &input.people[total.person as usize].key);
        let parts = [total.tagged, total.handover, total.sole, total.inferred, total.equal, total.team];
        // What was computed before these rungs stays the same bytes.
        let later = [total.claimed, total.device, total.replies, total.tag_share];
        let later = later.into_iter().filter(|_| input.policy.rules >= 3);
        for part in parts.into_iter().chain(later).chain([total.total, total.low, total.high]) {
            line.extend(part.to_le_bytes());
        }
        put(&mut line);
    }
    for finding in findings {
        text(&mut line, finding.kind.into());
        text(&mut line, &input.accounts[finding.account as usize].key);
        text(&mut line, finding.person.map_or("", |person| &input.people[person as usize].key));
        text(&mut line, &input.records[finding.record as usize].key);
        line.extend(finding.day.map_or(i64::MIN, i64::from).to_le_bytes());
        line.extend(finding.records.to_le_bytes());
        // What only findings of later rules know.
        let instants = [finding.ahead_ms, finding.at_ms, finding.other_at_ms].into_iter().flatten();
        line.extend(instants.chain(finding.device.map(i64::from)).flat_map(i64::to_le_bytes));
        if let Some(other) = finding.other {
            text(&mut line, &input.people[other as usize].key);
        }
        put(&mut line);
    }
    hasher.update(&line);
    *hasher.finalize().as_bytes()
}

/// A text with its length before it.
fn text(line: &mut Vec<u8>, text: &str) {
    line.extend((text.len() as u64).to_le_bytes());
    line.extend(text.as_bytes());
}
