/// What SMTP allows for a whole address, in bytes.
const MAX: usize = 254;

/// Whether `text` is one plain address: ASCII, a local part, a domain with a dot.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= MAX && is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(label)
        && top.len() >= 2
        && !top.bytes().all(|b| b.is_ascii_digit())
}

/// The one address in a sentence; `None` if there is none, or more than one.
pub(crate) fn find(text: &str) -> Option<&str> {
    let mut found = text
        .split(|c: char| c.is_whitespace() || "<>()[],;\"“”„".contains(c))
        .map(|word| word.strip_prefix("mailto:").unwrap_or(word))
        .map(|word| word.trim_matches(|c: char| ".:!?'".contains(c)))
        .filter(|word| is_address(word));
    let first = found.next()?;
    found
        .all(|other| other.eq_ignore_ascii_case(first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for (text, expected) in [
            ("john.doe@company.com", true),
            ("o'brien+desk@mail.example.co.uk", true),
            ("john@company", false),
            ("john@@company.com", false),
            ("@company.com", false),
            ("john@-company.com", false),
            ("john@company.com.", false),
            (".john@company.com", false),
            ("john@127.0.0.1", false),
            ("jöhn@company.com", false),
            ("john doe@company.com", false),
        ] {
            assert_eq!(is_address(text), expected, "{text}");
        }
        assert!(!is_address(&format!("{}@company.com", "a".repeat(65))));
    }

    #[test]
    fn one_address_is_found_in_a_sentence() {
        for (text, expected) in [
            ("it's <john@company.com>, thanks", Some("john@company.com")),
            ("mailto:john@company.com.", Some("john@company.com")),
            ("a@company.com or b@company.com", None),
            ("a@company.com, A@company.com", Some("a@company.com")),
            ("none", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }
}
