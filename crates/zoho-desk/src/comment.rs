//! Comments on tickets.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exchange::Request;
use crate::page::position;
use crate::ticket::flag;
use crate::{CommentText, Desk, EntityId, Error};

/// Comments of one page.
const ROWS: u32 = 100;
/// Pages that [`Desk::all_comments`] reads at most.
const PAGES: u32 = 49;

/// How a comment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ContentType {
    /// As it is.
    PlainText,
    /// HTML, shown as such.
    Html,
}

/// A comment to be added.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewComment {
    /// The text.
    pub content: CommentText,
    /// How it is written.
    pub content_type: ContentType,
    /// Whether the contact sees it, too.
    pub is_public: bool,
}

impl NewComment {
    /// A comment that agents alone see.
    pub fn internal(content: CommentText) -> Self {
        Self {
            content,
            content_type: ContentType::PlainText,
            is_public: false,
        }
    }

    /// A comment that the contact sees, too.
    pub fn public(content: CommentText) -> Self {
        Self {
            is_public: true,
            ..Self::internal(content)
        }
    }
}

/// A comment on a ticket.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// Its id.
    pub id: EntityId,
    /// The text; HTML unless it was added as plain text.
    #[serde(default)]
    pub content: String,
    /// Whether the contact sees it, too. `false` where the vendor does not say.
    #[serde(default, deserialize_with = "flag")]
    pub is_public: bool,
    /// When it was added.
    #[serde(default)]
    pub commented_time: Option<Timestamp>,
    /// Who added it.
    #[serde(default)]
    pub commenter_id: Option<EntityId>,
}

impl Desk {
    /// Adds a comment. Sent once: where [`Error::may_have_happened`], read the ticket's comments
    /// before sending it again.
    pub async fn add_comment(
        &self,
        ticket: &EntityId,
        comment: &NewComment,
    ) -> Result<Comment, Error> {
        let path = format!("/tickets/{ticket}/comments");
        self.record(&Request::create(&path, comment)?).await
    }

    /// Page `page` (from 0) of a ticket's comments, 100 each, oldest first. A short page is the last.
    pub async fn comments(&self, ticket: &EntityId, page: u32) -> Result<Vec<Comment>, Error> {
        let path = format!("/tickets/{ticket}/comments");
        let query = [
            ("sortBy", "commentedTime".into()),
            ("limit", ROWS.to_string().into()),
            ("from", page.saturating_mul(ROWS).to_string().into()),
        ];
        let page = self.page(&path, &query).await?;
        let comments: Result<Vec<Comment>, _> = page
            .rows
            .iter()
            .map(|row| serde_json::from_str(row.json.get()))
            .collect();
        comments.map_err(|error| Error::Malformed {
            path,
            why: position(&error),
        })
    }

    /// A ticket's comments, oldest first, each once; no more than 4,900.
    pub async fn all_comments(&self, ticket: &EntityId) -> Result<Vec<Comment>, Error> {
        let mut all: Vec<Comment> = Vec::new();
        for page in 0..PAGES {
            let comments = self.comments(ticket, page).await?;
            let is_last = comments.len() < ROWS as usize;
            // An account that counts from 1 shows the edge of a page twice.
            let known = all.iter().rev().take(2).map(|last| last.id.clone());
            let known: Vec<EntityId> = known.collect();
            let new = comments.into_iter();
            all.extend(new.filter(|comment| !known.contains(&comment.id)));
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

impl fmt::Debug for NewComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewComment")
            .field("is_public", &self.is_public)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comment")
            .field("id", &self.id)
            .field("is_public", &self.is_public)
            .finish_non_exhaustive()
    }
}
