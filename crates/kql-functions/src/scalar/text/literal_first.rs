//! Regular expressions of the kind that logs are taken apart with: a text, then runs of characters of a class, more texts, as
//! in `status=(\d+)` or `user=([^ ]+) ip=([\d.]+)`. They need no automaton: the first text is searched for, and from there on
//! no step has a choice.

use crate::scalar::operator::needle::{Needle, Place};
use memchr::memmem;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};

/// An expression that begins with a text and never goes back.
#[derive(Debug)]
pub(crate) struct LiteralFirst {
    finder: memmem::Finder<'static>,
    /// The text that it begins with.
    pub(crate) first: Needle,
    first_len: usize,
    steps: Vec<Step>,
    /// By capture group from 1 on, the steps that it spans.
    groups: Vec<(usize, usize)>,
}

#[derive(Debug)]
enum Step {
    Text(Box<str>),
    /// As many characters of a class as there are, at least so many.
    Run(Set, u32),
    /// The end of the text; nothing comes after.
    End,
}

/// The characters of a class.
#[derive(Debug)]
struct Set {
    ascii: [bool; 128],
    class: ClassUnicode,
}

impl Set {
    fn new(class: &Class) -> Option<Set> {
        let Class::Unicode(class) = class else { return None };
        let mut set = Set { ascii: [false; 128], class: class.clone() };
        for range in class.ranges() {
            let inside = u32::from(range.start())..=u32::from(range.end());
            (0..).zip(&mut set.ascii).for_each(|(c, it)| *it |= inside.contains(&c));
        }
        Some(set)
    }

    fn has(&self, c: char) -> bool {
        match self.ascii.get(c as usize) {
            Some(it) => *it,
            None => {
                let ranges = self.class.ranges();
                let at = ranges.partition_point(|it| it.end() < c);
                ranges.get(at).is_some_and(|it| it.start() <= c)
            }
        }
    }

    fn meets(&self, other: &Set) -> bool {
        let mut both = self.class.clone();
        both.intersect(&other.class);
        !both.ranges().is_empty()
    }

    /// Bytes of the characters of the class with which a text begins.
    fn run(&self, text: &str) -> usize {
        let is_in = |it: &&u8| self.ascii.get(usize::from(**it)).is_some_and(|it| *it);
        let len = text.as_bytes().iter().take_while(is_in).count();
        match text.as_bytes().get(len) {
            Some(0x80..) => text.find(|c| !self.has(c)).unwrap_or(text.len()),
            _ => len,
        }
    }
}

/// Steps of an expression at most.
const STEPS_MAX: usize = 16;
/// Bytes that are looked at for one text at most, in multiples of its length: beyond, an automaton is faster.
pub(crate) const LOOKS_MAX: usize = 8;

impl LiteralFirst {
    /// The expression of a pattern; `None` when it is of another kind.
    pub(crate) fn new(pattern: &str) -> Option<LiteralFirst> {
        let mut it = Builder::default();
        it.add(&regex_syntax::parse(pattern).ok()?)?;
        let Builder { mut steps, mut groups } = it;
        let Some(Step::Text(first)) = steps.first() else { return None };
        let finder = memmem::Finder::new(first.as_bytes()).into_owned();
        let (first_len, first) = (first.len(), Needle::new(first, Place::Anywhere, true));
        for pair in steps.windows(2) {
            // A run ends where the next step begins, so that a longer or shorter one never helps.
            let goes_on = match pair {
                [Step::Run(set, _), Step::Text(next)] => next.chars().next().is_none_or(|it| set.has(it)),
                [Step::Run(a, _), Step::Run(b, least)] => *least == 0 || a.meets(b),
                [Step::End, _] => true,
                _ => false,
            };
            if goes_on {
                return None;
            }
        }
        // The first text is found, not compared; a group that begins there cannot be told.
        _ = steps.remove(0);
        for (from, to) in &mut groups {
            (*from, *to) = (from.checked_sub(1)?, to.checked_sub(1)?);
        }
        Some(LiteralFirst { finder, first, first_len, steps, groups })
    }

    /// What a group matched first in a text, as a range of bytes; of group 0 the whole match. `None` when it takes too long
    /// to tell.
    pub(crate) fn find(&self, text: &str, group: usize) -> Option<Option<(usize, usize)>> {
        let mut from = 0;
        let mut left = text.len().saturating_mul(LOOKS_MAX);
        loop {
            let found = text.as_bytes().get(from..).and_then(|it| self.finder.find(it));
            let Some(start) = found.map(|it| from + it) else { return Some(None) };
            let mut at = start;
            if let Some(found) = self.match_at(text, &mut at, group) {
                return Some(Some(found));
            }
            left = left.checked_sub(at - start)?;
            from = start + 1;
        }
    }

    /// The match of a group from a place where the first text stands; `at` goes on as far as was looked.
    pub(crate) fn match_at(&self, text: &str, at: &mut usize, group: usize) -> Option<(usize, usize)> {
        let nowhere = (usize::MAX, usize::MAX);
        let (first, last) = group.checked_sub(1).map_or(nowhere, |it| self.groups.get(it).copied().unwrap_or(nowhere));
        let (mut begin, mut end) = (*at, None);
        *at += self.first_len;
        for (index, step) in self.steps.iter().enumerate() {
            if index == first {
                begin = *at;
            }
            if index == last {
                end = Some(*at);
            }
            let rest = text.get(*at..)?;
            *at += match step {
                Step::Text(it) => rest.starts_with(&**it).then_some(it.len())?,
                Step::End => rest.is_empty().then_some(0)?,
                Step::Run(set, least) => Some(set.run(rest)).filter(|it| *it > 0 || *least == 0)?,
            };
        }
        Some((begin, end.unwrap_or(*at)))
    }
}

#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    groups: Vec<(usize, usize)>,
}

impl Builder {
    /// Recursion is bounded by the parser's own nesting limit.
    fn add(&mut self, hir: &Hir) -> Option<()> {
        if self.steps.len() >= STEPS_MAX {
            return None;
        }
        match hir.kind() {
            HirKind::Literal(it) => {
                self.steps.push(Step::Text(std::str::from_utf8(&it.0).ok()?.into()));
            }
            HirKind::Repetition(it) if it.greedy && it.max.is_none() && it.min <= 1 => match it.sub.kind() {
                HirKind::Class(class) => self.steps.push(Step::Run(Set::new(class)?, it.min)),
                _ => return None,
            },
            HirKind::Capture(it) => {
                let place = self.groups.len();
                self.groups.push((self.steps.len(), 0));
                self.add(&it.sub)?;
                let end = self.steps.len();
                if let Some(group) = self.groups.get_mut(place) {
                    group.1 = end;
                }
            }
            HirKind::Look(Look::End) => self.steps.push(Step::End),
            HirKind::Concat(items) => items.iter().try_for_each(|it| self.add(it))?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERNS: [&str; 22] = [
        r"a=([a-z.]+)$",
        r"a([0-9]*)$",
        r"ab$",
        r"(a)([^=]+$)",
        r"status=(\d+)",
        r"a=(\w+)\s*,",
        r"status=([0-9]+)",
        r"status=([0-9]*)",
        r"user=([^ ]+) ip=([0-9.]+)",
        r"a([^a]+)a",
        r"a([a-z]+)b",
        r"(a)([0-9]+)",
        r"a([0-9]+)([a-z]+)",
        r"a([0-9]*)([a-z]*)",
        r"é=([^,]*),",
        r"a=(x+)",
        r"ab",
        r"a(?:[0-9]+)b([0-9]+)",
        r"aa([^b]+)",
        r"a=((b=)([0-9]+))",
        r"a([^\x00-\x7f]+)",
        r"a=([0-9]+) ",
    ];

    #[test]
    fn finds_what_the_expression_finds() {
        let words = [
            "a", "b", "1", "22", " ", "status=", "user=", " ip=", ".", "é", "é=", ",", "x", "a=", "b=", "aa", "\n",
            "漢", "٣",
        ];
        let mut dice = 99_u64;
        let mut n_fast = 0;
        for pattern in PATTERNS {
            let regex = regex::Regex::new(pattern).unwrap();
            let Some(fast) = LiteralFirst::new(pattern) else { continue };
            n_fast += 1;
            for _ in 0..3_000 {
                let mut text = String::new();
                for _ in 0..8 {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    text.push_str(words[(dice >> 33) as usize % words.len()]);
                }
                let captures = regex.captures(&text);
                for group in 0..=3 {
                    let expected = captures.as_ref().and_then(|it| it.get(group)).map(|it| (it.start(), it.end()));
                    let expected = if group < regex.captures_len() { expected } else { None };
                    let found = if group < regex.captures_len() { fast.find(&text, group).unwrap() } else { None };
                    assert_eq!(found, expected, "{pattern} {group} {text:?}");
                }
            }
        }
        assert!(n_fast >= 16, "{n_fast}");
    }

    #[test]
    fn what_would_take_long_is_given_up() {
        let fast = LiteralFirst::new("a([^b]+)b").unwrap();
        assert_eq!(fast.find(&"a".repeat(100_000), 1), None);
        assert_eq!(fast.find(&format!("{}b", "a".repeat(1_000)), 1), Some(Some((1, 1_000))));
    }

    #[test]
    fn others_are_left_alone() {
        for pattern in [
            r"\d+x",
            r"^a=(\d+)",
            r"a=(\d+)$b",
            r"(?m)a=(\d+)$",
            "a|b",
            "(?i)status=([0-9]+)",
            "a(.+)b",
            r"a=([0-9]+?)x",
            "a[0-9]",
            "",
            "a{2}[0-9]+",
        ] {
            if let Some(it) = LiteralFirst::new(pattern) {
                // Folded to plain texts and runs by the parser, which is as good.
                assert!(pattern == "a{2}[0-9]+", "{pattern} {it:?}");
            }
        }
    }
}
