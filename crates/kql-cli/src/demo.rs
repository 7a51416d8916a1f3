//! `kql demo`: example data with attacks in it, and the rules that find them.

use crate::{
    options::Options,
    output::{self, Output, Style},
    report::{Exit, IO, Place, Report},
    script, source,
};
use kql::{
    Engine, GeoFile, Now,
    formats::{Format, paint},
};
use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

const AUDIT: &[u8] = include_bytes!("../../../examples/data/audit.ndjson");
const COMPLETIONS: &[u8] = include_bytes!("../../../examples/data/completions.ndjson");
const GEO: &[u8] = include_bytes!("../../../examples/data/demo.mmdb");
/// The end of the data.
const NOW: &str = "2026-06-10T12:00:00Z";

/// A rule, and what to show of its rows: when, who, from where, and why it fired.
struct Rule {
    file: &'static str,
    text: &'static str,
    detection: &'static str,
}

const RULES: [Rule; 5] = [
    Rule {
        file: "openai_credential_project_sprawl.yaml",
        text: include_str!("../../../queries/openai_credential_project_sprawl.yaml"),
        detection: r#"project When = FirstSeen, Who = ActorEmail, From = ActorIp, What = strcat_array(Types, ", "),
            Why = iff(PriorCreates == 0, "created nothing in the 14 days before",
                strcat(RecentCreates, " creations from one address within ", format_timespan(LastSeen - FirstSeen, "h:mm:ss"), ": a burst"))"#,
    },
    Rule {
        file: "openai_config_change_then_abuse.yaml",
        text: include_str!("../../../queries/openai_config_change_then_abuse.yaml"),
        detection: r#"project When = ConfigTime, Who = ActorEmail, From = ConfigIp, What = ConfigEvent,
            Why = strcat(format_timespan(AbuseTime - ConfigTime, "h:mm:ss"), " later a request of the same user ended with ", tostring(EventFinishReasons[0]))"#,
    },
    Rule {
        file: "openai_org_config_change.yaml",
        text: include_str!("../../../queries/openai_org_config_change.yaml"),
        detection: r#"project When = TimeGenerated, Who = iff(isempty(ActorEmail), "(an API key)", ActorEmail), From = ActorIp, What = EventType,
            Why = strcat("the organization's security changed: ", tostring(EventDetails.changes_requested))"#,
    },
    Rule {
        file: "openai_off_hours_or_geo_login.yaml",
        text: include_str!("../../../queries/openai_off_hours_or_geo_login.yaml"),
        detection: r#"project When = TimeGenerated, Who = ActorEmail, From = ActorIp, What = strcat("login, ", Country),
            Why = strcat_delim(" and ", case(OffHours, strcat("never at ", Hour, " o'clock before"), "at a usual hour"),
                case(AnomalousGeo, strcat("never from ", Country, " before, only ", strcat_array(UsualCountries, ", ")), "from where it always is"))"#,
    },
    Rule {
        file: "openai_api_key_anomalous_activity.yaml",
        text: include_str!("../../../queries/openai_api_key_anomalous_activity.yaml"),
        detection: r#"project When = TimeGenerated, Who = coalesce(ActorEmail, ActorId), From = SourceIp, What = EventType,
            Why = strcat(Severity, ": the key ", KeyId, " got the scope ", strcat_array(Elevated, ", "), " from ", iff(ActorType == "session", "a session", "another key"))"#,
    },
];

/// Loads the example data, and runs the queries given, or the rules.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Exit> {
    let engine = engine(options, report)?;
    let broken = |why: io::Error| match why.kind() {
        io::ErrorKind::BrokenPipe => Exit(0),
        _ => report.fail(IO, &why.to_string()),
    };
    let mut style = Style::new(options, options.output.is_some());
    let mut out = Output::open(options.output.as_deref()).map_err(broken)?;
    let queries: Vec<&String> = options.values.iter().chain(&options.queries).collect();
    for text in &queries {
        let outcome = engine.query(text.as_str()).map_err(|error| report.query(&Place::default(), text, &error))?;
        output::tell(&outcome, report);
        output::write_outcome(&outcome, &style, &mut out).map_err(broken)?;
    }
    if queries.is_empty() {
        style.format = options.format.unwrap_or(Format::Table);
        for rule in &RULES {
            detect(&engine, rule, &style, report, &mut out)?.map_err(broken)?;
        }
    }
    out.finish().map_err(broken)
}

/// An engine with the example data, at its end.
fn engine(options: &Options, report: &Report) -> Result<Engine, Exit> {
    let mut engine = source::engine(options, &[], report)?;
    if options.now.is_none() {
        engine.set_now(kql::parser::parse_datetime(NOW).map_or(Now::Latest, Now::At));
    }
    if options.geoip.is_none() {
        let geo = GeoFile::new(GEO).map_err(|why| report.fail(IO, &why))?;
        engine.set_geo(Arc::new(geo));
    }
    for (name, bytes) in [("OpenAIAuditLogs", AUDIT), ("OpenAIChatCompletions", COMPLETIONS)] {
        _ = engine.load_bytes(name, bytes).map_err(|why| report.fail(IO, &why.to_string()))?;
    }
    Ok(engine)
}

/// Runs one rule and shows what it found, the reason of each row below the table.
fn detect(
    engine: &Engine,
    rule: &Rule,
    style: &Style,
    report: &Report,
    out: &mut impl Write,
) -> Result<io::Result<()>, Exit> {
    let file = script::scripts(Path::new(rule.file), rule.text.as_bytes(), None, report)
        .map_err(|why| report.fail(IO, &why))?;
    let Some(script) = file.queries.into_iter().next() else { return Ok(Ok(())) };
    // Other formats are for other programs: they get the rule's own columns.
    let text = match style.format {
        Format::Table => format!("{}\n| {}", script.text.trim_end(), rule.detection),
        _ => script.text.clone(),
    };
    let outcome = engine.query(text.as_str()).map_err(|error| report.query(&Place::default(), &text, &error))?;
    output::tell(&outcome, report);
    if style.format != Format::Table {
        return Ok(output::write_outcome(&outcome, style, out));
    }
    let whys: Vec<String> = outcome.rows().iter().filter_map(|row| row.last().map(|it| it.text())).collect();
    let mut show = || {
        writeln!(out, "{}", script.name.as_deref().unwrap_or(rule.file))?;
        let mut table = outcome.clone();
        for it in &mut table.tables {
            without_last_column(it);
        }
        output::write_outcome(&table, style, out)?;
        for (number, why) in (1..).zip(&whys) {
            writeln!(out, "  {number}. {}", paint(why))?;
        }
        writeln!(out)
    };
    Ok(show())
}

/// Takes the reasons out of a table: they are lines of their own.
fn without_last_column(table: &mut kql::ResultTable) {
    let mut schema = (*table.schema).clone();
    _ = schema.fields.pop();
    table.schema = Arc::new(schema);
    for batch in &mut table.batches {
        _ = batch.columns.pop();
    }
}
