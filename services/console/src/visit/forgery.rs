//! Keeps other sites from acting in a reader's name: a form must come from a page of ours, and hold a token that only such a page has.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

/// Browsers say who made the request; pages cannot change it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Characters before the digest: what makes each token another text, so that compression tells nothing of it.
const SALT: usize = 16;

/// Whether a change may have come from a page of ours. Programs that are no browsers send neither header, and have no cookies to be abused.
pub fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(FETCH_SITE) {
        return matches!(site, "same-origin" | "none");
    }
    match (text(ORIGIN), text(HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        (Some(_), None) => false,
    }
}

/// The token of a page's forms, for a session's secret; `salt` is made for the page.
pub fn token(secret: &str, salt: [u8; SALT / 2]) -> String {
    let salt = hex::encode(salt);
    let digest = digest(secret, &salt);
    format!("{salt}{digest}")
}

/// Whether a form's token is of the session's secret.
pub fn holds(secret: &str, token: &str) -> bool {
    let Some((salt, said)) = token.split_at_checked(SALT) else { return false };
    // Compared as digests: how long it takes tells nothing of the one that would be right.
    Sha256::digest(digest(secret, salt)) == Sha256::digest(said)
}

fn digest(secret: &str, salt: &str) -> String {
    hex::encode(Sha256::digest(format!("tally form {salt} {secret}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_its_session_alone() {
        let token = token("secret", [7; SALT / 2]);
        assert!(holds("secret", &token));
        assert!(!holds("other", &token) && !holds("secret", "") && !holds("secret", &token[1..]));
    }

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        for (pairs, ours) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site"), ("origin", "http://a:1"), ("host", "a:1")], false),
            (vec![("origin", "http://a:1"), ("host", "a:1")], true),
            (vec![("origin", "http://a:2"), ("host", "a:1")], false),
            (vec![("origin", "null"), ("host", "a:1")], false),
            (vec![], true),
        ] {
            let headers =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
            assert_eq!(is_ours(&headers.collect()), ours, "{pairs:?}");
        }
    }
}
