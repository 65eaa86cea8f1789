use std::fmt::Write as _;

use state::ChatId;
use zoho_desk::CommentText;

use crate::history::Line;

/// UTF-16 units of one comment's lines. Zoho Desk API, "Add Ticket Comment": `content` has 32,000
/// characters at most; the marker and the heading need some.
const ROOM: usize = 31_000;
/// What a line adds to its text: time, speaker, line end.
const LINE: usize = 60;

/// The messages that one comment holds, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// The longest beginning of `lines` that fits into one comment, one line at least; `None` if there
/// are none.
pub(crate) fn next_batch(lines: &[Line]) -> Option<Batch> {
    let first = lines.first()?;
    let mut room = ROOM;
    let fitting = lines.iter().take_while(|line| {
        let size = line.text.encode_utf16().count() + LINE;
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let last = fitting.last().unwrap_or(first);
    Some(Batch {
        first: first.number,
        last: last.number,
    })
}

/// The line that tells our comments apart: `[deskbridge <chat>/<ticket> messages <first>-<last>]`.
/// Characters that HTML would write otherwise are left out of the chat's id.
pub(crate) fn marker(chat: &ChatId, ticket: u32, batch: Batch) -> String {
    let chat: String = chat
        .as_str()
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_.:#/@".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "[deskbridge {chat}/{ticket} messages {}-{}]",
        batch.first, batch.last
    )
}

/// The comment of a batch: heading, one line for each message, marker. The same messages always
/// give the same text.
pub(crate) fn text(marker: &str, lines: &[Line], batch: Batch) -> Option<CommentText> {
    let mut text = String::from("Chat history\n");
    let batch = lines
        .iter()
        .filter(|line| (batch.first..=batch.last).contains(&line.number));
    for line in batch {
        let at = line.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let _ = writeln!(text, "{at} {}: {}", line.speaker(), line.text);
    }
    text.push_str(marker);
    CommentText::cut(&text)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use state::Author;

    use super::*;

    fn line(number: u32, text: &str) -> Line {
        Line {
            number,
            from: if number % 2 == 1 {
                Author::Visitor
            } else {
                Author::Bot
            },
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_comment_reads_as_the_chat_did_and_ends_with_its_marker() {
        let chat = ChatId::parse("chat_123").unwrap();
        let lines = [
            line(1, "I forgot my password"),
            line(2, "What's your username?"),
        ];
        let batch = next_batch(&lines).unwrap();
        let marker = marker(&chat, 1, batch);
        assert_eq!(marker, "[deskbridge chat_123/1 messages 1-2]");
        assert_eq!(
            text(&marker, &lines, batch).unwrap().as_str(),
            "Chat history\n\
             2027-01-15 08:00:00 UTC Customer: I forgot my password\n\
             2027-01-15 08:00:00 UTC Bot: What's your username?\n\
             [deskbridge chat_123/1 messages 1-2]"
        );
    }

    #[test]
    fn long_histories_take_several_comments_and_no_message_is_cut() {
        let long = "ä".repeat(4_000);
        let lines: Vec<Line> = (1..=20).map(|number| line(number, &long)).collect();
        let mut rest = &lines[..];
        let mut batches = Vec::new();
        while let Some(batch) = next_batch(rest) {
            let comment = text("[marker]", &lines, batch).unwrap();
            assert!(comment.as_str().ends_with("[marker]"));
            assert!(comment.as_str().encode_utf16().count() <= 32_000);
            rest = &rest[(batch.last - batch.first + 1) as usize..];
            batches.push((batch.first, batch.last));
        }
        assert_eq!(batches, [(1, 7), (8, 14), (15, 20)]);
    }

    #[test]
    fn a_marker_survives_html() {
        let chat = ChatId::parse("a<b>&\"c\" d").unwrap();
        let batch = Batch { first: 3, last: 4 };
        assert_eq!(
            marker(&chat, 2, batch),
            "[deskbridge a_b___c__d/2 messages 3-4]"
        );
    }
}
