//! What two versions of a card say differently, in sentences. Pure; whatever differs is said, and nothing where nothing does.

use tally_kernel::{Message, msg};

use super::{Line, ScoreCard};

/// What is different now: the score with its rank, what was credited, and every indicator.
pub fn difference(before: Option<&ScoreCard>, after: Option<&ScoreCard>) -> Vec<Message> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(after)) => vec![msg!("CARD_CAME", after = after.explain())],
        (Some(before), None) => vec![msg!("CARD_WENT", before = before.explain())],
        (Some(before), Some(after)) => changes(before, after),
    }
}

fn changes(before: &ScoreCard, after: &ScoreCard) -> Vec<Message> {
    let mut told = Vec::new();
    let (was, is) = (before.explain(), after.explain());
    if was != is {
        told.push(msg!("CARD_CHANGED", before = was, after = is));
    }
    if before.credited_ppm != after.credited_ppm {
        let records = |card: &ScoreCard| super::records(card.credited_ppm).unwrap_or_default();
        told.push(msg!("CARD_CREDITED_CHANGED", before = records(before), after = records(after)));
    }
    let there = |lines: &[Line], kpi: &str| lines.iter().find(|line| line.kpi == kpi).cloned();
    for is in &after.lines {
        match there(&before.lines, &is.kpi) {
            None => told.push(msg!("CARD_LINE_CAME", name = is.name(), after = is.standing())),
            Some(was) if was.standing() != is.standing() => {
                told.push(msg!("CARD_LINE_CHANGED", name = is.name(), before = was.standing(), after = is.standing()));
            }
            Some(_) => {}
        }
    }
    for was in before.lines.iter().filter(|was| there(&after.lines, &was.kpi).is_none()) {
        told.push(msg!("CARD_LINE_WENT", name = was.name(), before = was.standing()));
    }
    if told.is_empty() && before != after {
        // Such as a target that moved and changed no points.
        told.push(msg!("CARD_WORKED_OUT_ANEW"));
    }
    told
}

impl Line {
    /// What was measured and what it is worth, in a few words.
    fn standing(&self) -> Message {
        match (self.dropped, self.normalised) {
            (None, Some(points)) => {
                let (weight, weighted) = (self.weight, self.weighted);
                msg!("CARD_STANDING", measured = self.measured(), points, weight, weighted)
            }
            (Some(_), _) | (None, None) => msg!("CARD_STANDING.dropped", measured = self.measured()),
        }
    }
}
