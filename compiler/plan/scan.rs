//! One quick look at all code, for what a plan can't know from the module's head.

use crate::error::Result;
use crate::read::Module;
use rayon::prelude::*;
use std::collections::HashSet;
use wasmparser::Operator;

/// What the code does with tables.
#[derive(Debug, Default)]
pub struct Scan {
    /// Tables that code reads or writes other than by `call_indirect` and `table.size`.
    pub tables_used_as_values: HashSet<u32>,
}

impl Scan {
    pub fn of(module: &Module<'_>) -> Result<Scan> {
        if module.tables.is_empty() {
            return Ok(Scan::default());
        }
        let tables = module.bodies.par_iter().map(|body| tables_of(&body.body)).try_reduce(HashSet::new, |mut a, b| {
            a.extend(b);
            Ok(a)
        })?;
        Ok(Scan { tables_used_as_values: tables })
    }
}

fn tables_of(body: &wasmparser::FunctionBody<'_>) -> Result<HashSet<u32>> {
    let mut found = HashSet::new();
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        match reader.read()? {
            Operator::TableGet { table }
            | Operator::TableSet { table }
            | Operator::TableGrow { table }
            | Operator::TableFill { table }
            | Operator::TableInit { table, .. } => {
                found.insert(table);
            }
            Operator::TableCopy { dst_table, src_table } => found.extend([dst_table, src_table]),
            _ => {}
        }
    }
    Ok(found)
}
