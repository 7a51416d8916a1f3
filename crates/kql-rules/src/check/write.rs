//! Findings as JSON, SARIF and annotations of GitHub.

mod sarif;

pub use sarif::sarif;

use super::Finding;
use crate::Level;
use serde_json::{Value as Json, json};

/// One finding as a JSON object: code, level, message, place, hints, and the fix where there is one.
pub fn json(finding: &Finding) -> Json {
    let (end_line, end_column) = finding.end();
    let fix = finding.fix.as_ref().map(|fix| {
        let edit = |it: &super::Edit| json!({"start": it.range.start, "end": it.range.end, "text": it.text});
        json!({"title": fix.title, "edits": fix.edits.iter().map(edit).collect::<Vec<_>>()})
    });
    json!({
        "code": finding.code,
        "level": finding.level.name(),
        "message": finding.message,
        "file": finding.source.name,
        "line": finding.place.line,
        "column": finding.place.column,
        "endLine": end_line,
        "endColumn": end_column,
        "rule": finding.rule,
        "hints": finding.hints,
        "fix": fix,
    })
}

/// One finding as a workflow command of GitHub, which shows it beside the line.
pub fn github(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    };
    let (end_line, end_column) = finding.end();
    let mut message = finding.message.clone();
    for hint in &finding.hints {
        message.push('\n');
        message.push_str(hint);
    }
    // A column counts within one line only.
    let columns = if end_line == finding.place.line {
        format!(",col={},endColumn={}", finding.place.column, end_column.max(finding.place.column))
    } else {
        String::new()
    };
    format!(
        "::{level} file={},line={},endLine={end_line}{columns},title={}::{}",
        property(&finding.source.name),
        finding.place.line,
        property(finding.code),
        data(&message)
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::{Level, Source, check::Finding};
    use std::sync::Arc;

    #[test]
    fn annotations_are_one_line() {
        let source = Arc::new(Source::new("a,b.yaml", "x\nyz\n"));
        let place = source.place(2..4);
        let (level, message, hints) = (Level::Info, "100 % of it".to_owned(), vec!["so: do".to_owned()]);
        let finding = Finding { code: "Q001", level, source, place, message, hints, fix: None, rule: None };
        let text = "::notice file=a%2Cb.yaml,line=2,endLine=2,col=1,endColumn=3,title=Q001::100 %25 of it%0Aso: do";
        assert_eq!(super::github(&finding), text);
    }
}
