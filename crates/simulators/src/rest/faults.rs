use serde::Deserialize;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// 429.
    TooManyRequests {
        /// The `Retry-After` header, seconds.
        #[serde(default)]
        retry_after_s: Option<u64>,
    },
    /// A status, with a text as body.
    Status {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// The connection ends instead of an answer.
    Reset,
    /// Half of the body.
    Truncated,
    /// A whole body that is no JSON.
    MalformedJson,
    /// A web page, with 200.
    Html,
    /// The page before the one that was asked for.
    RepeatedPage,
    /// The first page, and always another one.
    EndlessPages,
    /// A body of so many bytes.
    OversizedBody {
        /// Bytes.
        bytes: u64,
    },
    /// A row nested so deep.
    DeepNesting {
        /// Levels.
        depth: usize,
    },
}

/// When a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FaultRule {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// Good requests before.
    #[serde(default)]
    pub after: u32,
    /// Requests that it strikes; all if not given.
    #[serde(default)]
    pub times: Option<u32>,
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FaultRule>);

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that strikes the request that has just come.
    pub(super) fn strike(&mut self) -> Option<Fault> {
        let mut struck = None;
        for rule in &mut self.0 {
            if rule.after > 0 {
                rule.after -= 1;
            } else if struck.is_none() && rule.times != Some(0) {
                rule.times = rule.times.map(|times| times - 1);
                struck = Some(rule.fault.clone());
            }
        }
        struck
    }
}
