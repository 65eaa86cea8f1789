use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulators::lambda::{InvocationResult, RuntimeApi};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::world::{BUCKET, World};
use crate::{Failure, proc};

/// Where a function runs: the servers it is told of, and its settings.
pub(crate) struct Place {
    aws: String,
    zoho: String,
    concurrency: u32,
    format: &'static str,
    more: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn of(world: &World, concurrency: u32) -> Self {
        Self {
            aws: world.aws.origin().to_owned(),
            zoho: world.zoho.origin(),
            concurrency,
            format: "json",
            more: Vec::new(),
        }
    }

    /// Another setting.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    pub(crate) fn in_format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }
}

/// A function's process, started and waiting for an event.
pub(crate) struct Started {
    child: Child,
    runtime: RuntimeApi,
    /// From starting the process to its first call of the Runtime API, milliseconds.
    pub(crate) start_up_ms: f64,
}

impl Started {
    pub(crate) async fn new(binary: &Path, place: &Place) -> Result<Self, Failure> {
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
            .env("AWS_ENDPOINT_URL", &place.aws)
            .env("BUCKET", BUCKET)
            .env("MAX_CONCURRENCY", place.concurrency.to_string())
            .env("OUTPUT_FORMAT", place.format)
            .env("ZOHO_ACCOUNTS_URL", &place.zoho)
            .env("ZOHO_DESK_URL", &place.zoho)
            .envs(place.more.iter().map(|(name, value)| (name, value)))
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
        let start_up_ms = first.duration_since(began).as_secs_f64() * 1_000.0;
        Ok(Self {
            child,
            runtime,
            start_up_ms,
        })
    }

    /// The result of one invocation, and its time as the caller sees it.
    pub(crate) async fn invoke(
        &self,
        event: &Value,
        deadline: Duration,
    ) -> Result<(Value, Duration), Failure> {
        let began = Instant::now();
        let result = self.runtime.invoke(event, deadline).await;
        let elapsed = began.elapsed();
        match result {
            InvocationResult::Success(result) => Ok((result, elapsed)),
            failed @ InvocationResult::Failure { .. } => {
                Err(format!("the function failed: {failed:?}").into())
            }
        }
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        proc::cpu(&self.id()?)
    }

    /// Largest resident set so far, bytes.
    pub(crate) fn peak(&self) -> Result<u64, Failure> {
        proc::peak(&self.id()?)
    }

    pub(crate) fn process_id(&self) -> Result<u32, Failure> {
        Ok(self.child.id().ok_or("the function ended")?)
    }

    fn id(&self) -> Result<String, Failure> {
        Ok(self.process_id()?.to_string())
    }
}

/// From accepting the first TLS connection of a new process to its first byte, milliseconds: what
/// the TLS library prepares before it says hello. The server never answers.
pub(crate) async fn hello_ms(binary: &Path) -> Result<f64, Failure> {
    // A world of its own: the process leaves its lease on the token behind.
    let world = World::with_tickets(1, Duration::ZERO, None).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut place = Place::of(&world, 1);
    place.zoho = format!("https://{}", listener.local_addr()?);
    let function = Started::new(binary, &place).await?;
    let event = json!({"full": true});
    let ending = function.invoke(&event, Duration::from_secs(10));
    let hello = async {
        let (mut connection, _) = listener.accept().await?;
        let began = Instant::now();
        connection.read_u8().await?;
        Ok::<_, Failure>(began.elapsed().as_secs_f64() * 1_000.0)
    };
    tokio::select! {
        hello = hello => hello,
        ended = ending => Err(format!("no TLS connection was opened: {ended:?}").into()),
    }
}
