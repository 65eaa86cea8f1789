//! What a visitor is told when his message got lost in trouble of ours.

/// "Please send that again", in the visitor's language or in English.
pub(crate) fn please(language: Option<&str>) -> &'static str {
    let primary = language.unwrap_or_default();
    let primary = primary.split(['-', '_']).next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "de" => "Entschuldigung, da ist etwas schiefgegangen. Bitte senden Sie das noch einmal.",
        "es" => "Lo siento, algo ha salido mal. Por favor, envíelo de nuevo.",
        _ => "Sorry, something went wrong here. Please send that again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visitors_language_is_used_where_there_is_a_text() {
        assert!(please(Some("de-AT")).starts_with("Entschuldigung"));
        assert!(please(Some("ES")).starts_with("Lo siento"));
        for other in [None, Some(""), Some("fr"), Some("zz-ZZ")] {
            assert!(please(other).starts_with("Sorry"), "{other:?}");
        }
    }
}
