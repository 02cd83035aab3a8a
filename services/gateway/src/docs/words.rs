//! What the page says itself, in the reader's language.

use tally_i18n::text;
use tally_kernel::{Locale, msg};

/// Words of the page.
pub struct Words {
    pub locale: Locale,
    pub tag: &'static str,
    pub title: String,
    pub lead: String,
    pub how: String,
    pub machine: String,
    pub permission: String,
    pub session: String,
    pub nobody: String,
    pub parameters: String,
    pub body: String,
    pub lines: String,
    pub answer: String,
    pub stream: String,
    pub refusals: String,
    pub example: String,
    pub required: String,
    pub filled: String,
    pub values: String,
    pub shapes: String,
    pub in_path: String,
    pub in_query: String,
    pub in_header: String,
}

impl Words {
    /// The words in a language.
    pub fn of(locale: Locale) -> Self {
        let say = |message| text(locale, &message);
        Self {
            locale,
            tag: locale.tag(),
            title: say(msg!("DOCS_PAGE")),
            lead: say(msg!("DOCS_PAGE.lead")),
            how: say(msg!("DOCS_PAGE.how")),
            machine: say(msg!("DOCS_PAGE.machine")),
            permission: say(msg!("DOCS_PAGE.permission")),
            session: say(msg!("DOCS_PAGE.session")),
            nobody: say(msg!("DOCS_PAGE.nobody")),
            parameters: say(msg!("DOCS_PAGE.parameters")),
            body: say(msg!("DOCS_PAGE.body")),
            lines: say(msg!("DOCS_PAGE.lines")),
            answer: say(msg!("DOCS_PAGE.answer")),
            stream: say(msg!("DOCS_PAGE.stream")),
            refusals: say(msg!("DOCS_PAGE.refusals")),
            example: say(msg!("DOCS_PAGE.example")),
            required: say(msg!("DOCS_PAGE.required")),
            filled: say(msg!("DOCS_PAGE.filled")),
            values: say(msg!("DOCS_PAGE.values")),
            shapes: say(msg!("DOCS_PAGE.shapes")),
            in_path: say(msg!("DOCS_PAGE.in_path")),
            in_query: say(msg!("DOCS_PAGE.in_query")),
            in_header: say(msg!("DOCS_PAGE.in_header")),
        }
    }

    /// Where a parameter stands.
    pub fn place(&self, place: &str) -> &str {
        match place {
            "path" => &self.in_path,
            "query" => &self.in_query,
            _ => &self.in_header,
        }
    }
}

/// So many calls.
pub fn count(locale: Locale, count: usize) -> String {
    text(locale, &msg!("DOCS_PAGE.count", count))
}
