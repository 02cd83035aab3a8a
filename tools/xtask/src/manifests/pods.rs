//! The containers of the suite: the program judges each command line with its environment, and secrets are mounted so that
//! the program's user can read them and nobody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_norway::{Mapping, Value};

/// The suite's container in the manifests, and its image in the compose file.
const IMAGE: &str = "tally";
const OWNER: &str = "TALLY_DATABASE_OWNER_URL";
/// What stands in place of values that are nobody's business here.
const SAMPLES: [(&str, &str); 4] = [
    ("TALLY_DATABASE_URL", "postgres://tally_{service}:secret@postgres/tally"),
    (OWNER, "postgres://tally:secret@postgres/tally"),
    ("TALLY_REDIS_URL", "redis://redis:6379"),
    ("GROUP_ID", "019a0000-0000-7000-8000-000000000001"),
];
/// What the secrets hold that a container takes whole, as k8s/base/settings.yaml says.
const SECRETS: [(&str, &[&str]); 1] = [("tally-secrets", &["TALLY_DATABASE_URL", "TALLY_REDIS_URL"])];

/// A command line and what it finds in its environment.
struct Container {
    name: String,
    args: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// What is wrong with the containers of the compose file, and with what the Dockerfile sets for all.
pub fn of_compose(root: &Path, tally: &Path) -> Result<Vec<String>> {
    let dockerfile = std::fs::read_to_string(root.join("Dockerfile"))?;
    let text = with_passwords(&std::fs::read_to_string(root.join("docker-compose.yml"))?);
    let mut compose: Value = serde_norway::from_str(&text).context("docker-compose.yml")?;
    compose.apply_merge().context("docker-compose.yml")?;
    let mut found = Vec::new();
    let services = compose["services"].as_mapping().cloned().unwrap_or_default();
    let ours = services.iter().filter(|(_, service)| service["image"].as_str() == Some(IMAGE));
    let mut seen = 0;
    for (name, service) in ours {
        let mut environment = of_dockerfile(&dockerfile);
        environment.extend(strings(service["environment"].as_mapping()));
        let name = format!("docker-compose.yml: {}", name.as_str().unwrap_or_default());
        let container = Container { name, args: list(&service["command"]), environment };
        found.extend(container.judged_by(tally)?);
        seen += 1;
    }
    if seen == 0 {
        found.push(format!("docker-compose.yml: no service has the image {IMAGE}"));
    }
    Ok(found)
}

/// The text as compose reads it: a password in place of each `${..}`, of which nothing else is made.
fn with_passwords(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    rest.fold(first, |text, after| text + "secret" + after)
}

/// What `ENV NAME=VALUE ..` sets.
fn of_dockerfile(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.trim().strip_prefix("ENV ")).flat_map(str::split_whitespace);
    pairs.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What is wrong with the pods of a rendered overlay.
pub fn of_cluster(objects: &[Value], tally: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for workload in objects.iter().filter(|o| matches!(o["kind"].as_str(), Some("Deployment" | "Job"))) {
        let name = workload["metadata"]["name"].as_str().unwrap_or_default();
        let spec = &workload["spec"]["template"]["spec"];
        found.extend(mounts(spec).into_iter().map(|why| format!("{name}: {why}")));
        for container in sequence(&spec["containers"]) {
            // By its name: an overlay may take the image from a registry of its own. What a mesh puts beside is its business.
            if container["name"] != IMAGE {
                continue;
            }
            let container = Container {
                name: name.to_owned(),
                args: list(&container["args"]),
                environment: set(container, objects)?,
            };
            found.extend(container.judged_by(tally)?);
            found.extend(container.owner());
        }
    }
    Ok(found)
}

/// The environment of a container: config maps as they are, secrets by samples.
fn set(container: &Value, objects: &[Value]) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for from in sequence(&container["envFrom"]) {
        if let Some(name) = from["configMapRef"]["name"].as_str() {
            let map = objects.iter().find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == name);
            let map = map.with_context(|| format!("there is no config map {name}"))?;
            all.extend(strings(map["data"].as_mapping()));
        }
        if let Some(name) = from["secretRef"]["name"].as_str() {
            let secret = SECRETS.iter().find(|secret| secret.0 == name);
            let (_, keys) =
                secret.with_context(|| format!("tools/xtask does not know what the secret {name} holds"))?;
            all.extend(keys.iter().map(|key| ((*key).to_owned(), sample(key))));
        }
    }
    for one in sequence(&container["env"]) {
        let name = one["name"].as_str().unwrap_or_default();
        let value = one["value"].as_str().map_or_else(|| sample(name), str::to_owned);
        all.insert(name.to_owned(), value);
    }
    Ok(all)
}

fn sample(name: &str) -> String {
    SAMPLES.iter().find(|sample| sample.0 == name).map_or("sample", |sample| sample.1).to_owned()
}

impl Container {
    /// The owner of the schemas is for the migration, and for nobody else.
    fn owner(&self) -> Option<String> {
        match (self.args.iter().any(|arg| arg == "migrate"), self.environment.contains_key(OWNER)) {
            (true, false) => Some(format!("{}: the migration needs {OWNER}", self.name)),
            (false, true) => Some(format!("{}: {OWNER} is for the migration alone", self.name)),
            _ => None,
        }
    }

    /// What the program says against the command line and the settings, which it prints instead of doing its work.
    fn judged_by(&self, tally: &Path) -> Result<Option<String>> {
        // `$(NAME)` of Kubernetes.
        let expanded = self.args.iter().map(|arg| {
            let put = |arg: String, (name, value): (&String, &String)| arg.replace(&format!("$({name})"), value);
            self.environment.iter().fold(arg.clone(), put)
        });
        let mut command = Command::new(tally);
        command.args(expanded).arg("--dump-config").env_clear().envs(&self.environment);
        let output = command.output().with_context(|| tally.display().to_string())?;
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok((!output.status.success()).then(|| format!("{}: {why}", self.name)))
    }
}

/// Secrets that others than the program could read, or that the program could not.
fn mounts(spec: &Value) -> Vec<String> {
    let group = spec["securityContext"]["fsGroup"].as_u64();
    let mut found = Vec::new();
    for volume in sequence(&spec["volumes"]) {
        let place = if volume["projected"].is_mapping() { &volume["projected"] } else { &volume["secret"] };
        if !place.is_mapping() {
            continue;
        }
        let name = volume["name"].as_str().unwrap_or_default();
        if place["defaultMode"].as_u64() != Some(0o440) {
            found.push(format!("the volume {name} holds secrets: its defaultMode must be 0440"));
        }
        if group.is_none() {
            found
                .push(format!("the volume {name} holds secrets of root: without fsGroup the program cannot read them"));
        }
    }
    found
}

fn sequence(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn list(value: &Value) -> Vec<String> {
    sequence(value).iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn strings(map: Option<&Mapping>) -> BTreeMap<String, String> {
    let pairs = map.into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_stands_where_compose_puts_one() {
        let text = "a: tally_{service}:${PW:?choose one in .env}@host\nb: ${PW}";
        assert_eq!(with_passwords(text), "a: tally_{service}:secret@host\nb: secret");
    }

    #[test]
    fn a_secret_that_the_program_could_not_read_or_others_could_is_found() {
        let wrong = |yaml: &str| mounts(&serde_norway::from_str(yaml).unwrap());
        let volume =
            |mode: u32, rest: &str| format!("volumes: [{{name: keys, secret: {{defaultMode: {mode}}}}}]\n{rest}");
        let group = "securityContext: {fsGroup: 65532}";
        assert!(wrong(&volume(0o440, group)).is_empty());
        assert!(wrong(&volume(0o400, group))[0].contains("0440"));
        assert!(wrong(&volume(0o440, ""))[0].contains("fsGroup"));
        assert!(
            wrong("volumes: [{name: keys, projected: {sources: []}}]\nsecurityContext: {fsGroup: 1}")[0]
                .contains("0440")
        );
    }

    #[test]
    fn only_the_migration_has_the_owners_url() {
        let of = |args: &[&str], names: &[&str]| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            let environment = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            Container { name: "one".to_owned(), args, environment }.owner()
        };
        assert_eq!(of(&["migrate"], &[OWNER]), None);
        assert_eq!(of(&["serve"], &[]), None);
        assert!(of(&["migrate"], &[]).is_some_and(|why| why.contains("needs")));
        assert!(of(&["serve"], &[OWNER]).is_some_and(|why| why.contains("alone")));
    }

    #[test]
    fn what_a_dockerfile_sets_is_seen() {
        let set = of_dockerfile("FROM scratch\nENV TALLY_SERVER_LISTEN=0.0.0.0:1 TALLY_X=2\nUSER 1\n");
        assert_eq!(set.get("TALLY_X").map(String::as_str), Some("2"));
        assert_eq!(set.len(), 2);
    }
}
