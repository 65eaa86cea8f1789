use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Name or ARN of a secret in AWS Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretId(String);

/// The text can be neither name nor ARN of a secret. It is not repeated, in case somebody put the
/// secret itself there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a secret id is 1 to 512 letters, digits or any of /_+=.@- (such as `zoho_auth`), or an ARN \
     arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"
)]
pub struct SecretIdError;

const MAX_NAME: usize = 512;

impl SecretId {
    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretId {
    type Err = SecretIdError;

    fn from_str(text: &str) -> Result<Self, SecretIdError> {
        let name = if text.starts_with("arn:") {
            name_in_arn(text).ok_or(SecretIdError)?
        } else {
            text
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
            return Err(SecretIdError);
        }
        Ok(Self(text.into()))
    }
}

fn name_in_arn(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    match parts[..] {
        [
            "arn",
            partition,
            "secretsmanager",
            region,
            account,
            "secret",
            name,
        ] => {
            let plausible = !partition.is_empty()
                && !region.is_empty()
                && !account.is_empty()
                && account.bytes().all(|byte| byte.is_ascii_digit());
            plausible.then_some(name)
        }
        _ => None,
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_are_accepted_and_nothing_else() {
        let long = "x".repeat(512);
        for good in [
            "zoho_auth",
            "prod/zoho+desk=1.2@eu-west",
            long.as_str(),
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:zoho_auth-AbCdEf",
            "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b",
        ] {
            assert!(good.parse::<SecretId>().is_ok(), "{good}");
        }
        let too_long = "x".repeat(513);
        for bad in [
            "",
            " ",
            "zoho auth",
            "zoho:auth",
            "zöho",
            "{\"client_id\":1}",
            too_long.as_str(),
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
            "arn:aws:s3:::bucket",
            "arn:aws:secretsmanager:eu-west-1:me:secret:zoho_auth",
        ] {
            assert_eq!(bad.parse::<SecretId>(), Err(SecretIdError), "{bad}");
        }
    }
}
