//! The words of the pages in two languages.

use crate::cli::Language;

/// One of two.
pub fn pick<T>(lang: Language, en: T, zh: T) -> T {
    match lang {
        Language::En => en,
        Language::ZhCn => zh,
    }
}

/// The rungs of the ladder from certain to nothing: the word in files, and how a person says it.
pub(super) const RUNGS: [(&str, &str, &str); 7] = [
    ("tag", "named by the platform", "平台已实名"),
    ("handover", "held the account by hand-over", "交接记录唯一占用"),
    ("sole", "alone on duty", "当时仅一人在岗"),
    ("inferred", "inferred from who was busy when", "按忙闲推断"),
    ("equal", "shared equally by those on duty", "在岗者平分"),
    ("team", "shared by the team, nothing else known", "无在岗证据，全组平分"),
    ("unattributed", "credited to nobody", "无人认领"),
];

/// How a person says a rung.
pub(super) fn rung(name: &str, lang: Language) -> &str {
    RUNGS.iter().find(|(file, ..)| *file == name).map_or(name, |(_, en, zh)| pick(lang, *en, *zh))
}

/// How a person says a step of the job.
pub(super) fn step(name: &str, lang: Language) -> &str {
    let zh = match name {
        "people, accounts, duty" => "人员、账号与出勤",
        "records" => "写入记录",
        "attribution and scores" => "归属与评分",
        "settlement" => "结算",
        "credits" => "导出归属",
        "totals" => "导出合计",
        "score cards" => "导出成绩单",
        "statements" => "导出结算单",
        "findings" => "导出提示",
        "inputs" => "保存输入",
        other => other,
    };
    pick(lang, name, zh)
}

/// What a kind of finding means; nothing for one that is not known here.
pub(super) fn finding(kind: &str, lang: Language) -> Option<&'static str> {
    let (en, zh) = match kind {
        "MISSING_PUNCH" => ("an in without its out, or the other way round", "上下班打卡缺一次"),
        "DOUBLE_IN" => ("punched in twice: the second one counts", "重复打上班卡，以后一次为准"),
        "OVERLAP" => ("several people held one account at once", "同一账号同时被多人占用"),
        "MISSING_RELEASE" => ("took an account over and never gave it back", "接手账号后没有交还记录"),
        "RELEASE_WITHOUT_TAKE" => ("gave back an account without having it", "没有接手却交还账号"),
        "UNHELD_ACCOUNT" => {
            ("nobody was on duty for an account, or for some of its records", "账号无人在岗，或部分记录产生时无人在岗")
        }
        "NO_DUTY_EVIDENCE" => {
            ("no roster, punch or hand-over: the whole team counts as on duty", "账号没有任何在岗证据，视为全组在岗")
        }
        "NOT_SETTLED" => ("the pool could not be split", "奖金池无法结算"),
        "ODD_PUNCHES" => {
            ("an odd number of punches in a day: the last has no partner", "一天的打卡次数为奇数，最后一次无法配对")
        }
        "SINGLE_PUNCH" => ("a single punch in a day has no partner", "一天只有一次打卡，无法配对"),
        "PUNCHES_BETWEEN" => {
            ("punches between the first and the last of a day were left out", "一天首末次之间的打卡未计入")
        }
        "TAG_OFF_DUTY" => {
            ("a record names somebody who was off duty; the name counts", "记录写明的客服当时不在岗，仍以写明者为准")
        }
        "NAMED_WITHOUT_AGENT" => ("a named account's record names nobody", "实名账号的记录没有写客服"),
        "MIXED_WITHOUT_TAG" => ("a mixed account's records without a name", "混用账号中没有写客服的记录"),
        "TOO_FEW_TO_INFER" => ("too few records to infer from: shared equally", "记录太少，无法推断，改为平分"),
        "SEVERAL_AT_ONCE" => (
            "several dialogues at once tell people apart too little: shared equally",
            "同时接待多个会话，难以区分，改为平分",
        ),
        "DID_NOT_SETTLE" => ("the inference did not settle: shared equally", "推断未收敛，改为平分"),
        "UNKNOWN_AGENT" => ("a record names somebody unknown", "记录写明的客服查无此人"),
        "CONVERTED_ENCODING" => ("a file was GBK or UTF-16 and was converted", "文件编码为 GBK 或 UTF-16，已转换"),
        "CONVERTED_SEPARATOR" => ("columns were separated by tabs or semicolons", "列以制表符或分号分隔，已识别"),
        "MISSING_COLUMN" => ("a column is missing: nothing of it is measured", "缺少一列，相关指标视为未测"),
        "UNKNOWN_COLUMN" => ("nobody reads this column; perhaps misspelt", "有一列无人使用，可能写错了名字"),
        "UNKNOWN_FILE" => ("nobody reads this file; perhaps misspelt", "有一个文件无人使用，可能写错了名字"),
        "EMPTY_FILE" => ("an optional file is empty", "可选文件为空"),
        "DUPLICATE_RECORD" => ("the same record several times: taken once", "同一记录重复出现，只计一次"),
        "DUPLICATE_ROW" => ("the same row several times: taken once", "同一行重复出现，只计一次"),
        "OUTSIDE_PERIOD" => ("records outside the period were left out", "周期之外的记录未计入"),
        "DAMAGED_ID" => {
            ("a spreadsheet shortened ids or customers to their first digits", "表格软件把编号或客户号截短成了科学计数")
        }
        "HOUR_TWICE" => ("clocks went back: an hour came twice", "时钟回拨，同一小时出现两次"),
        "NO_VALUE" => ("cells that stand for no value were taken as empty", "单元格内容表示无值（如 #N/A），按空处理"),
        "TRANSFER" => ("somebody goes on in another unit, position or grade", "有人调动，部门、岗位或职级改变"),
        "REHIRE" => ("somebody left and came back", "有人离职后重新入职"),
        "TEAM_WITHOUT_PEOPLE" => ("an account's team has no people", "账号所属的组没有人"),
        "BRANCH_WITHOUT_PEOPLE" => ("a branch has no people", "分公司没有人"),
        _ => return None,
    };
    Some(pick(lang, en, zh))
}
