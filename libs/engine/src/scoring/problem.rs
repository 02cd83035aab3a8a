//! What can be wrong with a scheme, all of it at once.

use tally_kernel::Message;
use tally_kernel::error::{Error, Violation};

/// One thing that is wrong with a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeProblem {
    /// Path of the field, such as `kpis[2].weight`.
    pub field: String,
    /// Stable kind.
    pub kind: ProblemKind,
    /// What is wrong and what to write instead.
    pub description: Message,
}

/// Kinds of problems of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// No indicator at all, or nameless things.
    Missing,
    /// A key or name twice.
    Duplicate,
    /// Weights that do not sum to exactly 100.
    WeightsDoNotSum,
    /// A weight of zero or less.
    WeightNotPositive,
    /// A measure that is neither built in nor a column of the records.
    UnknownMeasure,
    /// A target that is missing or not above zero.
    Target,
    /// A floor that is not below the cap.
    Range,
    /// A small-sample rule on something that is no rate or mean.
    SmallSample,
    /// Bands or grades that do not make sense together.
    Bands,
    /// Bounds for refinements that do not make sense.
    Bounds,
    /// Parts of a definition that do not go together.
    Measure,
    /// Something that the standard does not allow.
    Refinement,
}

/// All problems as one error for the caller, with their fields in a request that holds `scheme`.
pub fn invalid(problems: &[SchemeProblem]) -> Error {
    let violation =
        |p: &SchemeProblem| Violation { field: format!("scheme.{}", p.field), message: p.description.clone() };
    Error::invalid(problems.iter().map(violation).collect())
}

/// Problems that were found so far.
#[derive(Default)]
pub(super) struct Problems(pub Vec<SchemeProblem>);

impl Problems {
    pub fn add(&mut self, field: impl Into<String>, kind: ProblemKind, description: Message) {
        self.0.push(SchemeProblem { field: field.into(), kind, description });
    }
}
