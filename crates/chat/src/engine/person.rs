//! Passing the chat to a person, and what happens when nobody takes it.

use super::Talk;
use crate::conversation::{Ending, Phase, Run};
use crate::message::Message;
use crate::texts::Key;
use crate::turn::{Event, Outcome, Reason};
use crate::words::Reserved;

impl Talk<'_> {
    /// The visitor asked for a person: at once, with a ticket if nothing has to be asked for it.
    pub(super) fn person_wanted(&mut self) {
        if self.memory.unattended && self.memory.run.is_none() && self.memory.tickets > 0 {
            self.memory.phase = Phase::Idle;
            self.say(Key::NobodyFreeLogged);
            return;
        }
        self.ensure_run();
        self.escalate_as_asked();
        if self.memory.unattended {
            self.say(Key::NobodyFree);
            return self.conclude();
        }
        let with_ticket = self.has_consent()
            && self
                .catalogue
                .hand_over()
                .is_some_and(|workflow| workflow.ticket);
        match self.email().filter(|_| with_ticket) {
            Some(email) => self.deliver(email),
            None => self.hand_over_without_ticket(),
        }
    }

    /// Begins the hand-over's own workflow if no other is in progress.
    fn ensure_run(&mut self) {
        if let (None, Some(workflow)) = (&self.memory.run, self.catalogue.hand_over()) {
            self.events.push(Event::Started(workflow.id.clone()));
            self.memory.run = Some(Run::new(workflow.id.clone()));
        }
    }

    fn escalate_as_asked(&mut self) {
        let Some(run) = &mut self.memory.run else {
            return;
        };
        if !matches!(run.ending, Some(Ending::Escalated { .. })) {
            let reason = Reason::Asked;
            self.events
                .push(Event::Escalated(run.workflow.clone(), reason));
            run.ending = Some(Ending::Escalated {
                reason,
                field: None,
            });
        }
    }

    /// Keeps what was collected: if nobody takes the chat, it becomes a ticket after all.
    pub(super) fn hand_over_without_ticket(&mut self) {
        self.memory.phase = Phase::HandedOver;
        self.memory.misses = 0;
        self.say(Key::HandOver);
        self.outcome = Some(Outcome::HandOver(None));
    }

    /// A message that reaches the bot although the chat was passed on.
    pub(super) fn while_waiting(&mut self, message: &Message) {
        let words = self.words();
        if words.says(Reserved::Bye, message) || words.says(Reserved::Thanks, message) {
            self.memory.run = None;
            self.farewell();
        } else if words.says(Reserved::Cancel, message) {
            let title = self.title();
            if self.memory.run.is_some() {
                self.cancel_run();
                self.say_with(Key::Cancelled, &[("title", &title)]);
            } else {
                self.end_run();
                self.say(Key::NothingToCancel);
            }
            self.suggest_workflows();
        } else if words.asks_for_agent(message) {
            // Once more, in case the first request went unnoticed; its ticket is there already.
            self.hand_over_without_ticket();
        } else {
            self.say(Key::Waiting);
        }
    }

    /// The chat came back because nobody took it: it is not passed on again.
    pub(super) fn forward_failed(&mut self) {
        self.memory.unattended = true;
        self.events.push(Event::ForwardFailed);
        let waited = self.memory.phase == Phase::HandedOver;
        if self.memory.run.is_some() && !waited {
            self.say(Key::NobodyFreeGoOn);
            return self.repeat();
        }
        let logged = if waited {
            self.memory.run.is_none()
        } else {
            self.memory.tickets > 0
        };
        if logged {
            self.memory.phase = Phase::Idle;
            self.say(Key::NobodyFreeLogged);
            return;
        }
        self.ensure_run();
        self.escalate_as_asked();
        self.say(Key::NobodyFree);
        self.conclude();
    }
}
