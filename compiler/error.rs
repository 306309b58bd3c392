//! What can go wrong with an input, with the place in it.

use std::fmt;

/// An error in a module, or a feature that is not supported, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
    /// Index and name of the function it is in.
    function: Option<(u32, Option<String>)>,
    /// Byte offset in the wasm file.
    offset: Option<u64>,
    unsupported: bool,
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a place.
    pub fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), function: None, offset: None, unsupported: false }
    }

    /// An error at a byte offset of the wasm file.
    pub fn at(offset: usize, message: impl Into<String>) -> Error {
        Error { offset: Some(offset as u64), ..Error::new(message) }
    }

    /// A valid module needs `feature`, which this compiler does not have.
    pub fn unsupported(offset: usize, feature: &str) -> Error {
        Error { unsupported: true, ..Error::at(offset, format!("{feature} is not supported")) }
    }

    /// Names the function that the error is in, unless it already names one.
    #[must_use]
    pub fn in_function(mut self, index: u32, name: Option<&str>) -> Error {
        self.function.get_or_insert((index, name.map(str::to_owned)));
        self
    }

    /// Gives the error a byte offset, unless it has one.
    #[must_use]
    pub fn or_at(mut self, offset: u64) -> Error {
        self.offset.get_or_insert(offset);
        self
    }

    /// A valid module, perhaps, but vectors are switched off.
    pub fn is_about_simd(&self) -> bool {
        self.message.contains("SIMD support is not enabled")
    }

    /// The same with the reason instead of the message.
    #[must_use]
    pub fn because(self, reason: &str) -> Error {
        Error { message: reason.to_owned(), unsupported: true, ..self }
    }

    /// True if the module is valid but needs a feature that this compiler does not have.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((index, name)) = &self.function {
            write!(f, "function {index} ")?;
            if let Some(name) = name {
                write!(f, "{name:?} ")?;
            }
        }
        if let Some(offset) = self.offset {
            write!(f, "at offset {offset:#x}: ")?;
        } else if self.function.is_some() {
            write!(f, ": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<wasmparser::BinaryReaderError> for Error {
    fn from(e: wasmparser::BinaryReaderError) -> Error {
        // The message may quote a name of the module, which may hold anything: an error stays one line.
        let message = e.message().chars();
        let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
        Error::at(e.offset() as usize, message.map(escaped).collect::<String>())
    }
}
