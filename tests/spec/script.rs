//! A `.wast` file as a list of modules to compile and steps to take with them.

use std::collections::HashMap;
use std::fmt::Write as _;

use palisade::read::Features;
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::ParseBuffer;
use wast::token::Id;
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

/// Index into [`Script::modules`].
pub type ModuleId = usize;
/// An instance within its script. Slot 0 is the host module `spectest`.
pub type Slot = usize;

pub const SPECTEST: &str = "spectest";

/// One file of the suite. Suites share files: it runs once and counts for all of its homes.
pub struct Script {
    /// `suite/file.wast`; the first is what reports call it.
    pub homes: Vec<String>,
    pub features: Features,
    pub modules: Vec<Module>,
    pub directives: Vec<Directive>,
    /// Number of instances, `spectest` included.
    pub slots: usize,
}

pub struct Module {
    /// Its C name, unique in the suite.
    pub name: String,
    pub line: usize,
    pub wasm: Vec<u8>,
    /// Import modules in order of first import, with what their names stand for when the module is defined.
    pub imports: Vec<(String, Option<Provider>)>,
}

/// A registered instance and the module it is of; `None`: `spectest`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    pub slot: Slot,
    pub module: Option<ModuleId>,
}

pub struct Directive {
    pub line: usize,
    pub step: Step,
}

pub enum Step {
    /// The module compiles; nothing is run.
    Define(ModuleId),
    Instantiate {
        module: ModuleId,
        slot: Slot,
        imports: Vec<Option<Slot>>,
        ending: Ending,
    },
    /// The compiler must refuse the module.
    Reject(ModuleId),
    /// The text does not parse, as it should be.
    RejectedAsText,
    Register(Slot),
    /// A call of an exported function, or the value of an exported global.
    Call {
        slot: Slot,
        export: String,
        arguments: Vec<String>,
        ending: Ending,
    },
    /// The harness can't do this.
    Broken(String),
}

/// What must come of a step; values and patterns as in `driver.c`.
pub enum Ending {
    Instance,
    Returns(Vec<String>),
    /// Returns whatever it likes.
    ReturnsAny,
    /// With the suite's text of the trap.
    Traps(String),
    /// Instantiation finds that an import does not fit.
    LinkError,
}

impl Script {
    /// `number` keeps the names of this script's modules apart from those of others.
    pub fn parse(homes: Vec<String>, text: &str, number: usize, features: Features) -> Script {
        let home = &homes[0];
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).unwrap_or_else(|e| panic!("{home}: {e}"));
        let wast: Wast = wast::parser::parse(&buffer).unwrap_or_else(|e| panic!("{home}: {e}"));
        let mut reader = Reader::new(text, number);
        for directive in wast.directives {
            reader.read(directive);
        }
        let Reader { modules, directives, slots, .. } = reader;
        Script { homes, features, modules, directives, slots }
    }

    pub fn home(&self) -> &str {
        &self.homes[0]
    }
}

struct Reader<'a> {
    text: &'a str,
    number: usize,
    modules: Vec<Module>,
    directives: Vec<Directive>,
    slots: usize,
    /// What `register` named.
    registry: HashMap<String, Provider>,
    /// Instances and definitions by their `$id`; `None` is the latest.
    instances: HashMap<Option<String>, Provider>,
    definitions: HashMap<Option<String>, ModuleId>,
}

fn key(id: Option<Id>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, number: usize) -> Reader<'a> {
        Reader {
            text,
            number,
            modules: Vec::new(),
            directives: Vec::new(),
            slots: 1,
            registry: HashMap::from([(SPECTEST.to_owned(), Provider { slot: 0, module: None })]),
            instances: HashMap::new(),
            definitions: HashMap::new(),
        }
    }

    fn read(&mut self, directive: WastDirective) {
        let line = directive.span().linecol_in(self.text).0 + 1;
        let step = self.step(directive, line).unwrap_or_else(Step::Broken);
        self.directives.push(Directive { line, step });
    }

    fn step(&mut self, directive: WastDirective, line: usize) -> Result<Step, String> {
        match directive {
            WastDirective::Module(mut wat) => {
                let id = wat.name();
                let module = self.module(&mut wat, line)?;
                Ok(self.instantiate(module, Some(key(id)), Ending::Instance))
            }
            WastDirective::ModuleDefinition(mut wat) => {
                let id = wat.name();
                let module = self.module(&mut wat, line)?;
                self.definitions.insert(key(id), module);
                self.definitions.insert(None, module);
                Ok(Step::Define(module))
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let module = *self.definitions.get(&key(module)).ok_or("no such definition")?;
                Ok(self.instantiate(module, Some(key(instance)), Ending::Instance))
            }
            WastDirective::AssertMalformed { module, .. }
            | WastDirective::AssertInvalid { module, .. }
            | WastDirective::AssertMalformedCustom { module, .. }
            | WastDirective::AssertInvalidCustom { module, .. } => Ok(self.reject(module, line)),
            WastDirective::Register { name, module, .. } => {
                let provider = self.instance(module)?;
                self.registry.insert(name.to_owned(), provider);
                Ok(Step::Register(provider.slot))
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke, Ending::ReturnsAny),
            WastDirective::AssertReturn { exec, results, .. } => {
                let patterns = results.iter().map(pattern).collect::<Result<_, _>>()?;
                self.execute(exec, Ending::Returns(patterns), line)
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.execute(exec, Ending::Traps(message.to_owned()), line)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.invoke(&call, Ending::Traps(message.to_owned()))
            }
            WastDirective::AssertException { exec, .. } => {
                self.execute(exec, Ending::Traps("uncaught exception".to_owned()), line)
            }
            WastDirective::AssertUnlinkable { module, .. } => {
                let module = self.module(&mut QuoteWat::Wat(module), line)?;
                Ok(self.instantiate(module, None, Ending::LinkError))
            }
            WastDirective::AssertSuspension { .. } => Err("assert_suspension: no such proposal is claimed".into()),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => Err("threads: not yet in the harness".into()),
        }
    }

    fn module(&mut self, wat: &mut QuoteWat, line: usize) -> Result<ModuleId, String> {
        let wasm = wat.encode().map_err(|e| format!("the text does not parse: {e}"))?;
        Ok(self.add(wasm, line))
    }

    fn add(&mut self, wasm: Vec<u8>, line: usize) -> ModuleId {
        let name = format!("w{}_{}", self.number, self.modules.len());
        let imports = import_modules(&wasm);
        let imports = imports.into_iter().map(|module| (module.clone(), self.registry.get(&module).copied()));
        let imports = imports.collect();
        self.modules.push(Module { name, line, wasm, imports });
        self.modules.len() - 1
    }

    fn reject(&mut self, mut wat: QuoteWat, line: usize) -> Step {
        match wat.encode() {
            Ok(wasm) => Step::Reject(self.add(wasm, line)),
            Err(_) => Step::RejectedAsText,
        }
    }

    /// `id` of `None`: nothing after it can name this instance.
    fn instantiate(&mut self, module: ModuleId, id: Option<Option<String>>, ending: Ending) -> Step {
        let slot = self.slots;
        self.slots += 1;
        let providers = self.modules[module].imports.iter().map(|(name, _)| self.registry.get(name));
        let imports = providers.map(|provider| provider.map(|p| p.slot)).collect();
        if let Some(id) = id {
            let provider = Provider { slot, module: Some(module) };
            self.instances.insert(id, provider);
            self.instances.insert(None, provider);
        }
        Step::Instantiate { module, slot, imports, ending }
    }

    fn instance(&self, id: Option<Id>) -> Result<Provider, String> {
        self.instances.get(&key(id)).copied().ok_or_else(|| "no such instance".into())
    }

    fn execute(&mut self, exec: WastExecute, ending: Ending, line: usize) -> Result<Step, String> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke, ending),
            WastExecute::Get { module, global, .. } => {
                let slot = self.instance(module)?.slot;
                Ok(Step::Call { slot, export: global.to_owned(), arguments: Vec::new(), ending })
            }
            WastExecute::Wat(wat @ Wat::Module(_)) => {
                let module = self.module(&mut QuoteWat::Wat(wat), line)?;
                Ok(self.instantiate(module, None, ending))
            }
            WastExecute::Wat(Wat::Component(_)) => Err("a component".into()),
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke, ending: Ending) -> Result<Step, String> {
        let slot = self.instance(invoke.module)?.slot;
        let arguments = invoke.args.iter().map(argument).collect::<Result<_, _>>()?;
        Ok(Step::Call { slot, export: invoke.name.to_owned(), arguments, ending })
    }
}

/// The distinct modules that `wasm` imports from, in order of first import; as far as it can be read.
fn import_modules(wasm: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(wasmparser::Payload::ImportSection(section)) => {
                for import in section.into_imports().map_while(Result::ok) {
                    if !found.iter().any(|m| m == import.module) {
                        found.push(import.module.to_owned());
                    }
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

fn argument(argument: &WastArg) -> Result<String, String> {
    let WastArg::Core(argument) = argument else { return Err("a component's value".into()) };
    Ok(match argument {
        WastArgCore::I32(v) => format!("i{v:x}"),
        WastArgCore::I64(v) => format!("l{v:x}"),
        WastArgCore::F32(v) => format!("f{:x}", v.bits),
        WastArgCore::F64(v) => format!("d{:x}", v.bits),
        WastArgCore::V128(v) => v128(&v.to_le_bytes()),
        WastArgCore::RefNull(_) => "n".into(),
        WastArgCore::RefExtern(v) | WastArgCore::RefHost(v) => format!("e{v}"),
    })
}

fn v128(bytes: &[u8; 16]) -> String {
    bytes.iter().fold("v".to_owned(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string");
        out
    })
}

fn pattern(result: &WastRet) -> Result<String, String> {
    match result {
        WastRet::Core(result) => core_pattern(result),
        _ => Err("a component's value".into()),
    }
}

fn core_pattern(result: &WastRetCore) -> Result<String, String> {
    Ok(match result {
        WastRetCore::I32(v) => format!("i{v:x}"),
        WastRetCore::I64(v) => format!("l{v:x}"),
        WastRetCore::F32(v) => format!("f{}", nan(v, |v| format!("{:x}", v.bits))),
        WastRetCore::F64(v) => format!("d{}", nan(v, |v| format!("{:x}", v.bits))),
        WastRetCore::V128(v) => v128_pattern(v),
        WastRetCore::RefNull(_) => "n".into(),
        WastRetCore::RefExtern(Some(v)) | WastRetCore::RefHost(v) => format!("e{v}"),
        WastRetCore::Either(all) => all.iter().map(core_pattern).collect::<Result<Vec<_>, _>>()?.join("|"),
        WastRetCore::RefExtern(None) | WastRetCore::RefFunc(_) => "R".into(),
        other => return Err(format!("a result {other:?} is not yet in the harness")),
    })
}

fn nan<T>(pattern: &NanPattern<T>, bits: impl Fn(&T) -> String) -> String {
    match pattern {
        NanPattern::CanonicalNan => "c".into(),
        NanPattern::ArithmeticNan => "a".into(),
        // The zero keeps a value of hex digits from looking like a NaN's letter.
        NanPattern::Value(v) => format!("0{}", bits(v)),
    }
}

fn v128_pattern(pattern: &V128Pattern) -> String {
    fn join<T>(lanes: &[T], text: impl Fn(&T) -> String) -> String {
        lanes.iter().map(text).collect::<Vec<_>>().join(",")
    }
    fn bytes<const N: usize, T>(lanes: &[T], to_bytes: impl Fn(&T) -> [u8; N]) -> String {
        let all: Vec<u8> = lanes.iter().flat_map(to_bytes).collect();
        v128(&all.try_into().expect("16 bytes"))
    }
    match pattern {
        V128Pattern::I8x16(v) => bytes(v, |l| l.to_le_bytes()),
        V128Pattern::I16x8(v) => bytes(v, |l| l.to_le_bytes()),
        V128Pattern::I32x4(v) => bytes(v, |l| l.to_le_bytes()),
        V128Pattern::I64x2(v) => bytes(v, |l| l.to_le_bytes()),
        V128Pattern::F32x4(v) => format!("wf{}", join(v, |l| nan(l, |v| format!("{:x}", v.bits)))),
        V128Pattern::F64x2(v) => format!("wd{}", join(v, |l| nan(l, |v| format!("{:x}", v.bits)))),
    }
}
