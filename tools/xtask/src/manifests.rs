//! `cargo xtask manifests`: every overlay is rendered and checked against the schemas of Kubernetes, every command line
//! of the suite with its settings is judged by the program itself, and the network lets through what the services need.

mod network;
mod pods;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize as _;
use serde_norway::Value;

/// Components, `labels` and `patches` as the overlays write them.
const KUSTOMIZE_MAJOR: u32 = 5;

/// Programs that judge.
#[derive(Args)]
pub struct Judges {
    /// The program `kubectl`
    #[arg(long, default_value = "kubectl")]
    kubectl: PathBuf,
    /// The program `kubernetes-validate` of PyPI
    #[arg(long, default_value = "kubernetes-validate")]
    validator: PathBuf,
    /// The program `tally`; by default the one beside this one, as `cargo build` made it
    #[arg(long)]
    tally: Option<PathBuf>,
}

/// What is wrong with the manifests.
pub fn complaints(root: &Path, judges: &Judges) -> Result<Vec<String>> {
    let tally = match &judges.tally {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("tally"),
    };
    if !tally.is_file() {
        bail!("{} is missing: run `cargo build -p tally`", tally.display());
    }
    kustomize_is_new_enough(&judges.kubectl)?;
    let mut found = pods::of_compose(root, &tally)?;
    let peers = network::real_peers(&tally)?;
    let overlays = folders(&root.join("k8s/overlays"))?;
    if overlays.is_empty() {
        bail!("k8s/overlays holds no overlay");
    }
    for overlay in overlays {
        let name = overlay.strip_prefix(root)?.display().to_string();
        let text = said(Command::new(&judges.kubectl).arg("kustomize").arg(&overlay))?;
        let mut wrong = schemas(&judges.validator, &text)?;
        let objects = objects(&text)?;
        wrong.extend(pods::of_cluster(&objects, &tally)?);
        wrong.extend(network::complaints(&objects, &peers));
        wrong.extend(network::in_clear(&objects));
        found.extend(wrong.into_iter().map(|why| format!("{name}: {why}")));
    }
    Ok(found)
}

fn folders(under: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(under).with_context(|| under.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut folders: Vec<_> = paths.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

fn kustomize_is_new_enough(kubectl: &Path) -> Result<()> {
    let version = said(Command::new(kubectl).args(["version", "--client", "--output=json"])).with_context(|| {
        format!("kubectl with kustomize {KUSTOMIZE_MAJOR} or newer is needed (kubectl 1.27 or newer)")
    })?;
    judge_version(&serde_norway::from_str(&version)?)
}

fn judge_version(version: &Value) -> Result<()> {
    let kustomize = version["kustomizeVersion"].as_str().unwrap_or("of an unknown version");
    let major = kustomize.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < KUSTOMIZE_MAJOR) {
        let kubectl = version["clientVersion"]["gitVersion"].as_str().unwrap_or("of an unknown version");
        bail!(
            "kubectl {kubectl} brings kustomize {kustomize}, which cannot read the overlays: kustomize {KUSTOMIZE_MAJOR} or \
             newer is needed (kubectl 1.27 or newer)"
        );
    }
    Ok(())
}

/// What the schemas say against a rendered overlay.
fn schemas(validator: &Path, text: &str) -> Result<Vec<String>> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    std::fs::write(file.path(), text)?;
    let output = Command::new(validator).args(["--strict", "--quiet"]).arg(file.path()).output();
    let output = output.with_context(|| {
        format!("{} does not start: pip install kubernetes-validate (.ci/run has the version)", validator.display())
    })?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let lines = [output.stdout, output.stderr].concat();
    let lines = String::from_utf8_lossy(&lines).replace(&file.path().display().to_string(), "");
    Ok(lines.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn objects(text: &str) -> Result<Vec<Value>> {
    let objects = serde_norway::Deserializer::from_str(text).map(|object| Ok(Value::deserialize(object)?));
    objects.collect()
}

/// What a program writes, which must end well.
fn said(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} does not start"))?;
    if !output.status.success() {
        bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubectl_that_is_too_old_is_named() {
        let judge = |json: &str| judge_version(&serde_norway::from_str(json).unwrap()).map_err(|e| e.to_string());
        let debian = judge(r#"{"clientVersion": {"gitVersion": "v1.20.2"}}"#).unwrap_err();
        assert!(debian.contains("kubectl v1.20.2"), "{debian}");
        let old = r#"{"clientVersion": {"gitVersion": "v1.26.0"}, "kustomizeVersion": "v4.5.7"}"#;
        assert!(judge(old).unwrap_err().contains("kustomize v4.5.7"));
        judge(r#"{"clientVersion": {"gitVersion": "v1.32.4"}, "kustomizeVersion": "v5.5.0"}"#).unwrap();
        judge(r#"{"clientVersion": {"gitVersion": "v1.99.0"}, "kustomizeVersion": "v10.0.0"}"#).unwrap();
    }
}
