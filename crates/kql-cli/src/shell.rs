//! placeholder
use crate::{
    options::Options,
    report::{Exit, Report},
};
use kql::Engine;
pub(crate) fn run(_engine: Engine, _options: &Options, _report: &Report) -> Result<(), Exit> {
    Ok(())
}
