//! XML as a dynamic: elements are slots, attributes slots with `@`, text beside them `#text`.

use indexmap::map::Entry;
use kql_data::{Bag, Dynamic, real_text};
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use std::sync::Arc;

crate::functions! {
    /// The value of an XML text: `<e a="1">x<b/></e>` is `{"e": {"@a": "1", "#text": "x", "b": null}}`, equal elements
    /// make an array. Text that is a number's own writing is a number. Null when the text is no XML or longer than 1
    /// MiB.
    ///
    ///     parse_xml("<e>text</e>") => dynamic({"e": "text"})
    ///     parse_xml("<e name='value'>text</e>") => dynamic({"e": {"@name": "value", "#text": "text"}})
    ///     parse_xml("<e><a>x</a><a>y</a><b>118.0</b></e>") => dynamic({"e": {"a": ["x", "y"], "b": 118.0}})
    ///     parse_xml("<e>") => dynamic(null)
    #[naming(FirstArgument)]
    fn parse_xml(xml_text: text) -> dynamic { document(xml_text) }
}

/// Longer texts give null, as the language's documentation says.
const BYTES_MAX: usize = 1 << 20;
/// Deeper elements give null.
const DEPTH_MAX: usize = 128;

/// An element being read.
#[derive(Default)]
struct Element {
    name: String,
    slots: Bag,
    /// A stretch of text that may go on.
    text: String,
}

impl Element {
    /// Text ends where an element begins or ends; without its outer spaces it is a slot.
    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        if !text.is_empty() {
            add(&mut self.slots, "#text".into(), scalar(text));
        }
    }

    fn value(mut self, is_empty: bool) -> Dynamic {
        self.end_text();
        if self.slots.is_empty() {
            return if is_empty { Dynamic::Null } else { Dynamic::string("") };
        }
        match self.slots.get("#text") {
            Some(text) if self.slots.len() == 1 => text.clone(),
            _ => Dynamic::bag(self.slots),
        }
    }
}

/// Adds a slot; a second one of that name makes an array.
fn add(slots: &mut Bag, key: Arc<str>, value: Dynamic) {
    match slots.entry(key) {
        Entry::Vacant(it) => _ = it.insert(value),
        Entry::Occupied(mut it) => {
            let mut items = match it.get() {
                Dynamic::Array(items) => items.to_vec(),
                one => vec![one.clone()],
            };
            items.push(value);
            _ = it.insert(Dynamic::array(items));
        }
    }
}

/// A number, where its text is exactly how the number is written; a string otherwise.
fn scalar(text: &str) -> Dynamic {
    if let Some(whole) = text.parse::<i64>().ok().filter(|it| it.to_string() == text) {
        return Dynamic::Long(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && real_text(number) == text => Dynamic::Real(number),
        _ => Dynamic::string(text),
    }
}

fn document(text: &str) -> Option<Dynamic> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = Bag::default();
    loop {
        let event = reader.read_event().ok()?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX || !root.is_empty() && open.is_empty() {
                    return None;
                }
                open.last_mut().into_iter().for_each(Element::end_text);
                open.push(element(&start)?);
                continue;
            }
            Event::Empty(start) => {
                if !root.is_empty() && open.is_empty() {
                    return None;
                }
                open.last_mut().into_iter().for_each(Element::end_text);
                let element = element(&start)?;
                (element.name.clone(), element.value(true))
            }
            Event::End(_) => {
                let element = open.pop()?;
                (element.name.clone(), element.value(false))
            }
            Event::Text(it) => {
                push_text(&mut open, &it.xml10_content())?;
                continue;
            }
            Event::CData(it) => {
                push_text(&mut open, &it.xml10_content())?;
                continue;
            }
            Event::GeneralRef(it) => {
                let text = match it.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&it.xml10_content())?.to_owned(),
                };
                push_text(&mut open, &text)?;
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let slots = open.last_mut().map_or(&mut root, |it| &mut it.slots);
        add(slots, closed.0.into(), closed.1);
    }
    (open.is_empty() && !root.is_empty()).then(|| Dynamic::bag(root))
}

/// Text outside the root element may only be spaces.
fn push_text(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().trim_start_matches('\u{FEFF}').is_empty() => {}
        None => return None,
    }
    Some(())
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let name = start.name().as_ref().to_owned();
    let mut element = Element { name, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let key: &str = attribute.key.as_ref();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        _ = element.slots.insert(format!("@{key}").into(), Dynamic::string(value.as_ref()));
    }
    Some(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        document(text).map_or("null".to_owned(), |it| it.json())
    }

    #[test]
    fn elements_attributes_and_text() {
        assert_eq!(json("<e/>"), r#"{"e":null}"#);
        assert_eq!(json("<e></e>"), r#"{"e":""}"#);
        assert_eq!(json(r#"<e name="value" />"#), r#"{"e":{"@name":"value"}}"#);
        assert_eq!(json("<e> <a>text</a> <b>text</b> </e>"), r#"{"e":{"a":"text","b":"text"}}"#);
        assert_eq!(json("<e> text <a>text</a> </e>"), r##"{"e":{"#text":"text","a":"text"}}"##);
        assert_eq!(
            json("<?xml version='1.0'?><!-- c --><d xmlns='u'><Data Name='x'>3</Data><Data Name='y'>007</Data></d>\n"),
            r##"{"d":{"@xmlns":"u","Data":[{"@Name":"x","#text":3},{"@Name":"y","#text":"007"}]}}"##
        );
        assert_eq!(json("<a><![CDATA[x<y]]> &amp; &#65;&lt;</a>"), r#"{"a":"x<y & A<"}"#);
        assert_eq!(json("<n:a n:b='&quot;1'/>"), r#"{"n:a":{"@n:b":"\"1"}}"#);
    }

    #[test]
    fn what_is_no_xml_gives_null() {
        for wrong in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&nope;</a>", "<a b></a>", "x<a/>", "</a>"] {
            assert_eq!(json(wrong), "null", "{wrong}");
        }
        assert_eq!(json(&"<a>".repeat(100_000)), "null");
        assert_eq!(json(&format!("<a>{}</a>", " ".repeat(BYTES_MAX))), "null");
    }
}
