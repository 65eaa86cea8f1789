/// How long things stay before `DynamoDB` removes them, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Sessions, from their last change, and messages, from when they were said.
    pub chats_days: u32,
    /// Tickets, from their last change.
    pub tickets_days: u32,
    /// Audit entries.
    pub audit_days: u32,
    /// Daily statistics.
    pub stats_days: u32,
    /// Survey links.
    pub surveys_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            chats_days: 90,
            tickets_days: 730,
            audit_days: 365,
            stats_days: 1095,
            surveys_days: 30,
        }
    }
}

impl Retention {
    /// How long it must be possible to find a person's chats and tickets: as long as either.
    pub(crate) fn persons_days(self) -> u32 {
        self.chats_days.max(self.tickets_days)
    }
}
