//! The targets of `tests/fuzz` on stable Rust: every input that ever broke something, every seed, and seeds with random damage.
//! `KQL_FUZZ=N` sets the rounds of each target, `KQL_FUZZ_SEED=N` the first. With coverage as a guide, on a nightly toolchain:
//! `cargo fuzz run --fuzz-dir tests/fuzz TARGET`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

#[path = "fuzz/targets.rs"]
mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};
use targets::{TARGETS, Target};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// A seed with some bytes changed, dropped, doubled, or taken from another.
fn damaged(random: &mut Random, seeds: &[&[u8]]) -> Vec<u8> {
    const ODD: &[&[u8]] = &[
        b"\"",
        b"'",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b"(",
        b")",
        b"|",
        b";",
        b"\n",
        b"\0",
        b"\xff",
        b"-",
        b"9999999999999999999",
        b"1e999",
        b"\xe2\x80\xae",
        b"null",
        b",",
    ];
    let mut bytes = seeds[random.below(seeds.len())].to_vec();
    // Files that say where their parts lie would otherwise hardly be read beyond what says it.
    if random.below(2) == 0 {
        overwritten(random, &mut bytes);
        return bytes;
    }
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let to = (at + random.below(24)).min(bytes.len());
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => _ = bytes.drain(at..to),
            2 => {
                let piece = bytes[at..to].to_vec();
                let place = random.below(bytes.len() + 1);
                _ = bytes.splice(place..place, piece);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            4 => bytes.insert(at, random.below(256) as u8),
            5 => _ = bytes.splice(at..at, ODD[random.below(ODD.len())].iter().copied()),
            _ => {
                let other = seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let end = (from + random.below(40)).min(other.len());
                _ = bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
    bytes
}

/// Changes bytes and moves none: near the end, where formats keep their tables, or anywhere.
fn overwritten(random: &mut Random, bytes: &mut [u8]) {
    const ODD: &[u8] = &[0, 1, 0x7f, 0x80, 0xff];
    let Some(last) = bytes.len().checked_sub(1) else { return };
    for _ in 0..=random.below(4) {
        let reach = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(600) };
        let at = last - random.below(reach);
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes[at] = bytes[at].wrapping_sub(1),
            3 => bytes[at] = ODD[random.below(ODD.len())],
            _ => {
                let n_bytes = (1 + random.below(8)).min(bytes.len() - at);
                let from = random.below(bytes.len() - n_bytes + 1);
                bytes.copy_within(from..from + n_bytes, at);
            }
        }
    }
}

fn check(target: &Target, bytes: &[u8], what: &str) {
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    assert!(ran.is_ok(), "{} fails with {what}:\n{:?}", target.name, String::from_utf8_lossy(bytes));
}

#[test]
fn what_broke_something_once_does_no_more() {
    for target in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions").join(target.name);
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            check(target, &fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

#[test]
fn damaged_seeds_do_no_harm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let first = number("KQL_FUZZ_SEED").unwrap_or(1);
    for target in TARGETS {
        for seed in target.seeds {
            check(target, seed, "a seed");
        }
        for round in first..first + number("KQL_FUZZ").unwrap_or(60) {
            let bytes = damaged(&mut Random(round), target.seeds);
            check(target, &bytes, &format!("KQL_FUZZ_SEED={round}"));
        }
    }
}
