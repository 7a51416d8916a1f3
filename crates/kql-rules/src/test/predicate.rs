//! The predicates of a query, found in its syntax tree: what a detection decides by.

use kql::{
    Span,
    parser::{
        ParseOptions, parse,
        syntax::{Call, ExprId, ExprKind, Literal, Operator, Query},
    },
};

/// A predicate that is not itself made of others by `and` and `or`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// Where it stands in the query.
    pub span: Span,
    /// What it decides.
    pub role: Role,
    /// What it has to be so that the rest decides: true within `and`, false within `or`.
    pub neutral: bool,
    /// Whether it is a whole `a or b`, which is in the list for being left out as well as its parts.
    pub is_group: bool,
}

/// What a predicate decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Which rows go on: `where`, `join … where`, `find`.
    Filter,
    /// Which value is taken: `iff`, `case`.
    Choice,
    /// Which rows an aggregate takes: `countif`, `make_set_if`.
    Aggregate,
    /// Which rows match a step of `scan`.
    Step,
    /// A part of a truth value that is computed: `extend odd = a and b`.
    Value,
}

impl Role {
    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Filter => "filter",
            Role::Choice => "choice",
            Role::Aggregate => "aggregate",
            Role::Step => "step",
            Role::Value => "value",
        }
    }
}

/// The syntax tree of a query that is sound.
pub(super) fn tree(text: &str) -> Option<Query> {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    (!diagnostics.iter().any(kql::Diagnostic::is_error)).then_some(query)
}

/// Every name that a query uses.
pub(super) fn names(query: &Query) -> Vec<String> {
    let name = |kind: &ExprKind| match kind {
        ExprKind::Name(it) => Some(it.text.clone()),
        _ => None,
    };
    query.exprs.iter().filter_map(|it| name(&it.kind)).collect()
}

/// The predicates of a query in the order of their places.
pub fn predicates(text: &str) -> Vec<Predicate> {
    let Some(query) = tree(text) else { return Vec::new() };
    let mut found = Finder { query: &query, out: Vec::new() };
    for stage in query.pipelines.iter().flat_map(|it| &it.stages) {
        match &stage.operator {
            Operator::Where(it) => found.atoms(it.predicate, Role::Filter, true),
            Operator::Find(it) => found.atoms(it.predicate, Role::Filter, true),
            Operator::Join(it) => it.predicate.into_iter().for_each(|it| found.atoms(it, Role::Filter, true)),
            Operator::Lookup(it) => it.predicate.into_iter().for_each(|it| found.atoms(it, Role::Filter, true)),
            Operator::Scan(it) => it.steps.iter().for_each(|it| found.atoms(it.condition, Role::Step, true)),
            _ => {}
        }
    }
    for expr in &query.exprs {
        if let ExprKind::Call(call) = &expr.kind {
            for (condition, role) in conditions(call) {
                found.atoms(condition, role, true);
            }
        }
    }
    for (number, _) in
        query.exprs.iter().enumerate().filter(|it| matches!(it.1.kind, ExprKind::And(_) | ExprKind::Or(_)))
    {
        found.atoms(ExprId(u32::try_from(number).unwrap_or(u32::MAX)), Role::Value, true);
    }
    let mut out = found.out;
    // What was found as something else before is that.
    out.sort_by_key(|it| (it.span.start, std::cmp::Reverse(it.span.end), it.role == Role::Value));
    // A parser that tries twice leaves what it tried in the arena.
    out.dedup_by_key(|it| it.span);
    out
}

/// The arguments of a call that are conditions.
pub(super) fn conditions(call: &Call) -> Vec<(ExprId, Role)> {
    let arguments: Vec<ExprId> = call.arguments.iter().map(|it| it.value).collect();
    let name = call.function.text.as_str();
    match name {
        "iff" | "iif" => arguments.first().map(|it| (*it, Role::Choice)).into_iter().collect(),
        "case" => {
            let pairs = arguments.as_chunks::<2>().0;
            pairs.iter().map(|[condition, _]| (*condition, Role::Choice)).collect()
        }
        "countif" => arguments.first().map(|it| (*it, Role::Aggregate)).into_iter().collect(),
        _ if AGGREGATES.contains(&name) => arguments.get(1).map(|it| (*it, Role::Aggregate)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Aggregates whose second argument says which rows they take.
const AGGREGATES: &[&str] = &[
    "avgif",
    "binary_all_andif",
    "count_distinctif",
    "dcountif",
    "make_bag_if",
    "make_list_if",
    "make_set_if",
    "maxif",
    "minif",
    "stdevif",
    "sumif",
    "take_anyif",
    "varianceif",
];

struct Finder<'a> {
    query: &'a Query,
    out: Vec<Predicate>,
}

impl Finder<'_> {
    /// The predicates that an expression is made of. The parser bounds how deep they nest; the list here is its own stack.
    fn atoms(&mut self, root: ExprId, role: Role, neutral: bool) {
        let mut left = vec![(root, neutral)];
        while let Some((id, neutral)) = left.pop() {
            let mut push = |span: Span, is_group: bool| {
                if !span.is_empty() {
                    self.out.push(Predicate { span, role, neutral, is_group });
                }
            };
            match self.query.kind(id) {
                ExprKind::Parenthesized(inner) => left.push((*inner, neutral)),
                ExprKind::And(parts) => left.extend(parts.iter().map(|it| (*it, true))),
                ExprKind::Or(parts) => {
                    push(self.query.span(id), true);
                    left.extend(parts.iter().map(|it| (*it, false)));
                }
                ExprKind::Literal(Literal::Bool(_)) | ExprKind::Missing | ExprKind::Pipeline(_) => {}
                _ => push(self.query.span(id), false),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, Role, bool)> {
        predicates(text).iter().map(|it| (it.span.of(text), it.role, it.neutral)).collect()
    }

    #[test]
    fn parts_of_and_and_or() {
        let text = "T | where a == 1 and (b > 2 or not(c)) | where d has 'x'";
        assert_eq!(
            found(text),
            [
                ("a == 1", Role::Filter, true),
                ("b > 2 or not(c)", Role::Filter, true),
                ("b > 2", Role::Filter, false),
                ("not(c)", Role::Filter, false),
                ("d has 'x'", Role::Filter, true),
            ]
        );
    }

    #[test]
    fn conditions_of_calls_and_subqueries() {
        let text = "let f = (x: long) { x > 1 };
            T | join (U | where u == 1) on k
            | extend s = case(a, 1, b == 2, 2, 3), i = iff(c > 0, 1, 2)
            | summarize n = countif(d), l = make_set_if(e, e > 5) by k
            | mv-apply v to typeof(long) on (where v == 7)
            | where true";
        let roles = found(text);
        let has = |text: &str, role: Role| roles.iter().any(|it| it.0 == text && it.1 == role);
        assert!(has("u == 1", Role::Filter) && has("v == 7", Role::Filter));
        assert!(has("a", Role::Choice) && has("b == 2", Role::Choice) && has("c > 0", Role::Choice));
        assert!(has("d", Role::Aggregate) && has("e > 5", Role::Aggregate));
        assert_eq!(roles.len(), 7, "{roles:?}");
    }

    #[test]
    fn truth_values_that_are_computed() {
        let text = "T | extend odd = a > 1 and (b or not(c)) | where odd or d";
        let expected = [
            ("a > 1", Role::Value, true),
            ("b or not(c)", Role::Value, true),
            ("b", Role::Value, false),
            ("not(c)", Role::Value, false),
            ("odd or d", Role::Filter, true),
            ("odd", Role::Filter, false),
            ("d", Role::Filter, false),
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn steps_of_scan() {
        let text = "T | scan with (step a: x == 1 and y == 2; step b: z > a.z;)";
        assert_eq!(found(text).iter().map(|it| it.0).collect::<Vec<_>>(), ["x == 1", "y == 2", "z > a.z"]);
    }

    #[test]
    fn faulty_queries_have_none() {
        assert!(predicates("T | where (").is_empty());
    }
}
