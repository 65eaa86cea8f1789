use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Params, Path, WithBody, WithId, WithInput};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::{Entry, Grant, KeyInfo, Paging, Scope};
use tracing::error;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Admin, Staff};
use crate::api::refusals::of_state;
use crate::api::text::{AuditTarget, ClientName, Cursor, KeyId};
use crate::api::tickets::Limit;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(keys, issue))
        .routes(routes!(revoke))
        .routes(routes!(audit))
}

/// What a key allows. `admin` covers the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum KeyScope {
    /// Tickets, sessions, figures.
    Read,
    /// Making and changing tickets.
    Write,
    /// Keys, audit trail, people's data.
    Admin,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client": "intranet", "scopes": ["read", "write"], "expires_in_days": 365}))]
struct NewKey {
    /// Who uses it.
    client: ClientName,
    /// What it allows.
    #[schema(min_items = 1, max_items = 3)]
    scopes: Vec<KeyScope>,
    /// Days until it ends; it does not end by itself if absent.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<u32>,
}

/// A new key. It is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "id": "5f0c1d2e3a4b", "key": "dbk_5f0c1d2e3a4b_…", "expires_at": null, "timestamp": "2026-11-26T16:50:00Z"
}))]
struct KeyMade {
    /// Always `true`.
    success: bool,
    /// Names the key; not secret.
    id: String,
    /// The key, for `authorization: Bearer …`.
    key: String,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// A key, without what could be used.
#[derive(Debug, Serialize, ToSchema)]
struct KeyShown {
    /// Names the key.
    id: String,
    /// Who uses it.
    client: String,
    /// The tenant whose integrations it opens, and nothing else; absent from other keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// What it allows.
    scopes: Vec<KeyScope>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was withdrawn.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

/// The keys of clients, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct KeyList {
    /// Always `true`.
    success: bool,
    /// The keys.
    keys: Vec<KeyShown>,
}

/// Something is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Key withdrawn", "timestamp": "2026-11-26T16:50:00Z"}))]
struct KeyWithdrawn {
    /// Always `true`.
    success: bool,
    /// For people.
    message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
struct Change {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// By whom: `client:<id of the key>`, `visitor`, `worker` or `desk`.
    actor: String,
    /// What was done, such as `ticket.status`.
    action: String,
    /// To what, such as `chat:chat_123`.
    target: String,
    /// More about it.
    #[schema(value_type = Object)]
    details: Value,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct ChangePage {
    /// Always `true`.
    success: bool,
    /// Changes, newest first.
    changes: Vec<Change>,
    /// For the parameter `cursor` of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// Which changes are listed: those of a target, or those of a day. One of the two is needed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Such as `chat:chat_123`, `ticket:7000000000001001` or `key:5f0c1d2e3a4b`.
    #[param(inline)]
    target: Option<AuditTarget>,
    /// A day, UTC, such as `2026-11-26`.
    #[param(value_type = Option<String>, format = Date)]
    day: Option<Date>,
    /// Most changes of a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// List API keys
#[utoipa::path(
    get,
    path = "/admin/keys",
    tag = "admin",
    operation_id = "list_keys",
    responses((status = 200, description = "The keys of clients", body = KeyList), Guarded),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn keys(State(api): State<Api>, _staff: Staff<Admin>) -> Result<Json<KeyList>, ApiError> {
    let state = api.service.state();
    let keys = state.api_keys.list().await.map_err(of_state)?;
    Ok(Json(KeyList {
        success: true,
        keys: keys.into_iter().map(shown).collect(),
    }))
}

/// Make an API key
///
/// The key is in this answer only; what is stored is its digest.
#[utoipa::path(
    post,
    path = "/admin/keys",
    tag = "admin",
    operation_id = "issue_key",
    request_body = NewKey,
    responses((status = 201, description = "The key", body = KeyMade), Guarded, WithBody),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn issue(
    State(api): State<Api>,
    staff: Staff<Admin>,
    Json(new): Json<NewKey>,
) -> Result<Response, ApiError> {
    if !(1..=3).contains(&new.scopes.len()) {
        return Err(ApiError::invalid_field(
            "scopes",
            "must have 1 to 3 entries",
        ));
    }
    let days = new.expires_in_days;
    if days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(ApiError::invalid_field(
            "expires_in_days",
            "must be 1 to 3650",
        ));
    }
    let lifetime = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let state = api.service.state();
    let scopes = new.scopes.iter().copied().map(stored);
    let issued = state
        .api_keys
        .issue(new.client.as_str(), scopes, lifetime)
        .await
        .map_err(of_state)?;
    let entry = api.entry(
        &staff.actor,
        "key.issue",
        format!("key:{}", issued.client.id),
        json!({"client": new.client.as_str(), "scopes": new.scopes}),
    );
    if let Err(failure) = state.audit.append(&entry).await {
        // A key that nobody can be asked about must not work.
        if let Err(failure) = state.api_keys.revoke(&issued.client.id).await {
            error!(error = %failure, key = issued.client.id, "an unaudited key could not be withdrawn; withdraw it");
        }
        return Err(of_state(failure));
    }
    let made = Json(KeyMade {
        success: true,
        id: issued.client.id,
        key: issued.key.expose_secret().to_owned(),
        expires_at: issued.expires_at,
        timestamp: api.now(),
    });
    Ok((StatusCode::CREATED, made).into_response())
}

/// Withdraw an API key
#[utoipa::path(
    delete,
    path = "/admin/keys/{key_id}",
    tag = "admin",
    operation_id = "revoke_key",
    params(("key_id" = inline(KeyId), Path, description = "The key's id")),
    responses((status = 200, description = "The key no longer works", body = KeyWithdrawn), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn revoke(
    State(api): State<Api>,
    staff: Staff<Admin>,
    Path(id): Path<KeyId>,
) -> Result<Json<KeyWithdrawn>, ApiError> {
    let state = api.service.state();
    if !state.api_keys.revoke(id.as_str()).await.map_err(of_state)? {
        return Err(ApiError::not_found("there is no such key"));
    }
    let entry = api.entry(
        &staff.actor,
        "key.revoke",
        format!("key:{}", id.as_str()),
        json!({}),
    );
    state.audit.append(&entry).await.map_err(of_state)?;
    Ok(Json(KeyWithdrawn {
        success: true,
        message: "Key withdrawn".to_owned(),
        timestamp: api.now(),
    }))
}

/// Read the audit trail
#[utoipa::path(
    get,
    path = "/admin/audit",
    tag = "admin",
    operation_id = "list_audit",
    params(AuditQuery),
    responses((status = 200, description = "Changes", body = ChangePage), Guarded, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn audit(
    State(api): State<Api>,
    _staff: Staff<Admin>,
    Params(query): Params<AuditQuery>,
) -> Result<Json<ChangePage>, ApiError> {
    let cursor = query.cursor.as_ref().map(Cursor::as_str);
    let cursor = cursor
        .map(state::Cursor::parse)
        .transpose()
        .map_err(of_state)?;
    let paging = Paging::newest(query.limit.unwrap_or_default().rows()).after(cursor);
    let state = api.service.state();
    let page = match (query.target, query.day) {
        (Some(target), None) => state.audit.by_target(target.as_str(), &paging).await,
        (None, Some(day)) => state.audit.by_day(day, &paging).await,
        _ => {
            return Err(ApiError::invalid_field(
                "target",
                "or `day` is needed, and not both",
            ));
        }
    };
    let page = page.map_err(of_state)?;
    Ok(Json(ChangePage {
        success: true,
        changes: page.items.into_iter().map(change).collect(),
        next_cursor: page.next.map(|next| next.to_string()),
    }))
}

fn change(entry: Entry) -> Change {
    Change {
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        details: entry.details,
    }
}

fn stored(scope: KeyScope) -> Scope {
    match scope {
        KeyScope::Read => Scope::Read,
        KeyScope::Write => Scope::Write,
        KeyScope::Admin => Scope::Admin,
    }
}

fn shown(key: KeyInfo) -> KeyShown {
    let (tenant, scopes) = match key.client.grant {
        Grant::Service(scopes) => (None, scopes),
        Grant::Tenant { tenant, scopes } => (Some(tenant.to_string()), scopes),
        Grant::Visitor(_) => (None, BTreeSet::new()),
    };
    let scopes = scopes
        .into_iter()
        .map(|scope| match scope {
            Scope::Read => KeyScope::Read,
            Scope::Write => KeyScope::Write,
            Scope::Admin => KeyScope::Admin,
        })
        .collect();
    KeyShown {
        id: key.client.id,
        client: key.client.name,
        tenant,
        scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
    }
}
