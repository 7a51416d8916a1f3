//! The footer of a file: where its columns are and what they hold.

use super::{
    input::Input,
    kind::{self, Kind},
    thrift::{Cursor, ty},
};
use ::parquet::{
    basic::Repetition,
    file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader},
    schema::types::{SchemaDescriptor, Type, TypePtr},
};
use kql_data::{Fault, Limits, Map, Type as KqlType};
use std::sync::Arc;

/// What a file begins and ends with.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";
/// The same of a file whose footer is encrypted.
const ENCRYPTED: &[u8; 4] = b"PARE";
/// Bytes behind the footer: its length and the magic.
const TAIL: u64 = 8;
/// Bytes of a footer.
const FOOTER_BYTES_MAX: usize = 256 << 20;
/// Leaf columns of a file.
const LEAVES_MAX: usize = 16_384;
/// The key under which files written here tell the types of their columns.
pub(crate) const TYPES_KEY: &str = "kql";

/// A column of the table that a file holds.
#[derive(Clone, Debug)]
pub(super) struct FileColumn {
    pub(super) name: String,
    /// The type of its values.
    pub(super) ty: KqlType,
    /// What a value is made of; `None` of a column with a structure.
    pub(super) kind: Option<Kind>,
    /// What the leaves of a structure hold, by leaf.
    pub(super) leaves: Vec<Kind>,
    /// The first of its leaf columns in the file.
    pub(super) first_leaf: usize,
    /// Its part of the schema, with leaves as the physical types that they are.
    pub(super) schema: Arc<SchemaDescriptor>,
}

/// A file that can be read.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) metadata: ParquetMetaData,
    pub(super) columns: Vec<FileColumn>,
}

impl Footer {
    /// Reads the footer. Nothing else of the file is touched.
    pub(super) fn read(input: &Input, limits: &Limits) -> Result<Footer, Fault> {
        let bytes = footer_bytes(input, limits)?;
        let text = |what: &str| Fault::new(format!("the footer of the Parquet file is malformed: {what}"));
        check(&bytes, limits).map_err(|it| text(&it))?;
        let metadata = super::guarded(|| ParquetMetaDataReader::decode_metadata(&bytes))
            .map_err(|it| text(&it))?
            .map_err(|it| text(&it.to_string()))?;
        let columns = columns(&metadata)?;
        let footer = Footer { metadata, columns };
        footer.check_places(input.len()).map_err(|it| text(&it))?;
        Ok(footer)
    }

    /// Row groups, with rows, and columns inside the file.
    fn check_places(&self, len: u64) -> Result<(), String> {
        let n_leaves = self.metadata.file_metadata().schema_descr().num_columns();
        for (at, group) in self.metadata.row_groups().iter().enumerate() {
            if group.num_rows() < 0 || group.columns().len() != n_leaves {
                return Err(format!("row group {at} has {} columns of {n_leaves}", group.columns().len()));
            }
            for column in group.columns() {
                let path = column.column_path().string();
                if column.file_path().is_some() {
                    return Err(format!("the column `{path}` is in another file, which is not supported"));
                }
                let inside = place(column).is_some_and(|(from, n)| from.checked_add(n).is_some_and(|it| it <= len));
                if !inside {
                    return Err(format!("the column `{path}` of row group {at} lies outside the file"));
                }
            }
        }
        Ok(())
    }
}

/// Where the pages of a column are: from which byte, and how many.
pub(super) fn place(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let data = u64::try_from(column.data_page_offset()).ok()?;
    let dictionary = column.dictionary_page_offset().and_then(|it| u64::try_from(it).ok());
    let from = dictionary.filter(|it| *it > 0 && *it < data).unwrap_or(data);
    Some((from, u64::try_from(column.compressed_size()).ok()?))
}

fn footer_bytes(input: &Input, limits: &Limits) -> Result<bytes::Bytes, Fault> {
    let len = input.len();
    let cut = || Fault::new("the Parquet file is cut off, or none: it does not end with `PAR1`");
    if len < TAIL + 4 {
        return Err(cut());
    }
    let (head, tail) = (input.read(0, 4)?, input.read(len - TAIL, TAIL)?);
    let (size, magic) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
    if magic == ENCRYPTED || *head == *ENCRYPTED {
        return Err(Fault::Unsupported("a Parquet file with an encrypted footer".to_owned()));
    }
    if *head != *MAGIC {
        return Err(Fault::new("no Parquet file: it does not begin with `PAR1`"));
    }
    if magic != MAGIC {
        return Err(cut());
    }
    let size = u32::from_le_bytes(*size) as usize;
    if size as u64 > len - TAIL - 4 {
        return Err(Fault::new(format!("the Parquet file is malformed: a footer of {size} bytes in a file of {len}")));
    }
    let limit = limits.memory.min(FOOTER_BYTES_MAX);
    if size > limit {
        return Err(super::memory_limit(limit, "the footer"));
    }
    input.read(len - TAIL - size as u64, size as u64)
}

/// Holds the structure of a footer against its bytes: lengths, nesting of the schema, numbers of columns and row groups.
fn check(bytes: &[u8], limits: &Limits) -> Result<(), String> {
    let mut children = Vec::new();
    let mut cursor = Cursor::new(bytes);
    let read = cursor.fields(|it, id, ty| {
        if id != 2 || ty != ty::LIST {
            return it.skip(ty);
        }
        let (element, n) = it.list().filter(|it| it.0 == ty::STRUCT)?;
        (0..n).try_for_each(|_| {
            _ = element;
            let mut n_children = 0;
            it.fields(|it, id, ty| {
                if id == 5 {
                    n_children = it.size()?;
                    return Some(());
                }
                it.skip(ty)
            })?;
            children.push(n_children);
            Some(())
        })
    });
    if read.is_none() {
        return Err("lengths and contents do not agree".to_owned());
    }
    if children.iter().filter(|it| **it == 0).count() > LEAVES_MAX {
        return Err(format!("more than {LEAVES_MAX} columns"));
    }
    // Children stand behind their parents, so a stack of those that are still to come tells the depth.
    let mut open: Vec<usize> = Vec::new();
    for n_children in children {
        while open.last() == Some(&0) {
            _ = open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if n_children > 0 {
            open.push(n_children);
        }
        // A list takes two levels, and the table itself one.
        let depth_max = limits.json_depth.min(kql_data::json::DEPTH_MAX);
        if open.len() > 2 * depth_max + 1 {
            return Err(format!("nested beyond the limit `json_depth` of {depth_max}"));
        }
    }
    Ok(())
}

/// The columns of the table.
fn columns(metadata: &ParquetMetaData) -> Result<Vec<FileColumn>, Fault> {
    let file = metadata.file_metadata();
    let own = own_types(file.key_value_metadata().into_iter().flatten());
    let durations = super::guarded(|| durations(metadata)).unwrap_or_default();
    let (mut out, mut first_leaf) = (Vec::new(), 0);
    for field in file.schema_descr().root_schema().get_fields() {
        let name = field.name().to_owned();
        let mut leaves = Vec::new();
        let physical = physical(field, own.get(&name).copied(), &mut leaves)
            .map_err(|why| Fault::new(format!("the column `{name}`: {why}")))?;
        let is_plain = field.is_primitive() && field.get_basic_info().repetition() != Repetition::REPEATED;
        if let (true, Some(unit), Some(leaf)) = (is_plain, durations.get(&name), leaves.first_mut())
            && *leaf == Kind::Long
        {
            *leaf = Kind::Span(*unit);
        }
        let root = Type::group_type_builder("schema").with_fields(vec![physical]).build();
        let root = root.map_err(|why| Fault::new(format!("the column `{name}`: {why}")))?;
        let kind = leaves.first().copied().filter(|_| is_plain);
        let n_leaves = leaves.len();
        let ty = kind.map_or(KqlType::Dynamic, Kind::ty);
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        out.push(FileColumn { name, ty, kind, leaves, first_leaf, schema });
        first_leaf += n_leaves;
    }
    Ok(out)
}

/// A part of the schema with its leaves as bytes and numbers; what they mean goes to `leaves`. Recurses as deep as the checked schema.
fn physical(field: &TypePtr, own: Option<KqlType>, leaves: &mut Vec<Kind>) -> Result<TypePtr, String> {
    let info = field.get_basic_info();
    if field.is_primitive() {
        let leaf = kind::of(field, own)?;
        leaves.push(leaf);
        return kind::physical(field, leaf).map(Arc::new);
    }
    kind::check_group(field)?;
    let children: Result<Vec<TypePtr>, String> =
        field.get_fields().iter().map(|it| physical(it, None, leaves)).collect();
    let res = Type::group_type_builder(field.name())
        .with_repetition(info.repetition())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(children?)
        .build();
    res.map(Arc::new).map_err(|it| it.to_string())
}

/// The types that a file written here tells.
fn own_types<'a>(pairs: impl Iterator<Item = &'a ::parquet::file::metadata::KeyValue>) -> Map<String, KqlType> {
    let text = pairs.filter(|it| it.key == TYPES_KEY).find_map(|it| it.value.as_deref()).unwrap_or("[]");
    let list: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    list.into_iter().filter_map(|(name, ty)| Some((name, KqlType::from_name(&ty)?))).collect()
}

/// Columns that Arrow's own schema, when there is one, calls durations: Parquet has no such type.
fn durations(metadata: &ParquetMetaData) -> Map<String, kind::Unit> {
    use arrow_schema::{DataType, TimeUnit};
    let file = metadata.file_metadata();
    let arrow = ::parquet::arrow::parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
    let Ok(arrow) = arrow else { return Map::default() };
    let unit = |it: &DataType| {
        Some(match it {
            DataType::Duration(TimeUnit::Second) => kind::Unit::Second,
            DataType::Duration(TimeUnit::Millisecond) => kind::Unit::Millisecond,
            DataType::Duration(TimeUnit::Microsecond) => kind::Unit::Microsecond,
            DataType::Duration(TimeUnit::Nanosecond) => kind::Unit::Nanosecond,
            _ => return None,
        })
    };
    arrow.fields().iter().filter_map(|it| Some((it.name().clone(), unit(it.data_type())?))).collect()
}
