//! From the last answer to the ticket: the visitor's address, consent, the draft.

use super::Talk;
use crate::catalogue::{FALLBACK, Workflow};
use crate::conversation::{Ending, Phase, Run};
use crate::draft::{Answer, ContactEmail, Draft};
use crate::kind::email;
use crate::message::Message;
use crate::texts::{self, Key};
use crate::turn::{Event, Outcome, Reason};
use crate::words::Reserved;

/// Characters of a visitor's name.
const NAME: usize = 100;
/// Characters that Zoho Desk takes for a subject.
const SUBJECT: usize = 255;

impl Talk<'_> {
    /// Comes to the ticket, or asks first for what it still lacks.
    pub(super) fn conclude(&mut self) {
        match self.email() {
            None => {
                self.memory.phase = Phase::Email;
                self.ask_email();
            }
            Some(_) if !self.has_consent() => {
                self.memory.phase = Phase::Consent;
                self.ask_consent();
            }
            Some(email) => self.deliver(email),
        }
    }

    pub(super) fn has_consent(&self) -> bool {
        self.memory.consent || !self.catalogue.settings.consent
    }

    /// Whom a ticket is for: the address known from elsewhere, or the one typed.
    pub(super) fn email(&self) -> Option<ContactEmail> {
        let known = self.visitor.email.as_deref().map(str::trim);
        if let Some(address) = known.filter(|address| email::is_address(address)) {
            return Some(ContactEmail {
                address: address.to_owned(),
                verified: self.visitor.email_verified,
            });
        }
        let typed = self.memory.email.clone()?;
        Some(ContactEmail {
            address: typed,
            verified: false,
        })
    }

    pub(super) fn ask_email(&mut self) {
        self.say(Key::AskEmail);
        // An address given as an answer may be one that the visitor cannot read now: only offered.
        let offered = self.memory.run.as_ref().and_then(|run| {
            let steps = &self.workflow()?.steps;
            let mut answers = steps.iter().filter_map(|step| run.answer(&step.field));
            let address = answers.find(|answer| email::is_address(answer))?;
            Some(address.to_owned())
        });
        self.suggestions.extend(offered);
    }

    pub(super) fn ask_consent(&mut self) {
        self.say(Key::Consent);
        self.suggest(&[Key::Yes, Key::No]);
    }

    /// A message while the visitor's address is asked for.
    pub(super) fn email_given(&mut self, message: &Message) {
        if self.said_at_any_time(message) || self.went_back(message) {
            return;
        }
        if let Some(address) = email::find(message.text()) {
            self.memory.email = Some(address.to_owned());
            self.memory.misses = 0;
            self.conclude();
        } else if self.may_retry(self.catalogue.settings.retries) {
            self.say(Key::InvalidEmail);
            self.repeat();
        } else if self.memory.unattended {
            self.cancel_run();
            self.say(Key::NoEmail);
        } else {
            self.escalate_ending();
            self.say(Key::Escalated);
            self.hand_over_without_ticket();
        }
    }

    fn went_back(&mut self, message: &Message) -> bool {
        let words = self.words();
        let back = words.says(Reserved::Back, message)
            || words
                .prefixed(Reserved::Change, message)
                .is_some_and(|rest| words.is_only_fillers(&rest));
        let open = matches!(
            self.memory.run.as_ref().and_then(|run| run.ending.as_ref()),
            Some(Ending::Completed)
        );
        if back && open {
            self.back();
        }
        back && open
    }

    fn escalate_ending(&mut self) {
        let Some(run) = &mut self.memory.run else {
            return;
        };
        if !matches!(run.ending, Some(Ending::Escalated { .. })) {
            let reason = Reason::WrongAnswers;
            self.events
                .push(Event::Escalated(run.workflow.clone(), reason));
            run.ending = Some(Ending::Escalated {
                reason,
                field: None,
            });
        }
    }

    /// A message while consent is asked for.
    pub(super) fn consent_answered(&mut self, message: &Message) {
        match self.words().yes_or_no(message) {
            Some(agreed) => self.consent_given(agreed),
            None if self.said_at_any_time(message) || self.went_back(message) => {}
            None if self.may_retry(self.catalogue.settings.retries) => {
                self.say(Key::InvalidYesNo);
                self.repeat();
            }
            // What is not a yes is a no.
            None => self.consent_given(false),
        }
    }

    fn consent_given(&mut self, agreed: bool) {
        self.memory.consent = agreed;
        self.memory.misses = 0;
        self.events.push(Event::Consent(agreed));
        if agreed {
            return self.conclude();
        }
        self.say(Key::ConsentRefused);
        let escalated = matches!(
            self.memory.run.as_ref().and_then(|run| run.ending.as_ref()),
            Some(Ending::Escalated { .. })
        );
        if escalated && !self.memory.unattended {
            self.hand_over_without_ticket();
        } else {
            self.cancel_run();
            self.suggest_workflows();
        }
    }

    /// Consent that was given or withdrawn elsewhere.
    pub(super) fn consent_elsewhere(&mut self, agreed: bool) {
        if self.memory.phase == Phase::Consent {
            return self.consent_given(agreed);
        }
        self.memory.consent = agreed;
        self.events.push(Event::Consent(agreed));
        self.say(Key::ConsentNoted);
        if self.memory.run.is_some() {
            self.repeat();
        }
    }

    /// The ticket is due: with a person, if one has to go on and may be asked.
    pub(super) fn deliver(&mut self, email: ContactEmail) {
        let Some((workflow, run)) = self.workflow().zip(self.memory.run.take()) else {
            return;
        };
        let draft = self.draft(workflow, &run, email);
        self.memory.tickets = self.memory.tickets.saturating_add(1);
        self.memory.misses = 0;
        if draft.escalated && !self.memory.unattended {
            self.memory.phase = Phase::HandedOver;
            self.say(Key::HandOver);
            self.outcome = Some(Outcome::HandOver(Some(draft)));
        } else {
            if !draft.escalated {
                self.events.push(Event::Completed(run.workflow));
            }
            self.memory.phase = Phase::Idle;
            self.say(Key::Completed);
            self.outcome = Some(Outcome::TicketDue(draft));
        }
    }

    fn draft(&self, workflow: &Workflow, run: &Run, email: ContactEmail) -> Draft {
        let name = self.visitor.name.as_deref().unwrap_or_default();
        let name = Message::read(name, NAME).text().replace('\n', " ");
        let name = if name.is_empty() {
            &email.address
        } else {
            &name
        };
        let title = workflow.title.in_language(FALLBACK);
        let subject = texts::fill(&workflow.subject, &[("name", name), ("title", title)]);
        Draft {
            workflow: workflow.id.clone(),
            title: title.to_owned(),
            subject: subject.chars().take(SUBJECT).collect(),
            priority: workflow.priority,
            category: workflow.category.clone(),
            email,
            language: self.language().to_owned(),
            answers: answers(workflow, run),
            escalated: matches!(run.ending, Some(Ending::Escalated { .. })),
            approval_needed: workflow.approval.is_some(),
            consent: self
                .catalogue
                .settings
                .consent
                .then(|| self.text_of(Key::Consent).to_owned()),
            notes: self.notes(workflow, run),
        }
    }

    fn notes(&self, workflow: &Workflow, run: &Run) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(approval) = &workflow.approval {
            notes.push(format!("{approval}: pending"));
        }
        match &run.ending {
            Some(Ending::Escalated {
                reason: Reason::Asked,
                ..
            }) => notes.push("The visitor asked for a person".to_owned()),
            Some(Ending::Escalated { field, .. }) => {
                let step = field.as_ref().and_then(|field| workflow.step(field));
                let what = step.map_or("the e-mail address", |s| s.label.in_language(FALLBACK));
                notes.push(format!("No usable answer to: {what}"));
            }
            Some(Ending::Completed) | None => {}
        }
        if self.memory.unattended {
            notes.push("Nobody was free to take over the chat".to_owned());
        }
        if run.cut {
            notes.push("An answer was too long and was cut".to_owned());
        }
        notes
    }
}

fn answers(workflow: &Workflow, run: &Run) -> Vec<Answer> {
    workflow
        .steps
        .iter()
        .filter_map(|step| {
            let value = run.answer(&step.field)?;
            Some(Answer {
                field: step.field.clone(),
                label: step.label.in_language(FALLBACK).to_owned(),
                value: value.to_owned(),
                validated: step.kind.validates(),
                sensitive: step.sensitive,
            })
        })
        .collect()
}
