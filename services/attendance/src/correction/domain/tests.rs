//! Who decides, what may count beside what, and how much ahead.

use tally_access::four_eyes::Hands;
use tally_kernel::id::PrincipalId;

use super::*;
use crate::handover::domain::HandoverKind;
use crate::punch::domain::PunchKind;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn person(n: u128) -> PersonId {
    PersonId(id(n))
}

fn hands(n: u128) -> Hands {
    Hands::own(PrincipalId(id(100 + n)), Some(person(n)))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NINE: &str = "2026-03-02T09:00:00Z";

fn punch(kind: PunchKind) -> Fact {
    Fact::Punch(Punch { person: person(1), at: at(NINE), kind })
}

fn waiting() -> Correction {
    Correction {
        id: CorrectionId(id(9)),
        subject: "punch".into(),
        action: Action::Add,
        stage: Stage::Waiting,
        person: Some(person(1)),
        other: Some(person(2)),
        place: ("cn-north".parse().unwrap(), None),
        fact: None,
        before: None,
        after: vec![punch(PunchKind::Out)],
        reason: "forgot".into(),
        evidence: String::new(),
        requested: Taken { by: hands(3), at: at(NINE) },
        approved: None,
        dropped: None,
        touched: None,
        until: at(NINE),
        notice: None,
    }
}

#[test]
fn whoever_asked_and_whoever_it_is_about_do_not_decide() {
    let correction = waiting();
    assert_eq!(correction.judged_by(hands(4)), Ok(()));
    assert_eq!(correction.judged_by(hands(3)), Err(CorrectionError::FourEyes(FourEyesRequired)));
    assert_eq!(correction.judged_by(hands(1)), Err(CorrectionError::Own));
    assert_eq!(correction.judged_by(hands(2)), Err(CorrectionError::Own), "to whom it is moved");
    let login = Hands::own(PrincipalId(id(200)), None);
    assert_eq!(correction.judged_by(login), Ok(()), "a login of nobody");
    let one = Correction { other: None, ..waiting() };
    assert_eq!(one.judged_by(login), Ok(()), "nobody is not the other who is not there");
    let delegated = Hands { delegated_by: Some(PrincipalId(id(103))), ..hands(4) };
    assert_eq!(correction.judged_by(delegated), Err(CorrectionError::FourEyes(FourEyesRequired)));
}

#[test]
fn only_whoever_asked_takes_it_back_and_only_while_it_waits() {
    let correction = waiting();
    assert_eq!(correction.withdrawn_by(hands(3)), Ok(()));
    assert_eq!(correction.withdrawn_by(hands(1)), Err(CorrectionError::NotYours));
    let done = Correction { stage: Stage::Approved, ..correction };
    assert_eq!(done.withdrawn_by(hands(3)), Err(CorrectionError::NotWaiting(Stage::Approved)));
    assert_eq!(done.judged_by(hands(4)), Err(CorrectionError::NotWaiting(Stage::Approved)));
}

#[test]
fn what_may_count_beside_what_is_as_in_imports() {
    let (came, left) = (punch(PunchKind::In), punch(PunchKind::Out));
    assert_eq!(came.beside(&came, true), Err(CorrectionError::ChangesNothing));
    assert!(matches!(came.beside(&left, true), Err(CorrectionError::Different(why)) if why.id() == "PUNCH_DIFFERENT"));
    let hand = |n, kind| Fact::Handover(Handover { account: AccountId(id(7)), person: person(n), at: at(NINE), kind });
    let (take, other, release) =
        (hand(1, HandoverKind::Take), hand(2, HandoverKind::Take), hand(2, HandoverKind::Release));
    assert_eq!(take.beside(&other, false), Ok(()), "several may hold it");
    assert!(matches!(take.beside(&other, true), Err(CorrectionError::Different(_))));
    assert_eq!(take.beside(&release, true), Ok(()));
    let shift = |end: &str| {
        Fact::Shift(Shift { person: person(1), account: AccountId(id(7)), start: at(NINE), end: at(end), seat: None })
    };
    let (short, long) = (shift("2026-03-02T12:00:00Z"), shift("2026-03-02T13:00:00Z"));
    assert!(matches!(short.beside(&long, true), Err(CorrectionError::Different(_))));
    assert_eq!(short.beside(&short, true), Err(CorrectionError::ChangesNothing));
    assert_eq!(short.beside(&came, true), Ok(()));
    let alias = |n, from: Option<Date>| {
        Fact::Alias(Alias { platform: "JD".into(), alias: "小红".into(), person: person(n), from, to: None })
    };
    assert_eq!(
        alias(1, None).beside(&alias(2, Some(Date::constant(2027, 1, 1))), true),
        Err(CorrectionError::AliasOverlap)
    );
}

#[test]
fn notice_is_in_whole_minutes_to_the_earlier_beginning() {
    let of = |now: &str, starts: &[&str]| {
        let notice = Notice::of(at(now), starts.iter().map(|start| at(start))).unwrap();
        (notice.minutes, notice.late)
    };
    assert_eq!(of("2026-03-02T07:00:30Z", &[NINE, "2026-03-02T08:00:00Z"]), (59, false));
    assert_eq!(of(NINE, &[NINE]), (0, false));
    assert_eq!(of("2026-03-02T09:00:01Z", &[NINE]), (-1, true));
    assert_eq!(Notice::of(at(NINE), []), None);
}

#[test]
fn the_stored_words_of_corrections_are_these() {
    tally_testkit::words([
        (Action::Add, "add"),
        (Action::Void, "void"),
        (Action::Move, "move"),
        (Action::Change, "change"),
        (Action::Cancel, "cancel"),
        (Action::End, "end"),
    ]);
    tally_testkit::words([
        (Stage::Preview, "preview"),
        (Stage::Waiting, "waiting"),
        (Stage::Approved, "approved"),
        (Stage::Made, "made"),
        (Stage::Rejected, "rejected"),
        (Stage::Withdrawn, "withdrawn"),
    ]);
    tally_testkit::words([
        (Subject::Punch, "punch"),
        (Subject::Handover, "handover"),
        (Subject::Shift, "shift"),
        (Subject::Alias, "alias"),
        (Subject::Device, "device"),
    ]);
}
