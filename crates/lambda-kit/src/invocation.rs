use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::Context;

/// Time until Lambda stops this invocation.
pub fn time_left(context: &Context, now: Timestamp) -> Duration {
    let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let left = deadline.saturating_sub(now.as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// The AWS account id in the invoked function's ARN (`arn:aws:lambda:<region>:<account>:function:…`).
pub fn account_of(context: &Context) -> Option<&str> {
    let account = context.invoked_function_arn.split(':').nth(4)?;
    let digits = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_taken_from_the_arn() {
        let mut context = Context::default();
        assert_eq!(account_of(&context), None);
        context.invoked_function_arn =
            "arn:aws:lambda:eu-west-1:123456789012:function:tickets".into();
        assert_eq!(account_of(&context), Some("123456789012"));
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_no_time() {
        let mut context = Context::default();
        context.deadline = 61_000;
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(time_left(&context, at(60)), Duration::from_secs(1));
        assert_eq!(time_left(&context, at(62)), Duration::ZERO);
    }
}
