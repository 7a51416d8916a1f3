//! A line on standard error that shows how far a load or a query is, once it takes longer than half a second.

use std::{
    io::{IsTerminal, Read, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

const DELAY: Duration = Duration::from_millis(500);
/// Characters of the bar.
const BAR: usize = 20;
const TICK: Duration = Duration::from_millis(100);

/// Shows progress until it is dropped; on a terminal only.
pub(crate) struct Progress {
    done: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Of so many bytes; of an unknown amount when 0.
    pub(crate) fn new(label: &str, total: u64, quiet: bool) -> Progress {
        let (done, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = (std::io::stderr().is_terminal() && !quiet).then(|| {
            let (done, ended, label) = (done.clone(), ended.clone(), kql::formats::paint(label).into_owned());
            std::thread::spawn(move || show(&label, total, &done, &ended))
        });
        Progress { done, ended, thread }
    }

    /// The reader, with what is read from it counted.
    pub(crate) fn counted<R: Read>(&self, reader: R) -> Counted<R> {
        Counted { reader, done: self.done.clone() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            _ = thread.join();
        }
    }
}

fn show(label: &str, total: u64, done: &AtomicU64, ended: &AtomicBool) {
    let start = Instant::now();
    let mut shown = false;
    while !ended.load(Ordering::Relaxed) {
        if start.elapsed() >= DELAY {
            shown = true;
            let line = line(label, total, done.load(Ordering::Relaxed), start.elapsed());
            // A line that is folded could not be taken back.
            let width = crate::output::terminal_size().map_or(80, |it| it.0);
            let line: String = line.chars().take(width - 1).collect();
            _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
        std::thread::park_timeout(TICK);
    }
    if shown {
        _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

fn line(label: &str, total: u64, done: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if total == 0 {
        // How much is left is not known: something moves.
        let (size_of, at) = (BAR / 5, (seconds * 10.0) as usize % (2 * BAR));
        let at = if at < BAR { at } else { 2 * BAR - at }.min(BAR - size_of);
        let bar = format!("{}{}{}", "░".repeat(at), "█".repeat(size_of), "░".repeat(BAR - size_of - at));
        let read = if done > 0 { format!("  {}", size(done)) } else { String::new() };
        return format!("{label} {bar}{read}  {seconds:.1} s");
    }
    let part = (done as f64 / total as f64).clamp(0.0, 1.0);
    let full = (part * BAR as f64) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
    format!("{label} {bar} {:3.0} %  {}  {seconds:.1} s", part * 100.0, size(done))
}

/// Bytes with a unit.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} kB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2} GB", bytes as f64 / 1_073_741_824.0),
    }
}

/// A reader that counts.
pub(crate) struct Counted<R> {
    reader: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(out)?;
        _ = self.done.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.reader.seek(to)
    }
}
