//! The list of the modules and exports in an executable, for `palisade.c`. It is assembly, since a C compiler would take
//! longer over it than all the rest takes.

use std::fmt::Write as _;

/// Modules and exports are numbered in the order they are added.
#[derive(Default)]
pub struct List {
    modules: String,
    exports: String,
    export_count: usize,
}

impl List {
    pub fn module(&mut self, name: &str) {
        let [instantiate, free] = ["instantiate", "free"].map(|what| palisade::name::own_symbol(name, what));
        writeln!(self.modules, "\t.quad {instantiate}, {free}").unwrap();
    }

    /// Gives its number.
    pub fn export(&mut self, symbol: &str) -> usize {
        writeln!(self.exports, "\t.quad {symbol}").unwrap();
        self.export_count += 1;
        self.export_count - 1
    }

    /// For the assemblers of all targets.
    pub fn text(&self) -> String {
        let List { modules, exports, .. } = self;
        format!(
            "\t.section .data.rel.ro,\"aw\"\n\t.balign 8\n\t.globl listed_modules, listed_exports\n\
             listed_modules:\n{modules}listed_exports:\n{exports}\t.section .note.GNU-stack,\"\",%progbits\n"
        )
    }
}
