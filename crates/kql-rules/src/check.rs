//! What would fail or mislead in production: findings about rules and their queries.
//!
//! * [`lint`]: what a lint is, and the list of all. * [`query`]: lints over the syntax tree and the bound plan of a query.
//! * [`rule`]: lints over the keys of a rule. * [`finding`]: what they find, and edits that mend it. * [`write`]: findings
//!   as JSON, SARIF and annotations.
//!
//! The first rule of this module is that a finding is true: what depends on data, on tables that are not known or on what
//! somebody meant is not reported.

pub mod finding;
mod fix;
pub mod lint;
mod query;
mod regex;
mod rule;
mod subject;
pub mod write;

pub use finding::{Edit, Finding, Fix};
pub use fix::{Fixed, fixed};
pub use lint::{LINTS, Lint};

use crate::{Contents, Kind, Level, Rule, catalogue};
use finding::Findings;
use kql::{Check, Engine, Now, Query};
use std::{collections::HashMap, sync::Arc};
use subject::Subject;

/// The moment that queries are bound at: midnight of a Sunday that begins a year, so that `startofday(ago(1d))`,
/// `startofweek(now())` and their like lie no further back than they must.
const NOW: &str = "2023-01-01T00:00:00Z";
/// Another such moment: what differs between the two depends on the clock.
const OTHER: &str = "2017-01-01T00:00:00Z";

/// A query is checked over the engine's own tables and functions, and beyond them over the catalogue's.
#[derive(Clone, Debug)]
pub struct Checker {
    now: Engine,
    other: Engine,
    strict: bool,
    parameters: Vec<(String, String)>,
}

impl Checker {
    /// A checker over the tables and functions of an engine. Rules may read tables that nothing knows, unless `strict`:
    /// then they are errors.
    pub fn new(engine: &Engine, strict: bool) -> Checker {
        let at = |text: &str| {
            let mut engine = engine.clone();
            engine.set_known(Arc::new(catalogue::Workspace { lenient: !strict }));
            engine.set_now(Now::At(kql::parser::parse_datetime(text).unwrap_or(0)));
            engine
        };
        Checker { now: at(NOW), other: at(OTHER), strict, parameters: Vec::new() }
    }

    /// Gives values for `declare query_parameters`.
    pub fn with_parameters(mut self, parameters: Vec<(String, String)>) -> Checker {
        self.parameters = parameters;
        self
    }

    /// The findings of a set of files, in the order of files and places. Functions that some of them define are known to
    /// all.
    pub fn check(&self, files: &[Contents]) -> Vec<Finding> {
        let mut checker = self.clone();
        for rule in files.iter().flat_map(|it| &it.rules) {
            for (name, function) in rule.stored_functions() {
                checker.now.add_function(name.as_str(), function.clone());
                checker.other.add_function(name.as_str(), function);
            }
        }
        let ids = ids(files);
        let mut out = Vec::new();
        for file in files {
            let mut found = Findings::new(&file.source);
            for note in &file.notes {
                found.note(note, None);
            }
            for rule in &file.rules {
                checker.rule(rule, &ids, &mut found);
            }
            out.extend(found.finish());
        }
        out
    }

    fn rule(&self, rule: &Rule, ids: &Ids<'_>, found: &mut Findings) {
        for note in &rule.notes {
            found.note(note, Some(rule));
        }
        let now = self.now.now();
        let query = rule.query.with_window(now - kql::time::DAY, now);
        let (check, other) = match rule.kind {
            // The body of a function is bound where it is called.
            Kind::Function => (self.function(rule), None),
            _ => {
                let ask = |engine: &Engine| {
                    engine.check(Query { text: query.text.clone(), parameters: self.parameters.clone() })
                };
                let uses_clock = ["now", "ago"].iter().any(|it| query.text.contains(it));
                (ask(&self.now), uses_clock.then(|| ask(&self.other)))
            }
        };
        let subject = Subject::new(rule, &query, &check, other.as_ref(), &self.now);
        query::diagnostics(&subject, self.strict, found);
        for lint in LINTS {
            match lint.body {
                lint::Body::Query(body) => body(&subject, &mut found.of(lint)),
                lint::Body::Rule(body) => body(&rule::Asked { rule, subject: &subject, ids }, &mut found.of(lint)),
            }
        }
    }

    /// A function's body with its parameters as they are declared.
    fn function(&self, rule: &Rule) -> Check {
        let parameters = rule.function.as_ref().map_or("", |it| it.parameters.as_str());
        if parameters.trim().trim_matches(['(', ')']).trim().is_empty() {
            return self.now.check(rule.query.text.as_str());
        }
        // Its own text only: faults have their places in it, and what its parameters are is told by each call.
        let (tree, diagnostics) = kql::parser::parse(&rule.query.text, &kql::parser::ParseOptions::default());
        Check {
            results: Vec::new(),
            diagnostics,
            plan: Arc::default(),
            tree: Arc::new(tree),
            notes: kql::parser::Notes::default(),
        }
    }
}

/// Rules by id: the file and line of the first that has it.
pub(crate) type Ids<'a> = HashMap<String, &'a Rule, ahash::RandomState>;

fn ids(files: &[Contents]) -> Ids<'_> {
    let mut out = Ids::default();
    for rule in files.iter().flat_map(|it| &it.rules) {
        if let Some(id) = &rule.id {
            _ = out.entry(id.trim().to_ascii_lowercase()).or_insert(rule);
        }
    }
    out
}

/// The gravest level among findings.
pub fn worst(findings: &[Finding]) -> Option<Level> {
    findings.iter().map(|it| it.level).max()
}
