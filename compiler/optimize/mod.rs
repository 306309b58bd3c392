//! Our own passes over the IR of one function, each in a file that says at its top which code it turns into which.
//! Some run in front of Cranelift's optimizer, which then shares, moves and folds what they made; some behind it, to
//! undo what it did. All but `versions` and `jam` leave blocks and branches between them as they are. `--disable-pass NAME` leaves
//! one out.

mod addresses;
mod analysis;
mod checks;
mod early_uses;
mod float_constants;
mod invariant_phis;
mod jam;
mod late_steps;
mod loop_test;
mod unroll;
mod vectorize;
mod versions;
mod views;
mod wide_counters;
mod work;

pub use work::{PassWork, Work};

use crate::plan::Plan;
use crate::translate::Travel;
use analysis::Flow;
use cranelift_codegen::Context;
use cranelift_codegen::ir::Function;
use cranelift_codegen::isa::TargetIsa;
use target_lexicon::Architecture;

/// A pass.
pub struct Pass {
    /// Its name on the command line.
    pub name: &'static str,
    run: Run,
    /// It trusts what branches have decided, as CPUs that run ahead of them should not be trusted with.
    trusting: bool,
}

impl Pass {
    fn is_translation(&self) -> bool {
        matches!(self.run, Run::Translation)
    }
}

#[derive(Clone, Copy)]
enum Run {
    /// By the translation, as planned.
    Translation,
    /// In front of Cranelift's optimizer. Gives the number of places it changed, as do the others.
    Before(fn(&mut Unit<'_>) -> usize),
    /// The same; if it changed any, blocks or branches are not what they were.
    Reshape(fn(&mut Unit<'_>) -> usize),
    /// Behind it.
    Behind(fn(&mut Late<'_>) -> usize),
}

/// Calls of small functions become their code (`translate/inline.rs`).
const INLINE: &str = "inline";

/// Branches by tables with few targets become comparisons (`translate/comparisons.rs`).
const COMPARISONS: &str = "comparisons";

/// Those that repeat code.
const GROWING: [&str; 4] = [INLINE, "versions", "jam", "unroll"];

/// All passes, in the order they run.
pub const PASSES: &[Pass] = &[
    Pass { name: INLINE, run: Run::Translation, trusting: false },
    Pass { name: COMPARISONS, run: Run::Translation, trusting: false },
    Pass { name: "invariant-phis", run: Run::Before(invariant_phis::run), trusting: false },
    Pass { name: "views", run: Run::Before(views::run), trusting: false },
    Pass { name: "checks", run: Run::Before(checks::run), trusting: true },
    Pass { name: "versions", run: Run::Reshape(versions::run), trusting: true },
    Pass { name: "jam", run: Run::Reshape(jam::run), trusting: true },
    Pass { name: "unroll", run: Run::Before(unroll::run), trusting: false },
    Pass { name: "vectorize", run: Run::Before(vectorize::run), trusting: true },
    Pass { name: "addresses", run: Run::Before(addresses::run), trusting: true },
    Pass { name: "wide-counters", run: Run::Before(wide_counters::run), trusting: true },
    Pass { name: "loop-test", run: Run::Behind(loop_test::run), trusting: false },
    Pass { name: "late-steps", run: Run::Behind(late_steps::run), trusting: false },
    Pass { name: "early-uses", run: Run::Behind(early_uses::run), trusting: false },
    Pass { name: "float-constants", run: Run::Behind(float_constants::run), trusting: false },
];

/// A function in front of Cranelift's optimizer, and what it is for.
pub struct Unit<'f> {
    func: &'f mut Function,
    plan: &'f Plan,
    flow: Flow<'f>,
    travel: Travel,
    /// Loads and stores have room for 32-bit offsets, beside a base and an index.
    large_offsets: bool,
    /// Vectors of floats are known to every CPU of this kind.
    has_vectors: bool,
}

/// A function behind it.
pub struct Late<'c> {
    context: &'c mut Context,
    /// One instruction adds two values and a constant.
    adds_three: bool,
}

/// The passes a compilation uses.
#[derive(Debug, Clone, Default)]
pub struct Disabled(Vec<String>);

impl Disabled {
    /// Leaves a pass out; false if there is none of that name.
    pub fn add(&mut self, name: &str) -> bool {
        let known = PASSES.iter().any(|p| p.name == name);
        if known {
            self.0.push(name.to_owned());
        }
        known
    }

    /// Leaves all out: `-O0`, and `-O1`, which is what Cranelift does alone.
    pub fn all() -> Disabled {
        Disabled(PASSES.iter().map(|p| p.name.to_owned()).collect())
    }

    /// The same, and without those that repeat code: `-Os`.
    pub fn and_growing(&self) -> Disabled {
        Disabled(self.0.iter().cloned().chain(GROWING.map(str::to_owned)).collect())
    }

    /// The same, and without those that trust what branches have decided.
    pub fn and_trusting(&self) -> Disabled {
        let trusting = PASSES.iter().filter(|p| p.trusting).map(|p| p.name.to_owned());
        Disabled(self.0.iter().cloned().chain(trusting).collect())
    }

    /// Calls stay calls.
    pub fn inlining(&self) -> bool {
        self.names(INLINE)
    }

    /// Branches by tables stay what they are.
    pub fn comparing(&self) -> bool {
        self.names(COMPARISONS)
    }

    fn has(&self, pass: &Pass) -> bool {
        self.names(pass.name)
    }

    fn names(&self, pass: &str) -> bool {
        self.0.iter().any(|name| name == pass)
    }
}

/// Runs the passes in front of Cranelift's optimizer. Control flow graph and dominators are known, aliases resolved.
pub fn before(context: &mut Context, isa: &dyn TargetIsa, plan: &Plan, disabled: &Disabled, work: Option<&Work>) {
    let large_offsets = matches!(isa.triple().architecture, Architecture::X86_64);
    let has_vectors = large_offsets || matches!(isa.triple().architecture, Architecture::Aarch64(_));
    let mut shape_is_known = false;
    for (number, pass) in PASSES.iter().enumerate().filter(|(_, p)| !disabled.has(p)) {
        let (Run::Before(run) | Run::Reshape(run)) = pass.run else { continue };
        if !shape_is_known {
            context.compute_loop_analysis();
            shape_is_known = true;
        }
        let Context { func, cfg, domtree, loop_analysis, .. } = context;
        let flow = Flow { cfg, domtree, loops: loop_analysis };
        let mut unit = Unit { func, plan, flow, travel: Travel::on(isa), large_offsets, has_vectors };
        let changes = Work::of(work, number, || run(&mut unit));
        if changes > 0 && matches!(pass.run, Run::Reshape(_)) {
            context.flowgraph();
            shape_is_known = false;
        }
    }
}

/// Runs those behind it.
pub fn behind(context: &mut Context, isa: &dyn TargetIsa, disabled: &Disabled, work: Option<&Work>) {
    let adds_three = matches!(isa.triple().architecture, Architecture::X86_64);
    let mut late = Late { context, adds_three };
    for (number, pass) in PASSES.iter().enumerate().filter(|(_, p)| !disabled.has(p)) {
        if let Run::Behind(run) = pass.run {
            Work::of(work, number, || run(&mut late));
        }
    }
}
