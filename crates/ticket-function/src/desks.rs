use std::sync::{Arc, OnceLock};

use desk_account::DeskAccount;
use lambda_kit::{ErrorType, Failure};
use ticketing::{DeskFuture, Desks};
use tokio::time::Instant;
use vendor_http::{Deadline, TokenError, TokenErrorKind};
use zoho_desk::Desk;

/// The Zoho Desk account of this function.
#[derive(Debug)]
pub(crate) struct AccountDesks {
    /// Settings that make no sense fail each call with their name, not the start.
    account: Result<DeskAccount, Failure>,
    bucket: String,
    org_id: OnceLock<String>,
}

tokio::task_local! {
    static ASKED: Arc<OnceLock<Instant>>;
}

/// Runs `work` and tells when it first turned to Zoho Desk, if it did: until then all time was our
/// own.
pub(crate) async fn watched<F: Future>(work: F) -> (F::Output, Option<Instant>) {
    let asked = Arc::new(OnceLock::new());
    let output = ASKED.scope(Arc::clone(&asked), work).await;
    (output, asked.get().copied())
}

impl AccountDesks {
    pub(crate) fn new(account: Result<DeskAccount, Failure>, bucket: String) -> Self {
        Self {
            account,
            bucket,
            org_id: OnceLock::new(),
        }
    }

    async fn enter(&self, deadline: Deadline) -> Result<Desk, Failure> {
        let account = self.account.as_ref().map_err(Clone::clone)?;
        let desk = account.desk(None, &self.bucket, deadline).await?;
        if self.org_id.get().is_none() {
            let org_id = account.org_id(None, deadline).await?;
            let _ = self.org_id.set(org_id.as_str().to_owned());
        }
        Ok(desk)
    }
}

impl Desks for AccountDesks {
    fn desk(&self, deadline: Deadline) -> DeskFuture<'_> {
        // Outside of `watched` nobody asks.
        let _ = ASKED.try_with(|asked| asked.set(Instant::now()));
        Box::pin(async move {
            self.enter(deadline)
                .await
                .map_err(|failure| zoho_desk::Error::Token(of(failure)))
        })
    }

    fn org_id(&self) -> String {
        self.org_id.get().cloned().unwrap_or_default()
    }
}

fn of(failure: Failure) -> TokenError {
    let kind = match failure.error_type {
        ErrorType::AuthRequired => TokenErrorKind::AuthRequired,
        ErrorType::ScopeMissing => TokenErrorKind::ScopeMissing,
        ErrorType::RateLimited => TokenErrorKind::RateLimited,
        ErrorType::StorageDenied => TokenErrorKind::StorageDenied,
        ErrorType::DeadlineExceeded => TokenErrorKind::Deadline,
        ErrorType::Upstream => TokenErrorKind::Unavailable,
        _ => TokenErrorKind::SecretInvalid,
    };
    TokenError {
        kind,
        message: failure.message,
    }
}
