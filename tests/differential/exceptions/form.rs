//! How a module says its exceptions: in the legacy way, in the standard one, or each `try` in its own.
//!
//! What the legacy instructions mean in standard ones:
//!
//! `try BODY catch T HANDLER … end` (its label is L):
//!
//!     block $L
//!       block $c (result …T exnref)
//!         try_table (catch_ref T $c) BODY end
//!         br $L
//!       end
//!       local.set $e              ;; what was caught, for the handler's rethrows
//!       HANDLER                   ;; outside of the try_table: its exceptions go on outwards
//!     end
//!
//! with such an inner block for each catch, since all handlers but none of the bodies are outside of the try_table.
//!
//! `rethrow L`, in a handler of L: `local.get $e throw_ref`. A local of its own per try will do: no handler is entered
//! again while it runs, but by another call of the function.
//!
//! `try BODY delegate D`: its exceptions are thrown once more at D, as if D's own instructions threw them. Handlers
//! between the two must not see them, those around D must: so they are taken by a branch out of everything in between
//! and thrown once more inside of D:
//!
//!     block $D
//!       block $d (result exnref)
//!         … try_table (catch_all_ref $d) BODY end …
//!         br $D                   ;; where D's code ends
//!       end
//!       throw_ref
//!     end
//!
//! If D is a `try` and this is in its body, `$d` is inside of D's try_table; in a handler of D it is not. If D is the
//! function, they go to the caller.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::tree::{Block, BlockKind, Catch, Delegate, HOST_TAGS, Label, Module, Node, Region, Signature, Try, Ty};
use crate::generate::FUEL;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Legacy,
    Standard,
    /// Both in turn, by labels.
    Mixed,
}

impl Form {
    fn is_legacy(self, label: usize) -> bool {
        self == Form::Legacy || (self == Form::Mixed && label.is_multiple_of(2))
    }
}

/// The module as text.
pub fn text(module: &Module, form: Form) -> String {
    let mut out = String::from("(module\n");
    if module.with_host {
        out.push_str(HOST_IMPORTS);
    }
    for (tag, params) in module.tags.iter().enumerate() {
        match HOST_TAGS.get(tag).filter(|_| module.with_host) {
            Some(name) => {
                writeln!(out, "(import \"host\" \"{name}\" (tag $t{tag} {}))", types("param", params)).unwrap()
            }
            None => writeln!(out, "(tag $t{tag} (export \"t{tag}\") {})", types("param", params)).unwrap(),
        }
    }
    writeln!(out, "(memory (export \"memory\") {})", module.memory.limits()).unwrap();
    writeln!(out, "(global $fuel (export \"{FUEL}\") (mut i32) (i32.const 0))").unwrap();
    for ty in Ty::NUMBERS {
        let zero = if ty == Ty::V128 { "v128.const i64x2 0 0".into() } else { format!("{}.const 0", ty.name()) };
        writeln!(out, "(global ${0} (export \"{0}\") (mut {0}) ({zero}))", ty.name()).unwrap();
    }
    let plain: String = module.plain_functions.iter().map(|function| format!(" $f{function}")).collect();
    writeln!(out, "(table $own funcref (elem{plain}))").unwrap();
    if module.with_host {
        let entries: String = plain.split_whitespace().cycle().take(12).map(|name| format!(" {name}")).collect();
        writeln!(out, "(elem (table $calls) (i32.const 0) func{entries})").unwrap();
    }
    (0..module.functions.len()).for_each(|index| function(&mut out, module, index, form));
    (0..module.functions.len()).for_each(|index| observer(&mut out, module, index, form));
    out.push(')');
    out
}

const HOST_IMPORTS: &str = r#"
    (import "host" "table" (table $calls 12 24 funcref))
    (import "host" "log_i32" (func $log_i32 (param i32)))
    (import "host" "log_i64" (func $log_i64 (param i64)))
    (import "host" "log_f32" (func $log_f32 (param f32)))
    (import "host" "log_f64" (func $log_f64 (param f64)))
    (import "host" "log_v128" (func $log_v128 (param v128)))
    (import "host" "tick" (func $tick))
    (import "host" "call_back" (func $call_back (param i32)))
    (import "host" "throw_pair" (func $throw_pair (param i32)))
    (import "host" "catch_all" (func $catch_all (param i32) (result i32)))
    (import "host" "same_thing" (func $same_thing (param externref) (result externref)))
"#;

fn types(keyword: &str, types: &[Ty]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let names: String = types.iter().map(|ty| format!(" {}", ty.name())).collect();
    format!("({keyword}{names})")
}

fn signature(ty: &Signature) -> String {
    format!("{} {}", types("param", &ty.params), types("result", &ty.results))
}

fn function(out: &mut String, module: &Module, index: usize, form: Form) {
    let function = &module.functions[index];
    let (contexts, taken) = (HashMap::new(), HashSet::new());
    let mut writer = Writer { module, out: String::new(), form, open: 0, contexts, taken };
    let mut exnrefs = Vec::new();
    survey(&function.body, form, &mut writer.taken, &mut exnrefs);
    // Parameters are locals.
    writer.region(&function.body, &[], None, "return");
    writeln!(out, "(func $f{index} (export \"f{index}\") {}", signature(&function.ty)).unwrap();
    function.locals.iter().for_each(|ty| write!(out, "(local {})", ty.name()).unwrap());
    exnrefs.iter().for_each(|label| write!(out, "(local $e{label} exnref)").unwrap());
    writeln!(out, "\n{})", writer.out).unwrap();
}

/// A second export for the function, which says what comes out of it: which exception, with what, or none.
fn observer(out: &mut String, module: &Module, index: usize, form: Form) {
    let ty = &module.functions[index].ty;
    writeln!(out, "(func (export \"seen f{index}\") {} (result i32)", types("param", &ty.params)).unwrap();
    let arguments: String = (0..ty.params.len()).map(|i| format!("local.get {i} ")).collect();
    let keep = |types: &[Ty]| types.iter().rev().map(|ty| keep_value(*ty)).collect::<String>();
    let legacy = form != Form::Standard;
    if legacy {
        write!(out, "try (result i32) {arguments} call $f{index} {} i32.const -1", keep(&ty.results)).unwrap();
        for (tag, params) in module.tags.iter().enumerate() {
            write!(out, "\ncatch $t{tag} {} i32.const {tag}", keep(params)).unwrap();
        }
        writeln!(out, "\ncatch_all i32.const -2 end)").unwrap();
        return;
    }
    write!(out, "block $rest ").unwrap();
    (0..module.tags.len())
        .rev()
        .for_each(|tag| writeln!(out, "block $c{tag} {}", types("result", &module.tags[tag])).unwrap());
    let clauses: String = (0..module.tags.len()).map(|tag| format!("(catch $t{tag} $c{tag})")).collect();
    write!(out, "try_table {clauses} (catch_all $rest) {arguments} call $f{index} {} ", keep(&ty.results)).unwrap();
    writeln!(out, "end i32.const -1 return").unwrap();
    for (tag, params) in module.tags.iter().enumerate() {
        writeln!(out, "end {} i32.const {tag} return", keep(params)).unwrap();
    }
    writeln!(out, "end i32.const -2)").unwrap();
}

/// Pops a value into what the driver sees.
pub fn keep_value(ty: Ty) -> String {
    match ty {
        Ty::Extern => "ref.is_null global.set $i32 ".into(),
        ty => format!("global.set ${} ", ty.name()),
    }
}

/// Finds the regions that standard delegates throw in, and the tries whose handlers need what was caught.
fn survey(region: &Region, form: Form, taken: &mut HashSet<usize>, exnrefs: &mut Vec<usize>) {
    for node in &region.code {
        match node {
            Node::Block(Block { body, otherwise, .. }) => {
                [Some(body), otherwise.as_ref()].into_iter().flatten().for_each(|r| survey(r, form, taken, exnrefs));
            }
            Node::Try(Try { label, body, catches, rethrown, .. }) => {
                if *rethrown && !form.is_legacy(*label) {
                    exnrefs.push(*label);
                }
                survey(body, form, taken, exnrefs);
                catches.iter().for_each(|catch| survey(&catch.handler, form, taken, exnrefs));
            }
            Node::Delegate(Delegate { label, body, to, .. }) => {
                if !form.is_legacy(*label) {
                    taken.insert(*to);
                }
                survey(body, form, taken, exnrefs);
            }
            Node::Plain(_) | Node::Branch(..) | Node::BrTable(_) | Node::Rethrow(_) => {}
        }
    }
}

struct Writer<'a> {
    module: &'a Module,
    out: String,
    form: Form,
    /// Labels around this point, without the function's.
    open: usize,
    /// For each region around it a label that is just inside of it, as legacy delegates name it; `None`: the function's.
    contexts: HashMap<usize, Option<String>>,
    /// Regions that standard delegates throw in.
    taken: HashSet<usize>,
}

impl<'a> Writer<'a> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn open(&mut self, what: &str) {
        self.line(what);
        self.open += 1;
    }

    fn end(&mut self) {
        self.line("end");
        self.open -= 1;
    }

    fn label(&self, label: Label) -> String {
        match label {
            Label::Function => self.open.to_string(),
            Label::Block(number) => format!("$l{number}"),
        }
    }

    /// The code of a region that begins with these values. `context`: a label whose exceptions are the region's;
    /// `leave`: what ends it.
    fn region(&mut self, region: &Region, params: &[Ty], context: Option<&str>, leave: &str) {
        self.contexts.insert(region.id, context.map(str::to_owned));
        if !self.taken.contains(&region.id) {
            return self.nodes(&region.code);
        }
        self.open(&format!("block $d{} {} (result exnref)", region.id, types("param", params)));
        self.nodes(&region.code);
        self.line(leave);
        self.end();
        self.line("throw_ref");
    }

    fn nodes(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Plain(text) => self.line(text),
            Node::Branch(op, to) => self.line(&format!("{op} {}", self.label(*to))),
            Node::BrTable(labels) => {
                let labels: String = labels.iter().map(|label| format!(" {}", self.label(*label))).collect();
                self.line(&format!("br_table{labels}"));
            }
            Node::Block(block) => self.block(block),
            Node::Try(node) if self.form.is_legacy(node.label) => self.legacy_try(node),
            Node::Try(node) => self.standard_try(node),
            Node::Delegate(node) => self.delegate(node),
            Node::Rethrow(label) if self.form.is_legacy(*label) => self.line(&format!("rethrow $l{label}")),
            Node::Rethrow(label) => self.line(&format!("local.get $e{label} throw_ref")),
        }
    }

    fn block(&mut self, block: &Block) {
        let Block { kind, label, ty, body, otherwise } = block;
        let this = format!("$l{label}");
        let leave = format!("br {this}");
        let types = signature(ty);
        match kind {
            BlockKind::Block => self.open(&format!("block {this} {types}")),
            BlockKind::If => self.open(&format!("if {this} {types}")),
            BlockKind::Loop => {
                // A branch to a loop does not leave it: the block around it is its end.
                self.open(&format!("block $x{label} {types}"));
                self.open(&format!("loop {this} {types}"));
                self.region(body, &ty.params, Some(&this), &format!("br $x{label}"));
                self.end();
                return self.end();
            }
        }
        self.region(body, &ty.params, Some(&this), &leave);
        if let Some(otherwise) = otherwise {
            self.line("else");
            self.region(otherwise, &ty.params, Some(&this), &leave);
        }
        self.end();
    }

    fn legacy_try(&mut self, node: &Try) {
        let Try { label, ty, body, catches, .. } = node;
        let this = format!("$l{label}");
        let leave = format!("br {this}");
        self.open(&format!("try {this} {}", signature(ty)));
        self.region(body, &ty.params, Some(&this), &leave);
        for Catch { tag, handler } in catches {
            match tag {
                Some(tag) => self.line(&format!("catch $t{tag}")),
                None => self.line("catch_all"),
            }
            self.region(handler, self.carried(*tag), Some(&this), &leave);
        }
        self.end();
    }

    fn standard_try(&mut self, node: &Try) {
        let Try { label, ty, body, catches, rethrown } = node;
        let this = format!("$l{label}");
        let leave = format!("br {this}");
        let (exnref, reference) = if *rethrown { (" (result exnref)", "_ref") } else { ("", "") };
        self.open(&format!("block {this} {}", signature(ty)));
        let mut clauses = String::new();
        for (at, Catch { tag, .. }) in catches.iter().enumerate().rev() {
            let caught = types("result", self.carried(*tag));
            self.open(&format!("block $c{label}_{at} {} {caught}{exnref}", types("param", &ty.params)));
            let clause = match tag {
                Some(tag) => format!("(catch{reference} $t{tag} $c{label}_{at})"),
                None => format!("(catch_all{reference} $c{label}_{at})"),
            };
            clauses.insert_str(0, &clause);
        }
        self.open(&format!("try_table $b{label} {} {clauses}", signature(ty)));
        self.region(body, &ty.params, Some(&format!("$b{label}")), &format!("br $b{label}"));
        self.end();
        for Catch { tag, handler } in catches {
            self.line(&leave);
            self.end();
            if *rethrown {
                self.line(&format!("local.set $e{label}"));
            }
            self.region(handler, self.carried(*tag), Some(&this), &leave);
        }
        self.end();
    }

    fn carried(&self, tag: Option<usize>) -> &'a [Ty] {
        tag.map_or(&[], |tag| &self.module.tags[tag])
    }

    fn delegate(&mut self, node: &Delegate) {
        let Delegate { label, ty, body, to } = node;
        let this = format!("$l{label}");
        let types = signature(ty);
        let legacy = self.form.is_legacy(*label);
        if legacy {
            self.open(&format!("try {this} {types}"));
        } else {
            self.open(&format!("try_table {this} {types} (catch_all_ref $d{to})"));
        }
        self.region(body, &ty.params, Some(&this), &format!("br {this}"));
        if !legacy {
            return self.end();
        }
        self.open -= 1;
        let to = self.contexts[to].clone().unwrap_or_else(|| self.open.to_string());
        self.line(&format!("delegate {to}"));
    }
}
