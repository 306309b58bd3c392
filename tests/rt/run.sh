#!/bin/sh
# Builds and runs the runtime's own tests: both compilers, sanitizers, aarch64 under qemu. Says what it leaves out.
# PALISADE_PAGE_SEQUENCES=10000: so many random sequences of page operations on each kind of memory, with every compiler.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# ASan would take the signals that the tests are about.
export ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_sigtrap=0:handle_abort=0
flags="-std=gnu11 -Wall -Wextra -Werror -g -fexceptions -fno-omit-frame-pointer -Iinclude -Irt"

# Calls to the OS that the test of pages has fail.
wrap=
for name in mmap mremap mprotect madvise ftruncate fallocate pread pwrite memfd_create open ioctl malloc calloc realloc; do
	wrap="$wrap -Wl,--wrap=$name"
done

# check RUNNER C-COMPILER C++-COMPILER FLAG…: the runtime is compiled once for all that is linked with it. With a C++
# compiler, C++ exceptions go through its frames.
check() {
	runner=$1 cc=$2 cpp=$3
	shift 3
	if ! command -v "$cc" >/dev/null || { [ -n "$runner" ] && ! command -v "$runner" >/dev/null; }; then
		echo "left out: $cc $* $runner"
		return
	fi
	echo "== $cc $* $runner"
	rm -rf "$out/objects" && mkdir "$out/objects"
	printf '%s\n' rt/*.c tests/rt/*.c tests/rt/core/*.c | xargs -P "$(nproc)" -I FILE \
		sh -c 'to=$1/$(echo "$2" | tr / _).o from=$2; shift 2; "$@" -c "$from" -o "$to"' - "$out/objects" FILE "$cc" "$@" $flags
	all=$out/objects/rt_*.o guest=$out/objects/tests_rt_guest.c.o
	runtime=$(ls $all | grep -v '/rt_main.c.o$')
	"$cc" "$@" $runtime "$out"/objects/tests_rt_core_*.o "$guest" -pthread -lm -o "$out/runtime_test"
	$runner "$out/runtime_test"
	"$cc" "$@" $all "$out/objects/tests_rt_main_test.c.o" "$guest" -pthread -o "$out/main_test"
	$runner "$out/main_test"
	"$cc" "$@" $runtime "$out/objects/tests_rt_pages_test.c.o" $wrap -pthread -lm -o "$out/pages_test"
	$runner "$out/pages_test" "${PALISADE_PAGE_SEQUENCES:-${FEW:-${sequences:-40}}}"
	PALISADE_RACE_SECONDS=0 PAGEMAP=read $runner "$out/pages_test" "${FEW:-20}"
	PALISADE_RACE_SECONDS=0 PAGEMAP=none $runner "$out/pages_test" "${FEW:-20}"
	[ "$cpp" = - ] && return
	if ! command -v "$cpp" >/dev/null; then
		echo "left out: $cpp $*"
		return
	fi
	"$cpp" "$@" -std=c++17 -Iinclude tests/rt/exception_test.cpp $runtime -pthread -o "$out/exception_test"
	$runner "$out/exception_test"
}

sequences=${PALISADE_SEQUENCES:-300} check "" gcc g++ -O2 -fPIC
check "" clang clang++ -O2 -fPIC
check "" gcc - -O0
# Without "null" for gcc: it tests addresses of thread-local variables by the flags of an addition that the linker
# replaces by one that sets none (clang checks them).
check "" gcc - -O1 -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover
check "" clang - -O1 -fsanitize=address,undefined -fno-sanitize-recover
FEW=1 check qemu-aarch64 aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ -O2 -static
