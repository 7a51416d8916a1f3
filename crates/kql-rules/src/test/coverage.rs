//! What tests reach: predicates that were true and false, branches that were taken, entity mappings that gave entities,
//! techniques of ATT&CK.
//!
//! A predicate is measured on the rows that reach it: the pipeline up to its stage is run as a query of its own that counts.
//! What stands in a subquery without a source (`mv-apply`) or in a function with parameters cannot be run by itself and is
//! reported as not measured; `--mutate` reaches it.

use super::{
    expect::Observed,
    predicate::{Role, conditions, predicates, tree},
};
use crate::{Place, Rule};
use kql::{
    Span, Value,
    parser::syntax::{ExprKind, LetValue, Operator, Pipeline, Query, StatementKind},
};

/// What the tests of a run reach.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Every rule that was found, those without a test as well.
    pub rules: Vec<RuleCoverage>,
}

/// What the tests of a rule reach.
#[derive(Clone, Debug, Default)]
pub struct RuleCoverage {
    /// Its file.
    pub file: String,
    /// Its name.
    pub title: String,
    /// Tests that passed.
    pub n_tests: usize,
    /// Whether one of them makes it fire.
    pub fires: bool,
    /// Its predicates.
    pub predicates: Vec<PredicateCoverage>,
    /// Its branches.
    pub branches: Vec<BranchCoverage>,
    /// Its entity mappings by type, and whether an alert had such an entity.
    pub entities: Vec<(String, bool)>,
    /// Its techniques.
    pub techniques: Vec<String>,
}

/// How a predicate was met.
#[derive(Clone, Debug)]
pub struct PredicateCoverage {
    /// Where it stands in the rule's file.
    pub place: Place,
    /// Its text.
    pub text: String,
    /// What it decides.
    pub role: Role,
    /// Rows for which it was true.
    pub truths: u64,
    /// Rows for which it was not.
    pub others: u64,
    /// Whether it could be measured.
    pub measured: bool,
}

/// How a branch was met.
#[derive(Clone, Debug)]
pub struct BranchCoverage {
    /// Where it stands in the rule's file.
    pub place: Place,
    /// What it is.
    pub text: String,
    /// Rows that took it.
    pub rows: u64,
    /// Whether it could be measured.
    pub measured: bool,
}

/// A query that counts, and what its columns are about.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) query: String,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    /// All rows.
    All,
    /// Rows for which a predicate is true.
    Predicate(usize),
    /// Rows that take a branch.
    Branch(usize),
}

impl Coverage {
    /// Every technique of a rule, and whether a rule that has it was tested and fired.
    pub fn techniques(&self) -> Vec<(String, bool)> {
        let mut out = std::collections::BTreeMap::new();
        for rule in &self.rules {
            for it in &rule.techniques {
                *out.entry(it.clone()).or_insert(false) |= rule.fires && rule.n_tests > 0;
            }
        }
        out.into_iter().collect()
    }
}

impl RuleCoverage {
    /// What there is to reach of a rule, and the queries that measure it.
    pub(super) fn of(rule: &Rule) -> (RuleCoverage, Vec<Probe>) {
        let text = rule.query.text.as_str();
        let mut out = RuleCoverage {
            file: rule.source.name.clone(),
            title: rule.title().to_owned(),
            entities: rule.entity_mappings.iter().map(|it| (it.entity_type.value.clone(), false)).collect(),
            techniques: rule.techniques.iter().map(|it| it.value.clone()).collect(),
            ..RuleCoverage::default()
        };
        for it in predicates(text).iter().filter(|it| !it.is_group) {
            let place = rule.query.place_of(it.span);
            let text = it.span.of(text).to_owned();
            out.predicates.push(PredicateCoverage {
                place,
                text,
                role: it.role,
                truths: 0,
                others: 0,
                measured: false,
            });
        }
        let Some(query) = tree(text) else { return (out, Vec::new()) };
        let probes = Prober { rule, query: &query, out: &mut out }.probes();
        (out, probes)
    }

    /// Adds what a probe counted: its one row.
    pub(super) fn add(&mut self, probe: &Probe, row: &[Value]) {
        let number = |it: &Value| match it {
            Value::Long(it) => u64::try_from(*it).unwrap_or(0),
            _ => 0,
        };
        let all = row.first().map_or(0, number);
        for (slot, value) in probe.slots.iter().zip(row) {
            let n = number(value);
            match slot {
                Slot::All => {}
                Slot::Predicate(at) => {
                    if let Some(it) = self.predicates.get_mut(*at) {
                        (it.truths, it.others, it.measured) = (it.truths + n, it.others + all.saturating_sub(n), true);
                    }
                }
                Slot::Branch(at) => {
                    if let Some(it) = self.branches.get_mut(*at) {
                        (it.rows, it.measured) = (it.rows + n, true);
                    }
                }
            }
        }
    }

    /// Adds what a test that passed observed.
    pub(super) fn add_test(&mut self, observed: &Observed) {
        self.n_tests += 1;
        self.fires |= !observed.alerts.is_empty();
        for (entity_type, seen) in &mut self.entities {
            let mut entities = observed.alerts.iter().flat_map(|it| &it.entities);
            *seen |= entities.any(|it| it.0.eq_ignore_ascii_case(entity_type));
        }
    }
}

struct Prober<'a> {
    rule: &'a Rule,
    query: &'a Query,
    out: &'a mut RuleCoverage,
}

impl Prober<'_> {
    fn probes(mut self) -> Vec<Probe> {
        let query = self.query;
        let found = predicates(&query.text);
        let found: Vec<Span> = found.iter().filter(|it| !it.is_group).map(|it| it.span).collect();
        let mut out = Vec::new();
        let mut seen: Vec<Span> = Vec::new();
        for pipeline in &query.pipelines {
            if seen.contains(&pipeline.span) {
                continue;
            }
            seen.push(pipeline.span);
            let before = self.statements_before(pipeline);
            for (number, stage) in pipeline.stages.iter().enumerate() {
                if let Operator::Union(it) = &stage.operator {
                    let before = before.clone();
                    it.tables.iter().for_each(|leg| out.extend(self.leg(before.as_deref(), query.span(*leg))));
                }
                let inside = |span: Span| stage.span.start <= span.start && span.end <= stage.span.end;
                let own = |span: Span| inside(span) && !is_in_inner_pipeline(query, pipeline, span);
                let mut slots = vec![Slot::All];
                let mut counts = vec!["count()".to_owned()];
                for (at, span) in found.iter().enumerate().filter(|it| own(*it.1)) {
                    slots.push(Slot::Predicate(at));
                    counts.push(format!("countif({}\n)", span.of(&query.text)));
                }
                for expr in &query.exprs {
                    let ExprKind::Call(call) = &expr.kind else { continue };
                    if !matches!(call.function.text.as_str(), "case" | "iff" | "iif") || !own(expr.span) {
                        continue;
                    }
                    let tests: Vec<Span> = conditions(call).iter().map(|it| query.span(it.0)).collect();
                    for branch in 0..=tests.len() {
                        let Some(slot) = self.branch(expr.span, &tests, branch) else { continue };
                        slots.push(Slot::Branch(slot));
                        counts.push(format!("countif({} == {branch})", numbered(&query.text, &tests)));
                    }
                }
                let prefix = prefix(query, pipeline, number);
                if let (Some(before), Some(prefix), true) = (&before, prefix, slots.len() > 1) {
                    let columns = counts.iter().enumerate().map(|(at, it)| format!("c{at} = {it}"));
                    let columns = columns.collect::<Vec<_>>().join(", ");
                    out.push(Probe { query: format!("{before}\n{prefix}\n| summarize {columns}"), slots });
                }
            }
        }
        out
    }

    /// The statements that a pipeline can refer to, if it can be run by itself.
    fn statements_before(&self, pipeline: &Pipeline) -> Option<String> {
        let mut out = String::new();
        for statement in &self.query.statements {
            let inside = statement.span.start <= pipeline.span.start && pipeline.span.end <= statement.span.end;
            if inside {
                let is_function = match &statement.kind {
                    StatementKind::Let(it) => matches!(it.value, LetValue::Function(_)),
                    _ => false,
                };
                return (!is_function).then_some(out);
            }
            if statement.span.end <= pipeline.span.start && !matches!(statement.kind, StatementKind::Query(_)) {
                out.push_str(self.query.text_of(statement.span));
                out.push_str("\n;\n");
            }
        }
        None
    }

    /// Adds a branch of a choice; the number of it. One that is there already has none.
    fn branch(&mut self, call: Span, tests: &[Span], number: usize) -> Option<usize> {
        let text = &self.query.text;
        let (span, what) = match tests.get(number) {
            Some(test) => (*test, format!("when {}", test.of(text))),
            None => (call, format!("none of the conditions of {}", shortened(call.of(text)))),
        };
        let place = self.rule.query.place_of(span);
        if self.out.branches.iter().any(|it| it.place == place && it.text == what) {
            return None;
        }
        self.out.branches.push(BranchCoverage { place, text: what, rows: 0, measured: false });
        Some(self.out.branches.len() - 1)
    }

    /// The probe of a leg of a union: whether it has rows.
    fn leg(&mut self, before: Option<&str>, leg: Span) -> Option<Probe> {
        let text = leg.of(&self.query.text);
        let place = self.rule.query.place_of(leg);
        let what = format!("rows of {}", shortened(text));
        self.out.branches.push(BranchCoverage { place, text: what, rows: 0, measured: false });
        let slot = Slot::Branch(self.out.branches.len() - 1);
        let query = format!("{}\n{text}\n| summarize c0 = count(), c1 = count()", before?);
        Some(Probe { query, slots: vec![Slot::All, slot] })
    }
}

/// Whether another pipeline within this one is nearer to a span.
fn is_in_inner_pipeline(query: &Query, outer: &Pipeline, span: Span) -> bool {
    query.pipelines.iter().any(|it| {
        let is_inner = it.span != outer.span && outer.span.start <= it.span.start && it.span.end <= outer.span.end;
        is_inner && it.span.start <= span.start && span.end <= it.span.end
    })
}

/// Where the rows come from that a stage sees, as text: all before it. A pipeline that has its rows from around it has none.
fn prefix<'a>(query: &'a Query, pipeline: &Pipeline, stage: usize) -> Option<&'a str> {
    let before = stage.checked_sub(1).and_then(|it| pipeline.stages.get(it)).map(|it| it.span.end);
    let is_source = |it: &Operator| {
        matches!(it, Operator::Union(_) | Operator::Datatable(_) | Operator::Range(_) | Operator::ExternalData(_))
    };
    let end = match pipeline.source {
        Some(source) => before.unwrap_or(query.span(source).end),
        None if pipeline.stages.first().is_some_and(|it| is_source(&it.operator)) => before?,
        None => return None,
    };
    query.text.get(pipeline.span.start as usize..end as usize)
}

/// The number of the condition that a choice takes.
fn numbered(text: &str, tests: &[Span]) -> String {
    let pairs = tests.iter().enumerate().map(|(number, it)| format!("{}\n, {number}", it.of(text)));
    format!("case({}, {})", pairs.collect::<Vec<_>>().join(", "), tests.len())
}

fn shortened(text: &str) -> String {
    let text = super::mutate::squeezed(text);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text,
    }
}
