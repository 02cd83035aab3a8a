//! The words that identity stores for the variants of its enums.

use jiff::civil::Date;
use tally_access::Region;
use tally_kernel::id::{EmploymentId, OrgUnitId};
use tally_kernel::person::EmploymentKind;
use uuid::Uuid;

use crate::catalogue::domain::EntryKind;
use crate::org::domain::{Command, UnitKind};
use crate::person::domain::{self as person, Post, Reason};
use crate::reporting::domain::LineKind;
use crate::session::domain::Method;
use crate::tenant::domain as tenant;

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
        (EmploymentKind::FullTime, "full_time"),
        (EmploymentKind::PartTime, "part_time"),
        (EmploymentKind::FixedTerm, "fixed_term"),
        (EmploymentKind::Intern, "intern"),
        (EmploymentKind::Agency, "agency"),
        (EmploymentKind::Outsourced, "outsourced"),
        (EmploymentKind::Freelance, "freelance"),
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

#[test]
fn the_words_of_the_audit_log_are_these() {
    let (unit, from) = (OrgUnitId(Uuid::nil()), Date::MIN);
    assert_eq!(<&str>::from(Command::Close { unit, people_to: None }), "identity.org.close");
    assert_eq!(<&str>::from(Command::Merge { units: Vec::new(), into: unit }), "identity.org.merge");
    let start = person::Change::CorrectStart { employment: EmploymentId(Uuid::nil()), from };
    assert_eq!(<&str>::from(start), "identity.employment.correct_start");
    assert_eq!(<&str>::from(tenant::Change::AddRegion(Region::global())), "identity.tenant.add_region");
    assert_eq!(<&str>::from(tenant::Change::Resume), "identity.tenant.resume");
}
