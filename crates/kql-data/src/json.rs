//! JSON text to dynamic values and back, bounded in depth. serde_json reads; numbers keep whether they are whole.

use crate::{Bag, Decimal, Dynamic, time, value::guid_text};
use serde_json::Value as Json;
use std::fmt::Write;

/// Nesting that is still read.
pub const DEPTH_MAX: usize = 128;

/// Reads a whole JSON text; `None` when it is none, or nested deeper than [`DEPTH_MAX`].
pub fn read(text: &str) -> Option<Dynamic> {
    // serde_json itself refuses nesting beyond 128.
    match serde_json::from_str::<Json>(text) {
        Ok(value) => Some(from_json(&value)),
        // A lone number beyond all floats.
        Err(_) if text.starts_with(|it: char| it == '-' || it.is_ascii_digit()) => {
            Decimal::parse(text).map(Dynamic::Decimal)
        }
        Err(_) => None,
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
