//! What a function declaration is, and the macro that writes most of them.
//!
//! ```text
//! functions! {
//!     /// Length of `source` in characters.
//!     ///
//!     ///     strlen("hello") => 5
//!     fn strlen(source: text) -> long { source.chars().count() as i64 }
//! }
//! ```
//! The block is the signature, the documentation, the test and the vectorised kernel. The body sees one row: `i64`,
//! `f64`, `&str` … and decides by what it returns: `T` always has a value, `Option<T>` may be null, `Result<T, Fault>` may
//! fail. A null argument gives null without a call, unless its type is `maybe<…>`.

pub mod lift;
pub mod re2;
pub mod types;

use crate::resolve::Actual;
use kql_data::{Column, Context, Fault, Type};

/// Runs one overload: columns of equal length in, a column of that many rows out. The number of rows comes last.
pub type Kernel = fn(&Context, &[Column], usize) -> Result<Column, Fault>;

/// Who asks for memory while a kernel runs.
pub const BY: &str = "a function";

/// Kernels look this often whether the query is to stop.
pub const CHECK_ROWS: usize = 256;

/// Which argument types a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// That type, or one that widens to it (int to long, long to real).
    Type(Type),
    /// Any scalar type.
    Scalar,
    /// Any scalar type but dynamic.
    NotDynamic,
    /// int, long, real or decimal.
    Number,
    /// int or long.
    Integer,
    /// A number or bool.
    NumberOrBool,
    /// A number, datetime or timespan.
    Summable,
    /// Whatever can be sorted: any scalar type but dynamic.
    Orderable,
    /// string or dynamic.
    StringOrDynamic,
    /// A dynamic that should hold an array.
    Array,
    /// A dynamic that should hold a bag.
    Bag,
    /// Any scalar type but real and bool.
    NotRealOrBool,
    /// `typeof(…)`.
    TypeLiteral,
}

/// Whether an argument may vary by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constness {
    /// It may.
    Any,
    /// It must be the same for all rows.
    Constant,
    /// It must be a literal.
    Literal,
    /// It must be a literal that is not empty.
    LiteralNotEmpty,
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, for documentation and messages.
    pub name: &'static str,
    /// What it takes.
    pub accepts: Accepts,
    /// The type that the kernel wants; the argument is converted to it first.
    pub cast: Option<Type>,
    /// Whether it may vary.
    pub constness: Constness,
}

impl Param {
    /// A parameter without conversion that may vary.
    pub const fn new(name: &'static str, accepts: Accepts) -> Param {
        Param { name, accepts, cast: None, constness: Constness::Any }
    }

    /// The same, converted to a type before the kernel sees it.
    pub const fn cast(mut self, ty: Type) -> Param {
        self.cast = Some(ty);
        self
    }

    /// The same, required to be constant.
    pub const fn constant(mut self) -> Param {
        self.constness = Constness::Constant;
        self
    }
}

/// Result type of an overload.
#[derive(Clone, Copy, Debug)]
pub enum Returns {
    /// That type.
    Type(Type),
    /// The type of an argument.
    Argument(usize),
    /// The common type of all arguments.
    Common,
    /// The widest number type among the arguments.
    Widest,
    /// The type that a `typeof(…)` argument names; string when it is not there.
    TypeLiteral(usize),
    /// By a rule of its own.
    Custom(fn(&[Actual]) -> Result<Type, Fault>),
    /// Several columns, by suffix and type. The kernel gives a dynamic array of the values.
    Columns(&'static [(&'static str, Type)]),
}

/// How an unnamed column that holds a call is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Column1`, or `print_0`.
    None,
    /// The name of the first argument, if it has one.
    FirstArgument,
    /// `strlen_x`: the function and the first argument's name.
    NameAndFirstArgument,
    /// A prefix and the first argument's name: `list_x`.
    Prefix(&'static str),
    /// The prefix alone: `count_`.
    PrefixOnly(&'static str),
}

/// One way to call a function.
#[derive(Clone, Copy, Debug)]
pub struct Overload {
    /// Parameters that must be there.
    pub params: &'static [Param],
    /// A parameter that may follow, so many times at least and at most.
    pub rest: Option<(Param, usize, usize)>,
    /// Result type.
    pub returns: Returns,
    /// What runs; `None` while only the signature is known.
    pub kernel: Option<Kernel>,
}

/// A function: its names, documentation and overloads.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name. Operators are functions named by their symbol.
    pub name: &'static str,
    /// Other names, obsolete ones among them.
    pub aliases: &'static [&'static str],
    /// What it does; lines with four spaces and `=>` are examples that run as tests.
    pub doc: &'static str,
    /// Its overloads, tried by cost and then in order.
    pub overloads: &'static [Overload],
    /// Name of a column that holds a call of it.
    pub naming: Naming,
    /// Whether two calls with equal arguments may differ (`rand`, `new_guid`).
    pub volatile: bool,
    /// Whether it reads other rows (`prev`, `row_number`): its kernel sees all rows at once, in order.
    pub window: bool,
}

impl Function {
    /// A function with neither aliases nor a name for its column.
    pub const fn new(name: &'static str, doc: &'static str, overloads: &'static [Overload]) -> Function {
        Function { name, aliases: &[], doc, overloads, naming: Naming::None, volatile: false, window: false }
    }

    /// The same with other names.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Function {
        self.aliases = aliases;
        self
    }

    /// The same with a rule for the name of its column.
    pub const fn naming(mut self, naming: Naming) -> Function {
        self.naming = naming;
        self
    }

    /// The same, marked as not repeatable.
    pub const fn volatile(mut self) -> Function {
        self.volatile = true;
        self
    }

    /// The same, marked as reading other rows.
    pub const fn window(mut self) -> Function {
        self.window = true;
        self
    }

    /// Its examples: call and expected value, both KQL expressions.
    pub fn examples(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let lines = self.doc.lines().filter(|it| it.starts_with("     ") || it.starts_with("    "));
        lines.filter_map(|it| it.split_once(" => ")).map(|(call, value)| (call.trim(), value.trim()))
    }
}

/// Declares functions whose kernels are lifted from a body over one row. Gives `pub const FUNCTIONS: &[Function]`.
///
/// Before `fn`, in this order and each optional: doc lines, `#[aliases("other", …)]`, `#[naming(FirstArgument)]`,
/// `#[volatile]`. After the name come one or more overloads `(parameter: type, …) -> type { body }`.
/// The types are those of [`types`]: `long`, `real`, `text`, `regex`, `maybe<long>` … A body over three lines is a named
/// function below the block. A body that needs the [`Context`] names it first: `-> string |cx| { … }`. A parameter must
/// not have the name of a type. An irregular function gives its overloads by hand: `fn strcat = STRCAT;`.
#[macro_export]
macro_rules! functions {
    ($(
        $(#[doc = $doc:expr])*
        $(#[aliases($($alias:literal),+)])?
        $(#[naming($naming:expr)])?
        $(#[volatile $($volatile:lifetime)?])?
        fn $name:ident $(= $overloads:expr;)? $(($($param:ident : $ty:ty),* $(,)?) -> $ret:ty $(|$cx:ident|)? $body:block)*
    )*) => {
        /// The functions that this file declares.
        pub const FUNCTIONS: &[$crate::declare::Function] = &[$({
            const OVERLOADS: &[$crate::declare::Overload] = &[$(
                $crate::overload!(($($param : $ty),*) -> $ret $(|$cx|)? $body)
            ),*];
            #[allow(unused_mut, reason = "only some functions have attributes")]
            let mut function =
                $crate::declare::Function::new(stringify!($name), concat!($($doc, "\n"),*), OVERLOADS);
            $( function.overloads = $overloads; )?
            $( function.aliases = &[$($alias),+]; )?
            $( { use $crate::declare::Naming::*; function.naming = $naming; } )?
            $( function.volatile = true; $( stringify!($volatile); )? )?
            function
        }),*];
    };
}

/// One overload lifted from a body over one row; see [`functions!`]. Usable in hand-written `Function`s too.
#[macro_export]
macro_rules! overload {
    (($($param:ident : $ty:ty),* $(,)?) -> $ret:ty $(|$cx:ident|)? $body:block) => {{
        #[allow(non_camel_case_types, unused_imports, dead_code, reason = "parameters name their types here")]
        mod signature {
            use $crate::declare::types::*;
            $( pub(super) type $param = $ty; )*
            pub(super) type Result_ = $ret;
        }
        const PARAMS: &[$crate::declare::Param] = &[$(
            $crate::declare::Param {
                name: stringify!($param),
                accepts: <signature::$param as $crate::declare::types::Argument>::ACCEPTS,
                cast: <signature::$param as $crate::declare::types::Argument>::CAST,
                constness: <signature::$param as $crate::declare::types::Argument>::CONSTNESS,
            }
        ),*];
        #[allow(unused_variables, unused_mut, unused_assignments, unused_imports, clippy::redundant_closure_call,
            reason = "bodies without parameters, and bodies that use `?`")]
        fn kernel(
            cx: &::kql_data::Context,
            args: &[::kql_data::Column],
            n_rows: usize,
        ) -> Result<::kql_data::Column, ::kql_data::Fault> {
            use $crate::declare::types::{Argument, Output, Produce};
            $( let $cx = cx; )?
            let mut columns = args.iter();
            $( let $param = <signature::$param as Argument>::reader(
                cx, columns.next().ok_or_else(|| ::kql_data::Fault::new("an argument is missing"))?)?; )*
            let mut out = <signature::Result_ as Output>::builder(n_rows);
            let mut held = cx.budget.reserve(0, $crate::declare::BY)?;
            for row in 0..n_rows {
                if row % $crate::declare::CHECK_ROWS == 0 && row > 0 {
                    cx.check()?;
                }
                $( let Some($param) = <signature::$param as Argument>::get(&$param, cx, row)? else {
                    <signature::Result_ as Output>::push_null(&mut out);
                    continue;
                }; )*
                Produce::<signature::Result_>::produce((|| $body)(), &mut out)?;
                // What one batch makes may be far more than what it was made from.
                held.follow(<signature::Result_ as Output>::bytes(&out), $crate::declare::BY)?;
            }
            Ok(<signature::Result_ as Output>::finish(out))
        }
        $crate::declare::Overload {
            params: PARAMS,
            rest: None,
            returns: $crate::declare::Returns::Type(<signature::Result_ as $crate::declare::types::Output>::TYPE),
            kernel: Some(kernel),
        }
    }};
}
