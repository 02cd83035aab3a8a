//! The main job on a bundle: the whole suite in this process, everything through its rpcs, results as files.

mod alone;
mod crew;
mod home;
mod results;
mod run;
mod settle;
mod summary;

pub use alone::close_alone;
pub use crew::{Crew, USERS, create_login, grant_role};
pub use home::{Home, Place, Ports, secret};
pub use results::{AccountEvidence, FINDINGS, PersonTotal, REJECTED, cards_of, findings_of, rejected, write_findings};
pub use run::{CloseOutcome, Job, clock_of, close, publish, watch};
pub use settle::{computable, policy, scheme, settle};
pub use summary::{FORM, Manifest, NotDone, Rejections, Summary, Timings, Versions, Worth, read as read_json};
