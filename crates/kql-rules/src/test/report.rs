//! What became of tests.

use super::{
    coverage::Coverage,
    expect::Failure,
    mutate::{Change, Fate},
};
use crate::{Note, Place, Source};
use std::{path::PathBuf, sync::Arc};

/// What became of all test files.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each file, in the order given.
    pub suites: Vec<SuiteReport>,
    /// What the tests reach, if that was asked for.
    pub coverage: Option<Coverage>,
    /// Whether mutants were asked for.
    pub mutated: bool,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// How long it took, in nanoseconds.
    pub nanoseconds: u64,
}

/// What became of a test file.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// Its path.
    pub path: PathBuf,
    /// The name of what it tests.
    pub title: String,
    /// Why none of its tests could run, if so.
    pub fault: Option<Fault>,
    /// Its tests.
    pub cases: Vec<CaseReport>,
    /// Mutants of its rule.
    pub mutants: Vec<MutantReport>,
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// The file that its places are in.
    pub source: Arc<Source>,
    /// Where its name stands.
    pub place: Place,
    /// What became of it.
    pub verdict: Verdict,
    /// What is worth knowing: the moment that was chosen, rows outside of the window.
    pub notes: Vec<String>,
    /// How many alerts it made.
    pub n_alerts: usize,
    /// How long it took, in nanoseconds.
    pub nanoseconds: u64,
}

/// What became of a test.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every expectation held.
    Passed,
    /// Some did not.
    Failed(Vec<Failure>),
    /// It could not be run.
    Faulty(Fault),
    /// It was not run, for that reason.
    Skipped(String),
}

/// Why something could not be run.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What is to be mended.
    pub kind: FaultKind,
    /// The file.
    pub source: Arc<Source>,
    /// What is wrong, and where in the file.
    pub notes: Vec<Note>,
}

/// What is to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The rule or query.
    Rule,
    /// The test file or its fixtures.
    Config,
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct MutantReport {
    /// The rule's file.
    pub source: Arc<Source>,
    /// Where the predicate stands.
    pub place: Place,
    /// The predicate.
    pub predicate: String,
    /// What was done to it.
    pub change: Change,
    /// What became of it.
    pub fate: Fate,
}

/// Numbers of tests by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Could not be run; a file without any test that runs counts once.
    pub faulty: usize,
    /// Not run.
    pub skipped: usize,
}

impl Report {
    /// How many tests passed, failed and so on.
    pub fn counts(&self) -> Counts {
        let mut out = Counts::default();
        for suite in &self.suites {
            out.faulty += usize::from(suite.fault.is_some());
            for case in &suite.cases {
                match &case.verdict {
                    Verdict::Passed => out.passed += 1,
                    Verdict::Failed(_) => out.failed += 1,
                    Verdict::Faulty(_) => out.faulty += 1,
                    Verdict::Skipped(_) => out.skipped += 1,
                }
            }
        }
        out
    }

    /// Every reason why something could not be run.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.suites.iter().flat_map(|suite| {
            let of = |it: &'_ CaseReport| matches!(it.verdict, Verdict::Faulty(_));
            let cases = suite.cases.iter().filter(move |it| of(it)).filter_map(|it| match &it.verdict {
                Verdict::Faulty(fault) => Some(fault),
                _ => None,
            });
            suite.fault.iter().chain(cases)
        })
    }

    /// The mutants that no test noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &MutantReport> {
        self.suites.iter().flat_map(|it| &it.mutants).filter(|it| it.fate == Fate::Survived)
    }

    /// The exit status: 0 when all passed, 1 when a test failed or a mutant survived, 2 for a rule or query that is faulty, 3
    /// for a test file or fixture that is, 130 when interrupted.
    pub fn exit_status(&self) -> u8 {
        if self.interrupted {
            return 130;
        }
        match self.faults().map(|it| it.kind).max() {
            Some(FaultKind::Config) => 3,
            Some(FaultKind::Rule) => 2,
            None if self.counts().failed > 0 || self.survivors().next().is_some() => 1,
            None => 0,
        }
    }
}

impl Fault {
    /// A fault of a file.
    pub(super) fn new(kind: FaultKind, source: &Arc<Source>, note: Note) -> Fault {
        Fault { kind, source: source.clone(), notes: vec![note] }
    }

    /// Its notes for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.notes.iter().map(|it| it.line(&self.source)).collect()
    }
}
