//! What a query reads.

use crate::{
    Kind, Level, catalogue,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::{
    diagnostic::closest,
    syntax::{ExprId, ExprKind, Operator, Step},
};

pub(crate) const UNKNOWN: Lint = Lint {
    code: "Q001",
    name: "unknown-table",
    level: Level::Warning,
    summary: "A table or table function is read that neither the catalogue nor the project knows.",
    doc: "The catalogue has the tables of Azure Monitor, Microsoft Sentinel and Defender XDR. What a workspace has besides (custom \
          tables, parsers, functions) is told with `--schema`, `kql.toml`, or by checking the files of its functions along \
          with the rules; until then columns of such a table are taken to exist, and types are not checked.\n\nIt is an error \
          where a known name is so close that a slip is likely, worth a note only where the name ends in `_CL` as those of custom \
          tables do, and no finding in a leg of `union isfuzzy=true`, where tables may be missing.",
    bad: "SigninLog | take 10",
    good: "SigninLogs | take 10",
    body: Body::Query(unknown),
};

pub(crate) const EVERYTHING: Lint = Lint {
    code: "Q017",
    name: "search-everything",
    level: Level::Error,
    summary: "An analytics rule may not `search *` or `union *`.",
    doc: "The service refuses rules whose query reads every table by `search *` or `union *`. Name the tables, or write a pattern \
          such as `union Device*`. In hunting queries it is allowed, and slow: nothing is said there.",
    bad: "union * | where Account == 'mallory'",
    good: "union SecurityEvent, SigninLogs | where Account == 'mallory'",
    body: Body::Query(everything),
};

pub(crate) const WORKSPACES: Lint = Lint {
    code: "Q019",
    name: "other-workspaces",
    level: Level::Error,
    summary: "An NRT rule reads another workspace, or a rule reads more than 20.",
    doc: "Near-real-time rules run in their own workspace only: `workspace(\"…\").T` does not work in them. A scheduled rule may read 20 \
          workspaces.",
    bad: "kind: NRT\nquery: |\n  workspace('other').SigninLogs\n  | where ResultType == '50126'",
    good: "kind: NRT\nquery: |\n  SigninLogs\n  | where ResultType == '50126'",
    body: Body::Query(workspaces),
};

fn unknown(it: &Subject<'_>, found: &mut Found<'_>) {
    let functions: Vec<&str> = it.engine.functions().map(|it| it.0).collect();
    let own: Vec<&str> = it.engine.tables().chain(it.engine.known_tables()).map(|it| it.0).collect();
    let mut told: Vec<&str> = Vec::new();
    for note in &it.check.notes.opaque {
        let name = note.name.text.as_str();
        if note.is_known || note.is_fuzzy || name == "*" || told.contains(&name) {
            continue;
        }
        told.push(name);
        let known = own.iter().chain(&functions).copied().chain(it.lets());
        let tables = catalogue::tables().iter().copied().filter(|_| !note.is_call);
        let near = closest(name, known.chain(tables)).filter(|it| *it != name && !is_variant(name, it));
        let place = it.place(note.name.span);
        let what = if note.is_call { "function" } else { "table or function" };
        let finding = found.add(it.rule, place, format!("unknown {what} `{name}`"));
        _ = match near {
            Some(near) => finding.level(Level::Error).hint(format!("did you mean `{near}`?")).replace(
                format!("write `{near}`"),
                place,
                near,
            ),
            None => finding
                .level(if name.ends_with("_CL") { Level::Info } else { Level::Warning })
                .hint("its columns are not checked; tell of it with --schema or in kql.toml"),
        };
    }
}

/// Whether names differ in a number or a suffix, as names of other tables do.
fn is_variant(name: &str, near: &str) -> bool {
    let stem = |it: &str| it.trim_end_matches(|it: char| it.is_ascii_digit() || it == '_').to_owned();
    name.ends_with("_CL") != near.ends_with("_CL") || name.len() != near.len() && stem(name) == stem(near)
}

fn everything(it: &Subject<'_>, found: &mut Found<'_>) {
    if !matches!(it.rule.kind, Kind::Scheduled | Kind::Nrt) {
        return;
    }
    for (pipeline, n, stage) in it.stages() {
        let is_star = |id: &ExprId| matches!(it.kind(it.inner(*id)), ExprKind::Star);
        let word = match &stage.operator {
            Operator::Union(union) if union.tables.iter().any(is_star) => "union *",
            Operator::Search(search) => {
                let reads_all = pipeline.source.is_none() && n == 0 && search.tables.is_empty();
                match reads_all && is_star(&search.predicate) || search.tables.iter().any(is_star) {
                    true => "search *",
                    false => continue,
                }
            }
            _ => continue,
        };
        _ = found.add(
            it.rule,
            it.place(stage.keyword),
            format!("the service refuses rules with `{word}`; name the tables"),
        );
    }
}

const WORKSPACES_MAX: usize = 20;

fn workspaces(it: &Subject<'_>, found: &mut Found<'_>) {
    let mut named = Vec::new();
    for (id, call) in it.calls() {
        if !matches!(call.function.text.as_str(), "workspace" | "app" | "resource") {
            continue;
        }
        let is_source = it.exprs().any(|(_, kind)| {
            matches!(kind, ExprKind::Path { base, steps } if *base == id
            && matches!(steps.last(), Some(Step::Member(_) | Step::Call(_) | Step::Index(_) | Step::Wildcard(_))))
        });
        if !is_source {
            continue;
        }
        if it.rule.kind == Kind::Nrt {
            let message = format!("`{}` reads another workspace, which an NRT rule cannot", it.text(id));
            _ = found.add(it.rule, it.place_of(id), message);
        }
        let text = it.text(id);
        if !named.contains(&text) {
            named.push(text);
        }
        if it.rule.kind == Kind::Scheduled && named.len() == WORKSPACES_MAX + 1 {
            _ = found.add(it.rule, it.place_of(id), format!("a rule reads {WORKSPACES_MAX} workspaces at most"));
        }
    }
}
