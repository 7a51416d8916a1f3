//! Strings taken apart.

use crate::scalar::bounds;
use kql_data::{Context, Dynamic, Fault};

crate::functions! {
    /// The parts of `source` between delimiters, as an array. With an index the array holds that part alone; null when
    /// there is no such part.
    ///
    ///     split("aa_bb", "_") => dynamic(["aa", "bb"])
    ///     split("a__b", "_") => dynamic(["a", "", "b"])
    ///     split("", "_") => dynamic([""])
    ///     split("aaa_bbb_ccc", "_", 1) => dynamic(["bbb"])
    #[naming(FirstArgument)]
    fn split
        (source: any_text, delimiter: string) -> dynamic |cx| { parts(cx, source, delimiter) }
        (source: any_text, delimiter: string, index: long) -> dynamic { nth(source, delimiter, index) }
}

fn parts(cx: &Context, source: &str, delimiter: &str) -> Result<Dynamic, Fault> {
    if delimiter.is_empty() {
        return Ok(Dynamic::array(vec![Dynamic::string(source)]));
    }
    let most = cx.limits.array_elements.saturating_add(1);
    let parts: Vec<Dynamic> = source.split(delimiter).take(most).map(Dynamic::string).collect();
    bounds::array(cx, parts.len(), "split")?;
    Ok(Dynamic::array(parts))
}

fn nth(source: &str, delimiter: &str, index: i64) -> Option<Dynamic> {
    let index = usize::try_from(index).ok()?;
    let part =
        if delimiter.is_empty() { (index == 0).then_some(source)? } else { source.split(delimiter).nth(index)? };
    Some(Dynamic::array(vec![Dynamic::string(part)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_by_index() {
        assert_eq!(nth("a-b", "-", 1).map(|it| it.json()), Some("[\"b\"]".to_owned()));
        assert_eq!(nth("a-b", "-", 2), None);
        assert_eq!(nth("a-b", "-", -1), None);
    }
}
