/*
 * settings-print.h - settings as text: for people, scripts and records.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_SETTINGS_PRINT_H
#define TLSPOLICY_SETTINGS_PRINT_H

#include <stdio.h>

#include "policy/base/text.h"
#include "policy/conf/settings.h"

/* "name = value" for each setting; with `help` its sentence before it. */
void settings_print(const struct settings *s, FILE *out, bool help) NONNULL;
/* The same for one setting; false with a fault when there is none such. */
bool settings_print_one(const struct settings *s, struct slice name, FILE *out,
    bool help, struct fault *) MUST_CHECK NONNULL;
/* The same as one JSON object with name, value, default, help, reloadable. */
void settings_print_json(const struct settings *s, FILE *out) NONNULL;

/* "name = value" lines of those that bear on a verdict; SETTINGS_TEXT_MAX. */
void settings_print_verdict(const struct settings *s, struct text *) NONNULL;
/* The names of those that differ, with blanks between. */
void settings_differing(const struct settings *, const struct settings *,
    struct text *) NONNULL;

#endif
