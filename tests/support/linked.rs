//! C code that lists modules and exports linked into one executable, so that one driver can call them all.

use std::collections::HashSet;
use std::fmt::Write as _;

use wasmparser::ValType;

/// A type as the drivers know it, and `union value` its member.
pub fn letter(ty: &ValType) -> char {
    match ty {
        ValType::I32 => 'i',
        ValType::I64 => 'l',
        ValType::F32 => 'f',
        ValType::F64 => 'd',
        ValType::V128 => 'v',
        ValType::Ref(_) => 'r',
    }
}

/// Pieces of the generated C code; modules and exports are numbered in the order they are added.
#[derive(Default)]
pub struct Linked {
    functions: String,
    modules: String,
    exports: String,
    signatures: HashSet<String>,
    export_count: usize,
}

impl Linked {
    /// A module with so many import modules.
    pub fn module(&mut self, name: &str, imports: usize) {
        assert!(imports <= 8, "more import modules than MAX_IMPORTS of linked.h");
        let parameters: String = (0..imports).map(|_| ", void *").collect();
        let arguments: String = (0..imports).map(|i| format!(", m[{i}]")).collect();
        let unused = if imports == 0 { "(void)m; " } else { "" };
        writeln!(
            self.functions,
            "pal_trap pal_{name}_instantiate(void **out{parameters});\nvoid pal_{name}_free(void *);\n\
             static pal_trap make_{name}(void **out, void *const *m) {{ {unused}return pal_{name}_instantiate(out{arguments}); }}"
        )
        .unwrap();
        writeln!(self.modules, "{{make_{name}, pal_{name}_free}},").unwrap();
    }

    /// A function or, without parameters, a global by its accessor: types as letters. Gives its number.
    pub fn export(&mut self, symbol: &str, parameters: Option<&str>, results: &str) -> usize {
        let shape = match parameters {
            Some(parameters) => format!("{parameters}_{results}"),
            None => format!("global_{results}"),
        };
        if self.signatures.insert(shape.clone()) {
            let body = match parameters {
                Some(parameters) => call_body(parameters, results),
                None => global_body(results),
            };
            writeln!(
                self.functions,
                "static void call_{shape}(void (*f)(void), void *o, const value *a, value *r) {{ (void)a, (void)r; {body} }}"
            )
            .unwrap();
        }
        self.address(&format!("call_{shape}"), symbol, results)
    }

    /// A memory or table by its accessor, which the driver calls itself. Gives its number.
    pub fn object(&mut self, symbol: &str) -> usize {
        self.address("0", symbol, "")
    }

    fn address(&mut self, call: &str, symbol: &str, results: &str) -> usize {
        let number = self.export_count;
        self.export_count += 1;
        writeln!(self.functions, "void e{number}(void) PAL_LABEL(\"{symbol}\");").unwrap();
        writeln!(self.exports, "{{{call}, e{number}, \"{results}\"}},").unwrap();
        number
    }

    /// The C code.
    pub fn text(&self) -> String {
        let Linked { functions, modules, exports, .. } = self;
        format!(
            "#include \"linked.h\"\n{functions}\
             const struct module linked_modules[] = {{\n{modules}}};\n\
             const struct export linked_exports[] = {{\n{exports}{{0, 0, 0}}}};\n"
        )
    }
}

fn c_type(letter: char) -> &'static str {
    match letter {
        'i' => "int32_t",
        'l' => "int64_t",
        'f' => "float",
        'd' => "double",
        'v' => "struct { _Alignas(16) uint8_t bytes[16]; }",
        _ => "void *",
    }
}

/// The member of `value` that holds a letter's type.
fn member(letter: char) -> String {
    if letter == 'r' { "ref".into() } else { letter.into() }
}

/// The C ABI of design: parameters by value but v128, one scalar result returned, others behind a last pointer.
fn call_body(parameters: &str, results: &str) -> String {
    let mut types = String::from("void *");
    let mut arguments = String::from("o");
    for (i, letter) in parameters.chars().enumerate() {
        if letter == 'v' {
            types += ", const void *";
            write!(arguments, ", a[{i}].bytes").unwrap();
        } else {
            write!(types, ", {}", c_type(letter)).unwrap();
            write!(arguments, ", a[{i}].{}", member(letter)).unwrap();
        }
    }
    match results {
        "" => format!("((void (*)({types}))f)({arguments});"),
        "v" => format!("((void (*)({types}, void *))f)({arguments}, r[0].bytes);"),
        _ if results.len() == 1 => {
            let letter = results.chars().next().expect("one result");
            format!("r[0].{} = (({} (*)({types}))f)({arguments});", member(letter), c_type(letter))
        }
        _ => {
            let fields: String = results.chars().enumerate().map(|(i, l)| format!("{} r{i}; ", c_type(l))).collect();
            let copies: String = (0..results.len()).map(copy_result).collect();
            format!("struct {{ {fields}}} s; ((void (*)({types}, void *))f)({arguments}, &s); {copies}")
        }
    }
}

fn copy_result(i: usize) -> String {
    format!("__builtin_memcpy(&r[{i}], &s.r{i}, sizeof(s.r{i}));")
}

fn global_body(result: &str) -> String {
    let letter = result.chars().next().expect("a global has a type");
    let ty = if letter == 'v' { "void".into() } else { c_type(letter).to_owned() };
    let size = if letter == 'v' { "16".into() } else { format!("sizeof({ty})") };
    format!("__builtin_memcpy(r, ((const void *(*)(void *))f)(o), {size});")
}
