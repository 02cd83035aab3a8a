//! Long questions whose answer is told while it is found: as events for pages with scripts, and whole for those without.

use axum::response::Response;
use futures::{Stream, StreamExt as _};

use crate::cycles::watch::{self, Told};

/// A question lasts for as long as its answer does.
pub fn without_end<T>(mut request: tonic::Request<T>) -> tonic::Request<T> {
    request.metadata_mut().remove("grpc-timeout");
    request
}

/// What a stream of a service tells until its end, which `is_end` knows. One that breaks off before says so, and nothing more.
pub fn until_end<M: Send + 'static>(
    opened: impl Future<Output = Result<tonic::Streaming<M>, tonic::Status>> + Send + 'static,
    is_end: fn(&M) -> bool,
) -> impl Stream<Item = tally_kernel::Result<M>> + Send + 'static {
    let all = futures::stream::once(opened).flat_map(|opened| match opened {
        Ok(stream) => stream.left_stream(),
        Err(refused) => futures::stream::iter([Err(refused)]).right_stream(),
    });
    // What comes instead of an end, where there is none.
    let cut = futures::stream::iter([Err(tonic::Status::unavailable(""))]);
    all.chain(cut).scan(false, move |over, told| {
        let next = (!*over).then(|| told.map_err(tally_rpc::error_from));
        *over |= next.as_ref().is_some_and(|told| told.as_ref().map_or(true, is_end));
        futures::future::ready(next)
    })
}

/// Parts of a page as they come, for `hx-sse`, the newest of those that came meanwhile. Whoever leaves the page ends the question.
pub fn answer(parts: impl Stream<Item = Told> + Send + 'static) -> Response {
    let parts = parts.map(|part| Told { html: still(&part.html), ..part });
    watch::answer(parts)
}

/// A part without what scripts would do to it: it has not the nonce of the page that it comes into, and its links and forms work without.
fn still(html: &str) -> String {
    let mut parts = html.split(" hx-");
    let mut still = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let attribute =
            part.split_once("=\"").filter(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
        match attribute.and_then(|(_, value)| value.split_once('"')) {
            Some((_, rest)) => still.push_str(rest),
            None => {
                still.push_str(" hx-");
                still.push_str(part);
            }
        }
    }
    still
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_keeps_its_links_and_texts_and_loses_what_scripts_would_do() {
        let html = r##"<a href="/x?a=1" hx-get="/x?a=1" hx-target="#t" id="b">record hx-1 of "x" hx-y</a>"##;
        assert_eq!(still(html), r#"<a href="/x?a=1" id="b">record hx-1 of "x" hx-y</a>"#);
        assert_eq!(still("no attribute"), "no attribute");
    }
}
