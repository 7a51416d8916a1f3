//! Punycode (RFC 3492), and domain names written in it. Letters keep their case, and no name is normalised.

crate::functions! {
    /// A text in punycode, without `xn--`.
    ///
    ///     punycode_from_string("académie-française") => "acadmie-franaise-npb1a"
    fn punycode_from_string(source: string) -> string { encode(source).unwrap_or_default() }

    /// The text that punycode stands for; "" when it is not valid.
    ///
    ///     punycode_to_string("acadmie-franaise-npb1a") => "académie-française"
    fn punycode_to_string(encoded: string) -> string { decode(encoded).unwrap_or_default() }

    /// A domain name with each label in punycode that needs it.
    ///
    ///     punycode_domain_to_string("Riðill｡Skáldskaparmál｡org") => "xn--Riill-jta.xn--Skldskaparml-dbbj.org"
    fn punycode_domain_to_string(domain: string) -> string { domain_to_ascii(domain).unwrap_or_default() }

    /// A domain name with each label out of punycode; "" when one is not valid.
    ///
    ///     punycode_domain_from_string("xn--Ge-mia.Bulg.edu") => "Gáe.Bulg.edu"
    fn punycode_domain_from_string(encoded: string) -> string { domain_from_ascii(encoded).unwrap_or_default() }
}

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// Decoding inserts each character into the middle of a list, so its length is bounded: no label comes near.
const CHARS_MAX: usize = 4_096;

fn adapted(delta: u32, n_points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / n_points.max(1);
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE * delta) / (delta + SKEW)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

fn digit(value: u32) -> char {
    char::from_digit(if value < 26 { value + 10 } else { value - 26 }, 36).unwrap_or('a')
}

fn encode(source: &str) -> Option<String> {
    let points: Vec<u32> = source.chars().map(u32::from).collect();
    if points.len() > CHARS_MAX {
        return None;
    }
    let mut out: String = source.chars().filter(char::is_ascii).collect();
    let n_basic = out.len() as u32;
    if n_basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut n_done) = (INITIAL_N, 0u32, INITIAL_BIAS, n_basic);
    while (n_done as usize) < points.len() {
        let next = points.iter().copied().filter(|it| *it >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(n_done + 1)?)?;
        n = next;
        for point in &points {
            if *point < n {
                delta = delta.checked_add(1)?;
            }
            if *point == n {
                let (mut q, mut k) = (delta, BASE);
                loop {
                    let t = threshold(k, bias);
                    if q < t {
                        break;
                    }
                    out.push(digit(t + (q - t) % (BASE - t)));
                    q = (q - t) / (BASE - t);
                    k += BASE;
                }
                out.push(digit(q));
                bias = adapted(delta, n_done + 1, n_done == n_basic);
                delta = 0;
                n_done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

fn decode(encoded: &str) -> Option<String> {
    if !encoded.is_ascii() || encoded.len() > CHARS_MAX {
        return None;
    }
    let (basic, rest) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut n, mut i, mut bias) = (INITIAL_N, 0u32, INITIAL_BIAS);
    let mut digits = rest.chars();
    while let Some(mut next) = digits.next() {
        let (before, mut weight, mut k) = (i, 1u32, BASE);
        loop {
            let value = next.to_digit(36)?;
            let value = if value >= 10 { value - 10 } else { value + 26 };
            i = i.checked_add(value.checked_mul(weight)?)?;
            let t = threshold(k, bias);
            if value < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k = k.checked_add(BASE)?;
            next = digits.next()?;
        }
        let n_points = out.len() as u32 + 1;
        bias = adapted(i - before, n_points, before == 0);
        n = n.checked_add(i / n_points)?;
        i %= n_points;
        out.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

/// The full stop and its ideographic and full-width forms.
const STOPS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

fn domain_to_ascii(domain: &str) -> Option<String> {
    let label = |it: &str| if it.is_ascii() { Some(it.to_owned()) } else { encode(it).map(|it| format!("xn--{it}")) };
    Some(domain.split(STOPS).map(label).collect::<Option<Vec<String>>>()?.join("."))
}

fn domain_from_ascii(encoded: &str) -> Option<String> {
    let label = |it: &str| match it.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("xn--") => decode(it.get(4..)?),
        _ => Some(it.to_owned()),
    };
    Some(encoded.split(STOPS).map(label).collect::<Option<Vec<String>>>()?.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (plain, encoded) in [("艺术", "cqv902d"), ("académie-française", "acadmie-franaise-npb1a"), ("abc", "abc-")]
        {
            assert_eq!(encode(plain).as_deref(), Some(encoded));
            assert_eq!(decode(encoded).as_deref(), Some(plain));
        }
        assert_eq!(
            domain_from_ascii("xn--Ry-lja8c.xn--Jng-uta63a.xn--Bng-9ka.com").as_deref(),
            Some("Rúyì.Jīngū.Bàng.com")
        );
        assert_eq!(
            domain_to_ascii("Lê Lợi。Thuận Thiên。com").as_deref(),
            Some("xn--L Li-gpa4517b.xn--Thun Thin-s4a7194f.com")
        );
    }

    #[test]
    fn bad_input_gives_nothing() {
        assert_eq!(decode("é"), None);
        assert_eq!(decode("99999999"), None);
        assert_eq!(decode("a-!"), None);
        assert_eq!(decode(""), Some(String::new()));
    }
}
