//! Scalar expressions.

use super::{Bind, Binder, Reported, scope::Binding};
use crate::{
    diagnostic::{Diagnostic, Span, closest},
    plan::{Expr, ExprId, Op},
    syntax::{self, ArithmeticOperator, BinaryOperator, ExprKind, MembershipOperator, Step, UnaryOperator},
};
use kql_data::{Dynamic, Field, Schema, Type, Value};
use kql_functions::resolve::widest_number;

/// The longest chain of `+`, `-` … over values that differ by row.
const CHAIN_MAX: usize = 2_000;

impl Binder<'_> {
    /// Binds a scalar expression over the current row.
    pub(super) fn scalar(&mut self, id: syntax::ExprId) -> Bind<ExprId> {
        let expr = self.scalar_of(id)?;
        self.note_scalar(id, expr);
        Ok(expr)
    }

    fn scalar_of(&mut self, id: syntax::ExprId) -> Bind<ExprId> {
        let query = self.query.clone();
        let span = query.span(id);
        self.nested(span, |binder| match query.kind(id) {
            ExprKind::Missing => Err(Reported),
            ExprKind::Literal(it) => {
                let (value, ty) = binder.literal(it);
                Ok(binder.constant(value, ty))
            }
            ExprKind::Name(name) => binder.name(&name.text, name.span),
            ExprKind::Parenthesized(inner) => binder.scalar(*inner),
            ExprKind::Path { base, steps } => binder.path(*base, steps, span),
            ExprKind::Call(call) => binder.call(call, span),
            ExprKind::ToScalar { value, .. } => binder.first_cell(*value, span),
            ExprKind::Unary { operator, operand } => binder.unary(*operator, *operand, span),
            ExprKind::Arithmetic { first, rest } => binder.arithmetic(*first, rest, span),
            ExprKind::Binary { operator, left, right, .. } => binder.binary(*operator, *left, *right, span),
            ExprKind::And(items) => binder.logical("and", items, span),
            ExprKind::Or(items) => binder.logical("or", items, span),
            ExprKind::Membership { operator, value, list, .. } => binder.membership(*operator, *value, list, span),
            ExprKind::Between { negated, value, low, high } => binder.between(*negated, *value, *low, *high, span),
            ExprKind::Pipeline(_) | ExprKind::Materialize { .. } | ExprKind::ToTable { .. } => {
                binder.fail("SEM0085", span, "a tabular expression is not expected here")
            }
            ExprKind::Star | ExprKind::Wildcard(_) => binder.fail("SEM0100", span, "`*` is not expected here"),
            ExprKind::TypeOf(_) => binder.fail("SEM0207", span, "`typeof` is not expected here"),
            ExprKind::EntityGroup(_) => binder.fail("SEM0085", span, "an entity group is not expected here"),
        })
    }

    /// A scalar that must be the same for all rows: it is bound without columns.
    pub(super) fn constant_scalar(&mut self, id: syntax::ExprId) -> Bind<ExprId> {
        let row = super::Row::none();
        self.over(row, |binder| binder.scalar(id))
    }

    /// A predicate.
    pub(super) fn predicate(&mut self, id: syntax::ExprId) -> Bind<ExprId> {
        let span = self.query.span(id);
        let expr = self.scalar(id)?;
        match self.ty(expr) {
            Type::Bool => Ok(expr),
            Type::Dynamic | Type::Int | Type::Long | Type::Real => self.cast(expr, Type::Bool, span),
            ty => self.fail("SEM0001", span, format!("a condition must be bool, not {ty}")),
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Bind<ExprId> {
        if let Some(element) = self.graph_variable(name) {
            return self.graph_element(element, span);
        }
        if let Some((index, ty)) = self.row.find(name) {
            if self.aggregation.as_ref().is_some_and(|it| !it.inside) {
                let message = format!("the column `{name}` may only stand inside an aggregate here");
                return self.fail("SEM0098", span, message);
            }
            let field = self.row.schema.fields.get(index).cloned();
            return Ok(match field {
                Some(field) => self.field(index, &field),
                None => self.column(index, ty),
            });
        }
        if let Some(right) = self.row.right.clone()
            && let Some(index) = right.index_of(name)
        {
            let ty = right.fields.get(index).map_or(Type::Dynamic, |it| it.ty);
            return Ok(self.column(self.row.schema.len() + index, ty));
        }
        if let Some(ty) = self.row.elsewhere.as_ref().and_then(|it| it.fields.get(it.index_of(name)?)).map(|it| it.ty) {
            return Ok(self.constant(Value::null(ty), ty));
        }
        match self.env.find(name).cloned() {
            Some(Binding::Scalar(expr)) => return Ok(expr),
            Some(Binding::RowScalar(expr, level)) if level == self.row.level => return Ok(expr),
            Some(Binding::RowScalar(..)) => {
                return self.fail("CRT0018", span, format!("`{name}` differs by row and cannot be used in a subquery"));
            }
            Some(Binding::Fresh(closure, value)) => {
                return self.within(closure, None, |binder| binder.constant_scalar(value));
            }
            Some(Binding::Function(function)) => {
                return self.call_scalar_function(&function, &[], span);
            }
            Some(Binding::Table(_) | Binding::Group(..) | Binding::Entity(_) | Binding::Pattern(..)) => {
                return self.fail("SEM0085", span, format!("`{name}` is a table, and a scalar is needed here"));
            }
            Some(Binding::Faulty) => return Err(Reported),
            Some(Binding::Restriction(_)) | None => {}
        }
        if let Some(function) = self.stored_function(name, span)? {
            return self.call_scalar_function(&function, &[], span);
        }
        if self.row.open {
            return Ok(self.assumed(name, span));
        }
        self.unknown_name(name, span)
    }

    /// A column that a table whose columns are not all known is taken to have.
    pub(super) fn assumed(&mut self, name: &str, span: Span) -> ExprId {
        self.note_assumed(name, span);
        self.inferred.push((self.row.level, name.to_owned()));
        self.unknown_column()
    }

    /// Reports a name that nothing has, with a suggestion.
    pub(super) fn unknown_name<T>(&mut self, name: &str, span: Span) -> Bind<T> {
        let fields = self.row.schema.fields.iter().chain(self.row.right.iter().flat_map(|it| it.fields.iter()));
        let mut known: Vec<String> = fields.map(|it| it.name.to_string()).collect();
        known.extend(self.env.iter().map(|(name, _)| name.to_owned()));
        let mut diagnostic = Diagnostic::error("SEM0100", span, format!("unknown column or variable `{name}`"));
        if let Some(it) = closest(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
        } else if self.row.schema.is_empty() && self.row.right.is_none() && self.reads_table_without_columns() {
            diagnostic = diagnostic
                .hint("the table has no column at all, as that of an empty file; a schema would tell of some");
        }
        self.report(diagnostic);
        Err(Reported)
    }

    /// Whether a table was read that has no column at all.
    fn reads_table_without_columns(&self) -> bool {
        self.row.level > 0 && self.plan.nodes.iter().any(|it| matches!(it.op, Op::Scan { .. }) && it.schema.is_empty())
    }

    fn path(&mut self, base: syntax::ExprId, steps: &[Step], span: Span) -> Bind<ExprId> {
        if let Some(expr) = self.entity_property(base, steps) {
            return Ok(expr);
        }
        let query = self.query.clone();
        let element = match query.kind(base) {
            ExprKind::Name(name) => self.graph_variable(&name.text),
            _ => None,
        };
        let (mut expr, steps) = match (query.kind(base), steps) {
            (_, [Step::Member(name), rest @ ..]) if element.is_some() => {
                (self.graph_property(element.ok_or(Reported)?, name, span)?, rest)
            }
            (ExprKind::Name(side), [Step::Member(name), rest @ ..]) if side.text == "$left" => {
                (self.name(&name.text, name.span)?, rest)
            }
            (ExprKind::Name(side), [Step::Member(name), rest @ ..]) if side.text == "$right" => {
                let Some(right) = self.row.right.clone() else {
                    return self.fail("SEM0100", span, "`$right` is only known in the condition of a join");
                };
                let Some(index) = right.index_of(&name.text) else {
                    return self.unknown_name(&name.text, name.span);
                };
                let ty = right.fields.get(index).map_or(Type::Dynamic, |it| it.ty);
                (self.column(self.row.schema.len() + index, ty), rest)
            }
            (ExprKind::Name(part), [Step::Member(name), rest @ ..]) if self.row.find(&part.text).is_none() => {
                match self.row.parts.iter().find(|(known, ..)| *known == part.text).cloned() {
                    Some((_, first, schema)) => {
                        let Some(index) = schema.index_of(&name.text) else {
                            return self.fail(
                                "SEM0100",
                                name.span,
                                format!("`{}` has no column `{}`", part.text, name.text),
                            );
                        };
                        let ty = schema.fields.get(index).map_or(Type::Dynamic, |it| it.ty);
                        (self.column(first + index, ty), rest)
                    }
                    None => (self.scalar(base)?, steps),
                }
            }
            _ => (self.scalar(base)?, steps),
        };
        for step in steps {
            expr = self.step(expr, step, span)?;
        }
        Ok(expr)
    }

    fn step(&mut self, expr: ExprId, step: &Step, span: Span) -> Bind<ExprId> {
        if self.ty(expr) != Type::Dynamic {
            let message = format!("a path needs a dynamic value, not {}", self.ty(expr));
            return self.fail("SEM0071", span, message);
        }
        match step {
            Step::Member(name) => {
                let key = self.constant(Value::String(name.text.as_str().into()), Type::String);
                self.make_call(".", &[expr, key], span)
            }
            Step::Index(index) => {
                let key = self.scalar(*index)?;
                match self.value_of(key) {
                    Some(Value::String(_)) => self.make_call(".", &[expr, key], span),
                    _ => self.make_call("[]", &[expr, key], span),
                }
            }
            Step::Call(call) => {
                self.fail("SEM0260", call.function.span, format!("unknown function `{}`", call.function.text))
            }
            Step::Wildcard(name) => self.fail("SEM0100", name.span, "a wildcard is not expected here"),
        }
    }

    pub(super) fn first_cell(&mut self, value: syntax::ExprId, span: Span) -> Bind<ExprId> {
        self.once(value, |b| b.new_first_cell(value, span))
    }

    fn new_first_cell(&mut self, value: syntax::ExprId, span: Span) -> Bind<ExprId> {
        if !self.is_tabular(value) {
            let expr = self.constant_scalar(value)?;
            if !self.is_volatile(expr) {
                return Ok(expr);
            }
            // Computed once, however often it is read.
            let (ty, row) = (self.ty(expr), self.one_row());
            let schema = Schema::new(vec![Field::new("print_0", ty)]);
            let node = self.plan.add(Op::Project { input: row.node, columns: vec![expr] }, schema.into());
            return Ok(self.plan.add_expr(Expr::Scalar { node, ty }));
        }
        let table = self.over(super::Row::none(), |binder| binder.tabular(value))?;
        match table.schema.fields.first() {
            Some(field) => Ok(self.plan.add_expr(Expr::Scalar { node: table.node, ty: field.ty })),
            None if table.open => Ok(self.constant(Value::Null, Type::Dynamic)),
            None => self.fail("SEM0100", span, "the table given to `toscalar` has no column"),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: syntax::ExprId, span: Span) -> Bind<ExprId> {
        let expr = self.scalar(operand)?;
        match operator {
            UnaryOperator::Plus => Ok(expr),
            UnaryOperator::Minus => {
                let expr = if self.ty(expr) == Type::Dynamic { self.cast(expr, Type::Real, span)? } else { expr };
                self.make_call("negate", &[expr], span)
            }
        }
    }

    fn arithmetic(
        &mut self,
        first: syntax::ExprId,
        rest: &[(ArithmeticOperator, syntax::ExprId)],
        span: Span,
    ) -> Bind<ExprId> {
        self.check_chain(rest.len(), span)?;
        let mut left = self.scalar(first)?;
        let mut n_varying = 0;
        for (operator, right) in rest {
            let right = self.scalar(*right)?;
            left = self.arithmetic_pair(*operator, left, right, span)?;
            n_varying += usize::from(self.value_of(left).is_none());
            if n_varying > CHAIN_MAX {
                return self.fail("SEM0019", span, format!("more than {CHAIN_MAX} operators in one chain"));
            }
        }
        Ok(left)
    }

    fn arithmetic_pair(
        &mut self,
        operator: ArithmeticOperator,
        left: ExprId,
        right: ExprId,
        span: Span,
    ) -> Bind<ExprId> {
        let name = operator.symbol();
        let (a, b) = (self.ty(left), self.ty(right));
        match (a, b) {
            // The result has the other operand's type; a difference to a datetime is a timespan between datetimes.
            (Type::Dynamic, Type::Dynamic) => {
                let (left, right) = (self.cast(left, Type::Real, span)?, self.cast(right, Type::Real, span)?);
                let res = self.make_call(name, &[left, right], span)?;
                self.cast(res, Type::Dynamic, span)
            }
            (Type::Dynamic, other) => {
                let other = if other == Type::Int { Type::Long } else { other };
                let left = self.cast(left, other, span)?;
                self.make_call(name, &[left, right], span)
            }
            (other, Type::Dynamic) => {
                let other = if other == Type::Int { Type::Long } else { other };
                let right = self.cast(right, other, span)?;
                self.make_call(name, &[left, right], span)
            }
            _ if a.is_number() && b.is_number() => {
                // Two ints give a long; otherwise the narrower number widens.
                let ty = match widest_number([a, b]) {
                    Some(Type::Int) | None => Type::Long,
                    Some(ty) => ty,
                };
                let (left, right) = (self.cast(left, ty, span)?, self.cast(right, ty, span)?);
                self.make_call(name, &[left, right], span)
            }
            _ => self.make_call(name, &[left, right], span),
        }
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: syntax::ExprId,
        right: syntax::ExprId,
        span: Span,
    ) -> Bind<ExprId> {
        use BinaryOperator as B;
        let query = self.query.clone();
        if matches!(query.kind(left), ExprKind::Star) {
            return self.any_column(operator, right, span);
        }
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        let name = operator.function();
        match operator {
            B::Equal | B::NotEqual | B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual => {
                self.compare(name, left, right, span)
            }
            _ => self.string_operator(name, left, right, span),
        }
    }

    /// `* has "x"`: any string (or dynamic) column.
    fn any_column(&mut self, operator: BinaryOperator, right: syntax::ExprId, span: Span) -> Bind<ExprId> {
        let right = self.scalar(right)?;
        let name = operator.function();
        let fields = self.row.schema.fields.clone();
        let mut tests = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let column = self.column(index, field.ty);
            let text = if matches!(field.ty, Type::String | Type::Dynamic) {
                column
            } else if matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual) {
                match self.compare_if_possible(name, column, right, span) {
                    Some(it) => tests.push(it),
                    None => continue,
                }
                continue;
            } else {
                self.cast(column, Type::String, span)?
            };
            tests.push(self.string_operator(name, text, right, span)?);
        }
        match tests.len() {
            0 => Ok(self.constant(Value::Bool(false), Type::Bool)),
            1 => tests.first().copied().ok_or(Reported),
            _ => self.make_call("or", &tests, span),
        }
    }

    fn compare_if_possible(&mut self, name: &'static str, left: ExprId, right: ExprId, span: Span) -> Option<ExprId> {
        let before = self.diagnostics.len();
        let res = self.compare(name, left, right, span).ok();
        self.diagnostics.truncate(before);
        res
    }

    /// `==`, `<` and the rest, after the conversions that the language makes by itself.
    pub(super) fn compare(&mut self, name: &'static str, left: ExprId, right: ExprId, span: Span) -> Bind<ExprId> {
        let (a, b) = (self.ty(left), self.ty(right));
        let is_equality = matches!(name, "==" | "!=");
        // One row has one new guid, whatever stands on the two sides of a comparison.
        if is_equality && self.is_new_guid(left) && self.is_new_guid(right) {
            return Ok(self.constant(Value::Bool(name == "=="), Type::Bool));
        }
        let (left, right) = match (a, b) {
            (a, b) if a == b && a != Type::Dynamic => (left, right),
            (a, b) if a.is_number() && b.is_number() => {
                let ty = widest_number([a, b]).unwrap_or(Type::Real);
                (self.cast(left, ty, span)?, self.cast(right, ty, span)?)
            }
            // A null without a type of its own takes the other's.
            (Type::Dynamic, _) if matches!(self.value_of(left), Some(Value::Null)) => {
                (self.constant(Value::null(b), b), right)
            }
            (_, Type::Dynamic) if matches!(self.value_of(right), Some(Value::Null)) => {
                (left, self.constant(Value::null(a), a))
            }
            (Type::Dynamic, Type::Dynamic) if is_equality => {
                return self.fail(
                    "SEM0001",
                    span,
                    "two dynamic values cannot be compared; convert one, as with tostring()",
                );
            }
            (Type::Dynamic, Type::Dynamic) => (self.cast(left, Type::Real, span)?, self.cast(right, Type::Real, span)?),
            (Type::Dynamic, Type::String) | (Type::String, Type::Dynamic) if !is_equality => {
                return self.fail("SEM0064", span, format!("`{name}` cannot compare dynamic and string"));
            }
            (Type::Dynamic, b) => (self.cast(left, b, span)?, right),
            (a, Type::Dynamic) => (left, self.cast(right, a, span)?),
            // `search` and `find` look at columns of one name that may be a string in one of the tables.
            (Type::String, other) | (other, Type::String)
                if !is_equality && self.row.elsewhere.is_none() && !self.has_constant_string(left, right) =>
            {
                let message = format!("`{name}` cannot compare string and {other}; convert one of them");
                return self.fail("SEM0064", span, message);
            }
            // A string takes the type that it is compared with.
            (a, Type::String) if a != Type::Guid || is_equality => (left, self.cast(right, a, span)?),
            (Type::String, b) if b != Type::Guid || is_equality => (self.cast(left, b, span)?, right),
            (Type::Bool, b) if b.is_number() => (self.cast(left, Type::Long, span)?, right),
            (a, Type::Bool) if a.is_number() => (left, self.cast(right, Type::Long, span)?),
            _ => {
                let message = format!("`{name}` cannot compare {a} and {b}; convert one of them");
                return self.fail("SEM0001", span, message);
            }
        };
        self.make_call(name, &[left, right], span)
    }

    fn has_constant_string(&self, left: ExprId, right: ExprId) -> bool {
        [left, right].iter().any(|it| matches!(self.value_of(*it), Some(Value::String(_))))
    }

    fn is_new_guid(&self, expr: ExprId) -> bool {
        matches!(self.plan.expr(expr), Expr::Call { function, .. } if function.name == "new_guid")
    }

    fn string_operator(&mut self, name: &'static str, left: ExprId, right: ExprId, span: Span) -> Bind<ExprId> {
        let (a, b) = (self.ty(left), self.ty(right));
        if !matches!(a, Type::String | Type::Dynamic) {
            return self.fail("SEM0709", span, format!("`{name}` needs a string on its left side, not {a}"));
        }
        let needs_string = name.contains("has") || name == "matches regex";
        if b == Type::Dynamic
            && needs_string
            && name != "matches regex"
            && !matches!(self.value_of(right), Some(Value::Null))
        {
            return self.fail("SEM0001", span, format!("`{name}` needs a string on its right side, not dynamic"));
        }
        if !matches!(b, Type::String | Type::Dynamic) {
            return self.fail("SEM0001", span, format!("`{name}` needs a string on its right side, not {b}"));
        }
        let (left, right) = (self.cast(left, Type::String, span)?, self.cast(right, Type::String, span)?);
        self.make_call(name, &[left, right], span)
    }

    fn check_chain(&mut self, length: usize, span: Span) -> Bind<()> {
        let limit = self.cx.limits.chain_length;
        if length <= limit {
            return Ok(());
        }
        let message = format!("a chain of {length} operands is more than the limit `chain_length` of {limit}");
        self.fail("SEM0019", span, message)
    }

    fn logical(&mut self, name: &'static str, items: &[syntax::ExprId], span: Span) -> Bind<ExprId> {
        self.check_chain(items.len(), span)?;
        let bound: Vec<Bind<ExprId>> = items.iter().map(|it| self.predicate(*it)).collect();
        let items = bound.into_iter().collect::<Bind<Vec<_>>>()?;
        self.make_call(name, &items, span)
    }

    fn membership(
        &mut self,
        operator: MembershipOperator,
        value: syntax::ExprId,
        list: &[syntax::ExprId],
        span: Span,
    ) -> Bind<ExprId> {
        use MembershipOperator as M;
        let query = self.query.clone();
        let name = operator.word();
        if matches!(query.kind(value), ExprKind::Star) {
            let list = self.list(None, list, span)?;
            let mut tests = Vec::new();
            for (index, field) in self.row.schema.fields.clone().iter().enumerate() {
                let column = self.column(index, field.ty);
                let text = self.cast(column, Type::String, span)?;
                tests.push(self.make_call(name, &[text, list], span)?);
            }
            return match tests.as_slice() {
                [] => Ok(self.constant(Value::Bool(false), Type::Bool)),
                [one] => Ok(*one),
                many => self.make_call("or", many, span),
            };
        }
        let mut value = self.scalar(value)?;
        let ty = self.ty(value);
        if !matches!(operator, M::In | M::NotIn) {
            if !matches!(ty, Type::String | Type::Dynamic) {
                return self.fail("SEM0709", span, format!("`{name}` needs a string on its left side, not {ty}"));
            }
            value = self.cast(value, Type::String, span)?;
        }
        let list = self.list(Some((ty, operator)), list, span)?;
        self.make_call(name, &[value, list], span)
    }

    /// The right side of `in` and `has_any` as one dynamic array.
    fn list(
        &mut self,
        value: Option<(Type, MembershipOperator)>,
        items: &[syntax::ExprId],
        span: Span,
    ) -> Bind<ExprId> {
        if let [one] = items
            && self.is_tabular(*one)
        {
            let table = self.over(super::Row::none(), |binder| binder.tabular(*one))?;
            return self.list_of_table(&table, value, self.query.span(*one));
        }
        if items.is_empty() {
            return self.fail("SEM0219", span, "the list is empty; at least one value is needed");
        }
        let bound: Vec<Bind<ExprId>> = items.iter().map(|it| self.scalar(*it)).collect();
        let bound = bound.into_iter().collect::<Bind<Vec<_>>>()?;
        for (expr, item) in bound.iter().zip(items) {
            if self.reads_row(*expr) && self.ty(*expr) != Type::Dynamic {
                return self.fail("SEM0040", self.query.span(*item), "the items of a list must be constants");
            }
        }
        if bound.iter().all(|it| self.value_of(*it).is_some()) {
            let mut values = Vec::new();
            for expr in bound {
                match self.value_of(expr).map(|it| it.to_dynamic()) {
                    Some(Dynamic::Array(items)) => values.extend(items.iter().cloned()),
                    Some(it) => values.push(it),
                    None => {}
                }
            }
            return Ok(self.constant(Value::Dynamic(Dynamic::array(values)), Type::Dynamic));
        }
        self.make_call("list", &bound, span)
    }

    fn list_of_table(
        &mut self,
        table: &super::Table,
        value: Option<(Type, MembershipOperator)>,
        span: Span,
    ) -> Bind<ExprId> {
        let Some(field) = table.schema.fields.first() else {
            if table.open {
                return Ok(self.constant(Value::Dynamic(Dynamic::array(Vec::new())), Type::Dynamic));
            }
            return self.fail("SEM0100", span, "the table has no column to look in");
        };
        if let Some((ty, MembershipOperator::In | MembershipOperator::NotIn)) = value {
            let fits = ty == field.ty
                || ty == Type::Dynamic
                || field.ty == Type::Dynamic
                || (ty.is_number() && field.ty.is_number());
            if !fits {
                let message = format!("a {ty} is looked for in column `{}` of type {}", field.name, field.ty);
                return self.fail("SEM0025", span, message);
            }
        }
        Ok(self.plan.add_expr(Expr::List { node: table.node }))
    }

    fn between(
        &mut self,
        negated: bool,
        value: syntax::ExprId,
        low: syntax::ExprId,
        high: syntax::ExprId,
        span: Span,
    ) -> Bind<ExprId> {
        let (mut value, mut low, mut high) = (self.scalar(value)?, self.scalar(low)?, self.scalar(high)?);
        let (ty, a, b) = (self.ty(value), self.ty(low), self.ty(high));
        if matches!(ty, Type::String | Type::Dynamic | Type::Guid) {
            return self.fail(
                "SEM0208",
                span,
                format!("`between` needs a number, datetime, timespan or bool, not {ty}"),
            );
        }
        if a == Type::Datetime && b == Type::Timespan {
            high = self.make_call("+", &[low, high], span)?;
        } else if a == Type::Timespan && b == Type::Datetime {
            return self.fail("SEM0232", span, "the bounds of `between` do not fit: timespan and datetime");
        } else if a.is_number() && b == Type::Timespan {
            return self.fail("SEM0234", span, format!("the bounds of `between` do not fit: {a} and timespan"));
        }
        let ty = self.ty(value);
        if !ty.is_number() {
            for (bound, name) in [(&mut low, "lower"), (&mut high, "upper")] {
                let from = self.ty(*bound);
                if from == ty {
                    continue;
                }
                if from != Type::Dynamic && self.value_of(*bound).is_none_or(|it| !matches!(it, Value::String(_))) {
                    let message = format!("the {name} bound of `between` is {from}, and the value {ty}");
                    return self.fail("SEM0208", span, message);
                }
                *bound = self.cast(*bound, ty, span)?;
            }
        } else {
            for bound in [&mut low, &mut high] {
                if self.ty(*bound) == Type::Dynamic {
                    *bound = self.cast(*bound, ty, span)?;
                }
            }
        }
        if let Some(wide) = widest_number([ty, self.ty(low), self.ty(high)]) {
            value = self.cast(value, wide, span)?;
            low = self.cast(low, wide, span)?;
            high = self.cast(high, wide, span)?;
        }
        if ty == Type::Bool {
            value = self.cast(value, Type::Long, span)?;
            low = self.cast(low, Type::Long, span)?;
            high = self.cast(high, Type::Long, span)?;
        }
        self.make_call(if negated { "!between" } else { "between" }, &[value, low, high], span)
    }
}
