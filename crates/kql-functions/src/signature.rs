//! Signatures as people read them: `(source: string, start: long) -> string`.

use crate::declare::{Accepts, Constness, Overload, Param, Returns};
use kql_data::Type;

impl Overload {
    /// Parameters and result, without the name.
    pub fn signature(&self) -> String {
        let mut params: Vec<String> = self.params.iter().map(Param::signature).collect();
        if let Some((it, least, _)) = &self.rest {
            let more = if *least == 0 { ("[", "]") } else { ("", "") };
            params.push(format!("{}{}, …{}", more.0, it.signature(), more.1));
        }
        let name = |it: usize| self.params.get(it).map_or("an argument", |it| it.name);
        let returns = match self.returns {
            Returns::Type(ty) => ty.to_string(),
            Returns::Argument(it) => format!("type of {}", name(it)),
            Returns::Common => "common type".to_owned(),
            Returns::Widest => "widest type".to_owned(),
            Returns::TypeLiteral(it) => format!("type that {} names", name(it)),
            Returns::Custom(_) => "type by the arguments".to_owned(),
            Returns::Columns(columns) => {
                let one = |it: &(&str, Type)| format!("{}: {}", it.0, it.1);
                format!("({})", columns.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        };
        format!("({}) -> {returns}", params.join(", "))
    }
}

impl Param {
    /// Name and type.
    pub fn signature(&self) -> String {
        let ty = match self.accepts {
            Accepts::Type(ty) => ty.name(),
            Accepts::Scalar => "scalar",
            Accepts::NotDynamic => "scalar but dynamic",
            Accepts::Number => "number",
            Accepts::Integer => "int|long",
            Accepts::NumberOrBool => "number|bool",
            Accepts::Summable => "number|datetime|timespan",
            Accepts::Orderable => "number|datetime|timespan|string",
            Accepts::StringOrDynamic => "string|dynamic",
            Accepts::Array => "array",
            Accepts::Bag => "bag",
            Accepts::NotRealOrBool => "scalar but real and bool",
            Accepts::TypeLiteral => "typeof(…)",
        };
        let constant = match self.constness {
            Constness::Any => "",
            Constness::Constant => "constant ",
            Constness::Literal | Constness::LiteralNotEmpty => "literal ",
        };
        format!("{}: {constant}{ty}", self.name)
    }
}
