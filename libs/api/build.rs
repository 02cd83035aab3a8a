//! Generates messages, clients and servers from `proto/`, writes the descriptor set with its options (prost drops
//! them), and refuses a message with a field whose data class nobody declared. Messages that hold what not everybody may
//! read print without it: `{:?}` is how values come into logs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, Value};

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
    refuse_unclassified(&pool)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), &encoded)?;
    let redacted = write_redacted(&pool, &out)?;
    tonic_prost_build::configure().skip_debug(&redacted).compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Writes `Debug` of every message with a field that not everybody may read, a file for each package, and gives their names.
fn write_redacted(pool: &DescriptorPool, out: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let class = class_option(pool)?;
    let (mut files, mut names) = (BTreeMap::<String, String>::new(), Vec::new());
    for message in pool.all_messages().filter(|m| m.full_name().starts_with("tally.")) {
        let file = files.entry(message.package_name().to_owned()).or_default();
        if message.fields().any(|field| closed(&field, &class).is_some()) {
            debug_of(&message, &class, file)?;
            names.push(format!(".{}", message.full_name()));
        }
    }
    for (package, text) in files {
        fs::write(out.join(format!("redacted.{package}.rs")), text)?;
    }
    Ok(names)
}

/// The class of a field that not everybody may read.
fn closed(field: &FieldDescriptor, class: &ExtensionDescriptor) -> Option<String> {
    let number = field.options().get_extension(class).as_enum_number().filter(|number| !FREE.contains(number))?;
    let classes = class.kind();
    let name = classes.as_enum()?.get_value(number)?.name().to_owned();
    Some(name.trim_start_matches("DATA_CLASS_").to_owned())
}

fn debug_of(message: &MessageDescriptor, class: &ExtensionDescriptor, into: &mut String) -> Result<(), String> {
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
        match closed(&field, class) {
            None => writeln!(into, ".field(\"{name}\", &self.r#{name})"),
            Some(class) => writeln!(into, ".field(\"{name}\", &crate::redact::hidden(&self.r#{name}, \"{class}\"))"),
        }
        .map_err(fault)?;
    }
    into.push_str(".finish()\n}\n}\n");
    Ok(())
}

fn class_option(pool: &DescriptorPool) -> Result<ExtensionDescriptor, String> {
    pool.get_extension_by_name("tally.common.v1.data_class").ok_or("no option tally.common.v1.data_class".to_owned())
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

fn refuse_unclassified(pool: &DescriptorPool) -> Result<(), String> {
    let class = class_option(pool)?;
    let unclassified: Vec<String> = pool
        .all_messages()
        .filter(|m| m.full_name().starts_with("tally."))
        .flat_map(|m| m.fields().collect::<Vec<_>>())
        .filter(|f| !matches!(f.options().get_extension(&class).as_ref(), Value::EnumNumber(n) if *n > 0))
        .map(|f| f.full_name().to_owned())
        .collect();
    if unclassified.is_empty() {
        return Ok(());
    }
    Err(format!("fields without (tally.common.v1.data_class): {}", unclassified.join(", ")))
}
