//! Keyset pages: an opaque token remembers the last key and what was asked, and is refused for another question.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result, Violation};
use crate::msg;

/// Rows of a page when the caller names no size.
pub const DEFAULT_SIZE: u32 = 50;
/// The largest page; a larger wish is cut to it.
pub const MAX_SIZE: u32 = 1000;

/// What a list says to a token that is not its own: the field, as of every other that cannot be read.
pub fn token_invalid() -> Error {
    Error::invalid(vec![Violation { field: "page_token".to_owned(), message: msg!("PAGE_TOKEN_INVALID") }])
}

/// A checked page request: how many rows, and after which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Rows wanted, 1 to [`MAX_SIZE`].
    pub size: u32,
    /// The last key of the page before, or nothing for the first page.
    pub after: Option<String>,
    question: [u8; 8],
}

impl Page {
    /// Reads a request. `question` is everything else that was asked (filters, order), so that a token cannot be used
    /// with another one. A size of 0 means [`DEFAULT_SIZE`].
    ///
    /// # Errors
    /// [`token_invalid`] when the token is not ours or belongs to another question.
    pub fn read(size: u32, token: &str, question: &[u8]) -> Result<Self> {
        let mut digest = [0; 8];
        digest.copy_from_slice(&blake3::hash(question).as_bytes()[..8]);
        let size = if size == 0 { DEFAULT_SIZE } else { size.min(MAX_SIZE) };
        if token.is_empty() {
            return Ok(Self { size, after: None, question: digest });
        }
        let raw = URL_SAFE_NO_PAD.decode(token).map_err(|_| token_invalid())?;
        let (head, key) = raw.split_at_checked(8).ok_or_else(token_invalid)?;
        if head != digest {
            return Err(token_invalid());
        }
        let after = std::str::from_utf8(key).map_err(|_| token_invalid())?.to_owned();
        Ok(Self { size, after: Some(after), question: digest })
    }

    /// The token for the page after the row with this key.
    pub fn token(&self, last_key: &str) -> String {
        URL_SAFE_NO_PAD.encode([self.question.as_slice(), last_key.as_bytes()].concat())
    }

    /// Cuts `rows`, fetched with `size + 1` as limit, to the page, and gives the next token (empty at the end).
    pub fn cut<T>(&self, rows: &mut Vec<T>, key: impl Fn(&T) -> String) -> String {
        let size = self.size as usize;
        if rows.len() <= size {
            return String::new();
        }
        rows.truncate(size);
        rows.last().map(|row| self.token(&key(row))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violations;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all: Vec<u32> = (0..7).collect();
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = Page::read(3, &token, b"all").unwrap();
            let after: Option<u32> = page.after.as_deref().map(|k| k.parse().unwrap());
            let mut rows: Vec<u32> = all.iter().copied().filter(|r| after.is_none_or(|a| *r > a)).take(4).collect();
            token = page.cut(&mut rows, u32::to_string);
            seen.extend(rows);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_token_of_another_question_or_a_tampered_one_is_refused() {
        let token = Page::read(3, "", b"unit=a").unwrap().token("7");
        assert!(Page::read(3, &token, b"unit=a").is_ok());
        for (token, question) in [(token.as_str(), b"unit=b"), ("%%%", b"unit=a")] {
            let refused = Page::read(3, token, question).unwrap_err();
            let [wrong] = refused.violations() else { panic!("{refused:?}") };
            assert_eq!((wrong.field.as_str(), wrong.message.reason()), ("page_token", "PAGE_TOKEN_INVALID"));
            // Beside others it is told as it is alone.
            let mut all = Violations::new();
            all.push("name", msg!("TEXT_EMPTY"));
            assert_eq!(all.take("page_token", Page::read(3, token, question)), None);
            assert_eq!(all.finish(Some(())).unwrap_err().violations()[1..], *refused.violations());
        }
    }
}
