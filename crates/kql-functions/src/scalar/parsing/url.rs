//! URLs and their queries. Nothing is decoded, and no case is changed.

use super::bag_of;
use kql_data::{Bag, Dynamic};

crate::functions! {
    /// The parts of an absolute URL: Scheme, Host, Port, Path, Username, Password, Query Parameters, Fragment. All are
    /// empty when it is none. Query parameters are sorted by name; a name that comes twice has an array.
    ///
    ///     parse_url("https://u:p@h.io:81/a/b?k=v#f").Path => "/a/b"
    ///     parse_url("https://h.io/?b=2&a=1")["Query Parameters"] => dynamic({"a": "1", "b": "2"})
    ///     parse_url("not a url").Host => ""
    #[aliases("parseurl")]
    fn parse_url(url: string) -> dynamic { parts(url) }

    /// The parameters of the query part of a URL, as a bag within a bag.
    ///
    ///     parse_urlquery("k1=v1&k2=v2") => dynamic({"Query Parameters": {"k1": "v1", "k2": "v2"}})
    #[aliases("parseurlquery")]
    fn parse_urlquery(query: string) -> dynamic {
        Dynamic::bag(Bag::from_iter([(PARAMETERS.into(), parameters(query.strip_prefix('?').unwrap_or(query)))]))
    }
}

const PARAMETERS: &str = "Query Parameters";

#[derive(Default)]
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    username: &'a str,
    password: &'a str,
    query: &'a str,
    fragment: &'a str,
}

fn parts(url: &str) -> Dynamic {
    let it = split(url).unwrap_or_default();
    let texts = [
        ("Scheme", it.scheme),
        ("Host", it.host),
        ("Port", it.port),
        ("Path", it.path),
        ("Username", it.username),
        ("Password", it.password),
    ];
    let mut bag = bag_of(texts);
    _ = bag.insert(PARAMETERS.into(), parameters(it.query));
    _ = bag.insert("Fragment".into(), Dynamic::string(it.fragment));
    Dynamic::bag(bag)
}

fn split(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.'));
    if !is_scheme {
        return None;
    }
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (rest, None),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let path = if path == "/" && query.is_none() && fragment.is_none() { "" } else { path };
    let (username, password, place) = match authority.rsplit_once('@') {
        Some((user, place)) => match user.split_once(':') {
            Some((username, password)) => (username, password, place),
            None => ("", "", authority),
        },
        None => ("", "", authority),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => (host, port),
        _ => (place, ""),
    };
    let (query, fragment) = (query.unwrap_or(""), fragment.unwrap_or(""));
    Some(Url { scheme, host, port, path, username, password, query, fragment })
}

fn parameters(query: &str) -> Dynamic {
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    let mut pairs: Vec<(&str, &str)> = pairs.filter(|(key, value)| !key.is_empty() && !value.is_empty()).collect();
    pairs.sort_by_key(|(key, _)| *key);
    let same = pairs.chunk_by(|(a, _), (b, _)| a == b);
    let bag = same.filter_map(|group| match group {
        [] => None,
        [(key, value)] => Some(((*key).into(), Dynamic::string(*value))),
        [(key, _), ..] => {
            Some(((*key).into(), Dynamic::array(group.iter().map(|(_, value)| Dynamic::string(*value)).collect())))
        }
    });
    Dynamic::bag(bag.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> String {
        let parts = parts(url);
        let text = |key: &str| parts.get(key).text();
        let keys = ["Scheme", "Host", "Port", "Path", "Username", "Password", PARAMETERS, "Fragment"];
        keys.map(text).join("|")
    }

    #[test]
    fn urls() {
        assert_eq!(parsed("https://u:p@h.io/x"), "https|h.io||/x|u|p|{}|");
        assert_eq!(parsed("https://u@h.io/x"), "https|u@h.io||/x|||{}|");
        assert_eq!(parsed("https://h.io/p?x=1&y=2&x=3"), r#"https|h.io||/p|||{"x":["1","3"],"y":"2"}|"#);
        assert_eq!(parsed("https://h.io/p?k="), "https|h.io||/p|||{}|");
        assert_eq!(parsed("https://h.io/p?=v"), "https|h.io||/p|||{}|");
        assert_eq!(parsed("https://h.io/"), "https|h.io|||||{}|");
        assert_eq!(parsed("https://h.io/#"), "https|h.io||/|||{}|");
        assert_eq!(parsed("https://h.io/?x=1"), r#"https|h.io||/|||{"x":"1"}|"#);
        assert_eq!(parsed("HTTPS://H.IO/P"), "HTTPS|H.IO||/P|||{}|");
        assert_eq!(parsed("https://[::1]:80/p"), "https|[::1]|80|/p|||{}|");
        assert_eq!(parsed("not a url"), "||||||{}|");
        assert_eq!(parsed("scheme://host?k=v#a?b#c"), r#"scheme|host|||||{"k":"v"}|a?b#c"#);
    }
}
