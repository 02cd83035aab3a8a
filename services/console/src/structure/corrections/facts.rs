//! Facts of duty in words.

use tally_access::Permission;
use tally_api::attendance::v1::duty_fact::Fact;
use tally_api::attendance::v1::{Correction, DutyFact};
use tally_kernel::Result;

use super::super::accounts;
use crate::act::days;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::visit::Visit;

/// Whom and what the facts are about.
pub struct Known {
    pub people: Names,
    pub accounts: Names,
    principals: Names,
    me: String,
}

impl Known {
    /// As far as the reader may see them.
    ///
    /// # Errors
    /// What the services refuse.
    pub async fn of(visit: &Visit) -> Result<Self> {
        let (people, accounts) = futures::try_join!(names::people(visit), accounts::names(visit))?;
        let principals = names::principals(visit, Permission::CorrectionRequest, &people).await?;
        Ok(Self { people, accounts, principals, me: visit.me().principal_id })
    }

    /// Who did it.
    pub fn principal(&self, ui: &Ui, id: &str) -> String {
        if id == self.me { ui.t("UI_YOU") } else { self.principals.said(id) }
    }

    /// What kind of fact a correction is about.
    pub fn kind(&self, ui: &Ui, it: &Correction) -> String {
        let fact = it.before.as_ref().or_else(|| it.after.first()).and_then(|fact| fact.fact.as_ref());
        ui.t(match fact {
            Some(Fact::Punch(_)) => "UI_PUNCH",
            Some(Fact::Handover(_)) => "UI_HANDOVER",
            Some(Fact::Shift(_)) => "UI_SHIFT",
            Some(Fact::Alias(_)) => "UI_ALIAS",
            Some(Fact::Device(_)) => "UI_DEVICE",
            None => "UI_FACT",
        })
    }

    /// A fact in words.
    pub fn fact(&self, ui: &Ui, fact: &DutyFact) -> String {
        let parts = match &fact.fact {
            None => Vec::new(),
            Some(Fact::Punch(it)) => vec![ui.word(it.kind().as_str_name()), ui.moment(it.at.as_ref())],
            Some(Fact::Handover(it)) => vec![
                ui.word(it.kind().as_str_name()),
                self.accounts.said(&it.account_id),
                self.people.said(&it.person_id),
                ui.moment(it.at.as_ref()),
            ],
            Some(Fact::Shift(it)) => vec![
                self.people.said(&it.person_id),
                if it.account_id.is_empty() { String::new() } else { self.accounts.said(&it.account_id) },
                format!("{} – {}", ui.moment(it.start.as_ref()), ui.moment(it.end.as_ref())),
                it.seat.clone(),
            ],
            Some(Fact::Alias(it)) => {
                vec![it.alias.clone(), it.platform.clone(), self.people.said(&it.person_id), days(ui, &it.from, &it.to)]
            }
            Some(Fact::Device(it)) => {
                let whose = if it.person_id.is_empty() { it.seat.clone() } else { self.people.said(&it.person_id) };
                vec![it.device.clone(), whose, days(ui, &it.from, &it.to)]
            }
        };
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}
