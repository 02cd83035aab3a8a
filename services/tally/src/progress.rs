//! Progress on the error stream, for work that takes longer than two seconds, and only when somebody looks.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tally_kernel::Message;

use crate::language::Language;

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether progress is shown.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
    lang: Language,
}

impl Progress {
    /// Shows bars in this language on the error stream when it is a terminal, unless `quiet`.
    pub fn new(quiet: bool, lang: Language) -> Self {
        Self { quiet, lang }
    }

    /// A bar that appears after two seconds; a total of 0 is not known yet.
    pub fn bar(&self, what: &Message, total: u64) -> Bar {
        Bar { what: self.lang.say(what), quiet: self.quiet, began: Instant::now(), shown: RefCell::new(None), total }
    }
}

/// One piece of long work.
pub struct Bar {
    what: String,
    quiet: bool,
    began: Instant,
    shown: RefCell<Option<ProgressBar>>,
    total: u64,
}

impl Bar {
    /// So many are done.
    pub fn set(&self, done: u64) {
        self.of(done, self.total, "");
    }

    /// So many of so many are done, at this step.
    pub fn of(&self, done: u64, total: u64, step: &str) {
        if self.quiet || self.began.elapsed() < PATIENCE {
            return;
        }
        let mut shown = self.shown.borrow_mut();
        let bar = shown.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{prefix:>24} [{bar:30}] {human_pos}/{human_len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar.set_prefix(self.what.clone());
            bar
        });
        bar.set_length(total.max(done));
        bar.set_position(done);
        bar.set_message(step.to_owned());
    }

    /// Takes the bar away.
    pub fn done(&self) {
        if let Some(bar) = self.shown.borrow().as_ref() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::msg;

    use super::*;

    #[test]
    fn a_bar_says_what_is_done_in_the_readers_language() {
        for what in [
            msg!("PROGRESS_READING"),
            msg!("PROGRESS_MAKING"),
            msg!("PROGRESS_COUNTING"),
            msg!("PROGRESS_ROWS"),
            msg!("STEP_RECORDS"),
            msg!("STEP_REPLIES"),
            msg!("STEP_CYCLE"),
            msg!("STEP_CREDITS"),
        ] {
            let label = |lang| Progress::new(true, lang).bar(&what, 0).what;
            let (english, chinese) = (label(Language::En), label(Language::ZhCn));
            assert!(english.is_ascii() && english.contains(|c: char| c.is_ascii_lowercase()), "{english}");
            assert!(!chinese.contains(|c: char| c.is_ascii()), "{chinese}");
        }
    }
}
