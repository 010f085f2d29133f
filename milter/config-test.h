/*
 * config-test.h - what -t prints: what the daemon would do with these settings.
 */
#ifndef TLSPOLICY_MILTER_CONFIG_TEST_H
#define TLSPOLICY_MILTER_CONFIG_TEST_H

#include "milter/listen.h"
#include "milter/options.h"
#include "milter/privilege.h"

/* On standard output; the exit status. */
int config_test(const struct options *, const struct settings *,
    const struct privilege *, const struct listen *,
    const struct listen *map,    /* NULL: socketmap = off */
    const struct listen *facts,  /* NULL: facts-socket = off */
    const struct listen *tlsrpt); /* NULL: tlsrpt-socket = off */

#endif
