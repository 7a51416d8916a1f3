//! `range`: a column of equally distant values.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::Op,
    syntax::{Range, Stage},
};
use kql_data::{Schema, Type};
use kql_functions::resolve::widest_number;

pub(super) fn bind(b: &mut Binder<'_>, it: &Range, stage: &Stage) -> Bind<Table> {
    let (from, to) = (b.constant_scalar(it.from)?, b.constant_scalar(it.to)?);
    let step = b.constant_scalar(it.step)?;
    let (a, c, s) = (b.ty(from), b.ty(to), b.ty(step));
    let span = stage.span;
    let (ty, step_ty) = if let Some(ty) = widest_number([a, c, s]) {
        (ty, ty)
    } else if (a, c, s) == (Type::Datetime, Type::Datetime, Type::Timespan) {
        (Type::Datetime, Type::Timespan)
    } else if (a, c, s) == (Type::Timespan, Type::Timespan, Type::Timespan) {
        (Type::Timespan, Type::Timespan)
    } else if [a, c, s].contains(&Type::Dynamic) {
        let known = [a, c].into_iter().find(|it| *it != Type::Dynamic).unwrap_or(Type::Long);
        (known, if known == Type::Datetime { Type::Timespan } else { known })
    } else {
        return b.fail("SEM0027", span, format!("`range` cannot go from {a} to {c} by {s}"));
    };
    let (from, to) = (b.cast(from, ty, span)?, b.cast(to, ty, span)?);
    let step = b.cast(step, step_ty, span)?;
    let schema = Schema::of(&[(&it.name.text, ty)]);
    let table = b.new_table(Op::Range { from, to, step }, schema);
    Ok(Table { serialized: true, ..table })
}
