/// What a column holds, and from which JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON strings. Ids are text: they are names, not quantities.
    Text,
    /// JSON integers, and strings of digits, which is how the vendor writes counts.
    Integer,
    /// JSON numbers, and strings that spell one.
    Number,
    /// `true` and `false`, also as strings.
    Boolean,
    /// Strings such as `2026-01-31T09:15:00.000Z`: milliseconds, UTC.
    Time,
}

impl Kind {
    /// The type in Athena's (Hive's) notation.
    pub fn hive(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "bigint",
            Self::Number => "double",
            Self::Boolean => "boolean",
            Self::Time => "timestamp",
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The vendor's key, or one of [`OWN_COLUMNS`].
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// The table of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The report, which is also the folder of its runs.
    pub report: &'static str,
    /// Keys of the vendor's records that became columns; all others are in `raw` only.
    pub fields: &'static [Column],
}

/// The columns that every table has behind the vendor's, in this order.
pub const OWN_COLUMNS: [Column; 5] = [
    column(RAW, Kind::Text),
    column(RUN, Kind::Text),
    column(SEEN_AT, Kind::Time),
    column(DELETED, Kind::Boolean),
    column(DELETED_SEEN_AT, Kind::Time),
];

/// The record's JSON, byte for byte as in the run that saw it last.
pub(crate) const RAW: &str = "raw";
/// The run that saw the row last.
pub(crate) const RUN: &str = "_run";
/// When that run began.
pub(crate) const SEEN_AT: &str = "_seen_at";
/// Whether a complete full run after it no longer had the row.
pub(crate) const DELETED: &str = "_deleted";
/// When the first such run began.
pub(crate) const DELETED_SEEN_AT: &str = "_deleted_seen_at";

impl Table {
    /// The table of `report`, if it is one whose rows have a known shape.
    pub fn of(report: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.report == report)
    }

    /// Where the table is stored.
    pub fn key(&self) -> String {
        format!("current/{0}/{0}.parquet", self.report)
    }

    /// All columns in the order of the file.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.fields.iter().copied().chain(OWN_COLUMNS)
    }

    /// The columns on one line, to tell whether a stored table has the present ones.
    pub(crate) fn layout(&self) -> String {
        let columns: Vec<String> = self
            .columns()
            .map(|column| format!("{} {}", column.name, column.kind.hive()))
            .collect();
        columns.join(", ")
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn integer(name: &'static str) -> Column {
    column(name, Kind::Integer)
}

const fn number(name: &'static str) -> Column {
    column(name, Kind::Number)
}

const fn boolean(name: &'static str) -> Column {
    column(name, Kind::Boolean)
}

const fn time(name: &'static str) -> Column {
    column(name, Kind::Time)
}

/// The tables, in the order of their reports' names. `desk-route` has none: its rows may be
/// anything.
pub const TABLES: [Table; 14] = [
    Table {
        report: "accounts",
        fields: &[
            text("id"),
            text("accountName"),
            text("email"),
            text("phone"),
            text("website"),
            text("city"),
            text("country"),
            text("industry"),
            text("ownerId"),
            time("createdTime"),
            time("modifiedTime"),
            text("webUrl"),
        ],
    },
    Table {
        report: "agent-time-entry",
        fields: &[
            text("agentId"),
            text("id"),
            text("ownerId"),
            text("creatorId"),
            text("departmentId"),
            time("executedTime"),
            time("createdTime"),
            integer("hoursSpent"),
            integer("minutesSpent"),
            integer("secondsSpent"),
            number("agentCostPerHour"),
            number("additionalCost"),
            number("fixedCost"),
            number("totalCost"),
            boolean("isBillable"),
            text("billingType"),
            text("mode"),
            text("requestChargeType"),
            text("description"),
            boolean("isTrashed"),
            text("invoiceId"),
            text("requestId"),
        ],
    },
    Table {
        report: "agents",
        fields: &[
            text("id"),
            text("firstName"),
            text("lastName"),
            text("name"),
            text("emailId"),
            text("phone"),
            text("mobile"),
            text("extn"),
            text("zuid"),
            text("status"),
            boolean("isConfirmed"),
            text("roleId"),
            text("profileId"),
            text("rolePermissionType"),
            text("photoURL"),
            text("langCode"),
            text("timeZone"),
            text("countryCode"),
            text("aboutInfo"),
        ],
    },
    Table {
        report: "calls",
        fields: &[
            text("id"),
            text("subject"),
            text("description"),
            text("departmentId"),
            text("ownerId"),
            text("contactId"),
            text("ticketId"),
            text("direction"),
            time("startTime"),
            integer("duration"),
            text("status"),
            text("priority"),
            time("createdTime"),
            time("modifiedTime"),
            time("completedTime"),
            text("creatorId"),
            text("webUrl"),
        ],
    },
    Table {
        report: "contacts",
        fields: &[
            text("id"),
            text("firstName"),
            text("lastName"),
            text("email"),
            text("secondaryEmail"),
            text("phone"),
            text("mobile"),
            text("type"),
            text("title"),
            text("accountId"),
            text("ownerId"),
            text("street"),
            text("city"),
            text("state"),
            text("zip"),
            text("country"),
            time("createdTime"),
            time("modifiedTime"),
            text("webUrl"),
            boolean("isSpam"),
            boolean("isEndUser"),
            boolean("isDeleted"),
            boolean("isTrashed"),
            boolean("isAnonymous"),
        ],
    },
    Table {
        report: "customer-happiness",
        fields: &[
            text("id"),
            text("rating"),
            time("ratedTime"),
            text("feedback"),
            text("ticketId"),
            text("contactId"),
            text("agentId"),
            text("departmentId"),
        ],
    },
    Table {
        report: "departments",
        fields: &[
            text("id"),
            text("name"),
            text("description"),
            boolean("isEnabled"),
            boolean("isDefault"),
            boolean("isVisibleInCustomerPortal"),
            boolean("isAssignToTeamEnabled"),
            text("chatStatus"),
            boolean("hasLogo"),
            text("creatorId"),
            time("createdTime"),
            text("nameInCustomerPortal"),
            text("sanitizedName"),
        ],
    },
    Table {
        report: "notification-email-failures",
        fields: &[
            text("ticketId"),
            text("ticketNumber"),
            text("subject"),
            text("threadId"),
            text("departmentId"),
            text("departmentName"),
            text("channel"),
            text("reason"),
            text("errorMessage"),
        ],
    },
    Table {
        report: "notification-pending-approvals",
        fields: &[
            text("ticketId"),
            text("id"),
            text("subject"),
            text("description"),
            text("status"),
            time("requestedTime"),
            time("processedTime"),
        ],
    },
    Table {
        report: "queue-by-status",
        fields: TICKET,
    },
    Table {
        report: "threads",
        fields: &[
            text("ticketId"),
            text("id"),
            text("channel"),
            text("direction"),
            text("visibility"),
            text("status"),
            boolean("isDescriptionThread"),
            time("createdTime"),
            text("summary"),
            text("contentType"),
            boolean("hasAttach"),
            integer("attachmentCount"),
            text("fromEmailAddress"),
            text("to"),
            text("cc"),
            text("bcc"),
            text("replyTo"),
            boolean("isContentTruncated"),
            text("responderId"),
        ],
    },
    Table {
        report: "ticket-tags",
        fields: &[
            text("departmentId"),
            text("id"),
            text("name"),
            text("tagType"),
            integer("ticketCount"),
            integer("count"),
        ],
    },
    Table {
        report: "ticket-time-entry",
        fields: &[
            text("ticketId"),
            text("id"),
            text("ownerId"),
            text("creatorId"),
            text("departmentId"),
            time("executedTime"),
            time("createdTime"),
            integer("hoursSpent"),
            integer("minutesSpent"),
            integer("secondsSpent"),
            number("agentCostPerHour"),
            number("additionalCost"),
            number("fixedCost"),
            number("totalCost"),
            boolean("isBillable"),
            text("billingType"),
            text("mode"),
            text("requestChargeType"),
            text("description"),
            boolean("isTrashed"),
            text("invoiceId"),
            text("requestId"),
        ],
    },
    Table {
        report: "tickets",
        fields: TICKET,
    },
];

const TICKET: &[Column] = &[
    text("id"),
    text("ticketNumber"),
    text("subject"),
    text("status"),
    text("statusType"),
    text("priority"),
    text("category"),
    text("subCategory"),
    text("channel"),
    text("channelCode"),
    text("email"),
    text("phone"),
    text("language"),
    text("sentiment"),
    time("createdTime"),
    time("modifiedTime"),
    time("dueDate"),
    time("responseDueDate"),
    time("closedTime"),
    time("onholdTime"),
    time("customerResponseTime"),
    text("departmentId"),
    text("contactId"),
    text("accountId"),
    text("assigneeId"),
    text("teamId"),
    text("productId"),
    text("layoutId"),
    integer("threadCount"),
    integer("commentCount"),
    text("webUrl"),
    boolean("isSpam"),
    boolean("isArchived"),
    text("relationshipType"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_columns_of_a_table_differ_only_in_case() {
        for table in &TABLES {
            let mut seen = HashSet::new();
            for column in table.columns() {
                assert!(
                    seen.insert(column.name.to_ascii_lowercase()),
                    "{}: {}",
                    table.report,
                    column.name
                );
            }
        }
    }
}
