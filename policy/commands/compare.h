/*
 * compare.h - the part of the command doctor that compares nodes by their logs.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_COMPARE_H
#define TLSPOLICY_COMMANDS_COMPARE_H

#include <jansson.h>

#include "policy/commands/command.h"
#include "policy/doctor/fleet.h"

/*
 * What was found in the files, and in *nodes (the caller's) what is known of
 * each.  The exit code of what kept it from looking, else 0.
 */
int compare_logs(const struct context *, char **paths, unsigned long hours,
    struct findings *, json_t **nodes) MUST_CHECK NONNULL;

#endif
