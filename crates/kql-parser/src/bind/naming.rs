//! Names of columns that the query does not name.

use super::Binder;
use crate::syntax::{ExprId, ExprKind, Literal, Step};
use kql_data::Set;
use kql_functions::Naming;

/// What columns without a name of their own are called, with a number behind.
pub(super) const UNNAMED: &str = "Column";

/// Gives out column names of one list without repeating one.
#[derive(Debug, Default)]
pub(super) struct Names {
    spelled: Set<String>,
    taken: Set<String>,
    used: Set<String>,
    avoided: Set<String>,
    n_unnamed: usize,
}

impl Names {
    /// Names spelled out in the list are kept free for their columns; `ColumnN` also skips `avoided`.
    pub(super) fn new(spelled: impl IntoIterator<Item = String>, avoided: impl IntoIterator<Item = String>) -> Names {
        Names {
            spelled: spelled.into_iter().collect(),
            taken: Set::default(),
            used: Set::default(),
            avoided: avoided.into_iter().collect(),
            n_unnamed: 0,
        }
    }

    /// Takes a name that is spelled out; `None` when it is spelled out twice. One that a column without a name of its own
    /// took before gets a number.
    pub(super) fn spell(&mut self, name: &str) -> Option<String> {
        if !self.used.insert(name.to_owned()) {
            return None;
        }
        Some(self.free(name))
    }

    /// Takes a name; `false` when it is taken already.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// A free name like `wanted`: itself, or with 1, 2, … behind it, where names spelled out elsewhere are left alone.
    pub(super) fn free(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut n = 0;
        while self.taken.contains(&name) || (n > 0 && self.spelled.contains(&name)) {
            n += 1;
            name = format!("{wanted}{n}");
        }
        _ = self.taken.insert(name.clone());
        name
    }

    /// Leaves out so many of the numbers of `Column1`, `Column2`, ….
    pub(super) fn pass_over(&mut self, count: usize) {
        self.n_unnamed += count;
    }

    /// `Column1`, `Column2`, … for a column without a name of its own.
    pub(super) fn unnamed(&mut self) -> String {
        loop {
            self.n_unnamed += 1;
            let name = format!("{UNNAMED}{}", self.n_unnamed);
            if !self.avoided.contains(&name) {
                return self.free(&name);
            }
        }
    }
}

impl Binder<'_> {
    /// The name that an expression gives its column, if it gives one.
    pub(super) fn natural_name(&self, id: ExprId) -> Option<String> {
        match self.query.kind(id) {
            // `toint(N = count())`: the name of the argument is the column's.
            ExprKind::Call(call) if self.first_argument_name(call).is_some() => self.first_argument_name(call),
            // A function of a variable of a pattern has no name of its own.
            ExprKind::Name(name) if self.graph_variable(&name.text).is_some() => None,
            ExprKind::Name(name) => Some(name.text.clone()),
            ExprKind::Parenthesized(inner) => self.natural_name(*inner),
            ExprKind::Path { base, steps } => self.path_name(*base, steps),
            ExprKind::Call(call) => {
                let first = call.arguments.first().map(|it| it.value);
                let name = call.function.text.as_str();
                if let Some(result) = self.special_name(name, call) {
                    return result;
                }
                self.call_name(name, first)
            }
            ExprKind::ToScalar { .. } => Some(format!("__scalar_{}", guid(self.cx.random(), self.cx.random()))),
            _ => None,
        }
    }

    fn first_argument_name(&self, call: &crate::syntax::Call) -> Option<String> {
        let name = &call.function.text;
        let is_known = kql_functions::function(name).is_some_and(|it| it.naming == Naming::FirstArgument);
        call.arguments.first().filter(|_| is_known)?.name.as_ref().map(|it| it.text.clone())
    }

    fn special_name(&self, name: &str, call: &crate::syntax::Call) -> Option<Option<String>> {
        let first = call.arguments.first().map(|it| it.value);
        match name {
            "column_ifexists" | "columnifexists" => {
                let first = first?;
                match self.query.kind(first) {
                    ExprKind::Literal(Literal::String(it)) => Some(Some(it.clone())),
                    _ => Some(None),
                }
            }
            "array_sort_asc" | "array_sort_desc" => Some(match self.query.kind(first?) {
                ExprKind::Name(it) => Some(format!("{}_sorted", it.text)),
                _ => Some("array0_sorted".to_owned()),
            }),
            _ => None,
        }
    }

    fn call_name(&self, name: &str, first: Option<ExprId>) -> Option<String> {
        let naming = match self.aggregation.as_ref().and_then(|_| kql_functions::aggregate(name)) {
            Some(aggregate) => aggregate.naming,
            None => match kql_functions::function(name) {
                Some(function) => function.naming,
                None => kql_functions::aggregate(name)?.naming,
            },
        };
        let argument = || first.and_then(|it| self.natural_name(it));
        match naming {
            Naming::None => None,
            Naming::FirstArgument => argument(),
            Naming::NameAndFirstArgument => Some(match name {
                "gettype" => format!("type_{}", argument().unwrap_or_default()),
                _ => format!("{name}_{}", argument().unwrap_or_default()),
            }),
            Naming::Prefix(prefix) => Some(format!("{prefix}_{}", argument().unwrap_or_default())),
            Naming::PrefixOnly(prefix) => Some(prefix.to_owned()),
        }
    }

    fn path_name(&self, base: ExprId, steps: &[Step]) -> Option<String> {
        let mut parts = Vec::new();
        match self.query.kind(base) {
            ExprKind::Name(it) if self.graph_variable(&it.text).is_some() => return None,
            ExprKind::Name(it) if it.text == "$left" || it.text == "$right" => {}
            _ => parts.extend(self.natural_name(base)),
        }
        for step in steps {
            match step {
                Step::Member(name) => parts.push(name.text.clone()),
                Step::Index(id) => match self.index_name(*id) {
                    Some(it) => parts.push(it),
                    // A key that differs by row gives a name that cannot be foreseen.
                    None => return Some(guid(self.cx.random(), self.cx.random())),
                },
                Step::Call(_) | Step::Wildcard(_) => return None,
            }
        }
        Some(parts.join("_"))
    }

    pub(super) fn index_name(&self, id: ExprId) -> Option<String> {
        match self.query.kind(id) {
            ExprKind::Literal(Literal::String(it)) => Some(it.clone()),
            ExprKind::Literal(Literal::Long(Some(it))) => Some(it.to_string().replace('-', "_")),
            ExprKind::Unary { operand, .. } => self.index_name(*operand).map(|it| format!("_{it}")),
            ExprKind::Parenthesized(inner) => self.index_name(*inner),
            _ => None,
        }
    }
}

/// Text of a random guid.
pub(super) fn guid(high: u64, low: u64) -> String {
    kql_data::Value::Guid((u128::from(high) << 64) | u128::from(low)).text()
}
