//! Graphs as the binder sees them, and expressions over the variables of a pattern.

use super::{Bind, Binder, Reported, Row, Table};
use crate::{
    diagnostic::{Diagnostic, Span, closest},
    plan::{Expr, ExprId, GraphOp, GraphTables, MatchColumn, NodeId, Op, PathFold},
    syntax::{self, Argument, Call, ExprKind, Step},
};
use kql_data::{Dynamic, Field, Schema, Type, Value};
use std::sync::Arc;

/// A bound graph: a table of nodes and one of edges. Behind the properties stand columns that no name reaches.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) nodes: NodeId,
    /// The properties of nodes.
    pub(super) node_schema: Arc<Schema>,
    pub(super) edges: NodeId,
    /// The properties of edges.
    pub(super) edge_schema: Arc<Schema>,
    /// Type of the identity of nodes.
    pub(super) id: Type,
    /// Type of the partition.
    pub(super) partition: Option<Type>,
}

impl Graph {
    /// Column of a node's number.
    pub(super) fn number(&self) -> usize {
        self.node_schema.len()
    }

    /// Column of a node's identity.
    pub(super) fn identity(&self) -> usize {
        self.number() + 1
    }

    /// Column of a node's partition.
    pub(super) fn node_partition(&self) -> Option<usize> {
        self.partition.map(|_| self.number() + 2)
    }

    /// Column of the edges that come in, once they are counted; those that go out follow.
    pub(super) fn degree(&self) -> usize {
        self.number() + 2 + usize::from(self.partition.is_some())
    }

    /// Column of the number of an edge's source; that of its target follows.
    pub(super) fn source(&self) -> usize {
        self.edge_schema.len()
    }

    /// Column of an edge's partition.
    pub(super) fn edge_partition(&self) -> Option<usize> {
        self.partition.map(|_| self.source() + 2)
    }

    /// The tables as they are.
    pub(super) fn tables(&self) -> GraphTables {
        let (number, source) = (self.number(), self.source());
        GraphTables { nodes: self.nodes, number, edges: self.edges, source, target: source + 1 }
    }

    /// All columns of the nodes.
    pub(super) fn all_node_columns(&self) -> Schema {
        let mut fields = self.node_schema.fields.clone();
        fields.push(Field::new("$number", Type::Long));
        fields.push(Field::new("$id", self.id));
        fields.extend(self.partition.map(|ty| Field::new("$partition", ty)));
        Schema::new(fields)
    }

    /// All columns of the edges.
    pub(super) fn all_edge_columns(&self) -> Schema {
        let mut fields = self.edge_schema.fields.clone();
        fields.push(Field::new("$source", Type::Long));
        fields.push(Field::new("$target", Type::Long));
        fields.extend(self.partition.map(|ty| Field::new("$partition", ty)));
        Schema::new(fields)
    }
}

/// What a variable of a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A node, by slot.
    Node(usize),
    /// An edge, by step.
    Edge(usize),
    /// A path of edges, by step.
    Path(usize),
}

/// Whose properties expressions read by bare names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// None: properties stand behind variables.
    Pattern,
    /// Those of one node.
    Node,
    /// Those of one edge.
    Edge,
}

/// A graph in front of expressions, and what these want of it.
#[derive(Clone, Debug)]
pub(super) struct GraphScope {
    pub(super) graph: Arc<Graph>,
    pub(super) reader: Reader,
    pub(super) variables: Vec<(String, Element)>,
    /// What the match reads of the nodes, and of the edges: expressions over these.
    pub(super) node_columns: Vec<ExprId>,
    pub(super) edge_columns: Vec<ExprId>,
    /// What predicate and outputs read of a match.
    pub(super) columns: Vec<(MatchColumn, Type)>,
    pub(super) uses_degrees: bool,
    /// Whether the predicate is bound, where paths may only stand in `all` and `any`.
    pub(super) is_where: bool,
}

impl GraphScope {
    pub(super) fn new(graph: Arc<Graph>, reader: Reader) -> GraphScope {
        GraphScope {
            graph,
            reader,
            variables: Vec::new(),
            node_columns: Vec::new(),
            edge_columns: Vec::new(),
            columns: Vec::new(),
            uses_degrees: false,
            is_where: false,
        }
    }

    fn element(&self, name: &str) -> Option<Element> {
        if self.reader != Reader::Pattern {
            return None;
        }
        self.variables.iter().find(|(known, _)| known == name).map(|(_, it)| *it)
    }
}

/// The functions that know about graphs.
const FUNCTIONS: &[&str] =
    &["map", "all", "any", "inner_nodes", "node_degree_in", "node_degree_out", "node_id", "labels"];

impl Binder<'_> {
    /// The nodes of a graph, with degrees where expressions want them.
    pub(super) fn graph_nodes(&mut self, graph: &Graph, uses_degrees: bool) -> NodeId {
        if !uses_degrees {
            return graph.nodes;
        }
        let mut schema = graph.all_node_columns();
        schema.fields.push(Field::new("$in", Type::Long));
        schema.fields.push(Field::new("$out", Type::Long));
        self.plan.add(Op::Graph(GraphOp::Degrees { tables: graph.tables() }), Arc::new(schema))
    }

    /// What a name stands for in the pattern.
    pub(super) fn graph_variable(&self, name: &str) -> Option<Element> {
        self.graph.as_ref()?.element(name)
    }

    /// A variable of a pattern alone: a bag of properties, or an array of those of a path.
    pub(super) fn graph_element(&mut self, element: Element, span: Span) -> Bind<ExprId> {
        let Some(graph) = self.graph.as_ref().map(|it| it.graph.clone()) else { return Err(Reported) };
        let schema = if matches!(element, Element::Node(_)) { &graph.node_schema } else { &graph.edge_schema };
        let bag = if schema.is_empty() {
            self.constant(Value::Dynamic(Dynamic::bag(Default::default())), Type::Dynamic)
        } else {
            let mut args = vec![self.constant(Value::Bool(true), Type::Bool)];
            for (index, field) in schema.fields.iter().enumerate() {
                args.push(self.constant(Value::String(field.name.clone()), Type::String));
                args.push(self.column(index, field.ty));
            }
            self.make_call("pack_all", &args, span)?
        };
        self.graph_value(element, bag, span)
    }

    /// `a.age` of a node or edge, `p.age` of a path.
    pub(super) fn graph_property(&mut self, element: Element, name: &syntax::Name, span: Span) -> Bind<ExprId> {
        let Some(graph) = self.graph.as_ref().map(|it| it.graph.clone()) else { return Err(Reported) };
        let (schema, what) = match element {
            Element::Node(_) => (&graph.node_schema, "the nodes have"),
            Element::Edge(_) | Element::Path(_) => (&graph.edge_schema, "the edges have"),
        };
        let Some((index, field)) = schema.index_of(&name.text).and_then(|it| schema.fields.get(it).map(|f| (it, f)))
        else {
            let message = format!("{what} no property `{}`", name.text);
            let mut diagnostic = Diagnostic::error("SEM1040", name.span, message);
            if let Some(it) = closest(&name.text, schema.fields.iter().map(|it| &*it.name)) {
                diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
            }
            self.report(diagnostic);
            return Err(Reported);
        };
        let value = self.column(index, field.ty);
        self.graph_value(element, value, span)
    }

    /// An expression over the rows of nodes or edges as a column of the match.
    fn graph_value(&mut self, element: Element, value: ExprId, span: Span) -> Bind<ExprId> {
        match element {
            Element::Node(slot) => {
                let column = self.element_column(value, true);
                Ok(self.match_column(MatchColumn::Node { slot, column }, self.ty(value)))
            }
            Element::Edge(step) => {
                let column = self.element_column(value, false);
                Ok(self.match_column(MatchColumn::Edge { step, column }, self.ty(value)))
            }
            Element::Path(step) => {
                if self.graph.as_ref().is_some_and(|it| it.is_where) {
                    let message = "the edges of a path can only stand inside all() and any() here";
                    return self.fail("SEM1054", span, message);
                }
                let column = self.element_column(value, false);
                let fold = PathFold::Map;
                Ok(self.match_column(MatchColumn::Path { step, over_nodes: false, column, fold }, Type::Dynamic))
            }
        }
    }

    /// The number of an expression among what the match reads of nodes or edges.
    pub(super) fn element_column(&mut self, value: ExprId, of_nodes: bool) -> usize {
        let plan = &self.plan;
        let is_same = |known: ExprId| match (plan.expr(known), plan.expr(value)) {
            (Expr::Column { index: a, .. }, Expr::Column { index: b, .. }) => a == b,
            _ => known == value,
        };
        let Some(scope) = &mut self.graph else { return 0 };
        let columns = if of_nodes { &mut scope.node_columns } else { &mut scope.edge_columns };
        match columns.iter().position(|it| is_same(*it)) {
            Some(known) => known,
            None => {
                columns.push(value);
                columns.len() - 1
            }
        }
    }

    /// A column of the match as an expression.
    pub(super) fn match_column(&mut self, column: MatchColumn, ty: Type) -> ExprId {
        let Some(scope) = &mut self.graph else { return self.constant(Value::Null, ty) };
        let index = match scope.columns.iter().position(|(known, _)| *known == column) {
            Some(known) => known,
            None => {
                scope.columns.push((column, ty));
                scope.columns.len() - 1
            }
        };
        self.column(index, ty)
    }

    /// A call of a function that knows about graphs; `None` for any other.
    pub(super) fn graph_call(&mut self, call: &Call, span: Span) -> Option<Bind<ExprId>> {
        let reader = self.graph.as_ref()?.reader;
        let name = *FUNCTIONS.iter().find(|it| **it == call.function.text)?;
        Some(match (name, reader) {
            ("map", Reader::Pattern) => self.path_fold(PathFold::Map, call, span),
            ("all", Reader::Pattern) => self.path_fold(PathFold::All, call, span),
            ("any", Reader::Pattern) => self.path_fold(PathFold::Any, call, span),
            ("map" | "all" | "any", _) => {
                self.fail("SEM0207", span, format!("{name}() cannot stand inside another function over a path"))
            }
            ("inner_nodes", _) => self.fail("SEM0207", span, "inner_nodes() only stands inside map(), all() and any()"),
            (name, Reader::Pattern) => self.function_of_variable(name, &call.arguments, span),
            (name, _) => self.function_of_element(name, &call.arguments, span),
        })
    }

    /// `map(p, e)`, `all(inner_nodes(p), e)`, …
    fn path_fold(&mut self, fold: PathFold, call: &Call, span: Span) -> Bind<ExprId> {
        let name = call.function.text.as_str();
        let [path, value] = call.arguments.as_slice() else {
            return self.fail("SEM0219", span, format!("{name}() takes a path and an expression"));
        };
        let (step, over_nodes) = self.path_argument(path.value, name)?;
        let Some(graph) = self.graph.as_ref().map(|it| it.graph.clone()) else { return Err(Reported) };
        let reader = if over_nodes { Reader::Node } else { Reader::Edge };
        let value = self.over_element(&graph, reader, |binder| match fold {
            PathFold::Map => binder.scalar(value.value),
            PathFold::All | PathFold::Any => binder.predicate(value.value),
        })?;
        let column = self.element_column(value, over_nodes);
        let ty = if fold == PathFold::Map { Type::Dynamic } else { Type::Bool };
        Ok(self.match_column(MatchColumn::Path { step, over_nodes, column, fold }, ty))
    }

    /// Runs `body` over the rows of the nodes or the edges of a graph, within the scope of the pattern.
    pub(super) fn over_element<T>(
        &mut self,
        graph: &Graph,
        reader: Reader,
        body: impl FnOnce(&mut Self) -> Bind<T>,
    ) -> Bind<T> {
        let schema = if reader == Reader::Node { &graph.node_schema } else { &graph.edge_schema };
        self.level += 1;
        let row = Row::new(schema.clone(), false, self.level);
        let mut scope = self.graph.take();
        let before = scope.as_mut().map(|it| std::mem::replace(&mut it.reader, reader));
        let (res, mut scope) = self.over(row, |binder| {
            binder.graph = scope;
            let res = body(binder);
            (res, binder.graph.take())
        });
        if let (Some(it), Some(before)) = (&mut scope, before) {
            it.reader = before;
        }
        self.graph = scope;
        res
    }

    /// The step of a path variable, and whether its inner nodes are meant.
    fn path_argument(&mut self, id: syntax::ExprId, function: &str) -> Bind<(usize, bool)> {
        let query = self.query.clone();
        let (name, over_nodes) = match query.kind(id) {
            ExprKind::Name(name) => (Some(name), false),
            ExprKind::Call(call) if call.function.text == "inner_nodes" => match call.arguments.as_slice() {
                [one] => match query.kind(one.value) {
                    ExprKind::Name(name) => (Some(name), true),
                    _ => (None, true),
                },
                _ => (None, true),
            },
            _ => (None, false),
        };
        match name.and_then(|it| self.graph_variable(&it.text)) {
            Some(Element::Path(step)) => Ok((step, over_nodes)),
            _ => self.fail(
                "SEM0207",
                query.span(id),
                format!("{function}() needs the variable of a path: `-[name*1..3]->`"),
            ),
        }
    }

    /// `node_degree_in(n)`, `node_id(n)`, `labels(e)`.
    fn function_of_variable(&mut self, name: &str, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let query = self.query.clone();
        let element = match arguments {
            [one] => match query.kind(one.value) {
                ExprKind::Name(it) => self.graph_variable(&it.text),
                _ => None,
            },
            _ => return self.fail("SEM0219", span, format!("{name}() takes the variable of a node")),
        };
        match element {
            Some(Element::Path(_)) if name == "labels" => {
                self.fail("SEM1054", span, "labels() of a path stands inside map(), all() or any()")
            }
            Some(_) if name == "labels" => Ok(self.no_labels()),
            Some(element @ Element::Node(_)) => {
                let value = self.node_value(name, span)?;
                self.graph_value(element, value, span)
            }
            _ => self.fail("SEM0207", span, format!("{name}() takes the variable of a node")),
        }
    }

    /// The same inside `map(inner_nodes(p), …)` and in `graph-where-nodes`, of the node at hand.
    fn function_of_element(&mut self, name: &str, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        if !arguments.is_empty() {
            return self.fail("SEM0219", span, format!("{name}() takes no argument here"));
        }
        match self.graph.as_ref().map(|it| it.reader) {
            _ if name == "labels" => Ok(self.no_labels()),
            Some(Reader::Node) => self.node_value(name, span),
            _ => self.fail("SEM0207", span, format!("{name}() is a function of nodes, not of edges")),
        }
    }

    /// Labels come with stored graphs only.
    fn no_labels(&mut self) -> ExprId {
        self.constant(Value::Dynamic(Dynamic::array(Vec::new())), Type::Dynamic)
    }

    /// A function of a node, over the columns of the nodes.
    fn node_value(&mut self, name: &str, span: Span) -> Bind<ExprId> {
        let Some(scope) = &mut self.graph else { return Err(Reported) };
        let graph = scope.graph.clone();
        if name == "node_id" {
            let id = self.column(graph.identity(), graph.id);
            return self.cast(id, Type::String, span);
        }
        scope.uses_degrees = true;
        let index = graph.degree() + usize::from(name == "node_degree_out");
        Ok(self.column(index, Type::Long))
    }

    /// The name of an output column of a match, when it is not given.
    pub(super) fn graph_output_name(&self, id: syntax::ExprId) -> Option<String> {
        let query = &self.query;
        match query.kind(id) {
            ExprKind::Parenthesized(inner) => self.graph_output_name(*inner),
            ExprKind::Name(name) => {
                let graph = &self.graph.as_ref()?.graph;
                let schema = match self.graph_variable(&name.text) {
                    Some(Element::Node(_)) => &graph.node_schema,
                    Some(_) => &graph.edge_schema,
                    None => return Some(name.text.clone()),
                };
                (!schema.is_empty()).then(|| name.text.clone())
            }
            ExprKind::Path { base, steps } => match query.kind(*base) {
                ExprKind::Name(name) if self.graph_variable(&name.text).is_some() => {
                    let mut parts = vec![name.text.clone()];
                    for step in steps {
                        parts.push(match step {
                            Step::Member(it) => it.text.clone(),
                            Step::Index(it) => self.index_name(*it)?,
                            Step::Call(_) | Step::Wildcard(_) => return None,
                        });
                    }
                    Some(parts.join("_"))
                }
                _ => self.natural_name(id),
            },
            ExprKind::Call(call) if FUNCTIONS.contains(&call.function.text.as_str()) => {
                let [path, value] = call.arguments.as_slice() else { return None };
                if call.function.text != "map" {
                    return None;
                }
                let path = match query.kind(path.value) {
                    ExprKind::Name(it) => it.text.clone(),
                    ExprKind::Call(inner) => match inner.arguments.first().map(|it| query.kind(it.value)) {
                        Some(ExprKind::Name(it)) => format!("inner_nodes_{}", it.text),
                        _ => return None,
                    },
                    _ => return None,
                };
                match query.kind(value.value) {
                    ExprKind::Name(it) => Some(format!("{path}_{}", it.text)),
                    _ => Some(format!("{path}_Column")),
                }
            }
            _ => self.natural_name(id),
        }
    }

    /// A graph where rows are needed.
    pub(super) fn rows_of(&mut self, table: Table, span: Span) -> Bind<Table> {
        if table.graph.is_some() {
            let message = "a graph is not a table: only a graph operator may follow, such as `graph-match`";
            return self.fail("SEM0104", span, message);
        }
        Ok(table)
    }
}
