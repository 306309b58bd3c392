//! Stage 2: what each memory, table, global and import of a module becomes. Complete before any code is made; nothing
//! later decides it again.

mod builtin;
mod data;
mod describe;
mod inline;
mod layout;
mod memory;
mod reach;
mod rodata;
mod scan;
mod spec;
mod table;

pub use builtin::{ANY_MEMORY, Action, Builtin, Control};
pub use data::{DataPlan, Image};
pub use describe::{Format as PlanFormat, describe};
pub use inline::{Callee, Callees, LOCALS as INLINED_LOCALS};
pub use layout::Layout;
pub use memory::{MemoryMode, MemoryPlan};
pub use spec::{MemorySpec, Virtual, add_memories, all as memory_specs, parse_size};
pub use table::TablePlan;

use crate::error::{Error, Result};
use crate::name;
use crate::read::{ElementItem, ElementMode, Import, Module, refers_to_function};
use scan::Scan;
use std::collections::{HashMap, HashSet};
use wasmparser::{ExternalKind, FuncType, ValType};

/// The decisions for one module.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pinned register is memory 0's base: it is owned by the instance and never moves.
    pub base_pinned: bool,
    /// Where there are two versions of the code (`auto` memories): distance of the context's word that says which one
    /// an instance uses, 0 for guard and 1 for checked.
    pub version_slot: Option<u32>,
    /// Interruptible code: distance of the context's word that it polls.
    pub interrupt_slot: Option<u32>,
    /// One per memory.
    pub memories: Vec<MemoryPlan>,
    /// One per table.
    pub tables: Vec<TablePlan>,
    /// One per global.
    pub globals: Vec<GlobalPlan>,
    /// What is written to memories or may be, in order.
    pub data: Vec<DataPlan>,
    /// One per distinct import module, in order of first import.
    pub import_modules: Vec<ImportModule>,
    /// Imported functions that another module may provide: distance of the word with its code.
    pub import_code: HashMap<u32, u32>,
    /// Those of them that are called where the call is: distance of a second word, see [`MOST_ENTERED`].
    pub import_pinned: HashMap<u32, u32>,
    /// Variables for functions of one type, or never null, that C may write, too: what they hold is checked when it is read.
    pub checked_globals: HashSet<u32>,
    /// Functions that may become references, ascending; their position is the number of their `pal_func`.
    pub funcs: Vec<u32>,
    /// Canonical types in use; their position is the number of their interned type in the context.
    pub types: Vec<u32>,
    /// For each function, imported or not: it can run. There is no code for the others.
    pub reached: Vec<bool>,
    /// Functions that are translated in place of calls to them.
    pub callees: Callees,
    /// Distances of everything in the context.
    pub layout: Layout,
    /// Imported functions that are compiled to what they stand for.
    pub builtins: HashMap<u32, Builtin>,
    /// Memories that others know may be given the bytes of another one of them.
    pub bytes_are_shared: bool,
    /// Some code chooses a memory as it runs.
    pub chosen_memories: bool,
    /// The module becomes a program by itself: nobody else knows its memories.
    pub sealed: bool,
    type_numbers: HashMap<u32, u32>,
    func_numbers: HashMap<u32, u32>,
    data_numbers: HashMap<u32, u32>,
    import_numbers: HashMap<String, usize>,
}

/// Where a global's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalPlan {
    /// Immutable with a value known now (bits).
    Constant(u128),
    /// In the context, at this distance below the pinned register.
    Slot(u32),
    /// The context has a pointer to it at this distance.
    Imported(u32),
}

/// A module that this one imports from.
#[derive(Debug, Clone)]
pub struct ImportModule {
    /// Name in the wasm file.
    pub name: String,
    /// Name in link symbols: the same, or what `--import` says.
    pub link_name: String,
    /// Distance of the context's pointer to it.
    pub slot: u32,
    /// Who provides it.
    pub provider: Provider,
}

/// Who provides an import module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Another module, or the host's C code.
    Link,
    /// The runtime's WASI.
    Wasi,
    /// The runtime's wasi-threads.
    Threads,
}

/// Names of import modules that the runtime provides.
pub const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Makes the plan. `specs` are those of [`memory_specs`]; `imports` renames import modules (`--import MOD=NAME`);
/// `linked`: the modules that this one is linked with, if that is known; `board`: nobody manages pages there; `inline`: how
/// much is inlined, as `-O` levels, 0 for nothing.
pub fn plan(
    module: &Module<'_>,
    specs: &[MemorySpec],
    imports: &[(String, String)],
    linked: Option<&HashSet<String>>,
    interruptible: bool,
    board: bool,
    inline: u8,
) -> Result<Plan> {
    let scan = Scan::of(module)?;
    let mut memories = memory::plan(module, specs, board)?;
    for index in (0..memories.len()).filter(|&i| memories[i].immutable).collect::<Vec<_>>() {
        memories[index].image = data::image(module, &memories, index as u32);
    }
    let builtins = builtin::plan(module, &memories, board)?;
    let tables = table::plan(module, &scan);
    let base_pinned = memories.first().is_some_and(|m| m.mode != MemoryMode::Checked && m.import.is_none());
    let mut layout = Layout::default();
    let globals = plan_globals(module, &mut layout);
    layout.globals_end = layout.context_size;
    let interrupt_slot = interruptible.then(|| layout.slot());
    let version_slot = memories.iter().any(|m| m.auto).then(|| layout.slot());
    let import_modules = plan_import_modules(module, imports, &mut layout);
    if board && import_modules.iter().any(|m| m.provider == Provider::Threads) {
        return Err(Error::new("imports \"wasi\" \"thread-spawn\": there are no threads on boards"));
    }
    let import_code = plan_import_code(module, &import_modules, linked, &mut layout);
    let import_pinned = plan_import_pinned(&import_code, &mut layout);
    let import_numbers = import_modules.iter().enumerate().map(|(at, m)| (m.name.clone(), at)).collect();
    let types = used_types(module);
    let reached = reach::reached(module, &scan.named);
    let funcs = reference_functions(module, &scan, &tables, &reached);
    let data = data::plan(module, &memories, &scan);
    layout.finish(module, types.len(), funcs.len(), data.len());
    let number = |list: &[u32]| list.iter().zip(0..).map(|(&key, at)| (key, at)).collect::<HashMap<_, _>>();
    let (type_numbers, func_numbers) = (number(&types), number(&funcs));
    Ok(Plan {
        base_pinned,
        version_slot,
        interrupt_slot,
        tables,
        globals,
        data_numbers: data_numbers(&data),
        data,
        import_modules,
        import_code,
        import_pinned,
        checked_globals: checked_globals(module),
        funcs,
        types,
        reached,
        callees: inline::plan(module, inline),
        layout,
        bytes_are_shared: memories.iter().any(|m| m.bindable),
        chosen_memories: builtins.values().any(|b| b.memory == ANY_MEMORY),
        builtins,
        memories,
        sealed: false,
        type_numbers,
        func_numbers,
        import_numbers,
    })
}

impl Plan {
    /// Addresses of a memory are i64; of one that is chosen as the code runs: if that is so of any memory.
    pub fn index64(&self, memory: u32) -> bool {
        self.memories.get(memory as usize).map_or_else(|| self.memories.iter().any(|m| m.index64), |m| m.index64)
    }

    /// The plan for the second version of the code, which instances use where address space is short.
    pub fn checked_version(&self) -> Option<Plan> {
        self.version_slot?;
        let memories = self.memories.iter().map(MemoryPlan::checked).collect();
        Some(Plan { memories, ..self.clone() })
    }

    /// Whether each function that the module defines can run.
    pub fn reached_bodies(&self, module: &Module<'_>) -> &[bool] {
        &self.reached[module.imported_functions as usize..]
    }

    /// Number of a canonical type among [`Plan::types`].
    pub fn type_number(&self, canonical: u32) -> u32 {
        self.type_numbers[&canonical]
    }

    /// True if memory 0 is one that the MMU watches, and nobody can keep code from pages of it below its length: not the
    /// host, which does not know it or is Palisade's own, not the guest, not other threads.
    pub fn pages_stay_open(&self) -> bool {
        let Some(memory) = self.memories.first().filter(|m| self.base_pinned && m.mode == MemoryMode::Guard) else {
            return false;
        };
        let controls = |builtin: &Builtin| {
            [0, ANY_MEMORY].contains(&builtin.memory)
                && matches!(builtin.action, Action::Control(_) | Action::MapFile | Action::Bind)
        };
        let special = memory.virtual_pages.is_some() || memory.no_access > 0 || memory.read_only.1 > 0;
        !(special || memory.shared || memory.bindable || memory.immutable || memory.import.is_some())
            && (self.sealed || !memory.exported)
            && !self.builtins.values().any(controls)
    }

    /// Distance of the `pal_func` of a function, if it has one.
    pub fn func_distance(&self, function: u32) -> Option<u32> {
        let number = self.func_number(function)?;
        Some(self.layout.funcs_at - number * crate::context::FUNC_SIZE as u32)
    }

    /// Number of the `pal_func` of a function, if it has one.
    pub fn func_number(&self, function: u32) -> Option<u32> {
        self.func_numbers.get(&function).copied()
    }

    /// Position in [`Plan::data`] of a segment that an instruction names.
    pub fn data_number(&self, segment: u32) -> u32 {
        self.data_numbers[&segment]
    }

    /// Distance of the context's pointer to what provides an imported function.
    pub fn import_slot(&self, module: &Module<'_>, function: u32) -> u32 {
        let number = module.function_import(function).expect("an imported function");
        self.import_modules[self.import_module(module.imports[number as usize].module)].slot
    }

    /// Position of an import module.
    pub fn import_module(&self, name: &str) -> usize {
        self.import_numbers[name]
    }
}

fn data_numbers(data: &[DataPlan]) -> HashMap<u32, u32> {
    let numbered = (0..).zip(data);
    numbered
        .filter_map(|(number, plan)| if let DataPlan::Kept(index) = plan { Some((*index, number)) } else { None })
        .collect()
}

fn plan_globals(module: &Module<'_>, layout: &mut Layout) -> Vec<GlobalPlan> {
    let exported: HashSet<u32> =
        module.exports.iter().filter(|e| e.kind == ExternalKind::Global).map(|e| e.index).collect();
    let mut plans = Vec::new();
    for (index, global) in (0u32..).zip(&module.globals) {
        let constant = global.init.as_ref().filter(|_| !global.mutable && !exported.contains(&index));
        plans.push(match constant.and_then(|init| init.bits()) {
            Some(bits) => GlobalPlan::Constant(bits),
            None if global.import.is_some() => GlobalPlan::Imported(layout.slot()),
            None if global.ty == ValType::V128 => GlobalPlan::Slot(layout.vector_slot()),
            None => GlobalPlan::Slot(layout.slot()),
        });
    }
    plans
}

fn checked_globals(module: &Module<'_>) -> HashSet<u32> {
    let exported = module.exports.iter().filter(|e| e.kind == ExternalKind::Global).map(|e| e.index);
    let imported = module.imports.iter().filter(|i| i.kind == ExternalKind::Global).map(|i| i.index);
    let relied_on = |index: &u32| {
        let global = &module.globals[*index as usize];
        let ValType::Ref(ty) = global.ty else { return false };
        global.mutable && refers_to_function(ty) && !(ty.is_nullable() && ty.is_func_ref())
    };
    exported.chain(imported).filter(relied_on).collect()
}

fn plan_import_modules(module: &Module<'_>, renames: &[(String, String)], layout: &mut Layout) -> Vec<ImportModule> {
    let mut modules: Vec<ImportModule> = Vec::new();
    let mut seen = HashMap::new();
    for import in module.imports.iter().filter(|import| !import.is_builtin()) {
        if seen.insert(import.module, ()).is_some() {
            continue;
        }
        let renamed = renames.iter().rev().find(|(from, _)| from == import.module).map(|(_, to)| to.clone());
        modules.push(ImportModule {
            name: import.module.to_owned(),
            provider: if renamed.is_none() { provider(module, import.module) } else { Provider::Link },
            link_name: renamed.unwrap_or_else(|| import.module.to_owned()),
            slot: layout.slot(),
        });
    }
    modules
}

/// A word for each imported function that is not the runtime's, nor known to be the host's: of a module that is not among
/// `linked`.
fn plan_import_code(
    module: &Module<'_>,
    modules: &[ImportModule],
    linked: Option<&HashSet<String>>,
    layout: &mut Layout,
) -> HashMap<u32, u32> {
    let is_linked =
        |m: &&ImportModule| m.provider == Provider::Link && linked.is_none_or(|linked| linked.contains(&m.link_name));
    let linked: HashSet<&str> = modules.iter().filter(is_linked).map(|m| m.name.as_str()).collect();
    let functions = module.imports.iter().filter(|import| import.kind == ExternalKind::Func && !import.is_builtin());
    functions.filter(|import| linked.contains(import.module)).map(|import| (import.index, layout.slot())).collect()
}

/// So many imported functions are entered from the place of the call, by two words each: code, and the P it wants. The
/// module's `init` fills them with some instructions each, so others have to do with a thunk in front.
const MOST_ENTERED: usize = 1000;

fn plan_import_pinned(code: &HashMap<u32, u32>, layout: &mut Layout) -> HashMap<u32, u32> {
    let mut functions: Vec<u32> = code.keys().copied().collect();
    functions.sort_unstable();
    functions.truncate(MOST_ENTERED);
    functions.into_iter().map(|function| (function, layout.slot())).collect()
}

/// The runtime's name for threads is a common one: a module of this name that has anything else is somebody else's.
fn provider(module: &Module<'_>, name: &str) -> Provider {
    let is_spawn = |import: &Import<'_>| {
        let is_function = import.kind == ExternalKind::Func && import.name == "thread-spawn";
        is_function && *module.function_type(import.index) == FuncType::new([ValType::I32], [ValType::I32])
    };
    let is_threads = || name == "wasi" && module.imports.iter().filter(|i| i.module == name).all(is_spawn);
    match () {
        () if WASI_MODULES.contains(&name) => Provider::Wasi,
        () if is_threads() => Provider::Threads,
        () => Provider::Link,
    }
}

/// Types of functions, in order: what tables and indirect calls may meet. All function types are kept, since an
/// indirect call may name any of them. Equal recursion groups are equal as a whole, so groups stay together.
fn used_types(module: &Module<'_>) -> Vec<u32> {
    (0..module.types.len() as u32).filter(|&t| module.canonical_type(t) == t).collect()
}

/// Functions that `ref.func`, an element segment that exists at run time, or a table can turn into a reference.
fn reference_functions(module: &Module<'_>, scan: &Scan, tables: &[TablePlan], reached: &[bool]) -> Vec<u32> {
    let bodies = scan.referenced.iter().zip(&reached[module.imported_functions as usize..]);
    let mut functions: Vec<u32> = bodies.filter(|(_, runs)| **runs).flat_map(|(named, _)| named).copied().collect();
    for element in &module.elements {
        let is_static = |table: u32| tables[table as usize].is_static();
        match element.mode {
            ElementMode::Declared => continue,
            ElementMode::Active { table, .. } if is_static(table) => continue,
            _ => {}
        }
        functions.extend(element.items.iter().copied().filter_map(function_of));
    }
    let dynamic = module.tables.iter().zip(tables).filter(|(_, plan)| !plan.is_static());
    functions.extend(dynamic.filter_map(|(table, _)| function_of(table.init)));
    functions.extend(reach::named_by_globals(module));
    functions.sort_unstable();
    functions.dedup();
    functions
}

fn function_of(item: ElementItem) -> Option<u32> {
    match item {
        ElementItem::Function(f) => Some(f),
        _ => None,
    }
}

/// The C name of a module: from `--name` or the file's stem.
pub fn module_name(stem: &str) -> String {
    name::c_identifier(stem)
}
