//! From KQL text to tokens, syntax tree, bound logical plan and optimised plan.
