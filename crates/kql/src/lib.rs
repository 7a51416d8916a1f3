//! An embedded engine for KQL, the Kusto Query Language.
