use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::Context;

/// The year 2001 in milliseconds: no deadline of today lies before it.
const PLAUSIBLE: i64 = 1_000_000_000_000;

/// Time until Lambda stops this invocation. `cargo lambda watch` sends a duration where Lambda sends
/// a moment; a deadline decades ago is taken for that.
pub fn time_left(context: &Context, now: Timestamp) -> Duration {
    let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let left = if deadline < PLAUSIBLE {
        deadline
    } else {
        deadline.saturating_sub(now.as_millisecond())
    };
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
    fn the_time_left_is_what_lambda_says_and_never_negative() {
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        for (deadline, left) in [
            (1_800_000_001_000, Duration::from_secs(1)),
            (1_799_999_999_000, Duration::ZERO),
            (600_000, Duration::from_mins(10)),
        ] {
            let mut context = Context::default();
            context.deadline = deadline;
            assert_eq!(time_left(&context, now), left, "{deadline}");
        }
    }
}
