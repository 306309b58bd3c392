//! Many modules in one executable, and Wasmtime on the same: what differs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use palisade::name::link_symbol;

use crate::generate::{Export, FUEL, FUEL_A_CALL, Kind, Subject, features};
use crate::list::List;
use crate::support::{self, Machine, run, write};

/// `pal_trap` of an overflow: how deep a stack is differs, so nothing behind one is compared.
const STACK_OVERFLOW: &str = "trap 10";
const HOST: &str = "host";

/// What all batches of a machine share.
pub struct Sides<'a> {
    pub machine: &'a Machine,
    dir: &'a Path,
    /// Linked into every executable.
    common: Vec<PathBuf>,
    reference: &'a Path,
    /// An option for the C compiler: a quicker linker than its own.
    linker: Option<&'static str>,
    host: Vec<u8>,
    host_wasm: PathBuf,
}

/// A difference, or another failure.
pub struct Difference {
    pub seed: u64,
    pub what: String,
}

/// What came of a batch.
#[derive(Default)]
pub struct Outcome {
    pub differences: Vec<Difference>,
    pub tally: Tally,
}

/// What was compared.
#[derive(Default)]
pub struct Tally {
    pub modules: usize,
    pub exports_called: usize,
    pub not_called: usize,
    /// Answers by their first words: `made`, `returned`, `trap 9`.
    pub answers: BTreeMap<String, usize>,
    /// Modules that were compared up to a stack overflow only.
    pub cut_short: usize,
    /// Modules with something that is not compiled, by the compiler's words.
    pub unsupported: BTreeMap<String, usize>,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.modules += other.modules;
        self.exports_called += other.exports_called;
        self.not_called += other.not_called;
        self.cut_short += other.cut_short;
        add_counts(&mut self.answers, other.answers);
        add_counts(&mut self.unsupported, other.unsupported);
    }
}

fn add_counts(to: &mut BTreeMap<String, usize>, from: BTreeMap<String, usize>) {
    for (name, count) in from {
        *to.entry(name).or_default() += count;
    }
}

/// The program that is Wasmtime's side, in `dir`.
pub fn build_reference(dir: &Path) -> PathBuf {
    const FIND: &str = "import glob, os, wasmtime; \
        print(glob.glob(os.path.dirname(wasmtime.__file__) + '/linux-*/_libwasmtime.so')[0])";
    let library = run(Command::new("python3").args(["-c", FIND])).expect(0).stdout().trim().to_owned();
    let folder = Path::new(&library).parent().expect("a path").display().to_string();
    let program = dir.join("reference");
    let mut cc = Machine::host().compiler();
    add_sources(&mut cc, &["driver.c", "wasmtime.c"]);
    let link = [library, format!("-Wl,-rpath,{folder}"), "-lpthread".into(), "-o".into()];
    run(cc.arg("-O1").args(link).arg(&program)).expect(0);
    program
}

fn add_sources(cc: &mut Command, files: &[&str]) {
    let tests = support::root().join("tests");
    cc.arg("-I").arg(tests.join("support")).arg("-I").arg(tests.join("differential"));
    cc.args(files.iter().map(|file| tests.join("differential").join(file)));
}

impl<'a> Sides<'a> {
    pub fn new(machine: &'a Machine, dir: &'a Path, reference: &'a Path) -> Sides<'a> {
        let host = wat::parse_str(include_str!("host.wat")).expect("our own text");
        let mut options = palisade::Options::new(HOST);
        options.target = machine.target();
        options.nan_canonicalization = true;
        let object = palisade::compile(&host, &options).unwrap_or_else(|e| panic!("host.wat: {e}"));
        let mut common = vec![write(dir, "host.o", &object.bytes)];
        for source in ["driver.c", "palisade.c", "call.c"] {
            let object = dir.join(source).with_extension("o");
            let mut cc = machine.compiler();
            add_sources(&mut cc, &[source]);
            run(cc.args(["-O1", "-c", "-o"]).arg(&object)).expect(0);
            common.push(object);
        }
        common.push(machine.runtime());
        let host_wasm = write(dir, "host.wasm", &host);
        let linker = (machine.is_host() && support::installed("mold")).then_some("-fuse-ld=mold");
        Sides { machine, dir, common, reference, linker, host, host_wasm }
    }

    /// Compiles, links, runs and compares; `relaxed`: the modules have relaxed SIMD.
    pub fn run(&self, subjects: &[Subject], relaxed: bool) -> Outcome {
        let dir = tempfile::Builder::new().prefix("batch").tempdir_in(self.dir).expect("a folder");
        let mut batch = Batch::new(self, dir.path());
        let objects: Vec<_> = subjects.iter().map(|subject| compile(self.machine, subject)).collect();
        for (subject, object) in subjects.iter().zip(objects) {
            match object {
                Compiled::Object(bytes) => batch.add(subject, &bytes),
                Compiled::Unsupported(what) => *batch.outcome.tally.unsupported.entry(what).or_default() += 1,
                Compiled::Failed(what) => batch.outcome.differences.push(Difference { seed: subject.seed, what }),
            }
        }
        match batch.link() {
            Ok(program) => batch.compare(&program, relaxed),
            Err(why) => batch.blame_all(&why),
        }
        batch.outcome
    }
}

enum Compiled {
    Object(Vec<u8>),
    Unsupported(String),
    Failed(String),
}

fn compile(machine: &Machine, subject: &Subject) -> Compiled {
    let mut options = palisade::Options::new(&name(subject));
    options.target = machine.target();
    options.imports = vec![(HOST.into(), HOST.into())];
    options.features = features();
    options.opt_level = subject.opt_level;
    options.nan_canonicalization = true;
    options.memories = subject.memory.iter().map(|m| palisade::plan::MemorySpec::parse(m).expect("ours")).collect();
    subject.disabled_pass.iter().for_each(|pass| assert!(options.disabled_passes.add(pass)));
    match std::panic::catch_unwind(|| palisade::compile(&subject.wasm, &options)) {
        Ok(Ok(object)) => Compiled::Object(object.bytes),
        // "function 1 at offset 0x2b: type anyref is not supported"
        Ok(Err(e)) if e.is_unsupported() => {
            let message = e.to_string();
            Compiled::Unsupported(message.rsplit_once(": ").map_or(&*message, |(_, what)| what).to_owned())
        }
        Ok(Err(e)) => Compiled::Failed(format!("the compiler says: {e}")),
        Err(_) => Compiled::Failed("the compiler panics".into()),
    }
}

fn name(subject: &Subject) -> String {
    format!("m{}", subject.seed)
}

struct Batch<'a> {
    sides: &'a Sides<'a>,
    dir: &'a Path,
    list: List,
    objects: Vec<PathBuf>,
    script: String,
    seeds: Vec<u64>,
    outcome: Outcome,
    /// Numbers of the host's exports that belong to the state.
    host_state: Vec<(char, usize, String, char)>,
}

impl<'a> Batch<'a> {
    fn new(sides: &'a Sides<'a>, dir: &'a Path) -> Batch<'a> {
        let mut batch = Batch {
            sides,
            dir,
            list: List::default(),
            objects: Vec::new(),
            script: String::new(),
            seeds: Vec::new(),
            outcome: Outcome::default(),
            host_state: Vec::new(),
        };
        batch.list.module(HOST);
        for export in crate::generate::exports(&sides.host) {
            if let Some((kind, number, ty)) = batch.export(HOST, &export) {
                batch.host_state.push((kind, number, export.name, ty));
            }
        }
        batch
    }

    /// Lists an export; gives kind, number and type as the script has them, if it belongs to the state.
    fn export(&mut self, module: &str, export: &Export) -> Option<(char, usize, char)> {
        let symbol = link_symbol(module, &export.name);
        match &export.kind {
            Kind::Function(..) | Kind::Tag => None,
            Kind::Global(ty) => Some(('g', self.list.export(&symbol), *ty)),
            Kind::Memory => Some(('m', self.list.export(&symbol), '-')),
            Kind::Table(ty) => Some(('t', self.list.export(&symbol), *ty)),
        }
    }

    fn add(&mut self, subject: &Subject, object: &[u8]) {
        let (seed, name) = (subject.seed, name(subject));
        self.objects.push(write(self.dir, &format!("{name}.o"), object));
        let path = write(self.dir, &format!("{name}.wasm"), subject.other.as_ref().unwrap_or(&subject.wasm));
        self.seeds.push(seed);
        let module = self.seeds.len();
        self.list.module(&name);
        let uses_host = u8::from(subject.uses_host);
        writeln!(self.script, "M {seed}").unwrap();
        if subject.uses_host {
            for (kind, number, name, ty) in &self.host_state {
                writeln!(self.script, "X {kind} 0 {number} {} {ty}", hex(name)).unwrap();
            }
        }
        let fuel = self.add_state(subject, &name);
        writeln!(self.script, "N {module} {} {uses_host}", path.display()).unwrap();
        self.add_calls(subject, &name, fuel);
        self.outcome.tally.modules += 1;
        self.outcome.tally.not_called += subject.not_called;
    }

    /// Gives the fuel's number.
    fn add_state(&mut self, subject: &Subject, name: &str) -> usize {
        let mut fuel = None;
        for export in &subject.exports {
            let Some((kind, number, ty)) = self.export(name, export) else { continue };
            writeln!(self.script, "X {kind} 1 {number} {} {ty}", hex(&export.name)).unwrap();
            if export.name == FUEL {
                fuel = Some(number);
            }
        }
        fuel.expect("every module exports it")
    }

    fn add_calls(&mut self, subject: &Subject, name: &str, fuel: usize) {
        let mut numbers = HashMap::new();
        for call in &subject.calls {
            let export = &subject.exports[call.export];
            let Kind::Function(parameters, results) = &export.kind else { unreachable!("only functions are called") };
            let export_number = || self.list.export(&link_symbol(name, &export.name));
            let number = *numbers.entry(call.export).or_insert_with(export_number);
            writeln!(self.script, "F {fuel} {} {FUEL_A_CALL}", hex(FUEL)).unwrap();
            let or_none = |types: &str| if types.is_empty() { "-".to_owned() } else { types.to_owned() };
            let (parameters, results) = (or_none(parameters), or_none(results));
            let arguments = call.arguments.join(" ");
            writeln!(self.script, "C 1 {number} {} {parameters} {results} {arguments}", hex(&export.name)).unwrap();
        }
        self.outcome.tally.exports_called += numbers.len();
    }

    fn link(&self) -> Result<PathBuf, String> {
        let list = write(self.dir, "list.s", self.list.text());
        let objects: Vec<_> = self.objects.iter().map(|o| o.display().to_string()).collect();
        let objects = write(self.dir, "objects", objects.join("\n"));
        let program = self.dir.join("program");
        let mut cc = self.sides.machine.compiler();
        cc.args(self.sides.linker).arg(list).arg(format!("@{}", objects.display()));
        let linked = run(cc.args(&self.sides.common).args(["-lpthread", "-lm", "-o"]).arg(&program));
        if linked.ok() { Ok(program) } else { Err(format!("it does not link: {}", linked.stderr())) }
    }

    /// What concerns all modules is said of the first.
    fn blame_all(&mut self, why: &str) {
        let why: Vec<_> = why.lines().take(5).collect();
        let what = format!("with all from this one to {:?}: {}", self.seeds.last(), why.join("\n"));
        self.outcome.differences.extend(self.seeds.first().map(|&seed| Difference { seed, what }));
    }

    fn compare(&mut self, program: &Path, relaxed: bool) {
        let script = write(self.dir, "script", &self.script);
        let mut ours = self.sides.machine.command(program);
        ours.arg(&script);
        let mut theirs = Command::new(self.sides.reference);
        let deterministic = relaxed && !self.sides.machine.is_host();
        theirs.arg(&script).arg(&self.sides.host_wasm).arg(if deterministic { "relaxed" } else { "-" });
        let (ours, theirs) = rayon::join(|| answers(&mut ours), || answers(&mut theirs));
        for answers in [&ours, &theirs].into_iter().flatten() {
            answers.1.lines().take(5).for_each(|line| support::say(format!("a driver says: {line}")));
        }
        let (ours, theirs) = match (ours, theirs) {
            (Ok((ours, _)), Ok((theirs, _))) => (ours, theirs),
            (Err(why), _) => return self.blame_all(&format!("our side: {why}")),
            (_, Err(why)) => return self.blame_all(&format!("Wasmtime's side: {why}")),
        };
        let none = Vec::new();
        for seed in self.seeds.clone() {
            let (ours, theirs) = (ours.get(&seed).unwrap_or(&none), theirs.get(&seed).unwrap_or(&none));
            self.compare_module(seed, ours, theirs);
        }
    }

    fn compare_module(&mut self, seed: u64, ours: &[String], theirs: &[String]) {
        for (at, ours) in ours.iter().enumerate() {
            let theirs = theirs.get(at).map_or("nothing", |answer| answer);
            if ours == STACK_OVERFLOW || theirs == STACK_OVERFLOW {
                self.outcome.tally.cut_short += 1;
                return;
            }
            if ours != theirs {
                let (ours, theirs) = different_words(ours, theirs);
                let what = format!("answer {at}:\n  ours:     {ours}\n  Wasmtime: {theirs}");
                return self.outcome.differences.push(Difference { seed, what });
            }
            *self.outcome.tally.answers.entry(kind_of_answer(ours)).or_default() += 1;
        }
        if ours.len() != theirs.len() || ours.is_empty() {
            let what = format!("{} answers, Wasmtime {}", ours.len(), theirs.len());
            self.outcome.differences.push(Difference { seed, what });
        }
    }
}

/// Both without what they share, if they are states.
fn different_words(ours: &str, theirs: &str) -> (String, String) {
    if !ours.starts_with("state") || !theirs.starts_with("state") {
        return (ours.to_owned(), theirs.to_owned());
    }
    let pairs = ours.split(' ').zip(theirs.split(' ')).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
    pairs.fold(Default::default(), |(mut all_ours, mut all_theirs): (String, String), (at, (ours, theirs))| {
        write!(all_ours, "word {at}: {ours} ").unwrap();
        write!(all_theirs, "word {at}: {theirs} ").unwrap();
        (all_ours, all_theirs)
    })
}

fn kind_of_answer(answer: &str) -> String {
    let words = if answer.starts_with("trap") { 2 } else { 1 };
    answer.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

/// With a letter in front, since names may be empty.
fn hex(name: &str) -> String {
    name.bytes().fold("x".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A side's answers by seed, and what it said on its standard error.
fn answers(command: &mut Command) -> Result<(HashMap<u64, Vec<String>>, String), String> {
    let ran = run(command);
    let text = ran.stdout();
    if !ran.ok() || !text.ends_with("end\n") {
        return Err(format!("it ended with {}: {}", ran.status, ran.stderr()));
    }
    let mut answers: HashMap<u64, Vec<String>> = HashMap::new();
    for line in text.lines() {
        let Some((seed, answer)) = line.split_once(' ') else { continue };
        let seed = seed.parse().map_err(|_| format!("not an answer: {line}"))?;
        answers.entry(seed).or_default().push(answer.to_owned());
    }
    Ok((answers, ran.stderr()))
}
