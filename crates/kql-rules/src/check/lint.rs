//! What a lint is, and the list of all.

use super::{finding::Found, query, rule, subject::Subject};
use crate::Level;

/// A kind of finding, with what there is to say about it.
#[derive(Debug)]
pub struct Lint {
    /// Its code: `Q…` looks at queries, `R…` at the keys of rules.
    pub code: &'static str,
    /// Its name, for people.
    pub name: &'static str,
    /// How much its findings matter, unless one says otherwise.
    pub level: Level,
    /// What is found, in one sentence.
    pub summary: &'static str,
    /// Why it matters and what to do: paragraphs.
    pub doc: &'static str,
    /// A query, or lines of a rule, in which it finds something.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
    pub(crate) body: Body,
}

/// What a lint looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// The query.
    Query(fn(&Subject<'_>, &mut Found<'_>)),
    /// The rule around it.
    Rule(fn(&rule::Asked<'_>, &mut Found<'_>)),
}

/// Every lint, by code.
pub const LINTS: &[&Lint] = &[
    &query::tables::UNKNOWN,
    &query::time::LINT,
    &query::join::LINT,
    &query::membership::LINT,
    &query::patterns::FAULTY,
    &query::patterns::NEVER,
    &query::patterns::GROUP,
    &query::comparison::CONSTANT,
    &query::conjunction::CONTRADICTION,
    &query::conjunction::TAUTOLOGY,
    &query::case::LINT,
    &query::nulls::LINT,
    &query::range::LINT,
    &query::needle::EMPTY,
    &query::needle::NO_TERM,
    &query::needle::GLOB,
    &query::tables::EVERYTHING,
    &query::unpack::LINT,
    &query::tables::WORKSPACES,
    &query::external::LINT,
    &query::rows::LINT,
    &rule::keys::MISSING,
    &rule::keys::GUIDELINE,
    &rule::keys::ID,
    &rule::keys::DUPLICATE,
    &rule::keys::LENGTH,
    &rule::keys::VERSION,
    &rule::schedule::RANGE,
    &rule::schedule::PERIOD,
    &rule::schedule::OFTEN,
    &rule::schedule::THRESHOLD,
    &rule::schedule::NRT,
    &rule::schedule::SUPPRESSION,
    &rule::schedule::LOOKBACK,
    &rule::columns::LINT,
    &rule::columns::SHAPE,
    &rule::entities::TYPE,
    &rule::entities::IDENTIFIER,
    &rule::entities::REQUIRED,
    &rule::entities::LIMITS,
    &rule::entities::LEGACY,
    &rule::details::CUSTOM,
    &rule::details::OVERRIDE,
    &rule::details::GROUPING,
    &rule::attack::TACTIC,
    &rule::attack::TECHNIQUE,
    &rule::defender::LINT,
    &rule::defender::ASSET,
];

/// The lint of that code or name, in any case.
pub fn lint(name: &str) -> Option<&'static Lint> {
    LINTS.iter().copied().find(|it| it.code.eq_ignore_ascii_case(name) || it.name.eq_ignore_ascii_case(name))
}

impl Lint {
    /// All about it, as Markdown.
    pub fn page(&self) -> String {
        let Lint { code, name, level, summary, doc, bad, good, .. } = self;
        let block = |text: &str| format!("```\n{}\n```\n", text.trim_end());
        format!(
            "## {code} {name}\n\n*{}.* {summary}\n\n{doc}\n\nFound in\n\n{}\nand not in\n\n{}",
            level.name(),
            block(bad),
            block(good)
        )
    }
}
