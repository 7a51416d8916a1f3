//! Row groups to chunks of a table: each column by itself, on as many threads as there may be.

use super::{
    convert,
    footer::{FileColumn, Footer, place},
    input::Input,
    kind::Kind,
    nested::{Leaves, Shape},
    pages::{Chunk as PageChunk, Leaf, Meter, check_codec, write_out},
    skip::may_hold,
    strand::{Reading, Strand},
};
use crate::{LoadError, LoadOptions, accounting::Accounting, shred::Failures};
use ::parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    basic::{Compression, Encoding, Repetition, Type as Physical},
    errors::ParquetError,
    file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData, RowGroupMetaData},
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use kql_data::{Chunk, Fault, Type};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// Threads at most.
const THREADS: usize = 8;
/// Bytes that values of one length, or repeated ones of a dictionary, may take when they are read at once.
const AT_ONCE: usize = 64 << 20;

/// A column of the table.
#[derive(Debug)]
pub(super) struct TableColumn {
    pub(super) name: Arc<str>,
    /// Its values: one strand a type that files have them in.
    pub(super) strands: Vec<Strand>,
    pub(super) failures: Failures,
}

/// A row group that is read, and the chunks that its rows go to.
#[derive(Clone, Debug)]
struct Group {
    index: usize,
    n_rows: usize,
    /// Rows of each chunk.
    chunks: Vec<usize>,
    first_chunk: usize,
}

/// A column of the file and where its values go.
struct Task<'a> {
    column: &'a FileColumn,
    strand: &'a mut Strand,
    failures: &'a mut Failures,
    loose: bool,
    n_bytes: i64,
}

/// What all threads share.
struct Work<'a> {
    input: &'a Input,
    metadata: &'a ParquetMetaData,
    options: &'a LoadOptions,
    groups: &'a [Group],
    chunk_rows: usize,
    meter: Arc<Meter>,
    held: AtomicUsize,
    replaced: AtomicU64,
    failed: AtomicBool,
}

/// Reads a file into columns. `chunks` are the rows of the chunks so far, and get those of the file.
pub(super) fn read(
    name: &str,
    input: &Input,
    footer: &Footer,
    options: &LoadOptions,
    table: (&mut Vec<TableColumn>, &mut Vec<usize>),
    accounting: &mut Accounting,
) -> Result<(), LoadError> {
    let (columns, chunks) = table;
    let chunk_rows = if options.chunk_rows == 0 { Chunk::ROWS } else { options.chunk_rows };
    let chunk_rows = chunk_rows.clamp(1, Chunk::ROWS);
    let fail = |it: Fault| LoadError::at(name, 0, 0, it);
    let (groups, row_bytes) = groups(footer, options, chunk_rows, chunks.len());
    let tasks = tasks(footer, options, columns).map_err(fail)?;
    let (file_bytes, limits) = (input.len(), options.limits.clone());
    let meter = Meter { limits, file_bytes, decompressed: AtomicU64::new(0), fault: Mutex::default() };
    let work = Work {
        input,
        metadata: &footer.metadata,
        options,
        groups: &groups,
        chunk_rows,
        meter: Arc::new(meter),
        held: AtomicUsize::new(tasks.1),
        replaced: AtomicU64::new(0),
        failed: AtomicBool::new(false),
    };
    work.run(tasks.0).map_err(fail)?;
    chunks.extend(groups.iter().flat_map(|it| &it.chunks));
    let n_groups = footer.metadata.num_row_groups() as u64;
    accounting.bytes += file_bytes;
    accounting.row_bytes += row_bytes.min(file_bytes);
    accounting.blank_bytes += file_bytes - row_bytes.min(file_bytes);
    accounting.rows += groups.iter().map(|it| it.n_rows as u64).sum::<u64>();
    accounting.replaced_bytes += work.replaced.load(Ordering::Relaxed);
    accounting.row_groups += n_groups;
    accounting.row_groups_skipped += n_groups - groups.len() as u64;
    Ok(())
}

/// The row groups that are wanted, and the bytes behind their rows. Those without rows are no groups that were skipped.
fn groups(footer: &Footer, options: &LoadOptions, chunk_rows: usize, mut first_chunk: usize) -> (Vec<Group>, u64) {
    let (mut out, mut bytes) = (Vec::new(), 0_u64);
    for (index, group) in footer.metadata.row_groups().iter().enumerate() {
        let search = options.search.as_ref();
        if search.is_some_and(|it| !may_hold(it, &footer.columns, options.schema.as_ref(), group)) {
            continue;
        }
        let n_rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let full = std::iter::repeat_n(chunk_rows, n_rows / chunk_rows);
        let chunks: Vec<usize> = full.chain(Some(n_rows % chunk_rows).filter(|it| *it > 0)).collect();
        let n_chunks = chunks.len();
        out.push(Group { index, n_rows, chunks, first_chunk });
        first_chunk += n_chunks;
        bytes += group.columns().iter().filter_map(|it| u64::try_from(it.compressed_size()).ok()).sum::<u64>();
    }
    (out, bytes)
}

/// What is to be read, the largest last; and the bytes that are held already.
fn tasks<'a>(
    footer: &'a Footer,
    options: &LoadOptions,
    columns: &'a mut Vec<TableColumn>,
) -> Result<(Vec<Task<'a>>, usize), Fault> {
    let mut wanted: Vec<Option<(&FileColumn, usize)>> = columns.iter().map(|_| None).collect();
    for column in &footer.columns {
        let at = columns.iter().position(|it| *it.name == *column.name).unwrap_or_else(|| {
            let name = column.name.as_str().into();
            columns.push(TableColumn { name, strands: Vec::new(), failures: Failures::default() });
            columns.len() - 1
        });
        wanted.resize(columns.len(), None);
        let Some(place) = wanted.get_mut(at).filter(|it| it.is_none()) else {
            return Err(Fault::new(format!("the file has two columns `{}`", column.name)));
        };
        let Some(table) = columns.get_mut(at) else { continue };
        let ty = if is_loose(column, options) { Type::Dynamic } else { column.ty };
        let strand = table.strands.iter().position(|it| it.ty == ty).unwrap_or_else(|| {
            table.strands.push(Strand::new(ty));
            table.strands.len() - 1
        });
        *place = Some((column, strand));
    }
    let held = columns.iter().flat_map(|it| &it.strands).map(Strand::bytes).sum();
    let mut tasks = Vec::new();
    for (table, wanted) in columns.iter_mut().zip(wanted) {
        let Some((column, strand)) = wanted else { continue };
        if options.columns.as_ref().is_some_and(|it| !it.contains_key(&column.name) && !is_time(&column.name)) {
            continue;
        }
        let Some(strand) = table.strands.get_mut(strand) else { continue };
        let leaves = column.first_leaf..column.first_leaf + column.leaves.len();
        let mut n_bytes = 0_i64;
        for group in footer.metadata.row_groups() {
            let sizes = group.columns().get(leaves.clone()).unwrap_or(&[]).iter().map(|it| it.uncompressed_size());
            n_bytes = sizes.fold(n_bytes, i64::saturating_add);
        }
        let (failures, loose) = (&mut table.failures, is_loose(column, options));
        tasks.push(Task { column, strand, failures, loose, n_bytes });
    }
    tasks.sort_by_key(|it| it.n_bytes);
    Ok((tasks, held))
}

/// `now()` may be the newest of these.
fn is_time(name: &str) -> bool {
    matches!(name, "TimeGenerated" | "Timestamp")
}

/// Whether texts are taken for JSON because the column was declared dynamic.
fn is_loose(column: &FileColumn, options: &LoadOptions) -> bool {
    let declared = options.schema.iter().flat_map(|it| &it.fields).find(|it| *it.name == *column.name);
    column.kind == Some(Kind::Text) && declared.is_some_and(|it| it.ty == Type::Dynamic)
}

impl Work<'_> {
    fn run(&self, tasks: Vec<Task<'_>>) -> Result<(), Fault> {
        let n_threads = self.options.limits.threads.clamp(1, THREADS).min(tasks.len());
        let (tasks, error) = (Mutex::new(tasks), Mutex::new(None));
        let help = || {
            while !self.failed.load(Ordering::Relaxed) {
                let Some(task) = tasks.lock().unwrap_or_else(PoisonError::into_inner).pop() else { break };
                let name = task.column.name.clone();
                let res = super::guarded(|| self.column(task)).unwrap_or_else(|it| Err(Fault::new(it)));
                if let Err(fault) = res {
                    self.failed.store(true, Ordering::Relaxed);
                    let mut error = error.lock().unwrap_or_else(PoisonError::into_inner);
                    _ = error.get_or_insert(match fault {
                        Fault::Error { code, message } => {
                            Fault::Error { code, message: format!("column `{name}`: {message}") }
                        }
                        other => other,
                    });
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..n_threads {
                // Without a thread to be had, there is one less.
                _ = thread::Builder::new().spawn_scoped(scope, help);
            }
            help();
        });
        error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn column(&self, task: Task<'_>) -> Result<(), Fault> {
        let Task { column, strand, failures, loose, .. } = task;
        let mut replaced = 0;
        for group in self.groups {
            let res = self.group(column, group, strand, failures, loose, &mut replaced);
            if let Err(fault) = res {
                let known = self.meter.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(known.unwrap_or(match fault {
                    Fault::Error { code, message } => {
                        Fault::Error { code, message: format!("row group {}: {message}", group.index) }
                    }
                    other => other,
                }));
            }
        }
        _ = self.replaced.fetch_add(replaced, Ordering::Relaxed);
        Ok(())
    }

    fn group(
        &self,
        column: &FileColumn,
        group: &Group,
        strand: &mut Strand,
        failures: &mut Failures,
        loose: bool,
        replaced: &mut u64,
    ) -> Result<(), Fault> {
        let error = |it: ParquetError| Fault::new(it.to_string());
        let depth = self.options.limits.json_depth.min(kql_data::json::DEPTH_MAX);
        let reading = Reading { depth, loose };
        let (bytes, leaves) = self.pages(column, group)?;
        let batch_rows = self.batch_rows(column, &leaves).map_err(error)?;
        let metadata = metadata(column, group, &leaves).map_err(error)?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let options = match hint(column, &leaves) {
            Some(hint) => options.with_schema(Arc::new(hint)),
            None => options,
        };
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(error)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        let batches = reader.with_batch_size(batch_rows).build();
        let mut chunks = group.chunks.iter().copied().zip(group.first_chunk..);
        let (mut n_rows, mut open) = (0, chunks.next());
        let mut left = open.map_or(0, |it| it.0);
        for batch in batches.map_err(error)? {
            self.options.stop.check()?;
            let batch = batch.map_err(|it| Fault::new(it.to_string()))?;
            let schema = batch.schema();
            let (Some(array), Some(field)) = (batch.columns().first(), schema.fields().first()) else { continue };
            n_rows += array.len();
            if n_rows > group.n_rows {
                break;
            }
            let before = strand.bytes();
            let mut at = 0;
            while at < array.len() {
                let n = left.min(array.len() - at);
                let part = if n == array.len() { array.clone() } else { array.slice(at, n) };
                let leaves = Leaves { kinds: column.leaves.iter(), failures: &mut *failures, replaced: &mut *replaced };
                grow(column, group.n_rows, strand, (&part, field), reading, leaves).map_err(Fault::new)?;
                (at, left) = (at + n, left - n);
                if let (0, Some((_, chunk))) = (left, open) {
                    strand.end_chunk(chunk)?;
                    open = chunks.next();
                    left = open.map_or(0, |it| it.0);
                }
            }
            self.hold(strand.bytes().saturating_sub(before))?;
        }
        if n_rows != group.n_rows {
            return Err(Fault::new(format!("{n_rows} values, but {} rows", group.n_rows)));
        }
        Ok(())
    }

    /// Counts bytes that are held now.
    fn hold(&self, bytes: usize) -> Result<(), Fault> {
        let limit = self.options.limits.memory;
        match self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > limit {
            true => Err(super::memory_limit(limit, "loading")),
            false => Ok(()),
        }
    }

    /// The pages of the leaves of a column, decompressed.
    fn pages(&self, column: &FileColumn, group: &Group) -> Result<(Bytes, Vec<Leaf>), Fault> {
        let row_group = self.metadata.row_group(group.index);
        let (mut out, mut leaves) = (Vec::new(), Vec::new());
        for (at, leaf) in column.schema.columns().iter().enumerate() {
            let meta = row_group.columns().get(column.first_leaf + at);
            let meta = meta.ok_or_else(|| Fault::new("a column is missing"))?;
            check_codec(meta.compression_codec())?;
            let (from, n_bytes) = place(meta).ok_or_else(|| Fault::new("a column has no place"))?;
            let limit = self.options.limits.memory;
            if n_bytes > limit as u64 {
                return Err(super::memory_limit(limit, "a column of the Parquet file"));
            }
            let bytes = self.input.read(from, n_bytes)?;
            let (codec, physical) = (meta.compression_codec(), leaf.physical_type());
            let length = usize::try_from(leaf.type_length()).unwrap_or(0);
            let chunk = PageChunk { bytes: &bytes, codec, physical, length };
            leaves.push(write_out(chunk, &self.meter, &mut out).map_err(|it| Fault::new(it.to_string()))?);
        }
        Ok((out.into(), leaves))
    }

    /// How many rows are read at once: fewer where values are long. A power of two, so that chunks come out whole.
    fn batch_rows(&self, column: &FileColumn, leaves: &[Leaf]) -> Result<usize, ParquetError> {
        let memory = self.options.limits.memory;
        let (mut each, mut values) = (1, 0_u64);
        for (leaf, read) in column.schema.columns().iter().zip(leaves) {
            let longest = match leaf.physical_type() {
                Physical::BYTE_ARRAY => read.longest,
                _ => usize::try_from(leaf.type_length()).unwrap_or(0),
            };
            each += longest;
            // A row of a list may have all values, each with its levels.
            if leaf.max_rep_level() > 0 {
                values = values.saturating_add(read.n_values.saturating_mul(longest.max(8) as u64));
            }
        }
        let fits = (AT_ONCE / each).clamp(64, Chunk::ROWS);
        let rows = if fits.is_power_of_two() { fits } else { fits.next_power_of_two() / 2 }.min(self.chunk_rows);
        if values.max(rows.saturating_mul(each) as u64) > memory as u64 {
            return Err(self.meter.refuse("memory", memory, "a column of the Parquet file"));
        }
        Ok(rows)
    }
}

/// Appends values to what there is of a column, of which the row group has so many rows.
fn grow(
    column: &FileColumn,
    n_rows: usize,
    strand: &mut Strand,
    (array, field): (&ArrayRef, &Field),
    reading: Reading,
    mut leaves: Leaves<'_>,
) -> Result<(), String> {
    match column.kind {
        Some(Kind::Text) if !reading.loose => strand.extend_texts(array, leaves.replaced),
        Some(Kind::Text | Kind::Json) => strand.extend_json(array, n_rows, reading, leaves.replaced),
        Some(kind) => {
            let values = convert::column(array, kind, leaves.failures, leaves.replaced)?;
            match kind {
                Kind::Hex => strand.extend_strings(&values),
                _ => strand.extend(values),
            }
            Ok(())
        }
        None => {
            let shape = Shape::new(array, field, &mut leaves)?;
            let text = |row: usize| {
                let mut out = String::new();
                shape.write(row, &mut out);
                (!shape.is_null(row)).then_some(out.into())
            };
            strand.extend_json_texts(array.len(), (0..array.len()).map(text), reading);
            Ok(())
        }
    }
}

/// What a file would tell that had those pages alone.
fn metadata(column: &FileColumn, group: &Group, leaves: &[Leaf]) -> Result<ParquetMetaData, ParquetError> {
    let place = |at: usize| i64::try_from(at).map_err(|it| ParquetError::General(it.to_string()));
    let mut columns = Vec::new();
    for (leaf, read) in column.schema.columns().iter().zip(leaves) {
        let n_bytes = place(read.to - read.from)?;
        let meta = ColumnChunkMetaData::builder(leaf.clone())
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(vec![Encoding::PLAIN])
            .set_num_values(i64::try_from(read.n_values).unwrap_or(i64::MAX))
            .set_total_compressed_size(n_bytes)
            .set_total_uncompressed_size(n_bytes)
            .set_data_page_offset(place(read.data)?)
            .set_dictionary_page_offset((read.data > read.from).then_some(place(read.from)?));
        columns.push(meta.build()?);
    }
    let n_rows = place(group.n_rows)?;
    let row_group = RowGroupMetaData::builder(column.schema.clone()).set_num_rows(n_rows).set_column_metadata(columns);
    let file = FileMetaData::new(2, n_rows, None, None, column.schema.clone(), None);
    Ok(ParquetMetaData::new(file, vec![row_group.build()?]))
}

/// How texts are to come: by dictionary where all pages of a column are.
fn hint(column: &FileColumn, leaves: &[Leaf]) -> Option<Schema> {
    let leaf = column.schema.columns().first().filter(|_| column.kind.is_some_and(Kind::is_bytes))?;
    if leaf.physical_type() != Physical::BYTE_ARRAY {
        return None;
    }
    let by_dictionary = matches!(column.kind, Some(Kind::Text | Kind::Json))
        && leaves.first().is_some_and(|it| it.by_dictionary && it.n_values > 0);
    let texts = DataType::LargeBinary;
    let ty = if by_dictionary { DataType::Dictionary(Box::new(DataType::UInt32), Box::new(texts)) } else { texts };
    let is_optional = leaf.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
    Some(Schema::new(vec![Field::new(leaf.name(), ty, is_optional)]))
}
