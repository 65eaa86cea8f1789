/// What the process ends with; scripts branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// It was tried and failed: a sync that failed or lacks rows, a test that was not successful.
    Failed = 1,
    /// What was typed or sent makes no sense.
    Usage = 2,
    /// No key, or one that may not do this.
    NotAllowed = 3,
    /// There is no such integration, run or record.
    NotFound = 4,
    /// The hub cannot be reached.
    Unreachable = 5,
    /// Something else is going on or came before: a sync is running.
    Conflict = 6,
    /// The hub cannot do it now, or failed, or asked to wait.
    Unavailable = 7,
    /// Ctrl-C; what runs at the hub goes on.
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }
}
