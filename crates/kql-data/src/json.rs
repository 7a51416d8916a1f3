//! JSON text to dynamic values and back, bounded in depth. serde_json reads; numbers keep whether they are whole.

use crate::{Bag, Decimal, Dynamic, Set, time, value::guid_text};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::{fmt::Write, sync::Arc};

/// Nesting that is still read.
pub const DEPTH_MAX: usize = 128;

/// Reads a whole JSON text; `None` when it is none, or nested deeper than [`DEPTH_MAX`].
pub fn read(text: &str) -> Option<Dynamic> {
    Reader::default().read(text)
}

/// Reads many JSON texts: those of a column, which have the same few keys.
#[derive(Debug, Default)]
pub struct Reader {
    keys: Set<Arc<str>>,
}

/// Keys that a reader keeps.
const KEYS_MAX: usize = 1_024;

impl Reader {
    /// Reads a whole JSON text; `None` when it is none, or nested deeper than [`DEPTH_MAX`].
    pub fn read(&mut self, text: &str) -> Option<Dynamic> {
        // serde_json itself refuses nesting beyond 128.
        let mut json = serde_json::Deserializer::from_str(text);
        match self.deserialize(&mut json).and_then(|it| json.end().map(|()| it)) {
            Ok(value) => Some(value),
            // A lone number beyond all floats.
            Err(_) if is_number(text) => Decimal::parse(text).map(Dynamic::Decimal),
            Err(_) => None,
        }
    }

    fn key(&mut self, key: &str) -> Arc<str> {
        if let Some(known) = self.keys.get(key) {
            return known.clone();
        }
        let new: Arc<str> = key.into();
        if self.keys.len() < KEYS_MAX {
            _ = self.keys.insert(new.clone());
        }
        new
    }
}

/// Whether a text starts as numbers do in JSON: with a digit, and with no zero before others.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match (digits.first(), digits.get(1)) {
        (Some(b'0'), Some(next)) => !next.is_ascii_digit(),
        (Some(first), _) => first.is_ascii_digit(),
        (None, _) => false,
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Dynamic;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Dynamic, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Dynamic;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Dynamic, E> {
        Ok(Dynamic::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Dynamic, E> {
        Ok(Dynamic::Long(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Dynamic, E> {
        Ok(match i64::try_from(it) {
            Ok(it) => Dynamic::Long(it),
            Err(_) => Decimal::parse(&it.to_string()).map_or(Dynamic::Null, Dynamic::Decimal),
        })
    }

    fn visit_f64<E>(self, it: f64) -> Result<Dynamic, E> {
        Ok(Dynamic::Real(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<Dynamic, E> {
        Ok(Dynamic::string(it))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Dynamic, A::Error> {
        let mut items = Vec::new();
        while let Some(it) = json.next_element_seed(&mut *self)? {
            items.push(it);
        }
        Ok(Dynamic::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Dynamic, A::Error> {
        let mut slots = Bag::default();
        while let Some(key) = json.next_key_seed(KeyOf(&mut *self))? {
            let value = json.next_value_seed(&mut *self)?;
            // Of a key that stands twice the last value counts, at the first place.
            _ = slots.insert(key, value);
        }
        Ok(Dynamic::bag(slots))
    }
}

/// Reads a key.
struct KeyOf<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = Arc<str>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Arc<str>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = Arc<str>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, it: &str) -> Result<Arc<str>, E> {
        Ok(self.0.key(it))
    }
}

/// The dynamic that a JSON value stands for.
pub fn from_json(value: &Json) -> Dynamic {
    match value {
        Json::Null => Dynamic::Null,
        Json::Bool(it) => Dynamic::Bool(*it),
        Json::Number(it) => match it.as_i64() {
            Some(whole) => Dynamic::Long(whole),
            None if it.is_u64() => Decimal::parse(&it.to_string()).map_or(Dynamic::Null, Dynamic::Decimal),
            None => it.as_f64().map_or(Dynamic::Null, Dynamic::Real),
        },
        Json::String(it) => Dynamic::string(it.as_str()),
        Json::Array(items) => Dynamic::array(items.iter().map(from_json).collect()),
        Json::Object(slots) => {
            Dynamic::bag(slots.iter().map(|(key, it)| (key.as_str().into(), from_json(it))).collect::<Bag>())
        }
    }
}

/// Appends compact JSON. NaN and infinities become strings, as the reference prints them.
pub fn write(value: &Dynamic, out: &mut String) {
    match value {
        Dynamic::Null => out.push_str("null"),
        Dynamic::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Dynamic::Long(it) => _ = write!(out, "{it}"),
        Dynamic::Real(it) => write_real(*it, out),
        Dynamic::Decimal(it) => _ = write!(out, "{it}"),
        Dynamic::String(it) => write_string(it, out),
        Dynamic::Datetime(it) => write_string(&time::datetime_text(*it), out),
        Dynamic::Timespan(it) => write_string(&time::timespan_text(*it), out),
        Dynamic::Guid(it) => write_string(&guid_text(*it), out),
        Dynamic::Array(items) => {
            out.push('[');
            for (index, it) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(it, out);
            }
            out.push(']');
        }
        Dynamic::Bag(bag) => {
            out.push('{');
            for (index, (key, it)) in bag.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(it, out);
            }
            out.push('}');
        }
    }
}

/// Appends a float as JSON.
pub fn write_real(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        out.push_str(&crate::real_text(value));
    }
}

/// Appends a quoted JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|it| it < 0x20 || it == b'"' || it == b'\\') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let special = tail.bytes().next().unwrap_or(0);
        match special {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x8 => out.push_str("\\b"),
            0xC => out.push_str("\\f"),
            it => _ = write!(out, "\\u{it:04x}"),
        }
        rest = tail.get(1..).unwrap_or("");
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_through_a_tree_of_values() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let texts = [
            "null",
            "true",
            " 1 ",
            "-0",
            "-0.0",
            "1e400",
            "-1e400",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "1.0",
            "1e2",
            "\"a\\u00e9\\n\"",
            "\"\\ud800\"",
            "[]",
            "{}",
            "[1,]",
            r#"{"a":1,"b":2,"a":{"c":[null,"x"]}}"#,
            r#"{"":0}"#,
            "{1:2}",
            "1 2",
            "",
            " ",
            "abc",
            "[1",
            "-",
            "01",
            "NaN",
            r#"{"a":1e400}"#,
        ];
        let mut reader = Reader::default();
        for text in texts.iter().map(|it| (*it).to_owned()).chain([deep(127), deep(128), deep(129)]) {
            let tree = serde_json::from_str::<Json>(&text).ok().map(|it| from_json(&it));
            // JSON has no number with a zero before other digits.
            let starts_as_number = text.starts_with(|it: char| it == '-' || it.is_ascii_digit()) && text != "01";
            let expected = tree.or_else(|| {
                Some(text.as_str()).filter(|_| starts_as_number).and_then(Decimal::parse).map(Dynamic::Decimal)
            });
            let (found, again) = (read(&text), reader.read(&text));
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
            assert_eq!(format!("{again:?}"), format!("{expected:?}"), "{text}");
        }
    }
}
