//! What several operators share: names, schemas, assignments, parameters, order keys, lists.

use super::Printer;
use crate::diagnostic::Span;
use crate::syntax::{
    Assignment, ColumnDeclaration, Direction, ExprId, Name, Nulls, OrderKey, Parameter, PipelineId, RowSchema, TypeOf,
};

impl Printer<'_> {
    pub(super) fn name(&mut self, name: &Name) {
        if !name.quoted {
            return self.word(&name.text);
        }
        self.word("['");
        for it in name.text.chars() {
            match it {
                '\'' => self.word("\\'"),
                '\\' => self.word("\\\\"),
                '\n' => self.word("\\n"),
                '\r' => self.word("\\r"),
                '\t' => self.word("\\t"),
                it if it.is_control() => {
                    let text = format!("\\u{:04x}", it as u32);
                    self.word(&text);
                }
                it => self.out.push(it),
            }
        }
        self.word("']");
    }

    /// Items with commas: on one line if `span` fits, otherwise each on its own, indented.
    pub(super) fn list<T>(
        &mut self,
        span: Span,
        items: &[T],
        start: impl Fn(&Self, &T) -> u32,
        mut print: impl FnMut(&mut Self, &T),
    ) {
        let is_broken = items.len() > 1 && !self.fits(span);
        self.indent += usize::from(is_broken);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.word(",");
            }
            if is_broken {
                let offset = start(self, item);
                self.line_before(offset);
            } else if at > 0 {
                self.word(" ");
            }
            print(self, item);
        }
        self.indent -= usize::from(is_broken);
    }

    /// A list of expressions behind a word and a space.
    pub(super) fn expressions(&mut self, items: &[ExprId]) {
        let span = self.span_of_all(items);
        self.list(span, items, |it, id| it.query.span(*id).start, |it, id| it.expression(*id));
    }

    /// A list of expressions in brackets.
    pub(super) fn bracketed(&mut self, open: &str, items: &[ExprId], close: &str) {
        self.word(open);
        let span = self.span_of_all(items);
        if items.is_empty() || self.fits(span) {
            self.expressions(items);
        } else {
            self.broken(items, |it, id| it.query.span(*id).start, |it, id| it.expression(*id));
        }
        self.word(close);
    }

    /// Items one a line, and a line for what closes them.
    pub(super) fn broken<T>(
        &mut self,
        items: &[T],
        start: impl Fn(&Self, &T) -> u32,
        mut print: impl FnMut(&mut Self, &T),
    ) {
        self.indent += 1;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.word(",");
            }
            let offset = start(self, item);
            self.line_before(offset);
            print(self, item);
        }
        self.indent -= 1;
        self.line_before(0);
    }

    fn span_of_all(&self, items: &[ExprId]) -> Span {
        match (items.first(), items.last()) {
            (Some(first), Some(last)) => self.query.span(*first).to(self.query.span(*last)),
            _ => Span::default(),
        }
    }

    pub(super) fn assignment(&mut self, assignment: &Assignment) {
        if assignment.is_tuple {
            self.word("(");
        }
        for (at, name) in assignment.names.iter().enumerate() {
            self.word(if at > 0 { ", " } else { "" });
            self.name(name);
        }
        if assignment.is_tuple {
            self.word(")");
        }
        if !assignment.names.is_empty() || assignment.is_tuple {
            self.word(" = ");
        }
        self.expression(assignment.value);
    }

    /// ` a = 1, b`: a space and the assignments, or nothing.
    pub(super) fn assignments(&mut self, items: &[Assignment]) {
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return };
        let span = first.span.to(last.span);
        self.word(" ");
        self.list(span, items, |_, it| it.span.start, Self::assignment);
    }

    /// ` name=value name=value`, each with a space before it.
    pub(super) fn parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            self.word(" ");
            self.parameter(parameter);
        }
    }

    pub(super) fn parameter(&mut self, parameter: &Parameter) {
        self.name(&parameter.name);
        self.word("=");
        self.expression(parameter.value);
        for value in &parameter.more {
            self.word(", ");
            self.expression(*value);
        }
    }

    /// `name=value, name=value`.
    pub(super) fn properties(&mut self, properties: &[Parameter]) {
        for (at, property) in properties.iter().enumerate() {
            self.word(if at > 0 { ", " } else { "" });
            self.parameter(property);
        }
    }

    /// ` with (name=value, …)`, or nothing.
    pub(super) fn with_properties(&mut self, properties: &[Parameter]) {
        if !properties.is_empty() {
            self.word(" with (");
            self.properties(properties);
            self.word(")");
        }
    }

    pub(super) fn order_key(&mut self, key: &OrderKey) {
        self.expression(key.value);
        self.order(key.direction, key.nulls);
    }

    pub(super) fn order(&mut self, direction: Option<Direction>, nulls: Option<Nulls>) {
        self.word(match direction {
            Some(Direction::Ascending) => " asc",
            Some(Direction::Descending) => " desc",
            None => "",
        });
        self.word(match nulls {
            Some(Nulls::First) => " nulls first",
            Some(Nulls::Last) => " nulls last",
            None => "",
        });
    }

    pub(super) fn order_keys(&mut self, keys: &[OrderKey]) {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return };
        let span = first.span.to(last.span);
        self.list(span, keys, |_, it| it.span.start, Self::order_key);
    }

    pub(super) fn column_declaration(&mut self, column: &ColumnDeclaration) {
        self.name(&column.name);
        if let Some(ty) = &column.ty {
            self.word(": ");
            self.word(&ty.text);
        }
        if let Some(default) = column.default {
            self.word(" = ");
            self.expression(default);
        }
    }

    pub(super) fn column_declarations(&mut self, columns: &[ColumnDeclaration]) {
        let (Some(first), Some(last)) = (columns.first(), columns.last()) else { return };
        if self.fits(first.span.to(last.span)) {
            for (at, column) in columns.iter().enumerate() {
                self.word(if at > 0 { ", " } else { "" });
                self.column_declaration(column);
            }
        } else {
            self.broken(columns, |_, it| it.span.start, Self::column_declaration);
        }
    }

    /// `(a: long, b: string)`.
    pub(super) fn row_schema(&mut self, schema: &RowSchema) {
        self.word("(");
        if schema.open {
            self.word(if schema.columns.is_empty() { "*" } else { "*, " });
        }
        self.column_declarations(&schema.columns);
        self.word(")");
    }

    pub(super) fn type_of(&mut self, ty: &TypeOf) {
        self.word("typeof");
        match ty {
            TypeOf::Scalar(name) => {
                self.word("(");
                self.word(&name.text);
                self.word(")");
            }
            TypeOf::Row(schema) => self.row_schema(schema),
        }
    }

    /// `( operator | operator )`, each stage on its own line.
    pub(super) fn subquery(&mut self, id: PipelineId) {
        self.word("(");
        self.indent += 1;
        let start = self.query.pipeline(id).span.start;
        self.line_before(start);
        self.pipeline(id);
        self.indent -= 1;
        self.line_before(0);
        self.word(")");
    }
}
