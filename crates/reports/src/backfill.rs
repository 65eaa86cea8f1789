use jiff::Timestamp;
use lake::{Mode, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zoho_desk::{Desk, EntityId, Error, Window};

use crate::catalogue::Source;
use crate::pieces;
use crate::plan::{Plan, Scope, Span};
use crate::{Event, InvalidEvent};

/// Windows of one backfill: a state machine passes them on in one piece of 256 KiB at most.
const MOST_WINDOWS: usize = 500;

/// Rows of a window unless the event says otherwise: some minutes of reading.
const ROWS_PER_WINDOW: u64 = 20_000;

/// One step of a backfill, which a state machine drives: plan the windows, read each, merge them
/// into one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Backfill {
    /// Cut the span into windows.
    Plan {
        /// About so many rows in each.
        #[serde(default = "rows_per_window")]
        rows_per_window: u64,
    },
    /// Read one window, and keep it hidden.
    Window {
        /// The backfill.
        run: RunId,
        /// Which window, from 0.
        index: u32,
        /// By created time or by modified time.
        mode: Mode,
        /// When the backfill was planned.
        planned_at: Timestamp,
    },
    /// Show all windows as one run.
    Merge {
        /// The backfill.
        run: RunId,
        /// How many there are.
        windows: u32,
        /// When the backfill was planned.
        planned_at: Timestamp,
    },
}

/// A backfill, planned: the events to send, as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// The report.
    pub report: String,
    /// The run that it becomes.
    pub run: RunId,
    /// Rows there are, as the vendor counts them.
    pub rows: u64,
    /// An event for each window, to be sent until its answer's `status` is `complete`.
    pub windows: Vec<Value>,
    /// The event that comes last.
    pub merge: Value,
}

const fn rows_per_window() -> u64 {
    ROWS_PER_WINDOW
}

impl Backfill {
    pub(crate) fn read(value: &Value) -> Result<Self, InvalidEvent> {
        let step: Self = serde_json::from_value(value.clone()).map_err(|_| {
            InvalidEvent::new(
                "backfill",
                "must be {\"step\": \"plan\"}, or one of the events that the plan answered with, unchanged",
            )
        })?;
        match step {
            Self::Plan { rows_per_window: 0 } => Err(InvalidEvent::new(
                "backfill",
                "asks for windows of no rows; leave `rows_per_window` out or make it at least 1",
            )),
            Self::Merge { windows, .. } if windows as usize > MOST_WINDOWS => Err(
                InvalidEvent::new("backfill", format!("has more than {MOST_WINDOWS} windows")),
            ),
            step => Ok(step),
        }
    }
}

/// The run of a window: hidden until it is merged.
pub(crate) fn window_run(run: &RunId, index: u32) -> Result<RunId, InvalidEvent> {
    RunId::parse(format!("{run}w{index:04}"))
        .map_err(|error| InvalidEvent::new("backfill", error.to_string()))
}

/// The plan of one window.
pub(crate) fn window_plan(scope: Scope, event: &Event, mode: Mode) -> Result<Plan, InvalidEvent> {
    let (Some(since), Some(until)) = (event.since, event.until) else {
        return Err(InvalidEvent::new(
            "backfill",
            "names a window, which needs `since` and `until`",
        ));
    };
    Ok(Plan {
        scope,
        span: Span {
            mode,
            everything: mode == Mode::Full,
            since: Some(since),
            until,
            watermark: None,
            warnings: Vec::new(),
        },
    })
}

/// Cuts the span of `plan` into windows of about `rows_per_window` rows.
pub(crate) async fn planned(
    desk: &Desk,
    plan: &Plan,
    event: &Event,
    run: RunId,
    now: Timestamp,
    rows_per_window: u64,
) -> Result<Planned, crate::Error> {
    let report = plan.scope.report;
    let (rows, windows) = match plan.scope.report.source() {
        _ if !plan.scope.incremental() => {
            return Err(InvalidEvent::new(
                "backfill",
                format!("is of no use to {report}: it reads everything in each run"),
            )
            .into());
        }
        Source::Search { .. } | Source::PerTicket { .. } => {
            cut(desk, plan, rows_per_window).await?
        }
        _ => (0, vec![plan.window()]),
    };
    let asked = asked(event);
    let windows: Vec<Value> = windows
        .into_iter()
        .zip(0..)
        .map(|(window, index)| {
            let step = Backfill::Window {
                run: run.clone(),
                index,
                mode: plan.span.mode,
                planned_at: now,
            };
            step_event(&asked, &step, Some(window.start()), window.end())
        })
        .collect();
    let step = Backfill::Merge {
        run: run.clone(),
        windows: windows.len() as u32,
        planned_at: now,
    };
    let mut merge = step_event(&asked, &step, event.since, plan.span.until);
    if event.full {
        merge["full"] = json!(true);
    }
    Ok(Planned {
        report: report.name().to_owned(),
        run,
        rows,
        windows,
        merge,
    })
}

/// What every step is asked for besides its window.
fn asked(event: &Event) -> Map<String, Value> {
    let text = |key: &str, value: Option<&str>| value.map(|value| (key.to_owned(), json!(value)));
    let format = event.format.map(|format| format.to_string());
    [
        text("secret_id", event.secret_id.as_deref()),
        text(
            "department_id",
            event.department_id.as_ref().map(EntityId::as_str),
        ),
        text("agent_id", event.agent_id.as_ref().map(EntityId::as_str)),
        text("status", event.status.as_deref()),
        text("format", format.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn step_event(
    asked: &Map<String, Value>,
    step: &Backfill,
    since: Option<Timestamp>,
    until: Timestamp,
) -> Value {
    let mut event = asked.clone();
    event.insert("backfill".to_owned(), json!(step));
    if let Some(since) = since {
        event.insert("since".to_owned(), json!(since));
    }
    event.insert("until".to_owned(), json!(until));
    Value::Object(event)
}

/// Windows that partition the plan's span, none with many more rows than asked for, as far as there
/// may be so many windows.
async fn cut(desk: &Desk, plan: &Plan, rows_per_window: u64) -> Result<(u64, Vec<Window>), Error> {
    let Some(search) = pieces::windowed_search(plan) else {
        return Ok((0, vec![plan.window()]));
    };
    let survey = async |window| desk.survey(&search.clone().over(window)).await;
    let whole = plan.window();
    let first = survey(whole).await?;
    // Years before the first row would fill windows with nothing.
    let tight = first.first.and_then(|first| whole.cut(first));
    let mut done: Vec<Window> = tight.iter().map(|(before, _)| *before).collect();
    let mut todo = vec![(tight.map_or(whole, |(_, from)| from), first.rows)];
    while let Some((window, rows)) = todo.pop() {
        let parts = rows.div_ceil(rows_per_window);
        let room = (done.len() + todo.len() + 2) < MOST_WINDOWS;
        let split = (parts > 1 && room).then(|| {
            let most = (MOST_WINDOWS - done.len() - todo.len()) as u64;
            window.split(parts.min(most))
        });
        match split.flatten() {
            None => done.push(window),
            Some(parts) => {
                for part in parts.into_iter().rev() {
                    todo.push((part, survey(part).await?.rows));
                }
            }
        }
    }
    Ok((first.rows, done))
}
