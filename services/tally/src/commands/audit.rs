//! `tally audit`: looks into the audit log without the services.

use anyhow::Result;
use serde_json::json;
use tally_kernel::msg;
use tally_kernel::page::{MAX_SIZE, Page};
use tally_store::{AuditEntry, AuditOf, AuditQuery, AuditReport, Keys, Store};

use super::settings::{dumped, load};
use crate::cli::{Audit, AuditCommand, DONE, FAILED, Language, Search, Verify, Whose};
use crate::print;
use crate::said::{Said, here};
use crate::suite::{SERVICES, heads_folder, seal_key, store_config};

/// Does what was asked.
pub async fn audit(args: Audit) -> Result<u8> {
    match args.what {
        AuditCommand::Verify(args) => verify(args).await,
        AuditCommand::Search(args) => search(args).await,
    }
}

/// Recomputes every chain and looks for the entry of every row; the first of each that is wrong is named.
async fn verify(args: Verify) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let keys = Keys::open(&seal_key(&config), config.passphrase()?.as_deref())?;
    let heads = args.heads.or_else(|| heads_folder(&config));
    let mut sound = true;
    for part in SERVICES.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        let store = Store::open(store_config(&config, part.name, &keys)?, part.migrations).await?;
        let report = match &heads {
            Some(folder) => store.verify_audit_with(folder).await?,
            None => store.verify_audit().await?,
        };
        let AuditReport { entries, rows, heads, faults, .. } = report;
        let verdict = if faults.is_empty() { msg!("AUDIT_INTACT") } else { msg!("AUDIT_FAULTS", count = faults.len()) };
        print::line(here(&msg!("AUDIT_VERIFIED", service = part.name, entries, rows, heads, verdict)));
        for fault in &faults {
            sound = false;
            print::line(format_args!("  {}", here(&fault.said())));
        }
    }
    Ok(if sound { DONE } else { FAILED })
}

/// Asks the log of every service, and merges the answers by time, newest first.
async fn search(args: Search) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let query = AuditQuery { of: asked(args.of)?, from: args.from, to: args.to };
    let keys = Keys::open(&seal_key(&config), config.passphrase()?.as_deref())?;
    let mut found: Vec<(&str, AuditEntry)> = Vec::new();
    for part in SERVICES.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        let store = Store::open(store_config(&config, part.name, &keys)?, part.migrations).await?;
        let mut token = String::new();
        loop {
            let (entries, next) = store.search_audit(&query, &Page::read(MAX_SIZE, &token, b"")?).await?;
            found.extend(entries.into_iter().map(|(_, entry)| (part.name, entry)));
            if next.is_empty() {
                break;
            }
            token = next;
        }
    }
    found.sort_by_key(|(_, entry)| std::cmp::Reverse((entry.at, entry.id)));
    let lang = Language::spoken();
    for (service, entry) in &found {
        print::line(if args.json { json_line(service, entry) } else { line(service, entry, lang) });
    }
    print::note(here(&msg!("AUDIT_FOUND", count = found.len())));
    Ok(DONE)
}

fn asked(whose: Whose) -> Result<AuditOf> {
    Ok(match (whose.person, whose.principal, whose.subject) {
        (Some(person), ..) => AuditOf::Person(person),
        (_, Some(principal), _) => AuditOf::Principal(principal),
        (_, _, subject) => match subject.as_deref().and_then(|subject| subject.split_once(':')) {
            Some((kind, id)) => AuditOf::Subject(kind.to_owned(), id.to_owned()),
            None => return Err(Said(msg!("SUBJECT_EXPECTED")).into()),
        },
    })
}

fn line(service: &str, entry: &AuditEntry, lang: Language) -> String {
    let AuditEntry { at, actor, principal, action, subject, subject_id, .. } = entry;
    let behalf = entry.on_behalf_of.map(|id| lang.say(&msg!("AUDIT_ON_BEHALF", id))).unwrap_or_default();
    format!("{at} {service} {actor} ({principal}){behalf} {action} {subject} {subject_id} {}", entry.notes)
}

fn json_line(service: &str, entry: &AuditEntry) -> String {
    let line = json!({
        "service": service, "at": entry.at, "tenant": entry.tenant, "entry": entry.id, "actor": entry.actor,
        "principal": entry.principal, "on_behalf_of": entry.on_behalf_of, "method": entry.method,
        "action": entry.action, "subject": entry.subject, "subject_id": entry.subject_id, "notes": entry.notes,
    });
    line.to_string()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn for_whom_a_service_worked_is_said_in_the_readers_language() {
        let mut entry = AuditEntry {
            tenant: Uuid::nil(),
            id: Uuid::nil(),
            at: jiff::Timestamp::UNIX_EPOCH,
            principal: Uuid::nil(),
            actor: "service:performance".to_owned(),
            on_behalf_of: Some(Uuid::max()),
            method: String::new(),
            action: "close".to_owned(),
            subject: "cycle".to_owned(),
            subject_id: "7".to_owned(),
            region: None,
            request_id: None,
            trace: None,
            before: None,
            after: None,
            notes: "{}".to_owned(),
            written: "{}".to_owned(),
            people: Vec::new(),
        };
        let (who, whom) = (Uuid::nil(), Uuid::max());
        let told = |entry: &AuditEntry, lang| line("performance", entry, lang);
        let expected = |behalf: &str| {
            format!("1970-01-01T00:00:00Z performance service:performance ({who}){behalf} close cycle 7 {{}}")
        };
        assert_eq!(told(&entry, Language::En), expected(&format!(" on behalf of {whom}")));
        assert_eq!(told(&entry, Language::ZhCn), expected(&format!(" 代表 {whom}")));
        entry.on_behalf_of = None;
        assert_eq!(told(&entry, Language::ZhCn), expected(""));
    }
}
