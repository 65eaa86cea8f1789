use engine::Problem;
use lake::RunId;

use crate::ports::PortError;

/// Why the hub did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such integration, run, stream or record of this tenant's.
    #[error("there is no {0} with this id: list what there is")]
    NotFound(&'static str),
    /// What was sent makes no sense; all problems at once.
    #[error("{} of what was sent is wrong: correct it and send it again", problems(.0))]
    Invalid(Vec<Problem>),
    /// Somebody else changed the integration since it was read.
    #[error("the integration was changed meanwhile: read it again and repeat the change")]
    Changed,
    /// A run of this integration is under way.
    #[error("run {run} of this integration is under way: wait for it to end")]
    Busy {
        /// Which.
        run: RunId,
    },
    /// The integration is being removed.
    #[error("the integration is being removed: it cannot be used any more")]
    Removing,
    /// The integration is switched off.
    #[error("the integration is inactive: set its status to active first")]
    Inactive,
    /// The same idempotency key came with another request.
    #[error("this idempotency key was used for another request: send a new one")]
    KeyReused,
    /// A cursor of another list.
    #[error("the cursor is not one of this list: ask again without it")]
    InvalidCursor,
    /// The table.
    #[error(transparent)]
    State(state::Error),
    /// Something behind a port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The lake.
    #[error(transparent)]
    Lake(#[from] lake::Error),
    /// Current records.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// A defect of ours.
    #[error("{0}; this is a defect, report it with the request's id")]
    Defect(&'static str),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::State(error) => error.is_transient() || error.is_conflict(),
            Self::Port(error) => error.is_transient(),
            Self::Lake(error) => error.is_transient(),
            Self::Records(error) => error.is_transient(),
            Self::Busy { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::new(field, message)])
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        match error {
            state::Error::InvalidCursor => Self::InvalidCursor,
            other => Self::State(other),
        }
    }
}

fn problems(all: &[Problem]) -> String {
    let fields: Vec<_> = all.iter().map(|problem| problem.field.as_str()).collect();
    fields.join(", ")
}
