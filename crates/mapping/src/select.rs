use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use engine::Problem;

use crate::RowError;
use crate::row::{Field, Row};

/// Which fields of a row are kept.
#[derive(Debug)]
pub(crate) struct Selection {
    whole: BTreeSet<String>,
    /// By the object's name: which of its fields.
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl Selection {
    /// `None` if nothing is selected, which keeps everything.
    pub(crate) fn compile(select: &[String], problems: &mut Vec<Problem>) -> Option<Self> {
        let mut selection = Self {
            whole: BTreeSet::new(),
            parts: BTreeMap::new(),
        };
        for (n, name) in select.iter().enumerate() {
            let mut problem =
                |message: &str| problems.push(Problem::new(format!("select[{n}]"), message));
            if name.is_empty() {
                problem("must not be empty");
            } else if !selection.whole.insert(name.clone()) {
                problem("is selected twice");
            } else if let Some((object, part)) = name.split_once('.') {
                if select.iter().any(|other| other == object) {
                    problem("the whole object is selected already; remove one of the two");
                }
                let parts = selection.parts.entry(object.to_owned()).or_default();
                parts.insert(part.to_owned());
            }
        }
        (!select.is_empty()).then_some(selection)
    }

    /// Whether rows may still have a field called `name` afterwards.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.whole.contains(name) || self.parts.contains_key(name)
    }

    pub(crate) fn apply(&self, row: &mut Row<'_>) -> Result<(), RowError> {
        row.retain(|field| self.keeps(&field.name()));
        for (object, parts) in &self.parts {
            if self.whole.contains(object) {
                continue;
            }
            if let Some(field) = row.get_mut(object)
                && !field.is_null()
            {
                field.value = Cow::Owned(chosen(field, parts)?);
            }
        }
        Ok(())
    }
}

/// The object in `field` with `parts` alone.
fn chosen(field: &Field<'_>, parts: &BTreeSet<String>) -> Result<String, RowError> {
    let mut object = Row::read(&field.value).map_err(|_| {
        RowError::new(
            field.name(),
            "is not an object, so that fields of it cannot be selected",
        )
    })?;
    object.retain(|part| parts.contains(part.name().as_ref()));
    Ok(object.write())
}
