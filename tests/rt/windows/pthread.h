/* What the tests of the runtime use of POSIX, for Windows: threads. */
#ifndef PTHREAD_H
#define PTHREAD_H
#include <process.h>
#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

typedef struct test_thread {
	void *(*run)(void *);
	void *arg, *result;
	HANDLE handle;
} *pthread_t;
typedef size_t pthread_attr_t; /* the stack's size, or 0 */

static unsigned __stdcall test_thread_main(void *arg)
{
	pthread_t thread = arg;
	thread->result = thread->run(thread->arg);
	return 0;
}
static inline int pthread_attr_init(pthread_attr_t *size)
{
	*size = 0;
	return 0;
}
static inline int pthread_attr_setstacksize(pthread_attr_t *size, size_t bytes)
{
	*size = bytes;
	return 0;
}
static inline void pthread_attr_destroy(pthread_attr_t *size)
{
	(void)size;
}
static inline int pthread_create(pthread_t *out, const pthread_attr_t *size, void *(*run)(void *), void *arg)
{
	pthread_t thread = *out = calloc(1, sizeof *thread);
	thread->run = run;
	thread->arg = arg;
	unsigned flags = size ? STACK_SIZE_PARAM_IS_A_RESERVATION : 0;
	thread->handle = (HANDLE)_beginthreadex(NULL, size ? (unsigned)*size : 0, test_thread_main, thread, flags, NULL);
	return thread->handle == NULL;
}
static inline int pthread_join(pthread_t thread, void **result)
{
	WaitForSingleObject(thread->handle, INFINITE);
	CloseHandle(thread->handle);
	if (result)
		*result = thread->result;
	free(thread);
	return 0;
}
#endif
