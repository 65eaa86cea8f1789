//! A transcript file: what is given, what visitors do, and what must come of it.
//!
//! `#` comments, `given: …` settings, `visitor: …`, `[opened]`, `[failed]`, `[consent: yes]` and
//! `[logged: id, number]` are input. All other lines are what the engine answers.

use std::fmt::Write as _;
use std::path::Path;

use chat::{Catalogue, Conversation, Draft, Event, Input, Outcome, Visitor};

/// Plays the input lines of a transcript and writes the whole of it.
pub(crate) fn play(folder: &Path, transcript: &str) -> String {
    let mut stage = Stage::default();
    for line in transcript.lines() {
        stage.line(folder, line);
    }
    stage.written
}

struct Stage {
    catalogue: Catalogue,
    conversation: Conversation,
    visitor: Visitor,
    written: String,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            catalogue: Catalogue::built_in(),
            conversation: Conversation::new(None),
            visitor: Visitor::default(),
            written: String::new(),
        }
    }
}

impl Stage {
    fn line(&mut self, folder: &Path, line: &str) {
        let said = line.strip_prefix("visitor:").map(str::trim_start);
        let input = match (line, said) {
            (_, Some(text)) => Some(unescape(text)),
            ("[opened]" | "[failed]" | "[consent: yes]" | "[consent: no]", _) => None,
            _ if line.starts_with("given: ") => {
                self.given(folder, line.trim_start_matches("given: "));
                self.write(line);
                return;
            }
            _ if line.starts_with("[logged: ") => return self.logged(line),
            _ if line.starts_with('#') || line.is_empty() => return self.write(line),
            _ => return,
        };
        self.write(line);
        let input = match (&input, line) {
            (Some(text), _) => Input::Text(text),
            (None, "[opened]") => Input::Opened,
            (None, "[failed]") => Input::Failed,
            (None, other) => Input::Consent(other == "[consent: yes]"),
        };
        self.step(input);
    }

    fn given(&mut self, folder: &Path, given: &str) {
        let (key, value) = given.split_once('=').unwrap_or((given, ""));
        match key {
            "name" => self.visitor.name = Some(value.to_owned()),
            "email" => self.visitor.email = Some(value.to_owned()),
            "verified" => self.visitor.email_verified = true,
            "language" => self.conversation = Conversation::new(Some(value)),
            "catalogue" => {
                let text = std::fs::read_to_string(folder.join(value)).unwrap();
                self.catalogue = Catalogue::parse(&text).unwrap();
            }
            "stored" => self.conversation = serde_json::from_str(value).unwrap(),
            other => panic!("given: {other}?"),
        }
    }

    fn logged(&mut self, line: &str) {
        let ids = line.trim_start_matches("[logged: ").trim_end_matches(']');
        let (id, number) = ids.split_once(", ").unwrap();
        let email = self.visitor.email.as_deref();
        let email = email.or(self.conversation.email()).unwrap();
        let text = self
            .catalogue
            .logged(self.conversation.language(), id, number, email);
        self.write(line);
        self.bot(&text);
    }

    fn step(&mut self, input: Input<'_>) {
        let turn = self
            .catalogue
            .step(&self.conversation, input, &self.visitor);
        // Between two steps a conversation is stored: it must survive that.
        let stored = serde_json::to_string(&turn.conversation).unwrap();
        self.conversation = serde_json::from_str(&stored).unwrap();
        assert_eq!(self.conversation, turn.conversation);
        for reply in &turn.replies {
            self.bot(reply);
        }
        if !turn.suggestions.is_empty() {
            self.write(&format!("[suggest: {}]", turn.suggestions.join(" | ")));
        }
        let events: Vec<String> = turn.events.iter().map(event).collect();
        if !events.is_empty() {
            self.write(&format!("[events: {}]", events.join(", ")));
        }
        match turn.outcome {
            Some(Outcome::TicketDue(draft)) => self.write(&ticket(&draft)),
            Some(Outcome::HandOver(draft)) => {
                if let Some(draft) = draft {
                    self.write(&ticket(&draft));
                }
                self.write("[hand-over]");
            }
            Some(Outcome::Ended) => self.write("[ended]"),
            None => {}
        }
    }

    fn bot(&mut self, text: &str) {
        let mut lines = text.lines();
        self.write(&format!("bot: {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.write(format!("   | {line}").trim_end());
        }
    }

    fn write(&mut self, line: &str) {
        self.written.push_str(line);
        self.written.push('\n');
    }
}

/// `\x{…*count}` is a repeated character, so that long inputs fit a line.
fn unescape(text: &str) -> String {
    let Some((before, rest)) = text.split_once("\\x{") else {
        return text.to_owned();
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let (piece, count) = inside.rsplit_once('*').unwrap();
    format!("{before}{}{after}", piece.repeat(count.parse().unwrap()))
}

fn event(event: &Event) -> String {
    match event {
        Event::Started(workflow) => format!("started {workflow}"),
        Event::Completed(workflow) => format!("completed {workflow}"),
        Event::Escalated(workflow, reason) => {
            format!("escalated {workflow} ({})", reason.as_str())
        }
        Event::Cancelled(workflow) => format!("cancelled {workflow}"),
        Event::Consent(agreed) => format!("consent {agreed}"),
        Event::ForwardFailed => "forward failed".to_owned(),
        Event::Restarted => "restarted".to_owned(),
    }
}

/// `!` marks sensitive answers, `?` those whose form nobody checked.
fn ticket(draft: &Draft) -> String {
    let mut line = format!(
        "[ticket: subject={}, priority={}, category={}, email={} ({}){}{}{}",
        draft.subject,
        draft.priority,
        draft.category,
        draft.email.address,
        if draft.email.verified {
            "verified"
        } else {
            "unverified"
        },
        if draft.escalated { ", escalated" } else { "" },
        if draft.approval_needed {
            ", approval needed"
        } else {
            ""
        },
        if draft.consent.is_some() {
            ", consent"
        } else {
            ""
        },
    );
    for answer in &draft.answers {
        let sensitive = if answer.sensitive { "!" } else { "" };
        let unchecked = if answer.validated { "" } else { "?" };
        let value: String = answer.value.chars().take(80).collect();
        write!(line, "; {}{sensitive}{unchecked}={value}", answer.field).unwrap();
    }
    for note in &draft.notes {
        write!(line, "; note: {note}").unwrap();
    }
    line.push(']');
    line
}
