use std::time::Duration;

use serde_json::json;
use state::{ChatId, TicketRecord, TicketState};
use tracing::{info, warn};
use vendor_http::Deadline;
use zoho_desk::{Desk, EntityId, NewComment};

use crate::access::Actor;
use crate::comments::{self, Batch};
use crate::description::is_sensitive;
use crate::history::{self, Line};
use crate::settle::{Step, is_refusal, paused};
use crate::work::{Posting, Work};
use crate::{Error, Tickets};

/// Less time than this is not enough for a request.
const LEAST: Duration = Duration::from_millis(100);

impl Tickets {
    /// Writes the chat's messages as comments of a ticket, each once. The newest ticket of a chat
    /// gets what is said later, too.
    pub(crate) async fn comment_on(
        &self,
        chat: &ChatId,
        n: u32,
        is_newest: bool,
        deadline: Deadline,
    ) -> Result<Step, Error> {
        loop {
            let Some(record) = self.parts.state.tickets.load(chat, n).await? else {
                return Ok(Step::Done);
            };
            let (TicketState::Made { id, .. }, Some(work)) = (&record.state, Work::of(&record)?)
            else {
                return Ok(Step::Done);
            };
            let Ok(ticket) = id.parse::<EntityId>() else {
                return Ok(Step::Done);
            };
            let last = if is_newest { u32::MAX } else { work.until };
            let sessions = &self.parts.state.sessions;
            let messages = sessions
                .messages_after(chat, record.comments_posted)
                .await?;
            let lines = history::lines(messages, last);
            if let Some(rest) = work
                .posting
                .and_then(|posting| self.unsettled(posting.since))
            {
                return Ok(Step::Later(rest));
            }
            let batch = match work.posting {
                Some(posting) => posting.batch(),
                None => match comments::next_batch(&lines) {
                    Some(batch) => batch,
                    None => return Ok(Step::Done),
                },
            };
            if deadline.remaining() < LEAST {
                return Ok(Step::Later(Duration::ZERO));
            }
            let bound = deadline
                .remaining()
                .min(self.parts.settings.settle_after * 2 / 3);
            let desk = self.parts.desks.desk(Deadline::after(bound)).await?;
            let post = Post {
                ticket,
                batch,
                marker: comments::marker(chat, n, batch),
                lines,
            };
            if let Step::Later(after) = self.post(record, work, &post, &desk).await? {
                return Ok(Step::Later(after));
            }
        }
    }

    async fn post(
        &self,
        record: TicketRecord,
        work: Work,
        post: &Post,
        desk: &Desk,
    ) -> Result<Step, Error> {
        if work.posting.is_some() {
            match desk.all_comments(&post.ticket).await {
                Ok(there)
                    if there
                        .iter()
                        .any(|comment| comment.content.contains(&post.marker)) =>
                {
                    return self.posted(record, work, post.batch).await;
                }
                Ok(_) => {}
                Err(error) => return self.not_posted(record, work, post, error).await,
            }
        }
        let Some(content) = comments::text(&post.marker, &post.lines, post.batch) else {
            return self.posted(record, work, post.batch).await;
        };
        let sensitive = post
            .said()
            .any(|line| is_sensitive(&line.text, &work.draft.answers));
        let comment = if self.parts.settings.public_history && !sensitive {
            NewComment::public(content)
        } else {
            NewComment::internal(content)
        };
        let intent = Posting {
            first: post.batch.first,
            last: post.batch.last,
            since: self.parts.clock.now(),
        };
        let work = Work {
            posting: Some(intent),
            ..work
        };
        let record = self.store(record, &work).await?;
        match desk.add_comment(&post.ticket, &comment).await {
            Ok(_) => self.posted(record, work, post.batch).await,
            Err(error) if error.may_have_happened() => {
                let (chat, n) = (&record.chat_id, record.n);
                warn!(%chat, ticket = n, %error, "no answer to a comment; Zoho Desk will be asked later");
                Ok(Step::Later(self.parts.settings.settle_after))
            }
            Err(error) => self.not_posted(record, work, post, error).await,
        }
    }

    async fn posted(
        &self,
        mut record: TicketRecord,
        work: Work,
        batch: Batch,
    ) -> Result<Step, Error> {
        record.comments_posted = record.comments_posted.max(batch.last);
        let work = Work {
            posting: None,
            ..work
        };
        let record = self.store(record, &work).await?;
        let messages = batch.last + 1 - batch.first;
        info!(chat = %record.chat_id, ticket = record.n, messages, "chat history is a comment");
        Ok(Step::Done)
    }

    /// Nothing was written. What Desk will never take is left out, so that the rest gets its turn.
    async fn not_posted(
        &self,
        record: TicketRecord,
        work: Work,
        post: &Post,
        error: zoho_desk::Error,
    ) -> Result<Step, Error> {
        let is_gone = matches!(error, zoho_desk::Error::NotFound { .. });
        if !is_gone && !is_refusal(&error) {
            return paused(error);
        }
        warn!(chat = %record.chat_id, ticket = record.n, %error, "Zoho Desk takes no comment");
        let entry = self.parts.audit(
            &Actor::Worker,
            "comment.refused",
            format!("ticket:{}", post.ticket),
            json!({"first": post.batch.first, "last": post.batch.last, "gone": is_gone}),
        )?;
        self.parts.state.table.write(entry).await?;
        self.posted(record, work, post.batch).await
    }

    async fn store(&self, mut record: TicketRecord, work: &Work) -> Result<TicketRecord, Error> {
        work.store(&mut record)?;
        Ok(self.parts.state.tickets.save(record).await?)
    }
}

/// A comment about to be written.
struct Post {
    ticket: EntityId,
    batch: Batch,
    marker: String,
    lines: Vec<Line>,
}

impl Post {
    fn said(&self) -> impl Iterator<Item = &Line> {
        let batch = self.batch;
        self.lines
            .iter()
            .filter(move |line| (batch.first..=batch.last).contains(&line.number))
    }
}
