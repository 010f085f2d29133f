/*
 * postfix-list.h - lists of milters as main.cf has them: "unix:a, { inet:b:1,
 * default_action=accept }".
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_POSTFIX_LIST_H
#define TLSPOLICY_DOCTOR_POSTFIX_LIST_H

#include "policy/doctor/postfix.h"

struct postfix_item {
	struct slice whole, address, options;
};

/* Takes the first off the list; false: it is empty. */
bool postfix_next_item(struct slice *list, struct postfix_item *);

/* What a path means to a service: below the queue when it has no slash. */
void postfix_resolve(const struct postfix *, bool chrooted,
    struct socket_address *);

enum postfix_who {
	POSTFIX_STRANGER,
	POSTFIX_US,
	POSTFIX_US_UNSEEN,  /* in a chroot, outside of which we listen */
	POSTFIX_US_MISSPELT /* an address at which we do not listen */
};

/*
 * Our item in the list, the best if there are several; *others: how many there
 * are besides.
 */
enum postfix_who postfix_find_us(const struct postfix *,
    const struct postfix_service *, struct slice list, struct postfix_item *,
    unsigned *others);

/* The word behind default_action= in an item's options, or nothing. */
struct slice postfix_action(struct slice options);
/* Mail is deferred. */
bool postfix_is_good_action(struct slice word);

/*
 * The list with us in it, rightly: mended if we were, else behind the others.
 * With `action` our item has a default_action of its own.
 */
void postfix_put_list(const struct postfix *, const struct postfix_service *,
    struct slice list, bool action, struct text *out);

#endif
