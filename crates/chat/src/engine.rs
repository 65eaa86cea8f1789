//! One step of a conversation.

mod asking;
mod ending;
mod idle;
mod person;

use crate::catalogue::{Catalogue, FALLBACK, Step, Workflow};
use crate::conversation::{Conversation, Ending, Memory, Phase, Run};
use crate::kind::Kind;
use crate::message::Message;
use crate::texts::{self, Key};
use crate::turn::{Event, Input, Outcome, Turn, Visitor};
use crate::words::{Reserved, Words};

impl Catalogue {
    /// What the bot does about `input`. Same arguments, same turn.
    pub fn step(&self, conversation: &Conversation, input: Input<'_>, visitor: &Visitor) -> Turn {
        let mut talk = Talk {
            catalogue: self,
            visitor,
            memory: conversation.0.clone(),
            replies: Vec::new(),
            suggestions: Vec::new(),
            outcome: None,
            events: Vec::new(),
        };
        talk.recover();
        match input {
            Input::Opened => talk.opened(),
            Input::Text(text) => talk.text(text),
            Input::Failed => talk.forward_failed(),
            Input::Consent(agreed) => talk.consent_elsewhere(agreed),
        }
        talk.finish()
    }
}

/// A step in the making.
struct Talk<'a> {
    catalogue: &'a Catalogue,
    visitor: &'a Visitor,
    memory: Memory,
    replies: Vec<String>,
    suggestions: Vec<String>,
    outcome: Option<Outcome>,
    events: Vec<Event>,
}

impl<'a> Talk<'a> {
    fn finish(mut self) -> Turn {
        self.replies.retain(|reply| !reply.is_empty());
        if self.replies.is_empty() {
            self.say(Key::Choose);
        }
        Turn {
            conversation: Conversation(self.memory),
            replies: self.replies,
            suggestions: self.suggestions,
            outcome: self.outcome,
            events: self.events,
        }
    }

    fn language(&self) -> &str {
        // Not only those with texts: prompts of a workflow may be in a language of their own.
        self.memory.language.as_deref().unwrap_or(FALLBACK)
    }

    fn words(&self) -> Words<'a> {
        self.catalogue.words(self.language())
    }

    fn text_of(&self, key: Key) -> &'a str {
        self.catalogue.text(self.language(), key)
    }

    fn say(&mut self, key: Key) {
        self.say_with(key, &[]);
    }

    fn say_with(&mut self, key: Key, values: &[(&str, &str)]) {
        let text = texts::fill(self.text_of(key), values);
        self.replies.push(text);
    }

    fn suggest(&mut self, keys: &[Key]) {
        let texts: Vec<String> = keys
            .iter()
            .map(|key| self.text_of(*key).to_owned())
            .collect();
        self.suggestions.extend(texts);
    }

    fn workflow(&self) -> Option<&'a Workflow> {
        let run = self.memory.run.as_ref()?;
        self.catalogue.workflow(&run.workflow)
    }

    fn asked_step(&self) -> Option<&'a Step> {
        match &self.memory.phase {
            Phase::Asking(field) | Phase::Switching { field, .. } => self.workflow()?.step(field),
            _ => None,
        }
    }

    /// Starts afresh, with an apology, where the stored conversation and the catalogue do not fit.
    fn recover(&mut self) {
        let run_fits = self.memory.run.is_none() || self.workflow().is_some();
        let phase_fits = match &self.memory.phase {
            Phase::Asking(_) => self.asked_step().is_some(),
            Phase::Switching { to, .. } => {
                self.asked_step().is_some() && self.catalogue.workflow(to).is_some()
            }
            Phase::Email | Phase::Consent => self
                .memory
                .run
                .as_ref()
                .is_some_and(|run| run.ending.is_some()),
            Phase::New | Phase::Idle | Phase::Ended => self.memory.run.is_none(),
            Phase::HandedOver => true,
        };
        if self.memory.lost || !run_fits || !phase_fits {
            self.memory.lost = false;
            self.end_run();
            self.events.push(Event::Restarted);
            self.say(Key::Apology);
        }
    }

    /// Leaves the workflow, if there is one, for the next request.
    fn end_run(&mut self) -> Option<Run> {
        self.memory.phase = Phase::Idle;
        self.memory.misses = 0;
        self.memory.run.take()
    }

    /// Leaves the workflow without a ticket.
    fn cancel_run(&mut self) {
        if let Some(run) = self.end_run() {
            self.events.push(Event::Cancelled(run.workflow));
        }
    }

    fn opened(&mut self) {
        match self.memory.phase {
            Phase::New | Phase::Idle | Phase::Ended => {
                self.memory.phase = Phase::Idle;
                self.say(Key::Greeting);
                self.suggest_workflows();
            }
            _ => self.repeat(),
        }
    }

    fn text(&mut self, raw: &str) {
        let limit = self.catalogue.settings.max_input;
        let message = Message::read(raw, limit);
        if message.was_cut() {
            self.say_with(Key::Cut, &[("limit", &limit.to_string())]);
        }
        match self.memory.phase.clone() {
            Phase::New | Phase::Idle | Phase::Ended => self.request(&message),
            Phase::Asking(_) => self.answered(&message),
            Phase::Switching { field, to } => self.switching(field, &to, &message),
            Phase::Email => self.email_given(&message),
            Phase::Consent => self.consent_answered(&message),
            Phase::HandedOver => self.while_waiting(&message),
        }
    }

    /// Asks once more what is open.
    fn repeat(&mut self) {
        match &self.memory.phase {
            Phase::Asking(_) => {
                if let Some(step) = self.asked_step() {
                    self.prompt(step);
                }
            }
            Phase::Switching { to, .. } => {
                if let (Some(from), Some(to)) = (self.workflow(), self.catalogue.workflow(to)) {
                    self.ask_to_switch(from, to);
                }
            }
            Phase::Email => self.ask_email(),
            Phase::Consent => self.ask_consent(),
            Phase::HandedOver => self.say(Key::Waiting),
            Phase::New | Phase::Idle | Phase::Ended => {
                self.say(Key::Choose);
                self.suggest_workflows();
            }
        }
    }

    fn prompt(&mut self, step: &Step) {
        let language = self.language();
        let prompt = step.prompt.in_language(language).to_owned();
        let mut suggestions = step.suggestions.clone();
        if let Kind::Choice(choices) = &step.kind {
            let labels = choices
                .iter()
                .map(|choice| choice.label.in_language(language));
            suggestions.extend(labels.map(str::to_owned));
        }
        self.replies.push(prompt);
        self.suggestions.extend(suggestions);
        if matches!(step.kind, Kind::YesNo) {
            self.suggest(&[Key::Yes, Key::No]);
        }
        if step.optional {
            self.suggest(&[Key::Skip]);
        }
    }

    /// What can be said while a workflow is in progress, whatever it asks. Whether it was that.
    fn said_at_any_time(&mut self, message: &Message) -> bool {
        let words = self.words();
        if words.asks_for_agent(message) {
            self.person_wanted();
        } else if words.says(Reserved::Cancel, message) {
            let title = self.title();
            self.cancel_run();
            self.say_with(Key::Cancelled, &[("title", &title)]);
            self.suggest_workflows();
        } else if words.says(Reserved::Bye, message) {
            self.cancel_run();
            self.farewell();
        } else if words.says(Reserved::Help, message) {
            self.say(Key::Help);
            self.repeat();
        } else if words.says(Reserved::Thanks, message) {
            self.repeat();
        } else {
            return false;
        }
        true
    }

    fn title(&self) -> String {
        self.workflow().map_or_else(String::new, |workflow| {
            workflow.title.in_language(self.language()).to_owned()
        })
    }

    fn farewell(&mut self) {
        self.memory.phase = Phase::Ended;
        self.memory.misses = 0;
        self.say(Key::Farewell);
        self.outcome = Some(Outcome::Ended);
    }

    /// Counts an answer of no use. Whether the question may be asked once more.
    fn may_retry(&mut self, retries: u8) -> bool {
        self.memory.misses = self.memory.misses.saturating_add(1);
        self.memory.misses <= retries
    }

    fn finish_run_as(&mut self, ending: Ending) {
        self.memory.misses = 0;
        if let Some(run) = &mut self.memory.run {
            run.ending = Some(ending);
        }
    }
}
