/* in_child, see hand.h. */
#define _GNU_SOURCE
#include "hand.h"
#include <string.h>

char child_output[4096];

int begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <windows.h>

/* There is no fork: the program is started once more, told where in it the function is, and what it is given: nothing, an
 * instance, or a text that is in the program, too. */
static uintptr_t base(void)
{
	return (uintptr_t)GetModuleHandleA(NULL);
}

static bool is_ours(const void *arg)
{
	MEMORY_BASIC_INFORMATION region;
	return VirtualQuery(arg, &region, sizeof region) && (uintptr_t)region.AllocationBase == base();
}

int in_child(void (*fn)(void *), void *arg)
{
	char function[32], what[32], program[MAX_PATH + 2];
	GetModuleFileNameA(NULL, program, MAX_PATH);
	snprintf(function, sizeof function, "%llu", (unsigned long long)((uintptr_t)fn - base()));
	snprintf(what, sizeof what, "%llu", arg == NULL ? 0 : is_ours(arg) ? (unsigned long long)((uintptr_t)arg - base()) : 1);
	int ends[2], before = dup(2);
	CHECK(before >= 0 && _pipe(ends, sizeof child_output, _O_BINARY | _O_NOINHERIT) == 0);
	fflush(NULL);
	CHECK(dup2(ends[1], 2) == 0);
	intptr_t child = _spawnl(_P_NOWAIT, program, "child", "child", function, what, NULL);
	CHECK(dup2(before, 2) == 0);
	close(ends[1]);
	close(before);
	CHECK(child != -1);
	size_t length = 0;
	int got;
	while ((got = read(ends[0], child_output + length, (unsigned)(sizeof child_output - 1 - length))) > 0)
		length += (size_t)got;
	child_output[length] = 0;
	close(ends[0]);
	int status;
	CHECK(_cwait(&status, child, 0) == child);
	return status;
}

/* The host's own handler: what is not the runtime's gets here. */
static LONG WINAPI end_with_code(EXCEPTION_POINTERS *exception)
{
	TerminateProcess(GetCurrentProcess(), exception->ExceptionRecord->ExceptionCode);
	return EXCEPTION_EXECUTE_HANDLER;
}

void be_child(char **arguments)
{
	uintptr_t what = strtoull(arguments[3], NULL, 10);
	void *arg = what == 0 ? NULL : what == 1 ? new_instance(&module) : (void *)(base() + what);
	SetUnhandledExceptionFilter(end_with_code);
	((void (*)(void *))(base() + strtoull(arguments[2], NULL, 10)))(arg);
	_exit(77);
}
#else
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int in_child(void (*fn)(void *), void *arg)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	fflush(NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		dup2(ends[1], 2);
		close(ends[0]);
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		fn(arg);
		_exit(77);
	}
	close(ends[1]);
	size_t length = 0;
	ssize_t got;
	while ((got = read(ends[0], child_output + length, sizeof child_output - 1 - length)) > 0)
		length += (size_t)got;
	child_output[length] = 0;
	close(ends[0]);
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	return status;
}
#endif
