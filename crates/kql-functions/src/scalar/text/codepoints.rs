//! Strings to and from Unicode code points.

use crate::{
    declare::{
        Accepts, Overload, Param, Returns,
        lift::each_row,
        types::{any_dynamic, string},
    },
    scalar::bounds,
};
use kql_data::{Column, Context, Dynamic, Fault, Type};
use std::borrow::Cow;

const TO_STRING: &[Overload] = &[Overload {
    params: &[],
    rest: Some((Param::new("value", Accepts::Scalar), 1, 32_767)),
    returns: Returns::Type(Type::String),
    kernel: Some(to_string),
}];

crate::functions! {
    /// The code points of a text, as an array.
    ///
    ///     unicode_codepoints_from_string("⒦A") => dynamic([9382, 65])
    #[aliases("to_utf8")]
    fn unicode_codepoints_from_string(value: any_text) -> dynamic |cx| { from_string(cx, value) }

    /// The text of code points, given one by one or in arrays; "" when one of them is none.
    ///
    ///     unicode_codepoints_to_string(75, 117, 115) => "Kus"
    ///     unicode_codepoints_to_string(dynamic([75, 117, 115]), 116, 111) => "Kusto"
    #[aliases("make_string")]
    fn unicode_codepoints_to_string = TO_STRING;
}

fn from_string(cx: &Context, value: &str) -> Result<Dynamic, Fault> {
    bounds::array(cx, super::char_count(value), "unicode_codepoints_from_string")?;
    Ok(Dynamic::array(value.chars().map(|it| Dynamic::Long(i64::from(u32::from(it)))).collect()))
}

fn to_string(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each_row::<any_dynamic, string, _>(cx, args, n_rows, |items| text_of(cx, items))
}

fn text_of(cx: &Context, items: &[Option<Cow<'_, Dynamic>>]) -> Result<String, Fault> {
    let mut out = String::new();
    for item in items {
        let points = match item.as_deref() {
            Some(Dynamic::Array(points)) => points.as_ref(),
            Some(point) => std::slice::from_ref(point),
            None => return Ok(String::new()),
        };
        bounds::string(cx, out.len().saturating_add(points.len()), "unicode_codepoints_to_string")?;
        for point in points {
            let Dynamic::Long(point) = point else { return Ok(String::new()) };
            match u32::try_from(*point).ok().and_then(char::from_u32) {
                Some(it) => out.push(it),
                None => return Ok(String::new()),
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_points_give_nothing() {
        let cx = Context::default();
        let of = |it: Dynamic| text_of(&cx, &[Some(Cow::Owned(it))]);
        assert_eq!(of(Dynamic::Long(0xD800)), Ok(String::new()));
        assert_eq!(of(Dynamic::Long(-1)), Ok(String::new()));
        assert_eq!(of(Dynamic::array(vec![Dynamic::Long(0x10_FFFF), Dynamic::Long(65)])), Ok("\u{10FFFF}A".to_owned()));
        assert_eq!(text_of(&cx, &[None]), Ok(String::new()));
    }
}
