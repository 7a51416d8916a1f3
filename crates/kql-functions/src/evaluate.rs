//! Runs an overload over columns: once for constants, once per distinct value where the only varying argument is by
//! dictionary, and row by row otherwise.

use crate::declare::{Function, Kernel};
use kql_data::{Column, Context, DictionaryBuilder, DictionaryColumn, Fault, Reservation, StringDictionary, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// One call in a query. It remembers its results by dictionary from batch to batch.
#[derive(Debug)]
pub struct CallSite {
    /// The function called.
    pub function: &'static Function,
    kernel: Kernel,
    remembered: Mutex<Option<Remembered>>,
}

/// Of which dictionary, the results, and their memory.
type Remembered = (u64, Arc<Mapped>, Reservation);

/// Results for each entry of a dictionary.
#[derive(Debug)]
enum Mapped {
    /// Strings: for each old code the new code in a new dictionary.
    Strings(Vec<u32>, Arc<StringDictionary>),
    /// Other types: for each code a row.
    Values(Column),
}

impl CallSite {
    /// A call of an overload; fails by name when it has no kernel yet.
    pub fn new(function: &'static Function, overload: usize) -> Result<CallSite, Fault> {
        let kernel = function.overloads.get(overload).and_then(|it| it.kernel);
        let kernel = kernel.ok_or_else(|| Fault::Unsupported(format!("function `{}`", function.name)))?;
        Ok(CallSite { function, kernel, remembered: Mutex::default() })
    }

    /// The result for those arguments, each of `n_rows` rows.
    pub fn evaluate(&self, cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
        let repeatable = !self.function.volatile && !self.function.window;
        if repeatable && n_rows > 0 && args.iter().all(|it| matches!(it, Column::Constant { .. })) {
            let args: Vec<Column> = args.iter().map(|it| it.slice(0, 1)).collect();
            let one = (self.kernel)(cx, &args, 1)?;
            return Ok(Column::constant(one.value(0), one.ty(), n_rows));
        }
        if repeatable && let Some((position, column)) = only_dictionary(args) {
            let known = self.known(column.dictionary.id());
            if known.is_some() || column.dictionary.len() <= n_rows {
                let mapped = match known {
                    Some(it) => it,
                    None => self.map(cx, args, position, &column.dictionary)?,
                };
                return Ok(mapped.rows(&column.codes));
            }
        }
        (self.kernel)(cx, args, n_rows)
    }

    fn known(&self, id: u64) -> Option<Arc<Mapped>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.as_ref().filter(|(known, ..)| *known == id).map(|(_, it, _)| it.clone())
    }

    fn map(
        &self,
        cx: &Context,
        args: &[Column],
        position: usize,
        dictionary: &StringDictionary,
    ) -> Result<Arc<Mapped>, Fault> {
        let n_entries = dictionary.len();
        let arg = |(index, arg): (usize, &Column)| match arg {
            _ if index == position => Column::String(dictionary.values().clone()),
            Column::Constant { value, ty, .. } => Column::constant(value.clone(), *ty, n_entries),
            other => other.clone(),
        };
        let args: Vec<Column> = args.iter().enumerate().map(arg).collect();
        let mapped = Arc::new(Mapped::new((self.kernel)(cx, &args, n_entries)?));
        let held = cx.budget.reserve(mapped.bytes(), crate::declare::BY)?;
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some((dictionary.id(), mapped.clone(), held));
        Ok(mapped)
    }
}

impl Mapped {
    fn new(results: Column) -> Mapped {
        if !matches!(results, Column::String(_)) {
            return Mapped::Values(results);
        }
        let reader = results.string_reader();
        let mut builder = DictionaryBuilder::default();
        let codes = (0..results.len()).map(|row| builder.code(reader.get(row))).collect();
        Mapped::Strings(codes, Arc::new(builder.finish()))
    }

    fn bytes(&self) -> usize {
        match self {
            Mapped::Strings(codes, dictionary) => codes.len() * 4 + dictionary.bytes(),
            Mapped::Values(column) => column.bytes(),
        }
    }

    fn rows(&self, codes: &[u32]) -> Column {
        match self {
            Mapped::Values(results) => results.take(codes),
            Mapped::Strings(map, dictionary) => Column::Dictionary(DictionaryColumn {
                codes: codes.iter().map(|it| map.get(*it as usize).copied().unwrap_or(0)).collect(),
                dictionary: dictionary.clone(),
            }),
        }
    }
}

/// The only varying argument, if it is by dictionary.
fn only_dictionary(args: &[Column]) -> Option<(usize, &DictionaryColumn)> {
    let mut found = None;
    for (index, arg) in args.iter().enumerate() {
        match arg {
            Column::Constant { .. } => {}
            Column::Dictionary(it) if found.is_none() => found = Some((index, it)),
            _ => return None,
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
