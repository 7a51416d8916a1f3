//! Lints over the query of a rule.

pub(super) mod case;
pub(super) mod comparison;
pub(super) mod conjunction;
pub(super) mod external;
pub(super) mod join;
pub(super) mod membership;
pub(super) mod needle;
pub(super) mod nulls;
pub(super) mod patterns;
pub(super) mod range;
pub(super) mod rows;
pub(super) mod tables;
pub(super) mod time;
pub(super) mod unpack;

use super::{
    finding::{Edit, Finding, Findings, Fix},
    subject::Subject,
};
use crate::{Level, Place};
use kql::{Diagnostic, Severity};

/// Codes that hold whatever types the columns have that were taken to exist.
fn is_certain(it: &Diagnostic) -> bool {
    it.code.starts_with("SYN")
        || matches!(
            it.code,
            "SEM0100" | "SEM0219" | "SEM0223" | "SEM0260" | "SEM0034" | "SEM0079" | "SEM0420" | "SEM0515" | "SEM0057"
        )
}

/// What the parser and the binder say. A function that nothing has may be one of the workspace, unless `strict`.
pub(super) fn diagnostics(it: &Subject<'_>, strict: bool, found: &mut Findings) {
    for diagnostic in &it.check.diagnostics {
        let is_error = diagnostic.severity == Severity::Error;
        // Calls of parts of the service that are not here are no fault of a query.
        let is_service = matches!(diagnostic.code, "KQL0002" | "KQL0003" | "KQL0004" | "KQL0005" | "SEM1076");
        if is_service || is_error && !it.is_certain() && !is_certain(diagnostic) {
            continue;
        }
        let place = it.place(diagnostic.span);
        let mut hints: Vec<String> = diagnostic.hints.iter().map(|it| it.1.clone()).collect();
        // Functions of a workspace are not known here.
        let is_unknown_function = diagnostic.code == "SEM0260" && hints.is_empty() && is_error;
        if is_unknown_function {
            hints.push("if it is a function of the workspace, tell of it with --schema or in kql.toml".to_owned());
        }
        found.push(Finding {
            code: diagnostic.code,
            level: match is_error && (strict || !is_unknown_function) {
                true => Level::Error,
                // Which names such columns have is worth knowing, and no fault.
                false if diagnostic.code == "KQL0006" => Level::Info,
                false => Level::Warning,
            },
            source: found.source().clone(),
            place,
            message: one_line(&diagnostic.message),
            hints,
            fix: suggestion(it, diagnostic, place),
            rule: Some(it.rule.title().to_owned()),
        });
    }
}

/// A message of several lines, as those about regular expressions are, as one: its beginning and what is wrong.
pub(super) fn one_line(message: &str) -> String {
    const MOST: usize = 160;
    let first = message.lines().next().unwrap_or("").trim_end_matches(": regex parse error:");
    let reason = message.lines().skip(1).find_map(|it| it.trim().strip_prefix("error: "));
    let cut = match first.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", first.get(..at).unwrap_or("")),
        None => first.to_owned(),
    };
    reason.map_or(cut.clone(), |it| format!("{cut}: {it}"))
}

/// The one name that is meant in the place of an unknown one.
fn suggestion(it: &Subject<'_>, diagnostic: &Diagnostic, place: Place) -> Option<Fix> {
    let [(None, hint)] = diagnostic.hints.as_slice() else { return None };
    let name = hint.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    let written = diagnostic.span.of(&it.query.text);
    let is_name = |it: &str| !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '-'));
    let is_code = matches!(diagnostic.code, "SEM0100" | "SEM0260" | "SYN0001" | "SYN0002");
    if !is_code || !is_name(written) || !is_name(name) {
        return None;
    }
    let edit = Edit { range: place.start..place.end, text: name.to_owned() };
    Some(Fix { title: format!("write `{name}`"), edits: vec![edit] })
}
