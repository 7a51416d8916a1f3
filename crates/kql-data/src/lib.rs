//! Types, values, columns and tables of the engine.
