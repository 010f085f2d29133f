/*
 * postfix-map.h - an item of smtp_tls_policy_maps, and whether it is ours.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_POSTFIX_MAP_H
#define TLSPOLICY_DOCTOR_POSTFIX_MAP_H

#include "policy/doctor/postfix.h"

enum postfix_map {
	POSTFIX_MAP_OTHER,
	POSTFIX_MAP_OURS,
	POSTFIX_MAP_MISNAMED, /* our socket, and not our table's name */
	POSTFIX_MAP_UNSEEN    /* outside of the chroot */
};

enum postfix_map postfix_map_which(const struct postfix *,
    const struct postfix_service *, const struct socket_address *us,
    struct slice item);
/* Why the service gets no answer of our map, which it is to ask; NULL: it does. */
const char *postfix_map_hidden(const struct postfix *,
    const struct postfix_service *, const struct socket_address *us,
    struct slice item);
/* Some item of the service's list is ours. */
bool postfix_map_asks_us(const struct postfix *, const struct postfix_service *,
    const struct socket_address *us);

/* A table of our name, wherever; *us: where it is said to be. */
bool postfix_map_take(const struct postfix *, const struct postfix_service *,
    struct slice item, struct socket_address *us);

/* Is all of ours that some service asks by proxymap(8) in proxy_read_maps? */
void postfix_map_check_proxy(struct postfix *,
    const struct socket_address *us);

#endif
