//! Made-up mails, to try templates on before the first real one.

use secrecy::SecretString;

use crate::context::{
    ApprovalRequest, Context, Customer, Detail, History, Kind, Line, SOURCE, Speaker, SupportAlert,
    SupportContact, Survey, Ticket, VisitorConfirmation,
};
use crate::{EmailAddress, Error, Link, ResolutionTime, SurveyLinks};

/// How much of what may be missing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Full,
    Minimal,
}

pub(crate) struct Sample {
    extent: Extent,
    link: Link,
    email: EmailAddress,
}

impl Sample {
    pub(crate) fn new(extent: Extent) -> Result<Self, Error> {
        let unusable = |why: String| Error::Sample { why };
        Ok(Self {
            extent,
            link: Link::parse("https://example.com/").map_err(|why| unusable(why.to_string()))?,
            email: EmailAddress::parse("somebody@example.com")
                .map_err(|why| unusable(why.to_string()))?,
        })
    }

    pub(crate) fn of(&self, kind: Kind) -> Context {
        match kind {
            Kind::VisitorConfirmation => self.confirmation().into(),
            Kind::SupportAlert => self.alert().into(),
            Kind::Survey => self.survey().into(),
            Kind::ApprovalRequest => self.approval().into(),
        }
    }

    fn confirmation(&self) -> VisitorConfirmation {
        VisitorConfirmation {
            visitor_name: self.optional("Somebody".to_owned()),
            ticket: self.ticket(),
            request: "Request".to_owned(),
            resolution: ResolutionTime::from_hours(if self.is_full() { 72 } else { 1 }),
            support: self.support(),
            privacy_policy: self.optional(self.link.clone()),
        }
    }

    fn alert(&self) -> SupportAlert {
        SupportAlert {
            ticket: self.ticket(),
            ticket_subject: "Request - Somebody".to_owned(),
            customer: self.customer(),
            priority: "Medium".to_owned(),
            status: "Open".to_owned(),
            workflow: "Request".to_owned(),
            source: SOURCE.to_owned(),
            history: self.history(),
            action_required: "Process request".to_owned(),
            approvals_pending: self.optional("Approval".to_owned()).into_iter().collect(),
        }
    }

    fn survey(&self) -> Survey {
        Survey {
            visitor_name: self.optional("Somebody".to_owned()),
            ticket: self.ticket(),
            request: "Request".to_owned(),
            ratings: SurveyLinks::new(self.link.clone(), SecretString::from("token")),
            support: self.support(),
            privacy_policy: self.optional(self.link.clone()),
        }
    }

    fn approval(&self) -> ApprovalRequest {
        let detail = Detail {
            label: "Plan".to_owned(),
            value: "100 GB".to_owned(),
        };
        ApprovalRequest {
            approver_name: self.optional("Somebody".to_owned()),
            ticket: self.ticket(),
            request: "Request".to_owned(),
            customer: self.customer(),
            details: self.optional(detail).into_iter().collect(),
            support: self.support(),
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket {
            id: "1".to_owned(),
            number: "1".to_owned(),
            link: self.optional(self.link.clone()),
        }
    }

    fn customer(&self) -> Customer {
        Customer {
            name: self.optional("Somebody".to_owned()),
            email: self.optional(self.email.clone()),
            email_verified: self.is_full(),
        }
    }

    fn support(&self) -> SupportContact {
        SupportContact {
            team: "Support".to_owned(),
            email: self.email.clone(),
            phone: self.optional("1".to_owned()),
        }
    }

    fn history(&self) -> History {
        let line = |_| Line {
            speaker: Speaker::Customer,
            text: "Hello".to_owned(),
        };
        let lines = if self.is_full() { 201 } else { 0 };
        History::new((0..lines).map(line).collect())
    }

    fn optional<T>(&self, value: T) -> Option<T> {
        self.is_full().then_some(value)
    }

    fn is_full(&self) -> bool {
        self.extent == Extent::Full
    }
}
