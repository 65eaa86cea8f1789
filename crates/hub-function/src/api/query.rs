use front_door::ApiError;
use hub::IntegrationId;
use lake::RunId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// An integration's id in a path. What is no number is no integration.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Id(u64);

impl Id {
    pub(crate) fn integration(self) -> IntegrationId {
        IntegrationId(self.0)
    }
}

/// An integration and one of its runs in a path.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OfRun {
    pub(crate) id: Id,
    pub(crate) run: String,
}

impl OfRun {
    /// What is no run's id names none.
    pub(crate) fn run(&self) -> Result<RunId, ApiError> {
        RunId::parse(&self.run).map_err(|_| ApiError::not_found("there is no such run"))
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Most entries of a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<Limit<1, 100>>,
    /// `nextCursor` of the page before.
    #[param(min_length = 1, max_length = 2048)]
    pub(crate) cursor: Option<String>,
}

const PAGE: u32 = 20;

impl PageQuery {
    pub(crate) fn limit(&self) -> u32 {
        self.limit.map_or(PAGE, |limit| limit.0)
    }
}

/// A number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Limit<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&number) {
            return Ok(Self(number));
        }
        Err(D::Error::custom(format_args!("must be {MIN} to {MAX}")))
    }
}
