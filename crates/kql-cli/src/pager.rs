//! Answers that are longer than the terminal go through a pager: `$KQL_PAGER`, else `$PAGER`, else `less -SFRX`.

use crate::interrupt;
use std::{
    io::{self, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

/// Lines below an answer that belong to it: statistics and the prompt.
const LINES_BELOW: usize = 2;

/// The program that shows long answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pager {
    /// Of no environment variable: it need not be there.
    Less,
    /// What a variable says, for the shell of the system.
    Line(String),
}

impl Pager {
    /// As the variables say; `None` when they say `off`, `cat` or nothing.
    fn of(own: Option<String>, common: Option<String>) -> Option<Pager> {
        match own.or(common) {
            None => Some(Pager::Less),
            Some(it) if matches!(it.trim(), "" | "off" | "cat") => None,
            Some(it) => Some(Pager::Line(it)),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = match self {
            Pager::Less => Command::new("less"),
            Pager::Line(line) if cfg!(unix) => {
                let mut command = Command::new("sh");
                _ = command.args(["-c", line]);
                command
            }
            Pager::Line(line) => {
                let mut words = line.split_whitespace();
                let mut command = Command::new(words.next().unwrap_or(""));
                _ = command.args(words);
                command
            }
        };
        if std::env::var_os("LESS").is_none() {
            // Long lines are not folded, one screen is not held up, colours pass, and the text stays when less ends.
            _ = command.env("LESS", "SFRX");
        }
        command.stdin(Stdio::piped()).spawn()
    }
}

/// Standard output of a terminal, through a pager as soon as more is written than the terminal shows.
pub(crate) struct Paged {
    pager: Option<Pager>,
    /// Lines and columns of the terminal.
    lines_max: usize,
    width: usize,
    /// What is held back until it is known to fit, and the lines in it.
    held: Vec<u8>,
    lines: usize,
    running: Option<(Child, Option<ChildStdin>)>,
}

impl Paged {
    /// On a terminal of so many columns and lines.
    pub(crate) fn new(width: usize, height: usize) -> Paged {
        let variable = |name| std::env::var(name).ok();
        let is_dumb = variable("TERM").is_none_or(|it| it == "dumb");
        let pager = Pager::of(variable("KQL_PAGER"), variable("PAGER")).filter(|_| !is_dumb);
        let lines_max = height.saturating_sub(LINES_BELOW).max(1);
        Paged { pager, lines_max, width: width.max(1), held: Vec::new(), lines: 0, running: None }
    }

    /// Lets the pager run until it is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.running.take() {
            Some((mut child, stdin)) => {
                drop(stdin);
                _ = interrupt::lent(|| child.wait());
                Ok(())
            }
            None => self.release(),
        }
    }

    /// Everything that was held back goes to standard output.
    fn release(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.held)?;
        self.held.clear();
        out.flush()
    }

    fn overflow(&mut self) -> io::Result<()> {
        match self.pager.take().map(|it| it.start()) {
            Some(Ok(mut child)) => {
                let stdin = child.stdin.take();
                self.running = Some((child, stdin));
                let held = std::mem::take(&mut self.held);
                self.pass(&held)
            }
            _ => self.release(),
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some((_, Some(stdin))) = &mut self.running else { return Ok(()) };
        match interrupt::lent(|| stdin.write_all(bytes)) {
            // The pager was left before its end.
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {
                if let Some((_, stdin)) = &mut self.running {
                    *stdin = None;
                }
                Ok(())
            }
            other => other,
        }
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.running.is_some() {
            self.pass(bytes)?;
            return Ok(bytes.len());
        }
        self.held.extend_from_slice(bytes);
        for line in bytes.split_inclusive(|it| *it == b'\n') {
            // Bytes are more than columns for other than ASCII: too many lines are counted rather than too few.
            let is_whole = line.ends_with(b"\n");
            self.lines += usize::from(is_whole) + line.len() / (self.width * 4);
        }
        if self.lines > self.lines_max && self.pager.is_some() {
            self.overflow()?;
        } else if self.pager.is_none() {
            self.release()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.running {
            Some((_, Some(stdin))) => match stdin.flush() {
                Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(why),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_pager() {
        let of = |own: Option<&str>, common: Option<&str>| Pager::of(own.map(Into::into), common.map(Into::into));
        assert_eq!(of(None, None), Some(Pager::Less));
        assert_eq!(of(None, Some("most")), Some(Pager::Line("most".to_owned())));
        assert_eq!(of(Some("off"), Some("most")), None);
        assert_eq!(of(Some(""), None), None);
    }
}
