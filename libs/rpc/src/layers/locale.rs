//! In which language the caller reads.

use http::{Request, header};
use tally_access::Locale;

/// Notes the caller's language.
pub fn with_locale<B>(mut request: Request<B>) -> Request<B> {
    let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let locale = Locale::negotiate(header.unwrap_or_default());
    request.extensions_mut().insert(locale);
    request
}

/// What was noted.
pub(super) fn locale(extensions: &http::Extensions) -> Locale {
    extensions.get().copied().unwrap_or_default()
}
