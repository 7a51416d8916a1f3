//! Applying fixes to the text of a file.

use super::finding::{Edit, Finding};

/// A text with fixes applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// How many were left because their edits touch those of others: for another round.
    pub left: usize,
}

/// The text of the findings' file with their fixes. Each fix is applied whole or not at all; equal edits count once.
pub fn fixed(text: &str, findings: &[Finding]) -> Fixed {
    let (mut taken, mut applied, mut left): (Vec<&Edit>, usize, usize) = (Vec::new(), 0, 0);
    for fix in findings.iter().filter_map(|it| it.fix.as_ref()) {
        let fits = |edit: &Edit| {
            text.get(edit.range.clone()).is_some()
                && taken.iter().all(|it| {
                    *it == edit || it.range.end <= edit.range.start && it != &edit || {
                        edit.range.end <= it.range.start
                    }
                })
                && !taken.iter().any(|it| *it != edit && it.range.is_empty() && it.range == edit.range)
        };
        if fix.edits.is_empty() || !fix.edits.iter().all(fits) {
            left += 1;
            continue;
        }
        applied += 1;
        for edit in &fix.edits {
            if !taken.contains(&edit) {
                taken.push(edit);
            }
        }
    }
    taken.sort_by_key(|it| it.range.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for edit in taken {
        out.push_str(text.get(at..edit.range.start).unwrap_or(""));
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    Fixed { text: out, applied, left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, Place, Source, check::Fix};
    use std::sync::Arc;

    fn finding(edits: &[(std::ops::Range<usize>, &str)]) -> Finding {
        let edits = edits.iter().map(|(range, text)| Edit { range: range.clone(), text: (*text).to_owned() }).collect();
        Finding {
            code: "X",
            level: Level::Warning,
            source: Arc::new(Source::new("a", "")),
            place: Place::default(),
            message: String::new(),
            hints: Vec::new(),
            fix: Some(Fix { title: String::new(), edits }),
            rule: None,
        }
    }

    #[test]
    fn edits_that_touch_wait_for_another_round() {
        let found = [finding(&[(0..1, "X")]), finding(&[(0..2, "Y")]), finding(&[(0..1, "X"), (4..4, "!")])];
        let res = fixed("abcd", &found);
        assert_eq!((res.text.as_str(), res.applied, res.left), ("Xbcd!", 2, 1));
        let outside = [finding(&[(3..9, "X")])];
        assert_eq!(fixed("abcd", &outside).left, 1);
    }
}
