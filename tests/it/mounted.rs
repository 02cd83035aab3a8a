//! The program as a pod runs it: as the user of the image, with secrets laid as the kubelet lays them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::stack::{program, serving};

/// The user of the image, and the pod's group (`fsGroup`).
const POD: u32 = 65532;
/// A group that no process of a pod is in.
const FOREIGN: u32 = 65533;

/// The folder of a pod: the program, its data, and the key folder as it was mounted.
struct Pod {
    folder: TempDir,
}

impl Pod {
    /// Keys that were made elsewhere, mounted for a group: root's files of mode 0440 in a folder with a date, `..data`
    /// that leads to it, and a link for each file. Nothing where the test cannot change users.
    async fn mounted_for(group: u32) -> Option<Self> {
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0) {
            assert!(std::env::var_os("CI").is_none(), "CI runs the tests as root: this one changes users");
            eprintln!("did not run: only root can start the program as another user");
            return None;
        }
        let pod = Self { folder: TempDir::new().expect("a temporary folder") };
        fs::set_permissions(pod.folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder for everybody");
        // The build folder may lie where a stranger has no way.
        let there = pod.path("tally");
        if fs::hard_link(program(), &there).is_err() {
            fs::copy(program(), &there).expect("a copy of the program");
        }
        let data = pod.path("data");
        fs::create_dir(&data).expect("a folder");
        chown(&data, Some(POD), Some(POD)).expect("its owner");
        pod.mount_keys(group).await;
        Some(pod)
    }

    async fn mount_keys(&self, group: u32) {
        let made = self.path("made");
        let mut command = Command::new(program());
        command.args(["keys", "make"]).env_clear().env("TALLY_KEYS_DIRECTORY", &made);
        assert!(command.output().await.expect("the program runs").status.success());
        let mount = folder_for(&self.path("keys"));
        let dated = folder_for(&mount.join("..2026_11_28_05_50_00.1234567890"));
        symlink("..2026_11_28_05_50_00.1234567890", mount.join("..data")).expect("a link");
        for entry in fs::read_dir(&made).expect("the keys") {
            let name = entry.expect("an entry").file_name();
            let file = dated.join(&name);
            fs::copy(made.join(&name), &file).expect("a copy");
            chown(&file, Some(0), Some(group)).expect("its group");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).expect("its mode");
            symlink(Path::new("..data").join(&name), mount.join(&name)).expect("a link");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program as the image's user, its primary group, and the group beside it.
    fn command(&self, group: u32, beside: u32) -> Command {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={POD}"), format!("--regid={group}"), format!("--groups={beside}")]);
        command.arg("--no-new-privs").arg(self.path("tally")).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
        ]);
        command.env_clear().current_dir("/").kill_on_drop(true);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("TALLY_KEYS_DIRECTORY", self.path("keys"));
        command.env("TALLY_DATABASE_URL", format!("sqlite://{}/{{service}}.db", self.path("data").display()));
        command
    }

    async fn refused(&self, group: u32, beside: u32) -> String {
        let Output { status, stderr, .. } = self.command(group, beside).output().await.expect("setpriv is installed");
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(64), "{said}");
        said
    }
}

fn folder_for(path: &Path) -> PathBuf {
    fs::create_dir(path).expect("a folder");
    path.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_serves_with_the_keys_that_the_kubelet_mounts_for_its_group() {
    let Some(pod) = Pod::mounted_for(POD).await else { return };
    // With the group as its own, and as one beside it, which is what fsGroup alone gives.
    for group in [POD, 7] {
        let log = pod.path("log");
        let mut command = pod.command(group, POD);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&log).expect("a log"));
        let mut process = command.spawn().expect("setpriv is installed");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let said = lines.next_line().await.expect("a line");
        let said = said.unwrap_or_else(|| panic!("it ended: {}", fs::read_to_string(&log).unwrap_or_default()));
        let address = said.rsplit(' ').next().expect("an address");
        let channel = tally_rpc::connect(address, None).expect("an address");
        serving(&channel, &mut process, &log).await;
        process.kill().await.expect("it is killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_refuses_keys_of_a_foreign_group_and_of_everybody_and_says_what_to_do() {
    let Some(pod) = Pod::mounted_for(FOREIGN).await else { return };
    // The image's user owns the files, so that it could read them: what stands in the way is the program.
    let files: Vec<_> = ["seal.key", "identity.key"].map(|name| pod.path("keys").join("..data").join(name)).into();
    for file in &files {
        chown(file, Some(POD), None).expect("its owner");
    }
    let said = pod.refused(POD, POD).await;
    assert!(said.contains("seal.key") && said.contains("fsGroup: 65533"), "{said}");
    chown(&files[0], Some(0), Some(POD)).expect("its group");
    let said = pod.refused(POD, POD).await;
    assert!(said.contains("identity.key") && said.contains("fsGroup: 65533"), "{said}");
    fs::set_permissions(&files[1], fs::Permissions::from_mode(0o444)).expect("its mode");
    let said = pod.refused(POD, FOREIGN).await;
    assert!(said.contains("identity.key") && said.contains("chmod 600"), "{said}");
}
