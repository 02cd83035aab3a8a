//! Scenarios of several dialogues at once.

use anyhow::Result;

use super::Bench;
use crate::child;
use crate::replies::Credited;
use crate::report::{Section, number};

pub(super) fn replies(bench: &Bench, section: &mut Section) -> Result<()> {
    *section = Section::new(
        "Several dialogues at once, by the times of the messages",
        "Made-up months: accounts of 5 to 12 people, 1,000 records of everybody, five messages each, three of them replies, and 12 % name their agent. First one account of eight people \
         with 3,000 messages on one thread, then growth on two. *Equal* is the same month shared by who was on duty, without reading a message. \
         The last row has one record more, of a million messages. Best of the repeats; making the month is not in the time, and is in the memory. In this \
         world everybody answers all day long and has as many records, so that equal shares are right: what the model makes of so busy a desk without names is why it is not asked then.",
        &[
            "records",
            "messages",
            "accounts",
            "wall s",
            "cpu s",
            "records / cpu s",
            "equal, cpu s",
            "of the limit",
            "peak MiB",
        ],
    );
    let run = |chat: &str, records: usize, threads: &str| -> Result<Credited> {
        child::run(&["replies", chat, &records.to_string(), bench.repeats(), threads])
    };
    let mut row = |credited: &Credited, limit: f64| {
        let Credited { records, messages, accounts, step, equal, peak_mib, .. } = credited;
        let (n, limit) = (*records as f64, if limit > 0.0 { number(step.wall / limit) } else { "–".to_owned() });
        let figures = [n, *messages as f64, *accounts as f64, step.wall, step.cpu, n / step.cpu.max(0.01), equal.cpu];
        section.row(figures.map(number).into_iter().chain([limit, number(*peak_mib)]));
    };
    let eight = run("eight", 0, "1")?;
    row(&eight, 0.5);
    let mut grown = Vec::new();
    for records in bench.sizes {
        let credited = run("group", records, "2")?;
        row(&credited, if records == bench.largest() && !bench.quick { 60.0 } else { 0.0 });
        grown.push(credited);
    }
    let endless = run("endless", bench.sizes[0], "2")?;
    row(&endless, 0.0);
    for credited in [&eight].into_iter().chain(&grown) {
        let [ours, equal] = credited.misallocated.map(|share| number(share * 100.0));
        let records = number(credited.records as f64);
        section.about += &format!(
            "\n\nOf {records} records credited to somebody else than answered: {ours} %, and equally {equal} %."
        );
    }
    section.at_most("eight people, 3,000 messages, one thread", eight.step.wall, 0.5, "s");
    if let ([first, .., last], false) = (grown.as_slice(), bench.quick) {
        section.at_most("a million records with five million messages, two threads", last.step.wall, 60.0, "s");
        section.at_most("half of the cpu seconds: what two idle cores need", last.step.cpu / 2.0, 60.0, "s");
        section.at_most("peak of memory", last.peak_mib.max(endless.peak_mib), 2_048.0, "MiB");
        let each = |credited: &Credited| credited.step.cpu / credited.records as f64;
        section.at_most("cpu of a record, largest to smallest", each(last) / each(first), 1.0, "x");
    }
    Ok(())
}
