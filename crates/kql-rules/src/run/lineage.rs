//! Source rows behind a run: those of each table that pass the filters which the query puts on the table itself.
//!
//! Rows of the history are numbered in a column that no query sees. The plan that ran has its filters right above its
//! scans; a copy of those nodes with the number as one more column tells which rows went on. What a query drops later
//! (groups that are too small, rows that join nothing) counts as looked at.

use kql::{
    Column, Engine, Outcome, Value,
    plan::{NodeId, Op, Plan},
};

/// The name of the column of row numbers: none that a query could write.
pub(super) const ROW: &str = "$row";

/// Numbers of rows, a bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct RowSet {
    words: Vec<u64>,
}

impl RowSet {
    /// Adds numbers; those below 0 are none.
    pub(super) fn extend(&mut self, numbers: &[i64]) {
        for number in numbers.iter().filter_map(|it| usize::try_from(*it).ok()) {
            let word = number / 64;
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            if let Some(it) = self.words.get_mut(word) {
                *it |= 1 << (number % 64);
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.iter().map(|it| it.count_ones() as usize).sum()
    }
}

/// Numbers of the rows that went on, by table. Tables without row numbers are left out.
pub(super) fn source_rows(engine: &Engine, outcome: &Outcome) -> Vec<(String, Vec<i64>)> {
    let mut out: Vec<(String, Vec<i64>)> = Vec::new();
    let scans = outcome.plan.nodes.iter().enumerate().filter_map(|(index, it)| match &it.op {
        Op::Scan { table, .. } => Some((NodeId(u32::try_from(index).ok()?), table.clone())),
        _ => None,
    });
    for (scan, table) in scans {
        let Some((plan, top)) = numbered(engine, &outcome.plan, scan, &table) else { continue };
        let Ok(batches) = engine.evaluate(&plan, top) else { continue };
        let rows = batches.iter().filter_map(|it| it.columns.last()).flat_map(numbers);
        match out.iter_mut().find(|it| it.0 == table) {
            Some((_, found)) => found.extend(rows),
            None => out.push((table, rows.collect())),
        }
    }
    out
}

fn numbers(column: &Column) -> Vec<i64> {
    if let Column::Long(it) = column {
        return it.values().to_vec();
    }
    let number = |row| if let Value::Long(it) = column.value(row) { it } else { -1 };
    (0..column.len()).map(number).collect()
}

/// The plan with a copy of a scan and the filters above it that carries the row number last; and the top of the copy.
fn numbered(engine: &Engine, plan: &Plan, scan: NodeId, name: &str) -> Option<(Plan, NodeId)> {
    let hidden = engine.table(name)?.schema.len();
    let has_numbers = engine.table(name)?.chunks.iter().all(|it| it.batch.columns.len() > hidden);
    if !has_numbers {
        return None;
    }
    let node = plan.node(scan)?;
    let Op::Scan { table, columns, bounds } = &node.op else { return None };
    let mut columns = columns.clone();
    columns.push(hidden);
    let schema = |of: &kql::Schema| {
        let mut fields = of.fields.clone();
        fields.push(kql::Field::new(ROW, kql::Type::Long));
        std::sync::Arc::new(kql::Schema::new(fields))
    };
    let mut out = plan.clone();
    let (mut below, mut copy) =
        (scan, out.add(Op::Scan { table: table.clone(), columns, bounds: bounds.clone() }, schema(&node.schema)));
    loop {
        let readers = plan.nodes.iter().enumerate().filter(|it| it.1.op.inputs().contains(&below));
        let readers: Vec<usize> = readers.map(|it| it.0).collect();
        let [one] = readers.as_slice() else { break };
        let Some(kql::plan::Node { op: Op::Filter { predicate, .. }, schema: of, .. }) = plan.nodes.get(*one) else {
            break;
        };
        below = NodeId(u32::try_from(*one).ok()?);
        copy = out.add(Op::Filter { input: copy, predicate: *predicate }, schema(of));
    }
    Some((out, copy))
}
