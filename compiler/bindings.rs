//! Rust declarations of a module's exports, for hosts in Rust, with the names of the C header. They include well into
//! a `mod` of their own.

use crate::header::{c_name, own_name};
use crate::name::{link_symbol, own_symbol};
use crate::translate::Env;
use std::fmt::Write as _;
use wasmparser::{ExternalKind, FuncType, ValType};

/// What all modules share; palisade.h describes it.
const SHARED: &str = r#"use std::ffi::{c_char, c_void};
#[repr(C)]
pub struct pal_memory { _opaque: [u8; 0] }
#[repr(C)]
pub struct pal_table { _opaque: [u8; 0] }
#[repr(C)]
pub struct pal_tag { _opaque: [u8; 0] }
#[repr(C)]
pub struct pal_snapshot { _opaque: [u8; 0] }
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct pal_v128 { pub bytes: [u8; 16] }
#[repr(C)]
pub struct pal_trap_info {
    pub kind: i32,
    pub message: *const c_char,
    pub memory: i32,
    pub address: u64,
    pub function: *const c_char,
    pub offset: u64,
    pub exit_code: i32,
}
unsafe extern "C" {
    /// Runs f(arg); a trap below it is returned, and nothing of the frames between is dropped.
    pub fn pal_try(f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) -> i32;
    pub fn pal_last_trap() -> *const pal_trap_info;
    pub fn pal_memory_data(memory: *const pal_memory) -> *mut u8;
    pub fn pal_memory_size(memory: *const pal_memory) -> u64;
    pub fn pal_snapshot_free(snapshot: *mut pal_snapshot);
"#;

/// Writes them. The C header says whether all names differ.
pub fn bindings(env: &Env<'_>, name: &str) -> String {
    let mut structs = format!("#[repr(C)]\npub struct {name}_instance {{ _opaque: [u8; 0] }}\n");
    let mut out = String::new();
    let imports: String =
        env.plan.import_modules.iter().enumerate().map(|(at, _)| format!(", import{at}: *mut c_void")).collect();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "    {text}").expect("writing to a string");
    let given: Vec<_> = env.plan.import_modules.iter().map(|m| format!("{:?}", own_name(&m.link_name))).collect();
    line(format_args!("/// Makes an instance; 0, or the trap. Imports in order: [{}].", given.join(", ")));
    line(format_args!("pub fn {}(out: *mut *mut {name}_instance{imports}) -> i32;", own_symbol(name, "instantiate")));
    line(format_args!("pub fn {}(instance: *mut {name}_instance);", own_symbol(name, "free")));
    if env.plan.bytes_are_shared {
        let instance = format!("instance: *mut {name}_instance");
        let bind = own_symbol(name, "bind_memory");
        line(format_args!(
            "/// Puts another memory under a bindable one, while no code of the instance runs; 0, or the pal_status."
        ));
        line(format_args!("pub fn {bind}({instance}, index: u32, memory: *mut pal_memory) -> i32;"));
        line(format_args!("/// Lets the guest bind a memory by its handle."));
        let offer = own_symbol(name, "offer_memory");
        line(format_args!("pub fn {offer}({instance}, memory: *mut pal_memory, handle: *mut i32) -> i32;"));
        line(format_args!("pub fn {}({instance}, handle: i32) -> i32;", own_symbol(name, "withdraw_memory")));
    }
    let (snapshot, restore) = (own_symbol(name, "snapshot"), own_symbol(name, "restore"));
    if !env.is_board {
        line(format_args!("pub fn {snapshot}(instance: *mut {name}_instance, out: *mut *mut pal_snapshot) -> i32;"));
        line(format_args!("pub fn {restore}(instance: *mut {name}_instance, snapshot: *mut pal_snapshot) -> i32;"));
    }
    if env.plan.interrupt_slot.is_some() {
        line(format_args!("/// From any thread: ends what the instance runs, or runs next, once."));
        line(format_args!("pub fn {}(instance: *mut {name}_instance);", own_symbol(name, "interrupt")));
        line(format_args!("/// Takes that back where it has not happened yet."));
        line(format_args!("pub fn {}(instance: *mut {name}_instance);", own_symbol(name, "uninterrupt")));
    }
    for export in &env.module.exports {
        let identifier = c_name(name, export.name);
        let index = export.index as usize;
        let (params, result) = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                function(env.module.function_type(export.index), &identifier, &mut structs)
            }
            ExternalKind::Memory => (String::new(), " -> *mut pal_memory".to_owned()),
            ExternalKind::Table => (String::new(), " -> *mut pal_table".to_owned()),
            ExternalKind::Tag => (String::new(), " -> *mut pal_tag".to_owned()),
            ExternalKind::Global => {
                let global = &env.module.globals[index];
                let access = if global.mutable { "mut" } else { "const" };
                (String::new(), format!(" -> *{access} {}", rust_type(global.ty)))
            }
        };
        line(format_args!("#[link_name = {:?}]", link_symbol(name, export.name)));
        line(format_args!("pub fn {identifier}(instance: *mut {name}_instance{params}){result};"));
    }
    // Attributes of the whole would not survive include!: each declaration may go unused, and is named as C has it.
    let quiet = "#[allow(dead_code, non_camel_case_types, non_snake_case)]\n";
    let module = format!("{SHARED}{out}}}\n{structs}");
    format!(
        "// Module {name:?}, compiled by Palisade.\n{quiet}mod declarations {{\n{module}}}\n#[allow(unused_imports)]\npub use declarations::*;\n"
    )
}

/// Parameters behind the instance, and the result; several results are a struct.
fn function(ty: &FuncType, identifier: &str, structs: &mut String) -> (String, String) {
    let mut params = String::new();
    for (at, &param) in ty.params().iter().enumerate() {
        let pointer = if param == ValType::V128 { "*const " } else { "" };
        write!(params, ", p{at}: {pointer}{}", rust_type(param)).expect("writing to a string");
    }
    match ty.results() {
        [] => (params, String::new()),
        [ValType::V128] => (params + ", result: *mut pal_v128", String::new()),
        [one] => (params, format!(" -> {}", rust_type(*one))),
        many => {
            let fields: Vec<_> =
                many.iter().enumerate().map(|(at, &r)| format!("pub r{at}: {}", rust_type(r))).collect();
            writeln!(structs, "#[repr(C)]\npub struct {identifier}_results {{ {} }}", fields.join(", "))
                .expect("writing to a string");
            (format!("{params}, results: *mut {identifier}_results"), String::new())
        }
    }
}

fn rust_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "pal_v128",
        // A struct of one pointer in C, which is passed as the pointer.
        ValType::Ref(_) => "*mut c_void",
    }
}
