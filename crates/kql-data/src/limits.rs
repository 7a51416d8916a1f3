//! The bounds of a query.

use std::time::Duration;

/// Every bound of a query. `Limits::default()` suits a person's own machine, [`Limits::untrusted`] a stranger's query. What
/// runs into one fails by its name; `usize::MAX` and `None` are no bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of query text.
    pub query_bytes: usize,
    /// Nesting of the query text.
    pub depth: usize,
    /// Operands of one flat chain such as `a or b or …`.
    pub chain_length: usize,
    /// Nodes of a plan after functions are inlined. The largest of 3,152 published rules, over Sentinel's own functions, has
    /// 3,793.
    pub plan_nodes: usize,
    /// Expressions of a plan after functions are inlined. The largest of the same rules has 143,629: unions of some dozens of
    /// parsers with a hundred columns each.
    pub plan_exprs: usize,
    /// Columns that a join, `pivot` or `bag_unpack` may give.
    pub columns: usize,
    /// Columns of all tables of a plan after functions are inlined. A table that an operator hands on with the same columns counts
    /// once.
    pub plan_columns: usize,
    /// Time of a query.
    pub time: Option<Duration>,
    /// Bytes that tables built by a query may take.
    pub memory: usize,
    /// Rows of a result.
    pub result_rows: usize,
    /// Bytes of a result.
    pub result_bytes: usize,
    /// Elements of one array: `range`, `make_list`, `make-series`.
    pub array_elements: usize,
    /// Bytes of one string made by a function.
    pub string_bytes: usize,
    /// Nesting of JSON.
    pub json_depth: usize,
    /// Bytes of a compiled regular expression.
    pub regex_bytes: usize,
    /// Bytes of the text of a regular expression.
    pub pattern_bytes: usize,
    /// Bytes of one input line.
    pub line_bytes: usize,
    /// Bytes that compressed input may grow to.
    pub decompressed_bytes: usize,
    /// How many times as long as it is compressed input may become, from its first MiB on.
    pub decompressed_ratio: usize,
    /// Bad input lines whose text is kept; all are counted.
    pub rejects_kept: usize,
    /// Threads of a query.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            query_bytes: 2 << 20,
            depth: 256,
            chain_length: 100_000,
            plan_nodes: 10_000,
            plan_exprs: 1_000_000,
            columns: 10_000,
            plan_columns: 10_000_000,
            time: Some(Duration::from_secs(240)),
            memory: 4 << 30,
            result_rows: 500_000,
            result_bytes: 64 << 20,
            array_elements: 1 << 20,
            string_bytes: 16 << 20,
            json_depth: 128,
            regex_bytes: 10 << 20,
            pattern_bytes: 64 << 10,
            line_bytes: 64 << 20,
            decompressed_bytes: usize::MAX,
            decompressed_ratio: usize::MAX,
            rejects_kept: 1_000,
            threads: 2,
        }
    }
}

impl Limits {
    /// Bounds for text and data from strangers.
    pub fn untrusted() -> Limits {
        Limits {
            query_bytes: 64 << 10,
            depth: 64,
            chain_length: 10_000,
            plan_nodes: 1_000,
            plan_exprs: 100_000,
            columns: 1_000,
            plan_columns: 1_000_000,
            time: Some(Duration::from_secs(10)),
            memory: 256 << 20,
            result_rows: 10_000,
            result_bytes: 8 << 20,
            array_elements: 1 << 16,
            string_bytes: 1 << 20,
            json_depth: 64,
            regex_bytes: 1 << 20,
            pattern_bytes: 1 << 10,
            line_bytes: 1 << 20,
            decompressed_bytes: 256 << 20,
            decompressed_ratio: 200,
            rejects_kept: 100,
            threads: 2,
        }
    }

    /// No bound on time and results: for a person at a terminal, who can stop a query and asked for the rows.
    pub fn interactive() -> Limits {
        Limits { time: None, result_rows: usize::MAX, result_bytes: usize::MAX, ..Limits::default() }
    }
}
