use lambda_kit::{Env, ErrorType, Failure};

/// The deployed function's name, which tells two installations in one account apart.
pub(crate) fn name(env: &Env, otherwise: &str) -> String {
    env.text("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or(otherwise)
        .to_owned()
}

/// A number from 1.
pub(crate) fn at_least_one(env: &Env, variable: &str, otherwise: u32) -> Result<u32, Failure> {
    let invalid = |why: String| Failure::new(ErrorType::InvalidEvent, why);
    match env
        .parsed(variable)
        .map_err(|error| invalid(error.to_string()))?
    {
        None => Ok(otherwise),
        Some(0) => Err(invalid(format!(
            "environment variable {variable} is `0`: use a number from 1"
        ))),
        Some(number) => Ok(number),
    }
}
