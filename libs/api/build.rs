//! Generates messages, clients and servers from `proto/`, writes the descriptor set with its options (prost drops
//! them), and refuses a message with a field whose data class nobody declared.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost_reflect::{DescriptorPool, Value};

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
    refuse_unclassified(&DescriptorPool::decode(encoded.as_slice())?)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("descriptors.binpb"), &encoded)?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
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
    let class =
        pool.get_extension_by_name("tally.common.v1.data_class").ok_or("no option tally.common.v1.data_class")?;
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
