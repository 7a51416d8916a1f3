//! What a lint finds.

use super::lint::Lint;
use crate::{Level, Note, Place, Rule, Source};
use std::{ops::Range, sync::Arc};

/// One thing that would fail or mislead.
#[derive(Clone, Debug)]
pub struct Finding {
    /// `RULE103`, `KQL201`; or the code of the parser, the binder (`SEM0100`) or the reader (`READ005`).
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub place: Place,
    /// What, in lower case and without a full stop.
    pub message: String,
    /// What to do, or what else belongs to it.
    pub hints: Vec<String>,
    /// Edits that mend it.
    pub fix: Option<Fix>,
    /// The rule that it is about, by name or id.
    pub rule: Option<String>,
}

/// Edits that mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What they do: ``replace by `isempty` ``.
    pub title: String,
    /// The edits, in any order; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Other bytes for a range of a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes of the source's text that go.
    pub range: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

impl Finding {
    /// The last character of the place: its line and the column behind it, both from 1.
    pub fn end(&self) -> (usize, usize) {
        let end = self.source.place(self.place.end..self.place.end);
        (end.line, end.column)
    }
}

/// The findings of one file while it is checked.
pub(crate) struct Findings {
    source: Arc<Source>,
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(source: &Arc<Source>) -> Findings {
        Findings { source: source.clone(), found: Vec::new() }
    }

    /// The findings of one lint.
    pub(super) fn of<'a>(&'a mut self, lint: &'static Lint) -> Found<'a> {
        Found { lint, all: self }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        let same = |it: &Finding| it.code == finding.code && it.place == finding.place && it.message == finding.message;
        if !self.found.iter().any(same) {
            self.found.push(finding);
        }
    }

    /// What the reader noted.
    pub(super) fn note(&mut self, note: &Note, rule: Option<&Rule>) {
        self.push(Finding {
            code: note.code,
            level: note.level,
            source: self.source.clone(),
            place: note.place,
            message: note.message.clone(),
            hints: note.hint.iter().cloned().collect(),
            fix: None,
            rule: rule.map(|it| it.title().to_owned()),
        });
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.found.retain(|it| !is_allowed(it));
        self.found.sort_by_key(|it| (it.place.start, it.place.end, it.code));
        self.found
    }

    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

/// Whether the finding's line, or the one above, says `kql: allow CODE`.
fn is_allowed(finding: &Finding) -> bool {
    let line = finding.place.line;
    [line, line.saturating_sub(1)].iter().any(|line| {
        let Some((_, allowed)) = finding.source.line(*line).split_once("kql: allow ") else { return false };
        allowed.split([',', ' ']).any(|it| it.trim().eq_ignore_ascii_case(finding.code))
    })
}

/// Where a lint puts what it finds.
pub(crate) struct Found<'a> {
    lint: &'static Lint,
    all: &'a mut Findings,
}

impl Found<'_> {
    /// A finding at a place, with the lint's level.
    pub(crate) fn add(&mut self, rule: &Rule, place: Place, message: impl Into<String>) -> Draft<'_> {
        let finding = Finding {
            code: self.lint.code,
            level: self.lint.level,
            source: rule.source.clone(),
            place,
            message: message.into(),
            hints: Vec::new(),
            fix: None,
            rule: Some(rule.title().to_owned()),
        };
        Draft { finding: Some(finding), all: self.all }
    }
}

/// A finding that more is said of; it is kept when this is dropped.
pub(crate) struct Draft<'a> {
    finding: Option<Finding>,
    all: &'a mut Findings,
}

impl Draft<'_> {
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Some(it) = &mut self.finding {
            it.hints.push(text.into());
        }
        self
    }

    pub(crate) fn level(mut self, level: Level) -> Self {
        if let Some(it) = &mut self.finding {
            it.level = level;
        }
        self
    }

    /// Other bytes for those of a place.
    pub(crate) fn replace(self, title: impl Into<String>, place: Place, text: impl Into<String>) -> Self {
        self.fix(title, vec![Edit { range: place.start..place.end, text: text.into() }])
    }

    pub(crate) fn fix(mut self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        if let Some(it) = &mut self.finding {
            it.fix = Some(Fix { title: title.into(), edits });
        }
        self
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(it) = self.finding.take() {
            self.all.push(it);
        }
    }
}
