//! Files that hold a secret: readable by their owner, and by their group where that is a group of this process. Kubernetes
//! mounts secrets so: they belong to root and to the pod's group (`fsGroup`), behind symbolic links.

use std::fs::File;
use std::path::Path;

use tally_kernel::{Error, Kind, msg};

/// The text of a file that holds a secret.
///
/// # Errors
/// As [`open_secret`].
pub fn read_secret(path: &Path) -> std::io::Result<String> {
    std::io::read_to_string(open_secret(path)?)
}

/// Opens a file that holds a secret. What is judged is the file itself, wherever links lead.
///
/// # Errors
/// When it cannot be opened, or when others can read it: what to do.
pub fn open_secret(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    #[cfg(unix)]
    judge(&file)?;
    Ok(file)
}

#[cfg(unix)]
fn judge(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let about = file.metadata()?;
    let own = || {
        let group = |gid: rustix::process::Gid| gid.as_raw();
        let mut groups: Vec<u32> = rustix::process::getgroups()?.into_iter().map(group).collect();
        groups.push(group(rustix::process::getegid()));
        Ok::<_, std::io::Error>(groups)
    };
    let groups = if about.mode() & 0o070 == 0 { Vec::new() } else { own()? };
    complaint(about.mode(), about.gid(), &groups).map_or(Ok(()), |why| Err(std::io::Error::other(why)))
}

/// What is wrong with a secret of this mode and group, for a process of these groups.
#[cfg(unix)]
fn complaint(mode: u32, gid: u32, groups: &[u32]) -> Option<Error> {
    let message = if mode & 0o007 != 0 {
        msg!("SECRET_OPEN")
    } else if mode & 0o070 != 0 && !groups.contains(&gid) {
        msg!("SECRET_OPEN.group", gid)
    } else if mode & 0o020 != 0 {
        // Whoever can write the file can put a key of his own there.
        msg!("SECRET_OPEN.writable")
    } else {
        return None;
    };
    Some(Error::of(Kind::FailedPrecondition, message))
}

#[cfg(all(test, unix))]
mod tests {
    use super::complaint;

    #[test]
    fn a_secret_is_for_its_owner_and_for_the_groups_of_the_process() {
        let of = |mode: u32, groups: &[u32]| complaint(0o100_000 | mode, 65532, groups);
        for (mode, groups) in [(0o600, &[][..]), (0o400, &[]), (0o440, &[65532]), (0o640, &[7, 65532])] {
            assert!(of(mode, groups).is_none(), "{mode:o} {groups:?}");
        }
        let told = |mode: u32, groups: &[u32]| {
            let why = of(mode, groups).unwrap_or_else(|| panic!("{mode:o} {groups:?} is accepted"));
            tally_i18n::sentence(tally_kernel::Locale::En, &why)
        };
        for mode in [0o440, 0o640, 0o610] {
            assert!(told(mode, &[7]).contains("fsGroup: 65532"), "{mode:o}");
        }
        for mode in [0o604, 0o644, 0o601, 0o444] {
            assert!(told(mode, &[65532]).contains("chmod 600"), "{mode:o}");
        }
        assert!(told(0o660, &[65532]).contains("chmod g-w"));
    }
}
