//! Rows for the elements of arrays and bags: `mv-expand`.

use crate::{
    execution::{Execution, Run},
    program::{Program, Results, whole_number},
    stream::{Needed, Rows, is_needed, needed},
};
use arrow_buffer::ScalarBuffer;
use kql_data::{
    Bag, Batch, Column, ColumnBuilder, DictionaryBuilder, DictionaryColumn, Dynamic, DynamicReader, Fault, Reservation,
    Shredded, StringDictionary, Tag, Texts, Type, Value, json,
};
use kql_functions::scalar::conversion::convert;
use kql_parser::plan::{ExpandOutput, NodeId, Op};
use std::{borrow::Cow, sync::Arc};

/// Rows for one input row when no limit is given.
const LIMIT: usize = i32::MAX as usize;

/// The step of `Op::Expand`.
#[derive(Debug)]
pub(crate) struct Expand {
    program: Program,
    types: Vec<Type>,
    bags_as_arrays: bool,
    limit: usize,
    /// The outputs with their types, and whether they are read.
    outputs: Vec<(ExpandOutput, Type, bool)>,
}

/// Rows that a value becomes: one for what has no elements.
fn n_elements(value: &Dynamic) -> usize {
    match value {
        Dynamic::Array(it) => it.len(),
        Dynamic::Bag(it) => it.len(),
        _ => 1,
    }
}

/// Rows that each row of a column becomes. Of a JSON text that stands in many rows this is found once.
enum Sizes<'a> {
    /// By the codes of the texts, of rows that have one. The others become one row, and bags none: no slot is known.
    Texts(&'a Shredded, &'a [u32], Vec<usize>),
    Made(&'a [Option<Dynamic>]),
    Values(DynamicReader<'a>),
}

impl<'a> Sizes<'a> {
    fn new(column: &'a Column) -> Sizes<'a> {
        if let Column::Shredded(it) = column
            && let Some(Texts::Dictionary(raw)) = &it.node.raw
            && raw.dictionary.len() <= it.len() / 4
            && it.node.children.is_empty()
        {
            let size = |code| json::read(raw.dictionary.get(code)).map_or(1, |it| n_elements(&it));
            return Sizes::Texts(it, &raw.codes, (0..raw.dictionary.len() as u32).map(size).collect());
        }
        match column {
            Column::Dynamic(it) => Sizes::Made(it.values()),
            other => Sizes::Values(DynamicReader::new(other)),
        }
    }

    #[inline]
    fn get(&self, row: usize) -> usize {
        match self {
            Sizes::Texts(column, codes, sizes) => match column.rows.get(row).map(|it| (column.node.tag(it), it)) {
                Some((Tag::Raw, row)) => {
                    codes.get(row).and_then(|code| sizes.get(*code as usize)).copied().unwrap_or(1)
                }
                Some((Tag::Bag, _)) => 0,
                _ => 1,
            },
            Sizes::Made(values) => values.get(row).and_then(Option::as_ref).map_or(1, n_elements),
            Sizes::Values(values) => n_elements(&values.get(row)),
        }
    }
}

fn element(value: &Dynamic, at: usize, bags_as_arrays: bool) -> Dynamic {
    match value {
        Dynamic::Array(it) => it.get(at).cloned().unwrap_or(Dynamic::Null),
        Dynamic::Bag(it) => match it.get_index(at) {
            Some((key, value)) if bags_as_arrays => Dynamic::array(vec![Dynamic::String(key.clone()), value.clone()]),
            Some((key, value)) => Dynamic::bag(Bag::from_iter([(key.clone(), value.clone())])),
            None => Dynamic::Null,
        },
        it if at == 0 => it.clone(),
        _ => Dynamic::Null,
    }
}

/// The elements of JSON texts that stand in many rows, as texts themselves: each is read once.
struct ElementTexts {
    /// The text of each row.
    codes: ScalarBuffer<u32>,
    /// By text the codes of its elements.
    elements: Vec<Vec<u32>>,
    dictionary: Arc<StringDictionary>,
    _held: Reservation,
}

impl ElementTexts {
    /// Of a column that has nothing else, and has rows enough.
    fn new(execution: &Execution<'_>, column: &Column, bags_as_arrays: bool) -> Result<Option<ElementTexts>, Fault> {
        let Column::Shredded(column) = column else { return Ok(None) };
        let texts = column.as_json_texts().filter(|it| it.dictionary.len() / 2 <= it.codes.len());
        let Some(texts) = texts else { return Ok(None) };
        let (mut builder, mut n_codes) = (DictionaryBuilder::default(), 0);
        let mut elements: Vec<Vec<u32>> = Vec::with_capacity(texts.dictionary.len());
        let (by, mut held) = ("`mv-expand`", execution.cx.budget.reserve(0, "`mv-expand`")?);
        for text in texts.dictionary.values() {
            let value = json::read(text.unwrap_or("")).unwrap_or(Dynamic::Null);
            let one = |at| builder.code(&element(&value, at, bags_as_arrays).text());
            let codes: Vec<u32> = (0..n_elements(&value)).map(one).collect();
            n_codes += codes.len();
            elements.push(codes);
            held.follow(builder.bytes() + n_codes * 4 + elements.len() * size_of::<Vec<u32>>(), by)?;
        }
        let dictionary = Arc::new(builder.finish());
        Ok(Some(ElementTexts { codes: texts.codes, elements, dictionary, _held: held }))
    }

    fn of_row(&self, row: usize) -> &[u32] {
        self.codes.get(row).and_then(|code| self.elements.get(*code as usize)).map_or(&[], Vec::as_slice)
    }
}

impl Expand {
    pub(crate) fn compile(run: &Run<'_>, op: &Op, wanted: &Needed) -> Result<(Expand, Needed), Fault> {
        let Op::Expand { input, values, bags_as_arrays, limit, outputs } = op else {
            return Err(Fault::new("not an expansion"));
        };
        let execution = run.execution;
        let roots: Vec<_> = values.iter().map(|it| it.value).collect();
        let program = Program::compile(run, &roots)?;
        let limit = match limit {
            Some(it) => whole_number(&run.constant(*it)?).map_or(LIMIT, |it| usize::try_from(it).unwrap_or(0)),
            None => LIMIT,
        };
        let schema = execution.plan.schema(*input);
        let types: Vec<Type> = values.iter().map(|it| it.ty).collect();
        let output = |(index, output): (usize, &ExpandOutput)| {
            let ty = match output {
                ExpandOutput::Input(it) => schema.fields.get(*it).map_or(Type::Dynamic, |it| it.ty),
                ExpandOutput::Element(it) => types.get(*it).copied().unwrap_or(Type::Dynamic),
                ExpandOutput::Index | ExpandOutput::Row => Type::Long,
            };
            (*output, ty, is_needed(wanted, index))
        };
        let outputs: Vec<(ExpandOutput, Type, bool)> = outputs.iter().enumerate().map(output).collect();
        let kept = outputs.iter().filter_map(|it| match it {
            (ExpandOutput::Input(index), _, true) => Some(*index),
            _ => None,
        });
        let below = needed(schema.len(), kept.chain(program.columns.iter().copied()));
        Ok((Expand { program, types, bags_as_arrays: *bags_as_arrays, limit, outputs }, below))
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.program.is_volatile
    }

    /// Begins with a batch.
    pub(crate) fn start<'e>(&'e self, execution: &Execution<'_>, batch: &Batch) -> Result<Cursor<'e>, Fault> {
        let values = self.program.run(execution, batch)?;
        let texts = match (&*values, self.types.as_slice()) {
            ([column], [Type::String]) => ElementTexts::new(execution, column, self.bags_as_arrays)?.map(Arc::new),
            _ => None,
        };
        Ok(Cursor { expand: self, batch: batch.clone(), values, texts, row: 0, at: 0, first_row: 0 })
    }
}

/// The rows of one input batch, part by part.
pub(crate) struct Cursor<'e> {
    expand: &'e Expand,
    batch: Batch,
    values: Results,
    texts: Option<Arc<ElementTexts>>,
    row: usize,
    /// Elements of the row that have been given.
    at: usize,
    /// Number of the batch's first row in the whole input.
    first_row: i64,
}

impl Cursor<'_> {
    /// The next rows, about as many as a batch has; `None` at the end.
    pub(crate) fn next(&mut self, execution: &Execution<'_>) -> Result<Option<Batch>, Fault> {
        if let ([column], true) = (&*self.values, self.expand.outputs.iter().all(|it| !it.2)) {
            return self.next_counted(execution, &column.clone());
        }
        Ok(self.next_with_rows(execution)?.map(|(batch, _)| batch))
    }

    /// The same where only the number of rows is asked for.
    fn next_counted(&mut self, execution: &Execution<'_>, column: &Column) -> Result<Option<Batch>, Fault> {
        execution.cx.check()?;
        let (sizes, mut n_rows) = (Sizes::new(column), 0);
        while self.row < self.batch.n_rows && n_rows < execution.batch_rows {
            let count = sizes.get(self.row).min(self.expand.limit);
            let until = count.min(self.at + (execution.batch_rows - n_rows));
            n_rows += until - self.at;
            self.at = until;
            if until >= count {
                self.at = 0;
                self.row += 1;
            }
        }
        let nothing = |(_, ty, _): &(ExpandOutput, Type, bool)| Column::null(*ty, n_rows);
        let columns = self.expand.outputs.iter().map(nothing).collect();
        Ok((n_rows > 0).then(|| Batch::new(columns, n_rows)))
    }

    fn is_read(&self, wanted: ExpandOutput) -> bool {
        self.expand.outputs.iter().any(|(it, _, is_read)| *is_read && *it == wanted)
    }

    /// Whether the next row is the first of an input row's.
    pub(crate) fn is_between_rows(&self) -> bool {
        self.at == 0
    }

    /// The same as [`Cursor::next_with_rows`], where all elements are texts of a dictionary.
    fn next_of_texts(
        &mut self,
        execution: &Execution<'_>,
        texts: &ElementTexts,
    ) -> Result<Option<(Batch, Vec<u32>)>, Fault> {
        let (mut rows, mut indices, mut codes): (Vec<u32>, Vec<i64>, Vec<u32>) = (Vec::new(), Vec::new(), Vec::new());
        let with_indices = self.is_read(ExpandOutput::Index);
        while self.row < self.batch.n_rows && rows.len() < execution.batch_rows {
            let elements = texts.of_row(self.row);
            let count = elements.len().min(self.expand.limit);
            let until = count.min(self.at + (execution.batch_rows - rows.len()));
            rows.resize(rows.len() + (until - self.at), self.row as u32);
            if with_indices {
                indices.extend((self.at..until).map(|it| it as i64));
            }
            codes.extend_from_slice(elements.get(self.at..until).unwrap_or(&[]));
            self.at = until;
            if until >= count {
                self.at = 0;
                self.row += 1;
            }
            if self.row.is_multiple_of(4_096) {
                execution.cx.check()?;
            }
        }
        let elements = DictionaryColumn { codes: codes.into(), dictionary: texts.dictionary.clone() };
        self.outputs(execution, rows, &indices, &[Column::Dictionary(elements)])
    }

    /// And the input row of each.
    pub(crate) fn next_with_rows(&mut self, execution: &Execution<'_>) -> Result<Option<(Batch, Vec<u32>)>, Fault> {
        execution.cx.check()?;
        if let Some(texts) = self.texts.clone() {
            return self.next_of_texts(execution, &texts);
        }
        let expand = self.expand;
        let mut rows: Vec<u32> = Vec::new();
        let mut indices: Vec<i64> = Vec::new();
        let mut cells: Vec<Vec<Dynamic>> = expand.types.iter().map(|_| Vec::new()).collect();
        let readers: Vec<DynamicReader<'_>> = self.values.iter().map(DynamicReader::new).collect();
        let with_indices = self.is_read(ExpandOutput::Index);
        let with_element: Vec<bool> = (0..readers.len()).map(|it| self.is_read(ExpandOutput::Element(it))).collect();
        let mut values: Vec<Cow<'_, Dynamic>> = Vec::with_capacity(readers.len());
        // Only how many elements there are is asked for.
        if let ([column], [false], false, 0) = (&*self.values, with_element.as_slice(), with_indices, self.at) {
            let sizes = Sizes::new(column);
            while self.row < self.batch.n_rows {
                let count = sizes.get(self.row).min(expand.limit);
                if rows.len() + count > execution.batch_rows {
                    break;
                }
                rows.resize(rows.len() + count, self.row as u32);
                self.row += 1;
            }
        }
        while self.row < self.batch.n_rows && rows.len() < execution.batch_rows {
            values.clear();
            values.extend(readers.iter().map(|it| it.get(self.row)));
            let count = values.iter().map(|it| n_elements(it)).max().unwrap_or(0).min(expand.limit);
            let until = count.min(self.at + (execution.batch_rows - rows.len()));
            rows.resize(rows.len() + (until - self.at), self.row as u32);
            if with_indices {
                indices.extend((self.at..until).map(|it| it as i64));
            }
            for (cells, value) in cells.iter_mut().zip(&values).zip(&with_element).filter(|it| *it.1).map(|it| it.0) {
                cells.extend((self.at..until).map(|at| element(value, at, expand.bags_as_arrays)));
            }
            self.at = until;
            if until >= count {
                self.at = 0;
                self.row += 1;
            }
            if self.row.is_multiple_of(4_096) {
                execution.cx.check()?;
            }
        }
        let elements: Vec<Column> =
            cells.into_iter().zip(&expand.types).map(|(cells, ty)| element_column(cells, *ty)).collect();
        self.outputs(execution, rows, &indices, &elements)
    }

    /// The output of so many rows, with the input row of each; `None` without any.
    fn outputs(
        &self,
        execution: &Execution<'_>,
        rows: Vec<u32>,
        indices: &[i64],
        elements: &[Column],
    ) -> Result<Option<(Batch, Vec<u32>)>, Fault> {
        if rows.is_empty() {
            return Ok(None);
        }
        let column = |(output, ty, is_read): &(ExpandOutput, Type, bool)| match output {
            _ if !is_read => Some(Column::null(*ty, rows.len())),
            ExpandOutput::Input(it) => self.batch.columns.get(*it).map(|it| it.take(&rows)),
            ExpandOutput::Element(it) => elements.get(*it).cloned(),
            ExpandOutput::Index => Some(Column::longs(indices.to_vec())),
            ExpandOutput::Row => Some(Column::longs(rows.iter().map(|it| self.first_row + i64::from(*it)).collect())),
        };
        let columns: Option<Vec<Column>> = self.expand.outputs.iter().map(column).collect();
        let columns = columns.ok_or_else(|| Fault::new("an expansion reads a column that is not there"))?;
        Ok(Some((Batch::new(columns, rows.len()).hold(&execution.cx.budget, "`mv-expand`")?, rows)))
    }
}

/// An expansion whose output numbers the input rows, which must come in order.
pub(crate) fn numbered(run: &Run<'_>, id: NodeId, is_target: bool) -> Result<Rows, Fault> {
    let execution = run.execution;
    let Some(op @ Op::Expand { input, .. }) = execution.plan.node(id).map(|it| &it.op) else {
        return Err(Fault::new("not an expansion"));
    };
    let wanted = if is_target { None } else { execution.shape.outputs_read(execution.plan, id) };
    let (expand, below) = Expand::compile(run, op, &wanted)?;
    let rows = run.input(id, 0, *input, below, "`mv-expand`")?;
    let mut first_row = 0;
    let n_rows = rows.n_rows();
    let tasks: Vec<(Batch, i64)> = rows
        .batches
        .into_iter()
        .map(|batch| {
            let first = first_row;
            first_row += batch.n_rows as i64;
            (batch, first)
        })
        .collect();
    let parts = run.parallel(tasks, n_rows, expand.is_volatile(), |(batch, first_row)| {
        let mut cursor = expand.start(execution, &batch)?;
        cursor.first_row = first_row;
        let mut part = Rows::default();
        while let Some(batch) = cursor.next(execution)? {
            execution.cx.check()?;
            part.batches.push(batch);
        }
        Ok(part)
    })?;
    let mut out = Rows::default();
    for part in parts {
        out.batches.extend(part.batches);
        out.held.extend(part.held);
    }
    Ok(out)
}

/// Elements as a column of a type: converted as JSON values are, not parsed from their text.
fn element_column(cells: Vec<Dynamic>, ty: Type) -> Column {
    if ty == Type::Dynamic {
        return Column::dynamics(cells.into_iter().map(Some).collect());
    }
    let mut out = ColumnBuilder::new(ty, cells.len());
    for it in &cells {
        out.push(&element_value(it, ty));
    }
    out.finish()
}

fn element_value(it: &Dynamic, ty: Type) -> Value {
    let value = match (ty, it) {
        (Type::String, it) => Some(Value::String(it.text().into())),
        (Type::Bool, Dynamic::Bool(it)) => Some(Value::Bool(*it)),
        (Type::Bool, Dynamic::Long(it)) => Some(Value::Bool(*it != 0)),
        (Type::Long, it) => it.as_i64().map(Value::Long),
        (Type::Int, it) => it.as_i64().and_then(|it| i32::try_from(it).ok()).map(Value::Int),
        (Type::Real, it) => it.as_f64().map(Value::Real),
        (Type::Decimal, Dynamic::Decimal(it)) => Some(Value::Decimal(it.clone())),
        (Type::Timespan, Dynamic::Timespan(it)) => Some(Value::Timespan(*it)),
        (Type::Datetime, Dynamic::String(_) | Dynamic::Datetime(_)) => Some(convert(&it.to_value(), ty)),
        (Type::Guid, Dynamic::String(_) | Dynamic::Guid(_)) => Some(convert(&it.to_value(), ty)),
        _ => None,
    };
    value.unwrap_or(Value::Null)
}
