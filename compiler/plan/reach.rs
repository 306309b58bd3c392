//! Which functions can run: those that others may call, and what is called or named by what can run. The others are
//! validated like all code, and then left out.

use super::function_of;
use crate::read::{ConstOp, ElementMode, Module};
use wasmparser::ExternalKind;

/// For each function, imported or not. `named[i]`: functions that body `i` calls or takes a reference of.
pub fn reached(module: &Module<'_>, named: &[Vec<u32>]) -> Vec<bool> {
    let mut reached = vec![false; module.functions.len()];
    let mut open = roots(module);
    while let Some(function) = open.pop() {
        // Bodies are not validated yet: some may name functions that don't exist.
        let Some(known @ false) = reached.get_mut(function as usize) else { continue };
        *known = true;
        if let Some(body) = function.checked_sub(module.imported_functions) {
            open.extend(&named[body as usize]);
        }
    }
    reached
}

/// What is there to be called as soon as there is an instance. Code that refers to a function declares it in a segment,
/// which by itself makes no use of it.
fn roots(module: &Module<'_>) -> Vec<u32> {
    let is_function = |kind| matches!(kind, ExternalKind::Func | ExternalKind::FuncExact);
    let exports = module.exports.iter().filter(|e| is_function(e.kind)).map(|e| e.index);
    let segments = module.elements.iter().filter(|e| !matches!(e.mode, ElementMode::Declared));
    let elements = segments.flat_map(|e| &e.items).filter_map(|&item| function_of(item));
    let tables = module.tables.iter().filter_map(|table| function_of(table.init));
    exports.chain(module.start).chain(elements).chain(tables).chain(named_by_globals(module)).collect()
}

/// Functions that globals begin with.
pub fn named_by_globals<'m>(module: &'m Module<'_>) -> impl Iterator<Item = u32> + use<'m> {
    let initial = module.globals.iter().filter_map(|g| g.init.as_ref()).flat_map(|init| &init.0);
    initial.filter_map(|op| if let ConstOp::RefFunc(f) = op { Some(*f) } else { None })
}
