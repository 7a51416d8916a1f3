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

pub(crate) const ASSET: Lint = Lint {
    code: "R027",
    name: "detection-without-asset",
    level: Level::Error,
    summary: "The query of a custom detection returns no column that identifies a device, user or mailbox, or names none.",
    doc: "A custom detection must return a column by which the service knows whom an alert is about: `DeviceId`, `DeviceName`, \
          `AccountObjectId`, `AccountSid`, `AccountUpn`, `RecipientEmailAddress` and their like. Without one it is refused. `impactedAssets` names \
          the one that is meant; a detection that names none is a warning.",
    bad: "queryCondition:\n  queryText: |\n    DeviceEvents\n    | summarize arg_max(Timestamp, ReportId) by ActionType\ndetectionAction:\n  \
          alertTemplate:\n    title: a\n    severity: low\n    impactedAssets:\n      - '@odata.type': '#microsoft.graph.security.impactedDeviceAsset'\n        \
          identifier: deviceId",
    good: "queryCondition:\n  queryText: |\n    DeviceEvents\n    | summarize arg_max(Timestamp, ReportId) by DeviceId\ndetectionAction:\n  \
           alertTemplate:\n    title: a\n    severity: low\n    impactedAssets:\n      - '@odata.type': '#microsoft.graph.security.impactedDeviceAsset'\n        \
           identifier: deviceId",
    body: Body::Rule(asset),
};

/// Columns that identify an asset.
const ASSETS: &[&str] = &[
    "DeviceId",
    "DeviceName",
    "RemoteDeviceName",
    "RecipientEmailAddress",
    "SenderFromAddress",
    "SenderMailFromAddress",
    "SenderObjectId",
    "RecipientObjectId",
    "AccountObjectId",
    "AccountSid",
    "AccountUpn",
    "InitiatingProcessAccountSid",
    "InitiatingProcessAccountUpn",
    "InitiatingProcessAccountObjectId",
];

fn asset(asked: &Asked<'_>, found: &mut Found<'_>) {
    if asked.rule.kind != Kind::CustomDetection {
        return;
    }
    let Some((schema, false)) = asked.subject.output() else { return };
    let mut named = asked.rule.entity_mappings.iter().flat_map(|it| &it.fields).peekable();
    let names_any = named.peek().is_some();
    if named.any(|it| schema.index_of(&it.column.value).is_some()) {
        return;
    }
    let returned: Vec<&str> = ASSETS.iter().copied().filter(|it| schema.index_of(it).is_some()).collect();
    match returned.first() {
        None => {
            let message = "the query returns no column that identifies a device, user or mailbox";
            _ = found
                .add(asked.rule, asked.rule.query.whole(), message)
                .hint("such as `DeviceId`, `AccountObjectId` or `RecipientEmailAddress`");
        }
        Some(first) if !names_any && asked.key("detectionAction").is_some() => {
            let finding = found.add(asked.rule, asked.head(), "the detection names no impacted asset");
            _ = finding.level(Level::Warning).hint(format!("`impactedAssets` may name `{first}`"));
        }
        // What is named and not returned is told where it is named.
        Some(_) => {}
    }
}
