/*
 * A log that was sealed with a key cannot be passed off as one that needs none:
 * who writes it anew without the key has nothing that is linked to it.
 */
#include <stdio.h>
#include <string.h>

#include "policy/audit/verify-internal.h"

static void
note_file(struct verification *v, const char *path)
{
	if (v->unread == 0 && v->plain == 0)
		snprintf(v->plain_file, sizeof v->plain_file, "%s", path);
}

static void
choose_unread(struct verification *v, const char *path)
{
	note_file(v, path);
	v->is_unread = true;
	v->chain = keyring_plain(v->keys); /* for torn bytes */
	if (v->not_read != NULL)
		v->not_read(v->arg, path, v->key);
}

void
verify_choose_key(struct verification *v, const char *path, struct slice line,
    const struct chain_line *parts, const char *before)
{
	struct chain_link link;
	bool is_link = chain_parse_link(line, &link);

	v->is_unread = v->is_plain = false;
	memcpy(v->key, is_link ? link.key : "", is_link ? sizeof v->key : 1);
	if (v->keys == NULL)
		return;
	if (v->key[0] != '\0') {
		v->chain = keyring_of_link(v->keys, &link);
		if (v->chain == NULL)
			choose_unread(v, path);
		return;
	}
	v->chain = keyring_of_line(v->keys, is_link ? link.previous : before,
	    parts);
	if (v->chain == NULL)
		v->chain = keyring_first(v->keys);
	v->is_plain = keyring_has_keys(v->keys) &&
	    v->chain == keyring_plain(v->keys);
	if (v->is_plain)
		note_file(v, path);
}
