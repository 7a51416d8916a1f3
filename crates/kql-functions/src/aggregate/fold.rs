//! Aggregates that are a small state a group, and the macro that declares them.

use super::{Accumulator, AggregateCall, Make, same};
use kql_data::{Column, Context, Fault};
use std::any::Any;

/// A small state a group.
pub trait Fold: Send + 'static {
    /// The state.
    type State: Clone + Send + 'static;
    /// The state of a group without rows.
    fn empty() -> Self::State;
    /// Adds rows.
    fn update(cx: &Context, states: &mut [Self::State], groups: &[u32], args: &[Column]) -> Result<(), Fault>;
    /// Adds a state to another.
    fn merge(state: &mut Self::State, other: Self::State);
    /// The result, one row a group.
    fn finish(states: Vec<Self::State>) -> Result<Column, Fault>;
}

/// The accumulator of a [`Fold`].
pub struct Folded<F: Fold>(Vec<F::State>);

impl<F: Fold> Folded<F> {
    /// Without groups.
    pub fn boxed() -> Box<dyn Accumulator> {
        Box::new(Folded::<F>(Vec::new()))
    }
}

impl<F: Fold> Accumulator for Folded<F> {
    fn resize(&mut self, n_groups: usize) {
        if n_groups > self.0.len() {
            self.0.resize(n_groups, F::empty());
        }
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        F::update(cx, &mut self.0, groups, args)
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        for (other, group) in same::<Folded<F>>(other)?.0.into_iter().zip(groups) {
            if let Some(state) = self.0.get_mut(*group as usize) {
                F::merge(state, other);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![F::finish(self.0)?])
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<F::State>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The accumulator of the overload that a call is of.
pub fn dispatch(makes: &[Make], call: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
    let make = makes.get(call.overload).ok_or_else(|| Fault::new("no such overload"))?;
    make(call)
}

/// Declares aggregates that are a small state a group. Gives `pub const AGGREGATES: &[Aggregate]`.
///
/// Doc lines, then optionally `#[aliases("other", …)]`, `#[conditional(sumif: "query => value")]` (the form with a predicate
/// as last argument, and its example), `#[naming(rule)]` and `#[outputs(rule)]`. After the name come one or more overloads.
/// The types are those of `functions!`; a row with a null argument is not added.
#[macro_export]
macro_rules! aggregates {
    ($(
        $(#[doc = $doc:expr])*
        $(#[aliases($($alias:literal),+)])?
        $(#[conditional($if_name:ident: $if_example:literal)])?
        $(#[naming($naming:expr)])?
        $(#[outputs($outputs:expr)])?
        fn $name:ident $(($($param:ident : $ty:ty),* $(,)?) -> $ret:ty {
            state: $state:ty = $empty:expr;
            add($a:ident) $add:block
            merge($m:ident, $other:ident) $merge:block
            finish($f:ident) $finish:block
        })+
    )*) => {
        /// The aggregates that this file declares with a state a group.
        pub const AGGREGATES: &[&[$crate::aggregate::Aggregate]] = &[$({
            #[allow(unused_imports, reason = "not every aggregate names one")]
            use $crate::{aggregate::{Aggregate, Make, filter, fold}, declare::Overload};
            const OVERLOADS: &[Overload] =
                &[$( $crate::fold_overload!(($($param: $ty),*) -> $ret) ),+];
            #[allow(dead_code, reason = "not every aggregate has the form with a predicate")]
            const IF_OVERLOADS: &[Overload] =
                &[$( $crate::fold_overload!(($($param: $ty),*) -> $ret, filter::PREDICATE) ),+];
            const MAKES: &[Make] = &[$( $crate::fold_make!(($($param: $ty),*) -> $ret {
                state: $state = $empty;
                add($a) $add
                merge($m, $other) $merge
                finish($f) $finish
            }) ),+];
            #[allow(unused_mut, reason = "only some aggregates have attributes")]
            let mut aggregate = Aggregate::new(
                stringify!($name), concat!($($doc, "\n"),*), OVERLOADS, |call| fold::dispatch(MAKES, call));
            $( aggregate.aliases = &[$($alias),+]; )?
            $( { use $crate::declare::Naming::*; aggregate.naming = $naming; } )?
            $( { use $crate::aggregate::Outputs::*; aggregate.outputs = $outputs; } )?
            &[aggregate $(, {
                let mut conditional = Aggregate::new(
                    stringify!($if_name),
                    concat!("`", stringify!($name), "` over the rows for which `predicate` is true.\n\n    ", $if_example),
                    IF_OVERLOADS,
                    |call| filter::filtered(call, call.types.len().wrapping_sub(1), |call| fold::dispatch(MAKES, call)),
                );
                conditional.outputs = aggregate.outputs.renamed(stringify!($if_name));
                conditional
            })?]
        }),*];
    };
}

/// The signature of an overload of [`aggregates!`].
#[doc(hidden)]
#[macro_export]
macro_rules! fold_overload {
    (($($param:ident : $ty:ty),*) -> $ret:ty $(, $predicate:expr)?) => {{
        #[allow(non_camel_case_types, unused_imports, dead_code, reason = "parameters name their types here")]
        mod signature {
            use super::*;
            use $crate::declare::types::*;
            $( pub(super) type $param = $ty; )*
            pub(super) type Result_ = $ret;
        }
        const PARAMS: &[$crate::declare::Param] = &[
            $( $crate::declare::Param {
                name: stringify!($param),
                accepts: <signature::$param as $crate::declare::types::Argument>::ACCEPTS,
                cast: <signature::$param as $crate::declare::types::Argument>::CAST,
                constness: <signature::$param as $crate::declare::types::Argument>::CONSTNESS,
            }, )*
            $( $predicate, )?
        ];
        $crate::declare::Overload {
            params: PARAMS,
            rest: None,
            returns: $crate::declare::Returns::Type(<signature::Result_ as $crate::declare::types::Output>::TYPE),
            kernel: None,
        }
    }};
}

/// What makes the accumulator of an overload of [`aggregates!`].
#[doc(hidden)]
#[macro_export]
macro_rules! fold_make {
    (($($param:ident : $ty:ty),*) -> $ret:ty {
        state: $state:ty = $empty:expr;
        add($a:ident) $add:block
        merge($m:ident, $other:ident) $merge:block
        finish($f:ident) $finish:block
    }) => {{
        #[allow(non_camel_case_types, unused_imports, dead_code, reason = "parameters name their types here")]
        mod signature {
            use super::*;
            use $crate::declare::types::*;
            $( pub(super) type $param = $ty; )*
            pub(super) type Result_ = $ret;
        }
        struct It;
        #[allow(unused_variables, unused_mut, reason = "aggregates without arguments")]
        impl $crate::aggregate::fold::Fold for It {
            type State = $state;
            fn empty() -> $state {
                $empty
            }
            fn update(
                cx: &::kql_data::Context,
                states: &mut [$state],
                groups: &[u32],
                args: &[::kql_data::Column],
            ) -> Result<(), ::kql_data::Fault> {
                use $crate::declare::types::Argument;
                let mut columns = args.iter();
                $( let $param = <signature::$param as Argument>::reader(
                    cx, columns.next().ok_or_else(|| ::kql_data::Fault::new("an argument is missing"))?)?; )*
                for (row, group) in groups.iter().enumerate() {
                    $( let Some($param) = <signature::$param as Argument>::get(&$param, cx, row)? else {
                        continue;
                    }; )*
                    if let Some($a) = states.get_mut(*group as usize) $add
                }
                Ok(())
            }
            fn merge($m: &mut $state, $other: $state) $merge
            fn finish(states: Vec<$state>) -> Result<::kql_data::Column, ::kql_data::Fault> {
                use $crate::declare::types::{Output, Produce};
                let mut out = <signature::Result_ as Output>::builder(states.len());
                for $f in states {
                    Produce::<signature::Result_>::produce($finish, &mut out)?;
                }
                Ok(<signature::Result_ as Output>::finish(out))
            }
        }
        |_: &$crate::aggregate::AggregateCall| Ok($crate::aggregate::fold::Folded::<It>::boxed())
    }};
}
