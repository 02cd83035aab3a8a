//! Schemes to begin with, as scheme.yaml says them.

use super::diagnostics::Unusable;
use super::scheme::{Scheme, read_scheme};
use super::yaml::read;

/// A scheme to begin with.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// By which it is asked for.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// All of them, by name.
pub const TEMPLATES: [Template; 3] = [
    Template { name: "agent", text: include_str!("../templates/agent.yaml") },
    Template { name: "operations", text: include_str!("../templates/operations.yaml") },
    Template { name: "service-manager", text: include_str!("../templates/service-manager.yaml") },
];

impl Template {
    /// What the file says.
    ///
    /// # Errors
    /// [`Unusable`] for a file that is not sound: none of these.
    pub fn scheme(&self) -> Result<Option<Scheme>, Unusable> {
        read(self.text, "scheme.yaml", |fields| read_scheme(fields, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_is_a_sound_scheme_all_of_whose_definitions_are_used() {
        for template in TEMPLATES {
            let scheme = template.scheme().unwrap().unwrap();
            let mut used: Vec<&str> = scheme.kpis.iter().filter_map(|kpi| kpi.of.as_deref()).collect();
            used.extend(scheme.measures.iter().flat_map(tally_engine::scoring::definition::Definition::parts));
            for definition in &scheme.measures {
                assert!(used.contains(&definition.name.as_str()), "{}: {}", template.name, definition.name);
            }
            assert!(template.text.contains("目标值"), "{} is told in both languages", template.name);
        }
    }
}
