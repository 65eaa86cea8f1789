//! Between workflows.

use super::Talk;
use crate::catalogue::Workflow;
use crate::conversation::{Phase, Run};
use crate::message::Message;
use crate::texts::Key;
use crate::turn::Event;
use crate::words::Reserved;

impl<'a> Talk<'a> {
    /// A message while no workflow is in progress.
    pub(super) fn request(&mut self, message: &Message) {
        let was_idle = self.memory.phase == Phase::Idle;
        self.memory.phase = Phase::Idle;
        let words = self.words();
        if message.is_empty() {
            self.say(Key::Empty);
            self.suggest_workflows();
        } else if words.asks_for_agent(message) {
            self.person_wanted();
        } else if let Some(workflow) = self.wanted(message) {
            self.start(workflow, message);
        } else if words.says(Reserved::Bye, message)
            || words.says(Reserved::Thanks, message)
            || was_idle && words.says(Reserved::No, message)
        {
            self.farewell();
        } else if words.says(Reserved::Cancel, message) {
            self.say(Key::NothingToCancel);
            self.suggest_workflows();
        } else if words.says(Reserved::Hello, message) {
            self.say(Key::Greeting);
            self.suggest_workflows();
        } else if words.says(Reserved::Help, message) || words.says(Reserved::Yes, message) {
            self.repeat();
        } else if let Some(reply) = self.catalogue.reply(message, self.language()) {
            self.replies.push(reply.to_owned());
            self.suggest_workflows();
        } else {
            self.not_understood(message);
        }
    }

    /// The workflow that the message names or asks for. Takes on its language if none is known.
    fn wanted(&mut self, message: &Message) -> Option<&'a Workflow> {
        if let Some(workflow) = self.catalogue.titled(message) {
            return Some(workflow);
        }
        let (workflow, language) = self.catalogue.triggered(message)?;
        if self.memory.language.is_none() {
            self.memory.language = Some(language.to_owned());
        }
        Some(workflow)
    }

    fn not_understood(&mut self, message: &Message) {
        let catch_all = self.catalogue.catch_all();
        match catch_all {
            Some(workflow) if !self.may_retry(self.catalogue.settings.retries) => {
                self.start(workflow, message);
            }
            _ => {
                self.say(Key::NotUnderstood);
                self.suggest_workflows();
            }
        }
    }

    pub(super) fn start(&mut self, workflow: &'a Workflow, message: &Message) {
        let mut run = Run::new(workflow.id.clone());
        for step in workflow.steps.iter().filter(|step| step.from_trigger) {
            if let Some(value) = step.kind.find_in(message) {
                run.give(&step.field, value);
            }
        }
        self.memory.run = Some(run);
        self.memory.misses = 0;
        self.events.push(Event::Started(workflow.id.clone()));
        if let Some(intro) = &workflow.intro {
            let intro = intro.in_language(self.language()).to_owned();
            self.replies.push(intro);
        }
        self.next_question();
    }

    pub(super) fn suggest_workflows(&mut self) {
        let language = self.language();
        let titles: Vec<String> = self
            .catalogue
            .workflows
            .iter()
            .map(|workflow| workflow.title.in_language(language).to_owned())
            .collect();
        self.suggestions.extend(titles);
        if !self.memory.unattended {
            self.suggest(&[Key::Agent]);
        }
    }
}
