//! Functions that only the binder calls.

use crate::declare::{Accepts, Function, Overload, Param, Returns};
use kql_data::{Column, Context, Dynamic, Fault, Type};

/// All of them.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "wrap",
        "The value as a dynamic, without parsing it.",
        &[Overload {
            params: &[Param::new("value", Accepts::Scalar)],
            rest: None,
            returns: Returns::Type(Type::Dynamic),
            kernel: Some(wrap),
        }],
    ),
    Function::new(
        "list",
        "The values as one array; arrays among them are taken apart.",
        &[Overload {
            params: &[],
            rest: Some((Param::new("value", Accepts::Scalar), 0, 1 << 20)),
            returns: Returns::Type(Type::Dynamic),
            kernel: Some(list),
        }],
    ),
];

fn wrap(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    match args.first() {
        Some(it) if it.ty() == Type::Dynamic => Ok(it.clone()),
        Some(it) => Ok(Column::dynamics((0..n_rows).map(|row| Some(it.dynamic(row))).collect())),
        None => Err(Fault::new("an argument is missing")),
    }
}

fn list(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let row = |row: usize| {
        let mut items = Vec::with_capacity(args.len());
        for arg in args {
            match arg.dynamic(row) {
                Dynamic::Array(inner) => items.extend(inner.iter().cloned()),
                it => items.push(it),
            }
        }
        Some(Dynamic::array(items))
    };
    Ok(Column::dynamics((0..n_rows).map(row).collect()))
}
