use lambda_kit::ErrorType;
use table::Error;

/// The one mapping from errors to `errorType`.
pub(crate) fn type_of(error: &Error) -> ErrorType {
    match error {
        Error::Lake(lake::Error::BucketMissing { .. } | lake::Error::Denied { .. }) => {
            ErrorType::StorageDenied
        }
        Error::Deadline { .. } => ErrorType::DeadlineExceeded,
        error if error.is_transient() => ErrorType::Upstream,
        _ => ErrorType::Internal,
    }
}
