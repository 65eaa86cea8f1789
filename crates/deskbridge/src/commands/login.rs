use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::address::Address;
use crate::args::Login;
use crate::connection::{self, Connection};
use crate::profile::{self, Profile, Profiles};
use crate::session::Session;

/// Asks for address and key, tries them and stores them.
pub(crate) async fn login(session: &mut Session<'_>, login: &Login) -> Result<(), Error> {
    let name = session
        .global
        .profile
        .clone()
        .unwrap_or_else(|| profile::DEFAULT.to_owned());
    let mut profiles = Profiles::load(&session.world.env)?;
    let url = address(session, profiles.get(&name))?;
    let key = key(session, login.key_file.as_deref(), &url)?;
    session.hide(key.clone());
    if !login.no_check {
        let client = session.client_for(Connection {
            address: url.clone(),
            key: key.clone(),
        })?;
        client.send(client.get(&[]).query("limit", "1")).await?;
    }
    let shown = url.to_string();
    profiles.put(&name, Profile { url, key })?;
    session.note(&format!(
        "logged in to {shown}; profile `{name}` is stored in {}",
        profiles.path().display()
    ));
    Ok(())
}

fn address(session: &mut Session<'_>, stored: Option<&Profile>) -> Result<Address, Error> {
    let world = &session.world;
    if let Some(url) = connection::given_address(&session.global, &world.env, &world.folder)? {
        return Ok(url);
    }
    let stored = stored.map(|profile| profile.url.clone());
    if !session.world.terminal.interactive() {
        return stored.ok_or(Error::NoAddress);
    }
    let default = stored.as_ref().map(Address::as_str);
    let url = session.ask(
        "Address of the hub, such as https://hub.example.com",
        default,
    )?;
    url.parse()
        .map_err(|error| Error::Usage(format!("{error}")))
}

fn key(
    session: &mut Session<'_>,
    file: Option<&Path>,
    url: &Address,
) -> Result<SecretString, Error> {
    match file {
        Some(path) if path.as_os_str() != "-" => return connection::key_in(path),
        None if session.world.terminal.interactive() => {
            let key = session.ask_secret(&format!("API key for {url} (not shown)"))?;
            return connection::key(key.expose_secret());
        }
        _ => {}
    }
    let bytes = session.read(Path::new("-"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Usage("standard input holds no API key".to_owned()))?;
    connection::key(&text)
}
