//! A query under check: its syntax tree, its plan, and the way from one to the other.

use crate::{Place, QueryText, Rule};
use kql::{
    Check, Context, Engine, Schema, Span, Type, Value,
    functions::{Actual, evaluate::fold, function, resolve},
    parser::{
        Columns, StageNote,
        syntax::{Argument, Call, ExprId, ExprKind, LetValue, Literal, Pipeline, Query, Stage, StatementKind},
    },
    plan,
};

/// A query with all that is known of it.
pub(crate) struct Subject<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) query: &'a QueryText,
    pub(crate) check: &'a Check,
    pub(crate) engine: &'a Engine,
    /// What each expression was bound to, by its number.
    bound: Vec<Vec<plan::ExprId>>,
    /// The same at another moment.
    other: Option<(&'a Check, Vec<Vec<plan::ExprId>>)>,
}

/// Bound expressions by syntax expression.
fn by_number(check: &Check) -> Vec<Vec<plan::ExprId>> {
    let mut out = vec![Vec::new(); check.tree.exprs.len()];
    for (id, expr) in &check.notes.scalars {
        if let Some(it) = out.get_mut(id.0 as usize) {
            it.push(*expr);
        }
    }
    out
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        rule: &'a Rule,
        query: &'a QueryText,
        check: &'a Check,
        other: Option<&'a Check>,
        engine: &'a Engine,
    ) -> Subject<'a> {
        let other = other.map(|it| (it, by_number(it)));
        Subject { rule, query, check, engine, bound: by_number(check), other }
    }

    pub(crate) fn tree(&self) -> &'a Query {
        &self.check.tree
    }

    pub(crate) fn kind(&self, id: ExprId) -> &'a ExprKind {
        self.check.tree.kind(id)
    }

    pub(crate) fn span(&self, id: ExprId) -> Span {
        self.check.tree.span(id)
    }

    /// The text of an expression.
    pub(crate) fn text(&self, id: ExprId) -> &'a str {
        self.check.tree.text_of(self.span(id))
    }

    /// The place in the file.
    pub(crate) fn place(&self, span: Span) -> Place {
        self.query.place_of(span)
    }

    pub(crate) fn place_of(&self, id: ExprId) -> Place {
        self.place(self.span(id))
    }

    /// Every expression of the text.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = (ExprId, &'a ExprKind)> {
        self.check.tree.exprs.iter().enumerate().map(|(n, it)| (ExprId(n as u32), &it.kind))
    }

    /// Every call.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (ExprId, &'a Call)> {
        self.exprs().filter_map(|(id, kind)| match kind {
            ExprKind::Call(it) => Some((id, it)),
            _ => None,
        })
    }

    /// Every operator, with its pipeline and its number there.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (&'a Pipeline, usize, &'a Stage)> {
        let pipelines = self.check.tree.pipelines.iter();
        pipelines.flat_map(|pipeline| pipeline.stages.iter().enumerate().map(move |(n, stage)| (pipeline, n, stage)))
    }

    /// What was noted of a stage; several where a function is called several times.
    pub(crate) fn notes_of<'s>(&'s self, stage: &'s Stage) -> impl Iterator<Item = &'a StageNote> + 's {
        self.check.notes.stages.iter().filter(move |it| it.span == stage.span)
    }

    /// Whether some operator reads rows that have a column of that name.
    pub(crate) fn is_column(&self, name: &str) -> bool {
        self.check.notes.rows.iter().any(|it| it.index_of(name).is_some())
    }

    /// The columns of a tabular expression, wherever it was bound.
    pub(crate) fn columns_of(&self, id: ExprId) -> Option<&'a Columns> {
        self.check.notes.tables.iter().find(|it| it.0 == id).map(|it| &it.1)
    }

    /// What an expression was bound to.
    pub(crate) fn bound(&self, id: ExprId) -> impl Iterator<Item = &'a plan::Expr> + '_ {
        let ids = self.bound.get(id.0 as usize).map_or(&[][..], Vec::as_slice);
        ids.iter().map(|it| self.check.plan.expr(*it))
    }

    /// The type of an expression, where it is the same wherever it was bound.
    pub(crate) fn ty(&self, id: ExprId) -> Option<Type> {
        let mut types = self.bound(id).map(plan::Expr::ty);
        let first = types.next()?;
        types.all(|it| it == first).then_some(first)
    }

    /// Whether an expression is no constant, wherever it was bound.
    pub(crate) fn varies(&self, id: ExprId) -> bool {
        let mut any = false;
        self.bound(id).all(|it| {
            any = true;
            !matches!(it, plan::Expr::Constant { .. })
        }) && any
    }

    /// The value of an expression that is the same at any time and wherever it was bound.
    pub(crate) fn constant(&self, id: ExprId) -> Option<&'a Value> {
        let value = one_value(&self.check.plan, self.bound.get(id.0 as usize)?)?;
        match &self.other {
            Some((check, bound)) => (one_value(&check.plan, bound.get(id.0 as usize)?)? == value).then_some(value),
            None => Some(value),
        }
    }

    /// A constant text.
    pub(crate) fn constant_text(&self, id: ExprId) -> Option<&'a str> {
        match self.constant(id)? {
            Value::String(it) => Some(it),
            _ => None,
        }
    }

    /// How far in the past moments lie that an expression stands for and that move with the clock: those of all bindings.
    pub(crate) fn ages(&self, id: ExprId) -> Vec<i64> {
        let Some((other, others)) = &self.other else { return Vec::new() };
        let (Some(own), Some(theirs)) = (self.bound.get(id.0 as usize), others.get(id.0 as usize)) else {
            return Vec::new();
        };
        let moment = |check: &'a Check, it: &plan::ExprId| match check.plan.expr(*it) {
            plan::Expr::Constant { value: Value::Datetime(it), .. } => Some(*it),
            _ => None,
        };
        let now = self.engine.now();
        let pairs = own.iter().zip(theirs);
        let moved = pairs.filter_map(|(a, b)| Some((moment(self.check, a)?, moment(other, b)?)));
        moved.filter(|(a, b)| a != b).map(|(a, _)| now.saturating_sub(a)).collect()
    }

    /// An expression without parentheses around it.
    pub(crate) fn inner(&self, id: ExprId) -> ExprId {
        let mut id = id;
        while let ExprKind::Parenthesized(inner) = self.kind(id) {
            id = *inner;
        }
        id
    }

    /// The call that an expression is.
    pub(crate) fn call(&self, id: ExprId) -> Option<&'a Call> {
        match self.kind(self.inner(id)) {
            ExprKind::Call(it) => Some(it),
            _ => None,
        }
    }

    /// The name that an expression is.
    pub(crate) fn name(&self, id: ExprId) -> Option<&'a str> {
        match self.kind(self.inner(id)) {
            ExprKind::Name(it) => Some(&it.text),
            _ => None,
        }
    }

    /// The text of a string literal written there, and whether the literal has no escapes, so that it can be edited.
    pub(crate) fn literal_text(&self, id: ExprId) -> Option<(&'a str, bool)> {
        match self.kind(self.inner(id)) {
            ExprKind::Literal(Literal::String(it)) => {
                let written = self.text(self.inner(id));
                let plain = written.len() == it.len() + 2 && written.get(1..written.len() - 1) == Some(it);
                Some((it, plain))
            }
            _ => None,
        }
    }

    /// Whether an expression is a literal.
    pub(crate) fn is_literal(&self, id: ExprId) -> bool {
        match self.kind(self.inner(id)) {
            ExprKind::Literal(_) => true,
            ExprKind::Unary { operand, .. } => self.is_literal(*operand),
            _ => false,
        }
    }

    /// Whether nothing in the query is taken for granted: all tables and columns are known.
    pub(crate) fn is_certain(&self) -> bool {
        self.check.notes.opaque.is_empty() && self.check.notes.assumed.is_empty()
    }

    /// The columns that the query gives, and whether there may be more; `None` when it could not be bound.
    pub(crate) fn output(&self) -> Option<(&'a Schema, bool)> {
        let (_, schema) = self.check.results.first()?;
        Some((schema, self.check.notes.open_results.first().copied().unwrap_or(false)))
    }

    /// What `let` binds to a name.
    pub(crate) fn let_of(&self, name: &str) -> Option<&'a LetValue> {
        self.check.tree.statements.iter().find_map(|it| match &it.kind {
            StatementKind::Let(it) if it.name.text == name => Some(&it.value),
            _ => None,
        })
    }

    /// The names that `let` binds.
    pub(crate) fn lets(&self) -> impl Iterator<Item = &'a str> {
        self.check.tree.statements.iter().filter_map(|it| match &it.kind {
            StatementKind::Let(it) => Some(it.name.text.as_str()),
            _ => None,
        })
    }
}

/// The value that all of those expressions have.
fn one_value<'a>(plan: &'a plan::Plan, ids: &[plan::ExprId]) -> Option<&'a Value> {
    let mut values = ids.iter().map(|it| match plan.expr(*it) {
        plan::Expr::Constant { value, .. } => Some(value),
        _ => None,
    });
    let first = values.next()??;
    values.all(|it| it == Some(first)).then_some(first)
}

/// A function of the language on constants; `None` where it has no value for them.
pub(crate) fn evaluate(name: &str, args: &[Value]) -> Option<Value> {
    let function = function(name)?;
    let ty = |it: &Value| it.ty().unwrap_or(Type::Dynamic);
    let actuals: Vec<Actual> = args
        .iter()
        .map(|it| Actual { constant: Some(it.clone()), is_literal: true, ..Actual::varying(ty(it)) })
        .map(|it| Actual { is_constant: true, ..it })
        .collect();
    let resolved = resolve(function, &actuals).ok()?;
    let args: Vec<(Value, Type)> = args.iter().map(|it| (it.clone(), ty(it))).collect();
    fold(&Context::default(), function, resolved.overload, &args).ok()
}

/// The value of an argument that is given by position.
pub(crate) fn argument(arguments: &[Argument], n: usize) -> Option<ExprId> {
    arguments.get(n).filter(|it| it.name.is_none()).map(|it| it.value)
}
