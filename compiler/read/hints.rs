//! Branch hints: custom section `metadata.code.branch_hint`. As every custom section it can't make a module invalid:
//! one that is broken is ignored as a whole, and hints that sit on no branch are never asked for.

use std::collections::HashMap;
use wasmparser::{BinaryReader, BranchHintFunction, BranchHintSectionReader, Result};

/// Which branches are likely, which are not.
#[derive(Debug, Default)]
pub struct BranchHints {
    /// By function: offset in the body and whether the branch is likely taken, in the order of offsets.
    functions: HashMap<u32, Vec<(u32, bool)>>,
}

impl BranchHints {
    /// The section's name.
    pub(super) const SECTION: &'static str = "metadata.code.branch_hint";

    pub(super) fn read(data: &[u8], offset: u64) -> BranchHints {
        let functions = BranchHintSectionReader::new(BinaryReader::new(data, offset))
            .and_then(|functions| functions.into_iter().map(|function| one_function(function?)).collect());
        BranchHints { functions: functions.unwrap_or_default() }
    }

    /// Hints of a function, in the order of the code.
    pub fn function(&self, index: u32) -> &[(u32, bool)] {
        self.functions.get(&index).map_or(&[], |hints| hints)
    }
}

fn one_function(function: BranchHintFunction<'_>) -> Result<(u32, Vec<(u32, bool)>)> {
    let hints = function.hints.into_iter().map(|hint| hint.map(|hint| (hint.func_offset, hint.taken)));
    let mut hints: Vec<_> = hints.collect::<Result<_>>()?;
    hints.sort_unstable();
    Ok((function.func, hints))
}
