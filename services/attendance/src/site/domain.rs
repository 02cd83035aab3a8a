//! A place of work.

use jiff::civil::Time;
use tally_access::Region;
use tally_kernel::id::SiteId;
use tally_kernel::import::Keyed;
use tally_kernel::{Error, Kind, Message, Result, msg};

/// What is said of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Unique in the group.
    pub name: String,
    /// IANA name.
    pub zone: String,
    /// When its working day ends.
    pub cut_over: Time,
    /// Where its data live.
    pub region: Region,
}

/// A site that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSite {
    pub id: SiteId,
    /// What is said of it.
    pub site: Site,
}

impl Keyed for Site {
    type Key = String;
    type Content = (String, Time, Region);
    fn key(&self) -> String {
        self.name.clone()
    }
    fn content(&self) -> Self::Content {
        (self.zone.clone(), self.cut_over, self.region.clone())
    }
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        ("ALREADY_DIFFERENT", msg!("SITE_DIFFERENT", name = self.name))
    }
}

/// Reads a time of day that may end a working day: HH:MM, before noon.
///
/// # Errors
/// `CUT_OVER_MALFORMED`.
pub fn cut_over(text: &str) -> Result<Time> {
    let malformed = || Error::of(Kind::InvalidArgument, msg!("CUT_OVER_MALFORMED"));
    let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2).ok_or_else(malformed)?;
    let number = |part: &str| part.parse::<i8>().map_err(|_| malformed());
    let time = Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| malformed())?;
    if time.hour() < 12 { Ok(time) } else { Err(malformed()) }
}

/// Writes a time of day, HH:MM.
pub fn time_text(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_over_is_read_strictly_and_written_back() {
        assert_eq!(time_text(cut_over("04:30").unwrap()), "04:30");
        for text in ["4:00", "12:00", "24:00", "04:60", "", "04-00"] {
            assert_eq!(cut_over(text).unwrap_err().reason(), "CUT_OVER_MALFORMED", "{text}");
        }
    }
}
