//! What axe-core says of a page: nothing.

use serde_json::Value;
use thirtyfour::WebDriver;

use crate::chrome::script;

const AXE: &str = include_str!("vendor/axe.min.js");
/// WCAG 2.2 up to AA, and what the makers of axe hold for good.
const RULES: &str = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']";

/// What is wrong with the page: rule, what it is about, and where.
pub async fn violations(browser: &WebDriver) -> Vec<String> {
    script(browser, AXE).await;
    let run = format!(
        "const done = arguments[arguments.length - 1]; axe.run(document, {{ runOnly: {RULES}, resultTypes: ['violations'] }}).then((it) => done(it.violations.map((v) => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | '))), (e) => done(['axe: ' + e]));"
    );
    let said = browser.execute_async(&run, vec![]).await.expect("axe runs");
    let Value::Array(said) = said.json().clone() else { return vec![format!("axe said {:?}", said.json())] };
    said.into_iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    #[test]
    fn axe_is_as_it_was_published() {
        let sums = include_str!("vendor/SHA256SUMS");
        assert_eq!(sums.split(' ').next(), Some(hex::encode(Sha256::digest(super::AXE)).as_str()));
    }
}
