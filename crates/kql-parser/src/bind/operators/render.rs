//! `render`: how the result is to be drawn; the rows stay as they are.

use super::super::{Bind, Binder, Table};
use crate::{
    diagnostic::{Diagnostic, closest},
    plan::Visualization,
    syntax::{Name, Render},
};

/// What the reference draws.
#[rustfmt::skip]
const CHARTS: &[&str] = &[
    "3Dchart", "anomalychart", "areachart", "barchart", "card", "columnchart", "graph", "ladderchart", "linechart", "list",
    "piechart", "pivotchart", "plotly", "sankey", "scatterchart", "stackedareachart", "table", "timechart", "timeline",
    "timepivot", "treemap",
];

/// What may be said of a drawing.
#[rustfmt::skip]
const PROPERTIES: &[&str] = &[
    "accumulate", "anomalycolumns", "by", "kind", "legend", "series", "title", "with", "xaxis", "xcolumn", "xmax", "xmin",
    "xtitle", "yaxis", "ycolumns", "ymax", "ymin", "ysplit", "ytitle",
];

pub(super) fn bind(b: &mut Binder<'_>, it: &Render, input: Table) -> Bind<Table> {
    tell(b, &it.chart, CHARTS, "no chart is called");
    let mut properties = Vec::new();
    for property in &it.properties {
        tell(b, &property.name, PROPERTIES, "no property of a chart is called");
        let mut value = b.word(property)?;
        for more in &property.more {
            value.push_str(", ");
            value.push_str(b.query.text_of(b.query.span(*more)));
        }
        properties.push((property.name.text.clone(), value));
    }
    let visualization = Some(Visualization { chart: it.chart.text.clone(), properties });
    Ok(Table { visualization, ..input })
}

/// Warns of a name that nothing heeds.
fn tell(b: &mut Binder<'_>, name: &Name, known: &[&str], what: &str) {
    if known.iter().any(|it| it.eq_ignore_ascii_case(&name.text)) {
        return;
    }
    let mut diagnostic = Diagnostic::warning("KQL0007", name.span, format!("{what} `{}`", name.text));
    if let Some(it) = closest(&name.text, known.iter().copied()) {
        diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
    }
    b.report(diagnostic);
}
