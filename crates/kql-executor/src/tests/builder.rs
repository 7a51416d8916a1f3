//! Plans in few words, functions and aggregates of the tests' own, and rows to compare.

use crate::{Execution, Tables};
use kql_data::{Batch, Column, ColumnBuilder, Context, Fault, Limits, Map, Schema, Stop, Table, Type, Value};
use kql_functions::{Accumulator, Aggregate, AggregateCall, Function, Naming, aggregate::Outputs};
use kql_parser::{
    plan::{AggregateExpr, Expr, ExprId, JoinKind, NodeId, Op, Plan, SortKey},
    syntax::Direction,
};
use std::{any::Any, sync::Arc};

mod calls {
    kql_functions::functions! {
        /// Sum.
        fn plus(a: long, b: long) -> long { a.wrapping_add(b) }
        /// Comparison.
        fn less(a: long, b: long) -> bool { a < b }
        /// Equality of texts.
        fn same(a: text, b: text) -> bool { a == b }
        /// All true.
        fn and(a: bool, b: bool) -> bool { a && b }
        /// Upper case.
        fn upper(a: text) -> string { a.to_uppercase() }
    }
}

pub(crate) fn function(name: &str) -> &'static Function {
    calls::FUNCTIONS.iter().find(|it| it.name == name).unwrap()
}

/// `count` and `sum` of longs.
#[derive(Default)]
struct Sum {
    sums: Vec<i64>,
    counts: bool,
}

impl Accumulator for Sum {
    fn resize(&mut self, n_groups: usize) {
        self.sums.resize(n_groups, 0);
    }
    fn update(&mut self, _: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        for (row, group) in groups.iter().enumerate() {
            let value = match args.first().map(|it| it.value(row)) {
                Some(Value::Long(it)) => it,
                _ => i64::from(self.counts),
            };
            self.sums[*group as usize] = self.sums[*group as usize].wrapping_add(value);
        }
        Ok(())
    }
    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let other = other.into_any().downcast::<Sum>().unwrap();
        for (from, to) in groups.iter().enumerate() {
            self.sums[*to as usize] = self.sums[*to as usize].wrapping_add(other.sums[from]);
        }
        Ok(())
    }
    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![Column::longs(self.sums)])
    }
    fn bytes(&self) -> usize {
        self.sums.len() * 8
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn make_sum(_: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(Sum::default()))
}

fn make_count(_: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(Sum { counts: true, ..Sum::default() }))
}

const fn aggregate(name: &'static str, make: fn(&AggregateCall) -> Result<Box<dyn Accumulator>, Fault>) -> Aggregate {
    Aggregate {
        name,
        aliases: &[],
        doc: "",
        overloads: &[],
        naming: Naming::None,
        make: Some(make),
        outputs: Outputs::One,
    }
}

static SUM: Aggregate = aggregate("sum", make_sum);
static COUNT: Aggregate = aggregate("count", make_count);

#[derive(Default)]
pub(crate) struct Catalogue(Map<String, Arc<Table>>);

impl Tables for Catalogue {
    fn table(&self, name: &str) -> Option<Arc<Table>> {
        self.0.get(name).cloned()
    }
}

#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) plan: Plan,
    pub(crate) tables: Catalogue,
}

impl Builder {
    /// A table, cut into chunks of that many rows.
    pub(crate) fn table(&mut self, name: &str, batch: Batch, chunk_rows: usize) -> NodeId {
        let fields: Vec<(String, Type)> =
            batch.columns.iter().enumerate().map(|(index, it)| (format!("c{index}"), it.ty())).collect();
        let fields: Vec<(&str, Type)> = fields.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        let batches = crate::stream::slices(&[batch], chunk_rows);
        let table = Table::new(Schema::of(&fields), batches);
        let columns = (0..fields.len()).collect();
        let schema = table.schema.clone();
        _ = self.tables.0.insert(name.to_owned(), Arc::new(table));
        self.plan.add(Op::Scan { table: name.to_owned(), columns, bounds: Vec::new() }, schema)
    }

    /// The same in batches that differ in their encodings.
    pub(crate) fn batches(&mut self, name: &str, schema: &[(&str, Type)], batches: Vec<Batch>) -> NodeId {
        let table = Table::new(Schema::of(schema), batches);
        let op = Op::Scan { table: name.to_owned(), columns: (0..schema.len()).collect(), bounds: Vec::new() };
        let schema = table.schema.clone();
        _ = self.tables.0.insert(name.to_owned(), Arc::new(table));
        self.plan.add(op, schema)
    }

    pub(crate) fn column(&mut self, input: NodeId, index: usize) -> ExprId {
        let ty = self.plan.schema(input).fields[index].ty;
        self.plan.add_expr(Expr::Column { index, ty })
    }

    pub(crate) fn constant(&mut self, value: Value) -> ExprId {
        let ty = value.ty().unwrap_or(Type::Long);
        self.plan.add_expr(Expr::Constant { value, ty })
    }

    pub(crate) fn long(&mut self, value: i64) -> ExprId {
        self.constant(Value::Long(value))
    }

    pub(crate) fn call(&mut self, name: &str, args: &[ExprId]) -> ExprId {
        let function = function(name);
        let ty = match function.overloads[0].returns {
            kql_functions::Returns::Type(ty) => ty,
            _ => Type::Dynamic,
        };
        self.plan.add_expr(Expr::Call { function, overload: 0, args: args.to_vec(), ty })
    }

    pub(crate) fn node(&mut self, op: Op, types: &[Type]) -> NodeId {
        let names: Vec<String> = (0..types.len()).map(|it| format!("c{it}")).collect();
        let fields: Vec<(&str, Type)> = names.iter().map(String::as_str).zip(types.iter().copied()).collect();
        self.plan.add(op, Arc::new(Schema::of(&fields)))
    }

    pub(crate) fn types(&self, node: NodeId) -> Vec<Type> {
        self.plan.schema(node).fields.iter().map(|it| it.ty).collect()
    }

    pub(crate) fn filter(&mut self, input: NodeId, predicate: ExprId) -> NodeId {
        let types = self.types(input);
        self.node(Op::Filter { input, predicate }, &types)
    }

    pub(crate) fn project(&mut self, input: NodeId, columns: &[ExprId]) -> NodeId {
        let types: Vec<Type> = columns.iter().map(|it| self.plan.expr(*it).ty()).collect();
        self.node(Op::Project { input, columns: columns.to_vec() }, &types)
    }

    pub(crate) fn limit(&mut self, input: NodeId, count: i64) -> NodeId {
        let (types, count) = (self.types(input), self.long(count));
        self.node(Op::Limit { input, count }, &types)
    }

    pub(crate) fn sort(&mut self, input: NodeId, keys: &[(usize, bool, bool)], limit: Option<i64>) -> NodeId {
        let types = self.types(input);
        let limit = limit.map(|it| self.long(it));
        let mut sort_keys = Vec::new();
        for (index, descends, nulls_first) in keys {
            let direction = if *descends { Direction::Descending } else { Direction::Ascending };
            sort_keys.push(SortKey { value: self.column(input, *index), direction, nulls_first: *nulls_first });
        }
        self.node(Op::Sort { input, keys: sort_keys, limit }, &types)
    }

    /// Keys, then `count()`, then the sums of columns.
    pub(crate) fn aggregate(&mut self, input: NodeId, keys: &[usize], sums: &[usize]) -> NodeId {
        let keys: Vec<ExprId> = keys.iter().map(|it| self.column(input, *it)).collect();
        let mut types: Vec<Type> = keys.iter().map(|it| self.plan.expr(*it).ty()).collect();
        let long = vec![Type::Long];
        let mut aggregates =
            vec![AggregateExpr { aggregate: &COUNT, overload: 0, args: vec![], outputs: long.clone() }];
        for it in sums {
            let args = vec![self.column(input, *it)];
            aggregates.push(AggregateExpr { aggregate: &SUM, overload: 0, args, outputs: long.clone() });
        }
        types.extend(aggregates.iter().map(|_| Type::Long));
        self.node(Op::Aggregate { input, keys, aggregates }, &types)
    }

    pub(crate) fn join(&mut self, left: NodeId, right: NodeId, kind: JoinKind, keys: &[(usize, usize)]) -> NodeId {
        let keys = keys.iter().map(|(a, b)| (self.column(left, *a), self.column(right, *b))).collect();
        let types = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => self.types(left),
            JoinKind::RightSemi | JoinKind::RightAnti => self.types(right),
            _ => [self.types(left), self.types(right)].concat(),
        };
        self.node(Op::Join { left, right, kind, keys, condition: None }, &types)
    }

    pub(crate) fn union(&mut self, inputs: &[NodeId]) -> NodeId {
        let types = self.types(inputs[0]);
        self.node(Op::Union { inputs: inputs.to_vec() }, &types)
    }

    pub(crate) fn run_with(&self, cx: &Context, node: NodeId, batch_rows: usize) -> Result<Vec<Vec<Value>>, Fault> {
        let batches = Execution::new(cx, &self.plan, &self.tables).batch_rows(batch_rows).run(node)?;
        let n_columns = self.plan.schema(node).len();
        for batch in &batches {
            assert!(batch.n_rows <= batch_rows && batch.columns.len() == n_columns);
            assert!(batch.columns.iter().all(|it| it.len() == batch.n_rows));
            let types: Vec<Type> = batch.columns.iter().map(Column::ty).collect();
            assert_eq!(types, self.types(node));
        }
        let rows = rows(&batches);
        // Columns that were made hold their memory as long as they live, values of `toscalar` as long as the query does.
        drop(batches);
        assert_eq!(cx.budget.used(), cx.kept_bytes());
        Ok(rows)
    }

    /// The rows, which must be the same whatever the size of batches and the number of threads.
    pub(crate) fn run(&self, node: NodeId) -> Vec<Vec<Value>> {
        let expected = self.run_with(&context(1), node, 65_536).unwrap();
        for (threads, batch_rows) in [(1, 1), (1, 7), (2, 1), (2, 7), (2, 65_536)] {
            let found = self.run_with(&context(threads), node, batch_rows).unwrap();
            assert_eq!(
                format!("{found:?}"),
                format!("{expected:?}"),
                "with {threads} threads and batches of {batch_rows}"
            );
        }
        expected
    }
}

pub(crate) fn context(threads: usize) -> Context {
    Context::new(0, 1, Stop::default(), Limits { threads, ..Limits::default() })
}

pub(crate) fn rows(batches: &[Batch]) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend((0..batch.n_rows).map(|row| batch.columns.iter().map(|it| it.value(row)).collect::<Vec<Value>>()));
    }
    rows
}

/// A column of those values.
pub(crate) fn column(ty: Type, values: &[Value]) -> Column {
    let mut out = ColumnBuilder::new(ty, values.len());
    values.iter().for_each(|it| out.push(it));
    out.finish()
}

/// A string column by dictionary.
pub(crate) fn dictionary(values: &[Value]) -> Column {
    let mut builder = kql_data::DictionaryBuilder::default();
    let codes = values.iter().map(|it| builder.code(&it.text())).collect();
    Column::Dictionary(kql_data::DictionaryColumn { codes, dictionary: Arc::new(builder.finish()) })
}

/// Numbers by chance, always the same.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
