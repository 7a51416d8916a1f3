//! Parameters of operators: `kind=inner`, `hint.strategy=shuffle`, `with (format="csv")`.

use super::{Bind, Binder};
use crate::{
    diagnostic::Span,
    syntax::{self, ExprKind, Literal, Parameter},
};

impl Binder<'_> {
    /// The parameter of that name.
    pub(super) fn parameter<'p>(&self, parameters: &'p [Parameter], name: &str) -> Option<&'p Parameter> {
        parameters.iter().find(|it| it.name.text.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter as a word: a name, a string, a number or a bool as written.
    pub(super) fn word(&mut self, parameter: &Parameter) -> Bind<String> {
        let query = self.query.clone();
        match query.kind(parameter.value) {
            ExprKind::Name(name) => match self.env.find(&name.text) {
                // A let constant may stand for a property's value.
                Some(super::scope::Binding::Scalar(expr)) => {
                    Ok(self.value_of(*expr).map_or_else(|| name.text.clone(), |it| it.text()))
                }
                _ => Ok(name.text.clone()),
            },
            ExprKind::Literal(Literal::String(it)) => Ok(it.clone()),
            ExprKind::Literal(Literal::Bool(Some(it))) => Ok(it.to_string()),
            _ => Ok(query.text_of(query.span(parameter.value)).to_owned()),
        }
    }

    /// A word parameter that must be one of a list; `None` when it is not given.
    pub(super) fn choice(
        &mut self,
        parameters: &[Parameter],
        name: &str,
        choices: &[&'static str],
    ) -> Bind<Option<&'static str>> {
        let Some(parameter) = self.parameter(parameters, name) else { return Ok(None) };
        let word = self.word(parameter)?;
        match choices.iter().find(|it| it.eq_ignore_ascii_case(&word)) {
            Some(it) => Ok(Some(it)),
            None => {
                let message = format!("`{name}` cannot be `{word}`; it is one of {}", choices.join(", "));
                self.fail("SEM0041", parameter.span, message)
            }
        }
    }

    /// The name that a parameter such as `withsource=T` declares.
    pub(super) fn declared_name(&mut self, parameters: &[Parameter], name: &str) -> Bind<Option<String>> {
        match self.parameter(parameters, name) {
            Some(it) => {
                let query = self.query.clone();
                match query.kind(it.value) {
                    ExprKind::Name(name) => Ok(Some(name.text.clone())),
                    _ => self.word(it).map(Some),
                }
            }
            None => Ok(None),
        }
    }

    /// The name of a simple name expression.
    pub(super) fn simple_name(&mut self, id: syntax::ExprId) -> Option<(String, Span)> {
        let query = self.query.clone();
        match query.kind(id) {
            ExprKind::Name(name) => Some((name.text.clone(), name.span)),
            ExprKind::Parenthesized(inner) => self.simple_name(*inner),
            _ => None,
        }
    }
}
