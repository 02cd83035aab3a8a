//! Sentences of errors in the caller's language. English comes with the error; Chinese comes from this table by reason,
//! and for a reason that is not here by kind, with the English sentence behind it.

use tally_access::Locale;
use tally_kernel::error::{Error, Kind};

/// The language's tag and the sentence.
pub fn sentence(error: &Error, locale: Locale) -> (&'static str, String) {
    let text = match locale {
        Locale::En => error.message().to_owned(),
        Locale::ZhCn => chinese(error),
    };
    (locale.tag(), text)
}

fn chinese(error: &Error) -> String {
    let meta = |key: &str| error.metadata().get(key).map_or("", String::as_str);
    match error.reason() {
        "INTERNAL" | "PANIC" => "系统出错了，详情请运维人员查看日志。".to_owned(),
        "NOT_FOUND" => format!("找不到您可以查看的对象（{}）。", meta("resource")),
        "INVALID_REQUEST" => format!("请求中有 {} 个字段不正确，详见各字段说明。", error.violations().len()),
        "PAGE_TOKEN_INVALID" => "翻页标记不属于此列表，请从第一页重新开始。".to_owned(),
        "TOKEN_MISSING" | "UNAUTHENTICATED" => "请先登录。".to_owned(),
        "TOKEN_INVALID" => "登录凭证无效，请重新登录。".to_owned(),
        "TOKEN_EXPIRED" => "登录已过期，请重新登录。".to_owned(),
        "TOKEN_OF_ANOTHER_REGION" => "此登录凭证属于其他区域，请在本区域登录。".to_owned(),
        "SESSION_ENDED" => "会话已结束，请重新登录。".to_owned(),
        "SIGN_IN_REFUSED" => "登录名、密码或验证码不正确，或尝试次数过多，请稍后再试。".to_owned(),
        "SECOND_FACTOR_NEEDED" => "请输入验证器上的六位数字或一个恢复码。".to_owned(),
        "SECOND_FACTOR_WRONG" => "验证码不正确。".to_owned(),
        "PASSWORD_MUST_CHANGE" => "此密码只能使用一次，请同时设置新密码。".to_owned(),
        "PASSWORD_WEAK" => "密码太容易被猜到，请换一个更长或更少见的。".to_owned(),
        "EMPLOYMENT_ENDED" => "您的任职已结束，不能再登录。".to_owned(),
        "MODULE_NOT_ENTITLED" => "集团没有开通此模块，请联系平台运维人员。".to_owned(),
        "TENANT_SUSPENDED" => "集团已被暂停使用，请联系平台运维人员。".to_owned(),
        "REGION_NOT_SERVED" => format!("区域 {} 的数据在另一套系统中，请到那里查询。", meta("region")),
        "FIELD_NOT_READABLE" => format!("您没有查看字段 {} 的权限，因此不能按它查找。", meta("field")),
        "PERMISSION_DENIED" => "您没有此项操作的权限。".to_owned(),
        "OVERLOADED" => "系统繁忙，请稍后再试。".to_owned(),
        "RATE_LIMITED" => "操作过于频繁，请稍后再试。".to_owned(),
        "DEADLINE_EXCEEDED" => "处理超时，请重试。".to_owned(),
        "STALE" => "您读取之后数据已被他人修改，请重新读取后再操作。".to_owned(),
        "STORE_BUSY" | "STORE_UNAVAILABLE" => "数据库暂时繁忙，请稍后再试。".to_owned(),
        "PEER_UNAVAILABLE" | "PEER_FAILED" => "所依赖的服务暂时不可用，请稍后再试。".to_owned(),
        "REQUEST_ID_REUSED" => "同一 request_id 已用于内容不同的请求，请换一个新的。".to_owned(),
        _ => format!("{}（{}）", by_kind(error.kind()), error.message()),
    }
}

fn by_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidArgument => "请求有误，请修改后重试",
        Kind::NotFound => "找不到您可以查看的对象",
        Kind::AlreadyExists => "对象已经存在",
        Kind::Aborted => "数据刚被他人修改，请重新读取后再试",
        Kind::FailedPrecondition => "当前状态不允许此操作",
        Kind::PermissionDenied => "您没有此项操作的权限",
        Kind::Unauthenticated => "请先登录",
        Kind::ResourceExhausted => "请求过多，请稍后再试",
        Kind::Unavailable => "服务暂时不可用，请稍后再试",
        Kind::DeadlineExceeded => "处理超时",
        Kind::Cancelled => "操作已取消",
        Kind::Internal => "系统出错了",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_without_a_translation_keeps_its_english_sentence_behind_the_kind() {
        let posted = Error::new(Kind::FailedPrecondition, "SETTLEMENT_POSTED", "corrections come as deltas");
        assert_eq!(
            sentence(&posted, Locale::ZhCn),
            ("zh-CN", "当前状态不允许此操作（corrections come as deltas）".into())
        );
        assert_eq!(sentence(&posted, Locale::En).1, "corrections come as deltas");
    }
}
