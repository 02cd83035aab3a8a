//! What the kernel tells about this machine and this process.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Where it was measured.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that can be used.
    pub cores: usize,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// Version of the kernel.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let kib: f64 = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: cores(),
            memory_gib: (kib / 1_048_576.0 * 10.0).round() / 10.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        }
    }
}

/// Cores that can be used.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many processes wanted to run lately: above the number of cores, wall times are those of a busy machine.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// The most memory a process has held at once, MiB; `process` is its folder in `/proc`.
pub fn peak_mib(process: &Path) -> Option<f64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

/// Processor seconds that a process and its threads have used. Hundredths of a second are what the kernel counts in.
pub fn cpu_seconds(process: &Path) -> Option<f64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

/// What a step took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of all cores together.
    pub cpu: f64,
}

/// Times the steps of a process.
#[derive(Debug, Default)]
pub struct Watch {
    /// What was timed, in order.
    pub steps: Vec<Step>,
}

impl Watch {
    /// Does the work and notes what it took.
    pub fn time<T>(&mut self, name: &str, work: impl FnOnce() -> T) -> T {
        let own = Path::new("/proc/self");
        let (begin, used) = (Instant::now(), cpu_seconds(own).unwrap_or(0.0));
        let done = work();
        let (wall, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds(own).unwrap_or(0.0) - used);
        self.steps.push(Step { name: name.to_owned(), wall, cpu });
        done
    }
}

/// Waits for `process` and tells the most memory it held and the processor seconds it used, as far as a look every few
/// milliseconds can tell; both only ever grow.
pub fn attend(process: &mut std::process::Child) -> std::io::Result<(std::process::ExitStatus, f64, f64)> {
    let folder = std::path::PathBuf::from(format!("/proc/{}", process.id()));
    let (mut peak, mut cpu) = (0.0_f64, 0.0_f64);
    loop {
        peak = peak.max(peak_mib(&folder).unwrap_or(0.0));
        cpu = cpu.max(cpu_seconds(&folder).unwrap_or(0.0));
        if let Some(status) = process.try_wait()? {
            return Ok((status, peak, cpu));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
