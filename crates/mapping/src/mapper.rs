use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::hmac;
use serde_json::value::RawValue;

use crate::RowError;
use crate::cast::Cast;
use crate::row::{Field, Row, quoted, unquoted};
use crate::select::Selection;
use crate::template::Template;

/// Rules that were checked, ready for rows.
pub struct Mapper {
    pub(crate) select: Option<Selection>,
    pub(crate) steps: Vec<Action>,
    /// The tenant's salt.
    pub(crate) key: hmac::Key,
}

/// A step that was checked.
pub(crate) enum Action {
    Rename {
        from: String,
        to: String,
    },
    Constant {
        field: String,
        json: String,
    },
    Template {
        field: String,
        template: Box<Template>,
    },
    Cast {
        field: String,
        cast: Cast,
    },
    Drop {
        fields: Vec<String>,
    },
    Flatten {
        field: String,
        separator: String,
    },
    Hash {
        fields: Vec<String>,
    },
}

impl Mapper {
    /// Whether rows come out as they go in.
    pub fn is_identity(&self) -> bool {
        self.select.is_none() && self.steps.is_empty()
    }

    /// The row under these rules. Fields that no rule touches keep their bytes; without rules the
    /// row is borrowed.
    pub fn apply<'r>(&self, row: &'r RawValue) -> Result<Cow<'r, str>, RowError> {
        if self.is_identity() {
            return Ok(Cow::Borrowed(row.get()));
        }
        let mut row =
            Row::read(row.get()).map_err(|_| RowError::new("", "is not a JSON object"))?;
        if let Some(select) = &self.select {
            select.apply(&mut row)?;
        }
        for step in &self.steps {
            self.carry_out(step, &mut row)?;
        }
        Ok(Cow::Owned(row.write()))
    }

    fn carry_out(&self, step: &Action, row: &mut Row<'_>) -> Result<(), RowError> {
        match step {
            Action::Rename { from, to } => rename(row, from, to),
            Action::Constant { field, json } => {
                row.set(field, json.clone());
                Ok(())
            }
            Action::Template { field, template } => {
                let text = template
                    .render(row)
                    .map_err(|why| RowError::new(field, why))?;
                row.set(field, quoted(&text));
                Ok(())
            }
            Action::Cast { field, cast } => change(row, field, |json| {
                cast.apply(json).map_err(|why| RowError::new(field, why))
            }),
            Action::Drop { fields } => {
                row.retain(|field| !fields.iter().any(|name| field.is(name)));
                Ok(())
            }
            Action::Flatten { field, separator } => flatten(row, field, separator),
            Action::Hash { fields } => fields
                .iter()
                .try_for_each(|field| change(row, field, |json| Ok(self.pseudonym(json)))),
        }
    }

    /// The keyed digest of a value's text. Null stays null, so that "nobody" is not somebody.
    fn pseudonym(&self, json: &str) -> Option<String> {
        let text = unquoted(json).unwrap_or(Cow::Borrowed(json));
        (json != "null").then(|| {
            let tag = hmac::sign(&self.key, text.as_bytes());
            quoted(&hex::encode(tag.as_ref()))
        })
    }
}

/// Replaces the value of a field that is there, if `made` makes another one.
fn change(
    row: &mut Row<'_>,
    name: &str,
    made: impl FnOnce(&str) -> Result<Option<String>, RowError>,
) -> Result<(), RowError> {
    if let Some(field) = row.get_mut(name)
        && let Some(json) = made(&field.value)?
    {
        field.value = Cow::Owned(json);
    }
    Ok(())
}

fn rename(row: &mut Row<'_>, from: &str, to: &str) -> Result<(), RowError> {
    if row.get(from).is_some() && row.get(to).is_some() {
        return Err(RowError::new(
            from,
            format!("cannot be renamed: the row has a field `{to}` already"),
        ));
    }
    row.rename(from, to);
    Ok(())
}

fn flatten(row: &mut Row<'_>, name: &str, separator: &str) -> Result<(), RowError> {
    let Some(field) = row.get(name) else {
        return Ok(());
    };
    let value = field.value.clone();
    let inner = if field.is_null() {
        Vec::new()
    } else {
        let object = Row::read(&value)
            .map_err(|_| RowError::new(name, "cannot be flattened: it is not an object"))?;
        let renamed = object.fields().iter().map(|inner| {
            let name = format!("{name}{separator}{}", inner.name());
            // The values' text outlives the row's only if it is copied.
            Field::new(&name, inner.value.clone().into_owned())
        });
        renamed.collect()
    };
    for (n, new) in inner.iter().enumerate() {
        let taken = new.name();
        let twice = inner[..n].iter().any(|other| other.is(&taken));
        if twice || row.fields().iter().any(|field| field.is(&taken)) {
            return Err(RowError::new(
                name,
                format!("cannot be flattened: there is a field `{taken}` already"),
            ));
        }
    }
    row.replace(name, inner);
    Ok(())
}

impl fmt::Debug for Mapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapper")
            .field("selects", &self.select.is_some())
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}
