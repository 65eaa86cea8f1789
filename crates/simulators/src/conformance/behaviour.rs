use std::fmt;

use futures_util::future::BoxFuture;

use super::account::Account;
use super::{checks, incremental, mishaps, reading, stops};

/// Something that every source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Streams are told, the one under test among them, with their primary key.
    TellsItsStreams,
    /// No row, one row, one page, and many pages are each read whole, exactly once.
    ReadsEveryRowOnce,
    /// An incremental run yields what changed, ties included, and next to nothing else.
    ReadsWhatChanged,
    /// Stopped softly at each piece and resumed by another process, it yields each row once.
    StopsSoon,
    /// The same where it drops what is in flight.
    StopsNow,
    /// A position or state of something else is an error.
    RefusesForeignPositions,
    /// A dropped `next` loses no row.
    SurvivesDroppedFutures,
    /// Behind an error it says `None`, and its position is as good as any.
    ResumesAfterAnError,
    /// The check passes.
    ChecksOut,
    /// Wrong credentials are [`engine::Kind::AuthRequired`].
    RefusesWrongCredentials,
    /// No answer is [`engine::Kind::Unreachable`].
    NoticesNobodyAnswers,
    /// A mishap that passes costs no row, or ends with an error that may be retried.
    SurvivesMishaps,
    /// A mishap that lasts ends with an error, within time and memory.
    GivesUpOnLastingMishaps,
    /// Deep nesting kills nobody.
    SurvivesDeepNesting,
}

/// What a behaviour came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was seen.
    Held,
    /// The account has no way to show it.
    NotApplicable,
}

/// A behaviour that was not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub behaviour: Behaviour,
    /// What was seen instead.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.behaviour, self.what)
    }
}

impl std::error::Error for Broken {}

/// How a single look ended.
pub(super) type Seen = Result<Outcome, String>;

impl Behaviour {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::TellsItsStreams,
        Self::ReadsEveryRowOnce,
        Self::ReadsWhatChanged,
        Self::StopsSoon,
        Self::StopsNow,
        Self::RefusesForeignPositions,
        Self::SurvivesDroppedFutures,
        Self::ResumesAfterAnError,
        Self::ChecksOut,
        Self::RefusesWrongCredentials,
        Self::NoticesNobodyAnswers,
        Self::SurvivesMishaps,
        Self::GivesUpOnLastingMishaps,
        Self::SurvivesDeepNesting,
    ];

    /// Looks whether `account` shows it. The account is reset first.
    pub async fn check(self, account: &dyn Account) -> Result<Outcome, Broken> {
        account.recover();
        let look: BoxFuture<'_, Seen> = match self {
            Self::TellsItsStreams => Box::pin(checks::tells_its_streams(account)),
            Self::ReadsEveryRowOnce => Box::pin(reading::every_row_once(account)),
            Self::ReadsWhatChanged => Box::pin(incremental::what_changed(account)),
            Self::StopsSoon => Box::pin(stops::at_each_piece(account, engine::Stop::Soon)),
            Self::StopsNow => Box::pin(stops::at_each_piece(account, engine::Stop::Now)),
            Self::RefusesForeignPositions => Box::pin(stops::foreign_positions(account)),
            Self::SurvivesDroppedFutures => Box::pin(stops::dropped_futures(account)),
            Self::ResumesAfterAnError => Box::pin(mishaps::resumes(account)),
            Self::ChecksOut => Box::pin(checks::passes(account)),
            Self::RefusesWrongCredentials => Box::pin(checks::wrong_credentials(account)),
            Self::NoticesNobodyAnswers => Box::pin(checks::nobody_answers(account)),
            Self::SurvivesMishaps => Box::pin(mishaps::passing(account)),
            Self::GivesUpOnLastingMishaps => Box::pin(mishaps::lasting(account)),
            Self::SurvivesDeepNesting => Box::pin(mishaps::deep_nesting(account)),
        };
        let seen = look.await;
        account.recover();
        seen.map_err(|what| Broken {
            behaviour: self,
            what,
        })
    }
}

/// Checks all behaviours, one after the other; gives those that the account has no way to show.
pub async fn hold(account: &dyn Account) -> Result<Vec<Behaviour>, Broken> {
    let mut not_applicable = Vec::new();
    for behaviour in Behaviour::ALL {
        if behaviour.check(account).await? == Outcome::NotApplicable {
            not_applicable.push(behaviour);
        }
    }
    Ok(not_applicable)
}
