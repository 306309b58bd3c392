/* See grants.h. The texts come from whoever starts the program, not from the guest. */
#include "grants.h"
#include <stdlib.h>
#include <string.h>

/* ---- Strings ---- */

static char *copy_part(const char *from, size_t length)
{
	char *copy = malloc(length + 1); /* part of a string in memory: no wrap */
	if (copy) {
		memcpy(copy, from, length);
		copy[length] = 0;
	}
	return copy;
}

/* Calls `each` for the parts of a list; `\,` stands for a comma inside a part, empty parts are passed over. */
static bool for_each_part(const char *list, bool (*each)(void *arg, const char *part), void *arg)
{
	char *part = malloc(strlen(list) + 1); /* a part is no longer than the list */
	bool fine = part != NULL;
	while (fine && *list) {
		size_t length = 0;
		while (*list && *list != ',') {
			if (list[0] == '\\' && list[1] == ',')
				list++;
			part[length++] = *list++;
		}
		part[length] = 0;
		if (*list == ',')
			list++;
		if (length > 0)
			fine = each(arg, part);
	}
	free(part);
	return fine;
}

/* ---- Directories ---- */

static bool add_dir(struct pal_grants *grants, char *host, char *guest, bool read_only)
{
	pal_wasi_dir *dirs = NULL;
	if (host && guest)
		dirs = realloc(grants->dirs, (grants->dir_count + 1) * sizeof *dirs);
	if (dirs == NULL) {
		free(host);
		free(guest);
		return false;
	}
	dirs[grants->dir_count++] = (pal_wasi_dir){ host, guest, read_only };
	grants->dirs = dirs;
	return true;
}

bool pal_grants_dir(struct pal_grants *grants, const char *text)
{
	size_t length = strlen(text);
	bool read_only = length >= 3 && memcmp(text + length - 3, ":ro", 3) == 0;
	const char *end = text + length - (read_only ? 3 : 0);
	const char *mark = strstr(text, "::");
	if (mark && mark + 2 > end) /* the second colon is that of :ro */
		mark = NULL;
	const char *host_end = mark ? mark : end, *guest = mark ? mark + 2 : text;
	if (host_end == text || guest == end)
		return false;
	return add_dir(grants, copy_part(text, (size_t)(host_end - text)), copy_part(guest, (size_t)(end - guest)), read_only);
}

static bool dir_part(void *grants, const char *part)
{
	return pal_grants_dir(grants, part);
}

bool pal_grants_dir_list(struct pal_grants *grants, const char *list)
{
	return for_each_part(list, dir_part, grants);
}

/* ---- Environment ---- */

static size_t name_length(const char *text)
{
	return strcspn(text, "=");
}

/* The string of this name in a NULL-terminated array, or NULL. */
static char *const *find_env(char *const *array, const char *name, size_t length)
{
	for (; array && *array; array++)
		if (name_length(*array) == length && memcmp(*array, name, length) == 0)
			return array;
	return NULL;
}

static bool add_env(struct pal_grants *grants, const char *text)
{
	char *copy = copy_part(text, strlen(text));
	if (copy == NULL)
		return false;
	char **known = (char **)find_env(grants->envs, text, name_length(text));
	if (known) {
		free(*known);
		*known = copy;
		return true;
	}
	char **envs = realloc(grants->envs, (grants->env_count + 2) * sizeof *envs); /* one for the NULL */
	if (envs == NULL) {
		free(copy);
		return false;
	}
	envs[grants->env_count++] = copy;
	envs[grants->env_count] = NULL;
	grants->envs = envs;
	return true;
}

bool pal_grants_env(struct pal_grants *grants, const char *text, char *const *host)
{
	size_t length = name_length(text);
	if (length == 0)
		return false;
	if (text[length] == '=')
		return add_env(grants, text);
	char *const *found = find_env(host, text, length);
	return found == NULL || add_env(grants, *found);
}

struct env_list {
	struct pal_grants *grants;
	char *const *host;
};

static bool env_part(void *arg, const char *part)
{
	const struct env_list *list = arg;
	if (strchr(part, '='))
		return false; /* names only: values come from the host */
	if (strcmp(part, "*") != 0)
		return pal_grants_env(list->grants, part, list->host);
	for (char *const *each = list->host; each && *each; each++)
		if (!add_env(list->grants, *each))
			return false;
	return true;
}

bool pal_grants_env_list(struct pal_grants *grants, const char *list, char *const *host)
{
	struct env_list arg = { grants, host };
	return for_each_part(list, env_part, &arg);
}

void pal_grants_drop(struct pal_grants *grants)
{
	for (size_t i = 0; i < grants->dir_count; i++) {
		free((char *)grants->dirs[i].host);
		free((char *)grants->dirs[i].guest);
	}
	for (size_t i = 0; i < grants->env_count; i++)
		free(grants->envs[i]);
	free(grants->dirs);
	free(grants->envs);
	*grants = (struct pal_grants){ 0 };
}
