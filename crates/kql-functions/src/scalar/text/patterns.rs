//! Regular expressions that are known when a query is read: rejected before it runs.

use crate::resolve::Actual;
use kql_data::{Fault, Value};

/// Fails when a constant pattern is not valid; lookaround is not.
pub(crate) fn check(pattern: Option<&Actual>) -> Result<(), Fault> {
    match pattern.and_then(|it| it.constant.as_ref()) {
        Some(Value::String(it)) => parsed(it).map(|_| ()),
        _ => Ok(()),
    }
}

/// The groups of a pattern, by name where they have one; the whole match is not among them.
pub(crate) fn parsed(pattern: &str) -> Result<Vec<Option<String>>, Fault> {
    let invalid = |why: &dyn std::fmt::Display| {
        Fault::coded("SEM0420", format!("the regular expression `{pattern}` is not valid: {why}"))
    };
    let hir = match regex_syntax::parse(pattern) {
        Ok(it) => it,
        Err(why) => {
            let rewritten = crate::declare::re2::rewritten(pattern).and_then(|it| regex_syntax::parse(&it).ok());
            rewritten.ok_or_else(|| invalid(&why))?
        }
    };
    let mut groups = Vec::new();
    collect_groups(&hir, &mut groups);
    Ok(groups)
}

/// Recursion is bounded by the parser's own nesting limit.
fn collect_groups(hir: &regex_syntax::hir::Hir, groups: &mut Vec<Option<String>>) {
    use regex_syntax::hir::HirKind;
    match hir.kind() {
        HirKind::Capture(it) => {
            groups.push(it.name.as_ref().map(|it| it.to_string()));
            collect_groups(&it.sub, groups);
        }
        HirKind::Repetition(it) => collect_groups(&it.sub, groups),
        HirKind::Concat(items) | HirKind::Alternation(items) => {
            for it in items {
                collect_groups(it, groups);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_and_lookaround_is_rejected() {
        assert_eq!(parsed("(a)(?<n>b(c))(?:d)"), Ok(vec![None, Some("n".to_owned()), None]));
        assert!(matches!(parsed("(?<= )a"), Err(Fault::Error { code: "SEM0420", .. })));
        assert!(matches!(parsed("te(?=st)"), Err(Fault::Error { code: "SEM0420", .. })));
    }
}
