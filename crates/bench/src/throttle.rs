use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;

/// Gives a process as much of a processor as Lambda does for its memory, by cgroups of version 1.
/// Dropped, it lets the process go.
pub(crate) struct Throttle {
    folder: PathBuf,
}

const GROUPS: &str = "/sys/fs/cgroup/cpu";
/// Memory that comes with one whole processor, MB: Lambda developer guide, "Memory".
const WHOLE: u32 = 1_769;
/// As Lambda's own scheduler is seen to have it.
const PERIOD_US: u32 = 20_000;

/// Milliseconds; the steps let calls begin anywhere in a period.
const PAUSES_MS: [u64; 5] = [23, 31, 37, 41, 47];

/// Pauses between calls. Those of one person are seconds apart, so that an environment has its share
/// of a period again.
#[derive(Debug, Default)]
pub(crate) struct Pauses(usize);

impl Pauses {
    pub(crate) async fn pause(&mut self) {
        let pause = PAUSES_MS[self.0 % PAUSES_MS.len()];
        self.0 += 1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Throttle {
    /// `None` where this machine or user cannot do it.
    pub(crate) fn of(process: u32, memory_mb: u32) -> Result<Option<Self>, Failure> {
        let folder = PathBuf::from(GROUPS).join(format!("deskbridge-bench-{process}"));
        if fs::create_dir(&folder).is_err() {
            return Ok(None);
        }
        let throttle = Self { folder };
        let quota = (PERIOD_US * memory_mb / WHOLE).max(1_000);
        throttle.write("cpu.cfs_period_us", PERIOD_US)?;
        throttle.write("cpu.cfs_quota_us", quota)?;
        throttle.write("cgroup.procs", process)?;
        Ok(Some(throttle))
    }

    fn write(&self, file: &str, value: u32) -> Result<(), Failure> {
        Ok(fs::write(self.folder.join(file), value.to_string())?)
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // A group cannot go while somebody is in it.
        if let Ok(members) = fs::read_to_string(self.folder.join("cgroup.procs")) {
            for member in members.lines() {
                let _ = fs::write(PathBuf::from(GROUPS).join("cgroup.procs"), member);
            }
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
