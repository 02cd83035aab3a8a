//! Pages as the Nu HTML checker judges them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::process::Command;

use crate::chrome::script;

/// Attributes of htmx, which no checker knows.
const OURS: &str = "Attribute “hx-";

/// Pages as they were served, until all of them are judged at once: the checker takes a second to begin.
pub struct Pages {
    folder: TempDir,
    /// What each was: its role and address.
    named: Vec<String>,
}

impl Pages {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), named: Vec::new() }
    }

    fn file(&self, at: usize) -> PathBuf {
        self.folder.path().join(format!("{at}.html"))
    }

    /// Keeps the page that is shown, as it was served and before any script touched it.
    pub async fn keep(&mut self, browser: &WebDriver, name: String) {
        script(
            browser,
            "window.served = ''; fetch(location.href).then((it) => it.text()).then((it) => window.served = it)",
        )
        .await;
        let served = tally_testkit::eventually("the page is served again", async || {
            let served = script(browser, "return window.served").await.as_str().unwrap_or_default().to_owned();
            (!served.is_empty()).then_some(served)
        });
        std::fs::write(self.file(self.named.len()), served.await).expect("written");
        self.named.push(name);
    }

    /// What is wrong with them; nothing where there is no checker here, which is said.
    pub async fn faults(&self) -> Vec<String> {
        let Some(jar) = jar() else { return Vec::new() };
        let judged = Command::new("java")
            .args(["-Xss8m", "-jar"])
            .arg(jar)
            .args(["--format", "json", "--stdout", "--exit-zero-always", "--errors-only"])
            .arg(self.folder.path())
            .output()
            .await
            .expect("java runs");
        let text = String::from_utf8_lossy(&judged.stdout).into_owned();
        let judged: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let messages = judged["messages"].as_array().expect("messages");
        messages.iter().filter_map(|message| self.fault(message)).collect()
    }

    fn fault(&self, message: &Value) -> Option<String> {
        let said = message["message"].as_str().unwrap_or_default();
        if said.starts_with(OURS) {
            return None;
        }
        let file = Path::new(message["url"].as_str().unwrap_or_default());
        let at = file.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<usize>().ok());
        let page = at.and_then(|at| self.named.get(at)).map_or("", String::as_str);
        let extract = message["extract"].as_str().unwrap_or_default();
        Some(format!("{page}: {said} ({extract})"))
    }
}

/// The checker, which `./test` fetches; in CI it must be there.
fn jar() -> Option<PathBuf> {
    let fetched = std::env::var_os("TALLY_TEST_CLIENTS").map(PathBuf::from);
    let jar = fetched.map(|at| at.join("node_modules/vnu-jar/build/dist/vnu.jar")).filter(|jar| jar.is_file());
    let java = std::env::split_paths(&std::env::var_os("PATH")?).any(|folder| folder.join("java").is_file());
    if jar.is_none() || !java {
        assert!(std::env::var_os("CI").is_none(), "CI has no Nu HTML checker: ./test fetches it and installs Java");
        eprintln!("not judged: no Nu HTML checker here (Debian: default-jre-headless; ./test fetches the rest)");
    }
    jar.filter(|_| java)
}
