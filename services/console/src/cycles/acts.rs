//! What may be done with a cycle as it stands, as forms.

use tally_access::Permission;
use tally_api::performance::v1::{Cycle, CycleState};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use crate::ui::form::{Field, Form, Kind};
use crate::ui::{Me, Ui};

/// The forms of what may be done now.
#[derive(Default)]
pub struct Acts {
    pub close: Option<Form>,
    pub cancel: Option<Form>,
    pub correct: Option<Form>,
    /// Publishing has a page of its own.
    pub publish: bool,
    /// Why what was tried is not possible any more.
    pub refused: String,
}

/// The forms of what this reader may do with it as it stands; one that was refused in its place.
pub fn allowed(ui: &Ui, me: &Me, cycle: &Cycle, refused: Option<Form>) -> Acts {
    let state = cycle.state();
    let may_close = me.may_others(Permission::CycleClose);
    let is_correction = !cycle.corrects_id.is_empty();
    let rests = matches!(state, CycleState::Open | CycleState::Failed | CycleState::Reviewable);
    let stoppable =
        state == CycleState::Closing || is_correction && matches!(state, CycleState::Reviewable | CycleState::Failed);
    let form = |made: Form| Some(refused.clone().filter(|it| it.name == made.name).unwrap_or(made));
    let mut acts = Acts {
        close: if may_close && rests && !is_correction { form(closing(ui, cycle)) } else { None },
        cancel: if may_close && stoppable { form(cancelling(ui, cycle)) } else { None },
        correct: if may_close && state == CycleState::Published && !is_correction {
            form(correcting(ui, cycle))
        } else {
            None
        },
        publish: state == CycleState::Reviewable && me.may_others(Permission::CyclePublish),
        refused: String::new(),
    };
    let drawn = [&acts.close, &acts.cancel, &acts.correct];
    // The page was stale: what was tried is not possible any more, and that is said all the same.
    if let Some(form) =
        refused.as_ref().filter(|form| !drawn.iter().any(|it| it.as_ref().is_some_and(|it| it.name == form.name)))
    {
        acts.refused = form.error.clone();
    }
    acts
}

/// The form of it.
pub fn closing(ui: &Ui, cycle: &Cycle) -> Form {
    let submit = if cycle.state() == CycleState::Open { "UI_CLOSE_CYCLE" } else { "UI_CLOSE_AGAIN" };
    Form::new(ui, format!("/cycles/{}/close", cycle.cycle_id), "close", submit)
}

/// The form of it.
pub fn cancelling(ui: &Ui, cycle: &Cycle) -> Form {
    let submit = if cycle.corrects_id.is_empty() { "UI_CANCEL_CLOSING" } else { "UI_CANCEL_CORRECTION" };
    Form::new(ui, format!("/cycles/{}/cancel", cycle.cycle_id), "cancel", submit)
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
        .danger()
}

/// The form of it.
pub fn correcting(ui: &Ui, cycle: &Cycle) -> Form {
    let version = Field::new(ui, "scheme_version", "UI_SCHEME_VERSION", Kind::Number);
    Form::new(ui, format!("/cycles/{}/correct", cycle.cycle_id), "correct", "UI_CORRECT_CYCLE")
        .with(Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_CORRECT_REASON_HINT")))
        .with(version.hint(ui.t("UI_SCHEME_VERSION_HINT")))
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
}

/// The form of the confirmation: it knows which result was looked at.
pub fn publishing(ui: &Ui, cycle: &Cycle) -> Form {
    Form::new(ui, format!("/cycles/{}/publish", cycle.cycle_id), "publish", "UI_PUBLISH_RESULT")
        .with(Field::new(ui, "sure", "UI_PUBLISH_SURE", Kind::Check).required())
        .with(Field::hidden("etag", &cycle.etag))
}

/// A result that was worked out anew since the page was made is looked at again before it is published. One that is published already is
/// not stale: the button was pressed twice, and the service answers as it did.
///
/// # Errors
/// It is stale.
pub fn fresh(cycle: &Cycle, etag: &str) -> Result<()> {
    if cycle.state() != CycleState::Reviewable || cycle.etag == etag {
        return Ok(());
    }
    Err(Error::of(ErrorKind::FailedPrecondition, msg!("PAGE_OUTDATED")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(state: CycleState, etag: &str) -> Cycle {
        Cycle { state: state.into(), etag: etag.into(), ..Default::default() }
    }

    #[test]
    fn only_a_result_that_was_worked_out_anew_is_stale() {
        assert!(fresh(&cycle(CycleState::Reviewable, "3"), "3").is_ok());
        assert_eq!(fresh(&cycle(CycleState::Reviewable, "5"), "3").expect_err("stale").reason(), "PAGE_OUTDATED");
        // A double click: the first one has published it.
        assert!(fresh(&cycle(CycleState::Published, "4"), "3").is_ok());
    }
}
