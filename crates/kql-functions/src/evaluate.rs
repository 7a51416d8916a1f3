//! Runs an overload over columns: once for constants, once per entry where all that varies comes from one dictionary, and
//! row by row otherwise.
//!
//! Results by entry stay by entry: a chain of calls over one column by dictionary touches its rows only at the end, where
//! they are wanted.

use crate::{
    declare::{Function, Kernel},
    scalar::{conversion::shred::shred, operator::lift},
};
use arrow_buffer::BooleanBuffer;
use kql_data::{
    Column, Context, DictionaryBuilder, DictionaryColumn, Dynamic, Fault, Map, Reservation, StringDictionary, Texts,
    Type, Value, json,
};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// What a call takes and gives, for all rows of a batch.
#[derive(Clone, Debug)]
pub enum Cells {
    /// A value a row.
    Rows(Column),
    /// A value an entry of a dictionary, and an entry a row.
    Entries(Entries),
}

/// Values by the entries of a dictionary.
#[derive(Clone, Debug)]
pub struct Entries {
    /// The entry of each row.
    source: DictionaryColumn,
    values: Arc<Values>,
}

#[derive(Debug)]
struct Values {
    /// Unique in the process, among dictionaries too.
    id: u64,
    /// One row an entry.
    column: Column,
    /// Of strings: for each entry the code in a dictionary of its own. Made when rows are wanted.
    strings: OnceLock<(Vec<u32>, Arc<StringDictionary>)>,
}

impl Values {
    fn new(column: Column) -> Values {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        // Dictionaries count from below.
        Values { id: u64::MAX - NEXT_ID.fetch_add(1, Ordering::Relaxed), column, strings: OnceLock::new() }
    }

    fn strings(&self) -> &(Vec<u32>, Arc<StringDictionary>) {
        self.strings.get_or_init(|| {
            let reader = self.column.string_reader();
            let mut builder = DictionaryBuilder::default();
            let codes = (0..self.column.len()).map(|row| builder.code(reader.get(row))).collect();
            (codes, Arc::new(builder.finish()))
        })
    }
}

impl Entries {
    /// The entry of each row.
    pub fn codes(&self) -> &[u32] {
        &self.source.codes
    }

    /// How many entries there are.
    pub fn n_entries(&self) -> usize {
        self.values.column.len()
    }

    /// What the entries stand for: equal numbers, equal values.
    pub fn id(&self) -> u64 {
        self.values.id
    }

    /// The values of those entries.
    pub fn column_of(&self, codes: &[u32]) -> Column {
        if let Column::String(_) = self.values.column {
            let (map, dictionary) = self.values.strings();
            let codes = codes.iter().map(|it| map.get(*it as usize).copied().unwrap_or(0)).collect();
            return Column::Dictionary(DictionaryColumn { codes, dictionary: dictionary.clone() });
        }
        self.values.column.take(codes)
    }

    fn column(&self) -> Column {
        self.column_of(&self.source.codes)
    }
}

impl Cells {
    /// The value of each row.
    pub fn column(&self) -> Column {
        match self {
            Cells::Rows(it) => it.clone(),
            Cells::Entries(it) => it.column(),
        }
    }

    /// Bytes that a call made which gave this for those arguments.
    pub fn bytes_made(&self, args: &[Cells]) -> usize {
        match self {
            Cells::Entries(_) => 0,
            // A tree that is none of an argument's.
            Cells::Rows(Column::Shredded(it))
                if !args.iter().any(|it| matches!(it, Cells::Rows(Column::Shredded(_)))) =>
            {
                it.node.bytes() + it.len() * 4
            }
            // Texts that are none of an argument's.
            Cells::Rows(it @ Column::Dictionary(made))
                if !args.iter().any(|it| it.source().is_some_and(|it| it.dictionary.id() == made.dictionary.id())) =>
            {
                it.bytes() + Column::String(made.dictionary.values().clone()).bytes()
            }
            Cells::Rows(it) => it.bytes(),
        }
    }

    /// The rows for which it is true, of a bool. Null counts as false.
    pub fn true_rows(&self) -> Vec<u32> {
        let bits = self.true_bits();
        match bits.count_set_bits() {
            0 => Vec::new(),
            n if n == bits.len() => (0..n as u32).collect(),
            _ => bits.set_indices_u32().collect(),
        }
    }

    /// How many those are.
    pub fn n_true(&self) -> usize {
        self.true_bits().count_set_bits()
    }

    fn true_bits(&self) -> BooleanBuffer {
        let it = match self {
            Cells::Rows(it) => return it.true_bits(),
            Cells::Entries(it) => it,
        };
        let by_entry = it.values.column.true_bits();
        match by_entry.count_set_bits() {
            0 => BooleanBuffer::new_unset(it.codes().len()),
            n if n == by_entry.len() => BooleanBuffer::new_set(it.codes().len()),
            _ => lift::bits_of_codes(it.codes(), &by_entry),
        }
    }

    /// The dictionary that the rows choose from, if there is one.
    fn source(&self) -> Option<Cow<'_, DictionaryColumn>> {
        match self {
            Cells::Rows(Column::Dictionary(it)) => Some(Cow::Borrowed(it)),
            Cells::Entries(it) => Some(Cow::Borrowed(&it.source)),
            Cells::Rows(Column::Shredded(it)) => it.as_json_texts().map(Cow::Owned),
            Cells::Rows(_) => None,
        }
    }

    /// What results by entry depend on.
    fn origin(&self) -> Origin {
        match self {
            Cells::Entries(it) => Origin::Values(it.values.id),
            Cells::Rows(Column::Dictionary(it)) => Origin::Values(it.dictionary.id()),
            Cells::Rows(Column::Shredded(it)) => match &it.node.raw {
                Some(Texts::Dictionary(it)) => Origin::Json(it.dictionary.id()),
                _ => Origin::Constant(Value::Null, Type::Dynamic),
            },
            Cells::Rows(Column::Constant { value, ty, .. }) => Origin::Constant(value.clone(), *ty),
            // Only asked of arguments whose rows have one source.
            Cells::Rows(_) => Origin::Constant(Value::Null, Type::Dynamic),
        }
    }

    /// The same over the entries of a dictionary with so many.
    fn by_entry(&self, n_entries: usize) -> Column {
        match self {
            Cells::Entries(it) => it.values.column.clone(),
            Cells::Rows(Column::Dictionary(it)) => Column::String(it.dictionary.values().clone()),
            Cells::Rows(Column::Constant { value, ty, .. }) => Column::constant(value.clone(), *ty, n_entries),
            Cells::Rows(Column::Shredded(it)) => match &it.node.raw {
                Some(Texts::Dictionary(it)) => {
                    let texts = it.dictionary.values().iter();
                    Column::dynamics(texts.map(|it| json::read(it.unwrap_or(""))).collect())
                }
                _ => Column::null(Type::Dynamic, n_entries),
            },
            Cells::Rows(other) => other.clone(),
        }
    }
}

/// An argument of a call on entries.
#[derive(Clone, Debug)]
enum Origin {
    /// By the number of the values or of the dictionary.
    Values(u64),
    /// What the JSON texts of a dictionary hold.
    Json(u64),
    Constant(Value, Type),
}

impl Origin {
    /// Whether it is surely the same: values that are equal may still have different texts.
    fn is(&self, other: &Origin) -> bool {
        match (self, other) {
            (Origin::Values(a), Origin::Values(b)) | (Origin::Json(a), Origin::Json(b)) => a == b,
            (Origin::Constant(a, x), Origin::Constant(b, y)) => x == y && is_identical(a, b),
            _ => false,
        }
    }
}

fn is_identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (Value::Decimal(_), _) => false,
        (Value::Dynamic(Dynamic::Array(a)), Value::Dynamic(Dynamic::Array(b))) => Arc::ptr_eq(a, b),
        (Value::Dynamic(Dynamic::Bag(a)), Value::Dynamic(Dynamic::Bag(b))) => Arc::ptr_eq(a, b),
        (Value::Dynamic(Dynamic::String(a)), Value::Dynamic(Dynamic::String(b))) => a == b,
        (Value::Dynamic(Dynamic::Long(a)), Value::Dynamic(Dynamic::Long(b))) => a == b,
        (Value::Dynamic(_), _) => false,
        _ => a == b,
    }
}

/// One call in a query. It remembers its results by dictionary from batch to batch.
#[derive(Debug)]
pub struct CallSite {
    /// The function called.
    pub function: &'static Function,
    /// The number of its overload.
    pub overload: usize,
    kernel: Kernel,
    /// What other calls of the query remember.
    calls: Option<Arc<Calls>>,
    /// Of what `parse_json` gives, the slots that are read.
    wanted: Option<Arc<[Arc<str>]>>,
    remembered: Mutex<Vec<Arc<Remembered>>>,
}

/// Results by entry for some arguments.
#[derive(Debug)]
struct Remembered {
    origins: Vec<Origin>,
    /// Rows of such arguments so far.
    n_rows: AtomicUsize,
    /// With their memory. `None` when the call fails for an entry, which may be none of the rows.
    values: OnceLock<Option<(Arc<Values>, Reservation)>>,
}

impl Remembered {
    fn new(origins: Vec<Origin>) -> Remembered {
        Remembered { origins, n_rows: AtomicUsize::new(0), values: OnceLock::new() }
    }

    fn is_of(&self, origins: &[Origin]) -> bool {
        self.origins.len() == origins.len() && self.origins.iter().zip(origins).all(|(a, b)| a.is(b))
    }
}

/// Entries for each row that was seen from which on it pays to go by entry: rows would soon have met them, and what is made
/// of a dictionary stays one.
const ROWS_BY_ENTRY: usize = 2;

/// Sets of arguments that one call remembers: chunks of a few tables, of a union.
const REMEMBERED_MAX: usize = 8;

/// Sets of arguments that all calls of one overload remember.
const SHARED_MAX: usize = 64;

/// What the calls of one query remember, by function and overload: the same call in several places is made once.
#[derive(Debug, Default)]
pub struct Calls(Mutex<KnownCalls>);

type KnownCalls = Map<(&'static str, usize), Vec<Arc<Remembered>>>;

impl Calls {
    /// What is known of a call for those arguments, or a place for it.
    fn find(&self, function: &'static str, overload: usize, origins: Vec<Origin>) -> Arc<Remembered> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.entry((function, overload)).or_default();
        if let Some(it) = all.iter().find(|it| it.is_of(&origins)) {
            return it.clone();
        }
        if all.len() >= SHARED_MAX {
            _ = all.remove(0);
        }
        let it = Arc::new(Remembered::new(origins));
        all.push(it.clone());
        it
    }
}

impl CallSite {
    /// A call of an overload; fails by name when it has no kernel yet.
    pub fn new(function: &'static Function, overload: usize) -> Result<CallSite, Fault> {
        let kernel = function.overloads.get(overload).and_then(|it| it.kernel);
        let kernel = kernel.ok_or_else(|| Fault::Unsupported(format!("function `{}`", function.name)))?;
        Ok(CallSite { function, overload, kernel, calls: None, wanted: None, remembered: Mutex::default() })
    }

    /// The same, which shares what it remembers with other calls.
    pub fn shared(mut self, calls: &Arc<Calls>) -> CallSite {
        self.calls = Some(calls.clone());
        self
    }

    /// Tells a call of `parse_json` that of its result only slots of those names are read: others need not be there.
    pub fn reads_only(&mut self, slots: Vec<Arc<str>>) {
        self.wanted = Some(slots.into());
    }

    /// The result for those arguments, each of `n_rows` rows.
    pub fn evaluate(&self, cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
        let args: Vec<Cells> = args.iter().cloned().map(Cells::Rows).collect();
        Ok(self.apply(cx, &args, n_rows)?.column())
    }

    /// The result for those arguments, by entry where it can be.
    pub fn apply(&self, cx: &Context, args: &[Cells], n_rows: usize) -> Result<Cells, Fault> {
        let is_repeatable = !self.function.volatile && !self.function.window && n_rows > 0;
        if is_repeatable && args.iter().all(|it| matches!(it, Cells::Rows(Column::Constant { .. }))) {
            let args: Vec<Column> = args.iter().map(|it| it.column().slice(0, 1)).collect();
            let one = (self.kernel)(cx, &args, 1)?;
            return Ok(Cells::Rows(Column::constant(one.value(0), one.ty(), n_rows)));
        }
        if is_repeatable
            && let Some(source) = only_source(args)
            && let Some(values) = self.by_entry(cx, args, &source, n_rows)
        {
            return Ok(Cells::Entries(Entries { source: source.into_owned(), values }));
        }
        let args: Vec<Column> = args.iter().map(Cells::column).collect();
        if let (Some(wanted), [texts @ Column::String(_)]) = (&self.wanted, &*args)
            && let Some(some) = shred(cx, texts.string_reader(), n_rows, Some(wanted))?
        {
            return Ok(Cells::Rows(some));
        }
        Ok(Cells::Rows((self.kernel)(cx, &args, n_rows)?))
    }

    /// The results for each entry, once so many rows have been seen that it pays.
    fn by_entry(&self, cx: &Context, args: &[Cells], source: &DictionaryColumn, n_rows: usize) -> Option<Arc<Values>> {
        let n_entries = source.dictionary.len();
        let remembered = self.remembered(args);
        let n_seen = remembered.n_rows.fetch_add(n_rows, Ordering::Relaxed).saturating_add(n_rows);
        if n_seen < n_entries / ROWS_BY_ENTRY && remembered.values.get().is_none() {
            return None;
        }
        let make = || {
            let args: Vec<Column> = args.iter().map(|it| it.by_entry(n_entries)).collect();
            let made = (self.kernel)(cx, &args, n_entries).ok()?;
            // Of strings a dictionary is made besides.
            let held = cx.budget.reserve(made.bytes().saturating_mul(2), crate::declare::BY).ok()?;
            Some((Arc::new(Values::new(made)), held))
        };
        remembered.values.get_or_init(make).as_ref().map(|it| it.0.clone())
    }

    fn remembered(&self, args: &[Cells]) -> Arc<Remembered> {
        let origins: Vec<Origin> = args.iter().map(Cells::origin).collect();
        let mut all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = all.iter().find(|it| it.is_of(&origins)) {
            return it.clone();
        }
        let it = match &self.calls {
            Some(calls) => calls.find(self.function.name, self.overload, origins),
            None => Arc::new(Remembered::new(origins)),
        };
        if all.len() >= REMEMBERED_MAX {
            _ = all.remove(0);
        }
        all.push(it.clone());
        it
    }
}

/// The dictionary from which the rows of all arguments that vary choose, by the same codes.
fn only_source(args: &[Cells]) -> Option<Cow<'_, DictionaryColumn>> {
    let mut found: Option<Cow<'_, DictionaryColumn>> = None;
    for arg in args {
        if let Cells::Rows(Column::Constant { .. }) = arg {
            continue;
        }
        let it = arg.source()?;
        let Some(known) = &found else {
            found = Some(it);
            continue;
        };
        if known.dictionary.id() != it.dictionary.id() || !known.codes.ptr_eq(&it.codes) {
            return None;
        }
    }
    found
}

/// Evaluates a call on constants: what the optimiser folds.
pub fn fold(
    cx: &Context,
    function: &'static Function,
    overload: usize,
    args: &[(Value, kql_data::Type)],
) -> Result<Value, Fault> {
    let columns: Vec<Column> = args.iter().map(|(value, ty)| Column::constant(value.clone(), *ty, 1)).collect();
    Ok(CallSite::new(function, overload)?.evaluate(cx, &columns, 1)?.value(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actual, function, resolve};
    use kql_data::{Node, Shredded, Tag};

    /// JSON texts of one dictionary as they stand in a shredded column; "" is null.
    fn json_texts(texts: &[&str]) -> Column {
        let Column::Dictionary(raw) = dictionary(texts) else { return Column::null(Type::Dynamic, 0) };
        let tag = |it: &&str| if it.is_empty() { Tag::Missing as u8 } else { Tag::Raw as u8 };
        let tags = texts.iter().map(tag).collect();
        Column::Shredded(Shredded::new(Arc::new(Node { tags, raw: Some(Texts::Dictionary(raw)), ..Node::default() })))
    }

    #[test]
    fn json_texts_of_a_dictionary_are_looked_at_once() {
        let cx = Context::default();
        let column = json_texts(&["[1,2]", "", "[]", "[1,2]", "[3]", "", "[1,2]"]);
        let rows = |from: &Column, order: &[u32]| {
            Column::dynamics(order.iter().map(|it| Some(from.dynamic(*it as usize))).collect())
        };
        for name in ["array_length", "tostring"] {
            let site = site(name, &[Type::Dynamic]);
            for order in [vec![0, 1, 2, 3, 4, 5, 6], vec![6, 4, 1, 0, 3, 2, 5, kql_data::NO_ROW], vec![2, 2]] {
                let cells = site.apply(&cx, &[Cells::Rows(column.take(&order))], order.len()).unwrap();
                assert!(order.len() < 7 || matches!(cells, Cells::Entries(_)));
                let plain = site.apply(&cx, &[Cells::Rows(rows(&column, &order))], order.len()).unwrap();
                assert_eq!(texts(&cells), texts(&plain));
            }
        }
    }

    fn dictionary(texts: &[&str]) -> Column {
        let mut builder = DictionaryBuilder::default();
        let codes: Vec<u32> = texts.iter().map(|it| builder.code(it)).collect();
        Column::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: Arc::new(builder.finish()) })
    }

    fn site(name: &str, types: &[Type]) -> CallSite {
        let function = function(name).unwrap();
        let actuals: Vec<Actual> = types.iter().map(|it| Actual::varying(*it)).collect();
        CallSite::new(function, resolve(function, &actuals).unwrap().overload).unwrap()
    }

    fn texts(cells: &Cells) -> Vec<Value> {
        let column = cells.column();
        (0..column.len()).map(|row| column.value(row)).collect()
    }

    #[test]
    fn chains_by_entry_give_what_rows_give() {
        let cx = Context::default();
        let column = dictionary(&["{\"a\": 1}", "", "x", "{\"a\": \"y\"}", "x", "{\"a\": 1}", "[2]"]);
        let plain = Column::strings((0..column.len()).map(|row| column.string_reader().get(row).to_owned()));
        let parse = site("todynamic", &[Type::String]);
        let slot = site(".", &[Type::Dynamic, Type::String]);
        let text = site("tostring", &[Type::Dynamic]);
        let both = site("strcat", &[Type::String, Type::String]);
        let run = |column: &Column| {
            let key = Cells::Rows(Column::constant(Value::String("a".into()), Type::String, column.len()));
            let rows = Cells::Rows(column.clone());
            let parsed = parse.apply(&cx, std::slice::from_ref(&rows), column.len()).unwrap();
            let found = slot.apply(&cx, &[parsed, key], column.len()).unwrap();
            let found = text.apply(&cx, &[found], column.len()).unwrap();
            both.apply(&cx, &[found, rows], column.len()).unwrap()
        };
        for (from, count) in [(0, 7), (2, 5), (1, 6), (0, 7)] {
            let by_entry = run(&column.slice(from, count));
            assert!(count < 6 || matches!(by_entry, Cells::Entries(_)));
            assert_eq!(texts(&by_entry), texts(&run(&plain.slice(from, count))));
        }
    }

    #[test]
    fn another_constant_is_another_result() {
        let cx = Context::default();
        let column = dictionary(&["x", "y", "x", "x"]);
        let site = site("strcat", &[Type::String, Type::String]);
        for constant in ["a", "b", "a"] {
            let constant_column = Column::constant(Value::String(constant.into()), Type::String, 4);
            let found = site.evaluate(&cx, &[constant_column, column.clone()], 4).unwrap();
            assert_eq!(found.value(1), Value::String(format!("{constant}y").into()));
        }
    }

    #[test]
    fn the_same_call_elsewhere_is_known() {
        let (cx, calls) = (Context::default(), Arc::default());
        let column = dictionary(&["A", "b", "A", "c", "b", "A"]);
        let sites = [(); 2].map(|()| site("tolower", &[Type::String]).shared(&calls));
        let other = site("toupper", &[Type::String]).shared(&calls);
        let made = |site: &CallSite, rows: &Column| match site.apply(&cx, &[Cells::Rows(rows.clone())], rows.len()) {
            Ok(Cells::Entries(it)) => it,
            _ => panic!("by rows"),
        };
        let (first, second) = (made(&sites[0], &column), made(&sites[1], &column.slice(0, 1)));
        assert!(Arc::ptr_eq(&first.values, &second.values));
        assert_eq!(texts(&Cells::Entries(made(&other, &column)))[1], Value::String("B".into()));
        // Another dictionary is another call.
        let third = made(&sites[1], &dictionary(&["x", "Y", "x"]));
        assert_eq!(texts(&Cells::Entries(third))[1], Value::String("y".into()));
        assert_eq!(texts(&Cells::Entries(second)), [Value::String("a".into())]);
    }

    #[test]
    fn true_rows_by_entry() {
        let cx = Context::default();
        let column = dictionary(&["login.failed", "", "logout", "login.ok", "logout"]);
        let site = site("has", &[Type::String, Type::String]);
        for (needle, expected) in [("login", vec![0, 3]), ("nowhere", vec![]), ("logout", vec![2, 4])] {
            let needle = Column::constant(Value::String(needle.into()), Type::String, 5);
            let cells = site.apply(&cx, &[Cells::Rows(column.clone()), Cells::Rows(needle)], 5).unwrap();
            assert!(matches!(cells, Cells::Entries(_)));
            assert_eq!(cells.true_rows(), expected);
        }
    }
}
