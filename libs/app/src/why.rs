//! Why a record is rather one person's than another's: the sentence, from what the service of attribution tells.

use tally_api::performance::v1::{Reason, ReasonPerson, ReplyKind, Sign};
use tally_kernel::{Message, msg};

/// A reply so soon after one's last leaves hardly time to write it, in seconds.
const SHORT: u32 = 30;
/// Ends, in seconds, of the classes of waiting that are told.
const WAITS: [u32; 5] = [300, 1_200, 3_600, 14_400, 86_400];

/// The sentence, with what `name` calls people by their ids; an empty id is somebody whom the reader may not see.
pub fn sentence(reason: &Reason, name: impl Fn(&str) -> String) -> Message {
    match reason.sign() {
        Sign::TooFewReplies => return msg!("WHY_TOO_FEW_REPLIES"),
        Sign::ClockWithoutSeconds => return msg!("WHY_CLOCK_WITHOUT_SECONDS"),
        Sign::TooDense => return msg!("WHY_TOO_DENSE"),
        Sign::NoReplyTimes => return msg!("WHY_NO_REPLY_TIMES"),
        Sign::Unspecified
        | Sign::Hands
        | Sign::Thread
        | Sign::Profile
        | Sign::Device
        | Sign::Duty
        | Sign::Names
        | Sign::Together => {}
    }
    let (one, other) = (reason.first.clone().unwrap_or_default(), reason.second.clone().unwrap_or_default());
    let called = |person: &ReasonPerson| match person.person_id.as_str() {
        "" => msg!("WHY_SOMEBODY"),
        id => Message::told(name(id)),
    };
    let (first, second) = (called(&one), called(&other));
    let (part, rest) = (percent(one.ppm), percent(other.ppm));
    let what = what(reason, (&one, &first), (&other, &second));
    let why = msg!("WHY", first, second, part, rest, what);
    let sign = match reason.against() {
        Sign::Hands => "hands",
        Sign::Thread => "thread",
        Sign::Profile => "profile",
        Sign::Device => "device",
        Sign::Unspecified
        | Sign::Duty
        | Sign::Names
        | Sign::Together
        | Sign::TooFewReplies
        | Sign::TooDense
        | Sign::ClockWithoutSeconds
        | Sign::NoReplyTimes => return why,
    };
    msg!("WHY_AGAINST", why, second, sign)
}

/// What spoke for the first.
fn what(
    reason: &Reason,
    (one, first): (&ReasonPerson, &Message),
    (other, second): (&ReasonPerson, &Message),
) -> Message {
    let (count, all, of_other, others) = (one.count, one.of, other.count, other.of);
    match reason.sign() {
        Sign::Hands => hands((one, first), (other, second)),
        Sign::Thread => msg!("WHY_THREAD", first = *first, pause = span(reason.seconds())),
        Sign::Profile => profile(reason, first, second),
        Sign::Device if reason.owned => msg!("WHY_DEVICE", first = *first),
        Sign::Device => msg!("WHY_DEVICE.same", first = *first),
        Sign::Duty => msg!("WHY_DUTY", first = *first, count, all, second = *second, other = of_other),
        Sign::Names if reason.near => {
            msg!("WHY_NAMES", first = *first, count, all, second = *second, other = of_other, others)
        }
        Sign::Names => msg!("WHY_NAMES.all", first = *first, count, all, second = *second, other = of_other, others),
        Sign::Unspecified
        | Sign::Together
        | Sign::TooFewReplies
        | Sign::TooDense
        | Sign::ClockWithoutSeconds
        | Sign::NoReplyTimes => {
            msg!("WHY_TOGETHER")
        }
    }
}

fn hands((first, name): (&ReasonPerson, &Message), (second, other_name): (&ReasonPerson, &Message)) -> Message {
    let done = |person: &ReasonPerson, who: &Message| match (person.not_yet, span(person.seconds)) {
        (true, pause) => msg!("WHY_NOT_YET", who = *who, pause),
        (false, pause) => msg!("WHY_WROTE", who = *who, pause),
    };
    let (one, other) = (done(first, name), done(second, other_name));
    match (first.not_yet, second.not_yet) {
        (_, false) if second.seconds < SHORT && second.seconds < first.seconds => msg!("WHY_HANDS.short", one, other),
        (false, false) | (true, true) if second.seconds <= first.seconds => {
            msg!("WHY_HANDS.usual", one, other, first = *name)
        }
        (true | false, true | false) => msg!("WHY_HANDS", one, other),
    }
}

fn profile(reason: &Reason, first: &Message, second: &Message) -> Message {
    let Some(seconds) = reason.seconds else { return msg!("WHY_PROFILE.unasked", first = *first, second = *second) };
    let wait = msg!("WHY_WAIT", class = WAITS.partition_point(|end| *end <= seconds));
    match reason.kind() {
        ReplyKind::First => msg!("WHY_PROFILE.first", first = *first, second = *second, wait),
        ReplyKind::Nothing => msg!("WHY_PROFILE.again", first = *first, second = *second, wait),
        ReplyKind::Unspecified | ReplyKind::Message => msg!("WHY_PROFILE", first = *first, second = *second, wait),
    }
}

/// A span of time, in the unit in which people say it.
fn span(seconds: u32) -> Message {
    let rounded = |unit: u32| seconds.saturating_add(unit / 2) / unit;
    match seconds {
        0..90 => msg!("WHY_SECONDS", count = seconds),
        90..5_400 => msg!("WHY_MINUTES", count = rounded(60)),
        5_400..129_600 => msg!("WHY_HOURS", count = rounded(3_600)),
        129_600.. => msg!("WHY_DAYS", count = rounded(86_400)),
    }
}

/// Millionths in per cent, as a whole number; what is neither nothing nor all is told as neither.
fn percent(ppm: u32) -> String {
    match ppm {
        1..5_000 => "<1".to_owned(),
        995_000..1_000_000 => ">99".to_owned(),
        _ => ((ppm + 5_000) / 10_000).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    fn person(id: &str, ppm: u32, seconds: u32) -> ReasonPerson {
        ReasonPerson { person_id: id.to_owned(), ppm, seconds, ..ReasonPerson::default() }
    }

    fn reason(sign: Sign, first: u32, second: u32) -> Reason {
        let people = (person("a", 710_000, first), person("b", 236_000, second));
        Reason { sign: sign.into(), first: Some(people.0), second: Some(people.1), ..Reason::default() }
    }

    fn told(reason: &Reason) -> [String; 2] {
        let name = |id: &str| if id == "a" { "Li Wei".to_owned() } else { "Zhang Min".to_owned() };
        [Locale::En, Locale::ZhCn].map(|locale| text(locale, &sentence(reason, name)))
    }

    const WHO: [&str; 2] = ["Li Wei (71 %) rather than Zhang Min (24 %): ", "Li Wei（71 %）而非 Zhang Min（24 %）："];

    fn says(reason: &Reason, english: &str, chinese: &str) {
        assert_eq!(told(reason), [format!("{}{english}", WHO[0]), format!("{}{chinese}", WHO[1])]);
    }

    #[test]
    fn pauses_are_told_in_the_unit_in_which_people_say_them() {
        says(
            &reason(Sign::Hands, 40, 540),
            "Li Wei had last replied 40 seconds before, Zhang Min had last replied 9 minutes before.",
            "Li Wei 40 秒前刚回复过，Zhang Min 9 分钟前刚回复过。",
        );
        says(
            &reason(Sign::Hands, 300, 3),
            "Li Wei had last replied 5 minutes before, Zhang Min had last replied 3 seconds before, hardly time enough for another reply.",
            "Li Wei 5 分钟前刚回复过，Zhang Min 3 秒前刚回复过，几乎来不及再写一条。",
        );
        let [usual, _] = told(&reason(Sign::Hands, 7_300, 200_000));
        assert!(usual.ends_with("2 hours before, Zhang Min had last replied 2 days before."), "{usual}");
        let [usual, _] = told(&reason(Sign::Hands, 600, 60));
        assert!(usual.ends_with("60 seconds before, and such a pause is more usual for Li Wei."), "{usual}");
        let mut new = reason(Sign::Hands, 1, 7_200);
        new.second = new.second.map(|second| ReasonPerson { not_yet: true, ..second });
        says(
            &new,
            "Li Wei had last replied 1 second before, Zhang Min had come on duty 2 hours before and not replied yet.",
            "Li Wei 1 秒前刚回复过，Zhang Min 2 小时前上岗、尚未回复过。",
        );
    }

    #[test]
    fn every_other_sign_has_its_sentence() {
        let thread = Reason { seconds: Some(720), ..reason(Sign::Thread, 0, 0) };
        says(
            &thread,
            "Li Wei had probably answered this customer 12 minutes earlier.",
            "Li Wei 很可能在 12 分钟前回复过这位客户。",
        );
        let profile = |kind: ReplyKind, seconds| {
            let [told, _] = told(&Reason { kind: kind.into(), seconds, ..reason(Sign::Profile, 0, 0) });
            told.split_once(": ").map(|(_, what)| what.to_owned()).unwrap_or_default()
        };
        let old = "Li Wei answers customers who have waited 1 to 4 hours more often than Zhang Min.";
        assert_eq!(profile(ReplyKind::Message, Some(3_600)), old);
        assert!(
            profile(ReplyKind::First, Some(10)).contains("the first reply to customers who have waited less than 5")
        );
        assert!(profile(ReplyKind::Nothing, Some(90_000)).contains("writes again more than a day after a reply"));
        assert!(profile(ReplyKind::First, None).contains("customers who have not written yet"));
        let device = Reason { owned: true, against: Sign::Thread.into(), ..reason(Sign::Device, 0, 0) };
        says(
            &device,
            "the device that it was written on is that of Li Wei. The dialogue so far spoke for Zhang Min.",
            "回复所用的设备属于 Li Wei；该会话此前的回复则支持 Zhang Min。",
        );
        let counted = |sign, near| {
            let mut reason = Reason { near, ..reason(sign, 0, 0) };
            reason.first.iter_mut().for_each(|one| (one.count, one.of) = (5, 12));
            reason.second.iter_mut().for_each(|one| (one.count, one.of) = (2, 9));
            told(&reason)[0].clone()
        };
        assert!(counted(Sign::Duty, false).ends_with("of its 12 replies Li Wei was on duty at 5, Zhang Min at 2."));
        assert!(counted(Sign::Names, true).contains("within an hour"));
        assert!(counted(Sign::Names, false).ends_with("Li Wei has 5 of 12 and Zhang Min 2 of 9."));
    }

    #[test]
    fn no_sign_is_without_words_in_any_language_and_nobody_hidden_is_named() {
        let signs = (0..=Sign::NoReplyTimes.into()).filter_map(|sign| Sign::try_from(sign).ok());
        for sign in signs {
            let mut reason = Reason { seconds: Some(5), ..reason(sign, 5, 7) };
            reason.first = reason.first.map(|first| ReasonPerson { person_id: String::new(), ppm: 999_999, ..first });
            let [english, chinese] = told(&reason);
            assert_ne!(english, chinese);
            assert!(english.ends_with('.') && chinese.ends_with('。'), "{english} {chinese}");
            assert!(!english.contains("WHY") && !chinese.contains("WHY") && !english.contains("Li Wei"), "{english}");
            assert!(!english.contains("somebody") || english.contains("somebody else (>99 %)"), "{english}");
        }
    }
}
