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
core=$(ls rt/*.c | grep -v '^rt/main.c$')

# Calls to the OS that the test of pages has fail.
wrap=
for name in mmap mremap mprotect madvise ftruncate fallocate pread pwrite memfd_create open ioctl malloc calloc realloc; do
	wrap="$wrap -Wl,--wrap=$name"
done

# check RUNNER COMPILER FLAG…
check() {
	runner=$1
	shift
	if ! command -v "$1" >/dev/null || { [ -n "$runner" ] && ! command -v "$runner" >/dev/null; }; then
		echo "left out: $* $runner"
		return
	fi
	echo "== $* $runner"
	"$@" $flags $core tests/rt/core/*.c tests/rt/guest.c -pthread -lm -o "$out/runtime_test"
	$runner "$out/runtime_test"
	"$@" $flags $core rt/main.c tests/rt/main_test.c tests/rt/guest.c -pthread -o "$out/main_test"
	$runner "$out/main_test"
	"$@" $flags $core tests/rt/pages_test.c $wrap -pthread -lm -o "$out/pages_test"
	$runner "$out/pages_test" "${PALISADE_PAGE_SEQUENCES:-${FEW:-${sequences:-40}}}"
	PALISADE_RACE_SECONDS=0 PAGEMAP=read $runner "$out/pages_test" "${FEW:-20}"
	PALISADE_RACE_SECONDS=0 PAGEMAP=none $runner "$out/pages_test" "${FEW:-20}"
}

# C++ exceptions through the runtime's frames: check_cpp RUNNER C-COMPILER C++-COMPILER FLAG…
check_cpp() {
	runner=$1 cc=$2 cpp=$3
	shift 3
	if ! command -v "$cc" >/dev/null || ! command -v "$cpp" >/dev/null; then
		echo "left out: $cpp $*"
		return
	fi
	echo "== $cpp $* $runner"
	rm -rf "$out/objects" && mkdir "$out/objects"
	for file in $core; do
		"$cc" "$@" $flags -c "$file" -o "$out/objects/$(basename "$file").o"
	done
	"$cpp" "$@" -std=c++17 -Iinclude tests/rt/exception_test.cpp "$out"/objects/*.o -pthread -o "$out/exception_test"
	$runner "$out/exception_test"
}

sequences=${PALISADE_SEQUENCES:-300} check "" gcc -O2 -fPIC
check "" clang -O2 -fPIC
check "" gcc -O0
# Without "null" for gcc: it tests addresses of thread-local variables by the flags of an addition that the linker
# replaces by one that sets none (clang checks them).
check "" gcc -O1 -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover
check "" clang -O1 -fsanitize=address,undefined -fno-sanitize-recover
FEW=1 check qemu-aarch64 aarch64-linux-gnu-gcc -O2 -static
check_cpp "" gcc g++ -O2
check_cpp "" clang clang++ -O2
check_cpp qemu-aarch64 aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ -O2 -static
