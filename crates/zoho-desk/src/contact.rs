//! Contacts: who a ticket is from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::desk::Param;
use crate::error::InvalidField;
use crate::exchange::Request;
use crate::text::units;
use crate::{Desk, EntityId, Error, routes};

const NAME: usize = 80;
const EMAIL: usize = 150;
const PHONE: usize = 120;
const ROWS: u32 = 100;

/// A contact of the account.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Its id.
    pub id: EntityId,
    /// As the vendor has it.
    #[serde(default)]
    pub email: Option<String>,
    /// Given name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub last_name: Option<String>,
}

/// A contact to be made, or found by its e-mail, together with a ticket.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewContact {
    /// Given name, at most 80 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name, at most 80 characters; the vendor asks for one.
    pub last_name: String,
    /// At most 150 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// At most 120 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Whom a ticket is from.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub enum ContactRef {
    /// A contact that the account has.
    #[serde(rename = "contactId")]
    Id(EntityId),
    /// The vendor links the contact with this e-mail, or makes one.
    #[serde(rename = "contact")]
    New(NewContact),
}

impl NewContact {
    /// A contact of a name as people type it: the last word is the family name. Without a name, the
    /// part of the e-mail before `@` stands for it.
    pub fn named(name: Option<&str>, email: Option<&str>) -> Self {
        let email = email.map(str::trim).filter(|email| !email.is_empty());
        let name = name.unwrap_or_default().trim();
        let (first, last) = name.rsplit_once(char::is_whitespace).unwrap_or(("", name));
        let last = match (last, email) {
            ("", Some(email)) => email.split('@').next().unwrap_or(email),
            ("", None) => "Visitor",
            (last, _) => last,
        };
        let short = |text: &str| text.trim().chars().take(NAME / 2).collect::<String>();
        Self {
            first_name: Some(short(first)).filter(|first| !first.is_empty()),
            last_name: short(last),
            email: email.map(str::to_owned),
            phone: None,
        }
    }

    pub(crate) fn problems(&self, at: &str) -> Vec<InvalidField> {
        let mut problems = Problems::default();
        if self.last_name.trim().is_empty() {
            problems.add(format!("{at}/lastName"), "missing");
        }
        problems.longest(format!("{at}/lastName"), Some(&self.last_name), NAME);
        problems.longest(format!("{at}/firstName"), self.first_name.as_deref(), NAME);
        problems.longest(format!("{at}/email"), self.email.as_deref(), EMAIL);
        problems.longest(format!("{at}/phone"), self.phone.as_deref(), PHONE);
        problems.0
    }
}

/// What is wrong with a content before it is sent.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<InvalidField>);

impl Problems {
    pub(crate) fn add(&mut self, name: impl Into<String>, problem: impl Into<String>) {
        self.0.push(InvalidField::new(name, problem));
    }

    pub(crate) fn longest(&mut self, name: impl Into<String>, text: Option<&str>, most: usize) {
        if text.is_some_and(|text| units(text) > most) {
            self.add(name, format!("more than {most} characters"));
        }
    }

    pub(crate) fn email_and_phone(&mut self, email: Option<&str>, phone: Option<&str>) {
        self.longest("/email", email, EMAIL);
        self.longest("/phone", phone, PHONE);
    }

    pub(crate) fn none_in(self, path: &str) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid {
            path: path.to_owned(),
            fields: self.0,
        })
    }
}

impl Desk {
    /// The oldest contact with exactly this e-mail, in any case. The vendor's search takes patterns
    /// and finds alike addresses, so equality is checked here; an address that holds a pattern's
    /// characters (`*`, `,`, `${`) is not searched for and has no contact.
    pub async fn contact_by_email(&self, email: &str) -> Result<Option<Contact>, Error> {
        let email = email.trim();
        if !is_searchable(email) {
            return Ok(None);
        }
        let wanted = email.to_lowercase();
        let mut from = 0;
        loop {
            let offset = from.to_string();
            let query: &[Param<'_>] = &[
                ("email", email.into()),
                ("sortBy", "createdTime".into()),
                ("limit", "100".into()),
                ("from", offset.into()),
            ];
            let page = self.page(routes::SEARCH_CONTACTS.path, query).await?;
            let contacts = page.rows.iter();
            let mut contacts =
                contacts.filter_map(|row| serde_json::from_str::<Contact>(row.json.get()).ok());
            let is_wanted = |contact: &Contact| {
                let email = contact.email.as_deref().unwrap_or_default();
                email.to_lowercase() == wanted
            };
            if let Some(contact) = contacts.find(is_wanted) {
                return Ok(Some(contact));
            }
            from += ROWS;
            if page.rows.len() < ROWS as usize || from >= 1_000 {
                return Ok(None);
            }
        }
    }

    /// Makes a contact. Sent once: see [`Error::may_have_happened`].
    pub async fn create_contact(&self, contact: &NewContact) -> Result<Contact, Error> {
        Problems(contact.problems("")).none_in("POST /contacts")?;
        self.record(&Request::create("/contacts", contact)?).await
    }
}

fn is_searchable(email: &str) -> bool {
    email.contains('@')
        && units(email) <= EMAIL
        && !email.contains(['*', ','])
        && !email.contains("${")
        && !email.contains(char::is_whitespace)
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewContact").finish_non_exhaustive()
    }
}

impl fmt::Debug for ContactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "ContactRef({id})"),
            Self::New(_) => f.write_str("ContactRef(new)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_name_becomes_given_and_family_name() {
        for (name, email, first, last) in [
            (Some("Ann Lee"), None, Some("Ann"), "Lee"),
            (Some(" Anna Maria  Lee "), None, Some("Anna Maria"), "Lee"),
            (Some("Ann"), Some("ann@x.test"), None, "Ann"),
            (None, Some("ann.lee@x.test"), None, "ann.lee"),
            (Some(" "), None, None, "Visitor"),
        ] {
            let contact = NewContact::named(name, email);
            assert_eq!(
                (contact.first_name.as_deref(), contact.last_name.as_str()),
                (first, last),
                "{name:?} {email:?}"
            );
            assert!(contact.problems("").is_empty());
        }
    }

    #[test]
    fn patterns_are_not_searched_for() {
        assert!(is_searchable("o'neil+desk@x.test"));
        for bad in [
            "*@x.test",
            "a@x.test,b@x.test",
            "${notempty}@x",
            "ann",
            "a b@x.test",
            "",
        ] {
            assert!(!is_searchable(bad), "{bad}");
        }
    }

    #[test]
    fn debug_output_shows_no_person() {
        let contact = NewContact::named(Some("Planted Person"), Some("planted@x.test"));
        let shown = format!("{contact:?} {:?}", ContactRef::New(contact.clone()));
        assert!(!shown.to_lowercase().contains("planted"), "{shown}");
    }
}
