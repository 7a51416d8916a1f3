//! Pipelines and tabular operators: one struct per operator.

use super::{
    BodyId, Call, ColumnDeclaration, ExprId, GraphMarkComponents, GraphMatch, GraphShortestPaths, GraphToTable,
    GraphWhereEdges, GraphWhereNodes, MakeGraph, Name, PipelineId, RowSchema, TypeOf,
};
use crate::diagnostic::Span;

/// `source | stage | stage`. Without a source the first stage is one that needs none (`print`, `range`, `union`, …),
/// or the pipeline is a subquery whose input is given by what encloses it (`mv-apply`, `partition`, `fork`, `facet`).
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// What is read: a name, a call, a path, a parenthesised expression.
    pub source: Option<ExprId>,
    /// The operators, in order.
    pub stages: Vec<Stage>,
    /// Its place.
    pub span: Span,
}

/// One operator of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The operator.
    pub operator: Operator,
    /// The place of the operator's word, as `where` or `project-away`.
    pub keyword: Span,
    /// The place of the whole stage, without the pipe.
    pub span: Span,
}

/// `name = value` before or behind an operator: `kind=inner`, `hint.strategy=shuffle`, `title="x"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name, with its dots: `hint.shufflekey`.
    pub name: Name,
    /// The value; a bare word is an [`ExprKind::Name`](super::ExprKind::Name).
    pub value: ExprId,
    /// Further values of a list (`ycolumns = a, b`).
    pub more: Vec<ExprId>,
    /// Its place.
    pub span: Span,
}

/// `expression`, `name = expression`, `(a, b) = expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The given names; empty when none is given.
    pub names: Vec<Name>,
    /// Whether the names stand in parentheses.
    pub is_tuple: bool,
    /// The value.
    pub value: ExprId,
    /// Its place.
    pub span: Span,
}

/// A key of `sort` or `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderKey {
    /// The key.
    pub value: ExprId,
    /// `asc` or `desc`, if written; the language's default is `desc`.
    pub direction: Option<Direction>,
    /// `nulls first` or `nulls last`, if written.
    pub nulls: Option<Nulls>,
    /// Its place.
    pub span: Span,
}

/// `asc` or `desc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `asc`
    Ascending,
    /// `desc`
    Descending,
}

/// Where nulls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// `nulls first`
    First,
    /// `nulls last`
    Last,
}

/// The tabular operators.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "documented at the struct of each")]
pub enum Operator {
    As(As),
    AssertSchema(AssertSchema),
    Consume(Consume),
    Count(Count),
    Datatable(Datatable),
    Distinct(Distinct),
    Evaluate(Evaluate),
    ExecuteAndCache(ExecuteAndCache),
    Extend(Extend),
    ExternalData(ExternalData),
    Facet(Facet),
    Find(Find),
    Fork(Fork),
    GetSchema,
    GraphMarkComponents(GraphMarkComponents),
    GraphMatch(GraphMatch),
    GraphShortestPaths(GraphShortestPaths),
    GraphToTable(GraphToTable),
    GraphWhereEdges(GraphWhereEdges),
    GraphWhereNodes(GraphWhereNodes),
    InlineExternalTable(InlineExternalTable),
    Invoke(Invoke),
    Join(Join),
    Lookup(Lookup),
    MacroExpand(MacroExpand),
    MakeGraph(MakeGraph),
    MakeSeries(MakeSeries),
    MvApply(MvApply),
    MvExpand(MvExpand),
    Parse(Parse),
    ParseKv(ParseKv),
    ParseWhere(Parse),
    Partition(Partition),
    PartitionBy(PartitionBy),
    Print(Print),
    Project(Project),
    ProjectAway(ProjectAway),
    ProjectByNames(ProjectByNames),
    ProjectKeep(ProjectKeep),
    ProjectRename(ProjectRename),
    ProjectReorder(ProjectReorder),
    Range(Range),
    Reduce(Reduce),
    Render(Render),
    Sample(Sample),
    SampleDistinct(SampleDistinct),
    Scan(Scan),
    Search(Search),
    Serialize(Serialize),
    Sort(Sort),
    Summarize(Summarize),
    Take(Take),
    Top(Top),
    TopHitters(TopHitters),
    TopNested(TopNested),
    Union(Union),
    Where(Where),
    /// An operator that could not be read; a diagnostic was given.
    Error,
}

/// `as [hint.materialized=…] name`
#[derive(Clone, Debug, PartialEq)]
pub struct As {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The given name.
    pub name: Name,
}

/// `assert-schema (a:long, …)`
#[derive(Clone, Debug, PartialEq)]
pub struct AssertSchema {
    /// The expected schema.
    pub schema: RowSchema,
}

/// `consume [decodeblocks=…]`
#[derive(Clone, Debug, PartialEq)]
pub struct Consume {
    /// Parameters.
    pub parameters: Vec<Parameter>,
}

/// `count [as name]`
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The name behind `as`.
    pub name: Option<Name>,
}

/// `datatable [parameters] (a:long, …) [ value, … ]`
#[derive(Clone, Debug, PartialEq)]
pub struct Datatable {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The columns.
    pub schema: RowSchema,
    /// The cells, row by row.
    pub values: Vec<ExprId>,
}

/// `distinct [hints] *`, `distinct a, b`
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The expressions, perhaps named; [`ExprKind::Star`](super::ExprKind::Star) for `*`.
    pub columns: Vec<Assignment>,
}

/// `evaluate [hints] plugin(args) [: (schema)]`
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The plugin and its arguments.
    pub call: Call,
    /// The declared output schema.
    pub schema: Option<RowSchema>,
}

/// `execute-and-cache`
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteAndCache {
    /// Parameters.
    pub parameters: Vec<Parameter>,
}

/// `extend [name =] expression, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Extend {
    /// The new columns.
    pub columns: Vec<Assignment>,
}

/// `externaldata [parameters] (a:string, …) [ "uri", … ] [with (property=value, …)]`
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalData {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The columns.
    pub schema: RowSchema,
    /// The places to read from.
    pub sources: Vec<ExprId>,
    /// The properties behind `with`.
    pub properties: Vec<Parameter>,
}

/// `facet by a, b [with (subquery)]`
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// The columns.
    pub columns: Vec<ExprId>,
    /// The subquery behind `with`.
    pub subquery: Option<PipelineId>,
}

/// `find [parameters] [in (tables)] [where] predicate [project …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// `withsource=`, `datascope=`.
    pub parameters: Vec<Parameter>,
    /// The tables behind `in`; empty when all are meant.
    pub tables: Vec<ExprId>,
    /// The predicate.
    pub predicate: ExprId,
    /// What is put out.
    pub output: FindOutput,
}

/// The last clause of `find`.
#[derive(Clone, Debug, PartialEq)]
pub enum FindOutput {
    /// Nothing written: as `project-smart`.
    Default,
    /// `project-smart`
    Smart,
    /// `project a, b:long, pack(*)`; columns with a type keep it, `pack_all()`/`pack(*)` sets the flag.
    Project {
        /// The columns.
        columns: Vec<ColumnDeclaration>,
        /// Whether the rest is packed.
        pack: bool,
    },
    /// `project-away a, b` or `project-away *`
    Away(Vec<ExprId>),
}

/// `fork [name =] (subquery) …`
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// The legs.
    pub legs: Vec<ForkLeg>,
}

/// A leg of `fork`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkLeg {
    /// The name of its result.
    pub name: Option<Name>,
    /// The subquery.
    pub subquery: PipelineId,
    /// Its place.
    pub span: Span,
}

/// `inline_external_table (schema) kind=… [partition by (…)] [pathformat=(…)] dataformat=… ( "uri", … ) [with (…)]`
#[derive(Clone, Debug, PartialEq)]
pub struct InlineExternalTable {
    /// The columns; none, with an empty span, where the schema is left out.
    pub schema: RowSchema,
    /// `kind`, `dataformat`.
    pub parameters: Vec<Parameter>,
    /// The partition columns.
    pub partitions: Vec<ColumnDeclaration>,
    /// The elements of the path format.
    pub path_format: Vec<ExprId>,
    /// The places to read from.
    pub sources: Vec<ExprId>,
    /// The properties behind `with`.
    pub properties: Vec<Parameter>,
}

/// `invoke function(args)`
#[derive(Clone, Debug, PartialEq)]
pub struct Invoke {
    /// A [`ExprKind::Call`](super::ExprKind::Call), or a path that ends in a call.
    pub call: ExprId,
}

/// `join [kind=…] [hints] right on keys`
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// `kind` and hints.
    pub parameters: Vec<Parameter>,
    /// The right side.
    pub right: ExprId,
    /// The keys: a name, or `$left.a == $right.b`.
    pub on: Vec<ExprId>,
    /// The predicate of `where` in place of `on`.
    pub predicate: Option<ExprId>,
}

/// `lookup [kind=…] right on keys`
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// `kind` and hints.
    pub parameters: Vec<Parameter>,
    /// The right side.
    pub right: ExprId,
    /// The keys.
    pub on: Vec<ExprId>,
    /// The predicate of `where` in place of `on`.
    pub predicate: Option<ExprId>,
}

/// `macro-expand [parameters] group as name ( body )`
#[derive(Clone, Debug, PartialEq)]
pub struct MacroExpand {
    /// `kind`, `isfuzzy`, `force_remote`.
    pub parameters: Vec<Parameter>,
    /// A name or an [`ExprKind::EntityGroup`](super::ExprKind::EntityGroup).
    pub group: ExprId,
    /// The name of the entity within the body.
    pub scope: Option<Name>,
    /// The body.
    pub body: BodyId,
}

/// `make-series [kind=…] [name =] aggregate [default=v], … on axis [from a] [to b] step c [by …]`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// `kind` and hints.
    pub parameters: Vec<Parameter>,
    /// The series.
    pub series: Vec<SeriesColumn>,
    /// The axis.
    pub axis: Assignment,
    /// `from`, or the first argument of `in range(…)`.
    pub from: Option<ExprId>,
    /// `to`, or the second argument of `in range(…)`.
    pub to: Option<ExprId>,
    /// `step`, or the third argument of `in range(…)`.
    pub step: Option<ExprId>,
    /// Whether it was written `in range(from, to, step)`.
    pub is_in_range: bool,
    /// The groups.
    pub by: Vec<Assignment>,
}

/// `[name =] aggregate [default = value]`
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesColumn {
    /// The aggregate.
    pub value: Assignment,
    /// The value of empty bins.
    pub default: Option<ExprId>,
}

/// `mv-apply [with_itemindex=i] [name =] array [to typeof(t)], … [limit n] [id guid] on ( subquery )`
#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    /// `with_itemindex` and others.
    pub parameters: Vec<Parameter>,
    /// What is expanded.
    pub columns: Vec<ExpandColumn>,
    /// The limit per row.
    pub limit: Option<ExprId>,
    /// The value behind `id`.
    pub context_id: Option<ExprId>,
    /// The subquery.
    pub subquery: PipelineId,
}

/// `mv-expand [kind=…] [with_itemindex=i] [name =] array [to typeof(t)], … [limit n]`
#[derive(Clone, Debug, PartialEq)]
pub struct MvExpand {
    /// `kind`, `bagexpansion`, `with_itemindex`.
    pub parameters: Vec<Parameter>,
    /// What is expanded.
    pub columns: Vec<ExpandColumn>,
    /// The limit per row.
    pub limit: Option<ExprId>,
}

/// `[name =] array [to typeof(t)]`
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandColumn {
    /// The array.
    pub value: Assignment,
    /// The type of its elements.
    pub ty: Option<TypeOf>,
}

/// `parse` and `parse-where`: `[kind=…] [flags=…] expression with pattern`
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    /// `kind`, `flags`.
    pub parameters: Vec<Parameter>,
    /// What is parsed.
    pub value: ExprId,
    /// The pattern.
    pub pattern: Vec<ParsePart>,
}

/// A part of a `parse` pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// `*`
    Star(Span),
    /// A literal text, or the name of a constant.
    Text(ExprId),
    /// `name` or `name:type`
    Column(ColumnDeclaration),
}

/// `parse-kv expression as (name:type, …) [with (property=value, …)]`
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKv {
    /// What is parsed.
    pub value: ExprId,
    /// The keys.
    pub schema: RowSchema,
    /// `pair_delimiter`, `kv_delimiter`, `quote`, `escape`, `greedy`, `regex`.
    pub properties: Vec<Parameter>,
}

/// `partition [hints] by column ( subquery )` or `partition by column { expression }`
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The key.
    pub by: ExprId,
    /// The value behind `id`.
    pub context_id: Option<ExprId>,
    /// What is done per key.
    pub body: PartitionBody,
}

/// What `partition` does per key.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBody {
    /// `( operator | … )`: the input is the partition.
    Subquery(PipelineId),
    /// `{ source | … }`: the key is visible as a value.
    Expression(BodyId),
}

/// `__partitionby [hints] column [in scope] ( subquery )`
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionBy {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The key.
    pub by: ExprId,
    /// The value behind `id`.
    pub context_id: Option<ExprId>,
    /// The subquery.
    pub subquery: PipelineId,
}

/// `print [name =] expression, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Print {
    /// The columns.
    pub columns: Vec<Assignment>,
}

/// `project [name =] expression, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// The columns; may be empty.
    pub columns: Vec<Assignment>,
}

/// `project-away name, wild*, …`
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectAway {
    /// Names and wildcards.
    pub columns: Vec<ExprId>,
}

/// `project-by-names expression, …`
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectByNames {
    /// Constant strings and arrays of strings.
    pub columns: Vec<ExprId>,
}

/// `project-keep name, wild*, …`
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectKeep {
    /// Names and wildcards.
    pub columns: Vec<ExprId>,
}

/// `project-rename new = old, …`
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRename {
    /// The renamings.
    pub columns: Vec<Assignment>,
}

/// `project-reorder name, wild* [asc|desc|granny-asc|granny-desc], …`
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectReorder {
    /// The columns.
    pub columns: Vec<ReorderColumn>,
}

/// A column of `project-reorder`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReorderColumn {
    /// A name or a wildcard.
    pub column: ExprId,
    /// The order among the columns that a wildcard matches.
    pub order: Option<ReorderOrder>,
}

/// The order words of `project-reorder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReorderOrder {
    /// `asc`
    Ascending,
    /// `desc`
    Descending,
    /// `granny-asc`
    GrannyAscending,
    /// `granny-desc`
    GrannyDescending,
}

/// `range name from a to b step c`
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The column.
    pub name: Name,
    /// The first value.
    pub from: ExprId,
    /// The last value, inclusive.
    pub to: ExprId,
    /// The distance.
    pub step: ExprId,
}

/// `reduce [kind=…] by expression [with threshold=… , characters=…]`
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// `kind`.
    pub parameters: Vec<Parameter>,
    /// What is reduced.
    pub value: ExprId,
    /// `threshold`, `characters`.
    pub with: Vec<Parameter>,
}

/// `render chart [kind=…] [title=…] [with (property=value, …)] [by columns]`
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    /// The chart.
    pub chart: Name,
    /// All properties, wherever written.
    pub properties: Vec<Parameter>,
}

/// `sample n`
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The number of rows.
    pub count: ExprId,
}

/// `sample-distinct n of expression`
#[derive(Clone, Debug, PartialEq)]
pub struct SampleDistinct {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The number of values.
    pub count: ExprId,
    /// The values.
    pub value: ExprId,
}

/// `scan [with_match_id=…] [kind=…] [order by …] [partition by …] [declare (…)] with ( step …; )`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// `with_match_id`, `with_step_name`, `kind`.
    pub parameters: Vec<Parameter>,
    /// The order of the input.
    pub order_by: Vec<OrderKey>,
    /// The partition keys.
    pub partition_by: Vec<ExprId>,
    /// The declared columns.
    pub declare: Vec<ColumnDeclaration>,
    /// The steps.
    pub steps: Vec<ScanStep>,
}

/// `step name [optional] [output=all|last|none]: condition [=> column = expression, …];`
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    /// The step.
    pub name: Name,
    /// Whether it is `optional`.
    pub is_optional: bool,
    /// `all`, `last` or `none`.
    pub output: Option<Name>,
    /// The condition.
    pub condition: ExprId,
    /// The assignments.
    pub assignments: Vec<Assignment>,
    /// Its place.
    pub span: Span,
}

/// `search [kind=…] [in (tables)] predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// `kind`.
    pub parameters: Vec<Parameter>,
    /// The tables behind `in`; empty when all (or the input) are meant.
    pub tables: Vec<ExprId>,
    /// The predicate: terms, `column:term`, comparisons.
    pub predicate: ExprId,
}

/// `serialize [name = expression, …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Serialize {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The new columns.
    pub columns: Vec<Assignment>,
}

/// `sort [hints] by key [asc|desc] [nulls first|last], …`
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The keys.
    pub keys: Vec<OrderKey>,
}

/// `summarize [hints] [name =] aggregate, … [by [name =] key, …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The aggregates.
    pub aggregates: Vec<Assignment>,
    /// Whether `by` was written.
    pub has_by: bool,
    /// The keys.
    pub by: Vec<Assignment>,
}

/// `take n`, `limit n`
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The number of rows.
    pub count: ExprId,
}

/// `top n by key [asc|desc] [nulls first|last]`
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// Hints.
    pub parameters: Vec<Parameter>,
    /// The number of rows.
    pub count: ExprId,
    /// The key.
    pub key: OrderKey,
}

/// `top-hitters n of value [by weight]`
#[derive(Clone, Debug, PartialEq)]
pub struct TopHitters {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// The number of values.
    pub count: ExprId,
    /// The values.
    pub value: ExprId,
    /// The weight.
    pub by: Option<ExprId>,
}

/// `top-nested [n] of expression [with others = value] by aggregate [asc|desc], top-nested …`
#[derive(Clone, Debug, PartialEq)]
pub struct TopNested {
    /// The levels.
    pub levels: Vec<TopNestedLevel>,
}

/// A level of `top-nested`.
#[derive(Clone, Debug, PartialEq)]
pub struct TopNestedLevel {
    /// The number of values; `None`: all.
    pub count: Option<ExprId>,
    /// The values.
    pub value: Assignment,
    /// The name of the rest.
    pub others: Option<ExprId>,
    /// The aggregate.
    pub by: Assignment,
    /// `asc` or `desc`, if written.
    pub direction: Option<Direction>,
    /// `nulls first` or `nulls last`, if written.
    pub nulls: Option<Nulls>,
    /// Its place.
    pub span: Span,
}

/// `union [kind=…] [withsource=…] [isfuzzy=…] [hints] table, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// `kind`, `withsource`, `isfuzzy` and hints.
    pub parameters: Vec<Parameter>,
    /// The tables: names, wildcards, paths, parenthesised pipelines.
    pub tables: Vec<ExprId>,
}

/// `where predicate`, `filter predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct Where {
    /// Parameters.
    pub parameters: Vec<Parameter>,
    /// `where name = predicate`: a name that means nothing, usually a slip for `==`; the predicate is what follows `=`.
    pub name: Option<Name>,
    /// The predicate.
    pub predicate: ExprId,
}
