//! Percent-encoding.

use std::borrow::Cow;

crate::functions! {
    /// A text for use in the query of a URL. Spaces become `+`.
    ///
    ///     url_encode("https://www.bing.com/hello world") => "https%3a%2f%2fwww.bing.com%2fhello+world"
    fn url_encode(url: string) -> string { encoded(url, "+") }

    /// A text for use in a URL. Spaces become `%20`.
    ///
    ///     url_encode_component("https://www.bing.com/hello world/") => "https%3a%2f%2fwww.bing.com%2fhello%20world%2f"
    fn url_encode_component(url: string) -> string { encoded(url, "%20") }

    /// The text that was encoded for a URL. `+` is a space; what is not validly encoded stays.
    ///
    ///     url_decode("https%3a%2f%2fwww.bing.com%2f") => "https://www.bing.com/"
    ///     url_decode("a+b%zz") => "a b%zz"
    fn url_decode(encoded_url: string) -> string { decoded(encoded_url) }
}

fn encoded(text: &str, space: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let hex = |it: u8| HEX.get(usize::from(it & 15)).copied().unwrap_or('0');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.extend(['%', hex(byte >> 4), hex(byte)]),
        }
    }
    out
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let digit = |it: u8| char::from(it).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        match (*first, rest) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    bytes = after;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(other),
        }
    }
    String::from_utf8(out).unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(encoded("a b/ž~", "+"), "a+b%2f%c5%be%7e");
        assert_eq!(decoded("a+b%2F%c5%be%7e%"), "a b/ž~%");
        assert_eq!(decoded("%ff%4"), "\u{FFFD}%4");
        assert_eq!(decoded("plain"), "plain");
    }
}
