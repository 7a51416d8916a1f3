//! The operators.

use super::Printer;
use crate::syntax::{
    Assignment, EdgeDirection, ExpandColumn, ExprId, Find, FindOutput, Fork, GraphElement, GraphPattern, GraphToTable,
    InlineExternalTable, MakeGraph, MakeSeries, Operator, ParsePart, Partition, PartitionBody, ProjectReorder, Render,
    ReorderOrder, Scan, ScanStep, SeriesColumn, Stage, TopNested,
};

impl Printer<'_> {
    pub(super) fn stage(&mut self, stage: &Stage) {
        self.word(keyword(&stage.operator));
        match &stage.operator {
            Operator::Extend(it) => self.assignments(&it.columns),
            Operator::Print(it) => self.assignments(&it.columns),
            Operator::Project(it) => self.assignments(&it.columns),
            Operator::ProjectRename(it) => self.assignments(&it.columns),
            Operator::ProjectAway(it) => self.columns(&it.columns),
            Operator::ProjectKeep(it) => self.columns(&it.columns),
            Operator::ProjectByNames(it) => self.columns(&it.columns),
            Operator::ProjectReorder(it) => self.project_reorder(it),
            Operator::Where(it) => {
                self.parameters(&it.parameters);
                self.word(" ");
                if let Some(name) = &it.name {
                    self.name(name);
                    self.word(" = ");
                }
                self.expression(it.predicate);
            }
            Operator::Summarize(it) => {
                self.parameters(&it.parameters);
                self.assignments(&it.aggregates);
                self.by(it.has_by, &it.by, stage);
            }
            Operator::Join(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.right);
                self.keys(&it.on, it.predicate);
            }
            Operator::Lookup(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.right);
                self.keys(&it.on, it.predicate);
            }
            Operator::Union(it) => {
                self.parameters(&it.parameters);
                self.columns(&it.tables);
            }
            _ => self.rows_and_names(stage),
        }
    }

    /// Operators that choose rows or give names.
    fn rows_and_names(&mut self, stage: &Stage) {
        match &stage.operator {
            Operator::As(it) => {
                self.parameters(&it.parameters);
                self.word(" ");
                self.name(&it.name);
            }
            Operator::Count(it) => {
                self.parameters(&it.parameters);
                if let Some(name) = &it.name {
                    self.word(" as ");
                    self.name(name);
                }
            }
            Operator::Consume(it) => self.parameters(&it.parameters),
            Operator::ExecuteAndCache(it) => self.parameters(&it.parameters),
            Operator::GraphMarkComponents(it) => self.parameters(&it.parameters),
            Operator::Distinct(it) => {
                self.parameters(&it.parameters);
                self.assignments(&it.columns);
            }
            Operator::Serialize(it) => {
                self.parameters(&it.parameters);
                self.assignments(&it.columns);
            }
            Operator::Sort(it) => {
                self.parameters(&it.parameters);
                self.word(" by ");
                self.order_keys(&it.keys);
            }
            Operator::Take(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.count);
            }
            Operator::Sample(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.count);
            }
            Operator::SampleDistinct(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.count);
                self.word(" of ");
                self.expression(it.value);
            }
            Operator::Top(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.count);
                self.word(" by ");
                self.order_key(&it.key);
            }
            Operator::TopHitters(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.count);
                self.word(" of ");
                self.expression(it.value);
                self.clause(" by ", it.by);
            }
            Operator::TopNested(it) => self.top_nested(it),
            _ => self.sources(stage),
        }
    }

    /// Operators that are sources, or search in them.
    fn sources(&mut self, stage: &Stage) {
        match &stage.operator {
            Operator::Range(it) => {
                self.word(" ");
                self.name(&it.name);
                self.clause(" from ", Some(it.from));
                self.clause(" to ", Some(it.to));
                self.clause(" step ", Some(it.step));
            }
            Operator::Datatable(it) => {
                self.parameters(&it.parameters);
                self.word(" ");
                self.row_schema(&it.schema);
                self.word(" ");
                self.cells(&it.values, it.schema.columns.len());
            }
            Operator::ExternalData(it) => {
                self.parameters(&it.parameters);
                self.word(" ");
                self.row_schema(&it.schema);
                self.word(" ");
                self.bracketed("[", &it.sources, "]");
                self.with_properties(&it.properties);
            }
            Operator::InlineExternalTable(it) => self.inline_external_table(it),
            Operator::Find(it) => self.find(it),
            Operator::Search(it) => {
                self.parameters(&it.parameters);
                self.tables_in(&it.tables);
                self.spaced(it.predicate);
            }
            Operator::MacroExpand(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.group);
                if let Some(scope) = &it.scope {
                    self.word(" as ");
                    self.name(scope);
                }
                self.word(" ");
                self.body("(", it.body, ")");
            }
            Operator::AssertSchema(it) => {
                self.word(" ");
                self.row_schema(&it.schema);
            }
            Operator::Evaluate(it) => {
                self.parameters(&it.parameters);
                self.word(" ");
                self.name(&it.call.function);
                let expr = crate::syntax::Expr { kind: crate::syntax::ExprKind::Star, span: stage.span };
                self.arguments(&it.call.arguments, &expr);
                if let Some(schema) = &it.schema {
                    self.word(" : ");
                    self.row_schema(schema);
                }
            }
            Operator::Invoke(it) => self.spaced(it.call),
            Operator::Render(it) => self.render(it),
            _ => self.expanding(stage),
        }
    }

    /// Operators that expand, parse or divide.
    fn expanding(&mut self, stage: &Stage) {
        match &stage.operator {
            Operator::MvExpand(it) => {
                self.parameters(&it.parameters);
                self.expand_columns(&it.columns);
                self.clause(" limit ", it.limit);
            }
            Operator::MvApply(it) => {
                self.parameters(&it.parameters);
                self.expand_columns(&it.columns);
                self.clause(" limit ", it.limit);
                self.clause(" id ", it.context_id);
                self.word(" on ");
                self.subquery(it.subquery);
            }
            Operator::Parse(it) | Operator::ParseWhere(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.value);
                self.pattern_parts(&it.pattern);
            }
            Operator::ParseKv(it) => {
                self.spaced(it.value);
                self.word(" as ");
                self.row_schema(&it.schema);
                self.with_properties(&it.properties);
            }
            Operator::Partition(it) => self.partition(it),
            Operator::PartitionBy(it) => {
                self.parameters(&it.parameters);
                self.spaced(it.by);
                self.clause(" id ", it.context_id);
                self.word(" ");
                self.subquery(it.subquery);
            }
            Operator::Fork(it) => self.fork(it),
            Operator::Facet(it) => {
                self.word(" by");
                self.columns(&it.columns);
                if let Some(id) = it.subquery {
                    self.word(" with ");
                    self.subquery(id);
                }
            }
            Operator::Reduce(it) => {
                self.parameters(&it.parameters);
                self.clause(" by ", Some(it.value));
                if !it.with.is_empty() {
                    self.word(" with ");
                    self.properties(&it.with);
                }
            }
            Operator::MakeSeries(it) => self.make_series(it, stage),
            Operator::Scan(it) => self.scan(it),
            _ => self.graph(stage),
        }
    }

    fn partition(&mut self, operator: &Partition) {
        self.parameters(&operator.parameters);
        self.clause(" by ", Some(operator.by));
        self.clause(" id ", operator.context_id);
        self.word(" ");
        match operator.body {
            PartitionBody::Subquery(id) => self.subquery(id),
            PartitionBody::Expression(id) => self.body("{", id, "}"),
        }
    }

    fn fork(&mut self, operator: &Fork) {
        self.indent += 1;
        for leg in &operator.legs {
            self.line_before(leg.span.start);
            if let Some(name) = &leg.name {
                self.name(name);
                self.word(" = ");
            }
            self.subquery(leg.subquery);
        }
        self.indent -= 1;
    }

    fn graph(&mut self, stage: &Stage) {
        match &stage.operator {
            Operator::MakeGraph(it) => self.make_graph(it),
            Operator::GraphMatch(it) => {
                self.parameters(&it.parameters);
                self.graph_query(&it.patterns, it.predicate, it.project.as_deref());
            }
            Operator::GraphShortestPaths(it) => {
                self.parameters(&it.parameters);
                self.graph_query(&it.patterns, it.predicate, it.project.as_deref());
            }
            Operator::GraphToTable(it) => self.graph_to_table(it),
            Operator::GraphWhereNodes(it) => self.spaced(it.predicate),
            Operator::GraphWhereEdges(it) => self.spaced(it.predicate),
            _ => {}
        }
    }

    // ---- clauses

    fn spaced(&mut self, id: ExprId) {
        self.word(" ");
        self.expression(id);
    }

    fn clause(&mut self, word: &str, id: Option<ExprId>) {
        if let Some(id) = id {
            self.word(word);
            self.expression(id);
        }
    }

    fn columns(&mut self, columns: &[ExprId]) {
        if !columns.is_empty() {
            self.word(" ");
            self.expressions(columns);
        }
    }

    /// `by` on the same line if the whole stage fits there.
    fn by(&mut self, has_by: bool, keys: &[Assignment], stage: &Stage) {
        if !has_by {
            return;
        }
        let start = keys.first().map_or(0, |it| it.span.start);
        if self.widths.of(stage.span).is_some_and(|it| self.indent * 4 + it < super::COLUMNS)
            && !self.has_comment_in(stage.span)
        {
            self.word(" by");
        } else {
            self.indent += 1;
            self.line_before(start);
            self.word("by");
            self.indent -= 1;
        }
        self.indent += 1;
        self.assignments(keys);
        self.indent -= 1;
    }

    fn keys(&mut self, on: &[ExprId], predicate: Option<ExprId>) {
        if !on.is_empty() {
            self.word(" on");
            self.columns(on);
        }
        self.clause(" where ", predicate);
    }

    fn tables_in(&mut self, tables: &[ExprId]) {
        if !tables.is_empty() {
            self.word(" in ");
            self.bracketed("(", tables, ")");
        }
    }

    /// The cells of a `datatable`, a row a line if they do not fit on one.
    fn cells(&mut self, values: &[ExprId], n_columns: usize) {
        let span = match (values.first(), values.last()) {
            (Some(first), Some(last)) => self.query.span(*first).to(self.query.span(*last)),
            _ => return self.word("[]"),
        };
        if self.fits(span) {
            return self.bracketed("[", values, "]");
        }
        self.word("[");
        self.indent += 1;
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.word(",");
            }
            if at % n_columns.max(1) == 0 {
                let start = self.query.span(*value).start;
                self.line_before(start);
            } else {
                self.word(" ");
            }
            self.expression(*value);
        }
        self.indent -= 1;
        self.line_before(0);
        self.word("]");
    }

    fn expand_columns(&mut self, columns: &[ExpandColumn]) {
        self.word(" ");
        for (at, column) in columns.iter().enumerate() {
            self.word(if at > 0 { ", " } else { "" });
            self.assignment(&column.value);
            if let Some(ty) = &column.ty {
                self.word(" to ");
                self.type_of(ty);
            }
        }
    }

    fn pattern_parts(&mut self, parts: &[ParsePart]) {
        self.word(" with");
        for part in parts {
            self.word(" ");
            match part {
                ParsePart::Star(_) => self.word("*"),
                ParsePart::Text(id) => self.expression(*id),
                ParsePart::Column(column) => self.column_declaration(column),
            }
        }
    }

    fn project_reorder(&mut self, operator: &ProjectReorder) {
        self.word(" ");
        for (at, column) in operator.columns.iter().enumerate() {
            self.word(if at > 0 { ", " } else { "" });
            self.expression(column.column);
            self.word(match column.order {
                Some(ReorderOrder::Ascending) => " asc",
                Some(ReorderOrder::Descending) => " desc",
                Some(ReorderOrder::GrannyAscending) => " granny-asc",
                Some(ReorderOrder::GrannyDescending) => " granny-desc",
                None => "",
            });
        }
    }

    fn find(&mut self, operator: &Find) {
        self.parameters(&operator.parameters);
        self.tables_in(&operator.tables);
        self.clause(" where ", Some(operator.predicate));
        match &operator.output {
            FindOutput::Default => {}
            FindOutput::Smart => self.word(" project-smart"),
            FindOutput::Project { columns, pack } => {
                self.word(" project");
                for (at, column) in columns.iter().enumerate() {
                    self.word(if at > 0 { ", " } else { " " });
                    self.column_declaration(column);
                }
                if *pack {
                    self.word(if columns.is_empty() { " pack_all()" } else { ", pack_all()" });
                }
            }
            FindOutput::Away(columns) => {
                self.word(" project-away");
                self.columns(columns);
            }
        }
    }

    fn render(&mut self, operator: &Render) {
        self.word(" ");
        self.name(&operator.chart);
        let (by, others): (Vec<_>, Vec<_>) = operator.properties.iter().cloned().partition(|it| it.name.text == "by");
        self.with_properties(&others);
        for it in by {
            self.word(" by ");
            self.expression(it.value);
            for value in it.more {
                self.word(", ");
                self.expression(value);
            }
        }
    }

    fn top_nested(&mut self, operator: &TopNested) {
        self.indent += 1;
        for (at, level) in operator.levels.iter().enumerate() {
            if at > 0 {
                self.word(",");
                self.line_before(level.span.start);
                self.word("top-nested");
            }
            if let Some(count) = level.count {
                self.spaced(count);
            }
            self.word(" of ");
            self.assignment(&level.value);
            self.clause(" with others = ", level.others);
            self.word(" by ");
            self.assignment(&level.by);
            self.order(level.direction, level.nulls);
        }
        self.indent -= 1;
    }

    fn inline_external_table(&mut self, operator: &InlineExternalTable) {
        if !operator.schema.span.is_empty() {
            self.word(" ");
            self.row_schema(&operator.schema);
        }
        let (kind, others): (Vec<_>, Vec<_>) =
            operator.parameters.iter().cloned().partition(|it| it.name.text == "kind");
        self.parameters(&kind);
        if !operator.partitions.is_empty() {
            self.word(" partition by (");
            self.column_declarations(&operator.partitions);
            self.word(")");
        }
        if !operator.path_format.is_empty() {
            self.word(" pathformat=(");
            for (at, element) in operator.path_format.iter().enumerate() {
                self.word(if at > 0 { " " } else { "" });
                self.expression(*element);
            }
            self.word(")");
        }
        self.parameters(&others);
        self.word(" ");
        self.bracketed("(", &operator.sources, ")");
        self.with_properties(&operator.properties);
    }

    fn make_series(&mut self, operator: &MakeSeries, stage: &Stage) {
        self.parameters(&operator.parameters);
        self.word(" ");
        self.list(stage.span, &operator.series, |_, it| it.value.span.start, Self::series_column);
        self.word(" on ");
        self.assignment(&operator.axis);
        if operator.is_in_range {
            self.clause(" in range(", operator.from);
            self.clause(", ", operator.to);
            self.clause(", ", operator.step);
            self.word(")");
        } else {
            self.clause(" from ", operator.from);
            self.clause(" to ", operator.to);
            self.clause(" step ", operator.step);
        }
        if !operator.by.is_empty() {
            self.word(" by");
            self.assignments(&operator.by);
        }
    }

    fn series_column(&mut self, column: &SeriesColumn) {
        self.assignment(&column.value);
        self.clause(" default=", column.default);
    }

    fn scan(&mut self, operator: &Scan) {
        self.parameters(&operator.parameters);
        if !operator.order_by.is_empty() {
            self.word(" order by ");
            self.order_keys(&operator.order_by);
        }
        if !operator.partition_by.is_empty() {
            self.word(" partition by");
            self.columns(&operator.partition_by);
        }
        if !operator.declare.is_empty() {
            self.word(" declare (");
            self.column_declarations(&operator.declare);
            self.word(")");
        }
        self.word(" with (");
        self.indent += 1;
        for step in &operator.steps {
            self.line_before(step.span.start);
            self.scan_step(step);
            self.word(";");
        }
        self.indent -= 1;
        self.line_before(0);
        self.word(")");
    }

    fn scan_step(&mut self, step: &ScanStep) {
        self.word("step ");
        self.name(&step.name);
        self.word(if step.is_optional { " optional" } else { "" });
        if let Some(output) = &step.output {
            self.word(" output=");
            self.name(output);
        }
        self.word(": ");
        self.expression(step.condition);
        if !step.assignments.is_empty() {
            self.word(" =>");
            self.assignments(&step.assignments);
        }
    }

    // ---- graphs

    fn make_graph(&mut self, operator: &MakeGraph) {
        let (hints, others): (Vec<_>, Vec<_>) =
            operator.parameters.iter().cloned().partition(|it| it.name.text != "with_node_id");
        self.parameters(&hints);
        self.spaced(operator.source);
        self.word(if operator.direction == EdgeDirection::Any { " -- " } else { " --> " });
        self.expression(operator.target);
        self.parameters(&others);
        for (at, nodes) in operator.nodes.iter().enumerate() {
            self.word(if at > 0 { ", " } else { " with " });
            self.expression(nodes.table);
            self.word(" on ");
            self.expression(nodes.key);
        }
        if let Some((column, subquery)) = operator.partitioned_by {
            self.word(" partitioned-by ");
            self.expression(column);
            self.word(" ");
            self.subquery(subquery);
        }
    }

    fn graph_query(&mut self, patterns: &[GraphPattern], predicate: Option<ExprId>, project: Option<&[Assignment]>) {
        self.word(" ");
        for (at, pattern) in patterns.iter().enumerate() {
            self.word(if at > 0 { ", " } else { "" });
            for element in &pattern.elements {
                self.graph_element(element);
            }
        }
        self.indent += 1;
        if let Some(id) = predicate {
            let start = self.query.span(id).start;
            self.line_before(start);
            self.clause("where ", predicate);
        }
        if let Some(project) = project {
            self.line_before(project.first().map_or(0, |it| it.span.start));
            self.word("project");
            self.assignments(project);
        }
        self.indent -= 1;
    }

    fn graph_element(&mut self, element: &GraphElement) {
        match element {
            GraphElement::Node { name, .. } => {
                self.word("(");
                if let Some(name) = name {
                    self.name(name);
                }
                self.word(")");
            }
            GraphElement::Edge { direction, name, range, .. } => {
                self.word(if *direction == EdgeDirection::Left { "<-" } else { "-" });
                if name.is_some() || range.is_some() {
                    self.word("[");
                    if let Some(name) = name {
                        self.name(name);
                    }
                    if let Some((low, high)) = range {
                        self.word("*");
                        self.expression(*low);
                        self.word("..");
                        self.expression(*high);
                    }
                    self.word("]");
                }
                self.word(if *direction == EdgeDirection::Right { "->" } else { "-" });
            }
        }
    }

    fn graph_to_table(&mut self, operator: &GraphToTable) {
        for (at, output) in operator.outputs.iter().enumerate() {
            self.word(if at > 0 { ", " } else { " " });
            self.word(if output.is_edges { "edges" } else { "nodes" });
            if let Some(name) = &output.name {
                self.word(" as ");
                self.name(name);
            }
            self.parameters(&output.parameters);
        }
    }
}

/// The word an operator begins with.
fn keyword(operator: &Operator) -> &'static str {
    match operator {
        Operator::As(_) => "as",
        Operator::AssertSchema(_) => "assert-schema",
        Operator::Consume(_) => "consume",
        Operator::Count(_) => "count",
        Operator::Datatable(_) => "datatable",
        Operator::Distinct(_) => "distinct",
        Operator::Evaluate(_) => "evaluate",
        Operator::ExecuteAndCache(_) => "execute-and-cache",
        Operator::Extend(_) => "extend",
        Operator::ExternalData(_) => "externaldata",
        Operator::Facet(_) => "facet",
        Operator::Find(_) => "find",
        Operator::Fork(_) => "fork",
        Operator::GetSchema => "getschema",
        Operator::GraphMarkComponents(_) => "graph-mark-components",
        Operator::GraphMatch(_) => "graph-match",
        Operator::GraphShortestPaths(_) => "graph-shortest-paths",
        Operator::GraphToTable(_) => "graph-to-table",
        Operator::GraphWhereEdges(_) => "graph-where-edges",
        Operator::GraphWhereNodes(_) => "graph-where-nodes",
        Operator::InlineExternalTable(_) => "inline_external_table",
        Operator::Invoke(_) => "invoke",
        Operator::Join(_) => "join",
        Operator::Lookup(_) => "lookup",
        Operator::MacroExpand(_) => "macro-expand",
        Operator::MakeGraph(_) => "make-graph",
        Operator::MakeSeries(_) => "make-series",
        Operator::MvApply(_) => "mv-apply",
        Operator::MvExpand(_) => "mv-expand",
        Operator::Parse(_) => "parse",
        Operator::ParseKv(_) => "parse-kv",
        Operator::ParseWhere(_) => "parse-where",
        Operator::Partition(_) => "partition",
        Operator::PartitionBy(_) => "__partitionby",
        Operator::Print(_) => "print",
        Operator::Project(_) => "project",
        Operator::ProjectAway(_) => "project-away",
        Operator::ProjectByNames(_) => "project-by-names",
        Operator::ProjectKeep(_) => "project-keep",
        Operator::ProjectRename(_) => "project-rename",
        Operator::ProjectReorder(_) => "project-reorder",
        Operator::Range(_) => "range",
        Operator::Reduce(_) => "reduce",
        Operator::Render(_) => "render",
        Operator::Sample(_) => "sample",
        Operator::SampleDistinct(_) => "sample-distinct",
        Operator::Scan(_) => "scan",
        Operator::Search(_) => "search",
        Operator::Serialize(_) => "serialize",
        Operator::Sort(_) => "sort",
        Operator::Summarize(_) => "summarize",
        Operator::Take(_) => "take",
        Operator::Top(_) => "top",
        Operator::TopHitters(_) => "top-hitters",
        Operator::TopNested(_) => "top-nested",
        Operator::Union(_) => "union",
        Operator::Where(_) => "where",
        Operator::Error => "",
    }
}
