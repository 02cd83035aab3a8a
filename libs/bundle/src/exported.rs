//! What spreadsheets and exports do to cells, taken back where nothing is guessed: marks nobody sees, the text marker, a
//! formula around a text; and the names and words of common Chinese exports. Pure.
//!
//! The canonical form is read to the letter: none of this happens to it, so a result closed under earlier rules replays.

use tally_kernel::person::EmploymentKind;
use tally_kernel::unseen::{belongs_to, code_point, in_id, in_name, is_odd};
pub(crate) use tally_kernel::unseen::{is_odd_space, is_unseen};

use crate::sheet::unharmed;

/// The first unseen character inside of a cell, or a space that is none of a keyboard, as people can look it up. In a number
/// such a space may stand between thousands; ids and names by which rows are joined have no line breaks and tabs either, as
/// over rpc.
pub(crate) fn unseen_inside(text: &str, column: &str) -> Option<String> {
    match column {
        "external_id" | "employee_no" | "platform" | "account" | "refers_to" | "device" | "seat" => return in_id(text),
        "agent" | "alias" | "store" => return in_name(text),
        _ if is_free(column) => return None,
        _ => {}
    }
    let found = text.chars().find(|c| is_odd(*c) && !(is_number(column) && is_odd_space(*c)))?;
    Some(code_point(found))
}

/// The text as it looks, where it holds characters that nobody sees: without them, and with the spaces of a keyboard. A
/// joiner, or a mark of form, stays behind an emoji and in scripts that write with it.
pub(crate) fn visible(text: &str) -> Option<String> {
    if !text.chars().any(is_odd) {
        return None;
    }
    let (mut seen, mut before) = (String::with_capacity(text.len()), ' ');
    for c in text.chars() {
        if is_odd_space(c) {
            seen.push(' ');
            before = ' ';
        } else if !is_odd(c) || belongs_to(before, c) {
            seen.push(c);
            before = c;
        }
    }
    Some(bare(&seen).to_owned()).filter(|seen| seen != text)
}

/// A whole number that a program wrote as a decimal, as it does where cells of the column are empty: `1002.0` is 1002.
pub(crate) fn whole(text: &str) -> Option<&str> {
    let (whole, zeros) = text.split_once('.')?;
    let plain = !zeros.is_empty() && zeros.bytes().all(|b| b == b'0');
    (plain && !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit())).then_some(whole)
}

/// A cell without spaces and unseen characters at its ends.
pub(crate) fn bare(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || is_unseen(c))
}

/// A cell without the formula around its text: `="0042"` is `0042`.
fn unwrapped(cell: &str) -> &str {
    let formula = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.filter(|inner| !inner.contains('"')).unwrap_or(cell)
}

/// A cell of what people chose to write, without what makes a spreadsheet keep it as text: an apostrophe that makes no formula
/// harmless is theirs.
pub(crate) fn unmarked_prose(cell: &str) -> &str {
    bare(unharmed(unwrapped(cell)))
}

/// A cell without what makes a spreadsheet keep it as text: `="0042"` and `'0042` are `0042`. Two apostrophes are no marker.
pub(crate) fn unmarked(cell: &str) -> &str {
    let text = unwrapped(cell);
    let harmless = unharmed(text);
    let marked = text.strip_prefix('\'').filter(|rest| !rest.is_empty() && !rest.starts_with('\''));
    bare(if harmless.len() < text.len() { harmless } else { marked.unwrap_or(text) })
}

/// Whether a number was shortened to its first digits, as spreadsheets show long ones: `2.20661E+12`, and programs that read
/// their files: `2.20661E12`. Without a sign and decimals, as in `2E12`, it may be a code.
pub(crate) fn is_shortened(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, part) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_number = whole.len() == 1 && digits(whole);
    match exponent.strip_prefix('+') {
        Some(exponent) => is_number && digits(exponent) && (part.is_empty() || digits(part)),
        None => is_number && digits(exponent) && digits(part),
    }
}

/// What a spreadsheet shows where a formula fails.
const ERRORS: [&str; 14] = [
    "#n/a",
    "#ref!",
    "#value!",
    "#div/0!",
    "#name?",
    "#null!",
    "#num!",
    "#spill!",
    "#calc!",
    "#getting_data",
    "#field!",
    "#blocked!",
    "#unknown!",
    "#connect!",
];
/// What programs write where there is nothing, or for somebody whom they do not name.
const NOTHING: [&str; 28] = [
    "null",
    "(null)",
    "[null]",
    "\\n",
    "nan",
    "nat",
    "n/a",
    "na",
    "<na>",
    "undefined",
    "none",
    "nil",
    "-",
    "--",
    "---",
    "–",
    "—",
    "——",
    "/",
    "\\",
    "无",
    "暂无",
    "无数据",
    "空值",
    "匿名",
    "匿名用户",
    "匿名买家",
    "游客",
];

/// Whether a cell says that there is no value: an error of a spreadsheet, a number too wide for its column (`####`), or a
/// program's word for nothing.
pub(crate) fn is_no_value(text: &str) -> bool {
    let begins = |b: u8| {
        !b.is_ascii() || matches!(b, b'#' | b'(' | b'[' | b'<' | b'-' | b'/' | b'\\' | b'n' | b'N' | b'u' | b'U')
    };
    if !text.bytes().next().is_some_and(begins) {
        return false;
    }
    let too_wide = text.len() > 2 && text.bytes().all(|b| b == b'#');
    too_wide || ERRORS.iter().chain(&NOTHING).any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a cell holds what a spreadsheet shows in place of a value that it cannot: an error, or a row of `#`. The value is lost,
/// where a program's word for nothing says that there is none.
pub(crate) fn is_lost(text: &str) -> bool {
    text.starts_with('#') && is_no_value(text)
}

/// Columns of what people chose to write: an apostrophe at their beginning is theirs.
pub(crate) fn is_prose(column: &str) -> bool {
    matches!(
        column,
        "name" | "org_unit" | "position" | "grade" | "store" | "team" | "alias" | "kind" | "source" | "run_by"
    )
}

/// Columns in which a character that nobody sees may belong to the text, as it does in emoji of customers' nicknames.
pub(crate) fn is_free(column: &str) -> bool {
    is_prose(column) || column == "customer"
}

/// Columns of measured numbers.
pub(crate) fn is_number(column: &str) -> bool {
    matches!(column, "first_reply_seconds" | "rating" | "amount")
}

/// Columns that name somebody or something by which rows are joined.
pub(crate) fn is_key(column: &str) -> bool {
    matches!(column, "platform" | "store" | "account" | "employee_no" | "agent" | "alias")
}

/// Columns of ids, which may be numbers.
pub(crate) fn is_id(column: &str) -> bool {
    matches!(
        column,
        "account" | "employee_no" | "agent" | "alias" | "external_id" | "customer" | "refers_to" | "device" | "seat"
    )
}

/// Kinds of employment as exports have them, beside their own words.
const EMPLOYMENT_KINDS: [(&str, EmploymentKind); 18] = [
    ("full time", EmploymentKind::FullTime),
    ("full-time", EmploymentKind::FullTime),
    ("全职", EmploymentKind::FullTime),
    ("全日制", EmploymentKind::FullTime),
    ("part time", EmploymentKind::PartTime),
    ("part-time", EmploymentKind::PartTime),
    ("兼职", EmploymentKind::PartTime),
    ("非全日制", EmploymentKind::PartTime),
    ("fixed term", EmploymentKind::FixedTerm),
    ("fixed-term", EmploymentKind::FixedTerm),
    ("固定期限", EmploymentKind::FixedTerm),
    ("实习", EmploymentKind::Intern),
    ("实习生", EmploymentKind::Intern),
    ("派遣", EmploymentKind::Agency),
    ("劳务派遣", EmploymentKind::Agency),
    ("外包", EmploymentKind::Outsourced),
    ("劳务", EmploymentKind::Freelance),
    ("劳务合同", EmploymentKind::Freelance),
];

/// The kind of employment that is meant, of a folded text in small letters.
pub(crate) fn employment_kind(text: &str) -> Option<EmploymentKind> {
    let other = || EMPLOYMENT_KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    text.parse().ok().or_else(other)
}

type Names = &'static [(&'static str, &'static [&'static str])];

/// Names of columns in common Chinese exports, beside those that mean the same in every file.
const OF_FILE: &[(&str, Names)] = &[
    (
        "people.csv",
        &[
            ("name", &["姓名", "员工姓名", "名字"]),
            ("org_unit", &["部门", "所属部门", "部门路径", "组织单元", "组织"]),
            ("position", &["岗位", "职位", "职务"]),
            ("grade", &["职级", "级别"]),
            ("hired_on", &["入职日期", "入职时间", "入职日"]),
            ("left_on", &["离职日期", "离职时间", "最后工作日"]),
            ("employment_kind", &["用工性质", "用工形式", "用工类型", "用工方式"]),
        ],
    ),
    (
        "accounts.csv",
        &[
            ("phase", &["阶段", "账号阶段", "使用方式"]),
            ("capacity", &["接待上限", "最大接待数", "同时接待数"]),
            ("team", &["团队", "所属团队", "服务团队"]),
            ("phase_from", &["阶段开始", "阶段起始日", "生效日期"]),
            ("exclusive", &["独占", "是否独占"]),
        ],
    ),
    (
        "records.csv",
        &[
            ("external_id", &["会话id", "会话编号", "工单号", "工单编号", "记录编号", "咨询id"]),
            ("started_at", &["开始时间", "会话开始时间", "接入时间", "咨询开始时间"]),
            ("ended_at", &["结束时间", "会话结束时间", "咨询结束时间"]),
            ("agent", &["客服", "接待客服", "客服工号", "客服昵称", "客服姓名"]),
            ("kind", &["类型", "会话类型", "咨询类型", "业务类型"]),
            ("first_reply_seconds", &["首次响应(秒)", "首次响应时长(秒)", "首响(秒)", "首响时长(秒)", "首次响应秒数"]),
            ("resolved", &["是否解决", "解决状态"]),
            ("rating", &["满意度", "满意度评分", "评分", "评价"]),
            ("amount", &["金额", "销售额", "成交金额", "订单金额"]),
            ("customer", &["客户", "客户id", "顾客", "顾客id", "买家", "买家id", "买家昵称", "访客id"]),
            ("revision", &["修订号", "版本号"]),
            ("currency", &["币种", "货币"]),
            ("refers_to", &["原记录编号", "原会话id", "原会话编号", "原工单号", "退款对应记录"]),
            ("revised_at", &["修改时间", "更新时间", "最后修改时间"]),
            ("contributors", &["协作者", "协作人", "协作客服"]),
            ("device", &["设备", "设备编号", "终端", "工位", "坐席号"]),
        ],
    ),
    (
        "replies.csv",
        &[
            ("external_id", &["会话id", "会话编号", "工单号", "工单编号", "记录编号", "咨询id"]),
            ("at", &["时间", "消息时间", "发送时间", "回复时间"]),
            ("by", &["发送方", "发送者", "发送人类型", "消息方向", "角色"]),
            ("device", &["设备", "设备编号", "终端", "工位", "坐席号"]),
        ],
    ),
    (
        "claims.csv",
        &[
            ("at", &["时间", "认领时间", "点击时间"]),
            ("external_id", &["会话id", "会话编号", "工单号", "工单编号", "记录编号", "咨询id"]),
            ("customer", &["客户", "客户id", "顾客", "顾客id", "买家", "买家id", "买家昵称", "访客id"]),
        ],
    ),
    (
        "rosters.csv",
        &[
            ("start", &["开始", "开始时间", "上班时间", "班次开始"]),
            ("end", &["结束", "结束时间", "下班时间", "班次结束"]),
            ("seat", &["座席", "坐席", "座位", "座席号"]),
        ],
    ),
    (
        "punches.csv",
        &[("at", &["打卡时间", "考勤时间", "时间"]), ("kind", &["打卡类型", "考勤类型", "上下班", "类型"])],
    ),
    ("handovers.csv", &[("at", &["交接时间", "时间"]), ("kind", &["交接类型", "交接动作", "类型", "动作"])]),
    (
        "observations.csv",
        &[
            ("measure", &["指标", "指标名称"]),
            ("subject_kind", &["对象类型", "对象类别"]),
            ("subject", &["对象", "对象名称"]),
            ("from", &["开始日期", "起始日期"]),
            ("to", &["结束日期", "截止日期"]),
            ("at", &["时间", "观测时间"]),
            ("value", &["数值", "值", "指标值"]),
            ("source", &["来源", "数据来源"]),
            ("revision", &["修订号", "版本"]),
            ("run_by", &["负责部门", "负责单元"]),
        ],
    ),
    (
        "rates.csv",
        &[
            ("date", &["日期", "生效日期", "汇率日期"]),
            ("from", &["原币种", "源币种", "币种"]),
            ("to", &["目标币种", "折算币种", "本币"]),
            ("rate", &["汇率", "折算率"]),
            ("source", &["来源", "数据来源"]),
        ],
    ),
    (
        "devices.csv",
        &[
            ("device", &["设备", "设备编号", "终端", "工位"]),
            ("seat", &["座席", "坐席", "座位", "座席号"]),
            ("from", &["开始日期", "起始日期", "生效日期"]),
            ("to", &["结束日期", "截止日期", "失效日期"]),
        ],
    ),
    (
        "aliases.csv",
        &[
            ("alias", &["别名", "昵称", "客服昵称", "花名"]),
            ("from", &["开始日期", "起始日期", "生效日期"]),
            ("to", &["结束日期", "截止日期", "失效日期"]),
        ],
    ),
];

const OF_ALL: Names = &[
    ("employee_no", &["工号", "员工号", "员工编号", "员工工号", "人员编号", "职工号"]),
    ("platform", &["平台", "平台名称"]),
    ("store", &["店铺", "店铺名称", "店铺名"]),
    ("account", &["客服账号", "账号", "子账号", "账号名称"]),
    ("zone", &["时区"]),
];

/// The column of `file` that a header calls `name`, which is folded and in small letters.
pub(crate) fn column<'a>(file: &str, name: &'a str) -> &'a str {
    let of_file = OF_FILE.iter().find(|(of, _)| *of == file).map_or(&[][..], |(_, names)| names);
    let mut all = of_file.iter().chain(OF_ALL);
    all.find(|(_, others)| others.contains(&name)).map_or(name, |(column, _)| column)
}

/// The Chinese names under which a column of `file` is known, the usual one first.
pub(crate) fn chinese(file: &str, column: &str) -> &'static [&'static str] {
    let of_file = OF_FILE.iter().find(|(of, _)| *of == file).map_or(&[][..], |(_, names)| names);
    of_file.iter().chain(OF_ALL).find(|(name, _)| *name == column).map_or(&[], |(_, others)| others)
}

/// The English word for a Chinese one of a column with few words.
pub(crate) fn word(text: &str) -> &str {
    match text {
        "上班" | "签到" | "上班打卡" | "上班签到" => "in",
        "下班" | "签退" | "下班打卡" | "下班签退" => "out",
        "接" | "接班" | "接手" | "接管" | "领用" => "take",
        "交" | "交班" | "交出" | "释放" | "归还" => "release",
        "公用" | "共用" | "共享" | "公用账号" => "shared",
        "混合" | "混用" => "mixed",
        "实名" | "实名接待" | "专用" => "named",
        "人员" | "员工" | "个人" => "person",
        "组织" | "组织单元" | "部门" | "团队" => "unit",
        "账号" | "客服账号" => "account",
        "店铺" => "store",
        "活动" => "campaign",
        "客服" | "坐席" | "人工客服" => "agent",
        "客户" | "顾客" | "买家" | "访客" => "customer",
        "已解决" => "yes",
        "未解决" => "no",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_adds_goes_and_what_people_wrote_stays() {
        assert_eq!(bare("\u{feff} T1\u{200b}\u{a0}"), "T1");
        assert_eq!(unmarked("'0042"), "0042");
        assert_eq!(unmarked("=\"0042\""), "0042");
        assert_eq!(unmarked("=\"a\"&\"b\""), "=\"a\"&\"b\"");
        assert_eq!(unmarked("'"), "'");
        assert_eq!(unmarked("''q"), "''q");
        assert_eq!(unmarked("''=1"), "'=1");
        assert_eq!(unmarked("'''q"), "'''q");
        for (text, column, found) in [
            ("20\u{200b}26", "at", Some("U+200B")),
            ("1\u{202f}000", "at", Some("U+202F")),
            ("1\u{202f}000", "amount", None),
            ("王芳 plain", "account", None),
            ("a\nb", "account", Some("U+000A")),
            ("a\nb", "alias", Some("U+000A")),
            ("\u{2764}\u{fe0f}", "alias", None),
            ("a\nb", "customer", None),
            ("a\nb", "external_id", Some("U+000A")),
            ("a\tb", "employee_no", Some("U+0009")),
        ] {
            assert_eq!(unseen_inside(text, column).as_deref(), found, "{text:?} {column}");
        }
    }

    #[test]
    fn a_text_is_what_it_looks_like() {
        for (text, seen) in [
            ("c\u{200b}1", "c1"),
            ("c\u{a0}1", "c 1"),
            ("\u{202e}c\u{feff}1", "c1"),
            ("王\u{200d}芳", "王芳"),
            ("c\u{fe0f}1\u{3164}", "c1"),
            ("a\u{1f469}\u{200d}\u{1f4bb}\u{200b}", "a\u{1f469}\u{200d}\u{1f4bb}"),
        ] {
            assert_eq!(visible(text).as_deref(), Some(seen), "{text:?}");
        }
        for text in
            ["王芳", "c 1", "\u{1f469}\u{200d}\u{1f4bb}", "\u{2764}\u{fe0f}x", "\u{645}\u{6cc}\u{200c}\u{631}", "a\nb"]
        {
            assert_eq!(visible(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_whole_number_that_was_made_a_decimal_is_whole() {
        for (text, found) in
            [("88.0", Some("88")), ("0042.00", Some("0042")), ("88", None), ("88.5", None), ("88.", None), (".0", None)]
        {
            assert_eq!(whole(text), found, "{text}");
        }
    }

    #[test]
    fn only_a_number_that_lost_its_digits_is_shortened() {
        for text in ["2.20661E+12", "2,2E+12", "2E+09", "1.5e+15", "2.20661E12", "1.10101e17", "-2.20661E+12"] {
            assert!(is_shortened(text), "{text}");
        }
        for text in ["E12", "2E12", "12.5E+3", "2.2E-3", "ABE+12", "2.20661", ""] {
            assert!(!is_shortened(text), "{text}");
        }
    }

    #[test]
    fn what_stands_for_no_value_is_told_from_values() {
        for text in
            ["#N/A", "#REF!", "#DIV/0!", "###", "########", "NULL", "\\N", "NaN", "-", "—", "/", "NA", "无", "暂无"]
        {
            assert!(is_no_value(text), "{text}");
        }
        for text in ["#1234", "##", "0", "nullable", "张无忌", "#tag", ""] {
            assert!(!is_no_value(text), "{text}");
        }
    }

    #[test]
    fn no_chinese_name_stands_for_two_columns_of_a_file() {
        for (file, names) in OF_FILE {
            let all: Vec<&str> = names.iter().chain(OF_ALL).flat_map(|(_, others)| others.iter().copied()).collect();
            let once: std::collections::BTreeSet<&str> = all.iter().copied().collect();
            assert_eq!(all.len(), once.len(), "{file}");
        }
        assert_eq!(column("punches.csv", "打卡类型"), "kind");
        assert_eq!(column("records.csv", "备注"), "备注");
    }
}
