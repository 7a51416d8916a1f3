//! Why a query gave no complete answer, told by what the caller can do about it.

use kql_data::Fault;
use kql_parser::Diagnostic;
use std::fmt;

/// Why a query gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The text is faulty: mend the query. Warnings may stand among the errors.
    Query(Vec<Diagnostic>),
    /// The query failed while it ran: bad data for it, a limit, something not implemented yet.
    Run(Fault),
    /// The query was cancelled or ran out of time.
    Stopped(Fault),
    /// A panic inside the engine; please report it with the query.
    Bug(String),
    /// The input could not be loaded.
    Load(String),
}

impl Error {
    /// The reference's code where there is one.
    pub fn code(&self) -> &str {
        match self {
            Error::Query(diagnostics) => diagnostics.iter().find(|it| it.is_error()).map_or("SYN0001", |it| it.code),
            Error::Run(Fault::Error { code, .. }) => code,
            Error::Run(Fault::Limit { name: "result_rows" | "result_bytes", .. }) => "E_QUERY_RESULT_SET_TOO_LARGE",
            Error::Run(Fault::Limit { .. }) => "E_RUNAWAY_QUERY",
            Error::Run(Fault::Unsupported(_)) => "KQL0002",
            Error::Run(_) | Error::Stopped(_) => "E_QUERY_CANCELLED",
            Error::Bug(_) => "KQL9999",
            Error::Load(_) => "KQL0001",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Query(diagnostics) => {
                let mut errors = diagnostics.iter().filter(|it| it.is_error());
                match errors.next() {
                    Some(first) => out.write_str(&first.message)?,
                    None => out.write_str("the query is faulty")?,
                }
                match errors.count() {
                    0 => Ok(()),
                    n => write!(out, " (and {n} more)"),
                }
            }
            Error::Run(fault) | Error::Stopped(fault) => fault.fmt(out),
            Error::Bug(what) => write!(out, "a fault of the engine itself, please report it: {what}"),
            Error::Load(what) => out.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Cancelled | Fault::Timeout => Error::Stopped(fault),
            other => Error::Run(other),
        }
    }
}
