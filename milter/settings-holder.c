/*
 * A mutex held for the time of one addition, once a message.  The holder
 * itself counts as one of those that hold the settings.
 */
#include <stdlib.h>
#include <string.h>

#include "milter/settings-holder.h"

static bool
fill_digest(struct settings_in_force *s)
{
	unsigned char bytes[DIGEST_BYTES];
	char buf[SETTINGS_TEXT_MAX];
	struct text values, hex;
	struct fault fault;

	text_init(&values, buf, sizeof buf);
	settings_print_verdict(&s->settings, &values);
	text_init(&hex, s->digest, sizeof s->digest);
	if (!digest_of(slice_make(buf, values.n), bytes, &fault))
		return false;
	digest_print(bytes, &hex);
	return true;
}

static struct settings_in_force *
make(const struct settings *settings)
{
	struct settings_in_force *s = malloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->settings = *settings;
	settings_eval_options(&s->settings, &s->options);
	s->changed = false;
	s->names[0] = '\0';
	atomic_init(&s->announced, false);
	atomic_init(&s->holders, 1);
	if (fill_digest(s))
		return s;
	free(s);
	return NULL;
}

/*
 * Settings that do not bear on a verdict are in no digest, and are not
 * announced.
 */
static void
compare(struct settings_in_force *fresh, const struct settings_in_force *old)
{
	struct text names;

	text_init(&names, fresh->names, sizeof fresh->names);
	settings_differing(&old->settings, &fresh->settings, &names);
	fresh->changed = true;
	if (strcmp(fresh->digest, old->digest) != 0)
		return;
	fresh->changed = old->changed;
	memcpy(fresh->names, old->names, sizeof fresh->names);
	atomic_store(&fresh->announced, atomic_load(&old->announced));
}

bool
settings_holder_init(struct settings_holder *h, const struct settings *settings)
{
	pthread_mutex_init(&h->lock, NULL);
	h->now = make(settings);
	return h->now != NULL;
}

bool
settings_holder_replace(struct settings_holder *h,
    const struct settings *settings)
{
	struct settings_in_force *fresh = make(settings), *old;

	if (fresh == NULL)
		return false;
	pthread_mutex_lock(&h->lock);
	old = h->now;
	compare(fresh, old);
	h->now = fresh;
	pthread_mutex_unlock(&h->lock);
	settings_holder_drop(old);
	return true;
}

void
settings_holder_free(struct settings_holder *h)
{
	settings_holder_drop(h->now);
	pthread_mutex_destroy(&h->lock);
}

struct settings_in_force *
settings_holder_take(struct settings_holder *h)
{
	struct settings_in_force *s;

	pthread_mutex_lock(&h->lock);
	s = h->now;
	atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
	pthread_mutex_unlock(&h->lock);
	return s;
}

void
settings_holder_drop(struct settings_in_force *s)
{
	if (atomic_fetch_sub(&s->holders, 1) == 1)
		free(s);
}
