use std::collections::BTreeMap;

use axum::extract::State;
use front_door::{ApiError, Guarded, Json, Params, WithInput};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use ticketing::Stats;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Read, Staff};
use crate::api::refusals::refused;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(workflows))
        .routes(routes!(stats))
}

/// A kind of request that the chat guides through.
#[derive(Debug, Serialize, ToSchema)]
struct Workflow {
    /// Its id, such as `password_reset`.
    id: String,
    /// Its title.
    title: String,
    /// Priority of its tickets.
    priority: String,
    /// Category of its tickets.
    category: String,
    /// Whether somebody has to approve.
    approval_needed: bool,
    /// What it asks.
    steps: Vec<Step>,
}

/// A question.
#[derive(Debug, Serialize, ToSchema)]
struct Step {
    /// The name of the answer.
    field: String,
    /// What readers of a ticket see.
    label: String,
    /// The kind of answer.
    kind: String,
    /// Whether it can be left out.
    optional: bool,
}

/// All workflows.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowList {
    /// Always `true`.
    success: bool,
    /// The workflows.
    workflows: Vec<Workflow>,
}

/// Which days are counted, UTC, both included; the last 30 if absent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Period {
    /// First day, such as `2026-11-01`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Last day, at most 366 days later.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

/// What came of the chats. A rate is between 0 and 1, and `null` where there is nothing to divide.
#[derive(Debug, Serialize, ToSchema)]
struct FigureSheet {
    /// Always `true`.
    success: bool,
    /// First day.
    #[schema(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    to: Date,
    /// Tickets made.
    tickets_created: u64,
    /// Tickets made, by day.
    tickets_per_day: BTreeMap<String, u64>,
    /// Tickets closed.
    tickets_resolved: u64,
    /// Mean time from a ticket's making to its first closing, hours.
    average_resolution_hours: Option<f64>,
    /// Answers to surveys.
    ratings: u64,
    /// Mean of the stars, 1 to 5.
    customer_satisfaction: Option<f64>,
    /// Share of the workflows begun that came to their end.
    workflow_completion_rate: Option<f64>,
    /// Share of the workflows begun that a person had to go on with.
    escalation_rate: Option<f64>,
    /// The same by workflow.
    workflows: BTreeMap<String, WorkflowSheet>,
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// What became of one workflow, in numbers of conversations.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowSheet {
    /// Tickets made.
    tickets: u64,
    /// Begun.
    started: u64,
    /// Came to their end.
    completed: u64,
    /// Handed to a person.
    escalated: u64,
    /// Cancelled by the visitor.
    cancelled: u64,
    /// Share of those begun.
    completion_rate: Option<f64>,
    /// Share of those begun.
    escalation_rate: Option<f64>,
}

/// List the workflows
#[utoipa::path(
    get,
    path = "/workflows",
    tag = "figures",
    operation_id = "list_workflows",
    responses((status = 200, description = "The workflows", body = WorkflowList), Guarded),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn workflows(
    State(api): State<Api>,
    _staff: Staff<Read>,
) -> Result<Json<WorkflowList>, ApiError> {
    let conversations = api.service.conversations().await?;
    let workflows = conversations.workflows().into_iter();
    let workflows = workflows.map(|workflow| Workflow {
        id: workflow.id.as_str().to_owned(),
        title: workflow.title,
        priority: workflow.priority.as_str().to_owned(),
        category: workflow.category,
        approval_needed: workflow.approval_needed,
        steps: workflow
            .steps
            .into_iter()
            .map(|step| Step {
                field: step.field,
                label: step.label,
                kind: step.kind.to_owned(),
                optional: step.optional,
            })
            .collect(),
    });
    Ok(Json(WorkflowList {
        success: true,
        workflows: workflows.collect(),
    }))
}

/// Show figures
#[utoipa::path(
    get,
    path = "/stats",
    tag = "figures",
    operation_id = "get_stats",
    params(Period),
    responses((status = 200, description = "The figures", body = FigureSheet), Guarded, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn stats(
    State(api): State<Api>,
    _staff: Staff<Read>,
    Params(period): Params<Period>,
) -> Result<Json<FigureSheet>, ApiError> {
    let figures = api.service.figures().await?;
    let stats = figures
        .between(period.from, period.to)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(sheet(stats, api.now())))
}

fn sheet(stats: Stats, timestamp: Timestamp) -> FigureSheet {
    let days = stats.tickets_per_day.into_iter();
    let workflows = stats.workflows.into_iter().map(|(workflow, figures)| {
        let sheet = WorkflowSheet {
            tickets: figures.tickets,
            started: figures.started,
            completed: figures.completed,
            escalated: figures.escalated,
            cancelled: figures.cancelled,
            completion_rate: figures.completion_rate,
            escalation_rate: figures.escalation_rate,
        };
        (workflow, sheet)
    });
    FigureSheet {
        success: true,
        from: stats.from,
        to: stats.to,
        tickets_created: stats.tickets_created,
        tickets_per_day: days
            .map(|(day, tickets)| (day.to_string(), tickets))
            .collect(),
        tickets_resolved: stats.tickets_resolved,
        average_resolution_hours: stats.average_resolution_hours,
        ratings: stats.ratings,
        customer_satisfaction: stats.customer_satisfaction,
        workflow_completion_rate: stats.workflow_completion_rate,
        escalation_rate: stats.escalation_rate,
        workflows: workflows.collect(),
        timestamp,
    }
}
