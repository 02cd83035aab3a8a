//! What the browser keeps: the session, which scripts cannot read, and what the reader chose.
//!
//! A session of the console is a session of identity. Nothing of it is kept here: its tokens travel in the cookie, so that any replica can
//! answer and a restart signs nobody out, and ending it there ends it everywhere.

use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue};
use jiff::tz::TimeZone;
use tally_kernel::Locale;

use crate::ui::{Choices, Density, Theme};

/// Between the parts of a session; tokens have none.
const BETWEEN: char = '~';
/// How long a choice is kept, in seconds: a year.
const CHOICE_SECONDS: u32 = 31_536_000;

/// Somebody's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Sent with each call.
    pub access: String,
    /// Trades for the next pair of tokens, once.
    pub refresh: String,
    /// When `access` stops being good, in seconds since 1970.
    pub until: i64,
    /// Only the browser and we know it: forms are held against it.
    pub secret: String,
}

impl Session {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(BETWEEN);
        let mut next = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let session = Self { access: next()?, refresh: next()?, until: next()?.parse().ok()?, secret: next()? };
        parts.next().is_none().then_some(session)
    }

    fn write(&self) -> String {
        let Self { access, refresh, until, secret } = self;
        format!("{access}{BETWEEN}{refresh}{BETWEEN}{until}{BETWEEN}{secret}")
    }
}

/// Whether a request came by HTTPS as far as the browser is concerned: always, but on the loopback. Elsewhere a session without it would
/// travel in the clear, and browsers do not keep it.
pub fn is_secure(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = if host.starts_with('[') { host.split(']').next() } else { host.split(':').next() }.unwrap_or_default();
    !(name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || name == "[::1")
}

/// The name of the session's cookie: with HTTPS one that no other host can set.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-tally" } else { "tally" }
}

/// The session that a request brings.
pub fn session(headers: &HeaderMap) -> Option<Session> {
    cookie(headers, name(is_secure(headers))).and_then(Session::read)
}

/// What makes the browser keep a session, or forget it.
pub fn keep(session: Option<&Session>, secure: bool) -> Option<HeaderValue> {
    let (value, age) = session.map_or_else(|| (String::new(), "; Max-Age=0"), |session| (session.write(), ""));
    let secured = if secure { "; Secure" } else { "" };
    // Lax, since links in mails lead here; no form of another site sends it.
    HeaderValue::from_str(&format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secured}{age}", name(secure))).ok()
}

/// What the reader chose; without a choice the language is what the browser asks for.
pub fn choices(headers: &HeaderMap) -> Choices {
    let asked = headers.get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chosen =
        cookie(headers, "tally-lang").and_then(|tag| Locale::ALL.into_iter().find(|locale| locale.tag() == tag));
    let theme = match cookie(headers, "tally-theme") {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::Auto,
    };
    let touch = cookie(headers, "tally-density") == Some("touch");
    let zone = cookie(headers, "tally-zone").map(|zone| zone.replace("%2F", "/"));
    Choices {
        locale: chosen.unwrap_or_else(|| Locale::negotiate(asked)),
        theme,
        density: if touch { Density::Touch } else { Density::Compact },
        zone: zone.and_then(|zone| TimeZone::get(&zone).ok()),
    }
}

/// What makes the browser keep a choice; `value` is a word of ours.
pub fn choice(name: &str, value: &str, secure: bool) -> Option<HeaderValue> {
    let secured = if secure { "; Secure" } else { "" };
    let value = value.replace('/', "%2F");
    let text = format!("tally-{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={CHOICE_SECONDS}{secured}");
    HeaderValue::from_str(&text).ok()
}

/// What makes the browser keep something for ten minutes, or forget it where it is empty.
pub fn brief(name: &str, value: &str, secure: bool) -> Option<HeaderValue> {
    const SECONDS: u32 = 600;
    let (secured, age) = (if secure { "; Secure" } else { "" }, if value.is_empty() { 0 } else { SECONDS });
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secured}")).ok()
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a value")))
            .collect()
    }

    fn session_of() -> Session {
        Session { access: "a.b.c".into(), refresh: "r".into(), until: 7, secret: "s".into() }
    }

    #[test]
    fn a_session_comes_back_as_it_was_kept() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080", "tally.example", "hr.example:443"] {
            let secure = is_secure(&headers(&[("host", host)]));
            assert_eq!(secure, host.contains("example"), "{host}");
            let kept = keep(Some(&session_of()), secure).expect("a header");
            let kept = kept.to_str().expect("a text");
            assert!(kept.contains("HttpOnly") && kept.contains("SameSite=Lax"), "{kept}");
            assert_eq!(kept.contains("; Secure"), secure);
            let sent = kept.split(';').next().unwrap_or_default();
            assert_eq!(session(&headers(&[("host", host), ("cookie", sent)])), Some(session_of()));
        }
    }

    #[test]
    fn what_is_no_session_is_none() {
        for value in ["", "tally=", "tally=a~b", "tally=a~b~x~d", "tally=a~b~7~d~e", "__Host-tally=a~b~7~d"] {
            assert_eq!(session(&headers(&[("host", "localhost"), ("cookie", value)])), None, "{value}");
        }
    }

    #[test]
    fn a_choice_comes_before_what_the_browser_asks_for() {
        let asked = choices(&headers(&[("accept-language", "zh-CN"), ("cookie", "tally-lang=en; tally-theme=dark")]));
        assert_eq!((asked.locale, asked.theme, asked.density), (Locale::En, Theme::Dark, Density::Compact));
        let zone = choices(&headers(&[("cookie", "tally-zone=Asia%2FKolkata; tally-lang=xx")]));
        assert_eq!(zone.locale, Locale::En);
        assert_eq!(zone.zone.and_then(|zone| zone.iana_name().map(str::to_owned)).as_deref(), Some("Asia/Kolkata"));
    }
}
