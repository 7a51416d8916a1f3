//! Custom detections of Defender XDR.

use super::Asked;
use crate::{
    Kind, Level,
    check::{Lint, finding::Found, lint::Body},
};

pub(crate) const LINT: Lint = Lint {
    code: "R026",
    name: "detection-without-time",
    level: Level::Error,
    summary: "The query of a custom detection does not return the time of its events.",
    doc: "A custom detection must return `Timestamp` (or `TimeGenerated`, for tables of Sentinel), by which the service knows which events are \
          new. A `summarize` loses it unless it hands it on: `summarize arg_max(Timestamp, *) by DeviceId`.",
    bad: "queryCondition:\n  queryText: |\n    DeviceEvents\n    | summarize count() by DeviceId",
    good: "queryCondition:\n  queryText: |\n    DeviceEvents\n    | summarize arg_max(Timestamp, *) by DeviceId",
    body: Body::Rule(check),
};

fn check(asked: &Asked<'_>, found: &mut Found<'_>) {
    if asked.rule.kind != Kind::CustomDetection {
        return;
    }
    let Some((schema, false)) = asked.subject.output() else { return };
    if ["Timestamp", "TimeGenerated"].iter().all(|it| schema.index_of(it).is_none()) {
        let place = asked.rule.query.whole();
        _ = found.add(asked.rule, place, "the query returns neither `Timestamp` nor `TimeGenerated`");
    }
}
