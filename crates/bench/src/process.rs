use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use simulators::aws::Aws;
use simulators::lambda::{InvocationResult, RuntimeApi};
use simulators::zoho::{Options, Simulator};
use tokio::process::{Child, Command};

use crate::Failure;
use crate::measured::Run;

const BUCKET: &str = "zoho-reports-000000000000";

/// A simulated Zoho account and a simulated AWS.
pub(crate) struct World {
    zoho: Simulator,
    aws: Aws,
}

/// A function's process, started and waiting for an event.
pub(crate) struct Function {
    child: Child,
    runtime: RuntimeApi,
    /// From starting the process to its first call of the Runtime API, milliseconds.
    pub(crate) started_ms: f64,
}

impl World {
    pub(crate) async fn with_tickets(tickets: u32, latency: Duration) -> Result<Self, Failure> {
        let mut options = Options::with_tickets(tickets);
        options.latency = latency;
        options.daily_credits = Some(100_000_000);
        let zoho = Simulator::start(options).await?;
        let aws = Aws::start().await?;
        aws.create_bucket(BUCKET);
        let account = zoho.options();
        let secret = json!({
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "org_id": account.org_id,
            "code": account.code,
        });
        aws.put_secret("zoho_auth", &secret.to_string());
        Ok(Self { zoho, aws })
    }

    pub(crate) async fn start(&self, binary: &Path, concurrency: u32) -> Result<Function, Failure> {
        let runtime = RuntimeApi::start().await?;
        let began = Instant::now();
        let child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", "tickets")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", self.aws.origin())
            .env("BUCKET", BUCKET)
            .env("MAX_CONCURRENCY", concurrency.to_string())
            .env("ZOHO_ACCOUNTS_URL", self.zoho.origin())
            .env("ZOHO_DESK_URL", self.zoho.origin())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let first = loop {
            if let Some(first) = runtime.first_next() {
                break first;
            }
            if began.elapsed() > Duration::from_secs(10) {
                return Err("the function did not ask for an event within 10 s".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let started_ms = first.duration_since(began).as_secs_f64() * 1_000.0;
        Ok(Function {
            child,
            runtime,
            started_ms,
        })
    }
}

impl Function {
    /// A full export: elapsed time as the function's caller sees it.
    pub(crate) async fn export(self) -> Result<Run, Failure> {
        let pid = self.child.id().ok_or("the function ended")?;
        let before = cpu(pid)?;
        let began = Instant::now();
        let event = json!({"full": true});
        let result = self.runtime.invoke(&event, Duration::from_mins(15)).await;
        let elapsed = began.elapsed();
        let InvocationResult::Success(result) = result else {
            return Err(format!("the function failed: {result:?}").into());
        };
        let number = |key: &str| result[key].as_u64().unwrap_or(0);
        Ok(Run {
            rows: number("rows"),
            requests: number("requests"),
            elapsed,
            cpu: cpu(pid)?.saturating_sub(before),
            peak: peak(pid)?,
        })
    }
}

/// Clock ticks a second in `/proc`; 100 on every Linux of today.
const TICKS: u64 = 100;

/// Processor time used so far, user and system.
fn cpu(pid: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command in brackets and may hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// Largest resident set so far, bytes.
fn peak(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.ok_or("/proc has no VmHWM")? * 1_024)
}
