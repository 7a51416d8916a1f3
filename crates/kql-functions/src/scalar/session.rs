//! What a query asks of its surroundings, and what differs from call to call: chance, cluster, principal, extents.
//!
//! An embedded engine has no cluster, no users and no shards: these functions answer as one local node would.

use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    scalar::operator::{lift, overload},
};
use arrow_array::{Float64Array, Int64Array};
use kql_data::{Boxed, Column, Context, Dynamic, Fault, Tag, Type, Value};

/// A float in [0, 1) from the upper 53 bits.
fn unit_interval(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

fn rand(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let sides = args.first().map(lift::longs).transpose()?;
    let one = |row| {
        let it = unit_interval(cx.random());
        match &sides {
            None => Some(it),
            Some(sides) => match sides.get(row)? {
                // One side, or none, is the interval itself.
                ..=1 => Some(it),
                sides => Some((it * sides as f64).floor()),
            },
        }
    };
    Ok(Column::Real((0..n_rows).map(one).collect::<Float64Array>()))
}

/// A guid of version 4.
fn new_guid(cx: &Context, _: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let one = |_| {
        let bits = u128::from(cx.random()) << 64 | u128::from(cx.random());
        Some(bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    };
    Ok(Column::Guid(Boxed::new((0..n_rows).map(one).collect())))
}

/// Fails with the message at the first row whose condition is not true.
fn assert(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (condition, message) = (lift::arg(args, 0)?, lift::arg(args, 1)?.string_reader());
    for row in 0..n_rows {
        if condition.value(row) != Value::Bool(true) {
            return Err(Fault::coded("SEM0001", format!("assert() has failed with message: '{}'", message.get(row))));
        }
    }
    Ok(Column::constant(Value::Bool(true), Type::Bool, n_rows))
}

fn size_of_dynamic(value: &Dynamic) -> i64 {
    match value {
        Dynamic::Null => 0,
        Dynamic::Bool(_) => 1,
        Dynamic::Guid(_) => 16,
        Dynamic::Long(_) | Dynamic::Real(_) | Dynamic::Datetime(_) | Dynamic::Timespan(_) => 8,
        it => it.text().len() as i64,
    }
}

/// Bytes of the values of a row: fixed for numbers and times, UTF-8 for strings, JSON for dynamics.
fn estimate_data_size(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let mut sizes = vec![0_i64; n_rows];
    for column in args {
        let fixed = match column.ty() {
            Type::Bool => 1,
            Type::Int => 4,
            Type::Long | Type::Real | Type::Datetime | Type::Timespan => 8,
            Type::Guid | Type::Decimal => 16,
            Type::String | Type::Dynamic => 0,
        };
        let texts = column.string_reader();
        for (row, size) in sizes.iter_mut().enumerate() {
            *size += match column {
                _ if column.ty() == Type::String => texts.get(row).len() as i64,
                Column::Shredded(it) if matches!(it.tag(row), Tag::Missing | Tag::Null) => 0,
                _ if column.ty() == Type::Dynamic => size_of_dynamic(&column.dynamic(row)),
                _ => fixed,
            };
        }
    }
    Ok(Column::Long(Int64Array::from(sizes)))
}

/// No record here knows when it was loaded.
fn ingestion_time(_: &Context, _: &[Column], n_rows: usize) -> Result<Column, Fault> {
    Ok(Column::null(Type::Datetime, n_rows))
}

fn no_principal(_: &Context, _: &[Column], n_rows: usize) -> Result<Column, Fault> {
    Ok(Column::constant(Value::Bool(false), Type::Bool, n_rows))
}

fn principal_details() -> Dynamic {
    let slots = [("UserPrincipalName", ""), ("Type", "aaduser"), ("DisplayName", ""), ("ObjectId", ""), ("FQN", "")];
    Dynamic::bag(slots.iter().map(|(key, value)| ((*key).into(), Dynamic::string(*value))).collect())
}

const ANY: Param = Param::new("value", Accepts::Scalar);

const fn variadic(param: Param, ty: Type, max: usize, kernel: crate::Kernel) -> Overload {
    Overload { params: &[], rest: Some((param, 1, max)), returns: Returns::Type(ty), kernel: Some(kernel) }
}

/// Functions with kernels of their own.
pub const OTHERS: &[Function] = &[
    Function::new(
        "rand",
        "A random real in [0, 1), or one of 0.0 to n-1. The seed of the query decides.\n\n    rand() < 1.0 => true\n    \
         rand(10) <= 9.0 => true\n",
        &[
            overload(&[], Type::Real, rand),
            overload(&[Param::new("range", Accepts::Integer).cast(Type::Long)], Type::Real, rand),
        ],
    )
    .volatile(),
    Function::new(
        "new_guid",
        "A random identifier.\n\n    strlen(tostring(new_guid())) => 36\n",
        &[overload(&[], Type::Guid, new_guid)],
    )
    .volatile(),
    Function::new(
        "assert",
        "True where a condition is; the query fails with a message where it is not.\n\n    assert(1 > 0, \"no\") => true\n",
        &[overload(
            &[
                Param::new("condition", Accepts::Type(Type::Bool)).constant(),
                Param::new("message", Accepts::Type(Type::String)).constant(),
            ],
            Type::Bool,
            assert,
        )],
    ),
    Function::new(
        "estimate_data_size",
        "Bytes that the values of a row take.\n\n    estimate_data_size(1, \"1234567890\") => 18\n",
        &[variadic(ANY, Type::Long, 32_767, estimate_data_size)],
    ),
    Function::new(
        "ingestion_time",
        "When the record was loaded, which is not kept: null.\n\n    ingestion_time() => datetime(null)\n",
        &[overload(&[], Type::Datetime, ingestion_time)],
    )
    .naming(crate::declare::Naming::PrefixOnly("$IngestionTime")),
    Function::new(
        "current_principal_is_member_of",
        "Whether the user of a cluster is in one of the groups; here there are none.\n\n    \
         current_principal_is_member_of(\"aadgroup=a@b.c\") => false\n",
        &[variadic(Param::new("group", Accepts::StringOrDynamic), Type::Bool, 64, no_principal)],
    ),
];

crate::functions! {
    /// Where the query runs.
    ///
    ///     current_cluster_endpoint() => "localhost"
    fn current_cluster_endpoint() -> string { "localhost" }

    /// Name of the database in scope.
    ///
    ///     current_database() => "NetDefaultDB"
    fn current_database() -> string { "NetDefaultDB" }

    /// Who runs the query.
    ///
    ///     current_principal() => "aaduser=local"
    fn current_principal() -> string { "aaduser=local" }

    /// What is known of who runs the query.
    ///
    ///     tostring(current_principal_details().Type) => "aaduser"
    fn current_principal_details() -> dynamic { principal_details() }

    /// Name of the node that runs the query.
    ///
    ///     current_node_id() => "local"
    fn current_node_id() -> string { "local" }

    /// The shard of a record; records here are in none, which is the guid of zeros.
    ///
    ///     extent_id() => guid(00000000-0000-0000-0000-000000000000)
    #[aliases("extentid")]
    fn extent_id() -> guid { 0_u128 }

    /// Tags of the shard of a record; there are none.
    ///
    ///     array_length(extent_tags()) => 0
    fn extent_tags() -> dynamic { Dynamic::array(Vec::new()) }

    /// Whether a text has only characters of ASCII.
    ///
    ///     isascii("some string") => true
    ///     isascii("žluť") => false
    fn isascii(value: any_text) -> bool { value.is_ascii() }

    /// Whether a text is valid UTF-8, as every text here is.
    ///
    ///     isutf8("some string") => true
    fn isutf8(value: any_text) -> bool { std::str::from_utf8(value.as_bytes()).is_ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_of_the_seed() {
        let (a, b) = (Context::default(), Context::default());
        let guid = |cx: &Context| new_guid(cx, &[], 2).unwrap();
        assert_eq!(guid(&a).value(0), guid(&b).value(0));
        let text = guid(&a).value(1).text();
        assert_eq!((text.len(), text.as_bytes()[14]), (36, b'4'), "{text}");
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&unit_interval(a.random())));
        }
        assert!(unit_interval(u64::MAX) < 1.0);
    }
}
