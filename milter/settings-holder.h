/*
 * settings-holder.h - the settings in force, while SIGHUP replaces them.
 *
 * A message takes the settings of the moment at MAIL and keeps them to its
 * end: it is judged, recorded and answered by one set of them.  Replaced ones
 * go away with the last message that holds them.
 *
 * Threads: any may take and drop; one at a time may replace.
 */
#ifndef TLSPOLICY_SETTINGS_HOLDER_H
#define TLSPOLICY_SETTINGS_HOLDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "policy/policy.h"

struct settings_in_force {
	struct settings settings;
	struct eval_options options; /* points into settings */
	char digest[DIGEST_HEX + 1]; /* of those that bear on a verdict */
	bool changed;		     /* `names` are those that are others now */
	char names[512];
	atomic_bool announced;	     /* see announce.h */
	atomic_uint holders;
};

struct settings_holder {
	pthread_mutex_t lock;
	struct settings_in_force *now;
};

/* Copies the settings.  False: out of memory. */
bool settings_holder_init(struct settings_holder *, const struct settings *)
    MUST_CHECK NONNULL;
bool settings_holder_replace(struct settings_holder *,
    const struct settings *) NONNULL;
void settings_holder_free(struct settings_holder *);

struct settings_in_force *settings_holder_take(struct settings_holder *)
    NONNULL;
void settings_holder_drop(struct settings_in_force *);

#endif
