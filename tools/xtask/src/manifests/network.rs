//! The network policies of an overlay against what the services call: a small simulation of what Kubernetes lets through.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_norway::Value;

/// The port of every service.
const PORT: u64 = 7070;
const NAME: &str = "app.kubernetes.io/name";
const IN_CLEAR: &str = "TALLY_SERVER_I_KNOW_THIS_IS_PLAINTEXT_AND_EVERYBODY_ON_THE_NETWORK_CAN_READ_PAY";
/// The way of the sidecars to their control plane, in k8s/components/mesh.
const MESH: &str = "mesh-control-plane";

/// The doors: called from outside, and nobody's peer.
const GATEWAY: &str = "gateway";

/// Whom each service calls, and the gateway.
pub type Peers = BTreeMap<String, BTreeSet<String>>;

/// Whom each service calls, found out from the program itself: it does not start until it knows where they are.
pub fn real_peers(tally: &Path) -> Result<Peers> {
    let mut all = Peers::new();
    for service in services(tally)?.into_iter().chain([GATEWAY.to_owned()]) {
        let mut known = BTreeSet::new();
        while let Some(peer) = missing_peer(tally, &service, &known)? {
            if !known.insert(peer.clone()) {
                bail!("{service} asks for {peer} again and again");
            }
        }
        all.insert(service, known);
    }
    Ok(all)
}

fn services(tally: &Path) -> Result<Vec<String>> {
    let settings = super::said(Command::new(tally).args(["serve", "--dump-config"]).env_clear())?;
    let settings: toml::Table = settings.parse()?;
    let peers = settings.get("peers").and_then(toml::Value::as_table).context("no [peers] among the settings")?;
    Ok(peers.keys().cloned().collect())
}

/// The first peer that the service misses when it knows where these are; nothing when it serves.
fn missing_peer(tally: &Path, service: &str, known: &BTreeSet<String>) -> Result<Option<String>> {
    let data = tempfile::tempdir()?;
    let mut command = Command::new(tally);
    command.args(["serve", "--services", service, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).env_clear();
    command.args(["--set", &format!("database.url=sqlite://{}/{{service}}.db", data.path().display())]);
    for peer in known {
        command.args(["--set", &format!("peers.{peer}=http://127.0.0.1:9")]);
    }
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, errors) = (process.stdout.take().context("its output")?, process.stderr.take().context("its errors")?);
    // The log is read beside: a process whose log nobody reads would wait.
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(errors).read_to_string(&mut text).map(|_| text)
    });
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    if line.starts_with("serving") {
        process.kill()?;
        process.wait()?;
        return Ok(None);
    }
    process.wait()?;
    let text = errors.join().map_err(|_| anyhow::anyhow!("its errors cannot be read"))??;
    let peer = text.split_once("setting peers.").and_then(|(_, rest)| rest.split_once(':')).map(|(peer, _)| peer);
    match peer {
        Some(peer) => Ok(Some(peer.to_owned())),
        None => bail!("tally serve --services {service} did not start: {text}"),
    }
}

/// Where the policies and the services disagree, and services that are not headless.
pub fn complaints(objects: &[Value], peers: &Peers) -> Vec<String> {
    let of_kind = |kind: &'static str| objects.iter().filter(move |o| o["kind"] == kind);
    let pods: BTreeMap<&str, &Value> = of_kind("Deployment")
        .map(|deployment| &deployment["spec"]["template"]["metadata"]["labels"])
        .filter_map(|labels| Some((labels[NAME].as_str()?, labels)))
        .collect();
    let policies: Vec<&Value> = of_kind("NetworkPolicy").map(|policy| &policy["spec"]).collect();
    let mut found = Vec::new();
    let denies = |policy: &&Value| {
        let types = policy["policyTypes"].as_sequence();
        let both =
            types.is_some_and(|types| ["Ingress", "Egress"].iter().all(|kind| types.contains(&Value::from(*kind))));
        both && policy["podSelector"].as_mapping().is_some_and(serde_norway::Mapping::is_empty)
    };
    if !policies.iter().any(denies) {
        found.push("no network policy closes every pod (podSelector: {}, Ingress and Egress)".to_owned());
    }
    for (caller, called) in peers {
        let Some(from) = pods.get(caller.as_str()) else {
            found.push(format!("there is no deployment {caller}"));
            continue;
        };
        for (name, to) in pods.iter().filter(|(name, _)| **name != caller) {
            let leaves = passes(&policies, from, "egress", "to", to);
            let enters = passes(&policies, to, "ingress", "from", from);
            if leaves != called.contains(*name) {
                found.push(disagreement(caller, name, leaves, "the way out"));
            }
            if enters != called.contains(*name) {
                found.push(disagreement(caller, name, enters, "the way in"));
            }
        }
        if caller == GATEWAY {
            continue;
        }
        let headless = of_kind("Service").any(|s| s["metadata"]["name"] == *caller && s["spec"]["clusterIP"] == "None");
        if !headless {
            found.push(format!(
                "the service {caller} must be headless (clusterIP: None): clients balance over its pods"
            ));
        }
    }
    found
}

/// A stack whose services speak plaintext, and whose sidecars cannot reach a mesh that would encrypt it.
pub fn in_clear(objects: &[Value]) -> Option<String> {
    let is_in_clear = objects.iter().any(|o| o["kind"] == "ConfigMap" && o["data"][IN_CLEAR] == "true");
    let has_mesh = objects.iter().any(|o| o["kind"] == "NetworkPolicy" && o["metadata"]["name"] == MESH);
    (is_in_clear && !has_mesh).then(|| {
        format!("services speak plaintext ({IN_CLEAR}), and no network policy {MESH} lets sidecars reach a mesh")
    })
}

fn disagreement(caller: &str, called: &str, open: bool, way: &str) -> String {
    if open {
        format!("{caller} never calls {called}, but a network policy opens {way}")
    } else {
        format!("{caller} calls {called}, but no network policy opens {way}")
    }
}

/// Whether policies that select `pod` let through a call to or from `other`.
fn passes(policies: &[&Value], pod: &Value, direction: &str, side: &str, other: &Value) -> bool {
    let sequence = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
    policies.iter().filter(|policy| selects(&policy["podSelector"], pod)).any(|policy| {
        sequence(&policy[direction]).iter().any(|rule| {
            let port =
                rule["ports"].is_null() || sequence(&rule["ports"]).iter().any(|p| p["port"].as_u64() == Some(PORT));
            let sides = sequence(&rule[side]);
            let within = |side: &Value| {
                side["podSelector"].is_mapping()
                    && side["namespaceSelector"].is_null()
                    && selects(&side["podSelector"], other)
            };
            port && (rule[side].is_null() || sides.iter().any(within))
        })
    })
}

/// Whether a label selector takes these labels. An operator that it does not know takes nothing.
fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_mapping().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let among = |rule: &Value| {
        let values = rule["values"].as_sequence();
        rule["operator"] == "In" && values.is_some_and(|values| values.contains(&labels[&rule["key"]]))
    };
    equal && selector["matchExpressions"].as_sequence().into_iter().flatten().all(among)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(values: &str, headless: &str) -> Vec<Value> {
        let pod = |name: &str| {
            format!("{{kind: Deployment, spec: {{template: {{metadata: {{labels: {{{NAME}: {name}}}}}}}}}}}")
        };
        let service =
            |name: &str| format!("{{kind: Service, metadata: {{name: {name}}}, spec: {{clusterIP: {headless}}}}}");
        let policy = |name: &str, direction: &str, side: &str, other: &str| {
            format!(
                "{{kind: NetworkPolicy, spec: {{podSelector: {{matchLabels: {{{NAME}: {name}}}}}, {direction}: [{{ports: [{{port: 7070}}], \
                 {side}: [{{podSelector: {{matchExpressions: [{{key: {NAME}, operator: In, values: [{other}]}}]}}}}]}}]}}}}"
            )
        };
        let objects = [
            pod("identity"),
            pod("talent"),
            service("identity"),
            service("talent"),
            "{kind: NetworkPolicy, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}".to_owned(),
            policy("talent", "egress", "to", "identity"),
            policy("identity", "ingress", "from", values),
        ];
        objects.iter().map(|object| serde_norway::from_str(object).unwrap()).collect()
    }

    fn peers(of_talent: &[&str]) -> Peers {
        let called = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        [("identity".to_owned(), called(&[])), ("talent".to_owned(), called(of_talent))].into()
    }

    #[test]
    fn edges_that_are_missing_or_never_used_are_found() {
        let calls = peers(&["identity"]);
        assert_eq!(complaints(&cluster("talent", "None"), &calls), [""; 0]);
        let shut = complaints(&cluster("attendance", "None"), &calls);
        assert_eq!(shut, ["talent calls identity, but no network policy opens the way in"]);
        let open = complaints(&cluster("talent", "None"), &peers(&[]));
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(open[0].contains("talent never calls identity"), "{open:?}");
    }

    #[test]
    fn a_cluster_without_a_policy_that_closes_everything_is_found() {
        let mut objects = cluster("talent", "None");
        objects.retain(|object| !object["spec"]["policyTypes"].is_sequence());
        let found = complaints(&objects, &peers(&["identity"]));
        assert!(found.len() == 1 && found[0].contains("closes every pod"), "{found:?}");
    }

    #[test]
    fn plaintext_without_a_mesh_is_found() {
        let objects = |yaml: &[&str]| -> Vec<Value> {
            yaml.iter().map(|object| serde_norway::from_str(object).unwrap()).collect()
        };
        let clear = format!("{{kind: ConfigMap, data: {{{IN_CLEAR}: \"true\"}}}}");
        let mesh = format!("{{kind: NetworkPolicy, metadata: {{name: {MESH}}}}}");
        assert!(in_clear(&objects(&[&clear])).is_some_and(|why| why.contains("plaintext")));
        assert_eq!(in_clear(&objects(&[&clear, &mesh])), None);
        assert_eq!(in_clear(&objects(&["{kind: ConfigMap, data: {}}"])), None);
    }

    #[test]
    fn a_service_with_an_address_of_its_own_is_found() {
        let found = complaints(&cluster("talent", "10.0.0.1"), &peers(&["identity"]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("must be headless"), "{found:?}");
    }
}
