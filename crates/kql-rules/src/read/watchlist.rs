//! Watchlists out of CSV and JSON files.
