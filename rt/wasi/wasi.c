#include "os.h"
#include "wasi.h"
#include "descriptor.h"
#include "rights.h"
#include <stdlib.h>
#include <string.h>

/* Copies `count` strings into one block. PAL_E_RANGE: more than a 32-bit guest can be told. */
static pal_status copy_strings(struct pal_wasi_strings *out, const char *const *strings, size_t count)
{
	uint64_t size = 0;
	for (size_t i = 0; i < count; i++) {
		if (!strings[i])
			return PAL_E_ARGUMENT;
		size += strlen(strings[i]) + 1;
		if (size > UINT32_MAX || count > UINT32_MAX)
			return PAL_E_RANGE;
	}
	out->text = malloc(size ? (size_t)size : 1);
	if (!out->text)
		return PAL_E_NOMEM;
	char *to = out->text;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(strings[i]) + 1;
		memcpy(to, strings[i], length);
		to += length;
	}
	out->count = (uint32_t)count;
	out->size = (uint32_t)size;
	return PAL_OK;
}

static pal_status copy_arguments(pal_wasi *wasi, const pal_wasi_options *options)
{
	if (options->argc < 0 || (options->argc > 0 && !options->argv))
		return PAL_E_ARGUMENT;
	pal_status status = copy_strings(&wasi->arguments, options->argv, (size_t)options->argc);
	if (status)
		return status;
	size_t count = 0;
	while (options->env && options->env[count])
		count++;
	return copy_strings(&wasi->environment, options->env, count);
}

/* A descriptor of our own for one of the host's; -1 and errno: it is closed. */
static int duplicate(int from)
{
#ifdef _WIN32
	return pal_os_duplicate(from);
#else
	return fcntl(from, F_DUPFD_CLOEXEC, 3);
#endif
}

/* Gives descriptors 0, 1, 2 duplicates of the host's: the guest may close its own, not the host's. A host descriptor
 * that is closed leaves the guest's closed; one the embedder named explicitly must exist, unless it is negative. */
static pal_status add_stdio(pal_wasi *wasi, const pal_wasi_options *options)
{
	bool complete = !options->no_stdio;
	for (int i = 0; i < 3 && !options->no_stdio; i++) {
		int from = options->use_stdio ? options->stdio[i] : i;
		int host = from < 0 ? -1 : duplicate(from);
		if (host == -1) {
			if (from >= 0 && (options->use_stdio || errno != EBADF))
				return PAL_E_OS;
			complete = false;
			continue;
		}
		struct pal_wasi_file *file = pal_wasi_file_new(host);
		if (!file)
			return PAL_E_NOMEM;
		pal_wasi_grant_stdio(file, i);
		if (pal_wasi_place_at(wasi, (uint32_t)i, file))
			return PAL_E_NOMEM;
	}
	wasi->floor = complete ? 0 : 3;
	return PAL_OK;
}

static pal_status add_preopen(pal_wasi *wasi, uint32_t fd, const pal_wasi_dir *dir)
{
	if (!dir->host)
		return PAL_E_ARGUMENT;
	int host;
	do
		host = open(dir->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (host == -1 && errno == EINTR);
	if (host == -1)
		return PAL_E_OS;
	struct pal_wasi_file *file = pal_wasi_file_new(host);
	if (!file)
		return PAL_E_NOMEM;
	file->preopen = strdup(dir->guest ? dir->guest : dir->host);
	file->read_only = dir->read_only != 0;
	pal_wasi_grant_preopen(file);
	if (!file->preopen) {
		pal_wasi_unpin(file);
		return PAL_E_NOMEM;
	}
	return pal_wasi_place_at(wasi, fd, file) ? PAL_E_NOMEM : PAL_OK;
}

static pal_status fill(pal_wasi *wasi, const pal_wasi_options *options)
{
	pal_status status = copy_arguments(wasi, options);
	if (!status)
		status = add_stdio(wasi, options);
	if (!status && options->dir_count > INT32_MAX - 3)
		status = PAL_E_RANGE;
	for (size_t i = 0; !status && i < options->dir_count; i++)
		status = add_preopen(wasi, (uint32_t)i + 3, &options->dirs[i]);
	return status;
}

static void drop(pal_wasi *wasi)
{
	if (atomic_fetch_sub_explicit(&wasi->references, 1, memory_order_acq_rel) != 1)
		return;
	pal_wasi_close_all(wasi);
	free(wasi->arguments.text);
	free(wasi->environment.text);
	free(wasi);
}

pal_status pal_wasi_new(pal_wasi **out, const pal_wasi_options *options)
{
	static const pal_wasi_options nothing;
	*out = NULL;
	pal_wasi *wasi = calloc(1, sizeof *wasi);
	if (!wasi)
		return PAL_E_NOMEM;
	wasi->lock = (struct pal_lock)PAL_LOCK_INIT;
	atomic_init(&wasi->references, 1);
	pal_status status = fill(wasi, options ? options : &nothing);
	if (status) {
		int saved = errno; /* the caller's reason for PAL_E_OS */
		drop(wasi);
		errno = saved;
		return status;
	}
	*out = wasi;
	return PAL_OK;
}

void pal_wasi_free(pal_wasi *wasi)
{
	if (wasi)
		drop(wasi);
}

struct wasi_snapshot_preview1 *pal_wasi_view(pal_wasi *wasi)
{
	struct wasi_snapshot_preview1 *view = malloc(sizeof *view);
	if (!view)
		return NULL;
	atomic_fetch_add_explicit(&wasi->references, 1, memory_order_relaxed);
	*view = (struct wasi_snapshot_preview1){ wasi, NULL };
	return view;
}

void pal_wasi_view_free(struct wasi_snapshot_preview1 *view)
{
	if (!view)
		return;
	drop(view->wasi);
	free(view);
}

void pal_wasi_bind(void *view, void *memory)
{
	if (view)
		((struct wasi_snapshot_preview1 *)view)->memory = memory;
}
