/// Cuts a stream of bytes into JSON values, wherever the chunks of the stream end and whatever
/// whitespace is between the values.
///
/// It finds where values end; whether a value is valid JSON is for its reader to say.
#[derive(Debug)]
pub(crate) struct Splitter {
    layout: Layout,
    place: Place,
    /// The bytes of a value whose end has not come yet.
    value: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// How values follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As the elements of one array.
    Array,
    /// One after the other, with whitespace between.
    Sequence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    Start,
    /// A value or, where the array may be empty, its end.
    First,
    /// A value has to come.
    Before,
    /// In a value.
    Inside,
    /// `,` or `]` has to come.
    After,
    /// Behind `]`.
    End,
}

/// Bytes that one value may have: more than a vendor's whole answer.
const MOST_VALUE_BYTES: usize = 64 << 20;

/// Why a stream is not what its format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a byte stands where none may")]
    Misplaced,
    #[error("it ends in the middle")]
    Truncated,
    #[error("a row is larger than 64 MiB")]
    TooLarge,
}

impl Splitter {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            place: match layout {
                Layout::Array => Place::Start,
                Layout::Sequence => Place::Before,
            },
            value: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// Reads `chunk` and hands each value that ends in it to `take`.
    pub(crate) fn push<E: From<Malformed>>(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // Where the present value begins in this chunk.
        let mut start = 0;
        for (n, &byte) in chunk.iter().enumerate() {
            if self.place == Place::Inside {
                match self.inside(byte) {
                    Inside::Goes => {}
                    Inside::EndsWith => self.emit(&chunk[start..=n], &mut take)?,
                    Inside::EndedBefore => {
                        self.emit(&chunk[start..n], &mut take)?;
                        self.between(byte)?;
                        start = n;
                    }
                }
            } else {
                self.between(byte)?;
                start = n;
            }
        }
        if self.place == Place::Inside {
            self.value
                .extend_from_slice(&chunk[start.min(chunk.len())..]);
            if self.value.len() > MOST_VALUE_BYTES {
                return Err(Malformed::TooLarge.into());
            }
        }
        Ok(())
    }

    /// The stream is over.
    pub(crate) fn finish<E: From<Malformed>>(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match (self.layout, self.place) {
            (_, Place::End) | (Layout::Sequence, Place::Before) => Ok(()),
            // Only a number or a word can end with the stream.
            (Layout::Sequence, Place::Inside) if self.depth == 0 && !self.in_string => {
                self.emit(&[], &mut take)
            }
            _ => Err(Malformed::Truncated.into()),
        }
    }

    fn emit<E>(
        &mut self,
        rest: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.place = match self.layout {
            Layout::Array => Place::After,
            Layout::Sequence => Place::Before,
        };
        if self.value.is_empty() {
            return take(rest);
        }
        self.value.extend_from_slice(rest);
        let taken = take(&self.value);
        self.value.clear();
        taken
    }

    fn between(&mut self, byte: u8) -> Result<(), Malformed> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(());
        }
        self.place = match (self.place, byte) {
            (Place::Start, b'[') => Place::First,
            (Place::First | Place::After, b']') => Place::End,
            (Place::After, b',') => Place::Before,
            (Place::First | Place::Before, b',' | b']' | b'}' | b':') => {
                return Err(Malformed::Misplaced);
            }
            (Place::First | Place::Before, _) => {
                self.depth = usize::from(matches!(byte, b'{' | b'['));
                self.in_string = byte == b'"';
                self.escaped = false;
                Place::Inside
            }
            _ => return Err(Malformed::Misplaced),
        };
        Ok(())
    }

    fn inside(&mut self, byte: u8) -> Inside {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return if self.depth == 0 {
                        Inside::EndsWith
                    } else {
                        Inside::Goes
                    };
                }
                _ => {}
            }
            return Inside::Goes;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    return Inside::EndsWith;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}' if self.depth == 0 => {
                return Inside::EndedBefore;
            }
            _ => {}
        }
        Inside::Goes
    }
}

enum Inside {
    Goes,
    /// The byte is the value's last.
    EndsWith,
    /// The byte is no part of the value any more.
    EndedBefore,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn split(layout: Layout, chunks: &[&[u8]]) -> Result<Vec<String>, Malformed> {
        let mut splitter = Splitter::new(layout);
        let mut values = Vec::new();
        let mut take = |value: &[u8]| {
            values.push(String::from_utf8(value.to_vec()).unwrap());
            Ok(())
        };
        for chunk in chunks {
            splitter.push(chunk, &mut take)?;
        }
        splitter.finish(&mut take)?;
        Ok(values)
    }

    #[test]
    fn values_come_out_as_they_are_written() {
        for (layout, text, values) in [
            (Layout::Array, "[]\n", vec![]),
            (Layout::Array, " [ ] ", vec![]),
            (Layout::Array, "[{}]", vec!["{}"]),
            (
                Layout::Array,
                "[1,\"a,]\",{\"b\":[2]} , null]",
                vec!["1", "\"a,]\"", "{\"b\":[2]}", "null"],
            ),
            (
                Layout::Array,
                "[{\"a\":\n\"\\\"}\"},\n[[]]\n]\n",
                vec!["{\"a\":\n\"\\\"}\"}", "[[]]"],
            ),
            (Layout::Sequence, "", vec![]),
            (Layout::Sequence, "\n\n", vec![]),
            (Layout::Sequence, "{}\n{}\n", vec!["{}", "{}"]),
            (
                Layout::Sequence,
                "{\"a\":1}\r\n  2\n\"x\"",
                vec!["{\"a\":1}", "2", "\"x\""],
            ),
            (Layout::Sequence, "12", vec!["12"]),
        ] {
            assert_eq!(split(layout, &[text.as_bytes()]).unwrap(), values, "{text}");
        }
    }

    #[test]
    fn what_is_no_such_layout_is_refused() {
        use Malformed::{Misplaced, Truncated};
        for (layout, text, why) in [
            (Layout::Array, "", Truncated),
            (Layout::Array, "[", Truncated),
            (Layout::Array, "[{}", Truncated),
            (Layout::Array, "[{},", Truncated),
            (Layout::Array, "[{\"a\":\"]", Truncated),
            (Layout::Array, "{}", Misplaced),
            (Layout::Array, "[{}{}]", Misplaced),
            (Layout::Array, "[{},]", Misplaced),
            (Layout::Array, "[,]", Misplaced),
            (Layout::Array, "[] []", Misplaced),
            (Layout::Array, "[}]", Misplaced),
            (Layout::Sequence, "{\"a\":", Truncated),
            (Layout::Sequence, "\"a", Truncated),
            (Layout::Sequence, "{},{}", Misplaced),
            (Layout::Sequence, "1,2", Misplaced),
        ] {
            assert_eq!(split(layout, &[text.as_bytes()]), Err(why), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~é\\\\\"\\[\\]{},:\n]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"\\\\]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn spelled(value: &Value, pretty: bool) -> String {
        if pretty {
            serde_json::to_string_pretty(value).unwrap()
        } else {
            value.to_string()
        }
    }

    proptest! {
        #[test]
        fn chunks_may_end_anywhere(
            values in proptest::collection::vec((json(), any::<bool>(), "[ \t\r\n]{0,3}"), 0..8),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
            array in any::<bool>(),
        ) {
            let rows: Vec<String> = values.iter().map(|(v, pretty, _)| spelled(v, *pretty)).collect();
            let spaced: Vec<String> = rows.iter().zip(&values)
                .map(|(row, (_, _, space))| format!("{space}{row}{space}"))
                .collect();
            let (layout, text) = if array {
                (Layout::Array, format!("[{}]\n", spaced.join(",")))
            } else {
                (Layout::Sequence, spaced.join("\n"))
            };
            let bytes = text.as_bytes();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for end in ends {
                chunks.push(&bytes[from..end]);
                from = end;
            }
            prop_assert_eq!(split(layout, &chunks).unwrap(), rows);
        }
    }
}
