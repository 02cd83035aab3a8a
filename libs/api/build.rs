//! Generates messages, clients and servers from `proto/`, writes the descriptor set with its options (prost drops
//! them), and refuses a message with a field whose data class neither it nor its message declares. Messages that hold what not everybody may
//! read print without it: `{:?}` is how values come into logs. Messages that are events say their kind and key.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, MessageDescriptor, Value};

mod classify;

/// The classes that everybody who may call an rpc may read, by number: PUBLIC and INTERNAL.
const FREE: [i32; 2] = [1, 2];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    // Without this line a changed proto outside the crate goes unnoticed.
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    protos(root, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let encoded = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(encoded.as_slice())?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), &encoded)?;
    let redacted = write_impls(&pool, &out)?;
    tonic_prost_build::configure().skip_debug(&redacted).compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Writes what messages are beside prost's part, a file for each package, and gives the names of those whose `Debug` it holds:
/// that of every message with a field that not everybody may read.
fn write_impls(pool: &DescriptorPool, out: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let names = pool.get_enum_by_name("tally.common.v1.DataClass").ok_or("no enum tally.common.v1.DataClass")?;
    let classes = Classes { of: classify::classes(pool)?, names };
    let event = pool.get_extension_by_name("tally.common.v1.event").ok_or("no option tally.common.v1.event")?;
    let (mut files, mut names) = (BTreeMap::<String, String>::new(), Vec::new());
    for message in pool.all_messages().filter(|m| m.full_name().starts_with("tally.")) {
        let file = files.entry(message.package_name().to_owned()).or_default();
        if message.fields().any(|field| classes.closed(&field).is_some()) {
            debug_of(&message, &classes, file)?;
            names.push(format!(".{}", message.full_name()));
        }
        if message.options().has_extension(&event) {
            let options = message.options().get_extension(&event).into_owned();
            event_of(&message, options.as_message().ok_or("an event is a message")?, file)?;
        }
    }
    for (package, text) in files {
        fs::write(out.join(format!("impls.{package}.rs")), text)?;
    }
    Ok(names)
}

struct Classes {
    of: HashMap<String, i32>,
    names: EnumDescriptor,
}

impl Classes {
    /// The class of a field that not everybody may read.
    fn closed(&self, field: &FieldDescriptor) -> Option<String> {
        let class = self.of.get(field.full_name()).filter(|class| !FREE.contains(class))?;
        let value = self.names.get_value(*class)?;
        Some(value.name().trim_start_matches("DATA_CLASS_").to_owned())
    }
}

fn debug_of(message: &MessageDescriptor, classes: &Classes, into: &mut String) -> Result<(), String> {
    let name = message.name();
    if message.parent_message().is_some() || message.oneofs().any(|oneof| !oneof.is_synthetic()) {
        return Err(format!(
            "{}: a message with a closed field stands by itself, and without oneof",
            message.full_name()
        ));
    }
    let fault = |e: std::fmt::Error| e.to_string();
    write!(into, "impl ::core::fmt::Debug for {name} {{\nfn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n")
        .map_err(fault)?;
    writeln!(into, "f.debug_struct(\"{name}\")").map_err(fault)?;
    for field in message.fields() {
        let name = field.name();
        match classes.closed(&field) {
            None => writeln!(into, ".field(\"{name}\", &self.r#{name})"),
            Some(class) => writeln!(into, ".field(\"{name}\", &crate::redact::hidden(&self.r#{name}, \"{class}\"))"),
        }
        .map_err(fault)?;
    }
    into.push_str(".finish()\n}\n}\n");
    Ok(())
}

fn event_of(message: &MessageDescriptor, options: &DynamicMessage, into: &mut String) -> Result<(), std::fmt::Error> {
    let (name, kind) = (message.name(), message.full_name());
    let key = options.get_field_by_name("key").and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_default();
    let formerly = options.get_field_by_name("formerly");
    let formerly: Vec<&str> =
        formerly.iter().filter_map(|kinds| kinds.as_list()).flatten().filter_map(Value::as_str).collect();
    writeln!(into, "impl crate::events::EventMessage for {name} {{")?;
    writeln!(into, "const KIND: &'static str = {kind:?};\nconst FORMERLY: &'static [&'static str] = &{formerly:?};")?;
    writeln!(into, "fn key(&self) -> &str {{ &self.r#{key} }}\n}}")
}

fn protos(dir: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            protos(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            into.push(path);
        }
    }
    Ok(())
}
