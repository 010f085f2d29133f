/*
 * outbound.h - what an MTA that is about to deliver is told of the rules.
 *
 * Postfix and sendmail enforce outbound policy themselves and ask for it, each
 * in its own way: see postfix.c and sendmail.c for which of their questions
 * each rule answers.  Both ask for one thing after another, from the special
 * to the general, and take the first answer of any of their maps.  A question
 * is therefore answered by the rules of its own level only, and by nothing
 * when there are none, so that a map behind this one has its turn.
 *
 * An answer to Postfix is the stricter of the rules, of its own level and of
 * what a resolver says (level.c, resolved.h); only an exception, a rule that
 * lets mail leave in clear, goes below.  A WARN rule is passed over, and what
 * it would have said is recorded.
 *
 * Never fails open: when store or resolver cannot be asked Postfix is told to
 * defer, and sendmail, which takes a failed look-up for "no policy", a
 * requirement that no session can meet; whatever on-error says.
 *
 * Threads: no state.  An answer holds all its text: do not copy it.
 */
#ifndef TLSPOLICY_OUTBOUND_H
#define TLSPOLICY_OUTBOUND_H

#include "policy/eval/verdict.h"
#include "policy/outbound/translate.h"
#include "policy/store/store.h"

enum outbound_map {
	OUTBOUND_POSTFIX,  /* map "tlspolicy" */
	OUTBOUND_SENDMAIL, /* maps "access" and "tlspolicy_access" */
	OUTBOUND_MAPS
};
const char *outbound_map_name(enum outbound_map);
/*
 * False: there is no map of that name.  sendmail has no way to name a map on
 * the wire but by its name in sendmail.cf, and "access" is that of the whole
 * sequence where ours stands before another one: ours has a second name.
 */
bool outbound_map_by_name(struct slice name, enum outbound_map *);

struct outbound_options {
	struct translate_options express;
	bool weaken;  /* inexpressible = weaken */
	bool monitor; /* mode = monitor: recorded, and nothing is told */
	enum outbound_level site; /* outbound-default */
	enum outbound_match match; /* outbound-match */
	bool servername;	  /* outbound-servername = hostname */
	int version;	     /* outbound-version; 0: any */
	const char *exclude; /* outbound-exclude; NULL: none */
};

void outbound_options_of(const struct settings *, struct outbound_options *);
struct outbound_question {
	enum outbound_map map;
	struct slice key; /* as the MTA sent it */
	const struct outbound_options *options;
	const struct resolved *resolved; /* NULL: none was asked */
	int64_t now;	  /* seconds since 1970, UTC */
	const struct trace *trace; /* or NULL */
};

enum outbound_result {
	OUTBOUND_NONE,	   /* no rule of this level */
	OUTBOUND_WARNED,   /* none but of the class WARN: nothing is told */
	OUTBOUND_TOLD,	   /* at least what the rules demand */
	OUTBOUND_PASSED_ON, /* no rule: what the resolver demands */
	OUTBOUND_EXCEPTION, /* in clear, as all rules that there are allow */
	OUTBOUND_WEAKENED, /* less, for want of words; `lost` says what */
	OUTBOUND_REFUSED,  /* nothing may leave, for the same reason */
	OUTBOUND_FAILED	   /* nothing may leave: store or resolver failed */
};

const char *outbound_result_name(enum outbound_result); /* "weakened" */
enum { OUTBOUND_RULES_MAX = 6, OUTBOUND_MEMORY = 16 * 1024 };

struct outbound_rule {
	enum tag tag;
	struct slice key, requirement, file;
	uint32_t line;
};

struct outbound_answer {
	enum outbound_result result;
	bool waived;	   /* mode = monitor: the MTA gets `instead` */
	bool defer, instead_defer; /* a failure; the text gives the reason */
	struct text value; /* what the MTA gets */
	struct text lost;  /* "CIPHER:HIGH, CITag:MyCA" */
	struct text warned; /* what WARN rules would have made of it */
	struct text instead; /* without rules; empty: not found */
	uint64_t generation;
	char policy[DIGEST_SHORT + 1]; /* as in struct verdict */
	unsigned nrules;   /* that the answer rests on */
	struct outbound_rule rules[OUTBOUND_RULES_MAX];
	char value_text[4096], lost_text[512], warned_text[4096],
	    instead_text[4096], memory_text[OUTBOUND_MEMORY];
	struct text memory;
};

/* `reader` NULL: the store could not be opened or read, `why` says why. */
void outbound_ask(const struct outbound_question *,
    struct store_reader *reader, const struct fault *why,
    struct outbound_answer *);

/* sendmail asks Postfix's map: "not found" would let all mail leave. */
bool outbound_is_misplaced(const struct outbound_question *);
/* sendmail asks all at once: "no rule" needs a word of its own (sendmail.c). */
bool outbound_wants_a_word(const struct outbound_question *);
/* What a resolver is to be asked for; nothing: the key is no name for that, or
 * there is no memory to tell. */
void outbound_resolver_key(struct slice key, struct text *out);
void outbound_answer_init(struct outbound_answer *); /* "not found" */
/* As it goes over the socketmap: "OK encrypt". */
void outbound_print_reply(const struct outbound_question *,
    const struct outbound_answer *, struct text *out);
/* Nothing leaves, for a reason outside of the rules: store, audit log, map. */
void outbound_deny(const struct outbound_question *, const char *reason,
    struct outbound_answer *);

#endif
