//! The class of every field, as a committed list: what a contract opens or closes is seen in review, also where a message's
//! default says it.

use std::fmt::Write as _;

use tally_api::classes::{class_of, pool};

#[test]
fn the_class_of_every_field_is_the_committed_one() {
    let mut messages: Vec<_> = pool().all_messages().filter(|m| m.full_name().starts_with("tally.")).collect();
    messages.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    let mut text = String::new();
    for message in messages.iter().filter(|message| message.fields().len() > 0) {
        writeln!(text, "{}", message.full_name()).unwrap();
        for field in message.fields() {
            let class = class_of(field.full_name()).as_str_name().trim_start_matches("DATA_CLASS_");
            writeln!(text, "    {} {class}", field.name()).unwrap();
        }
    }
    insta::assert_snapshot!("classes", text);
}
