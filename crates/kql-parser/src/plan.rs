//! The logical plan: plain data in two arenas, so that cloning and dropping never recurse and nodes can be shared.
//!
//! Every tabular operator of the language binds to these few nodes. Expressions refer to the columns of their node's
//! input by index. A node may have several parents (`materialize`, `fork`, a `let` used twice under [`Op::Shared`]).

mod graph;
mod replace;
mod walk;

pub(crate) use {replace::Replaced, walk::Mark};

pub use graph::{Cycles, GraphMatch, GraphOp, GraphStep, GraphTables, MatchColumn, PathFold, Shortest};

use crate::syntax::Direction;
use kql_data::{Batch, Fault, Schema, Type, Value};
use kql_functions::{Aggregate, Function};
use std::{sync::Arc, time::Duration};

/// Number of a node in [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Number of an expression in [`Plan::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// A bound query.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// All nodes; inputs stand before the nodes that read them.
    pub nodes: Vec<Node>,
    /// All expressions; arguments stand before their calls.
    pub exprs: Vec<Expr>,
    /// The tables that the query gives, in order.
    pub results: Vec<ResultTable>,
    /// Limits that `set` statements lower.
    pub lowered: Lowered,
    /// The limit that rows met which were computed to bind the query (of a plugin, the keys of `partition`): the text is
    /// not at fault, and the host tells it as any limit of a run.
    pub halted: Option<Fault>,
    index: walk::Index,
}

/// Limits that a query sets for itself: the lower of these and the host's applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// `truncationmaxrecords`: rows of a result.
    pub result_rows: usize,
    /// `truncationmaxsize`: bytes of a result.
    pub result_bytes: usize,
    /// `maxmemoryconsumptionperiterator`: bytes.
    pub memory: usize,
    /// `servertimeout`.
    pub time: Option<Duration>,
}

impl Default for Lowered {
    fn default() -> Lowered {
        Lowered { result_rows: usize::MAX, result_bytes: usize::MAX, memory: usize::MAX, time: None }
    }
}

/// One result.
#[derive(Clone, Debug)]
pub struct ResultTable {
    /// `PrimaryResult`, or the name a `fork` leg or `as` gives.
    pub name: String,
    /// What computes it.
    pub node: NodeId,
    /// What `render` asks for.
    pub visualization: Option<Visualization>,
}

/// A chart and its properties, as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Visualization {
    /// `timechart`, `barchart`, …
    pub chart: String,
    /// `title`, `kind`, …
    pub properties: Vec<(String, String)>,
}

/// A node and the columns it gives.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// Names and types of its output columns.
    pub schema: Arc<Schema>,
}

/// An expression over the rows of a node's input.
#[derive(Clone, Debug)]
pub enum Expr {
    /// An input column by index.
    Column {
        /// Index.
        index: usize,
        /// Its type.
        ty: Type,
    },
    /// The same for all rows.
    Constant {
        /// The value.
        value: Value,
        /// Its type, which a null does not tell.
        ty: Type,
    },
    /// A function of its arguments, which have the types that its kernel wants.
    Call {
        /// The function.
        function: &'static Function,
        /// Index of the overload.
        overload: usize,
        /// Arguments.
        args: Vec<ExprId>,
        /// Result type.
        ty: Type,
    },
    /// `toscalar`: the first column of the first row of a plan, computed once a query; null ("" for string) without rows.
    Scalar {
        /// The plan.
        node: NodeId,
        /// Type of that column.
        ty: Type,
    },
    /// The first column of a plan as one dynamic array, computed once a query: `x in (subquery)`.
    List {
        /// The plan.
        node: NodeId,
    },
}

impl Expr {
    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Expr::Column { ty, .. } | Expr::Constant { ty, .. } | Expr::Call { ty, .. } | Expr::Scalar { ty, .. } => {
                *ty
            }
            Expr::List { .. } => Type::Dynamic,
        }
    }
}

/// What a node does. The doc comment of each variant is its specification.
#[derive(Clone, Debug)]
pub enum Op {
    /// The rows of a stored table, in order. Column `i` of the output is column `columns[i]` of the table. Chunks whose
    /// range of some column lies wholly outside one of `bounds` may be skipped; the rows themselves are not filtered.
    Scan {
        /// The table's name in the catalogue.
        table: String,
        /// Which of its columns are read.
        columns: Vec<usize>,
        /// Bounds by table column: smallest and largest value of interest (ticks or whole numbers), inclusive.
        bounds: Vec<(usize, i64, i64)>,
    },
    /// Those rows.
    Values {
        /// The rows.
        batch: Arc<Batch>,
    },
    /// One column: `from`, `from + step`, … up to and including `to`. No rows when the step is null, zero or leads away,
    /// or a bound is null. The expressions have no columns, and the output's type.
    Range {
        /// First value.
        from: ExprId,
        /// Last value.
        to: ExprId,
        /// Distance.
        step: ExprId,
    },
    /// The input of the body of the [`Op::Apply`] above: the rows of one group.
    Group,
    /// The rows for which the predicate (bool) is true, in order.
    Filter {
        /// Input.
        input: NodeId,
        /// Predicate.
        predicate: ExprId,
    },
    /// One output column an expression, in order.
    Project {
        /// Input.
        input: NodeId,
        /// Output columns.
        columns: Vec<ExprId>,
    },
    /// As `Project`, but the expressions may call window functions: they see all rows of the input as one, in order.
    Window {
        /// Input.
        input: NodeId,
        /// Output columns.
        columns: Vec<ExprId>,
    },
    /// One row a distinct combination of keys (nulls are equal): the keys, then the outputs of the aggregates. Without
    /// keys exactly one row, also for an empty input. Groups come in the order of their first row.
    Aggregate {
        /// Input.
        input: NodeId,
        /// Group keys.
        keys: Vec<ExprId>,
        /// Aggregates.
        aggregates: Vec<AggregateExpr>,
    },
    /// The rows in the order of the keys; equal rows keep their order. With `limit` only so many of the first.
    Sort {
        /// Input.
        input: NodeId,
        /// Keys, most important first.
        keys: Vec<SortKey>,
        /// `top`: number of rows, an expression without columns; negative counts as 0.
        limit: Option<ExprId>,
    },
    /// The first rows.
    Limit {
        /// Input.
        input: NodeId,
        /// How many, an expression without columns; negative counts as 0.
        count: ExprId,
    },
    /// So many rows by chance.
    Sample {
        /// Input.
        input: NodeId,
        /// How many, an expression without columns.
        count: ExprId,
    },
    /// Rows of both sides with equal keys. Null keys equal null keys. The output is all columns of the left side, then all of
    /// the right; semi and anti joins give one side only.
    Join {
        /// Left side.
        left: NodeId,
        /// Right side.
        right: NodeId,
        /// Which rows.
        kind: JoinKind,
        /// Pairs of keys of equal type: over the left columns, over the right columns. Empty: all pairs of rows.
        keys: Vec<(ExprId, ExprId)>,
        /// A further condition over left and right columns together (bool), part of the match.
        condition: Option<ExprId>,
    },
    /// The rows of all inputs, one after the other. All have this node's schema.
    Union {
        /// Inputs.
        inputs: Vec<NodeId>,
    },
    /// `mv-expand`: for each input row as many rows as the longest of its arrays has elements. An array gives its elements,
    /// a bag one single-key bag a slot (or `[key, value]` arrays), null one null; shorter ones are padded with null; when
    /// all are empty arrays there is no row.
    Expand {
        /// Input.
        input: NodeId,
        /// What is expanded, all dynamic.
        values: Vec<ExpandValue>,
        /// Whether bags become `[key, value]` arrays.
        bags_as_arrays: bool,
        /// Most rows for one input row, an expression without columns.
        limit: Option<ExprId>,
        /// The output columns.
        outputs: Vec<ExpandOutput>,
    },
    /// `parse`, `parse-where`.
    Parse {
        /// Input.
        input: NodeId,
        /// The text.
        value: ExprId,
        /// The pattern.
        pattern: ParsePattern,
        /// Whether rows that do not match are dropped.
        drops: bool,
        /// The output columns.
        outputs: Vec<ParseOutput>,
    },
    /// `parse-kv`: keys and values out of a text.
    ParseKv {
        /// Input.
        input: NodeId,
        /// The text.
        value: ExprId,
        /// Keys and their types, in the order of `ParseOutput::Captured`.
        keys: Vec<(String, Type)>,
        /// How the text is cut.
        options: ParseKvOptions,
        /// The output columns.
        outputs: Vec<ParseOutput>,
    },
    /// `make-series`: for each group of keys one row: the keys, one array an aggregate, the array of the axis.
    Series(Box<Series>),
    /// Runs `body` for each group of the input's rows, in order of their first row, and gives the results one after the
    /// other: the `carried` columns of the group's first row, then the body's columns. Rows of a group keep their order.
    Apply {
        /// Input.
        input: NodeId,
        /// Rows with equal values form a group.
        by: Vec<ExprId>,
        /// The plan, whose leaf is [`Op::Group`].
        body: NodeId,
        /// Input columns that are put before the body's.
        carried: Vec<usize>,
        /// More groups than these are an error: `partition` without a strategy.
        groups_max: Option<usize>,
    },
    /// `scan`: see the reference's page of the operator.
    Steps(Box<Steps>),
    /// Graphs, as tables of nodes and of edges.
    Graph(GraphOp),
    /// The input, computed at most once a query however many nodes read it.
    Shared {
        /// Input.
        input: NodeId,
    },
    /// A whole-table algorithm by name (`reduce`, `top-nested`, plugins whose output columns are known beforehand): all inputs
    /// and constant arguments in, one table out.
    Evaluate {
        /// Name of the plugin or operator.
        plugin: String,
        /// Tables.
        inputs: Vec<NodeId>,
        /// Arguments.
        args: Vec<EvaluateArg>,
    },
}

/// An argument of [`Op::Evaluate`].
#[derive(Clone, Debug)]
pub struct EvaluateArg {
    /// Name of a named argument.
    pub name: Option<String>,
    /// What it is.
    pub value: EvaluateValue,
}

/// The value of an [`EvaluateArg`].
#[derive(Clone, Debug)]
pub enum EvaluateValue {
    /// An expression over the first input, or without columns; of `top-nested` also one over the outputs of a level's
    /// aggregates.
    Expr(ExprId),
    /// A column of the first input by index.
    Column(usize),
    /// One of the inputs by index.
    Table(usize),
    /// An aggregate over the first input (`pivot`).
    Aggregate(AggregateExpr),
}

/// A bound aggregate call.
#[derive(Clone, Debug)]
pub struct AggregateExpr {
    /// The aggregate.
    pub aggregate: &'static Aggregate,
    /// Index of the overload.
    pub overload: usize,
    /// Arguments, over the input.
    pub args: Vec<ExprId>,
    /// Types of its outputs, one or more columns.
    pub outputs: Vec<Type>,
}

/// A sort key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SortKey {
    /// The key.
    pub value: ExprId,
    /// Its direction.
    pub direction: Direction,
    /// Whether nulls (and NaN beside them) come first.
    pub nulls_first: bool,
}

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Matching pairs, after the left side was reduced to the first row of each key.
    InnerUnique,
    /// Matching pairs.
    Inner,
    /// And left rows without a match.
    LeftOuter,
    /// And right rows without a match.
    RightOuter,
    /// And rows of both sides without a match.
    FullOuter,
    /// Left rows with a match, once.
    LeftSemi,
    /// Left rows without a match.
    LeftAnti,
    /// Right rows with a match, once.
    RightSemi,
    /// Right rows without a match.
    RightAnti,
}

/// One expanded value.
#[derive(Clone, Debug)]
pub struct ExpandValue {
    /// The dynamic.
    pub value: ExprId,
    /// `to typeof(…)`: elements are converted, not parsed; see `mv-expand` in the reference. Dynamic when not given.
    pub ty: Type,
}

/// An output column of [`Op::Expand`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpandOutput {
    /// An input column, repeated.
    Input(usize),
    /// The element of an expanded value.
    Element(usize),
    /// The position of the element, from 0 (long).
    Index,
    /// The number of the input row, from 0 (long): what `mv-apply` groups by.
    Row,
}

/// An output column of [`Op::Parse`] and [`Op::ParseKv`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseOutput {
    /// An input column.
    Input(usize),
    /// The n-th captured column of the pattern.
    Captured(usize),
}

/// The pattern of `parse`.
#[derive(Clone, Debug)]
pub struct ParsePattern {
    /// `simple`, `regex` or `relaxed`.
    pub kind: ParseKind,
    /// Flags of the regex kind.
    pub flags: String,
    /// Its parts.
    pub parts: Vec<ParsePart>,
}

/// How a pattern is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseKind {
    /// Literal texts; all columns or none.
    Simple,
    /// Texts are regular expressions.
    Regex,
    /// Literal texts; each column on its own.
    Relaxed,
}

/// A part of a pattern.
#[derive(Clone, Debug)]
pub enum ParsePart {
    /// `*`
    Star,
    /// A text.
    Text(String),
    /// A captured column of that type.
    Column(Type),
}

/// How `parse-kv` cuts a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParseKvOptions {
    /// Between pairs; any non-alphanumeric when not given.
    pub pair_delimiter: Option<String>,
    /// Between key and value.
    pub kv_delimiter: Option<String>,
    /// Quotes around values: opening and closing.
    pub quotes: Vec<(char, char)>,
    /// Those that escape the next character in quotes.
    pub escapes: Vec<char>,
    /// Whether values run to the next key.
    pub greedy: bool,
    /// A regular expression with two groups, key and value.
    pub regex: Option<String>,
}

/// What `make-series` computes.
#[derive(Clone, Debug)]
pub struct Series {
    /// Input.
    pub input: NodeId,
    /// The axis: a number, datetime or timespan.
    pub axis: ExprId,
    /// First bin, an expression without columns.
    pub from: Option<ExprId>,
    /// End of the last bin, exclusive (inclusive for `in range`).
    pub to: Option<ExprId>,
    /// Width of a bin.
    pub step: ExprId,
    /// Whether it was written `in range(…)`: bins by `bin()`, the end inclusive.
    pub in_range: bool,
    /// Whether an empty input without keys gives one row of defaults.
    pub nonempty: bool,
    /// Groups.
    pub keys: Vec<ExprId>,
    /// Aggregates of one output each, with the value of empty bins (an expression without columns).
    pub aggregates: Vec<(AggregateExpr, Option<ExprId>)>,
}

/// What `scan` does. Expressions see the columns: the input row, the declared columns, then for each step in order the
/// input columns and declared columns of its state.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Input, in order.
    pub input: NodeId,
    /// Rows with equal values are scanned on their own.
    pub partition_by: Vec<ExprId>,
    /// Types and default values of the declared columns (expressions without columns).
    pub declared: Vec<(Type, Option<ExprId>)>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Whether the output has the number of the match (long) last but one.
    pub with_match_id: bool,
    /// Whether the output has the name of the step last.
    pub with_step_name: bool,
}

/// A step of `scan`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Whether it may be skipped.
    pub is_optional: bool,
    /// Which rows of the step are put out.
    pub output: StepOutput,
    /// When a row goes on here (bool).
    pub condition: ExprId,
    /// Declared columns that are set, by index.
    pub assignments: Vec<(usize, ExprId)>,
}

/// Which rows of a step are put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutput {
    /// Every row.
    All,
    /// The last row of each match.
    Last,
    /// None.
    None,
}
