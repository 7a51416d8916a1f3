//! Every function and aggregate: signature, documentation, examples and kernel in one declaration.
