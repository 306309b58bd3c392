/* The port for Windows; see port.h. Where other ports map one thing over another, this one has no such call (before
 * placeholders, which not every Windows has): private mappings are copies, shared ones are refused. */
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include "fault.h"
#include "port.h"
#include "thread.h"
#include <windows.h>
#include <errno.h>
#include <malloc.h>
#include <process.h>
#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

/* The registers of a CONTEXT, see pal_machine. */
#if defined(__x86_64__)
#define PC Rip
#define SP Rsp
#define FP Rbp
#define PINNED R15
#define COPY_BASE R9
#define COPY_BYTES R8
#define RESULT Rax
#define TEB "mov %%gs:0x30, %0"
#elif defined(__aarch64__)
#define PC Pc
#define SP Sp
#define FP Fp
#define PINNED X21
#define COPY_BASE X3
#define COPY_BYTES X4
#define RESULT X0
#define TEB "mov %0, x18"
#else
#error "port_windows.c does not know this target's CONTEXT yet"
#endif

/* ---- Address space ---- */

size_t pal_port_page(void)
{
	static _Atomic size_t page;
	size_t known = page;
	if (known == 0) {
		SYSTEM_INFO info;
		GetSystemInfo(&info);
		page = known = info.dwPageSize;
	}
	return known;
}

/* False, with errno for what the last call has refused. */
static bool refused(void)
{
	DWORD error = GetLastError();
	bool memory = error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_COMMITMENT_LIMIT || error == ERROR_OUTOFMEMORY;
	errno = memory ? ENOMEM : EINVAL;
	return false;
}

static bool unsupported(void)
{
	errno = ENOTSUP;
	return false;
}

void *pal_port_reserve(size_t bytes)
{
	return VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
}

static DWORD protection(unsigned access)
{
	return access & 2 ? PAGE_READWRITE : access & 1 ? PAGE_READONLY : PAGE_NOACCESS;
}

/* Pages of a reservation, committed or not, get this protection. */
static bool commit(void *at, size_t bytes, DWORD protection)
{
	return bytes == 0 || VirtualAlloc(at, bytes, MEM_COMMIT, protection) != NULL || refused();
}

bool pal_port_commit(void *at, size_t bytes)
{
	return commit(at, bytes, PAGE_READWRITE);
}

void *pal_port_resize(void *at, size_t old_bytes, size_t new_bytes)
{
	void *moved = VirtualAlloc(NULL, new_bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	if (moved == NULL)
		return NULL;
	memcpy(moved, at, old_bytes < new_bytes ? old_bytes : new_bytes);
	VirtualFree(at, 0, MEM_RELEASE);
	return moved;
}

void pal_port_release(void *at, size_t bytes)
{
	(void)bytes; /* all of it, as it was reserved */
	VirtualFree(at, 0, MEM_RELEASE);
}

/* Makes the committed pages of the range inaccessible; the others are so. */
static bool forbid(uint8_t *at, size_t bytes)
{
	MEMORY_BASIC_INFORMATION region;
	DWORD old;
	for (uint8_t *end = at + bytes; at < end;) {
		if (VirtualQuery(at, &region, sizeof region) == 0)
			return refused();
		uint8_t *next = (uint8_t *)region.BaseAddress + region.RegionSize;
		next = next < end ? next : end;
		if (region.State == MEM_COMMIT && !VirtualProtect(at, (size_t)(next - at), PAGE_NOACCESS, &old))
			return refused();
		at = next;
	}
	return true;
}

bool pal_port_protect(void *at, size_t bytes, unsigned access)
{
	return access ? commit(at, bytes, protection(access)) : forbid(at, bytes);
}

bool pal_port_fresh(void *at, size_t bytes, unsigned access)
{
	if (bytes == 0)
		return true;
	if (!VirtualFree(at, bytes, MEM_DECOMMIT))
		return refused();
	return access == 0 || commit(at, bytes, protection(access));
}

bool pal_port_discard(void *at, size_t bytes, bool shared)
{
	if (shared || bytes == 0)
		return bytes == 0; /* between the two calls below the pages are inaccessible */
	if (!VirtualFree(at, bytes, MEM_DECOMMIT))
		return false;
	if (VirtualAlloc(at, bytes, MEM_COMMIT, PAGE_READWRITE) != NULL)
		return true;
	/* Another process has taken what we gave back a moment ago: the memory would have a hole. */
	static const char text[] = "palisade: the system has no memory left for pages that were given back\n";
	pal_port_print(text, sizeof text - 1);
	abort();
}

/* ---- Objects: temporary files, which stay in the system's cache while there is room ---- */

static HANDLE handle_of(int descriptor)
{
	return (HANDLE)(intptr_t)descriptor; /* handles have 32 bits, sign-extended */
}

int pal_port_object(void)
{
	WCHAR folder[MAX_PATH + 1], name[MAX_PATH + 1];
	DWORD got = GetTempPathW(MAX_PATH + 1, folder), back;
	if (got == 0 || got > MAX_PATH || GetTempFileNameW(folder, L"pal", 0, name) == 0) {
		refused();
		return -1;
	}
	HANDLE file = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
	                          FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		refused();
		return -1;
	}
	DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &back, NULL); /* else zeros take room, too */
	return (int)(intptr_t)file;
}

void pal_port_object_close(int object)
{
	CloseHandle(handle_of(object));
}

bool pal_port_object_size(int object, uint64_t bytes)
{
	LARGE_INTEGER end = { .QuadPart = (LONGLONG)bytes };
	return (SetFilePointerEx(handle_of(object), end, NULL, FILE_BEGIN) && SetEndOfFile(handle_of(object))) || refused();
}

bool pal_port_object_clear(int object, uint64_t offset, size_t bytes)
{
	FILE_ZERO_DATA_INFORMATION range;
	DWORD back;
	range.FileOffset.QuadPart = (LONGLONG)offset;
	range.BeyondFinalZero.QuadPart = (LONGLONG)(offset + bytes);
	return DeviceIoControl(handle_of(object), FSCTL_SET_ZERO_DATA, &range, sizeof range, NULL, 0, &back, NULL);
}

/* Reads or writes at most so much in one call. */
enum { PIECE = 1 << 30 };

static OVERLAPPED at_offset(uint64_t offset)
{
	return (OVERLAPPED){ .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32) };
}

bool pal_port_object_put(int object, uint64_t offset, const void *bytes_from, size_t bytes)
{
	const uint8_t *from = bytes_from;
	while (bytes > 0) {
		OVERLAPPED place = at_offset(offset);
		DWORD written;
		if (!WriteFile(handle_of(object), from, bytes < PIECE ? (DWORD)bytes : PIECE, &written, &place) || written == 0)
			return refused();
		from += written;
		offset += written;
		bytes -= written; /* never more than was given */
	}
	return true;
}

/* How many of the bytes the file has from there on, which were read; -1: errno says why. */
static int64_t read_file(int file, uint64_t offset, void *to, size_t bytes)
{
	uint8_t *at = to;
	while (bytes > 0) {
		OVERLAPPED place = at_offset(offset);
		DWORD got;
		if (!ReadFile(handle_of(file), at, bytes < PIECE ? (DWORD)bytes : PIECE, &got, &place)) {
			if (GetLastError() == ERROR_HANDLE_EOF)
				break;
			refused();
			return -1;
		}
		if (got == 0)
			break;
		at += got;
		offset += got;
		bytes -= got; /* never more than was asked for */
	}
	return at - (uint8_t *)to;
}

bool pal_port_object_read(int object, uint64_t offset, void *to, size_t bytes)
{
	return read_file(object, offset, to, bytes) == (int64_t)bytes;
}

/* A copy of the file's bytes, zeros behind its end. If reading fails the pages are lost, and inaccessible. */
bool pal_port_map(void *at, size_t bytes, int fd, uint64_t offset, unsigned access, bool shared)
{
	if (shared)
		return unsupported();
	if (!pal_port_fresh(at, bytes, 3))
		return false;
	if (read_file(fd, offset, at, bytes) >= 0 && (access == 3 || pal_port_protect(at, bytes, access)))
		return true;
	int reason = errno;
	pal_port_fresh(at, bytes, 0);
	errno = reason;
	return false;
}

bool pal_port_forget(void *at, size_t bytes)
{
	(void)at, (void)bytes;
	return false;
}

/* ---- Stacks ---- */

/* What a stack overflow leaves for handlers, ours and those it goes on to. */
enum { STACK_GUARANTEE = 64 * 1024 };

/* The thread's environment block, which Windows keeps in a register. */
static const uintptr_t *teb(void)
{
	const uintptr_t *self;
	__asm__(TEB : "=r"(self));
	return self;
}

/* The field of the thread's TEB, as winnt.h does not name it: the low end of the stack's reservation. */
static uintptr_t deallocation_stack(void)
{
	return teb()[0x1478 / sizeof(uintptr_t)];
}

struct pal_stack pal_port_stack(void)
{
	/* Below what is guaranteed to handlers: the page that is never committed, and the guard that moves down. */
	size_t guard = STACK_GUARANTEE + 2 * pal_port_page();
	return (struct pal_stack){ deallocation_stack(), teb()[1], guard };
}

bool pal_port_signal_stack(void)
{
	ULONG bytes = STACK_GUARANTEE;
	return SetThreadStackGuarantee(&bytes);
}

void pal_port_stack_recovered(void)
{
	_resetstkoflw();
}

struct pal_place pal_port_here(void)
{
	CONTEXT context;
	RtlCaptureContext(&context);
	struct pal_place here = { context.PC, context.SP, context.FP };
	pal_port_caller(&here);
	return here;
}

/* Functions without an entry are leaves, of which none is at work here: none has called another. */
bool pal_port_caller(struct pal_place *place)
{
	CONTEXT context = { .PC = place->pc, .SP = place->sp, .FP = place->fp };
	void *handler_data;
	DWORD64 image, frame;
	RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(place->pc, &image, NULL);
	if (function == NULL)
		return false;
	RtlVirtualUnwind(UNW_FLAG_NHANDLER, image, place->pc, function, &context, &handler_data, &frame, NULL);
	*place = (struct pal_place){ context.PC, context.SP, context.FP };
	return place->pc != 0;
}

/* ---- What belongs to threads ---- */

static DWORD data_slot = TLS_OUT_OF_INDEXES;

static BOOL CALLBACK make_slot(PINIT_ONCE once, void *unused, void **context)
{
	(void)once, (void)unused, (void)context;
	data_slot = TlsAlloc();
	return data_slot != TLS_OUT_OF_INDEXES;
}

void *pal_port_thread_data(size_t bytes)
{
	static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
	void *data = data_slot == TLS_OUT_OF_INDEXES ? NULL : TlsGetValue(data_slot);
	if (data)
		return data;
	if (InitOnceExecuteOnce(&once, make_slot, NULL, NULL))
		data = calloc(1, bytes);
	if (data == NULL || !TlsSetValue(data_slot, data)) {
		static const char text[] = "palisade: out of memory for a thread's data\n";
		pal_port_print(text, sizeof text - 1);
		abort();
	}
	return data;
}

void pal_port_at_thread_end(void)
{
	/* The loader tells of every thread's end, see thread_event; and stacks for signals there are none. */
}

/* The loader calls this for every thread that ends in the program or library that this is part of. */
static void NTAPI thread_event(void *module, DWORD reason, void *reserved)
{
	(void)module, (void)reserved;
	void *data = data_slot == TLS_OUT_OF_INDEXES ? NULL : TlsGetValue(data_slot);
	if (reason != DLL_THREAD_DETACH || data == NULL)
		return;
	pal_thread_end();
	TlsSetValue(data_slot, NULL);
	free(data);
}

__attribute__((section(".CRT$XLC"), used)) static const PIMAGE_TLS_CALLBACK on_thread_event = thread_event;

/* ---- Threads ---- */

/* Less would not hold what the C library, a trap's handling and compiled code's reserve need. */
enum { THREAD_STACK_LEAST = 512 * 1024 };

struct start {
	void *(*run)(void *);
	void *arg;
};

static unsigned __stdcall run_thread(void *arg)
{
	struct start start = *(struct start *)arg;
	free(arg);
	start.run(start.arg);
	return 0;
}

/* The thread's handle, or NULL. */
static HANDLE start_thread(void *(*run)(void *), void *arg, size_t stack_size)
{
	if (stack_size && stack_size < THREAD_STACK_LEAST)
		stack_size = THREAD_STACK_LEAST;
	struct start *start = stack_size > UINT_MAX ? NULL : malloc(sizeof *start);
	if (start == NULL)
		return NULL;
	*start = (struct start){ run, arg };
	HANDLE thread =
		(HANDLE)_beginthreadex(NULL, (unsigned)stack_size, run_thread, start, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	if (thread == NULL)
		free(start);
	return thread;
}

bool pal_port_start_thread(void *(*run)(void *), void *arg, size_t stack_size)
{
	HANDLE thread = start_thread(run, arg, stack_size);
	if (thread)
		CloseHandle(thread);
	return thread != NULL;
}

struct away {
	void (*run)(void *);
	void *arg;
};

static void *run_away(void *arg)
{
	struct away *away = arg;
	away->run(away->arg);
	return NULL;
}

/* Windows grows stacks by itself, page by page, and only those it has made. */
bool pal_port_on_stack(size_t size, void (*run)(void *), void *arg)
{
	struct away away = { run, arg };
	HANDLE thread = start_thread(run_away, &away, size);
	if (thread == NULL)
		return false;
	WaitForSingleObject(thread, INFINITE);
	CloseHandle(thread);
	return true;
}

_Static_assert(sizeof(SRWLOCK) == sizeof(struct pal_lock), "pal_lock");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(struct pal_signal), "pal_signal");

static SRWLOCK *os_lock(struct pal_lock *lock)
{
	return (SRWLOCK *)&lock->os;
}

static CONDITION_VARIABLE *os_signal(struct pal_signal *signal)
{
	return (CONDITION_VARIABLE *)&signal->os;
}

void pal_lock(struct pal_lock *lock)
{
	AcquireSRWLockExclusive(os_lock(lock));
}

void pal_unlock(struct pal_lock *lock)
{
	ReleaseSRWLockExclusive(os_lock(lock));
}

void pal_signal_init(struct pal_signal *signal)
{
	InitializeConditionVariable(os_signal(signal));
}

void pal_signal_drop(struct pal_signal *signal)
{
	(void)signal;
}

void pal_signal_send(struct pal_signal *signal)
{
	WakeConditionVariable(os_signal(signal));
}

bool pal_signal_await(struct pal_signal *signal, struct pal_lock *lock, uint64_t deadline)
{
	DWORD milliseconds = INFINITE;
	if (deadline != PAL_NEVER) {
		uint64_t now = pal_port_now(), left = deadline > now ? deadline - now : 0;
		uint64_t whole = left / 1000000 + (left % 1000000 != 0);
		milliseconds = whole < INFINITE - 1 ? (DWORD)whole : INFINITE - 1;
	}
	if (SleepConditionVariableSRW(os_signal(signal), os_lock(lock), milliseconds, 0))
		return true;
	return pal_port_now() < deadline; /* a long wait, in parts, or a clock that runs ahead */
}

uint64_t pal_port_now(void)
{
	LARGE_INTEGER frequency, count;
	QueryPerformanceFrequency(&frequency);
	QueryPerformanceCounter(&count);
	uint64_t ticks = (uint64_t)count.QuadPart, second = (uint64_t)frequency.QuadPart;
	return ticks / second * 1000000000 + ticks % second * 1000000000 / second; /* a second has less than 2^34 ticks */
}

/* ---- Faults ---- */

static struct pal_machine read_machine(const CONTEXT *c)
{
	return (struct pal_machine){
		.pc = c->PC, .sp = c->SP, .fp = c->FP, .pinned = c->PINNED, .copy_base = c->COPY_BASE, .copy_bytes = c->COPY_BYTES,
		.result = c->RESULT,
	};
}

static void write_machine(CONTEXT *c, const struct pal_machine *machine)
{
	c->PC = machine->pc;
	c->SP = machine->sp;
	c->FP = machine->fp;
	c->RESULT = machine->result;
#if defined(__x86_64__)
	c->EFlags &= ~(DWORD)0x400; /* the ABI wants the direction flag clear */
#endif
}

/* What kind of fault an exception is; false: none of compiled code's. */
static bool kind_of(const EXCEPTION_RECORD *record, enum pal_fault *fault, uintptr_t *address)
{
	*address = 0;
	switch (record->ExceptionCode) {
	case EXCEPTION_ACCESS_VIOLATION:
	case EXCEPTION_IN_PAGE_ERROR:
		if (record->NumberParameters < 2)
			return false;
		*fault = PAL_FAULT_ACCESS;
		*address = record->ExceptionInformation[1];
		return true;
	case EXCEPTION_STACK_OVERFLOW:
		*fault = PAL_FAULT_STACK;
		return true;
	case EXCEPTION_ILLEGAL_INSTRUCTION:
	case EXCEPTION_INT_DIVIDE_BY_ZERO:
	case EXCEPTION_INT_OVERFLOW:
	case EXCEPTION_BREAKPOINT:
		*fault = PAL_FAULT_TRAP;
		return true;
	}
	return false;
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception)
{
	enum pal_fault fault;
	uintptr_t address;
	DWORD error = GetLastError();
	if (!kind_of(exception->ExceptionRecord, &fault, &address))
		return EXCEPTION_CONTINUE_SEARCH;
	struct pal_machine machine = read_machine(exception->ContextRecord);
	bool ours = pal_trap_fault(fault, address, &machine);
	if (ours)
		write_machine(exception->ContextRecord, &machine);
	SetLastError(error);
	return ours ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static BOOL CALLBACK install(PINIT_ONCE once, void *unused, void **context)
{
	(void)once, (void)unused, (void)context;
	return AddVectoredExceptionHandler(1, on_exception) != NULL;
}

void pal_port_handle_faults(void)
{
	static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
	InitOnceExecuteOnce(&once, install, NULL, NULL);
}

/* ---- Programs ---- */

/* In UTF-8, allocated; NULL: no memory. What is not UTF-16 becomes U+FFFD. */
static char *utf8(const WCHAR *text)
{
	int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
	char *out = size > 0 ? malloc((size_t)size) : NULL;
	if (out)
		WideCharToMultiByte(CP_UTF8, 0, text, -1, out, size, NULL, NULL);
	return out;
}

static bool convert_arguments(int *argc, char ***argv)
{
	int count;
	WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), &count);
	char **list = wide ? calloc((size_t)count + 1, sizeof *list) : NULL;
	bool done = list != NULL;
	for (int i = 0; done && i < count; i++)
		done = (list[i] = utf8(wide[i])) != NULL;
	LocalFree(wide);
	*argc = count;
	*argv = list;
	return done;
}

static bool convert_environment(char ***environment)
{
	WCHAR *block = GetEnvironmentStringsW();
	size_t count = 0;
	for (const WCHAR *at = block; at && *at; at += wcslen(at) + 1)
		count++;
	char **list = block ? calloc(count + 1, sizeof *list) : NULL;
	bool done = list != NULL;
	const WCHAR *at = block;
	for (size_t i = 0; done && i < count; i++, at += wcslen(at) + 1)
		done = (list[i] = utf8(at)) != NULL;
	if (block)
		FreeEnvironmentStringsW(block);
	*environment = list;
	return done;
}

/* All is kept until the process ends. */
bool pal_port_begin_program(int *argc, char ***argv, char ***environment)
{
	SetConsoleOutputCP(CP_UTF8);
	SetConsoleCP(CP_UTF8);
	return convert_arguments(argc, argv) && convert_environment(environment);
}

/* ---- Output ---- */

void pal_port_print(const char *text, size_t length)
{
	HANDLE output = GetStdHandle(STD_ERROR_HANDLE);
	while (length > 0) {
		DWORD written;
		if (!WriteFile(output, text, length < PIECE ? (DWORD)length : PIECE, &written, NULL) || written == 0)
			return;
		text += written;
		length -= written; /* never more than was given */
	}
}
#endif
typedef int pal_port_windows_is_not_empty; /* ISO C wants a declaration in every file */
