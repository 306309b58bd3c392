//! Prints the CRC-32 of standard input, computed by a wasm module inside its sandbox.

mod checksum {
    include!(concat!(env!("OUT_DIR"), "/checksum.rs"));
}

use checksum::*;
use std::ffi::{CStr, c_void};
use std::io::Read;
use std::ptr::null_mut;

/// What the module imports from "env": the pointer is what was given to `pal_checksum_instantiate`.
#[unsafe(export_name = "wasm.env.progress")]
extern "C" fn progress(bytes: *mut u64, size: i32) {
    // SAFETY: main gives a pointer to its own counter.
    unsafe { *bytes += u64::from(size as u32) };
}

unsafe extern "C" fn read_too_far(instance: *mut c_void) {
    // SAFETY: main gives its instance.
    unsafe { checksum_update(instance.cast(), 0, 1 << 30) };
}

fn main() {
    let mut bytes = 0_u64;
    let mut instance = null_mut();
    // SAFETY: the instance is used by this thread only, and until it is freed; the memory's bytes are the guest's, so
    // what is read of them is only numbers.
    unsafe {
        assert_eq!(pal_checksum_instantiate(&mut instance, (&raw mut bytes).cast()), 0);
        let memory = checksum_memory(instance);
        let buffer = pal_memory_data(memory).add(*checksum_buffer(instance) as usize);
        let mut chunk = [0; 65536];
        let mut crc = 0;
        loop {
            let size = std::io::stdin().read(&mut chunk).expect("standard input");
            if size == 0 {
                break;
            }
            buffer.copy_from(chunk.as_ptr(), size);
            crc = checksum_update(instance, crc, size as i32);
        }
        println!("{:08x} {bytes} bytes", crc as u32);
        if pal_try(read_too_far, instance.cast()) != 0 {
            println!("caught: {}", CStr::from_ptr((*pal_last_trap()).message).to_string_lossy());
        }
        pal_checksum_free(instance);
    }
}
