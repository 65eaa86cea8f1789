use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::record::Value;
use crate::schema::{Column, Kind, RAW, Table};

/// Rows that become a row group at the latest, however small they are.
const GROUP_ROWS: usize = 100_000;

/// Values that are handed over at once; pages are cut between such batches.
const BATCH: usize = 128;

/// Present, in the encoding of a flat optional column.
const SOME: i16 = 1;
const NONE: i16 = 0;

/// Turns rows into the bytes of a Parquet file, which its owner takes out as they gather.
pub(crate) struct TableWriter {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Buffer>,
    gathered: usize,
    rows_in_group: usize,
    group_bytes: usize,
    rows: u64,
}

/// What a table says of a row besides its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) run: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) deleted: Option<Timestamp>,
}

/// The values of one column that wait to be written.
struct Buffer {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    /// All texts one behind the other, and where each ends.
    Text {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Boolean(Vec<bool>),
}

impl TableWriter {
    /// Rows of `group_bytes` or a little more become a row group.
    pub(crate) fn new(table: &Table, group_bytes: usize) -> Result<Self, ParquetError> {
        let raw = ColumnPath::from(RAW);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // Each record is another one, and nobody asks for the least of them.
            .set_column_dictionary_enabled(raw.clone(), false)
            .set_column_statistics_enabled(raw, EnabledStatistics::None)
            .build();
        let file = SerializedFileWriter::new(Vec::new(), schema(table)?, Arc::new(properties))?;
        Ok(Self {
            file,
            columns: table
                .columns()
                .map(|column| Buffer::new(column.kind))
                .collect(),
            gathered: 0,
            rows_in_group: 0,
            group_bytes,
            rows: 0,
        })
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row; `fields` are the values of the table's fields in their order.
    pub(crate) fn push<'v>(
        &mut self,
        fields: impl Iterator<Item = Value<'v>>,
        seen: Seen<'_>,
    ) -> Result<(), ParquetError> {
        let own = [
            Raw::Bytes(seen.raw),
            Raw::Bytes(seen.run.as_bytes()),
            Raw::Value(Value::Time(Some(seen.at.as_millisecond()))),
            Raw::Value(Value::Boolean(Some(seen.deleted.is_some()))),
            Raw::Value(Value::Time(seen.deleted.map(Timestamp::as_millisecond))),
        ];
        let cells = fields.map(Raw::Value).chain(own);
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.gathered += column.push(cell)?;
        }
        self.rows += 1;
        self.rows_in_group += 1;
        if self.gathered >= self.group_bytes || self.rows_in_group >= GROUP_ROWS {
            self.flush_group()?;
        }
        Ok(())
    }

    /// Bytes of the file that wait to be taken.
    pub(crate) fn pending(&self) -> usize {
        self.file.inner().len()
    }

    /// The bytes gathered so far.
    pub(crate) fn take(&mut self) -> Result<Vec<u8>, ParquetError> {
        self.file.flush()?;
        Ok(mem::take(self.file.inner_mut()))
    }

    /// Ends the file, with `state` under `key` in its footer; its last bytes.
    pub(crate) fn finish(mut self, key: &str, state: String) -> Result<Vec<u8>, ParquetError> {
        if self.rows_in_group > 0 {
            self.flush_group()?;
        }
        self.file
            .append_key_value_metadata(KeyValue::new(key.to_owned(), state));
        self.file.finish()?;
        self.take()
    }

    fn flush_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("a column too many".to_owned()));
            };
            column.flush(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.gathered = 0;
        self.rows_in_group = 0;
        Ok(())
    }
}

/// A cell on its way into a buffer: bytes that are text already, or a value.
enum Raw<'a, 'v> {
    Bytes(&'a [u8]),
    Value(Value<'v>),
}

impl Buffer {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Values::Text {
                bytes: Vec::new(),
                ends: Vec::new(),
            },
            Kind::Integer | Kind::Time => Values::Integer(Vec::new()),
            Kind::Number => Values::Number(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
        };
        Self {
            levels: Vec::new(),
            values,
        }
    }

    /// How many bytes more it holds.
    fn push(&mut self, cell: Raw<'_, '_>) -> Result<usize, ParquetError> {
        let (present, size) = match (&mut self.values, cell) {
            (Values::Text { bytes, ends }, Raw::Bytes(text)) => {
                bytes.extend_from_slice(text);
                ends.push(bytes.len());
                (true, text.len())
            }
            (Values::Text { bytes, ends }, Raw::Value(Value::Text(text))) => {
                if let Some(text) = &text {
                    bytes.extend_from_slice(text.as_bytes());
                    ends.push(bytes.len());
                }
                (text.is_some(), text.map_or(0, |text| text.len()))
            }
            (Values::Integer(all), Raw::Value(Value::Integer(one) | Value::Time(one))) => {
                all.extend(one);
                (one.is_some(), 8)
            }
            (Values::Number(all), Raw::Value(Value::Number(one))) => {
                all.extend(one);
                (one.is_some(), 8)
            }
            (Values::Boolean(all), Raw::Value(Value::Boolean(one))) => {
                all.extend(one);
                (one.is_some(), 1)
            }
            _ => {
                return Err(ParquetError::General(
                    "a value of another column".to_owned(),
                ));
            }
        };
        self.levels.push(if present { SOME } else { NONE });
        Ok(size)
    }

    fn flush(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = mem::take(&mut self.levels);
        match &mut self.values {
            Values::Text { bytes, ends } => {
                let all = Bytes::from(mem::take(bytes));
                let mut start = 0;
                let mut texts = ends.drain(..).map(|end| {
                    let text = all.slice(start..end);
                    start = end;
                    ByteArray::from(text)
                });
                write(writer.typed::<ByteArrayType>(), &levels, &mut texts)?;
                drop(texts);
                // The room is used again for the next group, if nobody holds on to it.
                *bytes = all.into();
                bytes.clear();
            }
            Values::Integer(all) => {
                write(writer.typed::<Int64Type>(), &levels, &mut all.drain(..))?;
            }
            Values::Number(all) => {
                write(writer.typed::<DoubleType>(), &levels, &mut all.drain(..))?;
            }
            Values::Boolean(all) => {
                write(writer.typed::<BoolType>(), &levels, &mut all.drain(..))?;
            }
        }
        Ok(())
    }
}

fn write<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    levels: &[i16],
    values: &mut impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let mut batch = Vec::with_capacity(BATCH);
    for levels in levels.chunks(BATCH) {
        let present = levels.iter().filter(|level| **level == SOME).count();
        batch.clear();
        batch.extend(values.take(present));
        writer.write_batch(&batch, Some(levels), None)?;
    }
    Ok(())
}

/// All columns are optional but those that every row has.
fn schema(table: &Table) -> Result<TypePtr, ParquetError> {
    let fields = table
        .columns()
        .map(|column| parquet_type(column).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let root = Type::group_type_builder("row")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(root))
}

fn parquet_type(column: Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        ),
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}
