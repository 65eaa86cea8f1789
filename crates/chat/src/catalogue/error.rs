/// What is wrong with a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is not TOML.
    #[error("the catalogue is not valid TOML, correct this place: {0}")]
    Syntax(String),
    /// It is too long to be a catalogue.
    #[error("the catalogue has {bytes} bytes: shorten it to {limit} at most")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A key holds something it cannot.
    #[error("{place}: {key}: {problem}; write {remedy}")]
    Invalid {
        /// Where, such as `workflow "password_reset", step "login"`.
        place: String,
        /// The key, such as `prompt.de`.
        key: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
}

impl CatalogueError {
    /// Never: the file has to be changed.
    pub fn is_transient(&self) -> bool {
        false
    }
}
