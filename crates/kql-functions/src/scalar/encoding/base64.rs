//! Base64 of texts, byte arrays and guids.

use ::base64::{Engine, engine::general_purpose::STANDARD};
use kql_data::Dynamic;

crate::functions! {
    /// A text in base64.
    ///
    ///     base64_encode_tostring("Kusto") => "S3VzdG8="
    #[aliases("base64_encodestring")]
    fn base64_encode_tostring(source: string) -> string { STANDARD.encode(source) }

    /// The text that base64 stands for; "" when that is not valid, or no UTF-8.
    ///
    ///     base64_decode_tostring("S3VzdG8=") => "Kusto"
    ///     base64_decode_tostring("U3RyaW5n0KHR0tGA0L7Rh9C60LA=") => ""
    #[aliases("base64_decodestring")]
    fn base64_decode_tostring(base64_string: string) -> string {
        STANDARD.decode(base64_string).ok().and_then(|it| String::from_utf8(it).ok())
    }

    /// The bytes that base64 stands for, as an array of numbers; null when it is not valid.
    ///
    ///     base64_decode_toarray("S3VzdG8=") => dynamic([75, 117, 115, 116, 111])
    fn base64_decode_toarray(base64_string: string) -> dynamic {
        let bytes = STANDARD.decode(base64_string).ok()?;
        Some(Dynamic::array(bytes.into_iter().map(|it| Dynamic::Long(it.into())).collect()))
    }

    /// An array of bytes in base64; "" when an item is no byte.
    ///
    ///     base64_encode_fromarray(dynamic([75, 117, 115, 116, 111])) => "S3VzdG8="
    fn base64_encode_fromarray(bytes: array) -> string { bytes_of(&bytes).map(|it| STANDARD.encode(it)) }

    /// The guid that base64 stands for; null when it is not 16 bytes.
    ///
    ///     base64_decode_toguid("JpbpECu8dUy7Pv5gbeJXAA==") => guid(10e99626-bc2b-4c75-bb3e-fe606de25700)
    ///     base64_decode_toguid("abcd1231") => guid(null)
    fn base64_decode_toguid(base64_string: string) -> guid {
        let bytes: [u8; 16] = STANDARD.decode(base64_string).ok()?.try_into().ok()?;
        Some(u128::from_be_bytes(swapped(bytes)))
    }

    /// A guid in base64.
    ///
    ///     base64_encode_fromguid(guid(ae3133f2-6e22-49ae-b06a-16e6a9b212eb)) => "8jMxriJurkmwahbmqbIS6w=="
    fn base64_encode_fromguid(id: guid) -> string { STANDARD.encode(swapped(id.to_be_bytes())) }
}

/// The first three fields of a guid have their bytes in reverse when it is written as bytes.
fn swapped(bytes: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let [i, j, k, l, m, n, o, p] = rest;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

fn bytes_of(array: &Dynamic) -> Option<Vec<u8>> {
    let byte = |it: &Dynamic| match it {
        Dynamic::Long(it) => u8::try_from(*it).ok(),
        _ => None,
    };
    array.as_array()?.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_checked() {
        let array = |it: &str| kql_data::json::read(it).and_then(|it| bytes_of(&it));
        assert_eq!(array("[0,255]"), Some(vec![0, 255]));
        assert_eq!(array("[256]"), None);
        assert_eq!(array("[-1]"), None);
        assert_eq!(array("[1.5]"), None);
        assert_eq!(array("{}"), None);
    }
}
