//! The words that identity stores for the variants of its enums.

use crate::catalogue::domain::EntryKind;
use crate::org::domain::UnitKind;
use crate::person::domain::{Post, Reason};
use crate::reporting::domain::LineKind;
use crate::session::domain::Method;

#[test]
fn the_stored_words_are_these() {
    tally_testkit::words([(LineKind::Solid, "solid"), (LineKind::Dotted, "dotted")]);
    tally_testkit::words([(Post::Home, "home"), (Post::Concurrent, "concurrent"), (Post::Secondment, "secondment")]);
    tally_testkit::words([
        (Reason::Hire, "hire"),
        (Reason::Rehire, "rehire"),
        (Reason::Transfer, "transfer"),
        (Reason::Promotion, "promotion"),
        (Reason::Secondment, "secondment"),
        (Reason::ConcurrentPost, "concurrent_post"),
        (Reason::Reorganisation, "reorganisation"),
    ]);
    tally_testkit::words([
        (UnitKind::Group, "group"),
        (UnitKind::LegalEntity, "legal_entity"),
        (UnitKind::Branch, "branch"),
        (UnitKind::Department, "department"),
        (UnitKind::Team, "team"),
    ]);
    tally_testkit::words([(Method::Password, "password"), (Method::Oidc, "oidc"), (Method::ApiKey, "api_key")]);
    tally_testkit::words([(EntryKind::Position, "position"), (EntryKind::Grade, "grade")]);
}
