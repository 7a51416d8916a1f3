//! What an operator says of itself.

use super::operators::ParseOperator;

/// A tabular operator: what it is called, how it is written, what it does.
#[derive(Clone, Copy, Debug)]
pub struct OperatorDeclaration {
    /// Its word, and other words for the same.
    pub words: &'static [&'static str],
    /// How it is written. `T` stands for the rows before the pipe, `…` for more of the same, brackets for what may be left out.
    pub syntax: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// An example: a whole query.
    pub query: &'static str,
    /// The rows that the example gives, as JSON objects; or `error: ` and a part of the message.
    pub rows: &'static [&'static str],
    pub(super) parse: ParseOperator,
}

impl OperatorDeclaration {
    /// Its own word, the first of [`Self::words`].
    pub fn name(&self) -> &'static str {
        self.words.first().copied().unwrap_or("")
    }

    /// The declaration of the operator with that word.
    pub fn of(word: &str) -> Option<&'static OperatorDeclaration> {
        super::operators::operators().iter().find(|it| it.words.contains(&word))
    }
}
