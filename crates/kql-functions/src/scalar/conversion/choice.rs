//! Functions that choose one of their arguments: `iff`, `case`, `coalesce`, `max_of`, `min_of`; and `around`.

use super::convert_column;
use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    resolve::{Actual, widest_number},
    scalar::operator::{compare, lift},
};
use arrow_array::{Float64Array, Int64Array};
use kql_data::{Column, ColumnBuilder, Context, DynamicReader, Fault, NO_ROW, Type, Value};
use std::cmp::Ordering;

/// The type of branches: one type, int and long as long, and dynamic beside anything as dynamic.
fn branch_type(function: &str, types: impl Iterator<Item = Type>) -> Result<Type, Fault> {
    let mut found: Option<Type> = None;
    for ty in types {
        found = Some(match found {
            None => ty,
            Some(it) if it == ty => it,
            // Text is wider than dynamic, and dynamic than the rest; the binder converts the branches.
            Some(Type::Dynamic) if ty == Type::String => Type::String,
            Some(Type::String) if ty == Type::Dynamic => Type::String,
            Some(Type::Dynamic) => Type::Dynamic,
            Some(_) if ty == Type::Dynamic => Type::Dynamic,
            Some(Type::Int | Type::Long) if ty.is_integer() => Type::Long,
            Some(it) => {
                let message = format!("{function}(): {it} and {ty} are different types; convert one of them");
                return Err(Fault::coded("SEM0525", message));
            }
        });
    }
    Ok(found.unwrap_or(Type::Dynamic))
}

fn iff_type(actuals: &[Actual]) -> Result<Type, Fault> {
    branch_type("iff", actuals.iter().skip(1).map(|it| it.ty))
}

fn case_type(actuals: &[Actual]) -> Result<Type, Fault> {
    let last = actuals.len().saturating_sub(1);
    if actuals.len().is_multiple_of(2) {
        return Err(Fault::coded("SEM0219", "case() takes pairs of a condition and a value, and a value for the rest"));
    }
    let conditions = || actuals.iter().take(last).step_by(2);
    if let Some(it) = conditions().find(|it| !matches!(it.ty, Type::Bool | Type::Dynamic)) {
        return Err(Fault::coded("SEM0001", format!("case(): a condition is a bool, not {}", it.ty)));
    }
    let branches = actuals.iter().enumerate().filter(|(index, _)| index % 2 == 1 || *index == last);
    branch_type("case", branches.map(|(_, it)| it.ty))
}

fn coalesce_type(actuals: &[Actual]) -> Result<Type, Fault> {
    arity("coalesce", actuals)?;
    branch_type("coalesce", actuals.iter().map(|it| it.ty))
}

fn arity(function: &str, actuals: &[Actual]) -> Result<(), Fault> {
    if (2..=64).contains(&actuals.len()) {
        return Ok(());
    }
    Err(Fault::coded("SEM0223", format!("{function}() takes 2 to 64 arguments, not {}", actuals.len())))
}

fn extreme_type(actuals: &[Actual]) -> Result<Type, Fault> {
    arity("max_of and min_of", actuals)?;
    let types = || actuals.iter().map(|it| it.ty);
    match widest_number(types()) {
        Some(widest) => Ok(widest),
        None => branch_type("max_of and min_of", types()),
    }
}

/// Branches brought to one type at run time as they were when the query was bound.
fn unified<'a>(branches: impl Iterator<Item = &'a Column> + Clone) -> (Type, Vec<Column>) {
    let ty = branch_type("", branches.clone().map(Column::ty)).unwrap_or(Type::Dynamic);
    (ty, branches.map(|it| convert_column(it, ty)).collect())
}

/// For each row the number of the branch that it takes.
fn choose(ty: Type, branches: &[Column], choices: &[u32]) -> Column {
    if let Some(first) = choices.first()
        && choices.iter().all(|it| it == first)
        && let Some(branch) = branches.get(*first as usize)
    {
        return branch.clone();
    }
    let special =
        if ty == Type::String { choose_codes(branches, choices) } else { choose_numbers(ty, branches, choices) };
    if let Some(done) = special {
        return done;
    }
    let mut out = ColumnBuilder::new(ty, choices.len());
    if ty == Type::String {
        let readers: Vec<_> = branches.iter().map(Column::string_reader).collect();
        for (row, choice) in choices.iter().enumerate() {
            out.push_str(readers.get(*choice as usize).map_or("", |it| it.get(row)));
        }
        return out.finish();
    }
    if ty == Type::Dynamic {
        if let Some(tree) = choose_trees(branches, choices) {
            return tree;
        }
        let readers: Vec<_> = branches.iter().map(DynamicReader::new).collect();
        let one = |(row, choice): (usize, &u32)| Some(readers.get(*choice as usize)?.get(row).into_owned());
        return Column::dynamics(choices.iter().enumerate().map(one).collect());
    }
    for (row, choice) in choices.iter().enumerate() {
        out.push(&branches.get(*choice as usize).map_or(Value::Null, |it| it.value(row)));
    }
    out.finish()
}

/// Of shredded branches the rows that are chosen stay shredded; a branch may also be null throughout.
fn choose_trees(branches: &[Column], choices: &[u32]) -> Option<Column> {
    let is_null = |it: &Column| matches!(it, Column::Constant { value: Value::Null, .. });
    if !branches.iter().all(|it| matches!(it, Column::Shredded(_)) || is_null(it)) {
        return None;
    }
    let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); branches.len()];
    for (row, choice) in choices.iter().enumerate() {
        chosen.get_mut(*choice as usize)?.push(u32::try_from(row).ok()?);
    }
    let mut order = vec![NO_ROW; choices.len()];
    let (mut parts, mut place) = (Vec::with_capacity(branches.len()), 0);
    for (branch, rows) in branches.iter().zip(&chosen).filter(|(branch, rows)| !is_null(branch) && !rows.is_empty()) {
        for row in rows {
            *order.get_mut(*row as usize)? = place;
            place += 1;
        }
        parts.push(branch.take(rows));
    }
    Some(Column::concat(Type::Dynamic, &parts).ok()?.take(&order))
}

/// Branches of numbers or times are read without making values of them.
fn choose_numbers(ty: Type, branches: &[Column], choices: &[u32]) -> Option<Column> {
    let rows = || choices.iter().enumerate();
    if ty == Type::Real {
        let readers = branches.iter().map(lift::reals).collect::<Result<Vec<_>, Fault>>().ok()?;
        let one = |(row, choice): (usize, &u32)| readers.get(*choice as usize)?.get(row);
        return Some(Column::Real(rows().map(one).collect::<Float64Array>()));
    }
    if !matches!(ty, Type::Long | Type::Datetime | Type::Timespan) {
        return None;
    }
    let readers = branches.iter().map(lift::longs).collect::<Result<Vec<_>, Fault>>().ok()?;
    let one = |(row, choice): (usize, &u32)| readers.get(*choice as usize)?.get(row);
    let chosen: Int64Array = rows().map(one).collect();
    Some(match ty {
        Type::Datetime => Column::Datetime(chosen),
        Type::Timespan => Column::Timespan(chosen),
        _ => Column::Long(chosen),
    })
}

/// Branches that are all constant strings give a column by dictionary.
fn choose_codes(branches: &[Column], choices: &[u32]) -> Option<Column> {
    let mut builder = kql_data::DictionaryBuilder::default();
    let mut codes = Vec::with_capacity(branches.len());
    for branch in branches {
        let Column::Constant { value: Value::String(text), .. } = branch else { return None };
        codes.push(builder.code(text));
    }
    let rows = choices.iter().map(|it| codes.get(*it as usize).copied().unwrap_or(0)).collect();
    Some(Column::Dictionary(kql_data::DictionaryColumn { codes: rows, dictionary: builder.finish().into() }))
}

fn iff(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (ty, branches) = unified(args.iter().skip(1));
    let mut choices = vec![1_u32; n_rows];
    for row in lift::arg(args, 0)?.true_rows() {
        if let Some(it) = choices.get_mut(row as usize) {
            *it = 0;
        }
    }
    Ok(choose(ty, &branches, &choices))
}

fn case(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let last = args.len().saturating_sub(1);
    let is_branch = |index: usize| index % 2 == 1 || index == last;
    let branches: Vec<&Column> =
        args.iter().enumerate().filter(|(index, _)| is_branch(*index)).map(|(_, it)| it).collect();
    let (ty, branches) = unified(branches.into_iter());
    let rest = branches.len().saturating_sub(1) as u32;
    let mut choices = vec![u32::MAX; n_rows];
    for (number, condition) in args.iter().take(last).step_by(2).enumerate() {
        for row in convert_column(condition, Type::Bool).true_rows() {
            if let Some(it) = choices.get_mut(row as usize).filter(|it| **it == u32::MAX) {
                *it = number as u32;
            }
        }
    }
    for it in choices.iter_mut().filter(|it| **it == u32::MAX) {
        *it = rest;
    }
    Ok(choose(ty, &branches, &choices))
}

fn coalesce(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (ty, branches) = unified(args.iter());
    let texts: Vec<_> = branches.iter().map(Column::string_reader).collect();
    let has_value = |branch: usize, row: usize| {
        if ty == Type::String {
            texts.get(branch).is_some_and(|it| !it.get(row).is_empty())
        } else {
            branches.get(branch).is_some_and(|it| !it.is_null(row))
        }
    };
    let last = branches.len().saturating_sub(1);
    let one = |row| (0..branches.len()).find(|branch| has_value(*branch, row)).unwrap_or(last) as u32;
    let choices: Vec<u32> = (0..n_rows).map(one).collect();
    Ok(choose(ty, &branches, &choices))
}

/// The greatest or least value of each row; nulls do not take part.
fn extreme<const WANTED: i8>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let ty = widest_number(args.iter().map(Column::ty));
    let ty = ty.or_else(|| branch_type("", args.iter().map(Column::ty)).ok()).unwrap_or(Type::Dynamic);
    let columns: Vec<Column> = args.iter().map(|it| convert_column(it, ty)).collect();
    let mut out = ColumnBuilder::new(ty, n_rows);
    for row in 0..n_rows {
        let mut best: Option<Value> = None;
        for column in &columns {
            let value = column.value(row);
            if value.is_null() {
                continue;
            }
            let is_better = best.as_ref().is_none_or(|it| better(&value, it) as i8 == WANTED);
            if is_better {
                best = Some(value);
            }
        }
        out.push(best.as_ref().unwrap_or(&Value::Null));
    }
    Ok(out.finish())
}

/// The order for `max_of` and `min_of`; NaN loses to every number.
fn better(a: &Value, b: &Value) -> Ordering {
    compare::order(&a.to_dynamic(), &b.to_dynamic()).unwrap_or(Ordering::Equal)
}

fn around(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (value, center, delta) = (lift::arg(args, 0)?, lift::arg(args, 1)?, lift::arg(args, 2)?);
    let one = |row| match (value.value(row), center.value(row), delta.value(row)) {
        (Value::Datetime(a) | Value::Timespan(a), Value::Datetime(b) | Value::Timespan(b), Value::Timespan(d)) => {
            Some(a >= b.saturating_sub(d) && a <= b.saturating_add(d))
        }
        (a, b, d) => {
            let (a, b, d) = (super::to_real(&a)?, super::to_real(&b)?, super::to_real(&d)?);
            Some(a >= b - d && a <= b + d)
        }
    };
    Ok(lift::bool_rows(n_rows, one))
}

fn around_type(actuals: &[Actual]) -> Result<Type, Fault> {
    let ty = |index: usize| actuals.get(index).map_or(Type::Dynamic, |it| it.ty);
    let fits = match ty(0) {
        Type::Datetime | Type::Timespan => ty(1) == ty(0) && ty(2) == Type::Timespan,
        it => it.is_number() && ty(1).is_number() && ty(2).is_number(),
    };
    if fits || actuals.iter().any(|it| it.ty == Type::Dynamic) {
        return Ok(Type::Bool);
    }
    Err(Fault::coded("SEM0207", "around() takes numbers, or times and a timespan"))
}

const ANY: Param = Param::new("value", Accepts::Scalar);
const CONDITION: Param = Param::new("if", Accepts::NumberOrBool).cast(Type::Bool);
const DYNAMIC_CONDITION: Param = Param::new("if", Accepts::Type(Type::Dynamic)).cast(Type::Bool);

const fn variadic(rule: fn(&[Actual]) -> Result<Type, Fault>, kernel: crate::Kernel, max: usize) -> Overload {
    Overload { params: &[], rest: Some((ANY, 1, max)), returns: Returns::Custom(rule), kernel: Some(kernel) }
}

const IFF: &[Overload] = &[
    Overload {
        params: &[CONDITION, Param::new("then", Accepts::Scalar), Param::new("else", Accepts::Scalar)],
        rest: None,
        returns: Returns::Custom(iff_type),
        kernel: Some(iff),
    },
    Overload {
        params: &[DYNAMIC_CONDITION, Param::new("then", Accepts::Scalar), Param::new("else", Accepts::Scalar)],
        rest: None,
        returns: Returns::Custom(iff_type),
        kernel: Some(iff),
    },
];

/// The functions that choose.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "iff",
        "The second argument where the first is true, the third where it is false or null.\n\n    \
         iff(1 > 0, \"yes\", \"no\") => \"yes\"\n    iff(bool(null), 1, 2) => 2\n",
        IFF,
    )
    .aliases(&["iif"]),
    Function::new(
        "case",
        "The value behind the first condition that is true, or the last argument.\n\n    \
         case(1 > 2, \"a\", 2 > 1, \"b\", \"c\") => \"b\"\n",
        &[variadic(case_type, case, 65_535)],
    ),
    Function::new(
        "coalesce",
        "The first argument that is neither null nor \"\".\n\n    coalesce(\"\", \"a\") => \"a\"\n    \
         coalesce(long(null), 0, 5) => 0\n",
        &[variadic(coalesce_type, coalesce, 1_024)],
    ),
    Function::new(
        "max_of",
        "The greatest argument; nulls do not count.\n\n    max_of(10, 1, -3, 17) => 17\n    max_of(long(null), 1) => 1\n",
        &[Overload {
            params: &[],
            rest: Some((Param::new("value", Accepts::Orderable), 1, 1_024)),
            returns: Returns::Custom(extreme_type),
            kernel: Some(extreme::<1>),
        }],
    ),
    Function::new(
        "min_of",
        "The least argument; nulls do not count.\n\n    min_of(10, 1, -3, 17) => -3\n",
        &[Overload {
            params: &[],
            rest: Some((Param::new("value", Accepts::Orderable), 1, 1_024)),
            returns: Returns::Custom(extreme_type),
            kernel: Some(extreme::<-1>),
        }],
    ),
    Function::new(
        "around",
        "Whether a value is within a distance of another, ends included.\n\n    around(1.5, 1.0, 0.5) => true\n    \
         around(datetime(2020-01-01), datetime(2020-01-02), 1h) => false\n",
        &[Overload {
            params: &[ANY, Param::new("center", Accepts::Scalar), Param::new("delta", Accepts::Scalar)],
            rest: None,
            returns: Returns::Custom(around_type),
            kernel: Some(around),
        }],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{DictionaryBuilder, DictionaryColumn, Dynamic, Node, Shredded, Tag, Texts, json};
    use std::sync::Arc;

    /// JSON texts of arrays by a dictionary of their own; "" is null.
    fn arrays(texts: &[&str]) -> Node {
        let mut builder = DictionaryBuilder::default();
        let codes: Vec<u32> = texts.iter().map(|it| builder.code(it)).collect();
        let tag = |it: &&str| if it.is_empty() { Tag::Null as u8 } else { Tag::Raw as u8 };
        let dictionary = Arc::new(builder.finish());
        let raw = Some(Texts::Dictionary(DictionaryColumn { codes: codes.into(), dictionary }));
        Node { tags: texts.iter().map(tag).collect(), raw, ..Node::default() }
    }

    fn tree(node: Node) -> Column {
        Column::Shredded(Shredded::new(Arc::new(node)))
    }

    #[test]
    fn branches_that_are_trees_give_a_tree_of_the_same_values() {
        let cx = Context::default();
        let first = tree(arrays(&["[1]", "", "", "[2,3]", "", "[1]"]));
        let second = tree(arrays(&["[9]", "[1]", "", "", "[2]", "[9]"]));
        let slot = arrays(&["", "[7]", "", "", "", "[8]"]);
        let bag = Node {
            tags: vec![Tag::Bag as u8; 6].into(),
            children: [("k".into(), slot.into())].into_iter().collect(),
            ..Node::default()
        };
        let null = Column::null(Type::Dynamic, 6);
        let made = |it: &Column| Column::dynamics((0..6).map(|row| Some(it.dynamic(row))).collect());
        let sets: [Vec<Column>; 5] = [
            vec![first.clone(), second.clone()],
            vec![second.clone(), null.clone(), first.clone()],
            vec![first.clone(), tree(bag)],
            vec![first.take(&[5, 4, 3, NO_ROW, 1, 0]), second.clone()],
            vec![null.clone(), null],
        ];
        for args in sets {
            let values: Vec<Column> = args.iter().map(made).collect();
            let (found, expected) = (coalesce(&cx, &args, 6).unwrap(), coalesce(&cx, &values, 6).unwrap());
            for row in 0..6 {
                assert_eq!(found.dynamic(row), expected.dynamic(row));
            }
        }
        // Texts of two dictionaries are by one again.
        let many = |it: &Column| it.take(&(0..60).map(|row| row % 6).collect::<Vec<u32>>());
        let found = coalesce(&cx, &[many(&first), many(&second)], 60).unwrap();
        let Column::Shredded(found) = found else { panic!("values") };
        assert_eq!(found.as_json_texts().map(|it| it.dictionary.len()), Some(4));
        assert_eq!(found.value(13), json::read("[1]").unwrap());
        let condition = Column::Bool((0..6).map(|it| Some(it < 4)).collect());
        let chosen = iff(&cx, &[condition, first.clone(), second.clone()], 6).unwrap();
        let expected = |row: usize| if row < 4 { first.dynamic(row) } else { second.dynamic(row) };
        assert!((0..6).all(|row| chosen.dynamic(row) == expected(row)));
        assert_eq!(chosen.dynamic(2), Dynamic::Null);
    }
}
