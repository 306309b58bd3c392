/* What an executable may give its guest: the directories and environment variables of --dir, --env, PALISADE_DIR and
 * PALISADE_ENV, as texts. */
#ifndef PAL_GRANTS_H
#define PAL_GRANTS_H
#include "palisade.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Zero-initialize. The arrays and all strings in them are allocated. */
struct pal_grants {
	pal_wasi_dir *dirs;
	size_t dir_count;
	char **envs; /* "NAME=VALUE", NULL-terminated once there is one */
	size_t env_count;
};
/* "HOST" or "HOST::GUEST", either may end in ":ro". False: HOST or GUEST is empty, or no memory. */
bool pal_grants_dir(struct pal_grants *, const char *text);
/* Several of them with commas between; `\,` is a comma that belongs to a name. False: one is malformed. */
bool pal_grants_dir_list(struct pal_grants *, const char *list);
/* "NAME=VALUE", or "NAME" for the value in `host` (NULL-terminated "NAME=VALUE" strings), if it has one. A name given
 * before is replaced. False: NAME is empty, or no memory. */
bool pal_grants_env(struct pal_grants *, const char *text, char *const *host);
/* Names with commas between; `*` for everything in `host`. */
bool pal_grants_env_list(struct pal_grants *, const char *list, char *const *host);
void pal_grants_drop(struct pal_grants *);

#pragma GCC visibility pop
#endif
