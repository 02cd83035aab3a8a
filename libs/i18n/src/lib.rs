//! Messages as data become sentences here, and nowhere else: a [`Message`] is an id and named arguments, a language is one
//! file of `locales/` (Fluent). Rendered at the edge: where a status, a file, a page or a line on the terminal is written.
//!
//! `cargo xtask tidy` holds every id and argument that the code names against every language, so a sentence that is missing
//! is a failed check and not an English word on a Chinese page.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use tally_kernel::message::Arg;
use tally_kernel::{Error, Kind, Locale, Message, msg};
use unic_langid::LanguageIdentifier;

type Bundle = FluentBundle<FluentResource>;

/// The argument that says which kind of thing is meant; its words are messages themselves.
const RESOURCE: &str = "resource";

/// What a whole number may have as text to be one: beyond that it is a name that happens to be digits.
const MAX_DIGITS: usize = 15;

/// The sentence of a message in a language.
pub fn text(locale: Locale, message: &Message) -> String {
    if let Some(told) = message.told_in(locale).or_else(|| message.as_told()) {
        return told.to_owned();
    }
    rendered(locale, message).unwrap_or_else(|| unknown(message))
}

/// The sentence of an error in a language: it says what to do. Where a peer told a sentence, that one; it was asked for in
/// this language.
pub fn sentence(locale: Locale, error: &Error) -> String {
    let Some(told) = error.message().as_told() else { return text(locale, error.message()) };
    if let Some(told) = error.message().told_in(locale) {
        return told.to_owned();
    }
    let by_reason = Message::from_parts(error.reason(), error.metadata());
    rendered(locale, &by_reason).unwrap_or_else(|| {
        let kind = by_kind(error.kind());
        text(locale, &msg!("REFUSED_BECAUSE", kind, told))
    })
}

/// The text with this id, that of English where the language lacks it: for texts without arguments whose ids are made of other names, such as
/// those of the command line's help.
pub fn named(locale: Locale, id: &str) -> Option<String> {
    let none = FluentArgs::new();
    formatted(locale, id, &none).or_else(|| formatted(Locale::En, id, &none))
}

/// The sentence, that of English where the language lacks it (which tidy does not let happen); nothing where both do.
fn rendered(locale: Locale, message: &Message) -> Option<String> {
    let mut args = FluentArgs::new();
    for (name, arg) in message.args() {
        let noun = if *name == RESOURCE { noun(locale, arg) } else { None };
        args.set(*name, noun.unwrap_or_else(|| value(locale, arg)));
    }
    formatted(locale, message.id(), &args).or_else(|| formatted(Locale::En, message.id(), &args))
}

/// The sentence with this id, or the variant of a sentence: `ID.variant`.
fn formatted(locale: Locale, id: &str, args: &FluentArgs<'_>) -> Option<String> {
    let bundle = bundle(locale);
    let pattern = match id.split_once('.') {
        None => bundle.get_message(id)?.value()?,
        Some((id, variant)) => bundle.get_message(id)?.get_attribute(variant)?.value(),
    };
    let mut wrong = Vec::new();
    let text = bundle.format_pattern(pattern, Some(args), &mut wrong).into_owned();
    wrong.is_empty().then_some(text)
}

/// A kind of thing of the product, such as `org unit`, as the language says it.
fn noun(locale: Locale, arg: &Arg) -> Option<FluentValue<'static>> {
    let Arg::Text(word) = arg else { return None };
    let id = format!("RESOURCE_{}", word.to_ascii_uppercase().replace(' ', "_"));
    formatted(locale, &id, &FluentArgs::new()).map(FluentValue::from)
}

fn value(locale: Locale, arg: &Arg) -> FluentValue<'static> {
    match arg {
        Arg::Text(digits) if is_whole(digits) => FluentValue::try_number(digits).into_owned(),
        Arg::Text(text) => text.clone().into(),
        // A sentence that another one goes on after has no full stop of its own.
        Arg::Message(message) => text(locale, message).trim_end_matches('。').to_owned().into(),
        Arg::List(list) => {
            let separator = text(locale, &msg!("LIST_SEPARATOR"));
            list.iter().map(|message| text(locale, message)).collect::<Vec<_>>().join(&separator).into()
        }
    }
}

/// Whether a text is a whole number as a program writes it, so that it may choose a plural and reads the same.
fn is_whole(text: &str) -> bool {
    text == "0" || (text.len() <= MAX_DIGITS && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()))
}

/// What is left to say when a catalogue lacks the message, which tidy does not let happen.
fn unknown(message: &Message) -> String {
    let args: Vec<String> = message.args().iter().map(|(name, arg)| format!("{name}: {}", plain(arg))).collect();
    if args.is_empty() { message.id().to_owned() } else { format!("{} ({})", message.id(), args.join(", ")) }
}

fn plain(arg: &Arg) -> String {
    match arg {
        Arg::Text(text) => text.clone(),
        Arg::Message(message) => unknown(message),
        Arg::List(list) => list.iter().map(unknown).collect::<Vec<_>>().join(", "),
    }
}

/// Why the operating system refused, as a message.
pub fn io(error: &std::io::Error) -> Message {
    use std::io::ErrorKind;
    // What one of us put into an error of the system, such as who else can read a file.
    if let Some(ours) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return ours.message().clone();
    }
    match error.kind() {
        ErrorKind::NotFound => msg!("IO_NOT_FOUND"),
        ErrorKind::PermissionDenied => msg!("IO_PERMISSION_DENIED"),
        ErrorKind::AlreadyExists => msg!("IO_ALREADY_EXISTS"),
        ErrorKind::IsADirectory => msg!("IO_IS_A_FOLDER"),
        ErrorKind::NotADirectory => msg!("IO_NOT_A_FOLDER"),
        ErrorKind::DirectoryNotEmpty => msg!("IO_FOLDER_NOT_EMPTY"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => msg!("IO_DISK_FULL"),
        ErrorKind::ReadOnlyFilesystem => msg!("IO_READ_ONLY"),
        ErrorKind::AddrInUse => msg!("IO_ADDRESS_IN_USE"),
        ErrorKind::AddrNotAvailable => msg!("IO_ADDRESS_NOT_HERE"),
        ErrorKind::InvalidData => msg!("IO_NOT_TEXT"),
        ErrorKind::ConnectionRefused => msg!("IO_NOBODY_LISTENS"),
        ErrorKind::TimedOut => msg!("IO_NO_ANSWER"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => msg!("IO_NO_WAY_THERE"),
        // The resolver's refusals have no kind of their own.
        _ if error.to_string().starts_with("failed to lookup address") => msg!("IO_NO_SUCH_HOST"),
        _ => msg!("IO_OTHER", cause = error),
    }
}

fn by_kind(kind: Kind) -> Message {
    match kind {
        Kind::InvalidArgument => msg!("KIND_INVALID_ARGUMENT"),
        Kind::NotFound => msg!("KIND_NOT_FOUND"),
        Kind::AlreadyExists => msg!("KIND_ALREADY_EXISTS"),
        Kind::Aborted => msg!("KIND_ABORTED"),
        Kind::FailedPrecondition => msg!("KIND_FAILED_PRECONDITION"),
        Kind::PermissionDenied => msg!("KIND_PERMISSION_DENIED"),
        Kind::Unauthenticated => msg!("KIND_UNAUTHENTICATED"),
        Kind::ResourceExhausted => msg!("KIND_RESOURCE_EXHAUSTED"),
        Kind::Unavailable => msg!("KIND_UNAVAILABLE"),
        Kind::DeadlineExceeded => msg!("KIND_DEADLINE_EXCEEDED"),
        Kind::Cancelled => msg!("KIND_CANCELLED"),
        Kind::Unimplemented => msg!("KIND_UNIMPLEMENTED"),
        Kind::Internal => msg!("INTERNAL"),
    }
}

fn bundle(locale: Locale) -> &'static Bundle {
    static READ: [OnceLock<Bundle>; Locale::ALL.len()] = [const { OnceLock::new() }; Locale::ALL.len()];
    READ[locale as usize].get_or_init(|| read(locale, source(locale)))
}

/// The catalogue of a language as it is written.
pub fn source(locale: Locale) -> &'static str {
    match locale {
        Locale::En => include_str!("../../../locales/en.ftl"),
        Locale::ZhCn => include_str!("../../../locales/zh-CN.ftl"),
        Locale::ZhTw => include_str!("../../../locales/zh-TW.ftl"),
        Locale::Ja => include_str!("../../../locales/ja.ftl"),
        Locale::Ko => include_str!("../../../locales/ko.ftl"),
        Locale::Fr => include_str!("../../../locales/fr.ftl"),
        Locale::De => include_str!("../../../locales/de.ftl"),
        Locale::Es => include_str!("../../../locales/es.ftl"),
        Locale::PtBr => include_str!("../../../locales/pt-BR.ftl"),
        Locale::Ru => include_str!("../../../locales/ru.ftl"),
        Locale::Vi => include_str!("../../../locales/vi.ftl"),
        Locale::Ar => include_str!("../../../locales/ar.ftl"),
    }
}

/// Reads a catalogue. What is wrong in it is left out here and found by tidy and by the test below.
fn read(locale: Locale, source: &str) -> Bundle {
    let language: LanguageIdentifier = locale.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Marks around arguments would stand in files and terminals as garbage.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partly, _)| partly);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogues_read_without_a_fault() {
        for locale in Locale::ALL {
            let faults = FluentResource::try_new(source(locale).to_owned()).map_err(|(_, faults)| faults);
            assert!(faults.is_ok(), "{:?}", faults.err());
        }
    }

    #[test]
    fn a_sentence_is_in_the_readers_language() {
        let cycle = Error::not_found("cycle", 7);
        assert_eq!(sentence(Locale::En, &cycle), "no cycle 7 that you may see");
        assert_eq!(sentence(Locale::ZhCn, &cycle), "找不到您可以查看的考核周期 7。");
    }

    #[test]
    fn a_sentence_within_another_one_has_no_full_stop_of_its_own() {
        let why = msg!("SCHEDULE_WOULD_FAIL", why = msg!("INTERNAL"));
        let told = text(Locale::ZhCn, &why);
        assert!(told.contains("请运维人员查看日志；在此之前补齐即可"), "{told}");
    }

    #[test]
    fn a_reason_has_one_sentence_or_several_by_name() {
        let error = Error::of(Kind::FailedPrecondition, msg!("REGION_CROSSED.manager"));
        assert_eq!(error.reason(), "REGION_CROSSED");
        assert!(sentence(Locale::En, &error).contains("manager"), "{}", sentence(Locale::En, &error));
        assert!(sentence(Locale::ZhCn, &error).contains("上级"), "{}", sentence(Locale::ZhCn, &error));
    }

    #[test]
    fn what_the_operating_system_refused_is_said_in_the_readers_language() {
        let missing = std::fs::File::open("/nowhere/at-all").expect_err("no such file");
        assert_eq!(text(Locale::En, &io(&missing)), "it is not there");
        assert_eq!(text(Locale::ZhCn, &io(&missing)), "不存在");
    }

    #[test]
    fn what_a_peer_told_in_the_readers_language_is_passed_on_in_it() {
        let told = Message::told("corrections come as deltas").also_told(Locale::ZhCn, "更正以差额过账");
        let error = Error::told(Kind::FailedPrecondition, "OF_A_NEWER_RELEASE", told);
        assert_eq!(sentence(Locale::En, &error), "corrections come as deltas");
        assert_eq!(sentence(Locale::ZhCn, &error), "更正以差额过账");
    }

    #[test]
    fn digits_choose_the_plural_and_stay_as_they_are() {
        let told = |count: &str| text(Locale::En, &msg!("INVALID_REQUEST", count));
        assert_eq!(told("2"), "2 fields are wrong; the details name each");
        let zone = |zone: &str| text(Locale::En, &msg!("ZONE_UNKNOWN", zone));
        assert!(zone("0042").contains("0042"));
        assert!(zone("12345678901234567890").contains("12345678901234567890"));
    }

    #[test]
    fn a_message_in_a_message_is_said_in_the_same_language() {
        let wrong = msg!("INVALID_FIELD", field = "zone", problem = msg!("TEXT_EMPTY"));
        assert_eq!(text(Locale::En, &wrong), "zone: must not be empty");
        assert_eq!(text(Locale::ZhCn, &wrong), "zone：不能为空");
    }

    #[test]
    fn a_told_sentence_without_a_translation_stands_behind_its_kind() {
        let posted = Error::told(Kind::FailedPrecondition, "OF_A_NEWER_RELEASE", "corrections come as deltas".into());
        assert_eq!(sentence(Locale::ZhCn, &posted), "当前状态不允许此操作（corrections come as deltas）");
        assert_eq!(sentence(Locale::En, &posted), "corrections come as deltas");
    }
}
