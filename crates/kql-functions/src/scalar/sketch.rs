//! Functions of what `hll` and `tdigest` give.

use crate::{
    declare::{Accepts, Constness, Function, Kernel, Naming, Overload, Param, Returns, lift::each_row, types},
    sketch::{hll::Hll, tdigest::Digest},
};
use kql_data::{Column, ColumnBuilder, Context, Dynamic, Fault, Type, Value};
use std::borrow::Cow;

crate::functions! {
    /// About how many distinct values `hll`, a result of the aggregate `hll` or of `hll_merge`, has seen.
    ///
    ///     dcount_hll(dynamic([[1024,14],["1","2"],[]])) => 2
    #[naming(NameAndFirstArgument)]
    fn dcount_hll(hll: array) -> long { Hll::from_dynamic(&hll).map(|it| it.count()) }

    /// Whether `hll` is a result of the aggregate `hll`.
    ///
    ///     hll_isvalid(dynamic([[1024,14],["1","2"],[]]), 0) => true
    ///     hll_isvalid(dynamic([1]), 0) => false
    fn hll_isvalid(hll: array, value: any) -> bool { Hll::from_dynamic(&hll).is_some() }

    /// How many values of `digest`, a result of the aggregate `tdigest`, are not above `value`.
    ///
    ///     rank_tdigest(dynamic([[7],[1,5,9],[1,2,1]]), 5) => 3.0
    fn rank_tdigest(digest: array, value: any_dynamic) -> real {
        Digest::from_dynamic(&digest).zip(Digest::number(&value)).map(|(digest, value)| digest.rank(value))
    }

    /// How many percent of the values of `digest`, a result of the aggregate `tdigest`, are not above `value`.
    ///
    ///     percentrank_tdigest(dynamic([[7],[1,5,9],[1,2,1]]), 5) => 75.0
    fn percentrank_tdigest(digest: array, value: any_dynamic) -> real {
        Digest::from_dynamic(&digest).zip(Digest::number(&value)).and_then(|(digest, value)| digest.percent_rank(value))
    }

    /// Whether `digest` is a result of the aggregate `tdigest`.
    ///
    ///     tdigest_isvalid(dynamic([[7],[1,5,9],[1,2,1]]), 0) => true
    ///     tdigest_isvalid(dynamic([1]), 0) => false
    fn tdigest_isvalid(digest: array, value: any) -> bool { Digest::from_dynamic(&digest).is_some() }
}

const HLL: Param = Param::new("hll", Accepts::Array);
const DIGEST: Param = Param::new("tdigest", Accepts::Array);
const PERCENTILE: Param = Param::new("percentile", Accepts::Number).cast(Type::Real);
const TYPE: Param = Param { constness: Constness::Literal, ..Param::new("type", Accepts::TypeLiteral) };
const PERCENTILES: Param = Param::new("percentiles", Accepts::Array);

const fn dynamic(params: &'static [Param], kernel: Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Dynamic), kernel: Some(kernel) }
}
const fn merges(param: Param, kernel: Kernel) -> Overload {
    Overload { params: &[], rest: Some((param, 2, 64)), returns: Returns::Type(Type::Dynamic), kernel: Some(kernel) }
}

/// Functions of this family that are no lifted bodies.
pub const IRREGULAR: &[Function] = &[
    Function::new(
        "hll_merge",
        "The union of results of the aggregate `hll`, row by row.\n\n    \
         dcount_hll(hll_merge(dynamic([[1024,14],[\"1\"],[]]), dynamic([[1024,14],[\"2\"],[]]))) => 2\n",
        &[merges(HLL, merge_sketches)],
    )
    .naming(Naming::PrefixOnly("hll_merged_result")),
    Function::new(
        "tdigest_merge",
        "The values of several results of the aggregate `tdigest` in one, row by row.\n\n    \
         tdigest_merge(dynamic([[7],[1],[1]]), dynamic([[7],[5],[2]])) => dynamic([[7],[1,5],[1,2]])\n",
        &[merges(DIGEST, merge_digests)],
    )
    .aliases(&["merge_tdigest"])
    .naming(Naming::PrefixOnly("tdigests_merge_result")),
    Function::new(
        "percentile_tdigest",
        "The percentile of a result of the aggregate `tdigest`, in the type that is given.\n\n    \
         percentile_tdigest(dynamic([[7],[1,5,9],[1,2,1]]), 50, typeof(long)) => 5\n",
        &[
            dynamic(&[DIGEST, PERCENTILE], percentile),
            Overload {
                params: &[DIGEST, PERCENTILE, TYPE],
                rest: None,
                returns: Returns::TypeLiteral(2),
                kernel: Some(percentile_of_type),
            },
        ],
    )
    .naming(Naming::NameAndFirstArgument),
    Function::new(
        "percentiles_array_tdigest",
        "Several percentiles of a result of the aggregate `tdigest`.\n\n    \
         percentiles_array_tdigest(dynamic([[7],[1,5,9],[1,2,1]]), 50, 100) => dynamic([5, 9])\n",
        &[
            Overload {
                params: &[DIGEST],
                rest: Some((PERCENTILE, 1, 32_767)),
                returns: Returns::Type(Type::Dynamic),
                kernel: Some(percentiles),
            },
            dynamic(&[DIGEST, PERCENTILES], percentiles),
            dynamic(&[DIGEST, PERCENTILES, TYPE], |cx, args, n_rows| {
                // The items are dynamic whatever the type that is named.
                percentiles(cx, args.get(..2).unwrap_or_default(), n_rows)
            }),
        ],
    )
    .aliases(&["percentile_array_tdigest"])
    .naming(Naming::Prefix("percentile_tdigest")),
];

type Row<'a> = [Option<Cow<'a, Dynamic>>];

/// The dynamic of each row of all arguments.
fn rows(cx: &Context, args: &[Column], n_rows: usize, body: impl Fn(&Row) -> Option<Dynamic>) -> Result<Column, Fault> {
    each_row::<types::any_dynamic, types::dynamic, _>(cx, args, n_rows, body)
}

fn merge_sketches(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    rows(cx, args, n_rows, |row| {
        let mut sketches = row.iter().flatten().filter_map(|it| Hll::from_dynamic(it));
        let mut all = sketches.next()?;
        sketches.for_each(|it| all.merge(&it));
        Some(all.to_dynamic())
    })
}

fn merge_digests(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    rows(cx, args, n_rows, |row| {
        let mut digests = row.iter().flatten().filter_map(|it| Digest::from_dynamic(it));
        let mut all = digests.next()?;
        digests.for_each(|it| all.merge(&it));
        all.settle();
        Some(all.to_dynamic())
    })
}

fn at(digest: &Digest, percentile: &Dynamic) -> Option<Dynamic> {
    digest.percentile(percentile.as_f64()?).map(|it| digest.dynamic(it))
}

fn percentile(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    rows(cx, args, n_rows, |row| match row {
        [Some(digest), Some(percentile)] => at(&Digest::from_dynamic(digest)?, percentile),
        _ => None,
    })
}

fn percentiles(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    rows(cx, args, n_rows, |row| {
        let digest = Digest::from_dynamic(row.first()?.as_deref()?)?;
        let asked: Vec<Dynamic> = match row {
            [_, Some(it)] if it.as_array().is_some() => it.as_array()?.to_vec(),
            [_, rest @ ..] => rest.iter().map(|it| it.as_deref().cloned().unwrap_or(Dynamic::Null)).collect(),
            [] => return None,
        };
        Some(Dynamic::array(asked.iter().map(|it| at(&digest, it).unwrap_or(Dynamic::Null)).collect()))
    })
}

fn percentile_of_type(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [digests, asked, wanted, ..] = args else { return Err(Fault::new("an argument is missing")) };
    let ty = Type::from_name(&wanted.value(0).text()).unwrap_or(Type::Dynamic);
    let found = percentile(cx, &[digests.clone(), asked.clone()], n_rows)?;
    let mut out = ColumnBuilder::new(ty, n_rows);
    for row in 0..n_rows {
        out.push(&as_type(&found.dynamic(row), ty));
    }
    Ok(out.finish())
}

/// A value of a digest in another type.
fn as_type(value: &Dynamic, ty: Type) -> Value {
    match (ty, value) {
        (_, Dynamic::Null) => Value::null(ty),
        (Type::Real, it) => it.as_f64().map_or(Value::Null, Value::Real),
        (Type::Long, it) => it.as_i64().map_or(Value::Null, Value::Long),
        (Type::Int, it) => it.as_i64().and_then(|it| i32::try_from(it).ok()).map_or(Value::Null, Value::Int),
        (Type::Timespan, Dynamic::Long(it)) => Value::Timespan(*it),
        (Type::Datetime, Dynamic::Long(it)) => Value::Datetime(*it),
        (Type::String, it) => Value::String(it.text().into()),
        (Type::Dynamic, it) => Value::Dynamic(it.clone()),
        (_, it) => it.to_value(),
    }
}
