//! Expressions and pipelines.

use super::{COLUMNS, Printer};
use crate::syntax::{
    Argument, ArithmeticOperator, BinaryOperator, Call, Expr, ExprId, ExprKind, Operator, Parameter, PipelineId, Step,
    UnaryOperator,
};

impl Printer<'_> {
    pub(super) fn expression(&mut self, id: ExprId) {
        let expr = self.query.expr(id);
        match &expr.kind {
            ExprKind::Missing | ExprKind::Literal(_) => self.verbatim(expr.span),
            ExprKind::Name(name) | ExprKind::Wildcard(name) => self.name(name),
            ExprKind::Star => self.word("*"),
            ExprKind::Parenthesized(inner) => self.parenthesized(*inner),
            ExprKind::Pipeline(id) => self.pipeline(*id),
            ExprKind::Call(call) => self.call(call, expr),
            ExprKind::Path { base, steps } => self.path(*base, steps, expr),
            ExprKind::And(operands) => self.logical(operands, "and", expr),
            ExprKind::Or(operands) => self.logical(operands, "or", expr),
            ExprKind::Unary { operator, operand } => self.unary(*operator, *operand),
            ExprKind::Arithmetic { first, rest } => self.arithmetic(*first, rest),
            ExprKind::Membership { operator, value, list, .. } => {
                self.expression(*value);
                self.infix(operator.word());
                self.bracketed("(", list, ")");
            }
            _ => self.other(expr),
        }
    }

    fn other(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Binary { operator, left, right, .. } => {
                self.expression(*left);
                match operator {
                    BinaryOperator::Search => self.word(operator.word()),
                    _ => self.infix(operator.word()),
                }
                self.expression(*right);
            }
            ExprKind::Between { negated, value, low, high } => {
                self.expression(*value);
                self.word(if *negated { " !between (" } else { " between (" });
                self.expression(*low);
                self.word(" .. ");
                self.expression(*high);
                self.word(")");
            }
            ExprKind::ToScalar { parameters, value } => self.wrapper("toscalar", parameters, *value),
            ExprKind::ToTable { parameters, value } => self.wrapper("totable", parameters, *value),
            ExprKind::Materialize { parameters, value } => self.wrapper("materialize", parameters, *value),
            ExprKind::TypeOf(ty) => self.type_of(ty),
            ExprKind::EntityGroup(entities) => {
                self.word("entity_group ");
                self.bracketed("[", entities, "]");
            }
            _ => {}
        }
    }

    fn wrapper(&mut self, word: &str, parameters: &[Parameter], value: ExprId) {
        self.word(word);
        self.parameters(parameters);
        if !parameters.is_empty() {
            self.word(" ");
        }
        self.parenthesized(value);
    }

    /// `( … )`: on several lines if a pipeline stands in it or it is too long.
    fn parenthesized(&mut self, inner: ExprId) {
        self.word("(");
        let expr = self.query.expr(inner);
        let is_plain = self.fits(expr.span) || matches!(expr.kind, ExprKind::Parenthesized(_) | ExprKind::Call(_));
        if is_plain {
            self.expression(inner);
        } else {
            self.indent += 1;
            self.line_before(expr.span.start);
            self.expression(inner);
            self.indent -= 1;
            self.line_before(0);
        }
        self.word(")");
    }

    /// `a and b and c`; if it is too long each operand begins a line.
    fn logical(&mut self, operands: &[ExprId], word: &str, expr: &Expr) {
        let is_broken = !self.fits(expr.span);
        for (at, operand) in operands.iter().enumerate() {
            if at > 0 {
                if is_broken {
                    self.indent += 1;
                    let start = self.query.span(*operand).start;
                    self.line_before(start);
                    self.indent -= 1;
                } else {
                    self.word(" ");
                }
                self.word(word);
                self.word(" ");
            }
            self.indent += usize::from(is_broken);
            self.expression(*operand);
            self.indent -= usize::from(is_broken);
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: ExprId) {
        self.word(match operator {
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
        });
        // `- -9223372036854775808`: the literal has a sign of its own
        if self.query.text_of(self.query.span(operand)).starts_with('-') {
            self.word(" ");
        }
        self.expression(operand);
    }

    fn arithmetic(&mut self, first: ExprId, rest: &[(ArithmeticOperator, ExprId)]) {
        self.expression(first);
        for (operator, operand) in rest {
            if self.column() > COLUMNS {
                self.indent += 1;
                let start = self.query.span(*operand).start;
                self.line_before(start);
                self.indent -= 1;
                self.word(operator.symbol());
                self.word(" ");
            } else {
                self.infix(operator.symbol());
            }
            self.expression(*operand);
        }
    }

    /// `name(arguments)`; if it is too long each argument has a line.
    pub(super) fn call(&mut self, call: &Call, expr: &Expr) {
        self.name(&call.function);
        self.arguments(&call.arguments, expr);
    }

    pub(super) fn arguments(&mut self, arguments: &[Argument], expr: &Expr) {
        self.word("(");
        let is_alone = matches!(arguments, [one] if !self.has_pipeline(one.value));
        if arguments.is_empty() || self.fits(expr.span) || is_alone {
            for (at, argument) in arguments.iter().enumerate() {
                self.word(if at > 0 { ", " } else { "" });
                self.argument(argument);
            }
        } else {
            self.broken(arguments, |it, argument| it.argument_start(argument), Self::argument);
        }
        self.word(")");
    }

    fn has_pipeline(&self, id: ExprId) -> bool {
        matches!(self.query.kind(id), ExprKind::Pipeline(_))
    }

    fn argument_start(&self, argument: &Argument) -> u32 {
        argument.name.as_ref().map_or(self.query.span(argument.value), |it| it.span).start
    }

    fn argument(&mut self, argument: &Argument) {
        if let Some(name) = &argument.name {
            self.name(name);
            self.word(" = ");
        }
        self.expression(argument.value);
    }

    fn path(&mut self, base: ExprId, steps: &[Step], expr: &Expr) {
        self.expression(base);
        for step in steps {
            match step {
                Step::Member(name) | Step::Wildcard(name) => {
                    self.word(".");
                    self.name(name);
                }
                Step::Index(index) => {
                    self.word("[");
                    self.expression(*index);
                    self.word("]");
                }
                Step::Call(call) => {
                    self.word(".");
                    self.call(call, expr);
                }
            }
        }
    }

    // ---- pipelines

    /// The source and the stages, each on its own line; the current line is the first.
    pub(super) fn pipeline(&mut self, id: PipelineId) {
        let pipeline = self.query.pipeline(id);
        if let Some(source) = pipeline.source {
            self.expression(source);
        }
        for (at, stage) in pipeline.stages.iter().enumerate() {
            if at > 0 || pipeline.source.is_some() {
                self.line_before(stage.span.start);
                self.word("| ");
            }
            match stage.operator {
                Operator::Error => self.verbatim(stage.span),
                _ => self.stage(stage),
            }
        }
    }
}
