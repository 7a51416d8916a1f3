//! A plan as a tree of text: results on top, what they read below.

use crate::{
    plan::{
        AggregateExpr, EvaluateValue, ExpandOutput, Expr, ExprId, JoinKind, NodeId, Op, ParseOutput, ParsePart, Plan,
        SortKey,
    },
    syntax::Direction,
};
use kql_data::{Dynamic, Schema, Set, Type, Value};
use std::fmt::Write;

/// Characters that a list or a value takes at most.
const WIDTH: usize = 160;

/// Draws every result of a plan. `note` adds to a node, such as rows and times; it may be empty.
pub fn explain(plan: &Plan, note: &dyn Fn(NodeId) -> String) -> String {
    let mut tree = Tree { plan, note, drawn: Set::default(), out: String::new() };
    for result in &plan.results {
        if plan.results.len() > 1 {
            tree.out.push_str(&result.name);
            tree.out.push('\n');
        }
        tree.draw(result.node);
    }
    tree.out
}

struct Tree<'a> {
    plan: &'a Plan,
    note: &'a dyn Fn(NodeId) -> String,
    /// Nodes that several others read are drawn once.
    drawn: Set<NodeId>,
    out: String,
}

impl Tree<'_> {
    /// One node a line. A stack of its own, not recursion: plans may be deep.
    fn draw(&mut self, root: NodeId) {
        let mut stack = vec![(root, String::new(), String::new(), "")];
        while let Some((id, lead, below, label)) = stack.pop() {
            let Some(node) = self.plan.node(id) else { continue };
            let line = Line { plan: self.plan, schema: &node.schema }.describe(&node.op);
            let note = (self.note)(id);
            let again = !self.drawn.insert(id);
            let many = if again { format!("  (as node {} above)", id.0) } else { String::new() };
            let number = if matches!(node.op, Op::Shared { .. }) { format!(" #{}", id.0) } else { String::new() };
            _ = writeln!(
                self.out,
                "{lead}{label}{line}{number}{many}{}{note}",
                if note.is_empty() { "" } else { "  " }
            );
            if again {
                continue;
            }
            let children = self.children(&node.op, id);
            let n = children.len();
            for (index, (child, label)) in children.into_iter().enumerate().rev() {
                let is_last = index + 1 == n;
                let (branch, rest) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                stack.push((child, format!("{below}{branch}"), format!("{below}{rest}"), label));
            }
        }
    }

    /// What a node reads: its inputs, its body, and the plans inside its expressions.
    fn children(&self, op: &Op, id: NodeId) -> Vec<(NodeId, &'static str)> {
        let mut out: Vec<(NodeId, &'static str)> = match op {
            Op::Join { left, right, .. } => vec![(*left, "left: "), (*right, "right: ")],
            other => other.inputs().into_iter().map(|it| (it, "")).collect(),
        };
        if let Op::Apply { body, .. } = op {
            out.push((*body, "for each group: "));
        }
        let mut left = expressions(op);
        let mut fuel = 100_000;
        while let Some(expr) = left.pop() {
            fuel -= 1;
            match self.plan.expr(expr) {
                Expr::Scalar { node, .. } if *node != id => out.push((*node, "scalar: ")),
                Expr::List { node } if *node != id => out.push((*node, "list: ")),
                Expr::Call { args, .. } if fuel > 0 => left.extend(args),
                _ => {}
            }
        }
        out
    }
}

/// The expressions of a node.
fn expressions(op: &Op) -> Vec<ExprId> {
    let aggregates = |it: &[AggregateExpr]| it.iter().flat_map(|it| it.args.clone()).collect::<Vec<_>>();
    match op {
        Op::Filter { predicate, .. } => vec![*predicate],
        Op::Project { columns, .. } | Op::Window { columns, .. } => columns.clone(),
        Op::Aggregate { keys, aggregates: list, .. } => [keys.clone(), aggregates(list)].concat(),
        Op::Sort { keys, limit, .. } => keys.iter().map(|it| it.value).chain(*limit).collect(),
        Op::Limit { count, .. } | Op::Sample { count, .. } => vec![*count],
        Op::Range { from, to, step } => vec![*from, *to, *step],
        Op::Join { keys, condition, .. } => keys.iter().flat_map(|it| [it.0, it.1]).chain(*condition).collect(),
        Op::Expand { values, limit, .. } => values.iter().map(|it| it.value).chain(*limit).collect(),
        Op::Parse { value, .. } | Op::ParseKv { value, .. } => vec![*value],
        Op::Apply { by, .. } => by.clone(),
        Op::Graph(it) => it.expressions(),
        Op::Series(it) => {
            let bounds = [Some(it.axis), it.from, it.to, Some(it.step)];
            let list = it.aggregates.iter().flat_map(|it| it.0.args.iter().copied().chain(it.1));
            bounds.into_iter().flatten().chain(it.keys.clone()).chain(list).collect()
        }
        Op::Steps(it) => it.partition_by.iter().copied().chain(it.steps.iter().map(|it| it.condition)).collect(),
        Op::Evaluate { args, .. } => args
            .iter()
            .flat_map(|it| match &it.value {
                EvaluateValue::Expr(it) => vec![*it],
                EvaluateValue::Aggregate(it) => it.args.clone(),
                EvaluateValue::Column(_) | EvaluateValue::Table(_) => Vec::new(),
            })
            .collect(),
        Op::Scan { .. } | Op::Values { .. } | Op::Group | Op::Union { .. } | Op::Shared { .. } => Vec::new(),
    }
}

/// One node in a line.
struct Line<'a> {
    plan: &'a Plan,
    schema: &'a Schema,
}

impl Line<'_> {
    fn describe(&self, op: &Op) -> String {
        let input = op.inputs().first().map(|it| self.plan.schema(*it)).unwrap_or_default();
        let show = |it: &ExprId| self.expr(*it, &input);
        let list = |it: &[ExprId]| cut(it.iter().map(show).collect::<Vec<_>>().join(", "));
        match op {
            Op::Scan { table, columns, bounds } => self.scan(table, columns, bounds),
            Op::Values { batch } => format!("values {} rows: {}", batch.n_rows, self.columns()),
            Op::Range { from, to, step } => {
                format!("range {} from {} to {} step {}", self.columns(), show(from), show(to), show(step))
            }
            Op::Group => "the group's rows".to_owned(),
            Op::Filter { predicate, .. } => format!("filter {}", cut(show(predicate))),
            Op::Project { columns, .. } => format!("project {}", self.named(columns, 0, &input)),
            Op::Window { columns, .. } => format!("window {}", self.named(columns, 0, &input)),
            Op::Aggregate { keys, aggregates, .. } => {
                let by = if keys.is_empty() { String::new() } else { format!(" by {}", self.named(keys, 0, &input)) };
                let list: Vec<String> = aggregates.iter().map(|it| self.aggregate(it, &input)).collect();
                cut(format!("aggregate {}{by}", list.join(", ")))
            }
            Op::Sort { keys, limit, .. } => {
                let keys: Vec<String> = keys.iter().map(|it| self.key(it, &input)).collect();
                let limit = limit.map_or(String::new(), |it| format!("top {} ", self.expr(it, &input)));
                format!("{limit}sort {}", cut(keys.join(", ")))
            }
            Op::Limit { count, .. } => format!("limit {}", show(count)),
            Op::Sample { count, .. } => format!("sample {}", show(count)),
            Op::Join { left, right, kind, keys, condition } => {
                let (left, right) = (self.plan.schema(*left), self.plan.schema(*right));
                let pairs = keys.iter().map(|it| format!("{} == {}", self.expr(it.0, &left), self.expr(it.1, &right)));
                let mut on = pairs.collect::<Vec<_>>().join(" and ");
                if let Some(condition) = condition {
                    let fields = left.fields.iter().chain(&right.fields).cloned().collect();
                    _ = write!(on, " where {}", self.expr(*condition, &Schema::new(fields)));
                }
                format!("{} join on {}", join_word(*kind), cut(on))
            }
            Op::Union { inputs } => format!("union of {}", inputs.len()),
            Op::Expand { values, outputs, .. } => {
                let values: Vec<String> = values.iter().map(|it| show(&it.value)).collect();
                let kept = outputs.iter().filter(|it| matches!(it, ExpandOutput::Input(_))).count();
                cut(format!("expand {} beside {kept} columns", values.join(", ")))
            }
            Op::Parse { .. } | Op::ParseKv { .. } | Op::Series(_) => self.describe_more(op, &input),
            Op::Apply { by, .. } => format!("apply by {}", list(by)),
            Op::Graph(it) => it.describe(),
            Op::Steps(it) => {
                let names: Vec<&str> = it.steps.iter().map(|it| it.name.as_str()).collect();
                format!("scan steps {}", names.join(", "))
            }
            Op::Shared { .. } => "shared".to_owned(),
            Op::Evaluate { plugin, args, .. } => {
                let args: Vec<String> = args.iter().map(|it| self.argument(&it.value, &input)).collect();
                cut(format!("evaluate {plugin}({})", args.join(", ")))
            }
        }
    }

    fn describe_more(&self, op: &Op, input: &Schema) -> String {
        let show = |it: &ExprId| self.expr(*it, input);
        match op {
            Op::Parse { value, pattern, drops, .. } => {
                let word = if *drops { "parse-where" } else { "parse" };
                format!("{word} {} with {}", show(value), cut(parts(&pattern.parts)))
            }
            Op::ParseKv { value, keys, outputs, .. } => {
                let keys: Vec<&str> = keys.iter().map(|it| it.0.as_str()).collect();
                let kept = outputs.iter().filter(|it| matches!(it, ParseOutput::Input(_))).count();
                cut(format!("parse-kv {} as {} beside {kept} columns", show(value), keys.join(", ")))
            }
            Op::Series(it) => {
                let list: Vec<String> = it.aggregates.iter().map(|it| self.aggregate(&it.0, input)).collect();
                let by = if it.keys.is_empty() { String::new() } else { format!(" by {}", list_of(&it.keys, show)) };
                cut(format!("series {} on {} step {}{by}", list.join(", "), show(&it.axis), show(&it.step)))
            }
            _ => String::new(),
        }
    }

    fn scan(&self, table: &str, columns: &[usize], bounds: &[(usize, i64, i64)]) -> String {
        let mut out = format!("scan {table}, {} columns: {}", columns.len(), self.columns());
        for (column, low, high) in bounds {
            let field = columns.iter().position(|it| it == column).and_then(|it| self.schema.fields.get(it));
            let text = |it: i64| match field.map(|it| it.ty) {
                Some(Type::Datetime) => kql_data::time::datetime_wire(it.clamp(0, kql_data::time::MAX)),
                _ => it.to_string(),
            };
            let name = field.map_or_else(|| format!("column {column}"), |it| it.name.to_string());
            _ = write!(out, "; {name} in [{}, {}]", text(*low), text(*high));
        }
        out
    }

    fn columns(&self) -> String {
        cut(self.schema.fields.iter().map(|it| &*it.name).collect::<Vec<_>>().join(", "))
    }

    /// Output columns from that one on: `name = expression`, or the name alone where that is all.
    fn named(&self, columns: &[ExprId], from: usize, input: &Schema) -> String {
        let name = |index: usize| self.schema.fields.get(from + index).map_or("?", |it| &*it.name);
        let one = |(index, it): (usize, &ExprId)| match self.expr(*it, input) {
            text if text == name(index) => text,
            text => format!("{} = {text}", name(index)),
        };
        cut(columns.iter().enumerate().map(one).collect::<Vec<_>>().join(", "))
    }

    fn aggregate(&self, it: &AggregateExpr, input: &Schema) -> String {
        format!("{}({})", it.aggregate.name, list_of(&it.args, |it| self.expr(*it, input)))
    }

    fn argument(&self, it: &EvaluateValue, input: &Schema) -> String {
        match it {
            EvaluateValue::Expr(it) => self.expr(*it, input),
            EvaluateValue::Column(it) => input.fields.get(*it).map_or("?", |it| &*it.name).to_owned(),
            EvaluateValue::Table(it) => format!("table {it}"),
            EvaluateValue::Aggregate(it) => self.aggregate(it, input),
        }
    }

    fn key(&self, it: &SortKey, input: &Schema) -> String {
        let direction = if it.direction == Direction::Ascending { "asc" } else { "desc" };
        let nulls = if it.nulls_first { " nulls first" } else { "" };
        format!("{} {direction}{nulls}", self.expr(it.value, input))
    }

    fn expr(&self, id: ExprId, input: &Schema) -> String {
        let mut out = String::new();
        self.write(id, input, &mut out, 0);
        out
    }

    /// An expression as it would be written; too long or too deep a one is cut.
    fn write(&self, id: ExprId, input: &Schema, out: &mut String, depth: usize) {
        if depth > 40 || out.len() > 4 * WIDTH {
            out.push('…');
            return;
        }
        match self.plan.expr(id) {
            Expr::Column { index, .. } => out.push_str(input.fields.get(*index).map_or("?", |it| &*it.name)),
            Expr::Constant { value, ty } => out.push_str(&literal(value, *ty)),
            Expr::Scalar { .. } => out.push_str("toscalar(…)"),
            Expr::List { .. } => out.push_str("(…)"),
            Expr::Call { function, args, .. } => self.call(function.name, args, input, out, depth),
        }
    }

    fn call(&self, name: &str, args: &[ExprId], input: &Schema, out: &mut String, depth: usize) {
        let is_word = name.chars().all(|it| it.is_alphanumeric() || it == '_');
        match (name, args) {
            (".", [base, key]) | ("[]", [base, key]) => {
                self.write(*base, input, out, depth + 1);
                match self.plan.expr(*key) {
                    Expr::Constant { value: Value::String(it), .. } if name == "." => _ = write!(out, ".{it}"),
                    _ => {
                        out.push('[');
                        self.write(*key, input, out, depth + 1);
                        out.push(']');
                    }
                }
            }
            _ if args.len() >= 2 && (!is_word || is_infix(name)) => {
                out.push_str(if depth > 0 { "(" } else { "" });
                for (index, it) in args.iter().enumerate() {
                    if index > 0 {
                        _ = write!(out, " {name} ");
                    }
                    self.write(*it, input, out, depth + 1);
                }
                out.push_str(if depth > 0 { ")" } else { "" });
            }
            _ => {
                _ = write!(out, "{name}(");
                for (index, it) in args.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    self.write(*it, input, out, depth + 1);
                }
                out.push(')');
            }
        }
    }
}

fn is_infix(name: &str) -> bool {
    let name = name.strip_suffix("_cs").unwrap_or(name);
    matches!(
        name,
        "and"
            | "or"
            | "in"
            | "between"
            | "has"
            | "has_any"
            | "has_all"
            | "contains"
            | "startswith"
            | "endswith"
            | "hasprefix"
            | "hassuffix"
    )
}

fn list_of(items: &[ExprId], show: impl Fn(&ExprId) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn literal(value: &Value, ty: Type) -> String {
    match value {
        Value::Null => format!("{ty}(null)"),
        Value::String(it) => format!("{:?}", cut(it.to_string())),
        Value::Datetime(it) => format!("datetime({})", kql_data::time::datetime_wire(*it)),
        Value::Timespan(it) => format!("time({})", kql_data::time::timespan_text(*it)),
        Value::Dynamic(Dynamic::Array(it)) if it.len() > 20 => format!("dynamic([… {} values …])", it.len()),
        Value::Dynamic(it) => format!("dynamic({})", cut(it.json())),
        Value::Bool(it) => it.to_string(),
        other => other.text(),
    }
}

fn parts(parts: &[ParsePart]) -> String {
    let one = |it: &ParsePart| match it {
        ParsePart::Star => "*".to_owned(),
        ParsePart::Text(it) => format!("{it:?}"),
        ParsePart::Column(ty) => format!("<{ty}>"),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn join_word(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::InnerUnique => "innerunique",
        JoinKind::Inner => "inner",
        JoinKind::LeftOuter => "leftouter",
        JoinKind::RightOuter => "rightouter",
        JoinKind::FullOuter => "fullouter",
        JoinKind::LeftSemi => "leftsemi",
        JoinKind::LeftAnti => "leftanti",
        JoinKind::RightSemi => "rightsemi",
        JoinKind::RightAnti => "rightanti",
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text,
    }
}
