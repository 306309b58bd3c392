//! The C header of a module: C11 and C++17.

use crate::error::{Error, Result};
use crate::name::{c_identifier, c_part, is_reserved, link_symbol, own_symbol};
use crate::plan::GlobalPlan;
use crate::read::{refers_to_exception, refers_to_function};
use crate::translate::Env;
use crate::{Options, plan::Provider};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use wasmparser::{ExternalKind, FuncType, ValType};

/// Writes the header.
pub fn header(env: &Env<'_>, options: &Options) -> Result<String> {
    let mut header = Header { env, name: &options.name, out: String::new(), names: HashMap::new() };
    header.all()?;
    Ok(header.out)
}

struct Header<'h, 'a> {
    env: &'h Env<'a>,
    name: &'h str,
    out: String,
    /// C identifiers declared so far, with the symbol each stands for.
    names: HashMap<String, String>,
}

impl Header<'_, '_> {
    fn all(&mut self) -> Result<()> {
        let guard = format!("PAL_MODULE_{}_H", self.name);
        let name = self.name;
        self.line(&format!("/* Module \"{name}\", compiled by Palisade. */"));
        self.line(&format!("#ifndef {guard}\n#define {guard}\n#include <palisade.h>\n"));
        self.line("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
        self.line(&format!("struct {name}; /* an instance */"));
        self.import_structs();
        self.instantiate();
        self.exports()?;
        self.imports()?;
        self.line("#ifdef __cplusplus\n}\n#endif\n#endif");
        Ok(())
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn import_structs(&mut self) {
        let mut seen = HashSet::from([self.name.to_owned()]);
        for module in &self.env.plan.import_modules {
            let name = own_name(&module.link_name);
            if seen.insert(name.clone()) {
                let what = match module.provider {
                    Provider::Link => "an import: yours to define",
                    Provider::Wasi => "WASI, from pal_wasi_view()",
                    Provider::Threads => "wasi-threads, from pal_wasi_threads()",
                };
                self.line(&format!("struct {name}; /* {what} */"));
            }
        }
        self.line("");
    }

    fn instantiate(&mut self) {
        let name = self.name;
        let mut params = format!("struct {name} **out");
        let mut used = HashSet::from(["out".to_owned()]);
        for module in &self.env.plan.import_modules {
            let ty = own_name(&module.link_name);
            let mut param = ty.clone();
            while !used.insert(param.clone()) {
                param.push('_');
            }
            write!(params, ", struct {ty} *{param}").expect("writing to a string");
        }
        self.line("/* Makes an instance: memories, tables, segments, the start function. On a trap or a link error *out is NULL");
        self.line(" * and pal_last_trap() says more. Several threads may call it at once. */");
        self.line(&format!("pal_trap {}({params});", own_symbol(name, "instantiate")));
        self.line("/* Drops the instance. What others imported from it, or reach through shared tables, lives on until they are");
        self.line(" * freed too. NULL is fine. */");
        self.line(&format!("void {}(struct {name} *);", own_symbol(name, "free")));
        if !self.env.is_board {
            self.line("/* What it holds at this moment, and going back to that: see Snapshots in palisade.h. */");
            self.line(&format!("pal_status {}(struct {name} *, pal_snapshot **out);", own_symbol(name, "snapshot")));
            self.line(&format!("pal_status {}(struct {name} *, pal_snapshot *);", own_symbol(name, "restore")));
        }
        self.line("");
        if self.env.plan.bytes_are_shared {
            self.bindable();
        }
        if self.env.plan.interrupt_slot.is_some() {
            self.line("/* From any thread: ends what the instance runs, or runs next, with PAL_TRAP_INTERRUPTED, once; and takes that");
            self.line(" * back where it has not happened yet. See palisade.h. */");
            self.line(&format!("void {}(struct {name} *);", own_symbol(name, "interrupt")));
            self.line(&format!("void {}(struct {name} *);\n", own_symbol(name, "uninterrupt")));
        }
    }

    fn bindable(&mut self) {
        let name = self.name;
        self.line("/* Puts another memory under the code that uses a bindable memory, by its index in the module: the instance must");
        self.line(" * not be running, but for the call of an import that this is done in. PAL_E_ARGUMENT: no such memory; PAL_E_STATE:");
        self.line(" * it is not bindable, or the other one is protected to the byte; PAL_E_TYPE: index type or page size differ. */");
        self.line(&format!(
            "pal_status {}(struct {name} *, uint32_t index, pal_memory *);",
            own_symbol(name, "bind_memory")
        ));
        self.line("/* Lets the guest bind a memory by a handle (\"palisade:memory\" \"bind\"), until it is withdrawn or the instance ends. */");
        self.line(&format!(
            "pal_status {}(struct {name} *, pal_memory *, int32_t *handle);",
            own_symbol(name, "offer_memory")
        ));
        self.line(&format!("pal_status {}(struct {name} *, int32_t handle);\n", own_symbol(name, "withdraw_memory")));
    }

    fn exports(&mut self) -> Result<()> {
        let env = self.env;
        for export in &env.module.exports {
            let (module, field) = (self.name.to_owned(), export.name);
            self.entity(&module, &module, field, export.kind, export.index)?;
        }
        Ok(())
    }

    fn imports(&mut self) -> Result<()> {
        let env = self.env;
        let mut seen = HashSet::new();
        for import in env.module.imports.iter().filter(|import| !import.is_builtin()) {
            let module = &env.plan.import_modules[env.plan.import_module(import.module)];
            if module.provider != Provider::Link || !seen.insert((import.module, import.name)) {
                continue;
            }
            self.line("/* Import: define it. */");
            self.entity(&own_name(&module.link_name), &module.link_name, import.name, import.kind, import.index)?;
        }
        Ok(())
    }

    fn entity(&mut self, owner: &str, module: &str, field: &str, kind: ExternalKind, index: u32) -> Result<()> {
        let identifier = c_name(owner, field);
        let label = link_symbol(module, field);
        if let Some(other) = self.names.get(&identifier) {
            // C has fewer names than wasm ("a" "b_c" and "a_b" "c"), and one module's imports may be its own exports.
            return Err(Error::new(format!("the C header would declare {identifier} twice: for {other} and {label}")));
        }
        self.names.insert(identifier.clone(), label.clone());
        let (declaration, ty) = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let ty = self.env.module.function_type(index);
                (function(ty, owner, &identifier), signature(ty))
            }
            ExternalKind::Memory => (format!("pal_memory *{identifier}(struct {owner} *)"), self.memory(index)),
            ExternalKind::Table => (format!("pal_table *{identifier}(struct {owner} *)"), self.table(index)),
            ExternalKind::Global => self.global(owner, &identifier, index),
            ExternalKind::Tag => {
                let carried = type_list(self.env.module.tag_type(index).params());
                (format!("pal_tag *{identifier}(struct {owner} *)"), format!("tag ({carried})"))
            }
        };
        // A name that C can't write is quoted; nothing in it may end the comment.
        let quoted = if c_part(field) == field { String::new() } else { format!("{}: ", comment_text(field)) };
        self.line(&format!("{declaration} PAL_LABEL(\"{label}\"); /* {quoted}{ty} */"));
        Ok(())
    }

    fn memory(&self, index: u32) -> String {
        let (ty, _) = &self.env.module.memories[index as usize];
        let bits = if ty.memory64 { "64-bit " } else { "" };
        let shared = if ty.shared { "shared " } else { "" };
        let page = ty.page_size_log2.filter(|&log2| log2 != 16);
        let page = page.map_or(String::new(), |log2| format!(" of {} bytes", 1u64 << log2));
        format!("{shared}{bits}memory, pages{page}: {}", limits(ty.initial, ty.maximum))
    }

    fn table(&self, index: u32) -> String {
        let ty = &self.env.module.tables[index as usize].ty;
        format!("table of {}, elements: {}", ty.element_type, limits(ty.initial, ty.maximum))
    }

    fn global(&self, owner: &str, identifier: &str, index: u32) -> (String, String) {
        let global = &self.env.module.globals[index as usize];
        debug_assert!(!matches!(self.env.plan.globals[index as usize], GlobalPlan::Constant(_)));
        let (constant, mutable) = if global.mutable { ("", "(mut ") } else { ("const ", "(") };
        let declaration = format!("{constant}{} *{identifier}(struct {owner} *)", c_type(global.ty));
        (declaration, format!("global {mutable}{})", global.ty))
    }
}

/// `owner_field` as a C identifier.
pub fn c_name(owner: &str, field: &str) -> String {
    c_identifier(&format!("{owner}_{}", c_part(field)))
}

/// An import module's name in C; what begins as Palisade's own names gets an underscore.
pub fn own_name(module: &str) -> String {
    let name = c_identifier(module);
    if is_reserved(&name) { name + "_" } else { name }
}

fn limits(minimum: u64, maximum: Option<u64>) -> String {
    match maximum {
        Some(maximum) => format!("{minimum} to {maximum}"),
        None => format!("{minimum} or more"),
    }
}

/// A name of the module in quotes, such that it neither ends a comment nor begins one.
fn comment_text(name: &str) -> String {
    let escaped = |c: char| match c {
        '*' | '\\' | '?' => format!("\\x{:02x}", c as u32),
        c if c.is_ascii_graphic() || c == ' ' => c.into(),
        c if c.is_alphanumeric() => c.into(),
        c => c.escape_default().to_string(),
    };
    format!("\"{}\"", name.chars().map(escaped).collect::<String>())
}

fn signature(ty: &FuncType) -> String {
    format!("({}) -> ({})", type_list(ty.params()), type_list(ty.results()))
}

/// The declaration, behind that of the struct of its results.
fn function(ty: &FuncType, owner: &str, identifier: &str) -> String {
    let mut out = String::new();
    let mut params = format!("struct {owner} *");
    for &param in ty.params() {
        write!(params, ", {}", c_param(param)).expect("writing to a string");
    }
    let result = match ty.results() {
        [] => "void",
        [ValType::V128] => {
            params.push_str(", pal_v128 *");
            "void"
        }
        [one] => c_type(*one),
        many => {
            let fields: String = many.iter().enumerate().map(|(at, &r)| format!(" {} r{at};", c_type(r))).collect();
            // The headers of two modules that the linker joins both have it.
            let guard = format!("PAL_RESULTS_{identifier}");
            write!(out, "#ifndef {guard}\n#define {guard}\nstruct {identifier}_results {{{fields} }};\n#endif\n")
                .expect("writing to a string");
            write!(params, ", struct {identifier}_results *").expect("writing to a string");
            "void"
        }
    };
    out + &format!("{result} {identifier}({params})")
}

fn type_list(types: &[ValType]) -> String {
    types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" ")
}

/// Vectors are passed behind pointers.
fn c_param(ty: ValType) -> &'static str {
    if ty == ValType::V128 { "const pal_v128 *" } else { c_type(ty) }
}

fn c_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "int32_t",
        ValType::I64 => "int64_t",
        ValType::F32 => "float",
        ValType::F64 => "double",
        ValType::V128 => "pal_v128",
        ValType::Ref(r) if refers_to_function(r) => "pal_funcref",
        ValType::Ref(r) if refers_to_exception(r) => "pal_exnref",
        ValType::Ref(_) => "pal_externref",
    }
}
