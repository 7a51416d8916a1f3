//! Audit events and chat completions of an invented organization, Lumen Labs, as OpenAI's API gives them.
//!
//! The background never makes a query fire: its people log in at their hours from their countries, its admins create one
//! thing now and then, its keys have harmless scopes, and only anonymous users of its product run into filters. What
//! fires is in [`planted`]. The one exception: every thousandth event changes a rate limit.
#![allow(clippy::indexing_slicing, reason = "the tables are as long as the code beside them says")]

mod audit;
mod completions;
mod people;
mod planted;
mod random;

use std::io::{self, Write};

pub(crate) const DAY: i64 = 86_400;
/// Days of data: somewhat more than any query looks back.
pub(crate) const DAYS: i64 = 32;

/// What to make.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Audit events.
    pub(crate) events: usize,
    /// Chat completions.
    pub(crate) completions: usize,
    /// Another seed gives other data, with the same events planted.
    pub(crate) seed: u64,
    /// Midnight at which the last day begins, in seconds since 1970. The data ends at noon.
    pub(crate) last_day: i64,
}

impl Default for Options {
    /// The data in `examples/data`.
    fn default() -> Options {
        // 2026-06-10
        Options { events: 600, completions: 160, seed: 1, last_day: 1_781_049_600 }
    }
}

impl Options {
    /// The moment at which the data ends.
    pub(crate) fn end(&self) -> i64 {
        self.last_day + DAY / 2
    }

    /// A time of day some days before the last.
    pub(crate) fn at(&self, days_ago: i64, (hour, minute, second): (i64, i64, i64)) -> i64 {
        self.last_day - days_ago * DAY + hour * 3600 + minute * 60 + second
    }
}

/// Writes audit events, one a line, in the order of time.
pub(crate) fn write_audit(options: &Options, out: &mut impl Write) -> io::Result<()> {
    audit::write(options, out)
}

/// Writes chat completions, one a line, in the order of time.
pub(crate) fn write_completions(options: &Options, out: &mut impl Write) -> io::Result<()> {
    completions::write(options, out)
}

/// Appends texts.
pub(crate) fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a number.
pub(crate) fn put_number(out: &mut Vec<u8>, number: i64) {
    _ = write!(out, "{number}");
}
