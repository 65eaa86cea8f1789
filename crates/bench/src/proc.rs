//! What Linux says about processes and files.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::Failure;

/// Clock ticks a second in `/proc`; 100 on every Linux of today.
const TICKS: u64 = 100;

/// Processor time used so far, user and system; `process` is an id or `self`.
pub(crate) fn cpu(process: &str) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the command in brackets and may hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// Largest resident set so far, bytes.
pub(crate) fn peak(process: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.ok_or("/proc has no VmHWM")? * 1_024)
}

/// Processes that wanted to run, on average over 1, 5 and 15 minutes.
pub(crate) fn load() -> Result<String, Failure> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let averages: Vec<&str> = load.split_whitespace().take(3).collect();
    Ok(averages.join(" "))
}

/// Executable files directly in `folder`, and their sizes in bytes.
pub(crate) fn programs(folder: &Path) -> Result<Vec<(OsString, u64)>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() && about.permissions().mode() & 0o111 != 0 {
            found.push((entry.file_name(), about.len()));
        }
    }
    Ok(found)
}
