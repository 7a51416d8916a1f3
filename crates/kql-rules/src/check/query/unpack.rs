//! Columns that only `bag_unpack` may bring.

use crate::{
    Level,
    check::{Edit, Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::syntax::{ExprKind, Operator};

pub(crate) const LINT: Lint = Lint {
    code: "Q018",
    name: "unpacked-column",
    level: Level::Warning,
    summary: "A column behind `bag_unpack` is read as if it always existed.",
    doc: "`evaluate bag_unpack(…)` gives the columns that the bags of this run have. In a run whose bags lack a key its column does not \
          exist, and the query fails instead of finding nothing; after some failures the service disables the rule. Read \
          such columns with `column_ifexists(\"Name\", \"\")`, or declare them: `evaluate bag_unpack(Bag) : (Name: string, *)`.",
    bad: "AuditLogs | evaluate bag_unpack(AdditionalDetails) | project TimeGenerated, key",
    good: "AuditLogs | evaluate bag_unpack(AdditionalDetails) | project TimeGenerated, key = column_ifexists('key', '')",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (pipeline, n, stage) in it.stages() {
        let Operator::Evaluate(evaluate) = &stage.operator else { continue };
        let is_open_before = it.notes_of(stage).any(|it| it.input_open.unwrap_or(true));
        if evaluate.call.function.text != "bag_unpack" || evaluate.schema.is_some() || is_open_before {
            continue;
        }
        for later in pipeline.stages.iter().skip(n + 1) {
            for name in &it.check.notes.assumed {
                let inside = later.span.start <= name.span.start && name.span.end <= later.span.end;
                if !inside || is_elsewhere(it, later.span, name.span) {
                    continue;
                }
                let message = format!("the column `{}` is there only if the bags of the run have that key", name.text);
                let place = it.place(name.span);
                let text = format!("column_ifexists(\"{0}\", \"\")", name.text);
                let finding = found.add(it.rule, place, message).hint(format!("read it as `{text}`"));
                if let Operator::Where(_) = &later.operator {
                    _ = finding.fix(format!("write `{text}`"), vec![Edit { range: place.start..place.end, text }]);
                }
            }
        }
    }
}

/// Whether a name stands in a pipeline of its own within the stage.
fn is_elsewhere(it: &Subject<'_>, stage: kql::Span, name: kql::Span) -> bool {
    let within = |outer: kql::Span, inner: kql::Span| outer.start <= inner.start && inner.end <= outer.end;
    it.tree().pipelines.iter().any(|it| it.source.is_some() && within(stage, it.span) && within(it.span, name))
        || it.exprs().any(|(id, kind)| {
            matches!(kind, ExprKind::Parenthesized(_))
                && it.columns_of(id).is_some()
                && within(stage, it.span(id))
                && within(it.span(id), name)
        })
}
