//! In which language the caller reads.

use http::{HeaderMap, Request, header};
use tally_access::Locale;

/// Notes the caller's language.
pub fn with_locale<B>(mut request: Request<B>) -> Request<B> {
    let locale = asked_locale(request.headers());
    request.extensions_mut().insert(locale);
    request
}

/// The language that headers ask for.
pub(crate) fn asked_locale(headers: &HeaderMap) -> Locale {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Locale::negotiate(header.unwrap_or_default())
}

/// What was noted.
pub(super) fn locale(extensions: &http::Extensions) -> Locale {
    extensions.get().copied().unwrap_or_default()
}
