//! Statements, functions and bodies.

use super::Printer;
use crate::syntax::{
    BodyId, ExprId, ExprKind, Function, FunctionParameter, LetValue, ParameterType, Pattern, PatternCase, Statement,
    StatementKind,
};

impl Printer<'_> {
    pub(super) fn statements(&mut self) {
        let query = self.query;
        for (at, statement) in query.statements.iter().enumerate() {
            self.line_before(statement.span.start);
            self.statement(statement);
            if at + 1 < query.statements.len() {
                self.word(";");
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Query(id) => self.expression(*id),
            StatementKind::Let(it) => {
                self.word("let ");
                self.name(&it.name);
                match &it.value {
                    LetValue::Function(function) => self.function(function),
                    LetValue::Expr(id) => self.let_value(*id),
                }
            }
            StatementKind::Set { name, value } => {
                self.word("set ");
                self.name(name);
                if let Some(value) = value {
                    self.word(" = ");
                    self.expression(*value);
                }
            }
            StatementKind::Alias { name, value } => {
                self.word("alias database ");
                self.name(name);
                self.word(" = ");
                self.expression(*value);
            }
            StatementKind::QueryParameters(parameters) => {
                self.word("declare query_parameters ");
                self.function_parameters(parameters);
            }
            StatementKind::Pattern(pattern) => self.pattern(pattern),
            StatementKind::Restrict { entities } => {
                self.word("restrict access to ");
                self.bracketed("(", entities, ")");
            }
        }
    }

    /// ` = value`; a pipeline stands on lines of its own.
    fn let_value(&mut self, id: ExprId) {
        let is_piped = match self.query.kind(id) {
            ExprKind::Pipeline(id) => {
                let pipeline = self.query.pipeline(*id);
                pipeline.source.is_some() || pipeline.stages.len() > 1
            }
            _ => false,
        };
        if !is_piped {
            self.word(" = ");
            return self.expression(id);
        }
        self.word(" =");
        self.indent += 1;
        let start = self.query.span(id).start;
        self.line_before(start);
        self.expression(id);
        self.indent -= 1;
    }

    fn function(&mut self, function: &Function) {
        self.word(if function.is_view { " = view " } else { " = " });
        self.function_parameters(&function.parameters);
        self.word(" ");
        self.body("{", function.body, "}");
    }

    fn function_parameters(&mut self, parameters: &[FunctionParameter]) {
        self.word("(");
        let span = match (parameters.first(), parameters.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => return self.word(")"),
        };
        if self.fits(span) {
            for (at, parameter) in parameters.iter().enumerate() {
                self.word(if at > 0 { ", " } else { "" });
                self.function_parameter(parameter);
            }
        } else {
            self.broken(parameters, |_, it| it.span.start, Self::function_parameter);
        }
        self.word(")");
    }

    fn function_parameter(&mut self, parameter: &FunctionParameter) {
        self.name(&parameter.name);
        self.word(": ");
        match &parameter.ty {
            ParameterType::Scalar(ty) => self.word(&ty.text),
            ParameterType::Table(schema) => self.row_schema(schema),
        }
        if let Some(default) = parameter.default {
            self.word(" = ");
            self.expression(default);
        }
    }

    /// `{ … }` on lines of its own.
    pub(super) fn body(&mut self, open: &str, id: BodyId, close: &str) {
        let body = self.query.body(id);
        self.word(open);
        self.indent += 1;
        for statement in &body.statements {
            self.line_before(statement.span.start);
            self.statement(statement);
            self.word(";");
        }
        if let Some(result) = body.result {
            let start = self.query.span(result).start;
            self.line_before(start);
            self.expression(result);
        }
        self.indent -= 1;
        self.line_before(body.span.end.saturating_sub(1));
        self.word(close);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        self.word("declare pattern ");
        self.name(&pattern.name);
        let Some(definition) = &pattern.definition else { return };
        self.word(" = ");
        self.function_parameters(&definition.arguments);
        if let Some(path) = &definition.path {
            self.word("[");
            self.function_parameter(path);
            self.word("]");
        }
        self.word(" {");
        self.indent += 1;
        for case in &definition.cases {
            self.line_before(case.span.start);
            self.pattern_case(case);
        }
        self.indent -= 1;
        self.line_before(0);
        self.word("}");
    }

    fn pattern_case(&mut self, case: &PatternCase) {
        self.bracketed("(", &case.values, ")");
        if let Some(path) = case.path {
            self.word(".[");
            self.expression(path);
            self.word("]");
        }
        self.word(" = ");
        self.body("{", case.body, "}");
        self.word(";");
    }
}
