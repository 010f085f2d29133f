/*
 * run.h - what another program prints.
 *
 * No shell in between; its standard error goes where ours goes to, if nothing
 * else is said, its standard input is empty.  Found by PATH, and in /usr/sbin and /sbin.
 *
 * Threads: for programs with one.
 */
#ifndef TLSPOLICY_DOCTOR_RUN_H
#define TLSPOLICY_DOCTOR_RUN_H

#include "policy/base/fault.h"
#include "policy/base/text.h"

/*
 * Runs argv, appends its standard output.  False: it could not be run, printed
 * more than there is room for, or ended with something else than 0.
 */
bool capture(char *const argv[], struct text *out, struct fault *) MUST_CHECK;

/* The same, where its standard error and a failure are told, too. */
bool capture_both(char *const argv[], struct text *out, struct text *err,
    bool *good, struct fault *) MUST_CHECK;

#endif
