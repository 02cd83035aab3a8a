//! The sentence that says why a record is rather one person's than another's.

use crate::case::{Case, RECORDS, text};

const CHAT: &str = "platform,store,account,phase,capacity,zone\nMart,One,mart-a,shared,4,Asia/Shanghai\n";
const ROSTERS: &str = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 18:00\n\
    1002,mart-a,2026-03-02 09:00,2026-03-02 18:00\n";

/// Ann and Bo answer in turns of ten replies 43 seconds apart; the first two of a turn name their agent.
fn in_turns(turns: u32) -> Case {
    let mut records = RECORDS.to_owned();
    let mut replies = "account,external_id,at,by,device\n".to_owned();
    for (turn, place) in (0..turns).flat_map(|turn| (0..10).map(move |place| (turn, place))) {
        let seconds = 9 * 3_600 + 7 + turn * 1_200 + place * 43;
        let at = format!("2026-03-02 {:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let agent = if place > 1 { "" } else { ["1001", "1002"][turn as usize % 2] };
        records += &format!("Mart,One,mart-a,T{turn}-{place},{at},{at},{agent},chat,,,,0\n");
        replies += &format!("mart-a,T{turn}-{place},{at},agent,\n");
    }
    let files =
        [("accounts.csv", CHAT), ("rosters.csv", ROSTERS), ("records.csv", &records), ("replies.csv", &replies)];
    Case::new(&files, &[])
}

fn explained(case: &Case, record: &str, language: &str) -> String {
    let out = case.bundle().with_file_name(format!("result-{language}"));
    let output =
        case.run(&["close", text(&case.bundle()), "--out", text(&out), "--explain", record, "--lang", language]);
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    // As one line, however the page wraps it.
    let shown = shown.split_once(record).expect("an explanation").1.to_owned();
    if language == "en" { shown.split_whitespace().collect::<Vec<_>>().join(" ") } else { shown.replace("\n    ", "") }
}

#[test]
fn a_supervisor_reads_in_one_sentence_whose_a_record_is_and_why_in_both_languages() {
    let case = in_turns(16);
    let english = explained(&case, "T8-6", "en");
    let (who, what) =
        (" %) rather than Bo (", "%): Ann had last replied 43 seconds before, Bo had last replied 18 minutes before.");
    assert!(english.contains("- Ann (") && english.contains(who) && english.contains(what), "{english}");
    assert!(english.contains("Ann 1001") && english.contains("Bo 1002"), "both candidates: {english}");
    let chinese = explained(&case, "T9-6", "zh-CN");
    let (who, what) = (" %）而非 Ann（", "Bo 43 秒前刚回复过，Ann 18 分钟前刚回复过。");
    assert!(chinese.contains("- Bo（") && chinese.contains(who) && chinese.contains(what), "{chinese}");
    let few = in_turns(2);
    let english = explained(&few, "T1-6", "en");
    let what = "Nothing tells them apart: too few records of the account have times of replies to learn from.";
    assert!(english.contains(what), "{english}");
    assert!(explained(&few, "T1-6", "zh-CN").contains("无法区分：该账号有回复时间的记录太少"));
}
