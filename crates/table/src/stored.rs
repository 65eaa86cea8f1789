use std::fs::File;

use jiff::Timestamp;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::schema::{DELETED_SEEN_AT, RAW, RUN, SEEN_AT};

/// Rows that are read at once.
const BATCH: usize = 64;

/// A table as it was stored, in a local file.
pub(crate) struct StoredTable {
    reader: SerializedFileReader<File>,
    positions: Positions,
}

/// Where the columns are that give the rows back; all others follow from `raw`.
#[derive(Debug, Clone, Copy)]
struct Positions {
    raw: usize,
    run: usize,
    seen_at: usize,
    deleted_seen_at: usize,
}

/// One row of a stored table.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    pub(crate) raw: ByteArray,
    pub(crate) run: ByteArray,
    pub(crate) seen_at: Timestamp,
    pub(crate) deleted: Option<Timestamp>,
}

impl StoredTable {
    pub(crate) fn open(file: File) -> Result<Self, ParquetError> {
        let reader = SerializedFileReader::new(file)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let position = |name: &str| {
            let mut columns = schema.columns().iter();
            columns
                .position(|column| column.name() == name)
                .ok_or_else(|| ParquetError::General(format!("it has no column {name}")))
        };
        let positions = Positions {
            raw: position(RAW)?,
            run: position(RUN)?,
            seen_at: position(SEEN_AT)?,
            deleted_seen_at: position(DELETED_SEEN_AT)?,
        };
        Ok(Self { reader, positions })
    }

    /// The text under `key` in the footer.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        let notes = self
            .reader
            .metadata()
            .file_metadata()
            .key_value_metadata()?;
        let note = notes.iter().find(|note| note.key == key)?;
        note.value.as_deref()
    }

    /// All rows in the order of the file.
    pub(crate) fn scan(&self) -> Scan<'_> {
        Scan {
            table: self,
            next_group: 0,
            columns: None,
        }
    }
}

/// A walk through a stored table, a few rows at a time.
pub(crate) struct Scan<'t> {
    table: &'t StoredTable,
    next_group: usize,
    columns: Option<Columns>,
}

struct Columns {
    raw: ColumnReaderImpl<ByteArrayType>,
    run: ColumnReaderImpl<ByteArrayType>,
    seen_at: ColumnReaderImpl<Int64Type>,
    deleted_seen_at: ColumnReaderImpl<Int64Type>,
}

impl Scan<'_> {
    /// The next rows; none at the end.
    pub(crate) fn next(&mut self) -> Result<Vec<StoredRow>, ParquetError> {
        loop {
            if let Some(columns) = &mut self.columns {
                let rows = columns.next()?;
                if !rows.is_empty() {
                    return Ok(rows);
                }
                self.columns = None;
            }
            if self.next_group == self.table.reader.num_row_groups() {
                return Ok(Vec::new());
            }
            self.columns = Some(Columns::open(self.table, self.next_group)?);
            self.next_group += 1;
        }
    }
}

impl Columns {
    fn open(table: &StoredTable, group: usize) -> Result<Self, ParquetError> {
        let group = table.reader.get_row_group(group)?;
        let bytes = |n| match group.get_column_reader(n)? {
            column @ ColumnReader::ByteArrayColumnReader(_) => {
                Ok(get_typed_column_reader::<ByteArrayType>(column))
            }
            _ => Err(ParquetError::General(format!("column {n} is no text"))),
        };
        let integers = |n| match group.get_column_reader(n)? {
            column @ ColumnReader::Int64ColumnReader(_) => {
                Ok(get_typed_column_reader::<Int64Type>(column))
            }
            _ => Err(ParquetError::General(format!("column {n} is no integer"))),
        };
        let positions = table.positions;
        Ok(Self {
            raw: bytes(positions.raw)?,
            run: bytes(positions.run)?,
            seen_at: integers(positions.seen_at)?,
            deleted_seen_at: integers(positions.deleted_seen_at)?,
        })
    }

    fn next(&mut self) -> Result<Vec<StoredRow>, ParquetError> {
        let raw = read(&mut self.raw)?;
        let mut run = read(&mut self.run)?.into_iter();
        let mut seen_at = read(&mut self.seen_at)?.into_iter();
        let mut deleted = read(&mut self.deleted_seen_at)?.into_iter();
        raw.into_iter()
            .map(|raw| {
                let row = StoredRow {
                    raw: raw.ok_or_else(|| missing(RAW))?,
                    run: run.next().flatten().ok_or_else(|| missing(RUN))?,
                    seen_at: time(seen_at.next().flatten())?.ok_or_else(|| missing(SEEN_AT))?,
                    deleted: time(deleted.next().flatten())?,
                };
                Ok(row)
            })
            .collect()
    }
}

fn missing(column: &str) -> ParquetError {
    ParquetError::General(format!("a row lacks {column}"))
}

fn time(millis: Option<i64>) -> Result<Option<Timestamp>, ParquetError> {
    millis
        .map(Timestamp::from_millisecond)
        .transpose()
        .map_err(|error| ParquetError::General(error.to_string()))
}

/// The next values of an optional column, at most [`BATCH`].
fn read<T: DataType>(column: &mut ColumnReaderImpl<T>) -> Result<Vec<Option<T::T>>, ParquetError> {
    let mut levels = Vec::with_capacity(BATCH);
    let mut values = Vec::with_capacity(BATCH);
    column.read_records(BATCH, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    levels
        .into_iter()
        .map(|level| {
            if level == 0 {
                return Ok(None);
            }
            let value = values.next();
            value.map(Some).ok_or_else(|| {
                ParquetError::General("a column has fewer values than it says".to_owned())
            })
        })
        .collect()
}
