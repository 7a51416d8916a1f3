//! Random queries: stages over a schema that is followed from one to the next.

use crate::choices::Choices;
use kql::Type;

/// Columns that a stage sees.
pub(crate) type Columns = Vec<(String, Type)>;

/// The tables that queries read: names and columns.
pub(crate) fn tables() -> [(&'static str, Columns); 2] {
    use Type as T;
    let columns = |list: &[(&str, Type)]| list.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
    [
        (
            "T",
            columns(&[
                ("n", T::Long),
                ("r", T::Real),
                ("s", T::String),
                ("b", T::Bool),
                ("t", T::Datetime),
                ("p", T::Timespan),
                ("d", T::Dynamic),
            ]),
        ),
        ("U", columns(&[("n", T::Long), ("s", T::String), ("v", T::Long)])),
    ]
}

/// Writes one query.
pub(crate) struct Writer<'c> {
    pub(crate) choices: &'c mut Choices,
    pub(crate) columns: Columns,
    n_names: usize,
}

/// The shapes of calls that give a type, with the types of their holes.
type Shapes = &'static [(&'static str, &'static [Type])];

const LONGS: Shapes = &[
    ("({} + {})", &[Type::Long, Type::Long]),
    ("({} - {})", &[Type::Long, Type::Long]),
    ("({} * {})", &[Type::Long, Type::Long]),
    ("({} / {})", &[Type::Long, Type::Long]),
    ("({} % {})", &[Type::Long, Type::Long]),
    ("strlen({})", &[Type::String]),
    ("tolong({})", &[Type::String]),
    ("tolong({})", &[Type::Real]),
    ("array_length({})", &[Type::Dynamic]),
    ("coalesce({}, {})", &[Type::Long, Type::Long]),
    ("bin({}, 5)", &[Type::Long]),
    ("abs({})", &[Type::Long]),
    ("indexof({}, {})", &[Type::String, Type::String]),
    ("tolong({} / 1s)", &[Type::Timespan]),
    ("binary_and({}, {})", &[Type::Long, Type::Long]),
    ("tolong({}.a)", &[Type::Dynamic]),
];
const REALS: Shapes = &[
    ("({} + {})", &[Type::Real, Type::Real]),
    ("({} * {})", &[Type::Real, Type::Long]),
    ("({} / {})", &[Type::Real, Type::Real]),
    ("todouble({})", &[Type::Long]),
    ("todouble({})", &[Type::String]),
    ("round({}, 1)", &[Type::Real]),
    ("sqrt({})", &[Type::Real]),
    ("({} / {})", &[Type::Timespan, Type::Timespan]),
];
const STRINGS: Shapes = &[
    ("strcat({}, {})", &[Type::String, Type::String]),
    ("tolower({})", &[Type::String]),
    ("toupper({})", &[Type::String]),
    ("substring({}, {})", &[Type::String, Type::Long]),
    ("tostring({})", &[Type::Long]),
    ("tostring({})", &[Type::Real]),
    ("tostring({})", &[Type::Datetime]),
    ("tostring({})", &[Type::Dynamic]),
    ("tostring({})", &[Type::Bool]),
    ("replace_string({}, {}, {})", &[Type::String, Type::String, Type::String]),
    ("trim('[a ]+', {})", &[Type::String]),
    ("extract('([a-z]+)', 1, {})", &[Type::String]),
    ("reverse({})", &[Type::String]),
    ("case({}, {}, {})", &[Type::Bool, Type::String, Type::String]),
    ("strcat_array({}, ',')", &[Type::Dynamic]),
];
const BOOLS: Shapes = &[
    ("({} == {})", &[Type::Long, Type::Long]),
    ("({} < {})", &[Type::Long, Type::Long]),
    ("({} >= {})", &[Type::Real, Type::Real]),
    ("({} != {})", &[Type::String, Type::String]),
    ("({} =~ {})", &[Type::String, Type::String]),
    ("({} has {})", &[Type::String, Type::String]),
    ("({} !contains {})", &[Type::String, Type::String]),
    ("({} startswith {})", &[Type::String, Type::String]),
    ("({} in ({}, {}))", &[Type::Long, Type::Long, Type::Long]),
    ("({} in~ ('a', 'Ab c', ''))", &[Type::String]),
    ("({} between ({} .. {}))", &[Type::Long, Type::Long, Type::Long]),
    ("({} > {})", &[Type::Datetime, Type::Datetime]),
    ("({} <= {})", &[Type::Timespan, Type::Timespan]),
    ("isnull({})", &[Type::Long]),
    ("isempty({})", &[Type::String]),
    ("isnotnull({})", &[Type::Dynamic]),
    ("not({})", &[Type::Bool]),
    ("({} and {})", &[Type::Bool, Type::Bool]),
    ("({} or {})", &[Type::Bool, Type::Bool]),
    ("({} has_any ('a', 'c'))", &[Type::String]),
    ("(tostring({}) matches regex '[a-c]+')", &[Type::Dynamic]),
];
const DATETIMES: Shapes = &[
    ("({} + {})", &[Type::Datetime, Type::Timespan]),
    ("({} - {})", &[Type::Datetime, Type::Timespan]),
    ("startofday({})", &[Type::Datetime]),
    ("bin({}, 1h)", &[Type::Datetime]),
    ("todatetime({})", &[Type::String]),
    ("datetime_add('month', 1, {})", &[Type::Datetime]),
];
const TIMESPANS: Shapes = &[
    ("({} - {})", &[Type::Datetime, Type::Datetime]),
    ("({} + {})", &[Type::Timespan, Type::Timespan]),
    ("({} * 2)", &[Type::Timespan]),
    ("totimespan({})", &[Type::String]),
];
const DYNAMICS: Shapes = &[
    ("pack_array({}, {})", &[Type::Long, Type::String]),
    ("bag_pack('a', {}, 'b', {})", &[Type::Long, Type::Dynamic]),
    ("{}.a", &[Type::Dynamic]),
    ("{}[0]", &[Type::Dynamic]),
    ("split({}, ',')", &[Type::String]),
    ("todynamic({})", &[Type::String]),
    ("array_concat({}, {})", &[Type::Dynamic, Type::Dynamic]),
    ("array_sort_asc({})", &[Type::Dynamic]),
    ("set_union({}, {})", &[Type::Dynamic, Type::Dynamic]),
    ("bag_keys({})", &[Type::Dynamic]),
];

impl<'c> Writer<'c> {
    pub(crate) fn new(choices: &'c mut Choices) -> Writer<'c> {
        Writer { choices, columns: tables()[0].1.clone(), n_names: 0 }
    }

    /// `T` and some stages.
    pub(crate) fn query(&mut self, n_stages: usize) -> String {
        let mut out = "T".to_owned();
        for _ in 0..n_stages {
            let stage = self.stage();
            out.push_str("\n| ");
            out.push_str(&stage);
        }
        out
    }

    fn name(&mut self) -> String {
        self.n_names += 1;
        format!("x{}", self.n_names)
    }

    fn any_type(&mut self) -> Type {
        [Type::Long, Type::Real, Type::String, Type::Bool, Type::Datetime, Type::Timespan, Type::Dynamic]
            [self.choices.below(7)]
    }

    /// Some columns, at least one, without repetition.
    fn some(&mut self, wanted: impl Fn(Type) -> bool) -> Columns {
        let mut found: Columns = Vec::new();
        for column in self.columns.clone() {
            if wanted(column.1) && self.choices.one_in(3) && found.len() < 3 {
                found.push(column);
            }
        }
        if found.is_empty() {
            let rest: Columns = self.columns.iter().filter(|it| wanted(it.1)).cloned().collect();
            found.extend(rest.into_iter().take(1));
        }
        found
    }

    fn names(columns: &Columns) -> String {
        columns.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn stage(&mut self) -> String {
        let is_key = |ty: Type| ty != Type::Dynamic;
        match self.choices.below(17) {
            0 | 1 => format!("where {}", self.expr(Type::Bool, 3)),
            2 | 3 => {
                let (ty, name) = (self.any_type(), self.name());
                let text = format!("extend {name} = {}", self.expr(ty, 3));
                self.columns.push((name, ty));
                text
            }
            4 => {
                let mut kept = self.some(|_| true);
                let (ty, name) = (self.any_type(), self.name());
                let text = format!("project {}, {name} = {}", Self::names(&kept), self.expr(ty, 2));
                kept.push((name, ty));
                self.columns = kept;
                text
            }
            5 if self.columns.len() > 3 => {
                let gone = self.columns.remove(self.choices.below(self.columns.len()));
                format!("project-away {}", gone.0)
            }
            6 | 7 => self.summarize(),
            8 => self.order(),
            9 => {
                let keys = self.some(is_key);
                if keys.is_empty() {
                    return "take 3".to_owned();
                }
                let text = format!("distinct {}", Self::names(&keys));
                self.columns = keys;
                text
            }
            10 if self.columns.iter().any(|it| it.0 == "n" && it.1 == Type::Long) => self.join(),
            11 => format!("take {}", self.choices.below(30)),
            12 => {
                let columns = self.some(|ty| ty == Type::Dynamic);
                let Some((column, _)) = columns.first() else { return "extend one = 1 | project-away one".to_owned() };
                format!("mv-expand {column}")
            }
            13 => {
                let name = self.name();
                let ty = self.any_type();
                let text = format!("serialize {name} = prev({}, {})", self.expr(ty, 1), 1 + self.choices.below(3));
                self.columns.push((name, ty));
                text
            }
            14 => {
                let columns = self.some(|ty| ty == Type::String);
                let Some((column, _)) = columns.first().cloned() else { return "where true".to_owned() };
                let name = self.name();
                self.columns.push((name.clone(), Type::String));
                format!("parse {column} with * \"a\" {name}")
            }
            15 => "union (U | where v > 1 | project n, s)".to_owned() + &self.after_union(),
            _ => {
                let inner = self.expr(Type::Bool, 2);
                let value = if self.has("n", Type::Long) { "n" } else { "1" };
                format!("where {value} in ((U | where s != \"\" | project n)) or {inner}")
            }
        }
    }

    /// `sort`, or `top`.
    fn order(&mut self) -> String {
        let keys = self.some(|ty| ty != Type::Dynamic);
        if keys.is_empty() {
            return "take 7".to_owned();
        }
        let text = keys
            .iter()
            .map(|it| format!("{}{}", it.0, self.choices.pick(&["", " asc", " desc", " asc nulls last"])))
            .collect::<Vec<_>>();
        let text = text.join(", ");
        match self.choices.below(3) {
            0 => format!("top {} by {}", self.choices.below(9), text.split(',').next().unwrap_or(&text)),
            1 => format!("sort by {text} | take {}", self.choices.below(20)),
            _ => format!("sort by {text}"),
        }
    }

    fn has(&self, name: &str, ty: Type) -> bool {
        self.columns.iter().any(|it| it.0 == name && it.1 == ty)
    }

    /// A union may rename columns of another type; what is left is what both surely have.
    fn after_union(&mut self) -> String {
        let mut kept: Columns = self.columns.iter().filter(|it| it.0 != "n" && it.0 != "s").cloned().collect();
        let name = self.name();
        let text =
            format!(" | extend {name} = 1 | project {name}, {}", Self::names(&kept)).trim_end_matches(", ").to_owned();
        kept.insert(0, (name, Type::Long));
        self.columns = kept;
        text
    }

    fn summarize(&mut self) -> String {
        let mut columns = self.some(|ty| ty != Type::Dynamic);
        let mut aggregates = Vec::new();
        for _ in 0..1 + self.choices.below(3) {
            let name = self.name();
            let (text, ty) = match self.choices.below(9) {
                0 => ("count()".to_owned(), Type::Long),
                1 => (format!("countif({})", self.expr(Type::Bool, 2)), Type::Long),
                2 => (format!("sum({})", self.expr(Type::Long, 1)), Type::Long),
                3 => (format!("min({})", self.expr(Type::Datetime, 1)), Type::Datetime),
                4 => (format!("max({})", self.expr(Type::Real, 1)), Type::Real),
                5 => (format!("dcount({})", self.expr(Type::String, 1)), Type::Long),
                6 => (format!("make_list({})", self.expr(Type::Long, 1)), Type::Dynamic),
                7 => (format!("make_set({})", self.expr(Type::String, 1)), Type::Dynamic),
                _ => (format!("avg({})", self.expr(Type::Long, 1)), Type::Real),
            };
            aggregates.push(format!("{name} = {text}"));
            columns.push((name, ty));
        }
        let n_keys = columns.len() - aggregates.len();
        let keys: Columns = columns.iter().take(n_keys).cloned().collect();
        self.columns = columns;
        let by = if keys.is_empty() { String::new() } else { format!(" by {}", Self::names(&keys)) };
        format!("summarize {}{by}", aggregates.join(", "))
    }

    fn join(&mut self) -> String {
        let kind = self.choices.pick(&[
            "inner",
            "innerunique",
            "leftouter",
            "leftsemi",
            "leftanti",
            "rightouter",
            "fullouter",
        ]);
        let predicate = self.choices.pick(&["v > 0", "s has \"a\"", "true", "v % 2 == 0"]);
        if !kind.starts_with("lefts") && !kind.starts_with("leftan") {
            let name = self.name();
            self.columns.push((name.clone(), Type::Long));
            return format!("join kind={kind} (U | where {predicate} | project n, {name} = v) on n");
        }
        format!("join kind={kind} (U | where {predicate}) on n")
    }

    /// An expression of that type.
    pub(crate) fn expr(&mut self, ty: Type, depth: usize) -> String {
        let known: Vec<String> = self.columns.iter().filter(|it| it.1 == ty).map(|it| it.0.clone()).collect();
        if !known.is_empty() && (depth == 0 || self.choices.one_in(3)) {
            return known[self.choices.below(known.len())].clone();
        }
        if depth == 0 || self.choices.one_in(6) {
            return self.literal(ty).to_owned();
        }
        if self.choices.one_in(8) {
            return format!(
                "iff({}, {}, {})",
                self.expr(Type::Bool, depth - 1),
                self.expr(ty, depth - 1),
                self.expr(ty, depth - 1)
            );
        }
        self.call(ty, depth - 1)
    }

    fn literal(&mut self, ty: Type) -> &'static str {
        self.choices.pick(match ty {
            Type::Long => &["0", "1", "-7", "42", "9223372036854775807", "long(null)", "1000000"],
            Type::Real => &["0.0", "1.5", "-2.25", "real(nan)", "real(null)", "1e300", "real(+inf)"],
            Type::String => &["''", "'a'", "'Ab c'", "'žluť'", "'1,2,a'", "'{\"a\":1}'", "'2024-01-02'"],
            Type::Bool => &["true", "false", "bool(null)"],
            Type::Datetime => &["datetime(2024-01-02T03:04:05.6789Z)", "datetime(null)", "datetime(1999-12-31)"],
            Type::Timespan => &["1h", "0s", "-3d", "timespan(null)", "00:00:00.5"],
            _ => &[
                "dynamic(null)",
                "dynamic([1,2,3])",
                "dynamic({\"a\":1,\"b\":[\"x\"]})",
                "dynamic([])",
                "dynamic(\"s\")",
            ],
        })
    }

    fn call(&mut self, ty: Type, depth: usize) -> String {
        use Type as T;
        let shapes = match ty {
            T::Long => LONGS,
            T::Real => REALS,
            T::String => STRINGS,
            T::Bool => BOOLS,
            T::Datetime => DATETIMES,
            T::Timespan => TIMESPANS,
            _ => DYNAMICS,
        };
        let (shape, types) = shapes[self.choices.below(shapes.len())];
        let mut out = String::new();
        let mut types = types.iter();
        let mut rest = shape;
        while let Some((before, after)) = rest.split_once("{}") {
            out.push_str(before);
            out.push_str(&match types.next() {
                Some(ty) => {
                    let arg = self.expr(*ty, depth);
                    // A path needs a name or a call in front of it.
                    if after.starts_with(['.', '[']) { format!("todynamic({arg})") } else { arg }
                }
                None => String::new(),
            });
            rest = after;
        }
        out + rest
    }
}
