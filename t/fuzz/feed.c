/*
 * What a peer says to the facts feed: requests are taken whole or not at all,
 * and what one session was told of is told of no other.
 */
#include "t/fuzz/fuzz.h"

#include "milter/feed/feedtable.h"

static struct facts facts;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	facts_init(&facts, DIALECT_POSTFIX);
	return 0;
}

/* The session that the request is about, as the milter would see it. */
static void
set_facts(const struct feedrequest *r)
{
	static const struct { enum feed_attribute attribute; enum fact_id fact; }
	    rows[] = {
		{ FEED_CLIENT_ADDR, FACT_CLIENT_ADDR },
		{ FEED_CLIENT_PORT, FACT_CLIENT_PORT },
		{ FEED_SERVER_ADDR, FACT_DAEMON_ADDR },
		{ FEED_SERVER_PORT, FACT_DAEMON_PORT },
		{ FEED_TLS_VERSION, FACT_TLS_VERSION },
		{ FEED_CIPHER, FACT_CIPHER },
		{ FEED_CIPHER_BITS, FACT_CIPHER_BITS },
		{ FEED_SENDER, FACT_MAIL_ADDR },
		{ FEED_RECIPIENT, FACT_RCPT_ADDR },
	};

	facts_reset(&facts, DIALECT_POSTFIX);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		FUZZ_CHECK(facts_set(&facts, rows[i].fact,
		    r->value[rows[i].attribute], false));
	facts_set_state(&facts, FACT_FINGERPRINT, FACT_NOT_TOLD);
}

static void
take(struct feedtable *t, const struct feedrequest *r)
{
	struct slice said = r->value[FEED_FINGERPRINT];
	bool kept = feedtable_put(t, r, 0);

	FUZZ_CHECK(feedtable_count(t) == (kept ? 1 : 0));
	set_facts(r);
	FUZZ_CHECK(facts_set(&facts, FACT_RCPT_ADDR, slice_of("\1other"),
	    false));
	FUZZ_CHECK(feedtable_take(t, &facts, 0, 1) == FEEDTABLE_NOTHING);
	FUZZ_CHECK(facts.fact[FACT_FINGERPRINT].state == FACT_NOT_TOLD);
	set_facts(r);
	if (feedtable_take(t, &facts, 0, 1) == FEEDTABLE_TOLD) {
		FUZZ_CHECK(kept && feedtable_count(t) == 0);
		FUZZ_CHECK(slice_equal(facts_value(&facts, FACT_FINGERPRINT),
		    said));
	}
	FUZZ_CHECK(feedtable_take(t, &facts, 0, 1) == FEEDTABLE_NOTHING);
	FUZZ_CHECK(feedtable_take(t, &facts, 0, FEEDTABLE_KEEP_MS + 2) ==
	    FEEDTABLE_NOTHING && feedtable_count(t) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size);
	struct feedtable *t = feedtable_new();
	struct feedrequest request, part;
	size_t used, n;

	FUZZ_CHECK(t != NULL);
	while (feedrequest_read(rest, &request, &used) == FEEDREQUEST_WHOLE) {
		FUZZ_CHECK(used > 0 && used <= rest.n);
		for (size_t i = 0; i < used; i++)
			FUZZ_CHECK(feedrequest_read(slice_make(rest.p, i),
			    &part, &n) == FEEDREQUEST_PARTIAL);
		take(t, &request);
		rest = slice_from(rest, used);
	}
	feedtable_free(t);
	return 0;
}
