use axum::extract::Request;

/// What a request may be, before anything reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a body; more is refused with 413. 64 KiB by default.
    pub body_bytes: usize,
    /// Most levels of brackets in a JSON body; more is refused with 400. 32 by default.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            depth: 32,
        }
    }
}

impl Limits {
    /// The limits that the front door set for `request`.
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}
