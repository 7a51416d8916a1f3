//! Whether a regular expression can match anything at all.

use kql::functions::declare::re2::rewritten;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// What is certain of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    /// Whether it matches nothing.
    never: bool,
    /// Whether each match has at least one character.
    consumes: bool,
}

/// The pattern as the engine takes it; nothing if it is none.
fn parse(pattern: &str) -> Option<Hir> {
    regex_syntax::parse(pattern).ok().or_else(|| regex_syntax::parse(&rewritten(pattern)?).ok())
}

/// Whether no text matches: an empty class, a beginning behind characters, characters behind the end.
pub(super) fn never_matches(pattern: &str) -> bool {
    parse(pattern).is_some_and(|it| facts(&it).never)
}

/// Whether no text matches that has no upper (or with `upper` no lower) case letters.
pub(super) fn never_matches_in_case(pattern: &str, upper: bool) -> bool {
    parse(pattern).is_some_and(|it| needs_other_case(&it, upper))
}

/// The number of groups, and whether the pattern is valid.
pub(super) fn n_groups(pattern: &str) -> Option<usize> {
    Some(parse(pattern)?.properties().explicit_captures_len())
}

fn facts(hir: &Hir) -> Facts {
    let consumes = hir.properties().minimum_len().is_none_or(|it| it > 0);
    let never = match hir.kind() {
        HirKind::Class(Class::Unicode(it)) => it.ranges().is_empty(),
        HirKind::Class(Class::Bytes(it)) => it.ranges().is_empty(),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
        HirKind::Repetition(it) => it.min > 0 && (facts(&it.sub).never || it.min > 1 && is_bound_twice(&it.sub)),
        HirKind::Capture(it) => facts(&it.sub).never,
        HirKind::Alternation(all) => all.iter().all(|it| facts(it).never),
        HirKind::Concat(all) => {
            let (mut before, mut ended) = (false, false);
            all.iter().any(|it| {
                let own = facts(it);
                let starts = begins_with(it, Look::Start) && before;
                let goes_on = ended && own.consumes;
                before |= own.consumes;
                ended |= ends_with(it, Look::End);
                own.never || starts || goes_on
            })
        }
    };
    Facts { never, consumes }
}

/// Whether something is at the very beginning or end and has characters, so that it cannot be there twice.
fn is_bound_twice(hir: &Hir) -> bool {
    facts(hir).consumes && (begins_with(hir, Look::Start) || ends_with(hir, Look::End))
}

/// Whether every match begins with that assertion.
fn begins_with(hir: &Hir, look: Look) -> bool {
    hir.properties().look_set_prefix().contains(look)
}

fn ends_with(hir: &Hir, look: Look) -> bool {
    hir.properties().look_set_suffix().contains(look)
}

/// Whether each match needs a character that a text in that case does not have.
fn needs_other_case(hir: &Hir, upper: bool) -> bool {
    let absent = |c: char| {
        let changed: String = if upper { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
        changed != c.to_string()
    };
    match hir.kind() {
        HirKind::Literal(it) => std::str::from_utf8(&it.0).is_ok_and(|it| it.chars().any(absent)),
        HirKind::Class(Class::Unicode(it)) => {
            let small = it.ranges().iter().map(|it| u32::from(it.end()) - u32::from(it.start()) + 1).sum::<u32>() <= 64;
            small && !it.ranges().is_empty() && it.ranges().iter().all(|it| (it.start()..=it.end()).all(absent))
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Repetition(it) => it.min > 0 && needs_other_case(&it.sub, upper),
        HirKind::Capture(it) => needs_other_case(&it.sub, upper),
        HirKind::Concat(all) => all.iter().any(|it| needs_other_case(it, upper)),
        HirKind::Alternation(all) => all.iter().all(|it| needs_other_case(it, upper)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_without_a_match() {
        for pattern in ["a^b", "a$b", r"[^\s\S]", "(x|y)^z", "(a$)b", "^ab$c", "(^a){2}", r"\d+^\w"] {
            assert!(never_matches(pattern), "{pattern}");
        }
        for pattern in
            ["^a", "a$", "a*^b", "(^|x)a", "a($|b)", "^$", "(^a)?b", "a|b^c", r"(?m)a\n^b", "", "(^a)*", "x{0}^a"]
        {
            assert!(!never_matches(pattern), "{pattern}");
        }
        assert!(never_matches_in_case("^[A-Z]+$", false) && never_matches_in_case("Admin", false));
        assert!(!never_matches_in_case("[A-Za-z]", false) && !never_matches_in_case("(?i)Admin", false));
        assert!(never_matches_in_case("[a-z]", true) && !never_matches_in_case("(A|b)?", false));
    }
}
