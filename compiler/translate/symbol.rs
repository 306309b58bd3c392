//! How code names other code and data: Cranelift's external names carry a [`Symbol`].

use super::Helper;
use cranelift_codegen::ir::UserExternalName;

/// Something code refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// A defined wasm function, by its index.
    Function(u32),
    /// The second version of a defined function, for instances whose `auto` memories need checks.
    CheckedFunction(u32),
    /// The thunk in front of an imported function, by its index.
    ImportThunk(u32),
    /// The thunk in front of an imported function that the host provides, for callers who know that or have its address.
    HostThunk(u32),
    /// The thunk in front of a runtime helper.
    HelperThunk(Helper),
    /// A runtime helper, in C.
    Helper(Helper),
    /// The C symbol of an imported function, by its index.
    Import(u32),
    /// A static table, by its number: those of the second version of the code come behind the others.
    StaticTable(u32),
    /// The first byte of the module's code.
    Text,
    /// The module's `struct pal_module`.
    Module,
    /// The stub behind tail calls into other instances, by canonical type.
    TailStub(u32),
}

impl Symbol {
    /// As Cranelift's external name.
    pub fn external(self) -> UserExternalName {
        let (namespace, index) = match self {
            Symbol::Function(i) => (0, i),
            Symbol::ImportThunk(i) => (1, i),
            Symbol::HelperThunk(h) => (2, h as u32),
            Symbol::Helper(h) => (3, h as u32),
            Symbol::Import(i) => (4, i),
            Symbol::StaticTable(i) => (5, i),
            Symbol::Text => (6, 0),
            Symbol::Module => (7, 0),
            Symbol::TailStub(ty) => (8, ty),
            Symbol::CheckedFunction(i) => (9, i),
            Symbol::HostThunk(i) => (10, i),
        };
        UserExternalName { namespace, index }
    }

    /// Back from the external name.
    pub fn from_external(name: &UserExternalName) -> Symbol {
        let index = name.index;
        match name.namespace {
            0 => Symbol::Function(index),
            1 => Symbol::ImportThunk(index),
            2 => Symbol::HelperThunk(Helper::ALL[index as usize]),
            3 => Symbol::Helper(Helper::ALL[index as usize]),
            4 => Symbol::Import(index),
            5 => Symbol::StaticTable(index),
            6 => Symbol::Text,
            8 => Symbol::TailStub(index),
            9 => Symbol::CheckedFunction(index),
            10 => Symbol::HostThunk(index),
            _ => Symbol::Module,
        }
    }
}
