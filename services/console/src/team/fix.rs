//! What a fix does, in words: a fix is a call of the services, and people press no calls.

use jiff::Timestamp;
use serde_json::Value;
use tally_access::Permission;
use tally_api::attendance::v1::Account;
use tally_api::common::v1::Fix;
use tally_kernel::{Message, msg};

use super::duty;
use crate::names::Names;
use crate::ui::Ui;

/// Names for what stands in a fix.
pub struct Words<'a> {
    pub ui: &'a Ui,
    pub people: &'a Names,
    pub accounts: &'a [Account],
}

impl Words<'_> {
    /// A sentence that says what is done.
    pub fn sentence(&self, fix: &Fix) -> String {
        let asked: Value = serde_json::from_str(&fix.request).unwrap_or_default();
        self.ui.say(&self.message(&fix.method, &asked))
    }

    fn message(&self, method: &str, asked: &Value) -> Message {
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let person = self.people.said(text("personId"));
        let (at, kind) = (self.moment(text("at")), self.ui.word(text("kind")));
        match method {
            "CorrectPunch" => msg!("UI_TEAM_FIX_PUNCH", person, at, kind),
            "CorrectHandover" => {
                msg!("UI_TEAM_FIX_HANDOVER", person, at, kind, account = self.account(text("accountId")))
            }
            "MoveRecord" => msg!(
                "UI_TEAM_FIX_MOVE",
                record = text("externalId"),
                from = self.account(text("accountId")),
                to = self.account(text("toAccountId"))
            ),
            "ImportAliases" => {
                let row = asked.pointer("/rows/0").cloned().unwrap_or_default();
                let of = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (alias, platform, person) = (of("alias"), of("platform"), self.people.said(&of("personId")));
                msg!("UI_TEAM_FIX_ALIAS", alias, platform, person)
            }
            "CloseCycle" => msg!("UI_TEAM_FIX_CLOSE"),
            other => msg!("UI_TEAM_FIX_OTHER", call = other),
        }
    }

    fn moment(&self, at: &str) -> String {
        at.parse::<Timestamp>().map(|at| self.ui.format.moment(at)).unwrap_or_default()
    }

    fn account(&self, id: &str) -> String {
        let known = self.accounts.iter().find(|it| it.account_id == id);
        known.map_or_else(|| self.ui.t("UI_TEAM_OTHER_ACCOUNT"), duty::account_name)
    }
}

/// Whether the reader may make the call that a fix is; the service decides again.
pub fn allowed(ui: &Ui, method: &str) -> bool {
    let needed = match method {
        "CorrectPunch" | "CorrectHandover" => Permission::CorrectionRequest,
        "MoveRecord" => Permission::RecordImport,
        "ImportAliases" => Permission::AliasWrite,
        "CloseCycle" => Permission::CycleClose,
        _ => return false,
    };
    ui.me().is_some_and(|me| me.may(Permission::CreditRead) && me.may_others(needed))
}

/// What is said once it was done: some things wait for somebody else.
pub fn done(method: &str) -> &'static str {
    if waits(method) { "FIX_ASKED" } else { "FIX_MADE" }
}

/// What to know before.
pub fn note(method: &str) -> &'static str {
    if waits(method) { "UI_TEAM_FIX_WAITS" } else { "UI_TEAM_FIX_AT_ONCE" }
}

fn waits(method: &str) -> bool {
    matches!(method, "CorrectPunch" | "CorrectHandover")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_approves_says_so() {
        assert_eq!((done("CorrectPunch"), note("CorrectPunch")), ("FIX_ASKED", "UI_TEAM_FIX_WAITS"));
        assert_eq!((done("MoveRecord"), note("MoveRecord")), ("FIX_MADE", "UI_TEAM_FIX_AT_ONCE"));
    }
}
