//! Scripts on a target: their modules compiled, linked into few executables, and run.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::read::{Object as _, ObjectSymbol as _};
use palisade::name::link_symbol;
use palisade::read::Features;
use rayon::prelude::*;
use wasmparser::GlobalType;
use wasmparser::types::EntityType;

use crate::script::{Directive, Ending, Module, ModuleId, SPECTEST, Script, Slot, Step};
use crate::support::linked::{Linked, letter};
use crate::support::{self, Machine, run, write};

/// What came of a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(String),
    /// It needs a feature that the compiler says it does not have.
    Unsupported {
        feature: String,
        /// True where the directive's own module is refused, false where it only uses a refused one.
        own: bool,
    },
}

/// What came of compiling a module.
enum Compiled {
    Object(Box<Built>),
    Refused(String),
    /// Never an answer, not even to an invalid module.
    Panicked,
    Unsupported(String),
}

const PANICKED: &str = "the compiler panics";

struct Built {
    path: PathBuf,
    defined: HashSet<String>,
    /// `wasm.…` symbols that another module must define.
    needed: Vec<String>,
    exports: HashMap<String, EntityType>,
    types: wasmparser::types::Types,
}

/// A batch is linked into one executable. Their number is a balance: an executable that does not link or ends early
/// takes its scripts with it until they are tried again in smaller batches.
const BATCHES: usize = 4;

/// Runs all scripts; the verdicts are in the order of their directives.
pub fn run_all(machine: &Machine, scripts: &[Script], dir: &Path) -> Vec<Vec<Verdict>> {
    let suite = Suite::prepare(machine, scripts, dir);
    let mut verdicts: Vec<Vec<Option<Verdict>>> = suite.settle_before_running();
    let sizes = scripts.iter().map(|s| s.modules.len().max(1)).sum::<usize>() / BATCHES + 1;
    let mut batches: Vec<Vec<usize>> = vec![Vec::new()];
    let mut size = 0;
    for (index, script) in scripts.iter().enumerate() {
        if size > sizes {
            batches.push(Vec::new());
            size = 0;
        }
        size += script.modules.len().max(1);
        batches.last_mut().expect("it begins with one").push(index);
    }
    for (index, answer) in
        batches.par_iter().flat_map_iter(|batch| suite.run_batch(batch, &verdicts)).collect::<Vec<_>>()
    {
        for (verdict, answer) in verdicts[index].iter_mut().zip(answer) {
            verdict.get_or_insert(answer);
        }
    }
    verdicts.into_iter().map(|v| v.into_iter().map(|v| v.expect("every batch answers")).collect()).collect()
}

struct Suite<'a> {
    machine: &'a Machine,
    scripts: &'a [Script],
    compiled: Vec<Vec<Compiled>>,
    dir: &'a Path,
    /// Linked into every batch.
    common: Vec<PathBuf>,
    spectest: Box<Built>,
}

impl<'a> Suite<'a> {
    fn prepare(machine: &'a Machine, scripts: &'a [Script], dir: &'a Path) -> Suite<'a> {
        let spectest = wat::parse_str(include_str!("spectest.wat")).expect("our own text");
        let spectest = match compile(machine, dir, SPECTEST, "spectest.wat", &spectest, Vec::new(), Features::default())
        {
            Compiled::Object(built) => built,
            Compiled::Refused(e) | Compiled::Unsupported(e) => panic!("spectest.wat: {e}"),
            Compiled::Panicked => panic!("the compiler panics on spectest.wat"),
        };
        let compiled = scripts
            .par_iter()
            .map(|script| script.modules.par_iter().map(|m| compile_module(machine, dir, script, m)).collect())
            .collect();
        let common = vec![compile_driver(machine, dir), spectest.path.clone(), machine.runtime()];
        Suite { machine, scripts, compiled, dir, common, spectest }
    }

    /// The verdicts that need no run, `None` for the others.
    fn settle_before_running(&self) -> Vec<Vec<Option<Verdict>>> {
        self.scripts.iter().zip(&self.compiled).map(|(script, compiled)| self.settle(script, compiled)).collect()
    }

    fn settle(&self, script: &Script, compiled: &[Compiled]) -> Vec<Option<Verdict>> {
        // What the instance of a slot is missing, and why.
        let mut missing: HashMap<Slot, Verdict> = HashMap::new();
        let mut verdicts = Vec::new();
        for Directive { step, .. } in &script.directives {
            let verdict = self.settle_step(script, compiled, step, &missing);
            if let (Step::Instantiate { slot, .. }, Some(verdict)) = (step, &verdict) {
                missing.insert(*slot, used(verdict));
            }
            verdicts.push(verdict);
        }
        verdicts
    }

    fn settle_step(
        &self,
        script: &Script,
        compiled: &[Compiled],
        step: &Step,
        missing: &HashMap<Slot, Verdict>,
    ) -> Option<Verdict> {
        match step {
            Step::Broken(why) => Some(Verdict::Failed(why.clone())),
            Step::RejectedAsText => Some(Verdict::Passed),
            Step::Reject(module) => Some(match &compiled[*module] {
                Compiled::Object(_) => Verdict::Failed("the compiler accepts it".into()),
                Compiled::Refused(_) => Verdict::Passed,
                Compiled::Panicked => Verdict::Failed(PANICKED.into()),
                Compiled::Unsupported(feature) => Verdict::Unsupported { feature: feature.clone(), own: true },
            }),
            Step::Define(module) => Some(self.refusal(&compiled[*module]).unwrap_or(Verdict::Passed)),
            Step::Instantiate { module, imports, ending, .. } => {
                if let Some(refusal) = self.refusal(&compiled[*module]) {
                    return Some(refusal);
                }
                if let Some(verdict) = imports.iter().flatten().find_map(|slot| missing.get(slot)) {
                    return Some(verdict.clone());
                }
                match (self.unresolved(script, compiled, *module), ending) {
                    (None, _) => None,
                    (Some(_), Ending::LinkError) => Some(Verdict::Passed),
                    (Some(symbol), _) => Some(Verdict::Failed(format!("nothing defines {symbol}"))),
                }
            }
            Step::Register(slot) | Step::Call { slot, .. } => missing.get(slot).cloned(),
        }
    }

    fn refusal(&self, compiled: &Compiled) -> Option<Verdict> {
        match compiled {
            Compiled::Object(_) => None,
            Compiled::Refused(error) => Some(Verdict::Failed(format!("the compiler says: {error}"))),
            Compiled::Panicked => Some(Verdict::Failed(PANICKED.into())),
            Compiled::Unsupported(feature) => Some(Verdict::Unsupported { feature: feature.clone(), own: true }),
        }
    }

    /// A symbol that the module needs and the modules it imports from do not define.
    fn unresolved(&self, script: &Script, compiled: &[Compiled], module: ModuleId) -> Option<String> {
        let Compiled::Object(built) = &compiled[module] else { return None };
        let providers: Vec<&Built> = script.modules[module]
            .imports
            .iter()
            .filter_map(|(_, provider)| match provider.as_ref()?.module {
                None => Some(&*self.spectest),
                Some(id) => match &compiled[id] {
                    Compiled::Object(built) => Some(&**built),
                    _ => None,
                },
            })
            .collect();
        let needed = built.needed.iter();
        needed.into_iter().find(|symbol| !providers.iter().any(|p| p.defined.contains(*symbol))).cloned()
    }

    /// Links and runs these scripts. Where that fails as a whole, halves are tried, so that one script does not
    /// take others with it.
    fn run_batch(&self, batch: &[usize], settled: &[Vec<Option<Verdict>>]) -> Vec<(usize, Vec<Verdict>)> {
        if batch.is_empty() {
            return Vec::new();
        }
        let whole = Batch::new(self, batch, settled);
        match whole.run() {
            Ok(answers) => batch.iter().copied().zip(whole.verdicts(&answers)).collect(),
            Err(why) if batch.len() == 1 => {
                let count = self.scripts[batch[0]].directives.len();
                vec![(batch[0], vec![Verdict::Failed(why); count])]
            }
            Err(_) => {
                let (left, right) = batch.split_at(batch.len() / 2);
                let mut answers = self.run_batch(left, settled);
                answers.extend(self.run_batch(right, settled));
                answers
            }
        }
    }
}

/// The verdict on what uses an instance that has this verdict.
fn used(verdict: &Verdict) -> Verdict {
    match verdict {
        Verdict::Unsupported { feature, .. } => Verdict::Unsupported { feature: feature.clone(), own: false },
        Verdict::Failed(why) => Verdict::Failed(format!("its module has no instance: {why}")),
        Verdict::Passed => Verdict::Failed("its module is not to be instantiated".into()),
    }
}

fn compile_module(machine: &Machine, dir: &Path, script: &Script, module: &Module) -> Compiled {
    let renamed = module.imports.iter().filter_map(|(name, provider)| {
        let c_name = match provider.as_ref()?.module {
            None => SPECTEST.to_owned(),
            Some(id) => script.modules[id].name.clone(),
        };
        Some((name.clone(), c_name))
    });
    let file = format!("{}:{}", script.home(), module.line);
    compile(machine, dir, &module.name, &file, &module.wasm, renamed.collect(), script.features)
}

fn compile(
    machine: &Machine,
    dir: &Path,
    name: &str,
    file: &str,
    wasm: &[u8],
    imports: Vec<(String, String)>,
    features: Features,
) -> Compiled {
    let mut options = palisade::Options::new(name);
    options.file = file.to_owned();
    options.target = machine.target();
    options.for_size = machine.level == "s";
    options.opt_level = machine.level.parse().unwrap_or(options.opt_level);
    options.imports = imports;
    options.features = features;
    if let Ok(specs) = std::env::var("PALISADE_SPEC_MEMORY") {
        let parse = |spec: &str| palisade::plan::MemorySpec::parse(spec).expect("a spec");
        options.memories = specs.split(' ').map(parse).collect();
    }
    let result = std::panic::catch_unwind(|| palisade::compile(wasm, &options));
    match result {
        Ok(Ok(object)) => Compiled::Object(Box::new(Built::new(dir, name, wasm, &object.bytes))),
        Ok(Err(e)) if e.is_unsupported() => Compiled::Unsupported(feature(&e.to_string())),
        Ok(Err(e)) => Compiled::Refused(e.to_string()),
        Err(_) => Compiled::Panicked,
    }
}

/// "function 1 at offset 0x2b: the tail-call feature is not supported" → "the tail-call feature".
fn feature(error: &str) -> String {
    let error = error.rsplit_once(": ").map_or(error, |(_, message)| message);
    error.trim_end_matches(" is not supported").to_owned()
}

impl Built {
    fn new(dir: &Path, name: &str, wasm: &[u8], bytes: &[u8]) -> Built {
        let path = write(dir, &format!("{name}.o"), bytes);
        let file = object::File::parse(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut defined = HashSet::new();
        let mut needed = Vec::new();
        for symbol in file.symbols().filter(|s| s.is_global()) {
            let symbol_name = symbol.name().expect("ours are ASCII").to_owned();
            if !symbol.is_undefined() {
                defined.insert(symbol_name);
            } else if symbol_name.starts_with("wasm.") && !symbol.is_weak() {
                needed.push(symbol_name);
            }
        }
        let types = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
            .validate_all(wasm)
            .unwrap_or_else(|e| panic!("{name}: the compiler accepts an invalid module: {e}"));
        let exports = types.as_ref().core_exports().expect("a module");
        let exports = exports.map(|(name, ty)| (name.to_owned(), ty)).collect();
        Built { path, defined, needed, exports, types }
    }

    /// C types of the parameters and results of an export, as the driver's letters; `None` for a global's first.
    fn signature(&self, export: &str) -> Option<(Option<String>, String)> {
        match self.exports.get(export)? {
            EntityType::Func(id) | EntityType::FuncExact(id) => {
                let ty = self.types[*id].unwrap_func();
                Some((Some(ty.params().iter().map(letter).collect()), ty.results().iter().map(letter).collect()))
            }
            EntityType::Global(GlobalType { content_type, .. }) => Some((None, letter(content_type).into())),
            EntityType::Table(_) | EntityType::Memory(_) | EntityType::Tag(_) => None,
        }
    }
}

fn compile_driver(machine: &Machine, dir: &Path) -> PathBuf {
    let object = dir.join("driver.o");
    let source = support::root().join("tests/spec/driver.c");
    let headers = support::root().join("tests/support");
    run(machine.compiler().arg("-I").arg(headers).arg("-c").arg(source).arg("-o").arg(&object)).expect(0);
    object
}

/// What one executable is made of.
struct Batch<'a> {
    suite: &'a Suite<'a>,
    scripts: &'a [usize],
    settled: &'a [Vec<Option<Verdict>>],
    /// Numbers of the modules and exports in the generated C code.
    modules: HashMap<(usize, ModuleId), usize>,
    exports: HashMap<(usize, ModuleId, String), usize>,
    c: Linked,
    objects: Vec<PathBuf>,
    script: String,
    /// Directives that the driver can't be asked about.
    refused: HashMap<(usize, usize), String>,
}

impl<'a> Batch<'a> {
    fn new(suite: &'a Suite, scripts: &'a [usize], settled: &'a [Vec<Option<Verdict>>]) -> Batch<'a> {
        let mut batch = Batch {
            suite,
            scripts,
            settled,
            modules: HashMap::new(),
            exports: HashMap::new(),
            c: Linked::default(),
            objects: Vec::new(),
            script: String::new(),
            refused: HashMap::new(),
        };
        // Number 0 of every batch; the driver gives it slot 0.
        batch.c.module(SPECTEST, 0);
        for index in scripts {
            batch.add_script(*index);
        }
        batch
    }

    fn add_script(&mut self, index: usize) {
        let script = &self.suite.scripts[index];
        let last_use = last_uses(script);
        let mut module_of = HashMap::new();
        writeln!(self.script, "S {index}\nI - 0 0 0 ok").unwrap();
        for (number, directive) in script.directives.iter().enumerate() {
            if self.settled[index][number].is_some() {
                continue;
            }
            let id = format!("{index}:{number}");
            match &directive.step {
                Step::Instantiate { module, slot, imports, ending } => {
                    module_of.insert(*slot, *module);
                    let c_module = self.module(index, *module);
                    let imports: Vec<_> = imports.iter().map(|slot| slot.unwrap_or(0).to_string()).collect();
                    let imports = format!("{} {}", imports.len(), imports.join(" "));
                    let ending = shown_ending(ending);
                    writeln!(self.script, "I {id} {slot} {c_module} {imports} {ending}").unwrap();
                }
                Step::Register(slot) => writeln!(self.script, "R {id} {slot}").unwrap(),
                Step::Call { slot, export, arguments, ending } => match self.export(index, module_of[slot], export) {
                    Some(c_export) => {
                        let arguments = format!("{} {}", arguments.len(), arguments.join(" "));
                        let ending = shown_ending(ending);
                        writeln!(self.script, "C {id} {slot} {c_export} {arguments} {ending}").unwrap();
                    }
                    None => drop(self.refused.insert((index, number), format!("no export {export:?} to call"))),
                },
                _ => unreachable!("settled before running"),
            }
            // Freed as early as can be: whoever else needs the instance must have kept it alive.
            for slot in (1..script.slots).filter(|slot| last_use[*slot] == Some(number)) {
                writeln!(self.script, "F {slot}").unwrap();
            }
        }
    }

    fn built(&self, script: usize, module: ModuleId) -> &'a Built {
        match &self.suite.compiled[script][module] {
            Compiled::Object(built) => built,
            _ => unreachable!("settled before running"),
        }
    }

    fn module(&mut self, script: usize, id: ModuleId) -> usize {
        if let Some(number) = self.modules.get(&(script, id)) {
            return *number;
        }
        let module = &self.suite.scripts[script].modules[id];
        self.objects.push(self.built(script, id).path.clone());
        let number = self.modules.len() + 1;
        self.c.module(&module.name, module.imports.len());
        self.modules.insert((script, id), number);
        number
    }

    fn export(&mut self, script: usize, id: ModuleId, export: &str) -> Option<usize> {
        let key = (script, id, export.to_owned());
        if let Some(number) = self.exports.get(&key) {
            return Some(*number);
        }
        let (parameters, results) = self.built(script, id).signature(export)?;
        let symbol = link_symbol(&self.suite.scripts[script].modules[id].name, export);
        let number = self.c.export(&symbol, parameters.as_deref(), &results);
        self.exports.insert(key, number);
        Some(number)
    }

    /// The driver's answers by script and directive; an error if nothing could be run.
    fn run(&self) -> Result<Answers, String> {
        let name = format!("batch{}_{}", self.scripts[0], self.scripts.len());
        let dir = self.suite.dir;
        let c = write(dir, &format!("{name}.c"), self.c.text());
        let objects: Vec<_> = self.objects.iter().map(|o| o.display().to_string()).collect();
        let objects = write(dir, &format!("{name}.objects"), objects.join("\n"));
        let script = write(dir, &format!("{name}.script"), &self.script);
        let program = dir.join(&name);
        let mut cc = self.suite.machine.compiler();
        cc.arg("-I").arg(support::root().join("tests/support")).arg(c).arg(format!("@{}", objects.display()));
        let linked = run(cc.args(&self.suite.common).args(["-lpthread", "-lm", "-o"]).arg(&program));
        if !linked.ok() {
            return Err(format!("it does not link: {}", first_lines(&linked.stderr())));
        }
        let ran = run(Command::arg(&mut self.suite.machine.command(&program), script));
        let answers = Answers::parse(&ran.stdout());
        if answers.complete {
            Ok(answers)
        } else {
            Err(format!("the driver ended with {}: {}", ran.status, ran.stderr()))
        }
    }

    fn verdicts(&self, answers: &Answers) -> Vec<Vec<Verdict>> {
        let one = |index: usize| {
            let count = self.suite.scripts[index].directives.len();
            (0..count).map(|number| self.verdict(answers, index, number)).collect()
        };
        self.scripts.iter().map(|index| one(*index)).collect()
    }

    fn verdict(&self, answers: &Answers, index: usize, number: usize) -> Verdict {
        if let Some(verdict) = &self.settled[index][number] {
            return verdict.clone();
        }
        if let Some(why) = self.refused.get(&(index, number)) {
            return Verdict::Failed(why.clone());
        }
        match (answers.by_directive.get(&(index, number)), answers.crashed.get(&index)) {
            (Some(None), _) => Verdict::Passed,
            (Some(Some(got)), _) => {
                let wanted = wanted(&self.suite.scripts[index].directives[number].step);
                Verdict::Failed(format!("expected {wanted}, got {got}"))
            }
            (None, Some(how)) => Verdict::Failed(format!("not reached: the process ended with {how}")),
            (None, None) => Verdict::Failed("the driver gave no answer".into()),
        }
    }
}

fn first_lines(text: &str) -> String {
    text.lines().take(4).collect::<Vec<_>>().join(" / ")
}

/// The last directive that needs each slot.
fn last_uses(script: &Script) -> Vec<Option<usize>> {
    let mut last = vec![None; script.slots];
    for (number, directive) in script.directives.iter().enumerate() {
        match &directive.step {
            Step::Instantiate { slot, imports, .. } => {
                for slot in imports.iter().flatten().chain([slot]) {
                    last[*slot] = Some(number);
                }
            }
            Step::Register(slot) | Step::Call { slot, .. } => last[*slot] = Some(number),
            _ => {}
        }
    }
    last
}

fn shown_ending(ending: &Ending) -> String {
    match ending {
        Ending::Instance => "ok".into(),
        Ending::Returns(patterns) => format!("r {} {}", patterns.len(), patterns.join(" ")),
        Ending::ReturnsAny => "any".into(),
        Ending::Traps(text) => {
            let kinds: Vec<_> = trap_kinds(text).iter().map(u8::to_string).collect();
            format!("t {}", kinds.join(","))
        }
        Ending::LinkError => "t 13".into(),
    }
}

fn wanted(step: &Step) -> String {
    match step {
        Step::Call { ending, .. } | Step::Instantiate { ending, .. } => match ending {
            Ending::Instance => "an instance".into(),
            Ending::Returns(patterns) if patterns.is_empty() => "no results".into(),
            Ending::Returns(patterns) => patterns.join(" "),
            Ending::ReturnsAny => "a return".into(),
            Ending::Traps(text) => format!("trap {text:?}"),
            Ending::LinkError => "a link error".into(),
        },
        _ => "an instance".into(),
    }
}

/// The values of `pal_trap` that a text of the suite stands for. As there, a text may be the beginning of another.
fn trap_kinds(text: &str) -> &'static [u8] {
    match text {
        "out of bounds memory access" => &[1],
        "out of bounds table access" | "undefined element" | "undefined" => &[3],
        "out of bounds" => &[1, 3],
        "uninitialized element" | "uninitialized" => &[4],
        "indirect call type mismatch" | "indirect call" => &[5],
        "integer divide by zero" => &[6],
        "integer overflow" => &[7],
        "invalid conversion to integer" => &[8],
        "unreachable" => &[9],
        "call stack exhausted" => &[10],
        "uncaught exception" => &[12],
        _ if text.starts_with("uninitialized element") => &[4],
        "cast failure" | "cast" => &[18],
        "unaligned atomic" => &[19],
        "expected shared memory" => &[20],
        _ if text.starts_with("null") => &[11],
        _ => panic!("no pal_trap stands for {text:?}"),
    }
}

/// What the driver said.
#[derive(Default)]
struct Answers {
    /// By script and directive: `None` passed, else what happened.
    by_directive: HashMap<(usize, usize), Option<String>>,
    /// Scripts whose process ended early, and how.
    crashed: HashMap<usize, String>,
    complete: bool,
}

impl Answers {
    fn parse(text: &str) -> Answers {
        let mut answers = Answers::default();
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("p"), Some(id), None) => drop(answers.by_directive.insert(directive_id(id), None)),
                (Some("f"), Some("-"), what) => panic!("the driver's own step failed: {what:?}"),
                (Some("f"), Some(id), what) => {
                    answers.by_directive.insert(directive_id(id), Some(what.unwrap_or_default().to_owned()));
                }
                (Some("x"), Some(script), how) => {
                    answers.crashed.insert(script.parse().expect("a number"), how.unwrap_or_default().to_owned());
                }
                (Some("end"), None, None) => answers.complete = true,
                _ => panic!("an answer of the driver is not understood: {line}"),
            }
        }
        answers
    }
}

fn directive_id(id: &str) -> (usize, usize) {
    let (script, number) = id.split_once(':').expect("script:directive");
    (script.parse().expect("a number"), number.parse().expect("a number"))
}
