//! What a user wrote the URLs of the database into, for messages that send him there.

use figment::{Figment, Metadata};

/// A key of the tree, `--set KEY`, or the name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Of `database.url`.
    pub url: String,
    /// Of `database.owner_url`.
    pub owner_url: String,
}

impl Default for Written {
    fn default() -> Self {
        Self { url: "database.url".to_owned(), owner_url: "database.owner_url".to_owned() }
    }
}

impl Written {
    pub(super) fn of(figment: &Figment) -> Self {
        let keys = Self::default();
        Self { url: place(figment, keys.url), owner_url: place(figment, keys.owner_url) }
    }
}

fn place(figment: &Figment, key: String) -> String {
    match figment.find_metadata(&key).map(variable) {
        Some(Some(variable)) => variable,
        Some(None) | None => key,
    }
}

fn variable(place: &Metadata) -> Option<String> {
    place.name.strip_prefix("environment variable ").map(str::to_owned)
}
