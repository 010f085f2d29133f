/*
 * unit.h - what the C tests share: tables whose every row is looked at, a
 * scratch folder, sessions and stores in one line.
 *
 * unit_same() and unit_number() note a difference and go on, so that a table
 * shows all that is wrong in it; unit_end() fails the test when one was noted.
 */
#ifndef TLSPOLICY_UNIT_H
#define TLSPOLICY_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"
#include "policy/eval/eval.h"
#include "policy/facts/facts.h"
#include "policy/rules/rulefile.h"
#include "policy/store/store.h"

#define UNIT_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* main() of a test: TAP, and the scratch folder goes away when all is well. */
#define unit_main(tests)                                                      \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                            \
	    unit_leave(cmocka_run_group_tests(tests, NULL, NULL)))
int unit_leave(int failed);

void unit_same(const char *row, const char *want, const char *got);
void unit_slice(const char *row, const char *want, struct slice got);
void unit_number(const char *row, long long want, long long got);
void unit_end(void);

/* PATH of `name` in the scratch folder; good until the fourth call after. */
const char *unit_path(const char *name);

/* Rules as text, lines ended by \n.  The test fails when one is bad. */
void unit_read_rules(struct rulefile *, const char *rules);
/* The store `name`, built from the rules at the time `now`. */
const char *unit_build(const char *name, const char *rules, int64_t now);

/*
 * Facts from "name=value name=value"; a value holds no blanks.  j is taken as
 * given, as in `tlspolicy check`; _told: it is not.
 */
void unit_facts(struct facts *, const char *macros);
void unit_facts_told(struct facts *, const char *macros);

/*
 * Rules (lines ended by \n) and a session in, the first line of `tlspolicy
 * check` out; behind it " | WAIVER: " and what it spared, if anything.
 * `options` are words: perm, accept (on-error), compat, monitor, exempt, help,
 * mail (the four classes of MAIL; else the class of `tag` alone).
 */
const char *unit_judge(const char *rules, const char *macros, enum tag tag,
    const char *options, int64_t now);
/* unit_judge() for a verdict of the caller's and an open store (or NULL). */
void unit_judge_into(struct store_reader *, const struct facts *, enum tag,
    const char *options, int64_t now, const struct trace *,
    struct verdict *);
void unit_print_verdict(const struct verdict *, struct text *);

/* Numbers that look random and are the same in every run. */
uint32_t unit_random(uint64_t *state);

#endif
