//! From a function and the types of its arguments to one overload, the conversions it needs and its result type.

use crate::declare::{Accepts, Constness, Function, Overload, Param, Returns};
use kql_data::{Fault, Type, Value};

/// An argument as the binder knows it.
#[derive(Clone, Debug)]
pub struct Actual {
    /// Its type.
    pub ty: Type,
    /// Its value, when it is the same for all rows and already known.
    pub constant: Option<Value>,
    /// Whether it is the same for all rows, though its value may only be known when the query runs.
    pub is_constant: bool,
    /// Whether it is written as a literal (or a name for one).
    pub is_literal: bool,
    /// Whether it is `typeof(…)`; the constant then is the type's name.
    pub is_type: bool,
}

impl Actual {
    /// An argument that varies by row.
    pub fn varying(ty: Type) -> Actual {
        Actual { ty, constant: None, is_constant: false, is_literal: false, is_type: false }
    }

    /// A literal.
    pub fn literal(value: Value, ty: Type) -> Actual {
        Actual { ty, constant: Some(value), is_constant: true, is_literal: true, is_type: false }
    }
}

/// The chosen overload.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its index in [`Function::overloads`].
    pub overload: usize,
    /// For each argument the type to convert it to, if it has another.
    pub casts: Vec<Option<Type>>,
    /// Result type.
    pub ty: Type,
}

/// Cost of giving an argument of one type where another is wanted; `None` when it cannot be.
pub fn widening(from: Type, to: Type) -> Option<u32> {
    Some(match (from, to) {
        (a, b) if a == b => 0,
        (Type::Int, Type::Long) => 1,
        (Type::Int | Type::Long, Type::Real) => 3,
        (Type::Int | Type::Long, Type::Decimal) => 4,
        (Type::Real, Type::Decimal) => 5,
        (Type::Decimal, Type::Real) => 6,
        _ => return None,
    })
}

impl Param {
    /// Cost of an argument for this parameter; `None` when it does not fit.
    fn cost(&self, actual: &Actual) -> Option<u32> {
        use Accepts as A;
        let ty = actual.ty;
        if actual.is_type != (self.accepts == A::TypeLiteral) {
            return None;
        }
        let fits = match self.accepts {
            A::Type(wanted) => return widening(ty, wanted),
            A::TypeLiteral | A::Scalar => true,
            A::NotDynamic => ty != Type::Dynamic,
            A::Number => ty.is_number(),
            A::Integer => ty.is_integer(),
            A::NumberOrBool => ty.is_number() || ty == Type::Bool,
            A::Summable => ty.is_summable(),
            A::Orderable => ty != Type::Dynamic,
            A::StringOrDynamic => matches!(ty, Type::String | Type::Dynamic),
            A::Array | A::Bag => ty == Type::Dynamic,
            A::NotRealOrBool => !matches!(ty, Type::Real | Type::Bool),
        };
        let cast = self.cast.map_or(0, |wanted| widening(ty, wanted).unwrap_or(8));
        fits.then_some(cast + 1)
    }
}

impl Overload {
    /// The parameter of the n-th argument.
    pub fn param(&self, index: usize) -> Option<&Param> {
        self.params.get(index).or(self.rest.as_ref().map(|(param, ..)| param))
    }

    fn takes(&self, count: usize) -> bool {
        let fixed = self.params.len();
        match self.rest {
            None => count == fixed,
            Some((_, min, max)) => count >= fixed + min && count <= fixed + max,
        }
    }

    fn cost(&self, actuals: &[Actual]) -> Option<u32> {
        if !self.takes(actuals.len()) {
            return None;
        }
        actuals.iter().enumerate().map(|(index, it)| self.param(index)?.cost(it)).sum()
    }
}

/// Chooses the overload for those arguments. The error carries the reference's code.
pub fn resolve(function: &Function, actuals: &[Actual]) -> Result<Resolved, Fault> {
    resolve_overload(function.name, function.overloads, actuals)
}

/// The same for the overloads of anything that is called by name.
pub(crate) fn resolve_overload(name: &str, overloads: &[Overload], actuals: &[Actual]) -> Result<Resolved, Fault> {
    if !overloads.iter().any(|it| it.takes(actuals.len())) {
        return Err(Fault::coded("SEM0219", format!("{name}() does not take {} arguments", actuals.len())));
    }
    let best = overloads
        .iter()
        .enumerate()
        .filter_map(|(index, it)| it.cost(actuals).map(|cost| (cost, index, it)))
        // One without a kernel refuses its arguments with an error of its own; any that takes them comes first.
        .min_by_key(|(cost, index, it)| (it.kernel.is_none(), *cost, *index));
    let Some((_, overload, chosen)) = best else {
        let types: Vec<&str> = actuals.iter().map(|it| it.ty.name()).collect();
        let message = format!("{name}() does not accept arguments of type ({})", types.join(", "));
        return Err(Fault::coded("SEM0207", message));
    };
    for (index, actual) in actuals.iter().enumerate() {
        if let Some(param) = chosen.param(index) {
            check_constness(name, param, actual)?;
        }
    }
    let casts = actuals
        .iter()
        .enumerate()
        .map(|(index, it)| chosen.param(index).and_then(|param| param.cast).filter(|wanted| *wanted != it.ty))
        .collect();
    Ok(Resolved { overload, casts, ty: result_type(chosen, actuals)? })
}

fn check_constness(function: &str, param: &Param, actual: &Actual) -> Result<(), Fault> {
    let Param { name, constness, .. } = param;
    let fault = |code, what| Err(Fault::coded(code, format!("{function}(): argument `{name}` must be {what}")));
    match constness {
        Constness::Any => Ok(()),
        Constness::Constant if actual.is_constant => Ok(()),
        Constness::Constant => fault("SEM0040", "a constant"),
        Constness::Literal | Constness::LiteralNotEmpty if !actual.is_literal => fault("SEM0207", "a literal"),
        Constness::LiteralNotEmpty if actual.constant.as_ref().is_some_and(|it| it.text().is_empty()) => {
            fault("SEM0217", "a literal that is not empty")
        }
        _ => Ok(()),
    }
}

fn result_type(overload: &Overload, actuals: &[Actual]) -> Result<Type, Fault> {
    Ok(match overload.returns {
        Returns::Type(ty) => ty,
        Returns::Argument(index) => actuals.get(index).map_or(Type::Dynamic, |it| it.ty),
        Returns::Common => common_type(actuals.iter().map(|it| it.ty)).unwrap_or(Type::Dynamic),
        Returns::Widest => widest_number(actuals.iter().map(|it| it.ty)).unwrap_or(Type::Long),
        Returns::TypeLiteral(index) => match actuals.get(index).and_then(|it| it.constant.as_ref()) {
            Some(Value::String(name)) => Type::from_name(name).unwrap_or(Type::String),
            _ => Type::String,
        },
        Returns::Custom(rule) => rule(actuals)?,
        Returns::Columns(_) => Type::Dynamic,
    })
}

/// The one type that all fit: equal types, or the wider of two numbers; dynamic yields to any other. `None` if there is none.
pub fn common_type(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    let mut found: Option<Type> = None;
    for ty in types {
        found = Some(match found {
            None | Some(Type::Dynamic) => ty,
            Some(it) if it == ty || ty == Type::Dynamic => it,
            Some(it) => widest_number([it, ty])?,
        });
    }
    found
}

/// The widest of number types: int, long, real, decimal. `None` when one is no number.
pub fn widest_number(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    let rank = |ty: Type| [Type::Int, Type::Long, Type::Real, Type::Decimal].iter().position(|it| *it == ty);
    let mut found: Option<(usize, Type)> = None;
    for ty in types {
        let rank = rank(ty)?;
        if found.is_none_or(|(best, _)| rank > best) {
            found = Some((rank, ty));
        }
    }
    found.map(|(_, ty)| ty)
}
