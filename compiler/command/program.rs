//! What an executable made of modules instantiates and runs.

use super::Failure;
use super::options::Command;
use palisade::name::link_symbol;
use palisade::plan::Provider;
use palisade::write::{Program, ProgramMemory, ProgramModule, Source};
use palisade::{Error, Field, Interface};
use std::collections::HashSet;

/// Exported functions that the program's `main` and threads begin with.
pub const ENTRIES: [&str; 3] = ["_start", "_initialize", "wasi_thread_start"];

/// A module with the file it is from.
type Input = (String, Interface);

/// None for libraries, or where the other inputs have to have a `main`. `alone`: there are no other inputs, so
/// everything imported has to be here.
pub fn plan(command: &Command, modules: &[Input], alone: bool) -> Result<Option<Program>, Failure> {
    if command.options.shared {
        return Ok(None);
    }
    let memories = if alone { imported_memories(modules)? } else { Vec::new() };
    if alone {
        modules.iter().try_for_each(|module| check_imports(module, modules, &memories))?;
    }
    let has = |m: &Interface, name: &str| m.exports.iter().any(|e| e == name);
    let Some(main) = modules.iter().position(|(_, m)| has(m, "_start") || has(m, "_initialize")) else {
        let file = &modules[0].0;
        return if alone {
            Err(Failure::of(file, Error::new("no _start is exported: this is not a program (-c compiles a library)")))
        } else {
            Ok(None)
        };
    };
    let Some(order) = dependency_order(modules, main, &memories, alone)? else { return Ok(None) };
    let position = |name: &str| order.iter().position(|&m| modules[m].1.name == name);
    let program_modules = order.iter().map(|&m| {
        let module = &modules[m].1;
        let source = |(_, link_name, provider): &(String, String, Provider)| match provider {
            Provider::Wasi => Source::Wasi,
            Provider::Threads => Source::Threads,
            Provider::Link => match memories.iter().position(|memory| memory.module == *link_name) {
                Some(index) => Source::Memory(index),
                None => Source::Module(position(link_name).expect("in the order is what is imported")),
            },
        };
        ProgramModule { name: module.name.clone(), sources: module.imports.iter().map(source).collect() }
    });
    let program_modules = program_modules.collect();
    let main = &modules[main];
    check_threads(modules, main)?;
    let main = &main.1;
    Ok(Some(Program {
        modules: program_modules,
        initialize: has(main, "_initialize") && !has(main, "_start"),
        start: has(main, "_start"),
        thread_start: main.starts_threads,
        memories: memories.into_iter().map(|memory| memory.made).collect(),
        dirs: command.options.dir.clone(),
        envs: command.options.env.clone(),
        stack_size: command.options.stack_size,
    }))
}

/// A memory that modules import and none exports: the program makes it.
struct ImportedMemory {
    /// The import module in link symbols; it has nothing else.
    module: String,
    made: ProgramMemory,
}

fn imported_memories(modules: &[Input]) -> Result<Vec<ImportedMemory>, Failure> {
    let mut found: Vec<ImportedMemory> = Vec::new();
    for (file, module) in modules {
        for (name, link_name, provider) in &module.imports {
            let exported = modules.iter().any(|(_, m)| m.name == *link_name);
            let mut fields = module.fields.iter().filter(|field| field.module == *name);
            let (Some(Field { name: field, memory: Some(ty), .. }), None) = (fields.next(), fields.next()) else {
                continue;
            };
            if exported || *provider != Provider::Link {
                continue;
            }
            let symbol = link_symbol(link_name, field);
            let Some(known) = found.iter_mut().find(|memory| memory.module == *link_name) else {
                found.push(ImportedMemory { module: link_name.clone(), made: ProgramMemory { symbol, ty: *ty } });
                continue;
            };
            if known.made.symbol != symbol || !known.made.narrow(ty) {
                let text =
                    format!("import {name:?} {field:?}: another module imports another kind of memory from there");
                return Err(Failure::of(file, Error::new(text)));
            }
        }
    }
    Ok(found)
}

/// Who starts threads says with what they begin.
fn check_threads(modules: &[Input], (main_file, main): &Input) -> Result<(), Failure> {
    let starts = |(_, module): &&Input| module.imports.iter().any(|(.., provider)| *provider == Provider::Threads);
    if main.starts_threads || !modules.iter().any(|module| starts(&module)) {
        return Ok(());
    }
    let text = "thread-spawn is imported, but no function wasi_thread_start (i32, i32) is exported";
    Err(Failure::of(main_file, Error::new(text)))
}

/// Every import must come from the runtime, another module of the program, or be a memory that the program makes.
fn check_imports((file, module): &Input, all: &[Input], memories: &[ImportedMemory]) -> Result<(), Failure> {
    for Field { module: import, name: field, .. } in &module.fields {
        let (_, link_name, provider) =
            module.imports.iter().find(|(name, ..)| name == import).expect("every field's module is listed");
        match provider {
            Provider::Wasi if !palisade::link::is_wasi_function(field) => {
                let text = format!("import {import:?} {field:?}: there is no such function in WASI preview 1");
                return Err(Failure::of(file, Error::new(text)));
            }
            Provider::Wasi | Provider::Threads => continue,
            Provider::Link if memories.iter().any(|memory| memory.module == *link_name) => continue,
            Provider::Link => {}
        }
        let text = match all.iter().find(|(_, m)| m.name == *link_name) {
            Some((_, provider)) if provider.exports.contains(field) => continue,
            Some((other, _)) => format!("import {import:?} {field:?}: {other} does not export it"),
            None => format!("import {import:?} {field:?} is not defined by any input"),
        };
        return Err(Failure::of(file, Error::new(text)));
    }
    Ok(())
}

/// No instance can be made of modules that import each other, whoever makes them.
pub fn check_cycles(modules: &[Input]) -> Result<(), Failure> {
    (0..modules.len()).try_for_each(|module| dependency_order(modules, module, &[], false).map(drop))
}

/// Modules that `main` needs, providers first, `main` last. None if one needs what only other inputs can give.
fn dependency_order(
    modules: &[Input],
    main: usize,
    memories: &[ImportedMemory],
    alone: bool,
) -> Result<Option<Vec<usize>>, Failure> {
    let (mut order, mut open, mut complete) = (Vec::new(), HashSet::new(), true);
    // Depth first without recursion: (module, next import to look at).
    let mut stack = vec![(main, 0)];
    open.insert(main);
    while let Some((module, at)) = stack.pop() {
        let (file, interface) = &modules[module];
        let Some((_, link_name, provider)) = interface.imports.get(at) else {
            open.remove(&module);
            order.push(module);
            continue;
        };
        stack.push((module, at + 1));
        if *provider != Provider::Link || memories.iter().any(|memory| memory.module == *link_name) {
            continue;
        }
        match modules.iter().position(|(_, m)| m.name == *link_name) {
            None if alone => {
                return Err(Failure::of(file, Error::new(format!("import module {link_name:?} is missing"))));
            }
            None => complete = false,
            Some(provider) if open.contains(&provider) => {
                let round = stack.iter().skip_while(|(m, _)| *m != provider).map(|(m, _)| modules[*m].0.as_str());
                let round: Vec<_> = round.chain([modules[provider].0.as_str()]).collect();
                let text = format!("imports form a cycle, {}: instances can't be made", round.join(" → "));
                return Err(Failure::of(file, Error::new(text)));
            }
            Some(provider) if order.contains(&provider) => {}
            Some(provider) => {
                open.insert(provider);
                stack.push((provider, 0));
            }
        }
    }
    Ok(complete.then_some(order))
}
