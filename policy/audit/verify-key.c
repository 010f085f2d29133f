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
	if (v->not_read != NULL && !keyring_has_failed(v->keys))
		v->not_read(v->arg, path, v->key, v->epoch == 0 ? 0 :
		    keyring_begins(v->keys, v->key));
}

void
verify_choose_key(struct verification *v, const char *path, struct slice line,
    const struct chain_line *parts, const char *before)
{
	struct chain_link link;
	bool is_link = chain_parse_link(line, &link);

	v->is_unread = v->is_plain = false;
	if (!is_link)
		link.key[0] = '\0';
	v->epoch = is_link ? link.epoch : 0;
	if (v->first_epoch == 0 || v->epoch == 0 ||
	    strcmp(v->key, link.key) != 0)
		v->first_epoch = v->epoch;
	memcpy(v->key, link.key, sizeof v->key);
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

void
verify_resume_key(struct verification *v)
{
	struct chain_link link = { .epoch = v->epoch };

	if (v->epoch == 0 || v->keys == NULL)
		return;
	memcpy(link.key, v->key, sizeof link.key);
	v->chain = keyring_of_link(v->keys, &link);
	v->is_unread = v->chain == NULL;
	if (v->is_unread)
		v->chain = keyring_plain(v->keys);
}

/*
 * Who has come by a later key can cut off lines of an epoch before, but not
 * seal the line that ends it, nor begin with the epoch that comes then.
 */
bool
verify_link_epoch(struct verify_place *p, const struct chain_link *link,
    bool follows)
{
	char what[160];
	bool same = follows && strcmp(p->key, link->key) == 0;
	uint64_t want = same ? p->epoch : 1;

	if (link->epoch == 0)
		return true;
	if (link->epoch == want)
		return true;
	if (link->epoch < want)
		return verify_broken(p, BREAK_ADDED,
		    "its epoch had ended before");
	if (!same)
		snprintf(what, sizeof what, "it begins in epoch %llu of its key: "
		    "the lines before are missing",
		    (unsigned long long)link->epoch);
	else
		snprintf(what, sizeof what, "epoch %llu has no end, and this is "
		    "epoch %llu: lines before this one are missing",
		    (unsigned long long)want, (unsigned long long)link->epoch);
	return verify_broken(p, BREAK_DROPPED, what);
}

bool
verify_end_epoch(struct verify_place *p, struct slice line)
{
	struct verification *v = p->v;
	uint64_t ends;

	if (v->epoch == 0 || !chain_ends_epoch(line, &ends))
		return true;
	if (ends != v->epoch)
		return verify_broken(p, BREAK_CHANGED,
		    "it ends another epoch than its own");
	v->epoch++;
	verify_resume_key(v);
	return true;
}
