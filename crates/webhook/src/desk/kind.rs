use std::fmt;

/// What happened to what. The vendor's names are of the form `Ticket_Comment_Add`.
/// <https://desk.zoho.com/support/WebhookDocument.do#EventsSupported>
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventType {
    /// One of the documented events.
    Of(EntityKind, Change),
    /// An event of a later date, by the vendor's name: letters, digits and `_`.
    Other(String),
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the vendor's own terms")]
pub enum EntityKind {
    Ticket,
    TicketComment,
    TicketThread,
    TicketAttachment,
    Contact,
    Account,
    Agent,
    AgentPresence,
    Department,
    Task,
    Call,
    Event,
    Article,
    /// What a later event is about.
    Other,
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Added,
    /// It is different.
    Updated,
    /// It is gone.
    Deleted,
}

const ENTITIES: [(&str, EntityKind); 13] = [
    ("Ticket", EntityKind::Ticket),
    ("Ticket_Comment", EntityKind::TicketComment),
    ("Ticket_Thread", EntityKind::TicketThread),
    ("Ticket_Attachment", EntityKind::TicketAttachment),
    ("Contact", EntityKind::Contact),
    ("Account", EntityKind::Account),
    ("Agent", EntityKind::Agent),
    ("Agent_Presence", EntityKind::AgentPresence),
    ("Department", EntityKind::Department),
    ("Task", EntityKind::Task),
    ("Call", EntityKind::Call),
    ("Event", EntityKind::Event),
    ("Article", EntityKind::Article),
];

const CHANGES: [(&str, Change); 3] = [
    ("Add", Change::Added),
    ("Update", Change::Updated),
    ("Delete", Change::Deleted),
];

impl EventType {
    /// Reads the vendor's name; `None` when it is no name at all.
    pub fn parse(name: &str) -> Option<Self> {
        let is_name = (1..=100).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return None;
        }
        let known = name.rsplit_once('_').and_then(|(entity, change)| {
            let entity = ENTITIES.iter().find(|(name, _)| *name == entity)?.1;
            let change = CHANGES.iter().find(|(name, _)| *name == change)?.1;
            Some(Self::Of(entity, change))
        });
        Some(known.unwrap_or_else(|| Self::Other(name.to_owned())))
    }

    /// What it is about.
    pub fn entity(&self) -> EntityKind {
        match self {
            Self::Of(entity, _) => *entity,
            Self::Other(_) => EntityKind::Other,
        }
    }
}

impl EntityKind {
    /// The vendor's name, such as `Ticket_Comment`; `Other` for what is not known.
    pub fn as_str(self) -> &'static str {
        ENTITIES
            .iter()
            .find(|(_, entity)| *entity == self)
            .map_or("Other", |(name, _)| name)
    }

    /// Whether it belongs to a ticket, or is one.
    pub fn is_of_ticket(self) -> bool {
        matches!(
            self,
            Self::Ticket | Self::TicketComment | Self::TicketThread | Self::TicketAttachment
        )
    }
}

impl Change {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "Add",
            Self::Updated => "Update",
            Self::Deleted => "Delete",
        }
    }
}

/// The vendor's name.
impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(entity, change) => write!(f, "{}_{}", entity.as_str(), change.as_str()),
            Self::Other(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_name_is_read_and_written_back() {
        for (entity, kind) in ENTITIES {
            for (change, did) in CHANGES {
                let name = format!("{entity}_{change}");
                let event = EventType::parse(&name).unwrap();
                assert_eq!(event, EventType::Of(kind, did));
                assert_eq!(event.to_string(), name);
            }
        }
    }

    #[test]
    fn later_names_are_kept_and_nonsense_is_refused() {
        for name in [
            "Ticket_Approval_Add",
            "Ticket_Merge",
            "IM_Message_Sent",
            "x",
        ] {
            let event = EventType::parse(name).unwrap();
            assert_eq!(event, EventType::Other(name.to_owned()));
            assert_eq!(event.entity(), EntityKind::Other);
            assert_eq!(event.to_string(), name);
        }
        for name in ["", "Ticket Add", "Ticket_Add\n", "Tickét_Add"] {
            assert_eq!(EventType::parse(name), None, "{name}");
        }
    }
}
