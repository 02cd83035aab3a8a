//! What a version of a scheme lets whoever refines it change, and how far.

use serde::{Deserialize, Serialize};
use tally_kernel::Micro;

/// What a refinement may change of the version that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Whether units below may have no scheme that refines neither this one nor another that is mandatory.
    #[serde(default)]
    pub mandatory: bool,
    /// Indicators of which something may change.
    #[serde(default)]
    pub kpis: Vec<KpiBounds>,
    /// Indicators beside the standard's; none where nothing is said.
    #[serde(default)]
    pub extra: Option<Extra>,
    /// Whether collaboration points may be switched.
    #[serde(default)]
    pub collaboration: bool,
}

/// What may change of one indicator. Where nothing is said, the standard's value is laid down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KpiBounds {
    /// The indicator's key.
    pub key: String,
    /// How much it may count.
    #[serde(default)]
    pub weight: Option<Span>,
    /// Which numbers may be its target.
    #[serde(default)]
    pub target: Option<Span>,
    /// Which fewest points it may have.
    #[serde(default)]
    pub floor: Option<Span>,
    /// Which most points it may have.
    #[serde(default)]
    pub cap: Option<Span>,
    /// Which small-sample rules it may have.
    #[serde(default)]
    pub small_sample: Option<Span<u32>>,
    /// Whether another normalisation may be taken.
    #[serde(default)]
    pub normalisation: bool,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
}

/// From the least to the greatest, both among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span<T = Micro> {
    /// The least.
    pub min: T,
    /// The greatest.
    pub max: T,
}

/// Indicators that a refinement adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// What their weights sum to at most.
    pub most: Micro,
    /// What they may measure; anything where nothing is named.
    #[serde(default)]
    pub measures: Vec<String>,
}

impl Bounds {
    /// What may change of the indicator with this key.
    pub fn of(&self, key: &str) -> Option<&KpiBounds> {
        self.kpis.iter().find(|of| of.key == key)
    }
}

impl<T: PartialOrd> Span<T> {
    /// Whether it holds a value.
    pub fn holds(&self, value: T) -> bool {
        self.min <= value && value <= self.max
    }
}
