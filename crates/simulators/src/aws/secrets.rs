use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// AWS deletes versions without labels beyond about a hundred.
const KEPT_UNLABELLED: usize = 100;

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion {
    /// Version id.
    pub id: String,
    /// The secret string.
    pub value: String,
    /// Staging labels; a version without any is deprecated.
    pub stages: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Secret {
    versions: Vec<SecretVersion>,
}

type Edit = Box<dyn FnOnce(&str) -> String + Send>;

struct PendingEdit {
    action: &'static str,
    name: String,
    edit: Edit,
}

impl fmt::Debug for PendingEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEdit")
            .field("action", &self.action)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Secrets {
    by_name: BTreeMap<String, Secret>,
    edits: Vec<PendingEdit>,
    rng: fastrand::Rng,
}

/// One request to Secrets Manager.
#[derive(Debug)]
pub(super) struct Call {
    action: Action,
    request: Result<Request, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    GetSecretValue,
    PutSecretValue,
    UpdateSecretVersionStage,
    CreateSecret,
    DeleteSecret,
    DescribeSecret,
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    secret_id: String,
    name: String,
    secret_string: Option<String>,
    client_request_token: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
    version_stages: Option<Vec<String>>,
    force_delete_without_recovery: bool,
    move_to_version_id: Option<String>,
    remove_from_version_id: Option<String>,
}

/// Exception name and message.
type Refusal = (&'static str, String);

fn not_found() -> Refusal {
    (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.".to_owned(),
    )
}

fn invalid(message: impl Into<String>) -> Refusal {
    ("InvalidParameterException", message.into())
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    respond(
        status,
        &json!({ "__type": code, "Message": message, "message": message }),
    )
}

pub(super) fn respond(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000")
        .body(Body::from(body.to_string()))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-AbCdEf")
}

impl Call {
    /// The call, if this is one to Secrets Manager.
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
        let action = match target.strip_prefix("secretsmanager.")? {
            "GetSecretValue" => Action::GetSecretValue,
            "PutSecretValue" => Action::PutSecretValue,
            "UpdateSecretVersionStage" => Action::UpdateSecretVersionStage,
            "CreateSecret" => Action::CreateSecret,
            "DeleteSecret" => Action::DeleteSecret,
            "DescribeSecret" => Action::DescribeSecret,
            _ => Action::Unknown,
        };
        Some(Self {
            action,
            request: serde_json::from_slice(body).map_err(|error| error.to_string()),
        })
    }

    pub(super) fn asked(&self) -> Asked {
        Asked {
            action: self.action.name(),
            target: self.secret_name().to_owned(),
            mutates: matches!(
                self.action,
                Action::PutSecretValue
                    | Action::UpdateSecretVersionStage
                    | Action::CreateSecret
                    | Action::DeleteSecret
            ),
        }
    }

    /// The name behind a name, an ARN, or an ARN without its random suffix.
    fn secret_name(&self) -> &str {
        let Ok(request) = &self.request else {
            return "";
        };
        if self.action == Action::CreateSecret {
            return &request.name;
        }
        match request.secret_id.split_once(":secret:") {
            Some((_, name)) => name.strip_suffix("-AbCdEf").unwrap_or(name),
            None => &request.secret_id,
        }
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::GetSecretValue => "GetSecretValue",
            Self::PutSecretValue => "PutSecretValue",
            Self::UpdateSecretVersionStage => "UpdateSecretVersionStage",
            Self::CreateSecret => "CreateSecret",
            Self::DeleteSecret => "DeleteSecret",
            Self::DescribeSecret => "DescribeSecret",
            Self::Unknown => "Unknown",
        }
    }
}

impl Secrets {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            by_name: BTreeMap::new(),
            edits: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// A person's save in the console.
    pub(super) fn set_current(&mut self, name: &str, value: String) {
        let id = self.new_id();
        let secret = self.by_name.entry(name.to_owned()).or_default();
        secret.add(&id, value, &[CURRENT.to_owned()]);
    }

    pub(super) fn current(&self, name: &str) -> Option<String> {
        let version = self.by_name.get(name)?.labelled(CURRENT)?;
        Some(version.value.clone())
    }

    pub(super) fn versions(&self, name: &str) -> Vec<SecretVersion> {
        self.by_name
            .get(name)
            .map(|secret| secret.versions.clone())
            .unwrap_or_default()
    }

    pub(super) fn edit_before(&mut self, action: &'static str, name: &str, edit: Edit) {
        self.edits.push(PendingEdit {
            action,
            name: name.to_owned(),
            edit,
        });
    }

    pub(super) fn serve(&mut self, call: &Call) -> Response {
        self.edit_if_due(call);
        let answer = match &call.request {
            Ok(request) => self.try_serve(call, request),
            Err(why) => Err(("SerializationException", why.clone())),
        };
        match answer {
            Ok(body) => respond(200, &body),
            Err((code, message)) => error(400, code, &message),
        }
    }

    fn edit_if_due(&mut self, call: &Call) {
        let due = self
            .edits
            .iter()
            .position(|edit| edit.action == call.action.name() && edit.name == call.secret_name());
        if let Some(position) = due {
            let pending = self.edits.remove(position);
            let edited = (pending.edit)(&self.current(&pending.name).unwrap_or_default());
            self.set_current(&pending.name, edited);
        }
    }

    fn try_serve(&mut self, call: &Call, request: &Request) -> Result<Value, Refusal> {
        let name = call.secret_name();
        match call.action {
            Action::GetSecretValue => self.get(name)?.value(name, request),
            Action::DescribeSecret => Ok(self.get(name)?.described(name)),
            Action::CreateSecret => self.create(name, request),
            Action::DeleteSecret => self.delete(name, request),
            Action::PutSecretValue => self.put(name, request),
            Action::UpdateSecretVersionStage => self.get_mut(name)?.relabel(name, request),
            Action::Unknown => Err(("UnknownOperationException", String::new())),
        }
    }

    fn get(&self, name: &str) -> Result<&Secret, Refusal> {
        self.by_name.get(name).ok_or_else(not_found)
    }

    fn get_mut(&mut self, name: &str) -> Result<&mut Secret, Refusal> {
        self.by_name.get_mut(name).ok_or_else(not_found)
    }

    fn create(&mut self, name: &str, request: &Request) -> Result<Value, Refusal> {
        if name.is_empty() {
            return Err(invalid("The parameter Name can't be empty."));
        }
        if self.by_name.contains_key(name) {
            return Err((
                "ResourceExistsException",
                format!("The operation failed because the secret {name} already exists."),
            ));
        }
        let mut answer = json!({ "ARN": arn(name), "Name": name });
        let mut secret = Secret::default();
        if let Some(value) = &request.secret_string {
            let id = self.id_for(request);
            secret.add(&id, value.clone(), &[CURRENT.to_owned()]);
            answer["VersionId"] = id.into();
        }
        self.by_name.insert(name.to_owned(), secret);
        Ok(answer)
    }

    /// Only at once: nothing here waits for the end of a recovery window.
    fn delete(&mut self, name: &str, request: &Request) -> Result<Value, Refusal> {
        if !request.force_delete_without_recovery {
            return Err(invalid("This stand-in deletes without recovery only."));
        }
        self.by_name.remove(name).ok_or_else(not_found)?;
        Ok(json!({ "ARN": arn(name), "Name": name, "DeletionDate": 1_767_225_600.0 }))
    }

    fn put(&mut self, name: &str, request: &Request) -> Result<Value, Refusal> {
        self.get(name)?;
        let value = request.secret_string.clone().ok_or_else(|| {
            (
                "InvalidRequestException",
                "You must provide either SecretString or SecretBinary.".to_owned(),
            )
        })?;
        if value.len() > 65_536 {
            return Err(invalid("The secret value is longer than 65536 bytes."));
        }
        let stages = request
            .version_stages
            .clone()
            .unwrap_or_else(|| vec![CURRENT.to_owned()]);
        let id = self.id_for(request);
        let secret = self.get_mut(name)?;
        let answer = json!({
            "ARN": arn(name), "Name": name, "VersionId": id, "VersionStages": stages,
        });
        match secret.versions.iter().find(|version| version.id == id) {
            Some(version) if version.value == value => {}
            Some(_) => {
                return Err((
                    "ResourceExistsException",
                    "A secret version with this ClientRequestToken and other content exists."
                        .to_owned(),
                ));
            }
            None => secret.add(&id, value, &stages),
        }
        Ok(answer)
    }

    fn id_for(&mut self, request: &Request) -> String {
        match &request.client_request_token {
            Some(token) => token.clone(),
            None => self.new_id(),
        }
    }

    fn new_id(&mut self) -> String {
        let digits = format!("{:032x}", self.rng.u128(..));
        [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ]
        .join("-")
    }
}

impl Secret {
    fn labelled(&self, stage: &str) -> Option<&SecretVersion> {
        self.versions
            .iter()
            .find(|version| version.stages.contains(stage))
    }

    fn add(&mut self, id: &str, value: String, stages: &[String]) {
        self.versions.push(SecretVersion {
            id: id.to_owned(),
            value,
            stages: BTreeSet::new(),
        });
        for stage in stages {
            self.label(stage, id);
        }
        self.drop_deprecated();
    }

    /// Moves a label; the version that loses `AWSCURRENT` becomes `AWSPREVIOUS`.
    fn label(&mut self, stage: &str, id: &str) {
        let mut loser = None;
        for version in &mut self.versions {
            if version.stages.remove(stage) && version.id != id {
                loser = Some(version.id.clone());
            }
            if version.id == id {
                version.stages.insert(stage.to_owned());
            }
        }
        if let Some(loser) = loser.filter(|_| stage == CURRENT) {
            self.label(PREVIOUS, &loser);
            // A version does not bear both labels.
            self.unlabel(PREVIOUS, id);
        }
    }

    fn unlabel(&mut self, stage: &str, id: &str) {
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.remove(stage);
        }
    }

    fn drop_deprecated(&mut self) {
        let deprecated = self.versions.iter().filter(|v| v.stages.is_empty()).count();
        let mut surplus = deprecated.saturating_sub(KEPT_UNLABELLED);
        self.versions.retain(|version| {
            let goes = surplus > 0 && version.stages.is_empty();
            surplus -= usize::from(goes);
            !goes
        });
    }

    fn value(&self, name: &str, request: &Request) -> Result<Value, Refusal> {
        let stage = request.version_stage.as_deref();
        let version = match &request.version_id {
            Some(id) => self.versions.iter().find(|version| {
                version.id == *id && stage.is_none_or(|stage| version.stages.contains(stage))
            }),
            None => self.labelled(stage.unwrap_or(CURRENT)),
        };
        let version = version.ok_or_else(|| {
            let asked = request.version_id.as_deref().map_or_else(
                || format!("staging label: {}", stage.unwrap_or(CURRENT)),
                |id| format!("VersionId: {id}"),
            );
            (
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for {asked}"),
            )
        })?;
        Ok(json!({
            "ARN": arn(name),
            "Name": name,
            "VersionId": version.id,
            "SecretString": version.value,
            "VersionStages": version.stages,
            "CreatedDate": 1_767_225_600.0,
        }))
    }

    fn described(&self, name: &str) -> Value {
        let stages: serde_json::Map<_, _> = self
            .versions
            .iter()
            .filter(|version| !version.stages.is_empty())
            .map(|version| (version.id.clone(), json!(version.stages)))
            .collect();
        json!({ "ARN": arn(name), "Name": name, "VersionIdsToStages": stages })
    }

    fn relabel(&mut self, name: &str, request: &Request) -> Result<Value, Refusal> {
        let stage = request
            .version_stage
            .as_deref()
            .ok_or_else(|| invalid("The parameter VersionStage can't be empty."))?;
        let (to, from) = (&request.move_to_version_id, &request.remove_from_version_id);
        for id in [to, from].into_iter().flatten() {
            if !self.versions.iter().any(|version| version.id == *id) {
                return Err((
                    "ResourceNotFoundException",
                    format!("Secrets Manager can't find the specified secret version: {id}."),
                ));
            }
        }
        let holder = self.labelled(stage).map(|version| version.id.clone());
        let already_there = holder.is_some() && holder == *to;
        if let Some(holder) = holder.filter(|_| !already_there)
            && from.as_ref() != Some(&holder)
        {
            return Err(invalid(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        match (to, from) {
            (Some(to), _) => self.label(stage, &to.clone()),
            (None, Some(_)) if stage == CURRENT => {
                return Err(invalid(
                    "You can't remove the staging label AWSCURRENT without moving it to another version.",
                ));
            }
            (None, Some(from)) => self.unlabel(stage, &from.clone()),
            (None, None) => {
                return Err(invalid(
                    "You must specify MoveToVersionId or RemoveFromVersionId.",
                ));
            }
        }
        self.drop_deprecated();
        Ok(json!({ "ARN": arn(name), "Name": name }))
    }
}
