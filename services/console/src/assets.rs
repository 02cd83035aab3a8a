//! Files that browsers keep: styles, scripts, icons. Each has its digest in its address, so that it is never asked for again and never stale.

use std::sync::LazyLock;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use sha2::{Digest as _, Sha256};

/// Characters of a digest in an address.
const DIGEST: usize = 12;

macro_rules! files {
    ($($name:literal $type:literal $path:literal),+ $(,)?) => {
        /// Name, type and content of each.
        const FILES: &[(&str, &str, &[u8])] = &[$(($name, $type, include_bytes!(concat!("../", $path)))),+];
    };
}

files! {
    "app.svg" "image/svg+xml" "static/app.svg",
    "console.css" "text/css; charset=utf-8" "static/console.css",
    "console.js" "text/javascript; charset=utf-8" "static/console.js",
    "htmx.js" "text/javascript; charset=utf-8" "vendor/htmx.min.js",
    "hx-csp.js" "text/javascript; charset=utf-8" "vendor/hx-csp.min.js",
    "hx-sse.js" "text/javascript; charset=utf-8" "vendor/hx-sse.min.js",
    "queue.js" "text/javascript; charset=utf-8" "static/queue.js",
    "icons.svg" "image/svg+xml" "vendor/icons.svg",
    "tally.svg" "image/svg+xml" "static/tally.svg",
}

struct Asset {
    name: &'static str,
    path: String,
    media: &'static str,
    content: &'static [u8],
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| FILES.iter().map(asset).collect());

fn asset((name, media, content): &(&'static str, &'static str, &'static [u8])) -> Asset {
    let digest = hex::encode(Sha256::digest(content));
    let path = format!("/assets/{}/{name}", digest.get(..DIGEST).unwrap_or_default());
    Asset { name, path, media, content }
}

/// The address of a file; that of nothing where there is none of the name, which a test of the templates finds.
pub fn path(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.path.as_str())
}

/// The file at an address.
pub fn answer(path: &str) -> Response<Body> {
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else {
        let mut missing = Response::new(Body::empty());
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let mut answer = Response::new(Body::from(Bytes::from_static(asset.content)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_as_they_were_published() {
        let sums = include_str!("../vendor/SHA256SUMS");
        let known: Vec<_> = sums.lines().filter_map(|line| line.split_once("  ")).collect();
        assert_eq!(known.len(), 4, "{sums}");
        for (sum, name) in known {
            let path = format!("{}/vendor/{name}", env!("CARGO_MANIFEST_DIR"));
            let content = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(hex::encode(Sha256::digest(content)), sum, "{name}");
        }
    }

    #[test]
    fn a_file_is_at_its_digest_and_nowhere_else() {
        let css = path("console.css");
        assert_eq!(answer(css).status(), StatusCode::OK);
        assert_eq!(answer("/assets/000000000000/console.css").status(), StatusCode::NOT_FOUND);
        assert_eq!(path("nothing.css"), "");
    }
}
