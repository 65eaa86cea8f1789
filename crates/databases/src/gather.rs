use engine::Error;
use serde_json::value::RawValue;
use sql::Value;

use crate::errors::invalid;

/// Rows that were read at once.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Box<RawValue>>,
    pub(crate) bytes: usize,
    /// The key of the last of them.
    pub(crate) last: Vec<Value>,
    /// There are more behind it.
    pub(crate) more: bool,
}

/// Gathers a chunk, until it has so many rows or bytes. One row more is asked for than is taken: it
/// tells whether there are more, and whether two rows have the same key.
#[derive(Debug)]
pub(crate) struct Gather {
    chunk: Chunk,
    most_rows: usize,
    most_bytes: usize,
}

impl Gather {
    pub(crate) fn new(most_rows: u32, most_bytes: usize) -> Self {
        Self {
            chunk: Chunk::default(),
            most_rows: most_rows as usize,
            most_bytes,
        }
    }

    /// Takes a row; `false`: no more are wanted.
    pub(crate) fn take(
        &mut self,
        key: Vec<Value>,
        row: impl FnOnce() -> Result<Box<RawValue>, Error>,
    ) -> Result<bool, Error> {
        if !self.chunk.rows.is_empty() && key == self.chunk.last {
            return Err(invalid(
                "two rows have the same primary key; configure the columns that tell them apart",
            ));
        }
        if self.chunk.rows.len() >= self.most_rows || self.chunk.bytes >= self.most_bytes {
            self.chunk.more = true;
            return Ok(false);
        }
        let row = row()?;
        self.chunk.bytes += row.get().len();
        self.chunk.rows.push(row);
        self.chunk.last = key;
        Ok(true)
    }

    pub(crate) fn done(self) -> Chunk {
        self.chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Result<Box<RawValue>, Error> {
        RawValue::from_string("{\"a\":1}".into()).map_err(|error| invalid(error.to_string()))
    }

    #[test]
    fn the_row_too_many_tells_that_there_are_more() {
        let mut gather = Gather::new(2, 1000);
        for n in 1..=2 {
            assert!(gather.take(vec![Value::Int(n)], row).unwrap());
        }
        assert!(!gather.take(vec![Value::Int(3)], row).unwrap());
        let chunk = gather.done();
        assert!(chunk.more);
        assert_eq!(chunk.rows.len(), 2);
        assert!(chunk.last == [Value::Int(2)]);
    }

    #[test]
    fn large_rows_end_a_chunk_early_but_never_before_its_first() {
        let mut gather = Gather::new(100, 1);
        assert!(gather.take(vec![Value::Int(1)], row).unwrap());
        assert!(!gather.take(vec![Value::Int(2)], row).unwrap());
        assert!(gather.done().more);
    }

    #[test]
    fn a_key_that_is_not_unique_is_told_even_between_chunks() {
        let mut gather = Gather::new(1, 1000);
        assert!(gather.take(vec![Value::Int(1)], row).unwrap());
        assert!(gather.take(vec![Value::Int(1)], row).is_err());
    }
}
