//! Numbers, money, days and times as the reader writes them, and the order of names: Unicode's CLDR by ICU4X, nothing by hand.

use std::cmp::Ordering;
use std::str::FromStr as _;
use std::sync::LazyLock;

use icu_calendar::Gregorian;
use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed};
use icu_datetime::fieldsets::{T, YM, YMD, YMDE, YMDT};
use icu_datetime::input::{Date as IcuDate, DateTime as IcuDateTime, Time as IcuTime};
use icu_datetime::{FixedCalendarDateTimeFormatter, NoCalendarFormatter};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal as IcuDecimal;
use icu_locale_core::Locale as Tag;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use tally_kernel::Locale;
use tally_kernel::money::Currency;

type Days<F> = FixedCalendarDateTimeFormatter<Gregorian, F>;

/// Between a number and its currency or zone: they stay in one line.
const NO_BREAK: char = '\u{a0}';
/// Parts of a million in a percent.
const PPM_OF_PERCENT: u32 = 4;

/// What a language needs. Made once for each: reading the data costs more than writing a number.
struct Formats {
    number: DecimalFormatter,
    day: Days<YMD>,
    weekday: Days<YMDE>,
    month: Days<YM>,
    moment: Days<YMDT>,
    time: NoCalendarFormatter<T>,
    order: CollatorBorrowed<'static>,
}

static FORMATS: LazyLock<Vec<(Locale, Formats)>> =
    LazyLock::new(|| Locale::ALL.into_iter().filter_map(|locale| Some((locale, formats(locale)?))).collect());

/// Data is built in for each of our languages, which a test holds; without it numbers and days stand as ISO has them.
fn formats(locale: Locale) -> Option<Formats> {
    // Digits as in the fields that people fill in, also in Arabic.
    let tag = Tag::from_str(&format!("{}-u-nu-latn", locale.tag())).ok()?;
    Some(Formats {
        number: DecimalFormatter::try_new(tag.clone().into(), Default::default()).ok()?,
        day: Days::try_new(tag.clone().into(), YMD::medium()).ok()?,
        weekday: Days::try_new(tag.clone().into(), YMDE::medium()).ok()?,
        month: Days::try_new(tag.clone().into(), YM::long()).ok()?,
        moment: Days::try_new(tag.clone().into(), YMD::medium().with_time_hm()).ok()?,
        time: NoCalendarFormatter::try_new(tag.clone().into(), T::hm()).ok()?,
        order: Collator::try_new(tag.into(), CollatorOptions::default()).ok()?,
    })
}

/// Writes values for one reader: in a language, and at the zone that times are shown in.
#[derive(Clone, Debug)]
pub struct Format {
    locale: Locale,
    zone: TimeZone,
}

impl Format {
    /// For a language and a zone.
    pub fn new(locale: Locale, zone: TimeZone) -> Self {
        Self { locale, zone }
    }

    fn of(&self) -> Option<&'static Formats> {
        FORMATS.iter().find(|(locale, _)| *locale == self.locale).map(|(_, formats)| formats)
    }

    /// A whole number.
    pub fn count(&self, number: impl ToString) -> String {
        self.number(&number.to_string())
    }

    /// A number as the services write it (`1234.5`); what is none stays as it is.
    pub fn number(&self, text: &str) -> String {
        let read = IcuDecimal::from_str(text).ok();
        read.zip(self.of()).map_or_else(|| text.to_owned(), |(number, it)| it.number.format(&number).to_string())
    }

    /// The same with so many digits behind the point, half to even as everywhere.
    pub fn rounded(&self, text: &str, places: u32) -> String {
        let Ok(mut number) = Decimal::from_str(text) else { return text.to_owned() };
        number = number.round_dp(places);
        number.rescale(places);
        self.number(&number.to_string())
    }

    /// A share in parts of a million, as percent with one digit behind the point.
    pub fn percent(&self, ppm: impl Into<i64>) -> String {
        let percent = Decimal::new(ppm.into(), PPM_OF_PERCENT);
        format!("{}{NO_BREAK}%", self.rounded(&percent.to_string(), 1))
    }

    /// An amount in minor units, with the code of its currency: two of the group's branches may write the same sign for different money.
    pub fn money(&self, minor: i64, currency: &str) -> String {
        let places = currency.parse().map_or(0, Currency::minor_digits);
        let amount = self.number(&Decimal::new(minor, places).to_string());
        match self.locale {
            Locale::Fr | Locale::De | Locale::Es | Locale::Ru | Locale::Vi => format!("{amount}{NO_BREAK}{currency}"),
            _ => format!("{currency}{NO_BREAK}{amount}"),
        }
    }

    /// A day.
    pub fn day(&self, day: Date) -> String {
        self.with_day(day, |it, day| it.day.format(day).to_string())
    }

    /// A day and which of the week it is.
    pub fn weekday(&self, day: Date) -> String {
        self.with_day(day, |it, day| it.weekday.format(day).to_string())
    }

    /// A month and its year.
    pub fn month(&self, day: Date) -> String {
        self.with_day(day, |it, day| it.month.format(day).to_string())
    }

    fn with_day(&self, day: Date, write: impl FnOnce(&Formats, &IcuDate<Gregorian>) -> String) -> String {
        let read = icu_day(day).zip(self.of());
        read.map_or_else(|| day.to_string(), |(day, it)| write(it, &day))
    }

    /// A day as the services write it (`2026-03-01`); what is none stays as it is.
    pub fn day_text(&self, text: &str) -> String {
        text.parse().map_or_else(|_| text.to_owned(), |day| self.day(day))
    }

    /// A period of days as the services write them; a whole month is said as one.
    pub fn period(&self, from: &str, to: &str) -> String {
        let (Ok(first), Ok(last)) = (from.parse::<Date>(), to.parse::<Date>()) else {
            return format!("{from} – {to}");
        };
        if first == first.first_of_month() && last == first.last_of_month() {
            return self.month(first);
        }
        format!("{} – {}", self.day(first), self.day(last))
    }

    /// An instant at the reader's zone, which stands behind it.
    pub fn moment(&self, at: Timestamp) -> String {
        self.moment_in(at, &self.zone)
    }

    /// An instant at a zone, which stands behind it.
    pub fn moment_in(&self, at: Timestamp, zone: &TimeZone) -> String {
        format!("{}{NO_BREAK}{}", self.local(zone.to_datetime(at)), zone_name(at, zone))
    }

    fn local(&self, at: DateTime) -> String {
        let read = icu_day(at.date()).zip(icu_time(at.time())).zip(self.of());
        read.map_or_else(
            || at.to_string(),
            |((date, time), it)| it.moment.format(&IcuDateTime { date, time }).to_string(),
        )
    }

    /// The time of an instant at a zone, without its day.
    pub fn time_in(&self, at: Timestamp, zone: &TimeZone) -> String {
        self.time(zone.to_datetime(at).time())
    }

    /// A time of the day.
    pub fn time(&self, time: Time) -> String {
        let read = icu_time(time).zip(self.of());
        read.map_or_else(|| time.to_string(), |(time, it)| it.time.format(&time).to_string())
    }

    /// The zone that times are shown in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Which of two texts a reader expects first.
    pub fn order(&self, a: &str, b: &str) -> Ordering {
        self.of().map_or_else(|| a.cmp(b), |it| it.order.compare(a, b))
    }
}

/// What a zone is called at an instant: its offset from UTC, which is read in all languages the same.
pub fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    const MINUTE: i32 = 60;
    let minutes = zone.to_offset(at).seconds() / MINUTE;
    let (sign, hours, rest) = (if minutes < 0 { '−' } else { '+' }, minutes.abs() / MINUTE, minutes.abs() % MINUTE);
    match (minutes, rest) {
        (0, _) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

fn icu_day(day: Date) -> Option<IcuDate<Gregorian>> {
    IcuDate::try_new_gregorian(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs()).ok()
}

fn icu_time(time: Time) -> Option<IcuTime> {
    IcuTime::try_new(time.hour().unsigned_abs(), time.minute().unsigned_abs(), time.second().unsigned_abs(), 0).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn of(locale: Locale) -> Format {
        Format::new(locale, TimeZone::get("Asia/Shanghai").expect("a zone"))
    }

    #[test]
    fn every_language_has_its_data() {
        assert_eq!(FORMATS.len(), Locale::ALL.len());
    }

    #[test]
    fn numbers_and_money_are_written_as_the_reader_does() {
        let (en, zh) = (of(Locale::En), of(Locale::ZhCn));
        assert_eq!(en.number("-1234567.80"), "-1,234,567.80");
        assert_eq!(en.money(123_450, "CNY"), "CNY\u{a0}1,234.50");
        assert_eq!(en.money(5_000, "KRW"), "KRW\u{a0}5,000");
        assert_eq!(zh.percent(333_333), "33.3\u{a0}%");
        assert_eq!(en.rounded("2.5", 0), "2");
        assert_eq!(en.number("none"), "none");
    }

    #[test]
    fn a_time_says_its_zone_and_a_whole_month_is_one() {
        let (en, zh) = (of(Locale::En), of(Locale::ZhCn));
        let at: Timestamp = "2026-03-01T16:30:00Z".parse().expect("an instant");
        assert_eq!(en.moment(at), "Mar 2, 2026, 12:30\u{202f}AM\u{a0}UTC+8");
        assert!(zh.moment(at).starts_with("2026年3月2日 00:30"), "{}", zh.moment(at));
        let kolkata = TimeZone::get("Asia/Kolkata").expect("a zone");
        assert!(en.moment_in(at, &kolkata).ends_with("UTC+5:30"));
        assert_eq!(en.period("2026-02-01", "2026-02-28"), "February 2026");
        assert_eq!(zh.period("2026-02-01", "2026-02-28"), "2026年2月");
        assert_eq!(en.weekday(date(2026, 3, 2)), "Mon, Mar 2, 2026");
    }

    #[test]
    fn names_stand_in_the_readers_order() {
        let mut names = ["张伟", "阿明", "Zoë", "Ada"];
        names.sort_by(|a, b| of(Locale::ZhCn).order(a, b));
        assert_eq!(names, ["阿明", "张伟", "Ada", "Zoë"]);
    }
}
