use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use front_door::{Anonymous, ApiError, Form, Params, Path, Public, WithInput, documented};
use secrecy::SecretString;
use serde::Deserialize;
use ticketing::Error;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::refusals::refused;
use crate::api::text::{Remark, SurveyToken};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(by_link))
        .routes(routes!(page, rate))
}

/// A link of the mail.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Link {
    /// The survey's token.
    #[param(inline)]
    token: SurveyToken,
    /// The stars that the link stands for.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 5)]
    stars: Option<Stars>,
}

/// The stars that are marked at first.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Marked {
    /// 1 to 5.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 5)]
    stars: Option<Stars>,
}

/// An answer to a survey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// 1 to 5.
    #[schema(value_type = u8, minimum = 1, maximum = 5)]
    stars: Stars,
    /// What else there is to say.
    comment: Option<Remark>,
}

/// 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
struct Stars(u8);

impl TryFrom<u8> for Stars {
    type Error = &'static str;

    fn try_from(stars: u8) -> Result<Self, Self::Error> {
        if (1..=5).contains(&stars) {
            Ok(Self(stars))
        } else {
            Err("must be 1 to 5")
        }
    }
}

/// Show a survey, from a mail
///
/// Nothing is stored before the form is sent: mail programs follow links by themselves.
#[utoipa::path(
    get,
    path = "/survey",
    tag = "survey",
    operation_id = "open_survey",
    params(Link),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such survey any more", body = String, content_type = "text/html"),
        WithInput, Public,
    ),
    security(()),
)]
async fn by_link(
    State(api): State<Api>,
    _anyone: Anonymous,
    Params(link): Params<Link>,
) -> Result<Response, ApiError> {
    let action = format!("survey/{}", link.token.as_str());
    show(&api, &link.token, &action, link.stars).await
}

/// Show a survey
#[utoipa::path(
    get,
    path = "/survey/{token}",
    tag = "survey",
    operation_id = "get_survey",
    params(("token" = inline(SurveyToken), Path, description = "The survey's token"), Marked),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such survey any more", body = String, content_type = "text/html"),
        WithInput, Public,
    ),
    security(()),
)]
async fn page(
    State(api): State<Api>,
    _anyone: Anonymous,
    Path(token): Path<SurveyToken>,
    Params(marked): Params<Marked>,
) -> Result<Response, ApiError> {
    show(&api, &token, token.as_str(), marked.stars).await
}

/// Answer a survey
///
/// Each link can be used once.
#[utoipa::path(
    post,
    path = "/survey/{token}",
    tag = "survey",
    operation_id = "answer_survey",
    params(("token" = inline(SurveyToken), Path, description = "The survey's token")),
    request_body(content = Answer, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Thanks", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such survey any more", body = String, content_type = "text/html"),
        WithForm, Public,
    ),
    security(()),
)]
async fn rate(
    State(api): State<Api>,
    _anyone: Anonymous,
    Path(token): Path<SurveyToken>,
    Form(answer): Form<Answer>,
) -> Result<Response, ApiError> {
    let tickets = api.service.tickets().await?;
    let remark = answer.comment.as_ref().map(Remark::as_str);
    let remark = remark.map(str::trim).filter(|remark| !remark.is_empty());
    let secret = SecretString::from(token.into_string());
    match tickets.rate(&secret, answer.stars.0, remark).await {
        Ok(_) => Ok(html(
            StatusCode::OK,
            "<h1>Thank you</h1><p>Your answer helps us to do better.</p>",
        )),
        Err(Error::NotFound { .. }) => Ok(over()),
        Err(failure) => Err(refused(&failure)),
    }
}

/// Refusals of the form.
struct WithForm;

impl utoipa::IntoResponses for WithForm {
    fn responses()
    -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        documented(&[
            (400, "invalid_request", "The form ended too early"),
            (413, "too_large", "The form is too large"),
            (415, "unsupported_media_type", "The body is no form"),
            (422, "invalid_field", "A value cannot be that"),
        ])
    }
}

/// The page of a survey that can still be answered.
async fn show(
    api: &Api,
    token: &SurveyToken,
    action: &str,
    marked: Option<Stars>,
) -> Result<Response, ApiError> {
    let tickets = api.service.tickets().await?;
    let secret = SecretString::from(token.as_str().to_owned());
    match tickets.survey(&secret).await {
        Ok(_) => Ok(html(StatusCode::OK, &form(action, marked))),
        Err(Error::NotFound { .. }) => Ok(over()),
        Err(failure) => Err(refused(&failure)),
    }
}

fn over() -> Response {
    html(
        StatusCode::NOT_FOUND,
        "<h1>This survey is over</h1><p>It was answered already, or its time has passed.</p>",
    )
}

/// The form. `action` holds characters of [`SurveyToken`] and slashes only.
fn form(action: &str, marked: Option<Stars>) -> String {
    let mut body = format!(
        "<h1>How did we do?</h1><form method=\"post\" action=\"{action}\"><fieldset><legend>Your rating</legend>"
    );
    for (stars, word) in [
        (1, "very bad"),
        (2, "bad"),
        (3, "fair"),
        (4, "good"),
        (5, "very good"),
    ] {
        let checked = if marked == Some(Stars(stars)) {
            " checked"
        } else {
            ""
        };
        // Writing to a String does not fail.
        let _ = write!(
            body,
            "<label><input type=\"radio\" name=\"stars\" value=\"{stars}\" required{checked}> {stars} - {word}</label>"
        );
    }
    body.push_str(
        "</fieldset><label>Anything else? <textarea name=\"comment\" maxlength=\"2000\" rows=\"4\"></textarea></label><button>Send</button></form>",
    );
    body
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}label{display:block;margin:.5rem 0}textarea{width:100%}";

/// No scripts, no frames, nothing from elsewhere; the form goes to this host only.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn html(status: StatusCode, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>Survey</title><style>{STYLE}</style></head><body>{body}</body></html>"
    );
    let mut response = (status, Html(page)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}
