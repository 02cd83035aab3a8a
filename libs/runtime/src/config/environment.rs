//! What the user's environment says beside settings.

use tally_access::Locale;

/// Where programs of this user keep what they remember (XDG base directories).
pub(super) fn state_folder(environment: &[(String, String)]) -> Option<String> {
    let found = |name: &str| environment.iter().find(|(known, value)| known == name && value.starts_with('/'));
    let own = found("XDG_STATE_HOME").map(|(_, folder)| folder.clone());
    own.or_else(|| found("HOME").map(|(_, home)| format!("{}/.local/state", home.trim_end_matches('/'))))
}

/// The language that the user's environment asks for.
pub fn spoken() -> Locale {
    let set = |name| std::env::vars_os().find(|(known, value)| known == name && !value.is_empty());
    let tag = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).and_then(|(_, tag)| tag.into_string().ok());
    tag.and_then(|tag| Locale::of_tag(&tag)).unwrap_or_default()
}
