//! Test files out of the `Tests` of Panther detections: each event becomes a row of the port's table.

use super::{Imported, yaml};
use crate::{
    Note, Rule, Source,
    test::{Data, PantherMapping, panther_cases},
};
use std::{path::Path, sync::Arc};

/// The test file of a detection, for a rule that is its port. `rule` is the port's path as the test file shall name it.
pub fn panther(path: &Path, bytes: &[u8], mapping: &PantherMapping, rule: &str) -> Result<Imported, Note> {
    let contents = crate::read(&path.display().to_string(), bytes);
    let Some(detection) = contents.panther.first() else {
        let message = "it is no detection of Panther: it has no `AnalysisType`, and no `RuleID` with `Tests`";
        return Err(Note::error("TEST004", Default::default(), message));
    };
    let name = detection.name.as_ref().or(detection.id.as_ref()).map_or("", |it| it.value.as_str());
    let port = Rule::of_query(crate::Kind::Query, nothing(&contents.source), detection.place);
    let mut notes = Vec::new();
    let mut text = format!("# Made of the tests of Panther's {name}.\nrule: {}\ntests:\n", yaml::flow(&rule.into()));
    for case in panther_cases(detection, mapping, &port, &contents.source)? {
        if let Some(why) = &case.skip {
            notes.push(Note::warning(
                "TEST004",
                case.name.place,
                format!("the test `{}` is left out: {why}", case.name.value),
            ));
            continue;
        }
        text.push_str(&format!("  - name: {}\n    rows:\n", yaml::flow(&case.name.value.as_str().into())));
        for fixture in &case.rows {
            text.push_str(&format!("      {}:\n", yaml::key(&fixture.name.value)));
            let Data::Json(rows) = &fixture.data else { continue };
            rows.iter().for_each(|it| text.push_str(&yaml::block(it, 8)));
        }
        let fires = case.expect.fires.as_ref().is_some_and(|it| it.value);
        text.push_str(if fires { "    expect: must fire\n" } else { "    expect: must not fire\n" });
    }
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or("panther");
    Ok(Imported { path: path.with_file_name(format!("{stem}.test.yaml")), text, notes })
}

fn nothing(source: &Arc<Source>) -> crate::QueryText {
    crate::QueryText { text: String::new(), source: source.clone(), map: crate::TextMap::straight(0) }
}
