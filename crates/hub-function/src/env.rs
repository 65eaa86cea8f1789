use lambda_kit::{Env, ErrorType, Failure};

/// The deployed function's name, which tells two installations in one account apart.
pub(crate) fn name(env: &Env, otherwise: &str) -> String {
    env.text("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or(otherwise)
        .to_owned()
}

/// A number from 1.
pub(crate) fn at_least_one(env: &Env, variable: &str, otherwise: u32) -> Result<u32, Failure> {
    match env.parsed(variable).map_err(invalid)? {
        None => Ok(otherwise),
        Some(0) => Err(invalid(format!(
            "environment variable {variable} is `0`: use a number from 1"
        ))),
        Some(number) => Ok(number),
    }
}

/// What there is no way without.
pub(crate) fn needed<'e>(env: &'e Env, variable: &str) -> Result<&'e str, Failure> {
    env.text(variable)
        .ok_or_else(|| invalid(format!("set the environment variable {variable}")))
}

pub(crate) fn invalid(why: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorType::InvalidEvent, why)
}
