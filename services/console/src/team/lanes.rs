//! One day of an account, laid out for drawing: a lane of records, one of gaps, and one for each person. Pure.
//!
//! Everything across is in hundredths of a percent of the width, so that the drawing fits any screen and its letters keep their size; everything
//! down is in pixels. In languages that are written from right to left time runs that way too.

use std::fmt::{self, Display};

/// The whole width.
const ALL: u32 = 10_000;
/// The least width of a record: where there are few, its letter has room on a desk.
const MARK: u32 = 170;
/// The same where there are many.
const MARK_OF_MANY: u32 = 60;
/// How many are many.
const MANY: usize = 150;
/// Between two records in one row.
const BETWEEN: u32 = 20;
/// Heights, in pixels.
const AXIS: u32 = 20;
const RECORD: u32 = 20;
const ROW: u32 = 23;
const GAP: u32 = 12;
const LANE: u32 = 54;
const LABEL: u32 = 18;
/// Gaps shorter than this are none, in seconds.
const GAP_LEAST: i64 = 60;
/// Parts of a million in a hundredth.
const PPM: u32 = 10_000;
/// How opaque the least share is, in hundredths: still to be seen.
const FAINT: u32 = 25;

/// Hundredths of a percent of the width, written as percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pct(pub u32);

impl Display for Pct {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}%", self.0 / 100, self.0 % 100)
    }
}

/// How sure a credit is: how a record is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sure {
    /// Evidence names the person.
    #[default]
    Known,
    /// Several were on duty, and something tells them apart.
    Weighed,
    /// Shared by those who may have done it.
    Shared,
    /// Nobody is credited.
    Nobody,
    /// Nobody has been asked yet: no run is done.
    Open,
}

/// A stretch of somebody's time, in seconds; `kind` is its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub person: usize,
    pub from: i64,
    pub to: i64,
    pub kind: &'static str,
    /// What it is, for those who point at it.
    pub said: String,
}

/// Something at an instant: a punch, a take or a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub person: usize,
    pub at: i64,
    pub kind: &'static str,
    pub said: String,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dot {
    pub from: i64,
    pub to: i64,
    /// Who is credited: places of people, and of a million.
    pub parts: Vec<(usize, u32)>,
    pub sure: Sure,
    pub href: String,
    pub said: String,
}

/// What is drawn of one day.
#[derive(Clone, Debug, Default)]
pub struct Day {
    pub from: i64,
    pub to: i64,
    /// Instants that are named on the axis.
    pub hours: Vec<(i64, String)>,
    pub duty: Vec<Span>,
    pub shifts: Vec<Span>,
    pub presence: Vec<Span>,
    pub points: Vec<Point>,
    pub records: Vec<Dot>,
    /// Names of the people, by place.
    pub names: Vec<String>,
    pub mirrored: bool,
}

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub x: Pct,
    pub y: u32,
    pub width: Pct,
    pub height: u32,
    pub class: String,
    pub said: String,
}

/// A sign at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    pub x: Pct,
    pub y: u32,
    pub class: String,
    pub said: String,
}

/// Part of a record that is one person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub y: u32,
    pub height: u32,
    pub class: String,
    /// Of 1, as SVG writes it.
    pub opacity: String,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub x: Pct,
    pub middle: Pct,
    pub y: u32,
    pub width: Pct,
    pub height: u32,
    pub parts: Vec<Part>,
    /// Whose most of it is.
    pub letter: String,
    pub sure: Sure,
    pub href: String,
    pub said: String,
}

impl Mark {
    /// The class of its outline and pattern.
    pub fn class(&self) -> &'static str {
        match self.sure {
            Sure::Known => "known",
            Sure::Weighed => "weighed",
            Sure::Shared => "shared",
            Sure::Nobody => "nobody",
            Sure::Open => "open",
        }
    }

    /// Where its letter stands.
    pub fn baseline(&self) -> u32 {
        self.y + self.height - 5
    }
}

/// Somebody's lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub y: u32,
    pub letter: String,
    pub name: String,
    pub class: String,
    pub bars: Vec<Bar>,
    pub signs: Vec<Sign>,
}

impl Lane {
    /// Where its name stands.
    pub fn baseline(&self) -> u32 {
        self.y + LABEL - 5
    }
}

/// The day, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    pub height: u32,
    /// Where the lanes begin and end.
    pub top: u32,
    pub ticks: Vec<(Pct, String)>,
    pub marks: Vec<Mark>,
    pub gaps: Vec<Bar>,
    pub lanes: Vec<Lane>,
    /// Where a text at the beginning of a line stands.
    pub start: Pct,
}

/// A letter for a place: A to Z, then a number.
pub fn letter(place: usize) -> String {
    const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    LETTERS.get(place).map_or_else(|| (place + 1).to_string(), |letter| char::from(*letter).to_string())
}

/// The class of a person's colour: ten of them, then from the beginning.
pub fn colour(place: usize) -> String {
    format!("p{}", place % 10)
}

/// Time nobody was on duty: from, to, and whether a record began in it.
pub fn gaps(day: &Day) -> Vec<(i64, i64, bool)> {
    let there = day.duty.iter().filter(|span| span.from < day.to && span.to > day.from);
    let mut spans: Vec<_> = there.map(|span| (span.from.max(day.from), span.to.min(day.to))).collect();
    spans.sort_unstable();
    let mut gaps = Vec::new();
    let mut until = day.from;
    for (from, to) in spans.into_iter().chain([(day.to, day.to)]) {
        if from - until >= GAP_LEAST {
            gaps.push((until, from, day.records.iter().any(|it| it.from >= until && it.from < from)));
        }
        until = until.max(to);
    }
    gaps
}

/// Lays a day out.
pub fn draw(day: &Day) -> Drawing {
    let (rows, mut marks) = packed(day);
    let top = AXIS;
    let gaps_at = top + rows * ROW;
    let gaps: Vec<Bar> = gaps(day)
        .into_iter()
        .map(|(from, to, busy)| bar(day, (from, to), (gaps_at, GAP), if busy { "gap busy" } else { "gap" }, ""))
        .collect();
    let mut y = gaps_at + GAP + 6;
    let mut lanes = Vec::new();
    for (place, name) in day.names.iter().enumerate() {
        if let Some(lane) = lane(day, place, name, y) {
            lanes.push(lane);
            y += LANE;
        }
    }
    for mark in &mut marks {
        mark.y += top;
        mark.parts.iter_mut().for_each(|part| part.y += top);
    }
    let ticks = day.hours.iter().map(|(at, name)| (mirrored(day, across(day, *at)), name.clone())).collect();
    let start = if day.mirrored { Pct(ALL) } else { Pct(0) };
    Drawing { height: y, top, ticks, marks, gaps, lanes, start }
}

fn lane(day: &Day, place: usize, name: &str, y: u32) -> Option<Lane> {
    let class = colour(place);
    let of = |spans: &[Span], at: (u32, u32), class: &str| -> Vec<Bar> {
        let mine = spans.iter().filter(|span| span.person == place && span.from < day.to && span.to > day.from);
        mine.map(|span| bar(day, (span.from, span.to), at, &format!("{} {class}", span.kind), &span.said)).collect()
    };
    let mut bars = of(&day.duty, (y + LABEL, 10), &class);
    bars.extend(of(&day.shifts, (y + LABEL + 13, 6), &class));
    bars.extend(of(&day.presence, (y + LABEL + 24, 3), &class));
    let within = |point: &&Point| point.person == place && point.at >= day.from && point.at < day.to;
    let sign = |point: &Point| Sign {
        x: mirrored(day, across(day, point.at)),
        y: if point.kind.starts_with("punch") { y + LABEL + 25 } else { y + LABEL + 5 },
        class: format!("{} {class}", point.kind),
        said: point.said.clone(),
    };
    let signs: Vec<_> = day.points.iter().filter(within).map(sign).collect();
    let credited = day.records.iter().any(|record| record.parts.iter().any(|(person, _)| *person == place));
    let is_there = credited || !bars.is_empty() || !signs.is_empty();
    is_there.then(|| Lane { y, letter: letter(place), name: name.to_owned(), class, bars, signs })
}

/// How many rows the records take, and where each is: none lies over another.
fn packed(day: &Day) -> (u32, Vec<Mark>) {
    let least = if day.records.len() > MANY { MARK_OF_MANY } else { MARK };
    let mut order: Vec<&Dot> = day.records.iter().filter(|it| it.from >= day.from && it.from < day.to).collect();
    order.sort_by_key(|record| (record.from, record.to));
    let mut ends: Vec<u32> = Vec::new();
    let mut marks = Vec::new();
    for record in order {
        let from = across(day, record.from).0;
        let width = across(day, record.to).0.saturating_sub(from).max(least);
        // What begins just before midnight is drawn within its day.
        let x = from.min(ALL - width.min(ALL));
        let row = ends.iter().position(|end| *end <= x).unwrap_or(ends.len());
        let end = x + width + BETWEEN;
        match ends.get_mut(row) {
            Some(last) => *last = end,
            None => ends.push(end),
        }
        marks.push(mark(day, record, (x, width), row as u32 * ROW));
    }
    (ends.len().max(1) as u32, marks)
}

fn mark(day: &Day, record: &Dot, (x, width): (u32, u32), y: u32) -> Mark {
    let x = if day.mirrored { ALL - x - width } else { x };
    let mut parts = Vec::new();
    let mut from = 0_u32;
    let mut said = 0_u32;
    for (place, ppm) in &record.parts {
        said = (said + ppm).min(1_000_000);
        let to = RECORD * said / 1_000_000;
        let opacity = (FAINT + (100 - FAINT) * (*ppm / PPM).min(100) / 100).min(100);
        let opacity = format!("{}.{:02}", opacity / 100, opacity % 100);
        if to > from {
            parts.push(Part { y: y + from, height: to - from, class: colour(*place), opacity });
        }
        from = to;
    }
    let most = record.parts.iter().max_by_key(|(_, ppm)| *ppm);
    let letter = match (record.sure, most) {
        (Sure::Nobody, _) => "×".to_owned(),
        (_, Some((place, _))) => letter(*place),
        (_, None) => String::new(),
    };
    Mark {
        x: Pct(x),
        middle: Pct(x + width / 2),
        y,
        width: Pct(width),
        height: RECORD,
        parts,
        letter,
        sure: record.sure,
        href: record.href.clone(),
        said: record.said.clone(),
    }
}

fn bar(day: &Day, (from, to): (i64, i64), (y, height): (u32, u32), class: &str, said: &str) -> Bar {
    let (from, to) = (across(day, from).0, across(day, to).0);
    let width = to.saturating_sub(from).max(10);
    let x = if day.mirrored { ALL.saturating_sub(from + width) } else { from };
    Bar { x: Pct(x), y, width: Pct(width), height, class: class.trim().to_owned(), said: said.to_owned() }
}

fn mirrored(day: &Day, at: Pct) -> Pct {
    if day.mirrored { Pct(ALL - at.0) } else { at }
}

/// Where an instant is, from the beginning of the day.
fn across(day: &Day, at: i64) -> Pct {
    let length = (day.to - day.from).max(1);
    let since = at.clamp(day.from, day.to) - day.from;
    Pct(u32::try_from(since * i64::from(ALL) / length).unwrap_or_default().min(ALL))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn day() -> Day {
        Day { from: 0, to: 24 * HOUR, names: vec!["Ada".into(), "Bo".into()], ..Day::default() }
    }

    fn duty(person: usize, from: i64, to: i64) -> Span {
        Span { person, from: from * HOUR, to: to * HOUR, kind: "duty", said: String::new() }
    }

    fn record(at: i64, parts: &[(usize, u32)]) -> Dot {
        Dot { from: at, to: at + 60, parts: parts.to_vec(), ..Dot::default() }
    }

    #[test]
    fn time_without_anybody_is_a_gap_and_a_record_in_it_is_told() {
        let mut day = day();
        day.duty = vec![duty(0, 8, 12), duty(1, 11, 17), duty(0, 20, 30)];
        day.records = vec![record(18 * HOUR, &[])];
        assert_eq!(gaps(&day), [(0, 8 * HOUR, false), (17 * HOUR, 20 * HOUR, true)]);
        let bars = draw(&day).gaps;
        assert_eq!(bars.iter().map(|bar| bar.class.as_str()).collect::<Vec<_>>(), ["gap", "gap busy"]);
        assert_eq!((bars[1].x, bars[1].width), (Pct(7_083), Pct(1_250)));
    }

    #[test]
    fn a_day_without_duty_is_one_gap_and_a_full_one_has_none() {
        assert_eq!(gaps(&day()), [(0, 24 * HOUR, false)]);
        let full = Day { duty: vec![duty(0, -3, 13), duty(1, 13, 26), duty(0, 30, 40), duty(1, -20, -9)], ..day() };
        assert_eq!(gaps(&full), []);
    }

    #[test]
    fn records_at_once_lie_in_rows_and_none_over_another() {
        let mut day = day();
        day.records = (0..40).map(|at| record(8 * HOUR + at * 90, &[(0, 1_000_000)])).collect();
        let marks = draw(&day).marks;
        assert_eq!(marks.len(), 40);
        for (at, one) in marks.iter().enumerate() {
            for other in marks.iter().skip(at + 1).filter(|other| other.y == one.y) {
                assert!(
                    one.x.0 + one.width.0 <= other.x.0 || other.x.0 + other.width.0 <= one.x.0,
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_record_is_split_by_shares_the_smaller_the_fainter() {
        let mut day = day();
        day.records = vec![record(HOUR, &[(0, 750_000), (1, 250_000)])];
        let drawing = draw(&day);
        let mark = drawing.marks.first().expect("a record");
        let parts: Vec<_> = mark.parts.iter().map(|it| (it.height, it.class.as_str(), it.opacity.as_str())).collect();
        assert_eq!(parts, [(15, "p0", "0.81"), (5, "p1", "0.43")]);
        assert_eq!(mark.letter, "A");
        assert_eq!(drawing.lanes.len(), 2, "whoever is credited has a lane");
    }

    #[test]
    fn what_nobody_is_credited_with_is_crossed_out() {
        let mut day = day();
        day.records = vec![Dot { sure: Sure::Nobody, ..record(HOUR, &[]) }];
        let drawing = draw(&day);
        assert_eq!(drawing.marks.first().map(|it| (it.letter.as_str(), it.class())), Some(("×", "nobody")));
        assert_eq!(drawing.lanes, []);
    }

    #[test]
    fn from_right_to_left_everything_is_on_the_other_side() {
        let mut day = day();
        day.duty = vec![duty(0, 6, 12)];
        day.records = vec![record(6 * HOUR, &[(0, 1_000_000)])];
        day.hours = vec![(6 * HOUR, "06:00".to_owned())];
        let (ltr, rtl) = (draw(&day), draw(&Day { mirrored: true, ..day }));
        let opposite = |x: Pct, width: Pct| Pct(ALL - x.0 - width.0);
        let (a, b) = (&ltr.lanes[0].bars[0], &rtl.lanes[0].bars[0]);
        assert_eq!((a.x, a.width), (Pct(2_500), Pct(2_500)));
        assert_eq!((opposite(a.x, a.width), a.y), (b.x, b.y));
        assert_eq!(opposite(ltr.marks[0].x, ltr.marks[0].width), rtl.marks[0].x);
        assert_eq!((ltr.ticks[0].0, rtl.ticks[0].0), (Pct(2_500), Pct(7_500)));
        assert_eq!((ltr.start, rtl.start), (Pct(0), Pct(ALL)));
    }

    #[test]
    fn what_reaches_over_midnight_is_cut_there() {
        let mut day = day();
        day.duty = vec![duty(0, -4, 2), duty(1, 22, 31)];
        day.records = vec![Dot { to: 25 * HOUR, ..record(24 * HOUR - 30, &[(1, 1_000_000)]) }];
        let drawing = draw(&day);
        let ends = drawing.lanes.iter().flat_map(|lane| &lane.bars).map(|bar| bar.x.0 + bar.width.0);
        assert!(ends.chain(drawing.marks.iter().map(|it| it.x.0 + it.width.0)).all(|end| end <= ALL));
    }

    #[test]
    fn a_length_is_written_as_percent() {
        assert_eq!(Pct(1_234).to_string(), "12.34%");
        assert_eq!(Pct(5).to_string(), "0.05%");
        assert_eq!((letter(25), letter(26), colour(13)), ("Z".to_owned(), "27".to_owned(), "p3".to_owned()));
    }
}
