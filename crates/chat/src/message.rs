//! What a visitor typed, cleaned and cut, and its words without case, punctuation and accents.

/// A word of a message: folded text, and where it stands in the message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) word: String,
    start: usize,
    end: usize,
}

/// A visitor's input after cleaning.
pub(crate) struct Message {
    text: String,
    tokens: Vec<Token>,
    cut: bool,
}

impl Message {
    /// Cleans `raw` and keeps at most `limit` characters of it.
    pub(crate) fn read(raw: &str, limit: usize) -> Self {
        // Input of any size: what lies far behind the limit is not even cleaned.
        let mut rest = raw.trim().chars();
        let mut text: String = rest
            .by_ref()
            .filter(|c| !is_hidden(*c))
            .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
            .take(limit)
            .collect();
        let cut = rest.any(|c| !is_hidden(c));
        text.truncate(text.trim_end().len());
        let tokens = tokens(&text);
        Self { text, tokens, cut }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether something was left out.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The message without its first `count` words and what punctuation follows them.
    pub(crate) fn after(&self, count: usize) -> Self {
        let from = count
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(0, |token| token.end);
        let rest = self.text.get(from..).unwrap_or_default();
        let text = rest
            .trim_start_matches(|c: char| c.is_whitespace() || ",.:;!=-–—'\"’".contains(c))
            .to_owned();
        let tokens = tokens(&text);
        Self {
            text,
            tokens,
            cut: self.cut,
        }
    }
}

/// The folded words of `text`.
pub(crate) fn words(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|token| token.word).collect()
}

/// The words, with digits and letters parted: `100GB` is `100`, `gb`.
pub(crate) fn parts<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in words {
        let mut last = None;
        for c in word.chars() {
            let digit = c.is_ascii_digit();
            match parts.last_mut() {
                Some(part) if last == Some(digit) => part.push(c),
                _ => parts.push(c.to_string()),
            }
            last = Some(digit);
        }
    }
    parts
}

/// Digits of other scripts and full-width forms as ASCII.
pub(crate) fn ascii_digit(c: char) -> Option<char> {
    const ZEROS: [char; 5] = ['0', '\u{0660}', '\u{06F0}', '\u{0966}', '\u{FF10}'];
    ZEROS.into_iter().find_map(|zero| {
        let digit = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(digit, 10)
    })
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if is_joiner(c) {
            // Accents and apostrophes belong to the word before them and have no letter.
            if let Some(token) = tokens.last_mut().filter(|_| open) {
                token.end = end;
            }
        } else if c.is_alphanumeric() {
            let alone = stands_alone(c);
            if let Some(token) = tokens.last_mut().filter(|_| open && !alone) {
                fold(c, &mut token.word);
                token.end = end;
            } else {
                let mut word = String::new();
                fold(c, &mut word);
                tokens.push(Token {
                    word,
                    start: at,
                    end,
                });
            }
            open = !alone;
        } else {
            open = false;
        }
    }
    tokens.retain(|token| !token.word.is_empty() && token.start < token.end);
    tokens
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\'' | '’' | '`' | '\u{0300}'..='\u{036F}')
}

/// Characters that show nothing, or that change the direction of what follows.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\0')
}

/// Scripts written without spaces: each character is a word.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{2FA1F}')
}

fn fold(c: char, into: &mut String) {
    if let Some(digit) = ascii_digit(c) {
        into.push(digit);
        return;
    }
    for lower in c.to_lowercase().filter(|c| !is_joiner(*c)) {
        match without_accent(lower) {
            Some(plain) => into.push_str(plain),
            None => into.push(lower),
        }
    }
}

fn without_accent(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case_punctuation_or_accents() {
        for (text, expected) in [
            (
                "I FORGOT my password!!",
                &["i", "forgot", "my", "password"][..],
            ),
            ("What's up?", &["whats", "up"]),
            ("Contraseña, olvidé", &["contrasena", "olvide"]),
            ("e\u{301}te\u{301}", &["ete"]),
            ("Straße Größe", &["strasse", "grosse"]),
            ("密码 abc", &["密", "码", "abc"]),
            ("١٢٣٤", &["1234"]),
            ("🙂🙂", &[]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_message_is_cleaned_and_cut() {
        let message = Message::read("  a\u{202E}b\tc\u{7}d  ", 100);
        assert_eq!(message.text(), "ab c d");
        assert!(!message.was_cut());
        let message = Message::read(&"é".repeat(50), 10);
        assert_eq!(message.text(), "é".repeat(10));
        assert!(message.was_cut());
    }

    #[test]
    fn the_rest_of_a_message_keeps_its_spelling() {
        let message = Message::read("No wait, it's: John.Doe", 100);
        assert_eq!(message.after(2).text(), "it's: John.Doe");
        assert_eq!(message.after(3).text(), "John.Doe");
        assert_eq!(message.after(9).text(), message.text());
    }

    #[test]
    fn digits_and_letters_part() {
        assert_eq!(parts(["100gb", "plan"]), ["100", "gb", "plan"]);
    }
}
