//! What the codes of errors and warnings mean: the table behind `kql help CODE` and of the reference page. Codes are those of
//! the reference engine where it has one, `KQL…` otherwise; a test holds the table against the code and the cases.

/// The meaning of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code, such as `SEM0100`.
    pub code: &'static str,
    /// What is wrong.
    pub cause: &'static str,
}

/// What a code means, whatever its case.
pub fn meaning(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|it| it.code.eq_ignore_ascii_case(code))
}

/// Every code, in order.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    Code { code: "CRT0001", cause: "`graph-shortest-paths`: a condition compares two elements of the pattern" },
    Code { code: "CRT0018", cause: "a subquery reads a value that differs by row" },
    Code { code: "E_QUERY_CANCELLED", cause: "the query was stopped, or its time was over" },
    Code { code: "E_QUERY_RESULT_SET_TOO_LARGE", cause: "the answer has more rows or bytes than its limits allow" },
    Code { code: "E_RUNAWAY_QUERY", cause: "the query ran into a limit, which the message names" },
    Code { code: "GENERAL", cause: "a value could not be computed, and the reference has no code for it" },
    Code { code: "KQL0001", cause: "an input could not be loaded" },
    Code { code: "KQL0002", cause: "something of the language that does not run here yet" },
    Code { code: "KQL0003", cause: "something that needs a network, a service or another runtime; nothing leaves the process" },
    Code { code: "KQL0004", cause: "warning: a table is missing and left out of a fuzzy union" },
    Code { code: "KQL0005", cause: "data of another place: only what the host gives is read, and local tables stand for all databases" },
    Code { code: "KQL0006", cause: "warning: a column of one name has several types in the tables of a union" },
    Code { code: "KQL0007", cause: "warning: an option, hint or name is given that nothing heeds" },
    Code { code: "KQL9999", cause: "a fault of the engine itself; please report it with the query" },
    Code { code: "SEM0001", cause: "operands whose types the operator does not take, or a statement that gives no table" },
    Code { code: "SEM0018", cause: "the values of a `datatable` do not fill its rows" },
    Code { code: "SEM0019", cause: "nested deeper, longer or wider than the limits allow" },
    Code { code: "SEM0020", cause: "a `set` option needs a literal of another type" },
    Code { code: "SEM0025", cause: "`in (subquery)`: the first column has another type than the value" },
    Code { code: "SEM0027", cause: "a type does not fit: of an argument, a query parameter, the bounds of `range`, or a declared column" },
    Code { code: "SEM0034", cause: "a column is given twice" },
    Code { code: "SEM0036", cause: "a window function without rows in order, or a pattern without that case" },
    Code { code: "SEM0040", cause: "an argument must be a constant" },
    Code { code: "SEM0041", cause: "a parameter of an operator has a value that it cannot have" },
    Code { code: "SEM0048", cause: "a database stands where a table is needed" },
    Code { code: "SEM0051", cause: "a key of a join is no column of its sides" },
    Code { code: "SEM0057", cause: "a stored function calls itself" },
    Code { code: "SEM0064", cause: "an order between values of these types is not defined" },
    Code { code: "SEM0071", cause: "a path behind a value that is not dynamic" },
    Code { code: "SEM0079", cause: "a name is bound already" },
    Code { code: "SEM0080", cause: "a number of rows is needed" },
    Code { code: "SEM0085", cause: "a table where a scalar is needed, or a scalar where a table is" },
    Code { code: "SEM0098", cause: "an aggregate is missing, or a function has no body" },
    Code { code: "SEM0100", cause: "an unknown column, table or name" },
    Code { code: "SEM0104", cause: "an operator of graphs without a graph, or another behind one" },
    Code { code: "SEM0201", cause: "a mathematical function of something that is no number" },
    Code { code: "SEM0207", cause: "an argument must be a literal" },
    Code { code: "SEM0208", cause: "`between` with values that have no order" },
    Code { code: "SEM0213", cause: "`extract_all` with a regular expression that has no group, or more than 16" },
    Code { code: "SEM0214", cause: "`extract_all` with the name of a group that is not there" },
    Code { code: "SEM0217", cause: "a literal must not be empty" },
    Code { code: "SEM0219", cause: "a function does not take that many arguments" },
    Code { code: "SEM0223", cause: "a function takes between so many and so many arguments" },
    Code { code: "SEM0232", cause: "`between` with a timespan and a datetime as bounds" },
    Code { code: "SEM0234", cause: "`between` with a number and a timespan as bounds" },
    Code { code: "SEM0235", cause: "an unknown part of a datetime" },
    Code { code: "SEM0237", cause: "an aggregate where none is expected" },
    Code { code: "SEM0247", cause: "`hint.shufflekey` of `summarize` names no key of the groups" },
    Code { code: "SEM0249", cause: "`hint.strategy` of `summarize` has an unknown value" },
    Code { code: "SEM0254", cause: "only datetimes and timespans can be formatted" },
    Code { code: "SEM0255", cause: "a character of a format has no meaning" },
    Code { code: "SEM0259", cause: "`hint.shufflekey` must name a column" },
    Code { code: "SEM0260", cause: "an unknown function or plugin" },
    Code { code: "SEM0420", cause: "a regular expression that is not valid" },
    Code { code: "SEM0447", cause: "only a dynamic can be expanded" },
    Code { code: "SEM0456", cause: "`make-graph` without a direction" },
    Code { code: "SEM0472", cause: "`parse`: flags without `kind=regex`" },
    Code { code: "SEM0473", cause: "`parse`: an unknown flag" },
    Code { code: "SEM0476", cause: "`parse`: an ambiguous `*`, an empty text, or a faulty regular expression" },
    Code { code: "SEM0477", cause: "`parse-where` cannot be relaxed" },
    Code { code: "SEM0480", cause: "rows cannot be sorted by a dynamic" },
    Code { code: "SEM0515", cause: "the name of a built-in function cannot be given to another" },
    Code { code: "SEM0525", cause: "the branches of `iff`, `case` or `coalesce` have different types" },
    Code { code: "SEM0608", cause: "a name of `macro-expand` stands for an entity, not for a table" },
    Code { code: "SEM0611", cause: "entity groups cannot stand in one another" },
    Code { code: "SEM0614", cause: "an entity stands in a group twice" },
    Code { code: "SEM0709", cause: "a text operator over something that is no string" },
    Code { code: "SEM1006", cause: "the ids of a graph cannot be dynamic" },
    Code { code: "SEM1011", cause: "the sequences of a graph pattern share no node" },
    Code { code: "SEM1013", cause: "a path whose lower bound is above its upper" },
    Code { code: "SEM1019", cause: "source and target of an edge have different types" },
    Code { code: "SEM1023", cause: "`graph-shortest-paths` takes one sequence" },
    Code { code: "SEM1040", cause: "a node or an edge has no such property" },
    Code { code: "SEM1054", cause: "a property of a path outside `map`, `all` and `any`" },
    Code { code: "SEM1076", cause: "a graph that a service stores" },
    Code { code: "SEM1079", cause: "the key of a node table has another type than the ids of the edges" },
    Code { code: "SYN0001", cause: "characters that make no word of the language" },
    Code { code: "SYN0002", cause: "the grammar is not kept" },
];
