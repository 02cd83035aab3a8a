//! Chromium without a window, led by its own driver.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tally_testkit::{NEVER, eventually};
use tempfile::TempDir;
use thirtyfour::error::{WebDriverError, WebDriverErrorInner};
use thirtyfour::prelude::*;
use thirtyfour::session::http::{Body, HttpClient};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const CHROMIUM: &str = "chromium";
const DRIVER: &str = "chromedriver";

/// The size of a screen: width and height in CSS pixels, and whether it is touched.
pub type Screen = (u32, u32, bool);
pub const DESKTOP: Screen = (1_280, 860, false);
pub const PHONE: Screen = (360, 780, true);

/// Whether there is a browser; where there is none that is said, and in CI it is a failure.
pub fn is_there() -> bool {
    let there = find(CHROMIUM).zip(find(DRIVER)).is_some();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "CI has no {CHROMIUM} and {DRIVER}: ./test installs them");
        eprintln!("not run: no {CHROMIUM} and {DRIVER} here (Debian: chromium chromium-driver fonts-noto-cjk)");
    }
    there
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A driver and its browsers; they end with the value.
pub struct Chrome {
    port: u16,
    _driver: Child,
    _folder: TempDir,
}

impl Chrome {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        let driver = Command::new(DRIVER)
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::from(std::fs::File::create(&out).expect("a file")))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the driver");
        let port = eventually("the driver says its port", async || {
            let said = std::fs::read_to_string(&out).unwrap_or_default();
            said.rsplit_once("on port ")?.1.trim_end().trim_end_matches('.').parse().ok()
        });
        Self { port: port.await, _driver: driver, _folder: folder }
    }

    /// A browser that asks for a language, with a screen, in the dark or not. It trusts nobody and remembers nothing.
    pub async fn browser(&self, lang: &str, (width, height, touched): Screen, dark: bool) -> WebDriver {
        let mut wanted = DesiredCapabilities::chrome();
        for arg in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--disable-background-networking",
        ] {
            wanted.add_arg(arg).expect("an argument");
        }
        wanted.add_arg(&format!("--accept-lang={lang}")).expect("an argument");
        wanted.set("goog:loggingPrefs", json!({ "browser": "ALL" })).expect("a capability");
        let at = format!("http://127.0.0.1:{}", self.port);
        let browser = WebDriver::builder(&at, wanted).client(Direct).await.expect("a browser");
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": touched });
        let cdp = browser.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", metrics).await.expect("a screen");
        let theme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        cdp.send_raw("Emulation.setEmulatedMedia", media).await.expect("a theme");
        browser
    }
}

/// What the page's console said since it was asked last: a policy that was broken, a script that failed.
pub async fn complaints(browser: &WebDriver) -> Vec<String> {
    let log = browser.get_log("browser").await.expect("the console's log");
    let bad = |entry: &thirtyfour::BrowserLogEntry| format!("{entry:?}").contains("SEVERE");
    log.into_iter().filter(bad).map(|entry| format!("{entry:?}")).filter(|said| !said.contains("status of 4")).collect()
}

/// What a script in the page gives.
pub async fn script(browser: &WebDriver, text: &str) -> Value {
    browser.execute(text, vec![]).await.unwrap_or_else(|error| panic!("{text}: {error}")).json().clone()
}

/// Presses what sends a form, and waits until the page that answers is there: the click ends as soon as the form is on its way.
pub async fn press(browser: &WebDriver, button: &str) {
    let found = browser.find(By::Css(button)).await.unwrap_or_else(|error| panic!("{button} is there: {error}"));
    found.scroll_into_view().await.expect("in view");
    script(browser, "document.documentElement.dataset.old = 'yes'").await;
    found.click().await.expect("pressed");
    eventually("the next page is there", async || {
        // Between two documents no script runs.
        let next = "return document.readyState === 'complete' && !document.documentElement.dataset.old";
        browser.execute(next, vec![]).await.is_ok_and(|next| *next.json() == true).then_some(())
    })
    .await;
}

/// Keeps what the browser shows among the build's output.
pub async fn picture(browser: &WebDriver, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/console");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    browser.screenshot(&folder.join(format!("{name}.png"))).await.expect("a picture");
}

/// HTTP to the driver, which listens on the loopback.
struct Direct;

#[async_trait]
impl HttpClient for Direct {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let (head, body) = request.into_parts();
        let body = match body {
            Body::Empty => Bytes::new(),
            Body::Json(json) => Bytes::from(json.to_string()),
        };
        let wrong = |error: String| WebDriverError::from_inner(WebDriverErrorInner::HttpError(error));
        let at = head.uri.authority().map(ToString::to_string).unwrap_or_default();
        let stream = TcpStream::connect(&at).await.map_err(|error| wrong(error.to_string()))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| wrong(error.to_string()))?;
        tokio::spawn(connection);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let mut asked = Request::new(Full::new(body));
        *asked.method_mut() = head.method;
        *asked.uri_mut() = path.parse().map_err(|_| wrong(path.clone()))?;
        *asked.headers_mut() = head.headers;
        asked.headers_mut().insert(http::header::HOST, at.parse().map_err(|_| wrong(at.clone()))?);
        let answer =
            tokio::time::timeout(NEVER, sender.send_request(asked)).await.map_err(|error| wrong(error.to_string()))?;
        let (head, body) = answer.map_err(|error| wrong(error.to_string()))?.into_parts();
        let body = body.collect().await.map_err(|error| wrong(error.to_string()))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Direct)
    }
}
