/*
 * stdfile.h - descriptors 0, 1 and 2, whoever started us.
 */
#ifndef TLSPOLICY_STDFILE_H
#define TLSPOLICY_STDFILE_H

#include <stdbool.h>

/*
 * First thing in main(): a store, log or socket that is opened while 0, 1 or 2
 * is closed would take that number, and what is printed would go into it.  The
 * wrong mode of /dev/null keeps what was closed as useless as it was.  False:
 * it cannot be opened.
 */
bool stdfile_keep(void);

#endif
