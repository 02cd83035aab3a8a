//! The words of files are what files already hold: a renamed variant must not change them.

use super::source::TextEncoding;
use super::*;
use strum::IntoEnumIterator as _;

#[test]
fn the_words_of_findings_are_these_and_are_read_back() {
    let words = [
        (FindingKind::ConvertedEncoding, "converted_encoding"),
        (FindingKind::ConvertedSeparator, "converted_separator"),
        (FindingKind::MissingColumn, "missing_column"),
        (FindingKind::UnknownColumn, "unknown_column"),
        (FindingKind::UnknownFile, "unknown_file"),
        (FindingKind::EmptyFile, "empty_file"),
        (FindingKind::DuplicateRecord, "duplicate_record"),
        (FindingKind::DuplicateRow, "duplicate_row"),
        (FindingKind::OutsidePeriod, "outside_period"),
        (FindingKind::TeamWithoutPeople, "team_without_people"),
        (FindingKind::BranchWithoutPeople, "branch_without_people"),
        (FindingKind::OddPunches, "odd_punches"),
        (FindingKind::SinglePunch, "single_punch"),
        (FindingKind::PunchesBetween, "punches_between"),
        (FindingKind::LongPresence, "long_presence"),
        (FindingKind::ReadAsNight, "read_as_night"),
        (FindingKind::DayOrNight, "day_or_night"),
        (FindingKind::DamagedId, "damaged_id"),
        (FindingKind::HourTwice, "hour_twice"),
        (FindingKind::Transfer, "transfer"),
        (FindingKind::Rehire, "rehire"),
        (FindingKind::NoValue, "no_value"),
        (FindingKind::CleanedCell, "cleaned_cell"),
        (FindingKind::LongRecord, "long_record"),
        (FindingKind::PopulationOfNobody, "population_of_nobody"),
        (FindingKind::ContributorUnknown, "contributor_unknown"),
        (FindingKind::RepliesTooMany, "replies_too_many"),
    ];
    assert_eq!(FindingKind::iter().collect::<Vec<_>>(), words.map(|(kind, _)| kind));
    for (kind, word) in words {
        assert_eq!((<&str>::from(kind), kind.to_string().as_str()), (word, word));
        assert_eq!(word.parse(), Ok(kind));
    }
    assert!("Transfer".parse::<FindingKind>().is_err(), "only the word itself is one");
}

#[test]
fn the_words_of_phases_punches_hand_overs_and_encodings_are_these() {
    let phases = [PhaseKind::Shared, PhaseKind::Mixed, PhaseKind::Named];
    assert_eq!(phases.map(<&str>::from), ["shared", "mixed", "named"]);
    assert_eq!([PunchKind::In, PunchKind::Out].map(<&str>::from), ["in", "out"]);
    assert_eq!([HandoverKind::Take, HandoverKind::Release].map(<&str>::from), ["take", "release"]);
    assert_eq!([Side::Customer, Side::Agent].map(<&str>::from), ["customer", "agent"]);
    let encodings = [TextEncoding::Utf8, TextEncoding::Gbk, TextEncoding::Utf16Le, TextEncoding::Utf16Be];
    assert_eq!(encodings.map(<&str>::from), ["UTF-8", "GBK", "UTF-16LE", "UTF-16BE"]);
}
