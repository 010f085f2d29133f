/*
 * cookie.h - how far a directory was read, as OpenLDAP writes it.
 *
 * A provider tells of each change when it was made, by which of several
 * providers: csn=TIME#count#SERVER#mod.  The newest of each server, together,
 * are how far all of them were read.  The cookie that comes with a change has
 * only that one's, and the number of the provider that we were told by (sid=):
 * shown to another provider that would say that we are that provider, and its
 * own changes would be kept from us.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_SYNC_COOKIE_H
#define TLSPOLICY_SYNC_COOKIE_H

#include "policy/base/text.h"

enum { COOKIE_MAX = 4096 };

/*
 * Adds `news` to what is known, in place; a cookie of another kind takes its
 * place.  When the result is too long, or of too many servers, it is empty, and
 * all is read again.
 */
void cookie_merge(struct text *known, struct slice news) NONNULL;

/*
 * The filter that finds the entries that were the last to be changed, one for
 * each server; how many there are to find, 0: the cookie is of another kind.
 */
size_t cookie_filter(struct slice cookie, struct text *filter) NONNULL;

#endif
