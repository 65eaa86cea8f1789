use std::error::Error;

/// What went wrong with a call of AWS, on one line, by its causes. Never log its debug output or
/// `DisplayErrorContext`: they hold the answer's body, and that may be a secret.
pub fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}
