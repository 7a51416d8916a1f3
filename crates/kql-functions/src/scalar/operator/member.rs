//! `in` and `has_any` with their kin: a value, or the text of one, against a list.
//!
//! The list is one dynamic array. A constant list is prepared once a query.

use super::{
    haystack::rows_with_any,
    lift,
    needle::{Needle, Place, equal_folded, fold, fold_into, is_term_char},
};
use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    scalar::conversion,
};
use arrow_array::Array;
use arrow_buffer::BooleanBuffer;
use kql_data::{Column, Context, Dynamic, Fault, Set, StringReader, Type, Value};
use std::sync::Arc;

/// Texts up to this number are compared one by one: that is faster than hashing.
const FEW: usize = 4;

/// A list made ready for values of one type.
#[derive(Debug)]
enum Members {
    Longs(Set<i64>),
    /// By bits, with one zero.
    Reals(Set<u64>),
    Few(Vec<Box<str>>),
    Texts(Set<Box<str>>),
    /// Values of any other type, and the texts that a dynamic may be equal to.
    Values(Set<Dynamic>),
}

/// A prepared list. It holds the list, so that the address by which it is remembered stays its own.
#[derive(Debug)]
struct Prepared<T> {
    _list: Dynamic,
    made: T,
}

fn items(list: &Dynamic) -> &[Dynamic] {
    list.as_array().unwrap_or(std::slice::from_ref(list))
}

fn bits_of(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

impl Members {
    fn new(list: &Dynamic, ty: Type, with_case: bool) -> Members {
        let items = || items(list).iter().filter(|it| !it.is_null());
        match ty {
            Type::Int | Type::Long | Type::Datetime | Type::Timespan => {
                Members::Longs(items().filter_map(|it| long_in(it, ty)).collect())
            }
            Type::Real => Members::Reals(
                items().filter_map(conversion::to_real_of).filter(|it| !it.is_nan()).map(bits_of).collect(),
            ),
            Type::String => {
                let text = |it: &Dynamic| if with_case { it.text() } else { fold(&it.text()).into_owned() };
                let texts: Set<Box<str>> = items().map(|it| text(it).into()).collect();
                if texts.len() <= FEW { Members::Few(texts.into_iter().collect()) } else { Members::Texts(texts) }
            }
            Type::Dynamic => Members::Values(items().cloned().collect()),
            other => Members::Values(items().filter_map(|it| conversion::convert_dynamic(it, other)).collect()),
        }
    }

    fn text(&self, text: &str) -> bool {
        match self {
            Members::Few(texts) => texts.iter().any(|it| **it == *text),
            Members::Texts(texts) => texts.contains(text),
            _ => false,
        }
    }
}

/// A list item as a value of a whole-number type; nothing when it cannot be equal to one.
fn long_in(item: &Dynamic, ty: Type) -> Option<i64> {
    match item {
        Dynamic::Real(it) if it.fract() != 0.0 => None,
        Dynamic::Decimal(it) if Dynamic::Decimal(it.clone()) != Dynamic::Long(it.to_i64()?) => None,
        _ => match conversion::convert_dynamic(item, if ty == Type::Int { Type::Long } else { ty })? {
            Dynamic::Long(it) | Dynamic::Datetime(it) | Dynamic::Timespan(it) => Some(it),
            _ => None,
        },
    }
}

/// Something made of a list once a query.
fn prepared<T: Send + Sync + 'static>(
    cx: &Context,
    kind: &'static str,
    list: &Dynamic,
    ty: Type,
    make: impl FnOnce(&Dynamic) -> T,
) -> Result<Arc<Prepared<T>>, Fault> {
    let whole = || Ok(Prepared { _list: list.clone(), made: make(list) });
    match list {
        Dynamic::Array(it) => cx.cached(kind, &format!("{:p} {} {ty}", Arc::as_ptr(it), it.len()), whole),
        _ => whole().map(Arc::new),
    }
}

fn constant_list(column: &Column) -> Option<Dynamic> {
    match column {
        Column::Constant { value, .. } => Some(value.to_dynamic()),
        _ => None,
    }
}

fn negate_if(negated: bool, found: BooleanBuffer) -> Column {
    lift::bools(if negated { !&found } else { found })
}

fn is_in<const CASE: bool, const NEGATED: bool>(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (value, list) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    if let Column::Shredded(it) = value
        && let Some(texts) = it.as_strings()
        && constant_list(list)
            .is_none_or(|it| items(&it).iter().all(|it| matches!(it, Dynamic::String(text) if !text.is_empty())))
    {
        return is_in::<CASE, NEGATED>(cx, &[texts, list.clone()], n_rows);
    }
    let Some(list) = constant_list(list) else {
        return Ok(negate_if(NEGATED, lift::bits_of_rows(n_rows, |row| row_in(value, row, &list.dynamic(row), CASE))));
    };
    let kind = if CASE { "in" } else { "in~" };
    let members = prepared(cx, kind, &list, value.ty(), |list| Members::new(list, value.ty(), CASE))?;
    Ok(negate_if(NEGATED, column_in(value, &members.made, n_rows, CASE)?))
}

fn column_in(value: &Column, members: &Members, n_rows: usize, with_case: bool) -> Result<BooleanBuffer, Fault> {
    if let Column::Constant { value, .. } = value {
        let found = value_in(value, members, with_case);
        return Ok(if found { BooleanBuffer::new_set(n_rows) } else { BooleanBuffer::new_unset(n_rows) });
    }
    let present = |found: BooleanBuffer, nulls: Option<&arrow_buffer::NullBuffer>| match nulls {
        Some(nulls) => &found & nulls.inner(),
        None => found,
    };
    Ok(match (value, members) {
        (Column::Long(it) | Column::Datetime(it) | Column::Timespan(it), Members::Longs(set)) => {
            present(lift::bits(it.values(), |it| set.contains(&it)), it.nulls())
        }
        (Column::Int(it), Members::Longs(set)) => {
            present(lift::bits(it.values(), |it| set.contains(&i64::from(it))), it.nulls())
        }
        (Column::Real(it), Members::Reals(set)) => {
            present(lift::bits(it.values(), |it| set.contains(&bits_of(it))), it.nulls())
        }
        (Column::String(_) | Column::Dictionary(_), _) => {
            let texts = value.string_reader();
            let mut folded = String::new();
            lift::bits_of_rows(n_rows, |row| {
                let text = texts.get(row);
                if with_case {
                    return members.text(text);
                }
                fold_into(text, &mut folded);
                members.text(&folded)
            })
        }
        _ => lift::bits_of_rows(n_rows, |row| value_in(&value.value(row), members, with_case)),
    })
}

fn value_in(value: &Value, members: &Members, with_case: bool) -> bool {
    match (value, members) {
        (Value::Null, _) => false,
        (Value::Int(it), Members::Longs(set)) => set.contains(&i64::from(*it)),
        (Value::Long(it) | Value::Datetime(it) | Value::Timespan(it), Members::Longs(set)) => set.contains(it),
        (Value::Real(it), Members::Reals(set)) => set.contains(&bits_of(*it)),
        (Value::String(it), _) => {
            if with_case {
                members.text(it)
            } else {
                members.text(&fold(it))
            }
        }
        (value, Members::Values(set)) => {
            let value = value.to_dynamic();
            set.contains(&value) || dynamic_in(&value, set, with_case)
        }
        _ => false,
    }
}

/// A dynamic is equal to a string of the list when its text is; without case when asked so.
fn dynamic_in(value: &Dynamic, set: &Set<Dynamic>, with_case: bool) -> bool {
    if !with_case {
        let text = value.text();
        return set.iter().filter_map(Dynamic::as_str).any(|it| equal_folded(it, &text));
    }
    !matches!(value, Dynamic::String(_)) && set.contains(&Dynamic::string(value.text()))
}

/// One row against a list of its own.
fn row_in(value: &Column, row: usize, list: &Dynamic, with_case: bool) -> bool {
    let members = Members::new(list, value.ty(), with_case);
    value_in(&value.value(row), &members, with_case)
}

/// The needles of `has_any` and `has_all`.
#[derive(Debug)]
struct Needles {
    /// Needles that are one ASCII term each, folded: looked up by the terms of the text.
    terms: Set<Box<str>>,
    others: Vec<Needle>,
    /// Whether a null is among them, which matches everything.
    has_null: bool,
}

/// With so many one-term needles the text is cut into terms instead of being searched for each.
const MANY: usize = 8;

impl Needles {
    fn new(list: &Dynamic, may_cut: bool) -> Needles {
        let list = items(list);
        let texts: Set<String> = list.iter().filter(|it| !it.is_null()).map(Dynamic::text).collect();
        let is_term = |it: &String| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric());
        let (terms, others): (Vec<String>, Vec<String>) = texts.into_iter().partition(|it| may_cut && is_term(it));
        let (terms, searched) = if terms.len() > MANY { (terms, Vec::new()) } else { (Vec::new(), terms) };
        Needles {
            terms: terms.iter().map(|it| it.to_ascii_lowercase().into()).collect(),
            others: others.iter().chain(&searched).map(|it| Needle::new(it, Place::Terms, false)).collect(),
            has_null: list.iter().any(Dynamic::is_null),
        }
    }

    fn any(&self, text: &str, folded: &mut String) -> bool {
        if self.has_null || self.others.iter().any(|it| it.is_in(text, folded)) {
            return true;
        }
        if self.terms.is_empty() {
            return false;
        }
        let mut terms = text.split(|it| !is_term_char(it)).filter(|it| !it.is_empty());
        terms.any(|it| {
            folded.clear();
            folded.push_str(it);
            folded.make_ascii_lowercase();
            self.terms.contains(folded.as_str())
        })
    }

    fn all(&self, text: &str, folded: &mut String) -> bool {
        self.others.iter().all(|it| it.is_in(text, folded))
    }
}

fn has<const ALL: bool>(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (texts, list) = (lift::arg(args, 0)?.string_reader(), lift::arg(args, 1)?);
    let mut folded = String::new();
    let test = |needles: &Needles, text: &str, folded: &mut String| {
        if ALL { needles.all(text, folded) } else { needles.any(text, folded) }
    };
    if let Some(list) = constant_list(list) {
        let kind = if ALL { "has_all" } else { "has_any" };
        let needles = prepared(cx, kind, &list, Type::String, |list| Needles::new(list, !ALL))?;
        if !ALL
            && let StringReader::Plain(texts) = texts
            && needles.made.terms.is_empty()
            && !needles.made.has_null
            && let Some(found) = rows_with_any(cx, texts, &needles.made.others.iter().collect::<Vec<_>>())?
        {
            return Ok(lift::bools(found));
        }
        return Ok(lift::bools(lift::bits_of_rows(n_rows, |row| test(&needles.made, texts.get(row), &mut folded))));
    }
    Ok(lift::bools(lift::bits_of_rows(n_rows, |row| {
        test(&Needles::new(&list.dynamic(row), false), texts.get(row), &mut folded)
    })))
}

const LIST: Param = Param::new("list", Accepts::Type(Type::Dynamic));
const VALUE: Param = Param::new("value", Accepts::Scalar);
const TEXT: Param = Param::new("text", Accepts::StringOrDynamic).cast(Type::String);

macro_rules! against_list {
    ($value:expr, $kernel:expr) => {
        &[Overload { params: &[$value, LIST], rest: None, returns: Returns::Type(Type::Bool), kernel: Some($kernel) }]
    };
}

/// The list operators.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "in",
        "Whether the value is one of a list. Case matters. False for null.\n\n    \"a\" in (\"a\", \"b\") => true\n    2 in (2.0) => true\n",
        against_list!(VALUE, is_in::<true, false>),
    ),
    Function::new(
        "!in",
        "Whether the value is none of a list. True for null.\n\n    \"A\" !in (\"a\", \"b\") => true\n",
        against_list!(VALUE, is_in::<true, true>),
    ),
    Function::new(
        "in~",
        "Whether the text is one of a list. Case does not matter.\n\n    \"A\" in~ (\"a\", \"b\") => true\n",
        against_list!(VALUE, is_in::<false, false>),
    ),
    Function::new(
        "!in~",
        "Whether the text is none of a list. Case does not matter.\n\n    \"A\" !in~ (\"a\", \"b\") => false\n",
        against_list!(VALUE, is_in::<false, true>),
    ),
    Function::new(
        "has_any",
        "Whether the text has one of the needles as terms. Case does not matter.\n\n    \"a b c\" has_any (\"B\", \"x\") => true\n",
        against_list!(TEXT, has::<false>),
    ),
    Function::new(
        "has_all",
        "Whether the text has all needles as terms. Case does not matter.\n\n    \"a b c\" has_all (\"B\", \"c\") => true\n",
        against_list!(TEXT, has::<true>),
    ),
];
