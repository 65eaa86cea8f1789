use secrecy::SecretString;
use state::{Counted, Invitation, SurveyAnswer, TicketRecord, TicketState, Write};

use crate::{Error, Tickets};

const ATTEMPTS: u32 = 8;
/// Characters of a comment that are kept.
const COMMENT: usize = 2_000;
const NO_SURVEY: Error = Error::NotFound { what: "survey" };

/// The ticket that a survey is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// The number people use.
    pub ticket_number: String,
    /// E.g. `Password Reset`.
    pub title: String,
    /// The chat's language, where known.
    pub language: Option<String>,
}

impl Tickets {
    /// What the survey of a link is about; not found if it was answered, or is too old.
    pub async fn survey(&self, token: &SecretString) -> Result<Rating, Error> {
        let surveys = &self.parts.state.surveys;
        let invitation = surveys.peek(token).await?.ok_or(NO_SURVEY)?;
        self.rating(&invitation).await
    }

    /// Keeps a visitor's answer, once for each link. Exactly one of several at once counts.
    pub async fn rate(
        &self,
        token: &SecretString,
        stars: u8,
        comment: Option<&str>,
    ) -> Result<Rating, Error> {
        if !(1..=5).contains(&stars) {
            return Err(Error::invalid("stars", "must be a number from 1 to 5"));
        }
        let comment = comment
            .map(|comment| comment.trim().chars().take(COMMENT).collect::<String>())
            .filter(|comment| !comment.is_empty());
        for _ in 0..ATTEMPTS {
            let surveys = &self.parts.state.surveys;
            let invitation = surveys.peek(token).await?.ok_or(NO_SURVEY)?;
            match self.keep(&invitation, stars, comment.clone()).await {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
                Ok(()) => return self.rating(&invitation).await,
            }
        }
        Err(Error::Contended)
    }

    async fn keep(
        &self,
        invitation: &Invitation,
        stars: u8,
        comment: Option<String>,
    ) -> Result<(), Error> {
        let state = &self.parts.state;
        let now = self.parts.clock.now();
        let chat = &invitation.chat_id;
        let mut writes: Vec<Write> = vec![state.surveys.used(invitation)?];
        writes.extend(state.counters.write(now, chat, &[Counted::Rated(stars)]));
        if let Some(mut session) = state.sessions.load(chat).await? {
            session.survey = Some(SurveyAnswer {
                stars,
                // Nothing personal comes back after an erasure.
                comment: comment.filter(|_| session.erased_at.is_none()),
                at: now,
            });
            writes.push(state.sessions.write(&session)?);
        }
        Ok(state.table.transact(writes).await?)
    }

    async fn rating(&self, invitation: &Invitation) -> Result<Rating, Error> {
        let tickets = &self.parts.state.tickets;
        let record = tickets.load(&invitation.chat_id, invitation.ticket).await?;
        record.as_ref().and_then(about).ok_or(NO_SURVEY)
    }
}

fn about(record: &TicketRecord) -> Option<Rating> {
    let TicketState::Made { number, .. } = &record.state else {
        return None;
    };
    let language = record.origin.answers["draft"]["language"].as_str();
    Some(Rating {
        ticket_number: number.clone(),
        title: record.origin.title.clone(),
        language: language.map(str::to_owned),
    })
}
