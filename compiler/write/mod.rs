//! Stage 5: machine code and tables to an object file.

mod data;
mod eh_frame;
mod format;
mod module;
mod object;
mod pdata;
mod program;
mod text;

pub use object::{WriteOptions, write};
pub use program::{Program, ProgramMemory, ProgramModule, Source, write_program};
