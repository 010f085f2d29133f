/*
 * spared.h - clients that a list lets pass, as items of a rule; private to
 * import*.c.
 */
#ifndef TLSPOLICY_IMPORT_SPARED_H
#define TLSPOLICY_IMPORT_SPARED_H

#include "policy/rules/requirement.h"

enum { IMPORT_CLIENTS_MAX = REQUIREMENT_ITEMS_MAX - 1 /* one is for BY */ };

/* clients.c: items of one kind, "CLIENT" or "WHEN". */
struct import_clients {
	struct text *items;
	const char *item;
	unsigned n;
};
/* False: there are too many, or they are too long. */
bool import_clients_put(struct import_clients *, const char *before,
    struct slice name);
/* One item more, unless it is there. */
bool import_clients_add(struct import_clients *, struct slice item);
bool import_clients_next(struct slice *items, struct slice *item);
/*
 * Adds all clients that a table lets pass; false: items cannot say who they
 * are.
 */
bool import_clients_of(struct import_clients *, struct slice type,
    struct slice text, bool exact_domains);

/*
 * spared.c: whom something before a demand lets pass.  A copy is one.
 */
struct import_spared {
	const char *who; /* NULL: nobody */
	bool untold;	 /* some of them no item WHEN can name */
	unsigned n;
	size_t used;
	char when[REQUIREMENT_TEXT_MAX];
};
void import_spare(struct import_spared *, const char *who);
void import_spare_word(struct import_spared *, const char *who,
    struct slice networks);
void import_spare_table(struct import_spared *, const char *who,
    struct slice type, struct slice text, bool exact_domains);
void import_spare_all(struct import_spared *, const struct import_spared *);
/* Items WHEN; empty: there is nobody, or who it is cannot be said so. */
struct slice import_spared_when(const struct import_spared *);
/* Only addresses of the machine itself: nobody, as its mail is exempt. */
bool import_is_loopback(struct slice network);

#endif
