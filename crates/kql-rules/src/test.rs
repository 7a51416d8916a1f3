//! Tests of rules: tables in, and what alerts, rows and entities must come out.
//!
//! ```
//! use kql_rules::{Memory, test};
//!
//! let rule = "name: Failures\nseverity: High\nqueryFrequency: 1h\nqueryPeriod: 1h\nkind: Scheduled\nquery: |\n  Logins\n  | where not(Ok)\n";
//! let tests = "
//! schema: { Logins: 'TimeGenerated:datetime, User:string, Ok:bool' }
//! tests:
//!   - name: a failure alerts
//!     rows: { Logins: [ { TimeGenerated: 2026-01-01T10:00:00Z, User: ann, Ok: false } ] }
//!     expect: { alerts: 1, severity: High, rows: [ { User: ann } ] }
//!   - name: success is quiet
//!     rows: { Logins: [ { TimeGenerated: 2026-01-01T10:00:00Z, User: ann, Ok: true } ] }
//!     expect: must not fire
//! ";
//! let files = Memory::new([("failures.yaml", rule), ("failures.test.yaml", tests)]);
//! let workspace = test::Workspace { files: &files, engine: kql::Engine::new() };
//! let options = test::Options {
//!     threads: 1, filter: None, update: false, mutate: false, coverage: false, clock: &|| 0, stop: kql::Stop::default(),
//! };
//! let report = test::run(&workspace, &["failures.test.yaml".into()], &[], &options);
//! assert_eq!((report.counts().passed, report.exit_status()), (2, 0), "{}", test::human(&report, true));
//! ```
//!
//! A test is a run of the rule as the service would make it; [`Report`] says what became of each, and the functions beside it
//! write it for people, JUnit, TAP, GitHub and programs.

mod coverage;
mod diff;
mod discover;
mod evaluate;
mod expect;
mod fixtures;
mod format;
mod github;
mod human;
pub mod import;
mod json;
mod junit;
mod keys;
mod matcher;
mod mutate;
mod panther;
mod predicate;
mod report;
mod runner;
mod scaffold;
mod snapshot;
mod tap;

pub use coverage::{BranchCoverage, Coverage, PredicateCoverage, RuleCoverage};
pub use diff::Rows;
pub use discover::{Discovered, discover};
pub use expect::{Expect, Failure, Observed, ObservedAlert, WantedEntity};
pub use format::{Case, Data, Fixture, PantherLink, PantherMapping, Stretch, Subject, Suite, Survivor, read};
pub use github::github;
pub use human::human;
pub use json::json;
pub use junit::junit;
pub use matcher::{Matcher, Test};
pub use mutate::{Change, Fate, Mutant, mutants};
pub use panther::cases as panther_cases;
pub use predicate::{Predicate, Role, predicates};
pub use report::{CaseReport, Counts, Fault, FaultKind, MutantReport, Report, SuiteReport, Verdict};
pub use runner::{Options, Workspace, run, run_suites};
pub use scaffold::{new_rule, new_rule_test, new_test};
pub use tap::tap;
