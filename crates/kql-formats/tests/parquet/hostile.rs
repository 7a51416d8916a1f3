//! Files that lie: an error that names the file, never a panic that gets out, and no memory because a header says so.

use super::{read, table, written};
use kql_data::{Fault, Limits, Type, Value, json};
use kql_formats::{LoadError, LoadOptions, Loader, load_bytes};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Cursor,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The largest piece of memory that was asked for.
struct Watching;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator as it came.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        _ = LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

fn sample() -> Vec<u8> {
    let columns = [("s", Type::String), ("n", Type::Long), ("d", Type::Dynamic), ("t", Type::Datetime)];
    let row = |it: i64| {
        let bag = json::read(&format!("{{\"a\":[{it}],\"b\":\"x{}\"}}", it % 3)).unwrap();
        let text = format!("value {}", it % 20);
        vec![Value::String(text.into()), Value::Long(it), Value::Dynamic(bag), Value::Datetime(it * 1_000_000)]
    };
    let (schema, batches) = table(&columns, &(0..300).map(row).collect::<Vec<_>>());
    written(&schema, &batches)
}

fn load(bytes: Vec<u8>, limits: Limits) -> Result<u64, LoadError> {
    let options = LoadOptions { limits, ..LoadOptions::default() };
    load_bytes("logs/bad.parquet", bytes, options).map(|it| it.accounting.rows)
}

fn small() -> Limits {
    Limits { memory: 64 << 20, threads: 1, ..Limits::default() }
}

#[test]
fn a_file_that_is_cut_off_is_told() {
    let bytes = sample();
    assert_eq!(read(bytes.clone(), LoadOptions::default()).accounting.rows, 300);
    for len in (4..bytes.len()).step_by(13) {
        let error = load(bytes[..len].to_vec(), small()).unwrap_err().to_string();
        assert!(error.starts_with("logs/bad.parquet: "), "{error}");
        assert!(error.contains("cut off"), "{error}");
    }
}

#[test]
fn wrong_bytes_are_errors_and_take_no_memory() {
    let bytes = sample();
    // Parquet's own code may panic on the way, which is caught, and which nobody wants to read here.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut seed = 7_u64;
    let mut random = move |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    _ = LARGEST.swap(0, Ordering::Relaxed);
    let (mut n_errors, mut unnamed) = (0, Vec::new());
    for round in 0..6_000 {
        let mut bad = bytes.clone();
        // Two of three rounds go for the footer and for page headers, where lengths are.
        let from = if round % 3 == 0 { 0 } else { bad.len().saturating_sub(900) };
        for _ in 0..1 + random(4) {
            let at = from + random(bad.len() - from);
            bad[at] = [0, 0xFF, 0x7F, 0x80, random(256) as u8][random(5)];
        }
        if let Err(it) = load(bad, small()) {
            // Where the first bytes are hit it is no Parquet file any more, and no other format either.
            let names_it = |it: &str| {
                it.starts_with("logs/bad.parquet: ")
                    || it.starts_with("logs/bad.parquet, line 1, byte 0: this is a binary file")
            };
            unnamed.extend(Some(it.to_string()).filter(|it| !names_it(it)));
            n_errors += 1;
        }
    }
    let largest = LARGEST.load(Ordering::Relaxed);
    std::panic::set_hook(hook);
    assert!(unnamed.is_empty(), "{unnamed:?}");
    assert!(n_errors > 1_000, "{n_errors} errors");
    assert!(largest <= 96 << 20, "{largest} bytes were asked for at once");
}

#[test]
fn limits_hold_and_are_named() {
    let bytes = sample();
    let limit = |limits: Limits| load(bytes.clone(), limits).unwrap_err();
    let error = limit(Limits { memory: 1_000, ..small() });
    assert!(matches!(error.fault, Fault::Limit { name: "memory", limit: 1_000, .. }), "{error}");
    assert!(error.to_string().starts_with("logs/bad.parquet: "), "{error}");
    let error = limit(Limits { decompressed_bytes: 100, ..small() });
    assert!(matches!(error.fault, Fault::Limit { name: "decompressed_bytes", .. }), "{error}");
}

#[test]
fn a_load_that_is_stopped_stops() {
    let options = LoadOptions::default();
    options.stop.cancel();
    let error = load_bytes("t.parquet", sample(), options).unwrap_err();
    assert_eq!(error.fault, Fault::Cancelled);
}

#[test]
fn what_is_no_parquet_says_so() {
    let options = || LoadOptions { format: kql_formats::InputFormat::Parquet, ..LoadOptions::default() };
    let of = |bytes: &[u8]| load_bytes("x.parquet", bytes, options()).unwrap_err().to_string();
    assert_eq!(of(b"{\"a\":1}\n{\"a\":2}\n"), "x.parquet: no Parquet file: it does not begin with `PAR1`");
    assert!(of(b"PAR1").contains("cut off"));
    assert!(of(b"PAR1\xFF\xFF\xFF\x7FPAR1").contains("a footer of 2147483647 bytes in a file of 12"));
    let mut encrypted = sample();
    let len = encrypted.len();
    encrypted[len - 1] = b'E';
    assert!(of(&encrypted).contains("encrypted footer"));
}

#[test]
fn after_an_error_the_loader_holds_what_was_read_before() {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add("good.parquet", Box::new(Cursor::new(sample()))).unwrap();
    let mut bad = sample();
    // In the middle of the pages.
    bad[100..400].fill(0xFF);
    _ = loader.add("bad.parquet", Box::new(Cursor::new(bad))).unwrap_err();
    let loaded = loader.finish().unwrap();
    assert_eq!((loaded.table.n_rows(), loaded.accounting.rows), (300, 300));
}
