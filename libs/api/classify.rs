//! The data class of every field: its own, or else the default of its message. The build asks, to refuse a field with
//! neither, and so does the library.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor};

/// The number of the class of every field of the suite, by the field's full name.
///
/// # Errors
/// The fields without a class. One that says UNSPECIFIED has none, whatever its message says.
pub(crate) fn classes(pool: &DescriptorPool) -> Result<HashMap<String, i32>, String> {
    let (own, default) = (option(pool, "data_class")?, option(pool, "default_class")?);
    let (mut classes, mut without) = (HashMap::new(), Vec::new());
    for message in pool.all_messages().filter(|message| message.full_name().starts_with("tally.")) {
        for field in message.fields() {
            match class_of(&field, &own, &default) {
                Some(class) => _ = classes.insert(field.full_name().to_owned(), class),
                None => without.push(field.full_name().to_owned()),
            }
        }
    }
    if without.is_empty() { Ok(classes) } else { Err(format!("fields without a data class: {}", without.join(", "))) }
}

fn option(pool: &DescriptorPool, name: &str) -> Result<ExtensionDescriptor, String> {
    let name = format!("tally.common.v1.{name}");
    pool.get_extension_by_name(&name).ok_or_else(|| format!("no option {name}"))
}

fn class_of(field: &FieldDescriptor, own: &ExtensionDescriptor, default: &ExtensionDescriptor) -> Option<i32> {
    let options = field.options();
    let said = match options.has_extension(own) {
        true => options.get_extension(own).as_enum_number(),
        false => field.parent_message().options().get_extension(default).as_enum_number(),
    };
    said.filter(|class| *class > 0)
}
