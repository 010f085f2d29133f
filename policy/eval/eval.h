/*
 * eval.h - judging a session by the rules.
 *
 * Every tag that has a matching rule must be satisfied.  They are judged in
 * the order of tag.h; of those that fail the strictest gives the verdict, among
 * equals the first (verdict_severity()).  Only here are "failed" and
 * "cannot tell" turned into a verdict, by on-error, and the trace says so.
 * Never answers a policy error with a permanent refusal.
 *
 * TLS_From, TLS_To and TLS_Header are judged for every spelling of the address
 * (spelling.h), the last for every mailbox of the field (fromfield.h); the
 * strictest answer is the tag's.
 *
 * Neither allocates nor locks; keeps no clock (`now` is handed in) and no
 * state.  Any number of threads may judge at once, each with its own reader.
 */
#ifndef TLSPOLICY_EVAL_H
#define TLSPOLICY_EVAL_H

#include "policy/eval/verdict.h"
#include "policy/facts/facts.h"
#include "policy/store/store.h"

struct eval_options {
	enum rule_class default_class; /* CLASS_TEMP or CLASS_PERM */
	bool on_error_accept;	       /* on-error = accept */
	bool compat_sendmail;
	bool monitor;
	const char *help_url;	       /* NULL or "": none */
	const char *local_domains;     /* NULL or "": {j} and its parent */
	bool judge_header;	       /* header-from = judge */
};

enum eval_scope {
	EVAL_MAIL, /* Daemon, Client, Auth, From */
	EVAL_RCPT, /* To, for FACT_RCPT_ADDR */
	EVAL_HEADER, /* Header, for all of FACT_HEADER_FROM; or none, by its setting */
	EVAL_TAG   /* the one tag in question.tag */
};

struct question {
	enum eval_scope scope;
	enum tag tag;		    /* for EVAL_TAG */
	const struct facts *facts;
	const struct eval_options *options;
	bool exempt;		    /* never refused, all is recorded */
	bool utf8;		    /* a reply may hold UTF-8 (RFC 6531) */
	bool untold;		    /* the macros did not arrive */
	bool without_warn;	    /* WARN lines count as absent */
	bool fed_later;		    /* the facts feed will tell, at RCPT */
	int64_t now;		    /* seconds since 1970, UTC */
	const struct trace *trace;  /* or NULL */
	/*
	 * The policy that is asked.  NULL: the store could not be opened or
	 * read, `why` says why; the verdict is a policy error.
	 */
	struct store_reader *reader;
	const struct fault *why;
};

void eval_session(const struct question *, struct verdict *) NONNULL;

#endif
