//! Inside a workflow: answers, corrections, and what visitors say instead.

use super::Talk;
use crate::catalogue::{Step, Workflow};
use crate::conversation::{Ending, Phase};
use crate::draft::WorkflowId;
use crate::kind::{Accepted, Hint, Kind};
use crate::message::{self, Message};
use crate::texts::Key;
use crate::turn::{Event, Reason};
use crate::words::Reserved;

/// Words of a message that changes an answer, where any text would be an answer too.
const SHORT: usize = 4;

impl<'a> Talk<'a> {
    /// Asks the first open step, or ends the workflow.
    pub(super) fn next_question(&mut self) {
        let Some(workflow) = self.workflow() else {
            return;
        };
        self.memory.misses = 0;
        let open = workflow
            .steps
            .iter()
            .filter(|step| step.ask)
            .find(|step| !self.is_done(step));
        if let Some(step) = open {
            self.ask(step);
        } else {
            self.finish_run_as(Ending::Completed);
            self.conclude();
        }
    }

    fn ask(&mut self, step: &Step) {
        self.memory.phase = Phase::Asking(step.field.clone());
        self.prompt(step);
    }

    fn is_done(&self, step: &Step) -> bool {
        let run = self.memory.run.as_ref();
        run.is_some_and(|run| run.is_done(&step.field))
    }

    fn give(&mut self, step: &Step, accepted: Accepted) {
        if let Some(run) = &mut self.memory.run {
            run.cut |= accepted.cut;
            run.give(&step.field, accepted.value);
        }
    }

    /// A message while a step is asked.
    pub(super) fn answered(&mut self, message: &Message) {
        let Some(step) = self.asked_step() else {
            return;
        };
        if message.is_empty() {
            let hint = self.text_of(Key::Empty).to_owned();
            return self.miss(step, Some(hint));
        }
        if !step.kind.is_exact(message)
            && (self.said_at_any_time(message)
                || self.moved(step, message)
                || self.corrected(step, message)
                || self.leaves_catch_all(step, message))
        {
            return;
        }
        let words = self.words();
        let greets = !step.kind.is_free() && words.says(Reserved::Hello, message);
        match step.kind.accept(message, &words) {
            Ok(accepted) if !greets => {
                self.give(step, accepted);
                self.next_question();
            }
            Ok(_) => self.miss(step, Some(self.text_of(Key::OffTopic).to_owned())),
            Err(hint) => self.not_an_answer(step, message, hint),
        }
    }

    /// Skipping, and going back to an earlier step. Whether it was that.
    fn moved(&mut self, step: &'a Step, message: &Message) -> bool {
        let words = self.words();
        if words.says(Reserved::Skip, message) {
            if step.optional {
                if let Some(run) = &mut self.memory.run {
                    run.skip(&step.field);
                }
                self.next_question();
            } else {
                self.miss(step, Some(self.text_of(Key::Required).to_owned()));
            }
            return true;
        }
        if words.says(Reserved::Back, message) {
            self.back();
            return true;
        }
        let short = !step.kind.is_free() || message.tokens().len() <= SHORT;
        match words.prefixed(Reserved::Change, message) {
            Some(rest) if short => self.changed(&rest),
            _ => false,
        }
    }

    /// To the question before the one that is open.
    pub(super) fn back(&mut self) {
        if let Some(step) = self.previous() {
            if let Some(run) = &mut self.memory.run {
                run.forget(&step.field);
                run.ending = None;
            }
            self.memory.misses = 0;
            self.ask(step);
        } else {
            self.say(Key::NothingBefore);
            self.repeat();
        }
    }

    /// The last asked step with an answer before the open one, or before the end of the workflow.
    fn previous(&self) -> Option<&'a Step> {
        let open = self.asked_step().map(|step| step.field.as_str());
        let before = self
            .workflow()?
            .steps
            .iter()
            .take_while(|step| Some(step.field.as_str()) != open);
        before.filter(|step| step.ask && self.is_done(step)).last()
    }

    /// 'change username', with or without the new answer. Whether `rest` names a step.
    fn changed(&mut self, rest: &Message) -> bool {
        let words = self.words();
        if words.is_only_fillers(rest) {
            self.back();
            return true;
        }
        let Some((step, at)) = self.named_step(rest) else {
            return false;
        };
        let value = words.without_prefix(Reserved::LeadIn, &rest.after(at + 1));
        if !value.is_empty()
            && let Ok(accepted) = step.kind.accept(&value, &words)
        {
            self.replace(step, accepted);
            return true;
        }
        if let Some(run) = &mut self.memory.run {
            run.forget(&step.field);
        }
        self.memory.misses = 0;
        self.ask(step);
        true
    }

    /// The open or an answered step that a word of the message is about, and the word's place.
    fn named_step(&self, message: &Message) -> Option<(&'a Step, usize)> {
        let open = self.asked_step()?.field.as_str();
        let steps = self.workflow()?.steps.iter().filter(|step| step.ask);
        let mut known = steps.filter(|step| step.field == open || self.is_done(step));
        known.find_map(|step| {
            let names: Vec<String> = step
                .label
                .all()
                .flat_map(message::words)
                .chain(message::words(&step.field.replace('_', " ")))
                .filter(|name| name.len() >= 3)
                .collect();
            let at = message
                .tokens()
                .iter()
                .position(|token| names.contains(&token.word))?;
            Some((step, at))
        })
    }

    fn replace(&mut self, step: &'a Step, accepted: Accepted) {
        let open = self.asked_step().map(|step| step.field.as_str());
        self.give(step, accepted);
        let label = step.label.in_language(self.language()).to_owned();
        self.say_with(Key::Corrected, &[("label", &label)]);
        if open == Some(step.field.as_str()) {
            self.next_question();
        } else {
            self.repeat();
        }
    }

    /// 'no wait, it is …' about the answer before. Whether it was that.
    fn corrected(&mut self, step: &'a Step, message: &Message) -> bool {
        let words = self.words();
        let Some(rest) = words.prefixed(Reserved::Correction, message) else {
            return false;
        };
        let previous = self.previous();
        if rest.tokens().is_empty() {
            let mine = previous.is_some() || !step.kind.is_free();
            if mine {
                self.back();
            }
            return mine;
        }
        let of_previous = previous.and_then(|previous| {
            let accepted = previous.kind.accept(&rest, &words).ok()?;
            Some((previous, accepted))
        });
        let of_this = step.kind.accept(&rest, &words);
        match (of_previous, of_this) {
            // Any text would do for the one before, so what fits the open step is meant for that.
            (Some((previous, _)), Ok(accepted)) if previous.kind.is_free() => {
                self.give(step, accepted);
                self.next_question();
            }
            (Some((previous, accepted)), _) => self.replace(previous, accepted),
            // The whole message is the answer where any text is.
            (None, Ok(accepted)) if !step.kind.is_free() => {
                self.give(step, accepted);
                self.next_question();
            }
            (None, _) => return false,
        }
        true
    }

    /// In the workflow for everything else any text is an answer, so one that another workflow is
    /// for is asked about first.
    fn leaves_catch_all(&mut self, step: &Step, message: &Message) -> bool {
        let in_catch_all = self.workflow().is_some_and(Workflow::is_catch_all);
        in_catch_all && step.kind.is_free() && self.offered_switch(message)
    }

    fn not_an_answer(&mut self, step: &'a Step, message: &Message, (key, values): Hint) {
        if self.offered_switch(message) {
            return;
        }
        if let Some(reply) = self.catalogue.reply(message, self.language()) {
            self.replies.push(reply.to_owned());
            return self.miss(step, None);
        }
        let question = message.text().ends_with(['?', '？', '؟']);
        let hint = if question || self.words().says(Reserved::Hello, message) {
            self.text_of(Key::OffTopic).to_owned()
        } else if let Some(hint) = &step.hint {
            hint.in_language(self.language()).to_owned()
        } else {
            let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
            crate::texts::fill(self.text_of(key), &values)
        };
        self.miss(step, Some(hint));
    }

    /// Repeats the question while there are retries; then a person has to go on.
    fn miss(&mut self, step: &Step, hint: Option<String>) {
        if self.may_retry(step.retries) {
            self.replies.extend(hint);
            self.repeat();
            return;
        }
        let Some(workflow) = self.workflow() else {
            return;
        };
        let reason = Reason::WrongAnswers;
        self.events
            .push(Event::Escalated(workflow.id.clone(), reason));
        match &workflow.escalation {
            Some(text) => {
                let text = text.in_language(self.language()).to_owned();
                self.replies.push(text);
            }
            None => self.say(Key::Escalated),
        }
        self.finish_run_as(Ending::Escalated {
            reason,
            field: Some(step.field.clone()),
        });
        self.conclude();
    }

    /// Offers to change to the workflow that the message asks for, if it is another one.
    fn offered_switch(&mut self, message: &Message) -> bool {
        let titled = self.catalogue.titled(message);
        let triggered = || self.catalogue.triggered(message).map(|(found, _)| found);
        let (Some(from), Some(to)) = (self.workflow(), titled.or_else(triggered)) else {
            return false;
        };
        let (Phase::Asking(field), false) = (&self.memory.phase, from.id == to.id) else {
            return false;
        };
        self.memory.phase = Phase::Switching {
            field: field.clone(),
            to: to.id.clone(),
        };
        self.ask_to_switch(from, to);
        true
    }

    pub(super) fn ask_to_switch(&mut self, from: &Workflow, to: &Workflow) {
        let language = self.language();
        let titles = [
            ("from", from.title.in_language(language)),
            ("to", to.title.in_language(language)),
        ];
        self.say_with(Key::Switch, &titles);
        self.suggest(&[Key::Yes, Key::No]);
    }

    /// A message while it is asked whether to change to another workflow.
    pub(super) fn switching(&mut self, field: String, to: &WorkflowId, message: &Message) {
        match (self.words().yes_or_no(message), self.catalogue.workflow(to)) {
            (Some(true), Some(workflow)) => {
                self.cancel_run();
                self.start(workflow, message);
            }
            (Some(false), _) => {
                self.memory.phase = Phase::Asking(field);
                let title = self.title();
                self.say_with(Key::Kept, &[("title", &title)]);
                self.repeat();
            }
            _ => {
                self.memory.phase = Phase::Asking(field);
                self.answered(message);
            }
        }
    }
}

impl Kind {
    /// Whether its answers have a form that was checked.
    pub(super) fn validates(&self) -> bool {
        !self.is_free()
    }
}
