//! Stage 4: IR to machine code with Cranelift, on all threads. Results keep their order, so the output does not depend
//! on the number of threads.

mod code;
mod epilogue;
mod phase;
mod precise;
mod refused;
mod sign;
mod stack_limit;

pub use code::{Checks, Code, Frame, HandlerSite, Relocation, SavedRegister, Site, TryFrame};
pub use phase::{LARGE_WINDOW, PAGE, Phase};

use crate::error::{Error, Result};
use crate::optimize;
use crate::plan::Plan;
use crate::translate::stub::{self, SavedPinned, Stub};
use crate::translate::{
    Env, Handlers, Helper, Scratch, Symbol, Travel, Version, asks_for_instance, forget_instance, translate,
};
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function, StackSlot};
use cranelift_codegen::settings::OptLevel;
use cranelift_codegen::{CodegenError, CodegenResult, CompiledCode, Context};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// All machine code of a module.
pub struct Generated {
    /// Defined wasm functions in index order, `None` for those that can't run; if there is a second version of the code,
    /// all of them once more.
    pub functions: Vec<Option<Code>>,
    /// Stubs, each with what it is for.
    pub stubs: Vec<(StubKind, Code)>,
}

/// What a stub is for; decides its symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "see translate::stub")]
pub enum StubKind {
    Import(u32),
    HostImport(u32),
    Helper(Helper),
    Tail(u32),
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
    /// Of modules with bindable memories: calls this helper, which takes the instance.
    Host(Helper),
    Snapshot,
    Restore,
    Interrupt,
    Uninterrupt,
}

impl StubKind {
    /// Called by wasm code, and its exceptions go on to who called it: `generate` puts these first.
    pub fn is_thunk(self) -> bool {
        matches!(self, StubKind::Import(_) | StubKind::HostImport(_) | StubKind::Tail(_))
    }
}

/// A worker's memory, reused from function to function.
struct Worker {
    scratch: Scratch,
    context: Context,
    registers: regalloc2::Ctx,
    /// Checks that the optimizers left in the function, hot and cold ones.
    checks: (usize, usize),
    /// The function keeps P here for faults, where they can't find it in a register.
    kept_instance: Option<StackSlot>,
}

impl Worker {
    fn new() -> Worker {
        Worker {
            scratch: Scratch::default(),
            context: Context::new(),
            registers: regalloc2::Ctx::default(),
            checks: (0, 0),
            kept_instance: None,
        }
    }

    /// Machine code for the function in `context`.
    fn compile(&mut self, env: &Env<'_>, listing: bool) -> Result<CompiledCode> {
        self.optimize(env).map_err(|e| failure(&self.context.func, e))?;
        if (env.is_x86_64 && !listing) || env.harden.returns {
            epilogue::mark(&mut self.context.func);
        }
        let isa = if is_slow_to_allocate(&self.context.func) { env.quick_isa } else { env.isa };
        let Context { func, domtree, .. } = &self.context;
        isa.compile_function(func, domtree, &mut self.registers, listing, &mut ControlPlane::default())
            .map(|stencil| stencil.apply_params(&func.params))
            .map_err(|e| failure(func, e))
    }

    /// What `Context::optimize` does, with our passes in front of Cranelift's optimizer and behind it.
    fn optimize(&mut self, env: &Env<'_>) -> CodegenResult<()> {
        let context = &mut self.context;
        if env.isa.flags().enable_nan_canonicalization() {
            context.canonicalize_nans(env.isa)?;
        }
        context.verify_if(env.isa)?;
        context.flowgraph();
        context.eliminate_unreachable_code(env.isa)?;
        context.remove_constant_phis(env.isa)?;
        context.func.dfg.resolve_all_aliases();
        if self.scratch.deepest_loop <= DEEP {
            optimize::before(context, env.isa, env.plan, env.disabled_passes, env.work);
            context.verify_if(env.isa)?;
            if env.isa.flags().opt_level() != OptLevel::None {
                context.egraph_pass(env.isa, &mut ControlPlane::default())?;
            }
            optimize::behind(context, env.isa, env.disabled_passes, env.work);
        }
        self.checks = Checks::count(&context.func);
        let mut reshaped = refused::run(&mut context.func, &self.scratch.checks, env.travel);
        reshaped |= env.precise_stores && precise::run(&mut context.func);
        if reshaped {
            context.compute_cfg();
            context.compute_domtree();
            context.verify_if(env.isa)?;
        }
        // A small function that can't fault needs no frame.
        if let Some(slot) = self.kept_instance.take_if(|_| !asks_for_instance(&context.func)) {
            forget_instance(&mut context.func, slot);
        }
        Ok(())
    }

    /// Takes note of what the function in `context` keeps, which handlers need in any case.
    fn note_kept(&mut self, env: &Env<'_>, handlers: &Handlers) {
        let only_for_faults = env.travel == Travel::Parameter && handlers.scopes.is_empty();
        self.kept_instance = handlers.pinned_slot.filter(|_| only_for_faults);
    }

    /// The same, with what the object needs of it.
    fn code(&mut self, env: &Env<'_>, saved_pinned: Option<SavedPinned>, handlers: Handlers) -> Result<Code> {
        let before = Checks::count(&self.context.func);
        self.note_kept(env, &handlers);
        let mut compiled = self.compile(env, false)?;
        let (after, aside) = self.checks;
        let checks = Checks { before: before.0 + before.1, after, aside };
        let kept = if handlers.scopes.is_empty() { self.kept_instance } else { handlers.pinned_slot };
        let kept = kept.filter(|_| env.travel == Travel::Parameter);
        let locations = &self.scratch.locations;
        Code::new(env, &self.context.func, &mut compiled, (saved_pinned, kept), handlers, checks, locations)
    }

    /// On boards: the same function, which is in `context`, with a check of the stack in front.
    fn limit_stack(&self, env: &Env<'_>, code: Code, wasm: Option<u32>) -> Result<Code> {
        if env.is_board { stack_limit::check(code, &self.context.func, wasm) } else { Ok(code) }
    }
}

/// Functions with more IR values get their registers in one pass. The largest of SQLite has 38,000, of Python 74,000,
/// of esbuild 138,000.
const LARGE: usize = 160_000;

/// So do those where this is less than the number of values times the most variables passed to one block: variables that
/// live through a whole loop are compared with all that its instructions need (1,000 locals in a loop of 25,000 additions
/// took 3.4 s, in one pass 0.3 s). No function of SQLite, Python, esbuild or nextpnr is one of these.
const WIDE: usize = 1 << 24;

fn is_slow_to_allocate(func: &Function) -> bool {
    let values = func.dfg.num_values();
    let most = func.layout.blocks().map(|block| func.dfg.num_block_params(block)).max().unwrap_or(0);
    values > LARGE || values.saturating_mul(most) > WIDE
}

/// Functions with more loops inside each other are not optimized: Cranelift's pass looks at each loop from each one around
/// it (2,500 took 37 s), and nobody writes such code but to keep a compiler busy.
const DEEP: u32 = 64;

/// Compiles every function and stub. `progress` is called once per function, from any thread.
pub fn generate(env: &Env<'_>, progress: &(dyn Fn() + Sync)) -> Result<Generated> {
    let mut functions = compile_functions(env, progress)?;
    if let Some(plan) = env.plan.checked_version() {
        functions.extend(compile_functions(&checked_env(env, &plan), progress)?);
    }
    let mut stubs = compile_stubs(env, &stub_kinds(env))?;
    // Helpers' thunks, and what stands behind tail calls, exist only where some code calls them.
    let helpers = used_helpers(functions.iter().flatten().chain(stubs.iter().map(|(_, code)| code)));
    let helpers: Vec<StubKind> = helpers.into_iter().map(StubKind::Helper).collect();
    let tails: Vec<StubKind> = used_tails(&functions).into_iter().map(StubKind::Tail).collect();
    stubs.extend(compile_stubs(env, &helpers)?);
    let imports = stubs.iter().take_while(|(kind, _)| kind.is_thunk()).count();
    stubs.splice(imports..imports, compile_stubs(env, &tails)?);
    Ok(Generated { functions, stubs })
}

fn compile_functions(env: &Env<'_>, progress: &(dyn Fn() + Sync)) -> Result<Vec<Option<Code>>> {
    let first = env.module.imported_functions;
    let reached = env.plan.reached_bodies(env.module);
    let compile = |worker: &mut Worker, at: usize| {
        let (index, body) = (first + at as u32, &env.module.bodies[at]);
        worker.context.clear();
        // Of what can't run this is the validation.
        let handlers = translate(env, index, body, &mut worker.scratch, &mut worker.context.func)?;
        if !reached[at] {
            progress();
            return Ok(None);
        }
        let inlined = worker.scratch.inlined;
        let code = (worker.code(env, None, handlers))
            .map(|code| Code { inlined, ..code })
            .and_then(|code| worker.limit_stack(env, code, Some(body.body.range().start as u32)))
            .map_err(|e| e.in_function(index, env.module.function_name(index)).or_at(body.body.range().start));
        progress();
        code.map(Some)
    };
    let sizes = env.module.bodies.iter().map(|body| body.body.range()).map(|range| range.end - range.start);
    // The first error in function order, whichever thread found one first.
    largest_first(sizes, Worker::new, compile).into_iter().collect()
}

/// The results of `work` in order, worked out on all threads, what is large before what is small: begun late, it would
/// be all that one thread still has to do when the others are done.
fn largest_first<W, T: Send>(
    sizes: impl Iterator<Item = u64>,
    worker: impl Fn() -> W + Sync + Send,
    work: impl Fn(&mut W, usize) -> T + Sync + Send,
) -> Vec<T> {
    let sizes: Vec<u64> = sizes.collect();
    let mut results: Vec<Option<T>> = sizes.iter().map(|_| None).collect();
    let mut places: Vec<(usize, &mut Option<T>)> = results.iter_mut().enumerate().collect();
    places.sort_by_key(|(at, _)| std::cmp::Reverse(sizes[*at]));
    // A bridge hands items out one by one, in this order.
    let places = places.into_iter().par_bridge();
    places.for_each_init(worker, |worker, (at, place)| *place = Some(work(worker, at)));
    results.into_iter().map(|result| result.expect("all places were given out")).collect()
}

/// What the second version of the code is translated with.
fn checked_env<'e>(env: &Env<'e>, plan: &'e Plan) -> Env<'e> {
    Env { plan, version: Version::Checked, ..*env }
}

/// The IR of all functions as text, for `--emit=clif`.
pub fn clif(env: &Env<'_>) -> Result<String> {
    listing(env, |_, worker| Ok(worker.context.func.display().to_string()))
}

/// The machine code of all functions as text, for `-S`.
pub fn assembly(env: &Env<'_>) -> Result<String> {
    listing(env, |env, worker| {
        let text = worker.compile(env, true)?.vcode.unwrap_or_default();
        Ok(if env.is_x86_64 { epilogue::shorten_listing(&text) } else { text })
    })
}

fn listing(env: &Env<'_>, text: impl Fn(&Env<'_>, &mut Worker) -> Result<String> + Sync) -> Result<String> {
    let first = list_version(env, &text)?;
    let Some(plan) = env.plan.checked_version() else { return Ok(first) };
    let second = list_version(&checked_env(env, &plan), &text)?;
    Ok(format!("{first}; The same with checks, for where there is no room for guard pages.\n\n{second}"))
}

fn list_version(env: &Env<'_>, text: &(impl Fn(&Env<'_>, &mut Worker) -> Result<String> + Sync)) -> Result<String> {
    let first = env.module.imported_functions;
    let texts: Vec<Result<String>> = (env.module.bodies.par_iter().enumerate())
        .map_init(Worker::new, |worker, (at, body)| {
            let index = first + at as u32;
            worker.context.clear();
            let handlers = translate(env, index, body, &mut worker.scratch, &mut worker.context.func)?;
            worker.note_kept(env, &handlers);
            let name = env.module.function_name(index).unwrap_or("");
            let fate = if env.plan.reached[index as usize] { "" } else { ", which can't run and is in no object" };
            Ok(format!("; function {index} {name:?}{fate}\n{}\n", text(env, worker)?))
        })
        .collect();
    texts.into_iter().collect()
}

fn compile_stubs(env: &Env<'_>, kinds: &[StubKind]) -> Result<Vec<(StubKind, Code)>> {
    kinds
        .par_iter()
        .map_init(Worker::new, |worker, &kind| {
            let Stub { func, saved_pinned, kept_instance, checks } = build_stub(env, kind);
            worker.context.clear();
            worker.context.func = func;
            worker.scratch.checks = checks;
            let is_helper = matches!(kind, StubKind::Helper(_));
            // Small copies and fills look at the bounds before.
            let env = &Env { precise_stores: env.precise_stores && !is_helper, ..*env };
            let mut code = worker.code(env, saved_pinned, Handlers::none(kept_instance))?;
            // The thunk that asks the runtime for the limit knows none yet.
            if kind.is_thunk() || matches!(kind, StubKind::Helper(helper) if helper != Helper::StackEnter) {
                code = worker.limit_stack(env, code, None)?;
            }
            if env.is_x86_64 {
                code.phase = phase::of_stub(&code.bytes, code.returns());
            }
            Ok((kind, code))
        })
        .collect()
}

fn build_stub(env: &Env<'_>, kind: StubKind) -> Stub {
    match kind {
        StubKind::Import(index) => stub::import(env, index),
        StubKind::HostImport(index) => stub::host_import(env, index),
        StubKind::Helper(helper) => stub::helper(env, helper),
        StubKind::Tail(canonical) => stub::tail(env, canonical),
        StubKind::Export(index) => stub::export(env, index),
        StubKind::Memory(index) => stub::accessor(env, stub::Entity::Memory(index)),
        StubKind::Table(index) => stub::accessor(env, stub::Entity::Table(index)),
        StubKind::Global(index) => stub::accessor(env, stub::Entity::Global(index)),
        StubKind::Tag(index) => stub::accessor(env, stub::Entity::Tag(index)),
        StubKind::Start => stub::start(env, env.module.start.expect("only with a start function")),
        StubKind::Init => stub::init(env),
        StubKind::Instantiate => stub::instantiate(env),
        StubKind::InstantiateList => stub::instantiate_list(env),
        StubKind::Host(helper) => stub::host(env, helper),
        StubKind::Snapshot => stub::host(env, Helper::Snapshot),
        StubKind::Restore => stub::host(env, Helper::Restore),
        StubKind::Free => stub::forward(env, Helper::Free),
        StubKind::Interrupt => stub::forward(env, Helper::Interrupt),
        StubKind::Uninterrupt => stub::forward(env, Helper::Uninterrupt),
    }
}

/// All stubs but the helpers' thunks; an entity exported twice has one.
fn stub_kinds(env: &Env<'_>) -> Vec<StubKind> {
    use wasmparser::ExternalKind;
    let mut kinds: BTreeSet<StubKind> = (0..env.module.imported_functions).map(StubKind::Import).collect();
    kinds.extend(env.plan.import_pinned.keys().map(|&index| StubKind::HostImport(index)));
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
    if env.plan.bytes_are_shared {
        kinds.extend([Helper::BindMemory, Helper::OfferMemory, Helper::WithdrawMemory].map(StubKind::Host));
    }
    if !env.is_board {
        kinds.extend([StubKind::Snapshot, StubKind::Restore]);
    }
    kinds.extend(env.module.start.map(|_| StubKind::Start));
    if env.plan.interrupt_slot.is_some() {
        kinds.extend([StubKind::Interrupt, StubKind::Uninterrupt]);
    }
    kinds.into_iter().collect()
}

fn used_helpers<'c>(codes: impl Iterator<Item = &'c Code>) -> Vec<Helper> {
    let mut used = [false; Helper::ALL.len()];
    for relocation in codes.flat_map(|c| &c.relocations) {
        if let Symbol::HelperThunk(helper) = relocation.symbol {
            used[helper as usize] = true;
        }
    }
    used[Helper::StackEnter as usize] |= used.contains(&true); // other helpers' thunks call it
    Helper::ALL.into_iter().filter(|&h| used[h as usize]).collect()
}

fn used_tails(functions: &[Option<Code>]) -> BTreeSet<u32> {
    let symbols = functions.iter().flatten().flat_map(|c| &c.relocations).map(|r| r.symbol);
    symbols.filter_map(|symbol| if let Symbol::TailStub(ty) = symbol { Some(ty) } else { None }).collect()
}

fn failure(func: &Function, error: CodegenError) -> Error {
    let text = cranelift_codegen::print_errors::pretty_error(func, error);
    Error::new(format!("code generation failed: {}", text.lines().next().unwrap_or_default()))
}
