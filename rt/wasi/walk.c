#include "os.h"
#include "walk.h"
#include "beneath.h"
#include "host_error.h"
#include <stdlib.h>
#include <string.h>

/* As many links as Linux follows. */
enum { MAX_LINKS = 40 };

/* A walk under way. Invariant: every descriptor of the stack was opened by a name that was no link at that moment,
 * from the one before it, so each is (or was) below root; `..` only pops. A directory that somebody moves out of root
 * while we are in it stays reachable, as for every process that has it open, but its new parent is not. */
struct walk {
	int root;
	int *stack; /* directories below root, in order */
	size_t depth, room;
	char *text; /* the path being walked; replaced when a link is expanded */
	char *rest; /* what is still to do, inside text */
	unsigned links;
};

static int top(const struct walk *walk)
{
	return walk->depth ? walk->stack[walk->depth - 1] : walk->root;
}

static int32_t push(struct walk *walk, int directory)
{
	if (walk->depth == walk->room) {
		size_t room = walk->room ? walk->room * 2 : 16;
		int *stack = realloc(walk->stack, room * sizeof *stack);
		if (!stack) {
			close(directory);
			return WASI_NOMEM;
		}
		walk->stack = stack;
		walk->room = room;
	}
	walk->stack[walk->depth++] = directory;
	return WASI_OK;
}

/* Ends the walk; with `keep` the topmost directory stays open. */
static void finish(struct walk *walk, bool keep)
{
	size_t close_below = walk->depth - (keep && walk->depth ? 1 : 0);
	for (size_t i = 0; i < close_below; i++)
		close(walk->stack[i]);
	free(walk->stack);
}

/* Reads the link `name` in the topmost directory into a new string. INVAL: it is no link. */
static int32_t read_link(const struct walk *walk, const char *name, char **out)
{
	char *target = malloc(PATH_MAX);
	if (!target)
		return WASI_NOMEM;
	ssize_t length = readlinkat(top(walk), name, target, PATH_MAX);
	int32_t error = WASI_OK;
	if (length <= 0)
		error = length ? pal_wasi_errno(errno) : WASI_NOENT;
	else if (length >= PATH_MAX)
		error = WASI_NAMETOOLONG;
	if (error) {
		free(target);
		return error;
	}
	target[length] = 0;
	*out = target;
	return WASI_OK;
}

/* Puts a link's target before the rest of the path. Takes over `target`. */
static int32_t expand(struct walk *walk, char *target)
{
	int32_t error = WASI_OK;
	char *text = NULL;
	size_t length = strlen(target), rest = strlen(walk->rest); /* rest begins with a slash, or is empty */
	if (*target == '/')
		error = WASI_PERM;
	else if (++walk->links > MAX_LINKS)
		error = WASI_LOOP;
	else if (!(text = malloc(length + rest + 1))) /* at most (MAX_LINKS + 1) * PATH_MAX */
		error = WASI_NOMEM;
	if (!error) {
		memcpy(text, target, length);
		memcpy(text + length, walk->rest, rest + 1);
		free(walk->text);
		walk->text = walk->rest = text;
	}
	free(target);
	return error;
}

/* Enters the directory `name`; if it is a link, puts its target in its place. */
static int32_t enter(struct walk *walk, const char *name)
{
	/* Once more than links can be followed: a name may be changed under our eyes between the two calls. */
	for (int i = 0; i <= MAX_LINKS; i++) {
		int directory = openat(top(walk), name, PAL_WASI_O_STEP | O_NOFOLLOW);
		if (directory != -1)
			return push(walk, directory);
		int error = errno;
		if (error == EINTR)
			continue;
		/* A link not followed: ENOTDIR on Linux, ELOOP by POSIX, EMLINK on FreeBSD. */
		if (error != ENOTDIR && error != ELOOP && error != EMLINK)
			return pal_wasi_errno(error);
		char *target;
		int32_t result = read_link(walk, name, &target);
		if (result == WASI_OK)
			return expand(walk, target);
		if (result != WASI_INVAL)
			return result;
		if (error == ENOTDIR)
			return WASI_NOTDIR;
	}
	return WASI_LOOP;
}

/* Handles the last component: it is final, or a link was expanded and there is more to walk (*final NULL). */
static int32_t last(struct walk *walk, enum pal_wasi_last kind, const char *name, char **final)
{
	if (kind != PAL_WASI_TARGET)
		return WASI_OK;
	char *target;
	int32_t error = read_link(walk, name, &target);
	if (error == WASI_INVAL || error == WASI_NOENT)
		return WASI_OK; /* not a link, or nothing there (yet) */
	if (!error)
		error = expand(walk, target);
	*final = NULL;
	return error;
}

static char dot[] = ".";

/* The next component of a path; `end`: nothing but slashes follow, `slash`: at least one does. */
struct component {
	char *name;
	size_t length; /* 0: there is none left */
	bool end, slash;
};

static struct component next(struct walk *walk)
{
	struct component it = { .name = walk->rest + strspn(walk->rest, "/") };
	it.length = strcspn(it.name, "/");
	walk->rest = it.name + it.length;
	size_t slashes = strspn(walk->rest, "/");
	it.slash = slashes != 0;
	it.end = walk->rest[slashes] == 0;
	return it;
}

/* One step. *name is set when the walk is over. */
static int32_t step(struct walk *walk, enum pal_wasi_last kind, char **name, bool *slash)
{
	struct component it = next(walk);
	char copy[NAME_MAX + 1];
	*slash = it.slash;
	if (it.length > NAME_MAX)
		return WASI_NAMETOOLONG;
	memcpy(copy, it.name, it.length);
	copy[it.length] = 0;
	bool up = strcmp(copy, "..") == 0;
	if (up && !walk->depth)
		return WASI_PERM;
	if (up)
		close(walk->stack[--walk->depth]);
	if (up || it.length == 0 || strcmp(copy, ".") == 0) {
		if (it.end)
			*name = dot;
		return WASI_OK;
	}
	/* A last component with a slash behind it means the directory itself: the step after this one ends there. */
	if (!it.end || (it.slash && kind != PAL_WASI_ENTRY))
		return enter(walk, copy);
	char *final = it.name;
	int32_t error = last(walk, kind, copy, &final);
	if (!error && final)
		final[it.length] = 0; /* cuts off an ENTRY's slashes */
	*name = final;
	return error;
}

int32_t pal_wasi_walk(int root, const char *path, enum pal_wasi_last kind, struct pal_wasi_place *out)
{
	if (*path == '/')
		return WASI_PERM;
	if (*path == 0)
		return WASI_NOENT;
	struct walk walk = { .root = root, .text = strdup(path) };
	if (!walk.text)
		return WASI_NOMEM;
	walk.rest = walk.text;
	char *name = NULL;
	bool slash = false;
	int32_t error = WASI_OK;
	while (!error && !name)
		error = step(&walk, kind, &name, &slash);
	if (error) {
		finish(&walk, false);
		free(walk.text);
		return error;
	}
	*out = (struct pal_wasi_place){
		.directory = top(&walk), .owned = walk.depth > 0, .slash = slash, .name = name, .text = walk.text,
	};
	finish(&walk, true);
	return WASI_OK;
}
