//! New contacts.

use super::{Content, Request};
use crate::zoho::{
    account::{Account, ContactContent},
    refusal::Refusal,
    webhooks::Event,
};

/// Reads the fields of a contact.
pub(super) fn contact(content: &mut Content) -> ContactContent {
    ContactContent {
        first_name: content.text("firstName", 100).value(),
        last_name: content.needed_text("lastName", 100),
        email: content.email("email").value(),
        phone: content.text("phone", 120).value(),
    }
}

impl Request<'_> {
    pub(super) fn make_contact(&self) -> Result<String, Refusal> {
        let mut content = Content::parse(&self.body)?;
        let contact = contact(&mut content);
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let email = contact.email.as_deref();
        if email.is_some_and(|email| account.find_contact_by_email(email).is_some()) {
            content.duplicate("email");
        }
        content.finish()?;
        let row = account.make_contact(contact, at_ms);
        self.tell(contact_event(&account, row, at_ms));
        Ok(account.contact_row(row))
    }

    /// Tells the webhooks, those of the change's own source left out.
    pub(super) fn tell(&self, event: Event) {
        self.state.publish(Event {
            source_id: self.source_id.clone(),
            ..event
        });
    }
}

pub(super) fn contact_event(account: &Account, row: u32, at_ms: i64) -> Event {
    Event::new("Contact_Add", account.contact_row(row), at_ms)
}
