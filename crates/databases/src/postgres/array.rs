/// An array as PostgreSQL writes it, such as `{1,NULL,"a b"}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Null,
    Value(String),
    List(Vec<Item>),
}

/// Reads it; `None` if it is none. Lower bounds (`[0:1]={…}`) are left out: JSON has none.
pub(super) fn parse(text: &str) -> Option<Vec<Item>> {
    let text = match text.strip_prefix('[') {
        Some(bounds) => bounds.split_once('=')?.1,
        None => text,
    };
    let mut rest = text.strip_prefix('{')?.chars().peekable();
    let items = list(&mut rest)?;
    rest.next().is_none().then_some(items)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The items up to the closing brace. PostgreSQL has at most six dimensions.
fn list(rest: &mut Rest<'_>) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    if rest.peek() == Some(&'}') {
        rest.next();
        return Some(items);
    }
    loop {
        items.push(match rest.peek()? {
            '{' => {
                rest.next();
                Item::List(list(rest)?)
            }
            '"' => {
                rest.next();
                Item::Value(quoted(rest)?)
            }
            _ => bare(rest)?,
        });
        match rest.next()? {
            ',' => {}
            '}' => return Some(items),
            _ => return None,
        }
    }
}

fn quoted(rest: &mut Rest<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(rest.next()?),
            c => text.push(c),
        }
    }
}

fn bare(rest: &mut Rest<'_>) -> Option<Item> {
    let mut text = String::new();
    while let Some(c) = rest.next_if(|c| !matches!(c, ',' | '}')) {
        if c == '\\' {
            text.push(rest.next()?);
        } else {
            text.push(c);
        }
    }
    Some(if text == "NULL" {
        Item::Null
    } else {
        Item::Value(text)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Item {
        Item::Value(text.to_owned())
    }

    #[test]
    fn arrays_are_read() {
        for (text, expected) in [
            ("{}", vec![]),
            (
                "{1,NULL,\"NULL\"}",
                vec![value("1"), Item::Null, value("NULL")],
            ),
            (r#"{"a \"b\\",c d}"#, vec![value(r#"a "b\"#), value("c d")]),
            (
                "{{1,2},{3,4}}",
                vec![
                    Item::List(vec![value("1"), value("2")]),
                    Item::List(vec![value("3"), value("4")]),
                ],
            ),
            ("[0:1]={1,2}", vec![value("1"), value("2")]),
            (r#"{"",","}"#, vec![value(""), value(",")]),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_array_is_told() {
        for text in ["", "1", "{", "{1", "{1}}", "{\"a}", "[0:1]", "{1}x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_texts_survive(texts in proptest::collection::vec(any::<String>(), 1..5)) {
            let quoted: Vec<_> = texts
                .iter()
                .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            let items: Vec<_> = texts.into_iter().map(Item::Value).collect();
            prop_assert_eq!(parse(&format!("{{{}}}", quoted.join(","))), Some(items));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}\",a\\\\]{0,20}") {
            let _ = parse(&text);
        }
    }
}
