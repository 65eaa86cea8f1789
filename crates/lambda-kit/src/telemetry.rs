use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Env;

/// Starts JSON logs on standard output, one object a line. The level is Lambda's own setting
/// (`AWS_LAMBDA_LOG_LEVEL`, from the template's `LoggingConfig`), INFO without it.
///
/// Libraries log at WARN and above only: their debug output may hold headers and bodies.
pub fn start(env: &Env) {
    let level = env
        .text("AWS_LAMBDA_LOG_LEVEL")
        .and_then(|level| level.to_ascii_lowercase().parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let ours = tracing_subscriber::filter::Targets::new()
        .with_default(LevelFilter::WARN)
        // It would log each failure a second time, after us.
        .with_target("lambda_runtime", LevelFilter::OFF)
        .with_targets(
            [
                "credentials",
                "custom_api",
                "databases",
                "desk_account",
                "desk_events_function",
                "egress",
                "front_door",
                "hub",
                "hub_function",
                "ingest",
                "mapping",
                "notify",
                "records",
                "sqs_batch",
                "state",
                "ticket_function",
                "ticketing",
                "webhook",
                "lake",
                "lambda_kit",
                "report_function",
                "table",
                "compact_function",
                "reports",
                "vendor_http",
                "zoho_desk",
            ]
            .map(|target| (target, level)),
        );
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(true);
    // A second start, as in tests, keeps the first.
    let _ = tracing_subscriber::registry()
        .with(ours)
        .with(lines)
        .try_init();
}
