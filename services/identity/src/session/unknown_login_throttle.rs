//! Wrong tries at names that nobody has. They wait as others do, or waiting would tell which names there are. They are
//! counted where all processes of identity count together, and not in the store: whoever makes up names must not fill it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tally_cache::{Cache, Draw};

use super::domain::{LoginName, WRONG_PASSWORDS, digest};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct UnknownLoginThrottle(Cache);

impl UnknownLoginThrottle {
    pub(crate) fn new(cache: Cache) -> Self {
        Self(cache)
    }

    /// Counts a try at this name, which can only be wrong, and says whether it is not even looked at.
    pub(crate) async fn blocks(&self, name: &str) -> bool {
        // As the directory would spell it.
        let digest = match name.parse::<LoginName>() {
            Ok(name) => digest(name.as_str().as_bytes()),
            Err(_) => digest(name.as_bytes()),
        };
        let name = format!("unknown-login:{}", URL_SAFE_NO_PAD.encode(digest));
        self.0.take(&[Draw { name, bucket: WRONG_PASSWORDS }]).await.is_err()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tally_testkit::redis::Redis;

    use super::*;

    #[tokio::test]
    async fn all_processes_count_a_name_together_and_each_by_itself_without_redis() {
        let redis = Redis::start();
        let process =
            || UnknownLoginThrottle::new(Cache::redis(&redis.url(), Duration::from_secs(5)).expect("an address"));
        let (one, other) = (process(), process());
        for spelling in ["nobody", "NoBody", " nobody", "nobody ", "NOBODY"] {
            assert!(!one.blocks(spelling).await, "{spelling:?}");
        }
        assert!(other.blocks("nobody").await && one.blocks("nobody").await);
        assert!(!other.blocks("somebody else").await);
        drop(redis);
        for process in [one, other] {
            for _ in 0..5 {
                assert!(!process.blocks("nobody").await);
            }
            assert!(process.blocks("nobody").await);
        }
    }
}
