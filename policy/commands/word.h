/*
 * word.h - is a word of the command line one of those it may be?
 *
 *     word_start(&w, optarg);
 *     if (word_is(&w, "sendmail") || word_is(&w, "postfix"))
 *         ...
 *     return word_refuse(&w, context, "an MTA");
 *
 * The last one says which word was probably meant, or which ones there are.
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_WORD_H
#define TLSPOLICY_WORD_H

#include "policy/base/nearest.h"
#include "policy/commands/command.h"

struct word {
	const char *word;
	struct nearest nearest;
	struct text all;
	char buf[512];
};

void word_start(struct word *, const char *word);
bool word_is(struct word *, const char *one);
/* The exit status of a usage error. */
int word_refuse(const struct word *, const struct context *, const char *what);

/* A date, YYYY-MM-DD, in days since 1970; else the usage error is told. */
bool word_day(const struct context *, const char *option, const char *word,
    int32_t *day);

#endif
