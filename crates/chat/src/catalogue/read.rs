//! From the catalogue file to the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::error::CatalogueError;
use super::section::Section;
use super::{Catalogue, Reply, Settings, Step, Triggers, Workflow};
use crate::draft::{Priority, WorkflowId};
use crate::kind::{Choice, Kind, Part};
use crate::message;
use crate::texts::{self, Key, Texts};
use crate::words::{Lists, Reserved};

/// Bytes of a file.
const FILE: usize = 256 * 1024;
const WORKFLOWS: usize = 50;
const STEPS: usize = 20;
const CHOICES: usize = 20;
const PARTS: usize = 10;
const REPLIES: usize = 100;
const RETRIES: usize = 10;
/// Characters of names and titles.
const NAME: usize = 80;
/// Characters of a free text answer.
const ANSWER: usize = 5000;

pub(super) fn catalogue(text: &str) -> Result<Catalogue, CatalogueError> {
    if text.len() > FILE {
        return Err(CatalogueError::TooLong {
            bytes: text.len(),
            limit: FILE,
        });
    }
    let table: Table =
        toml::from_str(text).map_err(|error| CatalogueError::Syntax(error.to_string()))?;
    let mut file = Section::new(&table, "the catalogue");
    let settings = settings(file.section("settings")?)?;
    let hand_over = file.section("hand_over")?.map(hand_over).transpose()?;
    let workflows = workflows(&mut file, &settings)?;
    let replies = file
        .sections("answer", REPLIES)?
        .into_iter()
        .map(reply)
        .collect::<Result<_, _>>()?;
    let texts = texts(&mut file)?;
    let words = words(&mut file)?;
    file.finish()?;
    Ok(Catalogue {
        settings,
        workflows,
        hand_over,
        replies,
        texts,
        words,
    })
}

fn settings(section: Option<Section<'_>>) -> Result<Settings, CatalogueError> {
    let mut settings = Settings::default();
    if let Some(mut section) = section {
        if let Some(retries) = section.number("retries", 0..=RETRIES)? {
            settings.retries = retries as u8;
        }
        if let Some(limit) = section.number("max_input", 100..=20_000)? {
            settings.max_input = limit;
        }
        settings.consent = section.flag("consent")?.unwrap_or(settings.consent);
        section.finish()?;
    }
    Ok(settings)
}

/// What workflows and the hand-over have in common.
fn header(section: &mut Section<'_>, id: String) -> Result<Workflow, CatalogueError> {
    let title = section.required_localised("title")?;
    let subject = section.required_text("subject", 200)?.to_owned();
    if let Some(unknown) = texts::unknown_placeholder(&subject, &["name", "title"]) {
        return Err(section.error(
            "subject",
            &format!("{{{unknown}}} is unknown"),
            "{name} for the visitor's name or {title}",
        ));
    }
    let priority = priority(section)?;
    let category = section.required_text("category", NAME)?.to_owned();
    Ok(Workflow {
        id: WorkflowId(id),
        title,
        subject,
        priority,
        category,
        triggers: Triggers::default(),
        intro: None,
        escalation: None,
        approval: None,
        catch_all: false,
        ticket: true,
        steps: Vec::new(),
    })
}

fn priority(section: &mut Section<'_>) -> Result<Priority, CatalogueError> {
    let given = section.required_text("priority", NAME)?;
    [Priority::Low, Priority::Medium, Priority::High]
        .into_iter()
        .find(|priority| priority.as_str() == given)
        .ok_or_else(|| {
            let problem = format!("{given:?} is no priority");
            section.error("priority", &problem, "Low, Medium or High")
        })
}

fn hand_over(mut section: Section<'_>) -> Result<Workflow, CatalogueError> {
    let mut workflow = header(&mut section, WorkflowId::HAND_OVER.to_owned())?;
    workflow.ticket = section.flag("ticket")?.unwrap_or(true);
    section.finish()?;
    Ok(workflow)
}

fn workflows(file: &mut Section<'_>, settings: &Settings) -> Result<Vec<Workflow>, CatalogueError> {
    let mut workflows: Vec<Workflow> = Vec::new();
    for section in file.sections("workflow", WORKFLOWS)? {
        let workflow = workflow(section, settings)?;
        let id = &workflow.id;
        if id.as_str() == WorkflowId::HAND_OVER || workflows.iter().any(|other| other.id == *id) {
            return Err(invalid(id, "id", "it is taken", "another id"));
        }
        if workflow.catch_all && workflows.iter().any(Workflow::is_catch_all) {
            let problem = "another workflow has it";
            return Err(invalid(id, "catch_all", problem, "it in one workflow only"));
        }
        workflows.push(workflow);
    }
    Ok(workflows)
}

fn invalid(workflow: &WorkflowId, key: &str, problem: &str, remedy: &str) -> CatalogueError {
    CatalogueError::Invalid {
        place: format!("workflow {:?}", workflow.as_str()),
        key: key.to_owned(),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn workflow(mut section: Section<'_>, settings: &Settings) -> Result<Workflow, CatalogueError> {
    let id = section.name("id")?;
    let place = format!("workflow {id:?}");
    section.named(place.clone());
    let mut workflow = header(&mut section, id)?;
    workflow.triggers = Triggers {
        phrases: section.phrases_by_language("triggers")?,
        not: section
            .phrases_by_language("not")?
            .into_iter()
            .map(|(_, phrase)| phrase)
            .collect(),
    };
    workflow.intro = section.localised("intro")?;
    workflow.escalation = section.localised("escalation")?;
    workflow.approval = section.text("approval", NAME)?.map(str::to_owned);
    workflow.catch_all = section.flag("catch_all")?.unwrap_or(false);
    for step_section in section.sections("step", STEPS)? {
        let step = step(step_section, &place, settings)?;
        if workflow.steps.iter().any(|other| other.field == step.field) {
            let problem = format!("{:?} is there twice", step.field);
            return Err(section.error("step.field", &problem, "a field once in a workflow"));
        }
        workflow.steps.push(step);
    }
    if !workflow.steps.iter().any(|step| step.ask) {
        return Err(section.error(
            "step",
            "the workflow asks nothing",
            "at least one [[workflow.step]] that is asked",
        ));
    }
    section.finish()?;
    Ok(workflow)
}

fn step(
    mut section: Section<'_>,
    workflow: &str,
    settings: &Settings,
) -> Result<Step, CatalogueError> {
    let field = section.name("field")?;
    section.named(format!("{workflow}, step {field:?}"));
    let kind = kind(&mut section)?;
    let ask = section.flag("ask")?.unwrap_or(true);
    let from_trigger = section.flag("from_trigger")?.unwrap_or(false);
    let optional = section.flag("optional")?.unwrap_or(!ask);
    let prompt = match section.localised("prompt")? {
        None if ask => {
            return Err(section.error("prompt", "it is missing", "what the bot asks"));
        }
        prompt => prompt.unwrap_or_default(),
    };
    let found = from_trigger && optional;
    if !(ask || found) {
        return Err(section.error(
            "ask",
            "a step that is not asked can only be taken from the first message",
            "from_trigger = true beside it, and no optional = false",
        ));
    }
    if from_trigger && !can_be_found(&kind) {
        let problem = format!("kind {} cannot be told from other text", kind.name());
        return Err(section.error(
            "from_trigger",
            &problem,
            "it for email, username_or_email, choice, percent or metrics only",
        ));
    }
    let step = Step {
        label: section.required_localised("label")?,
        prompt,
        hint: section.localised("hint")?,
        suggestions: section.list("suggestions")?,
        retries: section
            .number("retries", 0..=RETRIES)?
            .map_or(settings.retries, |retries| retries as u8),
        sensitive: section.flag("sensitive")?.unwrap_or(false),
        field,
        kind,
        ask,
        from_trigger,
        optional,
    };
    section.finish()?;
    Ok(step)
}

fn can_be_found(kind: &Kind) -> bool {
    !matches!(kind, Kind::Text { .. } | Kind::LastDigits(_) | Kind::YesNo)
}

fn kind(section: &mut Section<'_>) -> Result<Kind, CatalogueError> {
    const KINDS: &str =
        "text, email, username_or_email, last_digits, choice, percent, metrics or yes_no";
    let Some(name) = section.text("kind", NAME)? else {
        return Err(section.error("kind", "it is missing", KINDS));
    };
    Ok(match name {
        "text" => {
            let max = section.number("max", 1..=ANSWER)?.unwrap_or(2000);
            let min = section.number("min", 1..=max)?.unwrap_or(1);
            Kind::Text { min, max }
        }
        "email" => Kind::Email,
        "username_or_email" => Kind::Login,
        "last_digits" => Kind::LastDigits(section.number("digits", 2..=6)?.unwrap_or(4)),
        "choice" => Kind::Choice(choices(section)?),
        "percent" => Kind::Percent,
        "metrics" => Kind::Metrics(parts(section)?),
        "yes_no" => Kind::YesNo,
        other => {
            let problem = format!("{other:?} is no kind");
            return Err(section.error("kind", &problem, KINDS));
        }
    })
}

fn choices(section: &mut Section<'_>) -> Result<Vec<Choice>, CatalogueError> {
    let mut choices: Vec<Choice> = Vec::new();
    for mut entry in section.sections("choice", CHOICES)? {
        let value = entry.required_text("value", NAME)?.to_owned();
        let label = entry
            .localised("label")?
            .unwrap_or_else(|| super::Localised::plain(&value));
        let also = entry.list("also")?;
        let choice = Choice::new(value, label, &also);
        if !choice.has_name() || choices.iter().any(|other| !choice.is_distinct_from(other)) {
            return Err(entry.error(
                "value",
                "the visitor could not tell it from the other choices",
                "names with letters or digits that no other choice has",
            ));
        }
        entry.finish()?;
        choices.push(choice);
    }
    if choices.len() < 2 {
        return Err(section.error(
            "choice",
            "there are less than two",
            "[[workflow.step.choice]] with a value at least twice",
        ));
    }
    Ok(choices)
}

fn parts(section: &mut Section<'_>) -> Result<Vec<Part>, CatalogueError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut taken = BTreeSet::new();
    for mut entry in section.sections("part", PARTS)? {
        let name = entry.required_text("name", NAME)?.to_owned();
        let mut words: Vec<String> = entry.list("words")?;
        words.push(name.clone());
        let words: BTreeSet<String> = words.iter().flat_map(|word| message::words(word)).collect();
        if words.is_empty() || !words.iter().all(|word| taken.insert(word.clone())) {
            return Err(entry.error(
                "words",
                "they are missing, or belong to another part too",
                "words that mean this part only",
            ));
        }
        entry.finish()?;
        parts.push(Part {
            name,
            words: words.into_iter().collect(),
        });
    }
    if parts.is_empty() {
        return Err(section.error(
            "part",
            "there is none",
            "[[workflow.step.part]] with a name for each figure",
        ));
    }
    Ok(parts)
}

fn reply(mut section: Section<'_>) -> Result<Reply, CatalogueError> {
    let reply = Reply {
        triggers: section.phrases_by_language("triggers")?,
        text: section.required_localised("reply")?,
    };
    if reply.triggers.is_empty() {
        return Err(section.error("triggers", "there is none", "what visitors say"));
    }
    section.finish()?;
    Ok(reply)
}

fn texts(file: &mut Section<'_>) -> Result<BTreeMap<String, Texts>, CatalogueError> {
    let mut all = BTreeMap::new();
    for (language, mut section) in file.sections_by_language("text")? {
        let mut texts = Texts::new();
        for key in Key::ALL {
            let Some(text) = section.text(key.name(), 1000)? else {
                continue;
            };
            if let Some(unknown) = texts::unknown_placeholder(text, key.placeholders()) {
                let allowed = key.placeholders().join("}, {");
                let remedy = if allowed.is_empty() {
                    "a text without placeholders".to_owned()
                } else {
                    format!("only {{{allowed}}}")
                };
                return Err(section.error(
                    key.name(),
                    &format!("{{{unknown}}} is unknown"),
                    &remedy,
                ));
            }
            texts.insert(*key, text.to_owned());
        }
        section.finish()?;
        all.insert(language, texts);
    }
    Ok(all)
}

fn words(file: &mut Section<'_>) -> Result<BTreeMap<String, Lists>, CatalogueError> {
    let mut all = BTreeMap::new();
    for (language, mut section) in file.sections_by_language("words")? {
        let mut lists = Lists::new();
        for (group, key) in Reserved::ALL {
            let phrases = section.phrases(key)?;
            if !phrases.is_empty() {
                lists.insert(group, phrases);
            }
        }
        section.finish()?;
        all.insert(language, lists);
    }
    Ok(all)
}
