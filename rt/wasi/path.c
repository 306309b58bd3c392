#include "os.h"
#include "path.h"
#include "beneath.h"
#include "host_error.h"
#include "walk.h"
#include <stdlib.h>
#include <string.h>

/* Attempts to open a name that others keep turning into links. */
enum { ATTEMPTS = 40 };

static bool ends_with_slash(const char *path)
{
	size_t length = strlen(path);
	return length && path[length - 1] == '/';
}

/* Opens by walking. The walk has expanded the links, so the last open follows none: a link there appeared meanwhile. */
static int32_t open_by_walk(int root, const char *path, bool follow, int flags, mode_t mode, int *out)
{
	if ((flags & O_CREAT) && ends_with_slash(path))
		return WASI_ISDIR; /* as Linux has it */
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL); /* then a link is an existing entry */
	enum pal_wasi_last kind = follow && !exclusive ? PAL_WASI_TARGET : PAL_WASI_OBJECT;
	for (int i = 0; i < ATTEMPTS; i++) {
		struct pal_wasi_place place;
		int32_t error = pal_wasi_walk(root, path, kind, &place);
		if (error)
			return error;
		int host;
		do
			host = openat(place.directory, place.name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		while (host == -1 && errno == EINTR);
		int failure = errno;
		pal_wasi_leave(&place);
		if (host != -1) {
			*out = host;
			return WASI_OK;
		}
		if (failure == EMLINK)
			failure = ELOOP; /* FreeBSD's word for a link not followed */
		if (failure != ELOOP || kind != PAL_WASI_TARGET)
			return pal_wasi_errno(failure);
	}
	return WASI_LOOP;
}

int32_t pal_wasi_open_beneath(int root, const char *path, bool follow, int flags, mode_t mode, int *out)
{
	if (*path == '/')
		return WASI_PERM;
	if (*path == 0)
		return WASI_NOENT;
	if (pal_wasi_uses_openat2()) {
		bool retry;
		int32_t error = pal_wasi_openat2(root, path, follow ? flags : flags | O_NOFOLLOW, mode, out, &retry);
		if (!retry)
			return error;
	}
	return open_by_walk(root, path, follow, flags, mode, out);
}

/* Opens the directory that `path` leads to as a starting point. */
static int32_t open_step(int root, const char *path, int *out, bool *retry)
{
	return pal_wasi_openat2(root, path, PAL_WASI_O_STEP, 0, out, retry);
}

/* Splits text at its last component, cutting off slashes behind it: *name is that component. Returns the prefix before
 * it, or NULL if there is none. */
static char *split(char *text, char **name, bool *slash)
{
	size_t length = strlen(text);
	*slash = ends_with_slash(text);
	while (length && text[length - 1] == '/')
		text[--length] = 0;
	char *cut = strrchr(text, '/');
	*name = cut ? cut + 1 : text;
	if (!cut)
		return NULL;
	*cut = 0;
	return text;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Locates with openat2: everything before the last component in one call, none if there is nothing. */
static int32_t locate_beneath(int root, const char *path, enum pal_wasi_last kind, struct pal_wasi_place *out,
                              bool *retry)
{
	char *text = strdup(path), *name;
	if (!text)
		return WASI_NOMEM;
	bool slash;
	const char *prefix = split(text, &name, &slash);
	bool whole = is_dots(name) || (slash && kind != PAL_WASI_ENTRY);
	*out = (struct pal_wasi_place){ .directory = root, .slash = slash, .name = name, .text = text };
	if (whole) {
		out->name = ".";
		prefix = path;
	}
	if (!prefix || strcmp(prefix, ".") == 0)
		return WASI_OK;
	int32_t error = open_step(root, prefix, &out->directory, retry);
	if (error) {
		free(text);
		return error;
	}
	out->owned = true;
	return WASI_OK;
}

static bool is_link(const struct pal_wasi_place *place)
{
	char byte;
	return readlinkat(place->directory, place->name, &byte, 1) >= 0;
}

int32_t pal_wasi_locate(int root, const char *path, enum pal_wasi_last kind, struct pal_wasi_place *out)
{
	if (*path == '/')
		return WASI_PERM;
	if (*path == 0)
		return WASI_NOENT;
	if (pal_wasi_uses_openat2()) {
		bool retry = false;
		int32_t error = locate_beneath(root, path, kind, out, &retry);
		/* A link at the end is the walk's business: its target is relative to where we are, but bounded by root. */
		bool walk = retry || (!error && kind == PAL_WASI_TARGET && is_link(out));
		if (!walk)
			return error;
		if (!error)
			pal_wasi_leave(out);
	}
	return pal_wasi_walk(root, path, kind, out);
}

void pal_wasi_leave(struct pal_wasi_place *place)
{
	int saved = errno;
	if (place->owned)
		close(place->directory);
	free(place->text);
	errno = saved;
}
