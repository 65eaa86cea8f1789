use std::collections::BTreeSet;

use crate::mapper::Action;
use crate::select::Selection;

/// Which fields a row can still have at some step, as far as the rules alone tell: a step on a
/// field that cannot be there any more is a mistake worth telling when the rules are saved.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    select: Option<&'a Selection>,
    gone: BTreeSet<&'a str>,
    made: BTreeSet<&'a str>,
    /// What the names of flattened fields begin with.
    prefixes: Vec<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(select: Option<&'a Selection>) -> Self {
        Self {
            select,
            gone: BTreeSet::new(),
            made: BTreeSet::new(),
            prefixes: Vec::new(),
        }
    }

    /// Why there can be no field called `name`, if so.
    pub(crate) fn why_not(&self, name: &str) -> Option<String> {
        let begins = |prefix: &String| name.starts_with(prefix.as_str());
        if self.made.contains(name) || self.prefixes.iter().any(begins) {
            return None;
        }
        if self.gone.contains(name) {
            return Some(format!("there is no field `{name}` any more at this step"));
        }
        let selected = self.select.is_none_or(|select| select.keeps(name));
        (!selected).then(|| format!("there is no field `{name}`: it is not selected"))
    }

    /// What the next steps find.
    pub(crate) fn after(&mut self, action: &'a Action) {
        match action {
            Action::Rename { from, to } => {
                self.goes(from);
                self.comes(to);
            }
            Action::Constant { field, .. } | Action::Template { field, .. } => self.comes(field),
            Action::Drop { fields } => fields.iter().for_each(|field| self.goes(field)),
            Action::Flatten { field, separator } => {
                self.goes(field);
                self.prefixes.push(format!("{field}{separator}"));
            }
            Action::Cast { .. } | Action::Hash { .. } => {}
        }
    }

    fn goes(&mut self, name: &'a str) {
        self.made.remove(name);
        self.gone.insert(name);
    }

    fn comes(&mut self, name: &'a str) {
        self.gone.remove(name);
        self.made.insert(name);
    }
}
