//! Cards for people who serve nobody themselves: what their teams did.

use std::collections::BTreeSet;

use anyhow::Result;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::measure_definition::Of;
use tally_kernel::msg;

use super::branches::Story;
use crate::close::cards_of;
use crate::show::{Page, Table};

/// What a manager's card is of: a name, the measure whose mean over the team it is, target and weight.
const TEAM: [(&str, &str, &str, &str); 4] = [
    ("team_first_reply", "first_reply_within_30s", "90", "30"),
    ("team_resolved", "resolved", "90", "30"),
    ("team_rating", "rating_at_least_4", "90", "20"),
    ("team_in_time", "punctuality", "95", "20"),
];

impl Story<'_> {
    /// A month of the group for those who were credited with nothing: its managers.
    pub async fn managers(&self, page: &mut Page) -> Result<()> {
        let positions = self.without_cards();
        if positions.is_empty() {
            return Ok(());
        }
        let hr = &self.crew.hr;
        let name = self.say(&msg!("DEMO_MANAGERS_SCHEME"));
        let scheme = performance::Scheme {
            name: name.clone(),
            kpis: TEAM.map(indicator).into(),
            measures: TEAM.map(of_team).into_iter().chain([punctuality()]).collect(),
            ..Default::default()
        };
        let scheme = self.write(hr, scheme).await?;
        let population = Some(performance::Population { positions, ..Default::default() });
        let run = self.group_cycle().await?.attribution_run_id;
        let cycle = Box::pin(self.month(hr, (&name, ""), (&scheme, population), &run)).await?;
        let cards = cards_of(hr, &cycle.cycle_id).await?;
        page.heading(&self.say(&msg!("DEMO_MANAGERS", people = cards.len())));
        page.say(2, &self.say(&msg!("DEMO_MANAGERS_SAID")));
        let mut table = Table::new("<>>>>>");
        let head = [msg!("DEMO_COLUMN_WHO"), msg!("SHOW_COLUMN_SCORE")].map(|column| self.say(&column));
        table.row(head.into_iter().chain(TEAM.map(|(key, ..)| key.to_owned())));
        for card in &cards {
            let values = card.lines.iter().map(|line| line.value.clone());
            table.row([self.name_of(&card.person_id), card.score.clone()].into_iter().chain(values));
        }
        page.table(2, &table);
        Ok(())
    }

    /// Positions of which nobody was credited with anything.
    fn without_cards(&self) -> Vec<String> {
        let position = |at: usize| self.bundle.people[at].home(self.bundle.period.to).position.clone();
        let served: BTreeSet<String> =
            self.outcome.cards.iter().map(|(person, _)| position(person.0 as usize)).collect();
        let all: BTreeSet<String> = (0..self.bundle.people.len()).map(position).collect();
        all.difference(&served).filter(|position| !position.is_empty()).cloned().collect()
    }
}

fn indicator((key, _, target, weight): (&str, &str, &str, &str)) -> performance::Kpi {
    performance::Kpi {
        key: key.to_owned(),
        measure: key.to_owned(),
        unit: "%".to_owned(),
        direction: performance::Direction::Higher.into(),
        target: target.to_owned(),
        weight: weight.to_owned(),
        normalisation: performance::Normalisation::TargetPiecewise.into(),
        floor: "0".to_owned(),
        cap: "120".to_owned(),
        ..Default::default()
    }
}

fn of_team((key, of, ..): (&str, &str, &str, &str)) -> performance::MeasureDefinition {
    let aggregation = performance::TeamAggregation::Mean.into();
    let team = performance::TeamMeasure { of: of.to_owned(), aggregation, test: None };
    performance::MeasureDefinition {
        name: key.to_owned(),
        unit: "%".to_owned(),
        direction: performance::Direction::Higher.into(),
        of: Some(Of::Team(team)),
        ..Default::default()
    }
}

/// What the suite itself observes of each shift.
fn punctuality() -> performance::MeasureDefinition {
    let aggregation = performance::ObservationAggregation::Mean.into();
    let subject = performance::ObservationOf::Person.into();
    performance::MeasureDefinition {
        name: "punctuality".to_owned(),
        unit: "%".to_owned(),
        direction: performance::Direction::Higher.into(),
        of: Some(Of::Observation(performance::ObservationMeasure { aggregation, subject })),
        ..Default::default()
    }
}
