// For program.cpp in wasm: what the compiler needs to see.
#pragma once
extern "C" {
typedef long jmp_buf[16];
int setjmp(jmp_buf) __attribute__((returns_twice));
[[noreturn]] void longjmp(jmp_buf, int);
}
