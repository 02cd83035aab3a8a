//! Conditions of a grant: what must hold of the call itself, beside role, scope and days.
//!
//! A condition never looks at a row. So it is settled once per call, before anything is decided, and a list and a get of
//! one call can never disagree about it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tally_kernel::{Error, Kind, msg};

/// What is known of a call, whoever makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// When it is made.
    pub now: Timestamp,
    /// Whether the session was opened with a second factor.
    pub second_factor: bool,
}

/// See the module's text. The default asks for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Only in a session that was opened with a second factor.
    pub second_factor: bool,
    /// Only at these hours of the group's day.
    pub hours: Option<Hours>,
}

impl Condition {
    /// Whether it asks for nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it holds. `zone` is the group's.
    pub fn holds(&self, at: &Circumstances, zone: &TimeZone) -> bool {
        (at.second_factor || !self.second_factor)
            && self.hours.is_none_or(|hours| hours.hold(zone.to_datetime(at.now).time()))
    }
}

/// Hours of a day, `08:00-20:00`: the first minute belongs to them, the last does not. `22:00-06:00` goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hours {
    from: Time,
    to: Time,
}

impl Hours {
    fn hold(self, now: Time) -> bool {
        if self.from < self.to { self.from <= now && now < self.to } else { self.from <= now || now < self.to }
    }
}

impl FromStr for Hours {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let minute = |text: &str| text.trim().parse::<Time>().ok().filter(|time| time.second() == 0);
        let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let both = both.filter(|(from, to)| from != to);
        both.map(|(from, to)| Self { from, to })
            .ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("HOURS_MALFORMED")))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.hour(), from.minute(), to.hour(), to.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(clock: &str, second_factor: bool) -> Circumstances {
        Circumstances { now: format!("2026-03-02T{clock}:00+08:00").parse().unwrap(), second_factor }
    }

    #[test]
    fn hours_are_those_of_the_groups_zone_and_may_go_over_midnight() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let only = |hours: &str| Condition { hours: Some(hours.parse().unwrap()), ..Condition::default() };
        let holds = |hours: &str| {
            ["07:59", "08:00", "19:59", "20:00", "23:00"].map(|t| only(hours).holds(&at(t, false), &zone))
        };
        assert_eq!(holds("08:00-20:00"), [false, true, true, false, false]);
        assert_eq!(holds("20:00-08:00"), [true, false, false, true, true]);
    }

    #[test]
    fn a_second_factor_is_asked_for_only_where_the_condition_says_so() {
        let zone = TimeZone::UTC;
        let strict = Condition { second_factor: true, hours: None };
        assert_eq!([false, true].map(|sf| strict.holds(&at("12:00", sf), &zone)), [false, true]);
        assert_eq!([false, true].map(|sf| Condition::default().holds(&at("12:00", sf), &zone)), [true, true]);
    }

    #[test]
    fn hours_are_written_as_they_are_read() {
        for text in ["08:00-20:00", "22:30-06:15"] {
            assert_eq!(text.parse::<Hours>().unwrap().to_string(), text);
        }
        for text in ["", "8-20", "08:00", "08:00-08:00", "08:00:30-09:00", "25:00-26:00"] {
            assert_eq!(text.parse::<Hours>().unwrap_err().reason(), "HOURS_MALFORMED", "{text}");
        }
    }
}
