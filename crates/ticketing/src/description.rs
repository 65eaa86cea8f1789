use std::fmt::Write as _;

use chat::{Answer, Draft};
use zoho_desk::Description;

use crate::history::Line;

/// What stands for a sensitive answer where others than agents may read it.
const HIDDEN: &str = "•••";

/// Where a ticket comes from.
pub(crate) struct Source<'a> {
    /// E.g. `AceBuddy (SalesIQ)`.
    pub(crate) name: &'a str,
    pub(crate) chat: &'a str,
    pub(crate) visitor: Option<&'a str>,
}

/// The ticket's description: what was collected, then the chat. Customers see it in Desk's portal,
/// so sensitive answers are hidden.
pub(crate) fn description(draft: &Draft, lines: &[Line], source: &Source<'_>) -> Description {
    let mut text = format!("{}\n\n", draft.title);
    for answer in &draft.answers {
        let value = if answer.sensitive {
            "given in the chat"
        } else {
            &answer.value
        };
        let checked = if answer.validated {
            " (form checked)"
        } else {
            ""
        };
        let _ = writeln!(text, "{}: {value}{checked}", answer.label);
    }
    let verified = if draft.email.verified {
        "verified"
    } else {
        "not verified: make sure who it is before acting"
    };
    let _ = writeln!(text, "E-mail: {} ({verified})", draft.email.address);
    let _ = writeln!(
        text,
        "Priority: {}\nCategory: {}",
        draft.priority, draft.category
    );
    if draft.approval_needed {
        text.push_str("Approval: needed\n");
    }
    if draft.escalated {
        text.push_str("A person has to go on where the bot stopped.\n");
    }
    for note in &draft.notes {
        let _ = writeln!(text, "{note}");
    }
    if let Some(consent) = &draft.consent {
        let _ = writeln!(text, "The visitor agreed to: {consent}");
    }
    let _ = write!(text, "\nSource: {}\nChat: {}", source.name, source.chat);
    if let Some(visitor) = source.visitor {
        let _ = write!(text, ", visitor {visitor}");
    }
    text.push_str("\n\nChat history\n");
    for line in lines {
        let said = hidden(&line.text, &draft.answers);
        let _ = writeln!(text, "{}: {said}", line.speaker());
    }
    Description::of_text(text.trim_end())
}

/// `text` without sensitive answers.
pub(crate) fn hidden(text: &str, answers: &[Answer]) -> String {
    let mut text = text.to_owned();
    for answer in sensitive(answers) {
        text = text.replace(answer, HIDDEN);
    }
    text
}

/// Whether `text` holds a sensitive answer.
pub(crate) fn is_sensitive(text: &str, answers: &[Answer]) -> bool {
    sensitive(answers).any(|answer| text.contains(answer))
}

fn sensitive(answers: &[Answer]) -> impl Iterator<Item = &str> {
    answers
        .iter()
        .filter(|answer| answer.sensitive)
        .map(|answer| answer.value.trim())
        .filter(|value| !value.is_empty())
}
