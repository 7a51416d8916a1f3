//! What every part of a running query gets first: cancellation, clock, seed, memory budget, limits, warnings.

use crate::{Limits, Map, time};
use std::{
    any::Any,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};

/// Why a value, or a whole answer, could not be computed. Carries no place in the query; the plan node adds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A run-time error of the query, with the reference's code where one is known.
    Error {
        /// Such as `SEM0420`.
        code: &'static str,
        /// What is wrong, naming the thing.
        message: String,
    },
    /// A bound was reached: its name in [`Limits`], its value, and what was asked for.
    Limit {
        /// Field of [`Limits`] to raise.
        name: &'static str,
        /// Its value.
        limit: u64,
        /// Who ran into it.
        by: String,
    },
    /// The query was cancelled.
    Cancelled,
    /// The time limit passed.
    Timeout,
    /// Something of the language that is not there yet, by name.
    Unsupported(String),
}

impl Fault {
    /// A run-time error without a known code.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault::Error { code: "GENERAL", message: message.into() }
    }

    /// A run-time error with a code.
    pub fn coded(code: &'static str, message: impl Into<String>) -> Fault {
        Fault::Error { code, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Error { message, .. } => out.write_str(message),
            Fault::Limit { name, limit, by } => {
                write!(out, "{by} reached the limit `{name}` of {limit}; raise it, or ask for less")
            }
            Fault::Cancelled => out.write_str("the query was cancelled"),
            Fault::Timeout => out.write_str("the query ran out of time (limit `time`)"),
            Fault::Unsupported(what) => write!(out, "{what} is not implemented yet"),
        }
    }
}

impl std::error::Error for Fault {}

/// Counts the bytes that a query holds, against one limit. Shared by all its threads.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    limit: Arc<AtomicUsize>,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Budget {
        Budget { used: Arc::default(), limit: Arc::new(AtomicUsize::new(limit)) }
    }

    /// Reserves bytes before they are allocated; given back when the reservation is dropped.
    pub fn reserve(&self, bytes: usize, by: &str) -> Result<Reservation, Fault> {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0 };
        reservation.grow(bytes, by)?;
        Ok(reservation)
    }

    /// Bytes reserved now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Lowers the limit; it is never raised.
    pub fn lower(&self, limit: usize) {
        _ = self.limit.fetch_min(limit, Ordering::Relaxed);
    }
}

/// Bytes held from a [`Budget`].
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Reservation {
    /// Reserves more.
    pub fn grow(&mut self, bytes: usize, by: &str) -> Result<(), Fault> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.budget.limit() {
            self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Fault::Limit { name: "memory", limit: self.budget.limit() as u64, by: by.to_owned() });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Follows something that grows to that many bytes, a good stretch at a time.
    #[inline]
    pub fn follow(&mut self, bytes: usize, by: &str) -> Result<(), Fault> {
        const STRETCH: usize = 1 << 16;
        if bytes <= self.bytes { Ok(()) } else { self.grow(bytes - self.bytes + STRETCH, by) }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets what is held to that many bytes.
    pub fn resize(&mut self, bytes: usize, by: &str) -> Result<(), Fault> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes, by);
        }
        self.budget.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The switch that stops a query from another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>, Option<Arc<AtomicU8>>);

impl Stop {
    /// A switch that this one turns off too, but not the other way round. A child's child hangs on the child alone.
    pub fn child(&self) -> Stop {
        Stop(Arc::default(), Some(self.0.clone()))
    }

    /// Cancels the query.
    pub fn cancel(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Stops the query because its time is over.
    pub fn time_out(&self) {
        _ = self.0.compare_exchange(0, 2, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Fails once the query is to stop.
    pub fn check(&self) -> Result<(), Fault> {
        let parent = || self.1.as_ref().map_or(0, |it| it.load(Ordering::Relaxed));
        match self.0.load(Ordering::Relaxed) {
            0 if parent() == 0 => Ok(()),
            0 => Err(Fault::Cancelled),
            1 => Err(Fault::Cancelled),
            _ => Err(Fault::Timeout),
        }
    }
}

/// What is known of an address.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GeoInfo {
    /// English country name.
    pub country: Option<String>,
    /// First subdivision.
    pub state: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Degrees.
    pub latitude: Option<f64>,
    /// Degrees.
    pub longitude: Option<f64>,
}

/// Where `geo_info_from_ip_address` looks an address up; the host gives one, the engine opens no file.
pub trait Geo: Send + Sync {
    /// What is known of the address; `None` when it is not an address or is not listed.
    fn look_up(&self, address: &str) -> Option<Arc<GeoInfo>>;
}

/// Threads that help the one that runs a query.
pub trait Crew: Send + Sync {
    /// Does so many pieces of work, each once, on this thread and on those that are free; returns when all are done.
    fn share(&self, n_pieces: usize, piece: &(dyn Fn(usize) + Sync));
}

/// Things prepared, by kind and key.
type Cache = Map<(&'static str, String), Arc<dyn Any + Send + Sync>>;

/// The surroundings of one run of a query.
pub struct Context {
    /// `now()` in ticks, fixed for the whole query.
    pub now: i64,
    /// Seed of `rand` and `new_guid`.
    pub seed: u64,
    /// Stops the query.
    pub stop: Stop,
    /// Memory.
    pub budget: Budget,
    /// Bounds.
    pub limits: Limits,
    /// Geographic data, if the host has any.
    pub geo: Option<Arc<dyn Geo>>,
    random: AtomicU64,
    warnings: Mutex<Vec<String>>,
    cache: Mutex<Cache>,
    kept: Mutex<Reservation>,
    crew: OnceLock<Arc<dyn Crew>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Context").field("now", &self.now).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Default for Context {
    /// At 1970-01-01, with default limits: for tests and constant folding.
    fn default() -> Context {
        Context::new(time::UNIX_EPOCH, 1, Stop::default(), Limits::default())
    }
}

impl Context {
    /// A context at that moment.
    pub fn new(now: i64, seed: u64, stop: Stop, limits: Limits) -> Context {
        let budget = Budget::new(limits.memory);
        let (random, warnings, cache) = (AtomicU64::new(seed), Mutex::default(), Mutex::default());
        let kept = Mutex::new(Reservation { budget: budget.clone(), bytes: 0 });
        let crew = OnceLock::new();
        Context { now, seed, stop, budget, limits, geo: None, random, warnings, cache, kept, crew }
    }

    /// Fails once the query is to stop. Called at every batch, and every 4,096 rows in loops that multiply rows.
    pub fn check(&self) -> Result<(), Fault> {
        self.stop.check()
    }

    /// Lets threads help with what is shared from now on; only the first are taken.
    pub fn set_crew(&self, crew: Arc<dyn Crew>) {
        _ = self.crew.set(crew);
    }

    /// Does so many pieces of work, which are worth a thread that is woken for them, and gives their results in order. Other
    /// threads help where there are some.
    pub fn share<R: Send>(
        &self,
        n_pieces: usize,
        piece: impl Fn(usize) -> Result<R, Fault> + Sync,
    ) -> Result<Vec<R>, Fault> {
        let Some(crew) = self.crew.get().filter(|_| n_pieces > 1) else { return (0..n_pieces).map(piece).collect() };
        let results = Mutex::new(Vec::with_capacity(n_pieces));
        crew.share(n_pieces, &|index| {
            let res = piece(index);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, res));
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_unstable_by_key(|it| it.0);
        results.into_iter().map(|it| it.1).collect()
    }

    /// Reserves memory for something that lives as long as the query.
    pub fn keep(&self, bytes: usize, by: &str) -> Result<(), Fault> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).grow(bytes, by)
    }

    /// Bytes that are reserved for as long as the query lives.
    pub fn kept_bytes(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    /// The next number of the query's random sequence (SplitMix64).
    pub fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Says something once in the answer's warnings.
    pub fn warn(&self, message: impl Into<String>) {
        let message = message.into();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < 100 && !warnings.contains(&message) {
            warnings.push(message);
        }
    }

    /// The warnings so far, taken out.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something prepared once a query by kind and key, such as a compiled regular expression. At most 4,096 are kept.
    pub fn cached<T: Any + Send + Sync>(
        &self,
        kind: &'static str,
        key: &str,
        make: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<Arc<T>, Fault> {
        let at = (kind, key.to_owned());
        let found = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&at).cloned();
        if let Some(found) = found.and_then(|it| it.downcast::<T>().ok()) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= 4_096 {
            cache.clear();
        }
        _ = cache.insert(at, made.clone());
        Ok(made)
    }
}
