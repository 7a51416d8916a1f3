//! `kql demo`: an engine with example data.

use crate::{
    options::Options,
    output::{self, Output, Style},
    report::{Exit, IO, Place, Report},
    shell, source,
};

/// One audit event of each kind of actor, as the interface of OpenAI documents them.
const EVENTS: &str = r#"{"id":"audit_log-1","type":"project.archived","effective_at":1722461446,"actor":{"type":"api_key","api_key":{"type":"user","user":{"id":"user-1","email":"user@example.com"}}},"project.archived":{"id":"proj_abc"}}
{"id":"audit_log-2","type":"api_key.created","effective_at":1720804190,"actor":{"type":"session","session":{"user":{"id":"user-1","email":"user@example.com"},"ip_address":"192.0.2.1"}},"api_key.created":{"id":"key_1","data":{"scopes":["resource.operation"]}}}
"#;

/// Loads the example data, and runs the queries given or opens the shell.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Exit> {
    let mut engine = source::engine(options, &[], report)?;
    _ = engine.load_bytes("OpenAIAuditLogs", EVENTS).map_err(|why| report.fail(IO, &why.to_string()))?;
    let queries: Vec<&String> = options.values.iter().chain(&options.queries).collect();
    if queries.is_empty() {
        return shell::run(engine, options, report);
    }
    let style = Style::new(options, options.output.is_some());
    let broken = |why: std::io::Error| report.fail(IO, &why.to_string());
    let mut out = Output::open(options.output.as_deref()).map_err(broken)?;
    for text in queries {
        let outcome = engine.query(text.as_str()).map_err(|error| report.query(&Place::default(), text, &error))?;
        output::tell(&outcome, report);
        output::write_outcome(&outcome, &style, &mut out).map_err(broken)?;
    }
    out.finish().map_err(broken)
}
