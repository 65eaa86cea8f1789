/// What can go wrong with the records of a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// S3 failed or refused, or the run is not what its manifest says.
    #[error(transparent)]
    Lake(#[from] lake::Error),
    /// The cursor is none that a page gave out.
    #[error("the cursor is not one that a page of this stream gave: leave it out to begin anew")]
    InvalidCursor,
    /// An object that this crate wrote is gone, or no longer reads as such.
    #[error(
        "{key} is not what was stored there ({why}): restore its previous version, or remove the stream's records and read it in full"
    )]
    Corrupt {
        /// The object.
        key: String,
        /// What is the matter with it; never its content.
        why: String,
    },
    /// Others kept getting ahead.
    #[error("{key} was changed by others all the time: try again in a minute")]
    Contended {
        /// The index of the stream.
        key: String,
    },
    /// An import has more than one object may hold.
    #[error("an import may have {most} bytes of data, this one has {bytes}: send it in parts")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What it may have.
        most: usize,
    },
    /// Data to be imported is not a JSON object.
    #[error("row {number} of the import is not a JSON object: correct it and send it again")]
    NotAnObject {
        /// Its place in the import, from 1.
        number: usize,
    },
    /// The compressor failed.
    #[error("the records could not be compressed: {0}")]
    Compression(#[source] std::io::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Entropy(getrandom::Error),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lake(error) => error.is_transient(),
            Self::Contended { .. } | Self::Entropy(_) => true,
            _ => false,
        }
    }

    pub(crate) fn corrupt(key: &str, why: &impl ToString) -> Self {
        Self::Corrupt {
            key: key.to_owned(),
            why: why.to_string(),
        }
    }
}
