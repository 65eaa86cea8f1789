use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::value::{self, Item};
use super::{Refusal, invalid, unsupported};

/// Some of the 570 words that cannot stand in an expression without a placeholder: those that
/// attributes are likely to be called.
const RESERVED: [&str; 30] = [
    "action",
    "attribute",
    "attributes",
    "comment",
    "connection",
    "count",
    "counter",
    "data",
    "date",
    "day",
    "hash",
    "key",
    "language",
    "last",
    "list",
    "local",
    "map",
    "name",
    "owner",
    "range",
    "role",
    "source",
    "state",
    "status",
    "sum",
    "time",
    "timestamp",
    "ttl",
    "type",
    "value",
];

/// The placeholders of a request, and which of them its expressions used.
#[derive(Debug)]
pub(super) struct Expressions {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    used: BTreeSet<String>,
}

/// A name or a value in an expression.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Name(String),
    Value(Value),
}

/// A condition, parsed.
#[derive(Debug, Clone)]
pub(super) enum Test {
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Exists(String),
    BeginsWith(Operand, Operand),
    Between(Operand, Operand, Operand),
    Compare(Operand, &'static str, Operand),
}

/// An update expression, parsed.
#[derive(Debug, Clone, Default)]
pub(super) struct Update {
    set: Vec<(String, Value)>,
    remove: Vec<String>,
    add: Vec<(String, i128)>,
}

impl Expressions {
    pub(super) fn of(request: &Value) -> Result<Self, Refusal> {
        let mut names = BTreeMap::new();
        for (placeholder, name) in request["ExpressionAttributeNames"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let name = name.as_str().filter(|_| placeholder.starts_with('#'));
            let name = name.ok_or_else(|| {
                invalid("ExpressionAttributeNames contains invalid key: names start with #")
            })?;
            names.insert(placeholder.clone(), name.to_owned());
        }
        let mut values = BTreeMap::new();
        for (placeholder, value) in request["ExpressionAttributeValues"]
            .as_object()
            .into_iter()
            .flatten()
        {
            if !placeholder.starts_with(':') {
                return Err(invalid(
                    "ExpressionAttributeValues contains invalid key: values start with :",
                ));
            }
            value::check(value, 1)?;
            values.insert(placeholder.clone(), value.clone());
        }
        Ok(Self {
            names,
            values,
            used: BTreeSet::new(),
        })
    }

    pub(super) fn condition(&mut self, text: &str) -> Result<Test, Refusal> {
        let mut parser = Parser::new(text, self)?;
        let parsed = parser.either()?;
        parser.end()?;
        Ok(parsed)
    }

    pub(super) fn update(&mut self, text: &str) -> Result<Update, Refusal> {
        let mut parser = Parser::new(text, self)?;
        parser.update()
    }

    /// `DynamoDB` refuses placeholders that nothing refers to.
    pub(super) fn all_used(&self) -> Result<(), Refusal> {
        let mut defined = self.names.keys().chain(self.values.keys());
        match defined.find(|placeholder| !self.used.contains(*placeholder)) {
            Some(unused) => Err(invalid(format!(
                "Value provided in ExpressionAttributeNames or ExpressionAttributeValues unused in expressions: keys: {{{unused}}}"
            ))),
            None => Ok(()),
        }
    }

    fn name(&mut self, token: &str) -> Result<String, Refusal> {
        if token.starts_with('#') {
            let name = self.names.get(token).cloned().ok_or_else(|| {
                invalid(format!(
                    "An expression attribute name used in the document path is not defined; attribute name: {token}"
                ))
            })?;
            self.used.insert(token.to_owned());
            return Ok(name);
        }
        if RESERVED.contains(&token.to_lowercase().as_str()) {
            return Err(invalid(format!(
                "Attribute name is a reserved keyword; reserved keyword: {token}"
            )));
        }
        let plain = token.starts_with(|c: char| c.is_ascii_alphabetic())
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain {
            Ok(token.to_owned())
        } else {
            Err(unsupported(format!("{token:?} as an attribute's name")))
        }
    }

    fn value(&mut self, token: &str) -> Result<Value, Refusal> {
        let value = self.values.get(token).cloned().ok_or_else(|| {
            invalid(format!(
                "An expression attribute value used in expression is not defined; attribute value: {token}"
            ))
        })?;
        self.used.insert(token.to_owned());
        Ok(value)
    }
}

impl Operand {
    fn resolve<'a>(&'a self, item: &'a Item) -> Option<&'a Value> {
        match self {
            Self::Name(name) => item.get(name),
            Self::Value(value) => Some(value),
        }
    }
}

impl Test {
    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(a, b) => a.holds(item) && b.holds(item),
            Self::Or(a, b) => a.holds(item) || b.holds(item),
            Self::Not(inner) => !inner.holds(item),
            Self::Exists(name) => item.contains_key(name),
            Self::BeginsWith(text, prefix) => {
                let string = |operand: &Operand| {
                    let text = operand.resolve(item)?.get("S")?.as_str()?;
                    Some(text.to_owned())
                };
                string(text)
                    .zip(string(prefix))
                    .is_some_and(|(text, prefix)| text.starts_with(&prefix))
            }
            Self::Between(value, low, high) => {
                compared(item, value, ">=", low) && compared(item, value, "<=", high)
            }
            Self::Compare(a, operator, b) => compared(item, a, operator, b),
        }
    }

    /// The parts of a conjunction.
    pub(super) fn terms<'a>(&'a self, terms: &mut Vec<&'a Self>) {
        match self {
            Self::And(a, b) => {
                a.terms(terms);
                b.terms(terms);
            }
            other => terms.push(other),
        }
    }

    /// The attribute that a term is about, if it is one that a key condition may have.
    pub(super) fn name(&self) -> Option<&str> {
        let operand = match self {
            Self::BeginsWith(operand, _) | Self::Between(operand, _, _) => operand,
            Self::Compare(operand, operator, _) if *operator != "<>" => operand,
            _ => return None,
        };
        match operand {
            Operand::Name(name) => Some(name),
            Operand::Value(_) => None,
        }
    }
}

/// A comparison with what is not there is false, but for `<>`.
fn compared(item: &Item, a: &Operand, operator: &str, b: &Operand) -> bool {
    let (Some(a), Some(b)) = (a.resolve(item), b.resolve(item)) else {
        return operator == "<>";
    };
    match operator {
        "=" => value::equal(a, b),
        "<>" => !value::equal(a, b),
        _ => value::compare(a, b).is_some_and(|order| match operator {
            "<" => order == Ordering::Less,
            "<=" => order != Ordering::Greater,
            ">" => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }),
    }
}

impl Update {
    pub(super) fn touches(&self, name: &str) -> bool {
        let set = self.set.iter().map(|(name, _)| name);
        let add = self.add.iter().map(|(name, _)| name);
        set.chain(add).any(|touched| touched == name)
    }

    pub(super) fn apply(&self, item: &mut Item) -> Result<(), Refusal> {
        for (name, n) in &self.add {
            let there = match item.get(name) {
                None => 0,
                Some(value) => whole(value).ok_or_else(|| {
                    invalid("An operand in the update expression has an incorrect data type")
                })?,
            };
            item.insert(name.clone(), json!({ "N": (there + n).to_string() }));
        }
        for (name, value) in &self.set {
            item.insert(name.clone(), value.clone());
        }
        for name in &self.remove {
            item.remove(name);
        }
        Ok(())
    }
}

fn whole(value: &Value) -> Option<i128> {
    value.get("N")?.as_str()?.parse().ok()
}

struct Parser<'a> {
    tokens: Vec<String>,
    next: usize,
    expressions: &'a mut Expressions,
}

impl<'a> Parser<'a> {
    fn new(text: &str, expressions: &'a mut Expressions) -> Result<Self, Refusal> {
        Ok(Self {
            tokens: tokens(text)?,
            next: 0,
            expressions,
        })
    }

    fn either(&mut self) -> Result<Test, Refusal> {
        let mut test = self.both()?;
        while self.takes_word("OR") {
            test = Test::Or(Box::new(test), Box::new(self.both()?));
        }
        Ok(test)
    }

    fn both(&mut self) -> Result<Test, Refusal> {
        let mut test = self.term()?;
        while self.takes_word("AND") {
            test = Test::And(Box::new(test), Box::new(self.term()?));
        }
        Ok(test)
    }

    fn term(&mut self) -> Result<Test, Refusal> {
        if self.takes_word("NOT") {
            return Ok(Test::Not(Box::new(self.term()?)));
        }
        if self.takes("(") {
            let test = self.either()?;
            self.expect(")")?;
            return Ok(test);
        }
        if self.peek_at(1) == Some("(") {
            return self.function();
        }
        let left = self.operand()?;
        if self.takes_word("BETWEEN") {
            let low = self.operand()?;
            if !self.takes_word("AND") {
                return Err(self.unexpected());
            }
            return Ok(Test::Between(left, low, self.operand()?));
        }
        let operator = match self.peek() {
            Some("=") => "=",
            Some("<>") => "<>",
            Some("<") => "<",
            Some("<=") => "<=",
            Some(">") => ">",
            Some(">=") => ">=",
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Test::Compare(left, operator, self.operand()?))
    }

    fn function(&mut self) -> Result<Test, Refusal> {
        let function = self.peek().unwrap_or_default().to_owned();
        self.next += 2;
        let test = match function.as_str() {
            "attribute_exists" => Test::Exists(self.name()?),
            "attribute_not_exists" => Test::Not(Box::new(Test::Exists(self.name()?))),
            "begins_with" => {
                let text = self.operand()?;
                self.expect(",")?;
                Test::BeginsWith(text, self.operand()?)
            }
            other => return Err(unsupported(format!("the function {other}"))),
        };
        self.expect(")")?;
        Ok(test)
    }

    fn update(&mut self) -> Result<Update, Refusal> {
        let mut update = Update::default();
        let mut clauses = BTreeSet::new();
        while self.peek().is_some() {
            let clause = ["SET", "REMOVE", "ADD"]
                .into_iter()
                .find(|clause| self.takes_word(clause))
                .ok_or_else(|| self.unexpected())?;
            if !clauses.insert(clause) {
                return Err(invalid(format!(
                    "The \"{clause}\" section can only be used once in an update expression"
                )));
            }
            loop {
                self.change(clause, &mut update)?;
                if !self.takes(",") {
                    break;
                }
            }
        }
        if clauses.is_empty() {
            return Err(invalid("The expression can not be empty"));
        }
        Ok(update)
    }

    fn change(&mut self, clause: &str, update: &mut Update) -> Result<(), Refusal> {
        let name = self.name()?;
        match clause {
            "SET" => {
                self.expect("=")?;
                match self.operand()? {
                    Operand::Value(value) => update.set.push((name, value)),
                    Operand::Name(_) => return Err(unsupported("SET to other than a value")),
                }
            }
            "REMOVE" => update.remove.push(name),
            _ => match self.operand()? {
                Operand::Value(value) => match whole(&value) {
                    Some(n) => update.add.push((name, n)),
                    None => return Err(unsupported("ADD of other than a whole number")),
                },
                Operand::Name(_) => return Err(self.unexpected()),
            },
        }
        Ok(())
    }

    fn name(&mut self) -> Result<String, Refusal> {
        match self.operand()? {
            Operand::Name(name) => Ok(name),
            Operand::Value(_) => Err(self.unexpected()),
        }
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        let Some(token) = self.peek().map(str::to_owned) else {
            return Err(self.unexpected());
        };
        self.next += 1;
        if token.starts_with(':') {
            self.expressions.value(&token).map(Operand::Value)
        } else {
            self.expressions.name(&token).map(Operand::Name)
        }
    }

    fn peek(&self) -> Option<&str> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.next + ahead).map(String::as_str)
    }

    fn takes(&mut self, token: &str) -> bool {
        let there = self.peek() == Some(token);
        self.next += usize::from(there);
        there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = self
            .peek()
            .is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.next += usize::from(there);
        there
    }

    fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        if self.takes(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn end(&self) -> Result<(), Refusal> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> Refusal {
        invalid(format!(
            "Invalid expression: Syntax error; token: {:?}",
            self.peek().unwrap_or("<EOF>")
        ))
    }
}

fn tokens(text: &str) -> Result<Vec<String>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match first {
            '<' if rest.starts_with("<=") || rest.starts_with("<>") => 2,
            '>' if rest.starts_with(">=") => 2,
            '(' | ')' | ',' | '=' | '<' | '>' => 1,
            '#' | ':' => 1 + rest[1..].find(|c| !word(c)).unwrap_or(rest.len() - 1),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            other => return Err(unsupported(format!("{other:?} in an expression"))),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}
