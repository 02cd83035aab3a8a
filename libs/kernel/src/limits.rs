//! How much of a thing is refused, by whoever reads it first: a file's reader as well as the service behind it.

/// Characters of a name, a number, an id or a kind.
pub const TEXT: usize = 200;
/// Characters of the text of a measure.
pub const LONG_TEXT: usize = 1_000;
/// Measures of one record beside the known columns.
pub const MEASURES: usize = 50;
/// Ten points: a higher rating is of no scale that anybody uses.
pub const RATING: u32 = 10;
/// A shift is shorter; longer ones are typing errors.
pub const SHIFT_HOURS: i64 = 36;
/// Dialogues that one person can hold at once.
pub const CAPACITY: u32 = 1_000;

/// Whether a shift is longer than anybody plans.
pub fn is_long_shift(start: jiff::Timestamp, end: jiff::Timestamp) -> bool {
    end.duration_since(start).as_hours() >= SHIFT_HOURS
}
