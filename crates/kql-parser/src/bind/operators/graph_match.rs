//! `graph-match` and `graph-shortest-paths`: patterns of nodes and edges.

use super::super::{
    Bind, Binder, Row, Table,
    graph::{Element, Graph, GraphScope, Reader},
    naming::Names,
};
use super::columns::{self, NewColumn};
use crate::{
    diagnostic::Span,
    plan::{Cycles, Expr, ExprId, GraphMatch, GraphOp, GraphStep, MatchColumn, Op, PathFold, Shortest},
    syntax::{self, Assignment, ExprKind, GraphElement, GraphPattern, Name, Stage},
};
use kql_data::{Field, Map, Schema, Type, Value};
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &syntax::GraphMatch, graph: &Arc<Graph>, stage: &Stage) -> Bind<Table> {
    let cycles = match b.choice(&it.parameters, "cycles", &["all", "none", "unique_edges"])? {
        Some("all") => Cycles::All,
        Some("none") => Cycles::None,
        _ => Cycles::UniqueEdges,
    };
    let clauses = Clauses { predicate: it.predicate, project: it.project.as_deref() };
    pattern(b, &it.patterns, &clauses, (cycles, None), graph, stage)
}

pub(super) fn shortest_paths(
    b: &mut Binder<'_>,
    it: &syntax::GraphShortestPaths,
    graph: &Arc<Graph>,
    stage: &Stage,
) -> Bind<Table> {
    let shortest = match b.choice(&it.parameters, "output", &["any", "all"])? {
        Some("all") => Shortest::All,
        _ => Shortest::Any,
    };
    if let [_, second, ..] = it.patterns.as_slice() {
        return b.fail("SEM1023", second.span, "`graph-shortest-paths` takes one sequence only");
    }
    let clauses = Clauses { predicate: it.predicate, project: it.project.as_deref() };
    pattern(b, &it.patterns, &clauses, (Cycles::None, Some(shortest)), graph, stage)
}

struct Clauses<'q> {
    predicate: Option<syntax::ExprId>,
    project: Option<&'q [Assignment]>,
}

/// The nodes and edges of a pattern.
#[derive(Default)]
struct Shape {
    slots: Vec<Vec<usize>>,
    steps: Vec<GraphStep>,
    variables: Vec<(String, Element)>,
}

fn pattern(
    b: &mut Binder<'_>,
    patterns: &[GraphPattern],
    clauses: &Clauses<'_>,
    (cycles, shortest): (Cycles, Option<Shortest>),
    graph: &Arc<Graph>,
    stage: &Stage,
) -> Bind<Table> {
    let mut shape = Shape::default();
    for it in patterns {
        sequence(b, it, &mut shape)?;
    }
    if !is_connected(&shape) {
        return b.fail("SEM1011", stage.span, "the sequences of the pattern must share a node");
    }
    let Some(project) = clauses.project else {
        return b.fail("SEM0001", stage.span, "`project` is missing behind the pattern");
    };
    let mut scope = GraphScope::new(graph.clone(), Reader::Pattern);
    scope.variables = std::mem::take(&mut shape.variables);
    // The columns that hold the tables together come first.
    scope.node_columns.push(b.column(graph.number(), Type::Long));
    scope.edge_columns.push(b.column(graph.source(), Type::Long));
    scope.edge_columns.push(b.column(graph.source() + 1, Type::Long));
    b.level += 1;
    let row = Row { level: b.level, ..Row::none() };
    let bound = b.over(row, |b| {
        b.graph = Some(Box::new(scope));
        let bound = bound(b, clauses.predicate, project, graph, shortest.is_some(), &mut shape, stage.span);
        b.graph.take().map(|scope| bound.map(|it| (it, *scope)))
    });
    let Some(bound) = bound else { return Err(super::Reported) };
    let ((predicate, outputs, fields), scope) = bound?;
    Ok(finish(b, graph, shape, scope, (cycles, shortest), predicate, outputs, Schema::new(fields)))
}

/// The node of the match over what it reads of the graph.
#[allow(clippy::too_many_arguments, reason = "all that a match is made of, once")]
fn finish(
    b: &mut Binder<'_>,
    graph: &Arc<Graph>,
    shape: Shape,
    scope: GraphScope,
    (cycles, shortest): (Cycles, Option<Shortest>),
    predicate: Option<ExprId>,
    outputs: Vec<ExprId>,
    schema: Schema,
) -> Table {
    let nodes = b.graph_nodes(graph, scope.uses_degrees);
    let nodes = read(b, nodes, scope.node_columns);
    let edges = read(b, graph.edges, scope.edge_columns);
    let op = GraphMatch {
        tables: crate::plan::GraphTables { nodes, number: 0, edges, source: 0, target: 1 },
        slots: shape.slots,
        steps: shape.steps,
        cycles,
        shortest,
        columns: scope.columns.into_iter().map(|(column, _)| column).collect(),
        predicate,
        outputs,
    };
    b.new_table(Op::Graph(GraphOp::Match(Box::new(op))), schema)
}

/// The columns that a match reads of one table of the graph.
fn read(b: &mut Binder<'_>, input: crate::plan::NodeId, columns: Vec<ExprId>) -> crate::plan::NodeId {
    let field = |(n, it): (usize, &ExprId)| Field::new(format!("${n}"), b.ty(*it));
    let schema = Schema::new(columns.iter().enumerate().map(field).collect());
    b.plan.add(Op::Project { input, columns }, Arc::new(schema))
}

type Bound = (Option<ExprId>, Vec<ExprId>, Vec<Field>);

/// Binds `where` and `project` over the variables of the pattern.
fn bound(
    b: &mut Binder<'_>,
    predicate: Option<syntax::ExprId>,
    project: &[Assignment],
    graph: &Arc<Graph>,
    is_shortest: bool,
    shape: &mut Shape,
    span: Span,
) -> Bind<Bound> {
    let mut rest = None;
    if let Some(id) = predicate {
        if let Some(scope) = &mut b.graph {
            scope.is_where = true;
        }
        let expr = b.predicate(id)?;
        rest = push_down(b, expr, is_shortest, shape, b.query.span(id))?;
    }
    if let Some(scope) = &mut b.graph {
        scope.is_where = false;
    }
    let (mut outputs, mut fields) = outputs(b, project)?;
    if let (Some(index), Some(ty)) = (graph.node_partition(), graph.partition) {
        let value = b.column(index, ty);
        let column = b.element_column(value, true);
        outputs.push(b.match_column(MatchColumn::Node { slot: 0, column }, ty));
        fields.push(Field::new("$partition", ty));
    }
    _ = span;
    Ok((rest, outputs, fields))
}

fn outputs(b: &mut Binder<'_>, project: &[Assignment]) -> Bind<(Vec<ExprId>, Vec<Field>)> {
    let bound = project
        .iter()
        .map(|it| {
            let expr = b.scalar(it.value)?;
            let is_let =
                matches!(b.query.kind(it.value), ExprKind::Name(name) if b.graph_variable(&name.text).is_none());
            let natural = b.graph_output_name(it.value);
            let spelled = match it.names.first() {
                Some(name) => Some(name.text.clone()),
                None if is_let => natural.clone(),
                None => None,
            };
            Ok(NewColumn { spelled, natural, expr, span: it.span })
        })
        .collect();
    let bound = Binder::all(bound)?;
    let mut names = Names::new(columns::spelled(&bound), Vec::new());
    let fields = columns::name(b, &bound, &mut names)?;
    Ok((bound.into_iter().map(|it| it.expr).collect(), fields))
}

// ---- the pattern

fn sequence(b: &mut Binder<'_>, it: &GraphPattern, shape: &mut Shape) -> Bind<()> {
    let mut edge = None;
    let mut before = None;
    for element in &it.elements {
        match element {
            GraphElement::Node { name, .. } => {
                let slot = node(b, name.as_ref(), shape)?;
                if let (Some(from), Some((direction, range))) = (before, edge.take()) {
                    let (edge_filters, inner_filters) = (Vec::new(), Vec::new());
                    shape.steps.push(GraphStep { from, to: slot, direction, range, edge_filters, inner_filters });
                }
                before = Some(slot);
            }
            GraphElement::Edge { direction, name, range, span } => {
                let range = match range {
                    Some((low, high)) => Some(bounds(b, *low, *high, *span)?),
                    None => None,
                };
                if let Some(name) = name {
                    let step = shape.steps.len();
                    let element = if range.is_some() { Element::Path(step) } else { Element::Edge(step) };
                    declare(b, name, element, shape)?;
                }
                edge = Some((*direction, range));
            }
        }
    }
    Ok(())
}

/// The slot of a node: that of its variable, or a new one.
fn node(b: &mut Binder<'_>, name: Option<&Name>, shape: &mut Shape) -> Bind<usize> {
    let slot = shape.slots.len();
    if let Some(name) = name {
        if let Some((_, Element::Node(known))) = shape.variables.iter().find(|(it, _)| *it == name.text) {
            return Ok(*known);
        }
        declare(b, name, Element::Node(slot), shape)?;
    }
    shape.slots.push(Vec::new());
    Ok(slot)
}

fn declare(b: &mut Binder<'_>, name: &Name, element: Element, shape: &mut Shape) -> Bind<()> {
    if shape.variables.iter().any(|(it, _)| *it == name.text) {
        return b.fail("SEM0079", name.span, format!("`{}` stands for another element of the pattern", name.text));
    }
    shape.variables.push((name.text.clone(), element));
    Ok(())
}

fn bounds(b: &mut Binder<'_>, low: syntax::ExprId, high: syntax::ExprId, span: Span) -> Bind<(u64, u64)> {
    let mut numbers = [0u64; 2];
    for (number, id) in numbers.iter_mut().zip([low, high]) {
        let expr = b.constant_scalar(id)?;
        let value = match b.value_of(expr) {
            Some(Value::Long(it)) => u64::try_from(it).ok(),
            Some(Value::Int(it)) => u64::try_from(it).ok(),
            _ => None,
        };
        let Some(value) = value else {
            return b.fail("SEM0207", b.query.span(id), "the bounds of a path must be whole constants from 0");
        };
        *number = value;
    }
    match numbers {
        [low, high] if low > high => b.fail("SEM1013", span, format!("a path of {low} to {high} edges is none")),
        [low, high] => Ok((low, high)),
    }
}

/// Whether every node can be reached from every other along the pattern.
fn is_connected(shape: &Shape) -> bool {
    let mut reached = vec![false; shape.slots.len()];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    loop {
        let mut grew = false;
        for step in &shape.steps {
            let (a, c) = (reached.get(step.from).copied(), reached.get(step.to).copied());
            if a != c {
                for end in [step.from, step.to] {
                    if let Some(it) = reached.get_mut(end) {
                        *it = true;
                    }
                }
                grew = true;
            }
        }
        if !grew {
            return reached.into_iter().all(|it| it);
        }
    }
}

// ---- conditions that the search itself can test

/// What a condition is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Node(usize),
    Edge(usize),
    Path(usize),
}

fn subject(column: MatchColumn) -> Subject {
    match column {
        MatchColumn::Node { slot, .. } => Subject::Node(slot),
        MatchColumn::Edge { step, .. } => Subject::Edge(step),
        MatchColumn::Path { step, .. } => Subject::Path(step),
    }
}

/// Moves the conditions about one element into the pattern; gives what is left.
fn push_down(
    b: &mut Binder<'_>,
    predicate: ExprId,
    is_shortest: bool,
    shape: &mut Shape,
    span: Span,
) -> Bind<Option<ExprId>> {
    let mut rest = Vec::new();
    let mut todo = vec![predicate];
    while let Some(expr) = todo.pop() {
        if let Expr::Call { function, args, .. } = b.plan.expr(expr)
            && function.name == "and"
        {
            todo.extend(args.iter().rev());
            continue;
        }
        let columns: Vec<MatchColumn> = reads(b, expr);
        let mut subjects: Vec<Subject> = Vec::new();
        for it in &columns {
            if !subjects.contains(&subject(*it)) {
                subjects.push(subject(*it));
            }
        }
        if is_shortest && subjects.len() > 1 {
            let message = "a condition of `graph-shortest-paths` cannot relate two elements of the pattern";
            return b.fail("CRT0001", span, message);
        }
        let is_pushed = match subjects.as_slice() {
            [one] if !b.is_volatile(expr) => push_one(b, expr, *one, &columns, shape),
            _ => false,
        };
        if !is_pushed {
            rest.push(expr);
        }
    }
    match rest.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        many => b.make_call("and", many, span).map(Some),
    }
}

/// The columns of the match that an expression reads.
fn reads(b: &Binder<'_>, expr: ExprId) -> Vec<MatchColumn> {
    let Some(scope) = &b.graph else { return Vec::new() };
    let mut found = Vec::new();
    for id in below(b, expr) {
        if let Expr::Column { index, .. } = b.plan.expr(id)
            && let Some((column, _)) = scope.columns.get(*index)
        {
            found.push(*column);
        }
    }
    found
}

/// An expression and all below it, arguments first.
fn below(b: &Binder<'_>, expr: ExprId) -> Vec<ExprId> {
    let mut seen = kql_data::Set::default();
    let mut todo = vec![expr];
    while let Some(id) = todo.pop() {
        if seen.insert(id)
            && let Expr::Call { args, .. } = b.plan.expr(id)
        {
            todo.extend(args);
        }
    }
    let mut found: Vec<ExprId> = seen.into_iter().collect();
    found.sort_unstable();
    found
}

fn push_one(b: &mut Binder<'_>, expr: ExprId, subject: Subject, columns: &[MatchColumn], shape: &mut Shape) -> bool {
    match subject {
        Subject::Node(slot) => {
            let value = over_element(b, expr, true);
            let column = b.element_column(value, true);
            shape.slots.get_mut(slot).map(|it| it.push(column)).is_some()
        }
        Subject::Edge(step) => {
            let value = over_element(b, expr, false);
            let column = b.element_column(value, false);
            shape.steps.get_mut(step).map(|it| it.edge_filters.push(column)).is_some()
        }
        Subject::Path(step) => match (columns, b.plan.expr(expr)) {
            // `all(p, …)` alone holds when it holds for each edge by itself.
            ([MatchColumn::Path { over_nodes, column, fold: PathFold::All, .. }], Expr::Column { .. }) => {
                let Some(step) = shape.steps.get_mut(step) else { return false };
                let filters = if *over_nodes { &mut step.inner_filters } else { &mut step.edge_filters };
                filters.push(*column);
                true
            }
            _ => false,
        },
    }
}

/// An expression over columns of a match as one over the rows of nodes or edges.
fn over_element(b: &mut Binder<'_>, expr: ExprId, of_nodes: bool) -> ExprId {
    let mut made: Map<ExprId, ExprId> = Map::default();
    for id in below(b, expr) {
        let new = match b.plan.expr(id).clone() {
            Expr::Column { index, .. } => {
                let scope = b.graph.as_ref();
                let column = scope.and_then(|it| it.columns.get(index)).map(|(column, _)| *column);
                let source = match column {
                    Some(MatchColumn::Node { column, .. }) if of_nodes => {
                        scope.and_then(|it| it.node_columns.get(column))
                    }
                    Some(MatchColumn::Edge { column, .. }) => scope.and_then(|it| it.edge_columns.get(column)),
                    _ => None,
                };
                source.copied().unwrap_or(id)
            }
            Expr::Call { function, overload, args, ty } => {
                let args = args.iter().map(|it| made.get(it).copied().unwrap_or(*it)).collect();
                b.plan.add_expr(Expr::Call { function, overload, args, ty })
            }
            _ => id,
        };
        _ = made.insert(id, new);
    }
    made.get(&expr).copied().unwrap_or(expr)
}
