//! Stage 4: IR to machine code with Cranelift, on all threads. Results keep their order, so the output does not depend
//! on the number of threads.

mod code;

pub use code::{Code, HandlerSite, Relocation, Site, TryFrame};

use crate::error::{Error, Result};
use crate::translate::stub::{self, Stub};
use crate::translate::{Env, Handlers, Helper, Scratch, Symbol, translate};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// All machine code of a module.
pub struct Generated {
    /// Defined wasm functions in index order.
    pub functions: Vec<Code>,
    /// Stubs, each with what it is for.
    pub stubs: Vec<(StubKind, Code)>,
}

/// What a stub is for; decides its symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "see translate::stub")]
pub enum StubKind {
    Import(u32),
    Helper(Helper),
    Export(u32),
    Memory(u32),
    Table(u32),
    Global(u32),
    Tag(u32),
    Start,
    Init,
    Instantiate,
    InstantiateList,
    Free,
}

/// A worker's memory, reused from function to function.
struct Worker {
    scratch: Scratch,
    context: Context,
}

impl Worker {
    fn new() -> Worker {
        Worker { scratch: Scratch::default(), context: Context::new() }
    }
}

/// Compiles every function and stub. `progress` is called once per function, from any thread.
pub fn generate(env: &Env<'_>, progress: &(dyn Fn() + Sync)) -> Result<Generated> {
    let functions = compile_functions(env, progress)?;
    let mut stubs = compile_stubs(env, &stub_kinds(env))?;
    // Helpers' thunks exist only for helpers that some code calls.
    let helpers = used_helpers(functions.iter().chain(stubs.iter().map(|(_, code)| code)));
    let kinds: Vec<StubKind> = helpers.into_iter().map(StubKind::Helper).collect();
    stubs.extend(compile_stubs(env, &kinds)?);
    Ok(Generated { functions, stubs })
}

fn compile_functions(env: &Env<'_>, progress: &(dyn Fn() + Sync)) -> Result<Vec<Code>> {
    let first = env.module.imported_functions;
    let results: Vec<Result<Code>> = (env.module.bodies.par_iter().enumerate())
        .map_init(Worker::new, |worker, (at, body)| {
            let index = first + at as u32;
            worker.context.clear();
            let handlers = translate(env, index, body, &mut worker.scratch, &mut worker.context.func)?;
            let code = compile(env, &mut worker.context, None, handlers)
                .map_err(|e| e.in_function(index, env.module.function_name(index)).or_at(body.body.range().start));
            progress();
            code
        })
        .collect();
    // The first error in function order, whichever thread found one first.
    results.into_iter().collect()
}

/// The IR of all functions as text, for `--emit=clif`.
pub fn clif(env: &Env<'_>) -> Result<String> {
    listing(env, |_, context| Ok(context.func.display().to_string()))
}

/// The machine code of all functions as text, for `-S`.
pub fn assembly(env: &Env<'_>) -> Result<String> {
    listing(env, |env, context| {
        context.set_disasm(true);
        compile_context(env, context)?;
        let compiled = context.take_compiled_code().expect("just compiled");
        Ok(compiled.vcode.unwrap_or_default())
    })
}

fn listing(env: &Env<'_>, text: impl Fn(&Env<'_>, &mut Context) -> Result<String> + Sync) -> Result<String> {
    let first = env.module.imported_functions;
    let texts: Vec<Result<String>> = (env.module.bodies.par_iter().enumerate())
        .map_init(Worker::new, |worker, (at, body)| {
            let index = first + at as u32;
            worker.context.clear();
            translate(env, index, body, &mut worker.scratch, &mut worker.context.func)?;
            let name = env.module.function_name(index).unwrap_or("");
            Ok(format!("; function {index} {name:?}\n{}\n", text(env, &mut worker.context)?))
        })
        .collect();
    texts.into_iter().collect()
}

fn compile_stubs(env: &Env<'_>, kinds: &[StubKind]) -> Result<Vec<(StubKind, Code)>> {
    kinds
        .par_iter()
        .map_init(Worker::new, |worker, &kind| {
            let Stub { func, saved_pinned } = build_stub(env, kind);
            worker.context.clear();
            worker.context.func = func;
            Ok((kind, compile(env, &mut worker.context, saved_pinned, Handlers::default())?))
        })
        .collect()
}

fn build_stub(env: &Env<'_>, kind: StubKind) -> Stub {
    match kind {
        StubKind::Import(index) => stub::import(env, index),
        StubKind::Helper(helper) => stub::helper(env, helper),
        StubKind::Export(index) => stub::export(env, index),
        StubKind::Memory(index) => stub::accessor(env, stub::Entity::Memory(index)),
        StubKind::Table(index) => stub::accessor(env, stub::Entity::Table(index)),
        StubKind::Global(index) => stub::accessor(env, stub::Entity::Global(index)),
        StubKind::Tag(index) => stub::accessor(env, stub::Entity::Tag(index)),
        StubKind::Start => stub::start(env, env.module.start.expect("only with a start function")),
        StubKind::Init => stub::init(env),
        StubKind::Instantiate => stub::instantiate(env),
        StubKind::InstantiateList => stub::instantiate_list(env),
        StubKind::Free => stub::free(env),
    }
}

/// All stubs but the helpers' thunks; an entity exported twice has one.
fn stub_kinds(env: &Env<'_>) -> Vec<StubKind> {
    use wasmparser::ExternalKind;
    let mut kinds: BTreeSet<StubKind> = (0..env.module.imported_functions).map(StubKind::Import).collect();
    for export in &env.module.exports {
        kinds.extend(match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => Some(StubKind::Export(export.index)),
            ExternalKind::Memory => Some(StubKind::Memory(export.index)),
            ExternalKind::Table => Some(StubKind::Table(export.index)),
            ExternalKind::Global => Some(StubKind::Global(export.index)),
            ExternalKind::Tag => Some(StubKind::Tag(export.index)),
        });
    }
    kinds.extend([StubKind::Init, StubKind::Instantiate, StubKind::InstantiateList, StubKind::Free]);
    kinds.extend(env.module.start.map(|_| StubKind::Start));
    kinds.into_iter().collect()
}

fn used_helpers<'c>(codes: impl Iterator<Item = &'c Code>) -> Vec<Helper> {
    let mut used = [false; Helper::ALL.len()];
    for relocation in codes.flat_map(|c| &c.relocations) {
        if let Symbol::HelperThunk(helper) = relocation.symbol {
            used[helper as usize] = true;
        }
    }
    Helper::ALL.into_iter().filter(|&h| used[h as usize]).collect()
}

fn compile(
    env: &Env<'_>,
    context: &mut Context,
    saved_pinned: Option<cranelift_codegen::ir::StackSlot>,
    handlers: Handlers,
) -> Result<Code> {
    compile_context(env, context)?;
    let compiled = context.take_compiled_code().expect("just compiled");
    Code::new(env, &context.func, &compiled, saved_pinned, handlers)
}

fn compile_context(env: &Env<'_>, context: &mut Context) -> Result<()> {
    match context.compile(env.isa, &mut ControlPlane::default()) {
        Ok(_) => Ok(()),
        Err(e) => {
            let text = cranelift_codegen::print_errors::pretty_error(e.func, e.inner);
            Err(Error::new(format!("code generation failed: {}", text.lines().next().unwrap_or_default())))
        }
    }
}
