/*
 * Relaxed additions: a counter is read by nobody who concludes anything from
 * the order of two of them.
 */
#include <string.h>

#include "milter/metrics/metrics.h"

static const uint64_t bounds[METRICS_BUCKETS] = { 1000, 2000, 5000, 10000,
	20000, 50000, 100000, 200000, 500000, 1000000, 10000000, 100000000,
	1000000000, 0 };

static const char *const callback_names[CALLBACK_COUNT] = {
	[CALLBACK_HELO] = "helo",
	[CALLBACK_MAIL] = "mail",
	[CALLBACK_RCPT] = "rcpt",
	[CALLBACK_DATA] = "data",
	[CALLBACK_HEADER] = "header",
	[CALLBACK_EOH] = "eoh",
	[CALLBACK_EOM] = "eom",
	[CALLBACK_ABORT] = "abort",
	[CALLBACK_CLOSE] = "close",
};

static const struct {
	const char *name, *help;
} counters[COUNTER_COUNT] = {
	[COUNTER_SESSIONS] = { .name = "sessions_total",
	    .help = "SMTP sessions that an MTA has shown." },
	[COUNTER_MESSAGES] = { .name = "messages_total",
	    .help = "Messages let through at their end." },
	[COUNTER_RECORDS] = { .name = "audit_records_total",
	    .help = "Records that the audit log took." },
	[COUNTER_UNRECORDED] = { .name = "audit_unrecorded_total",
	    .help = "Records that the audit log could not take." },
	[COUNTER_STORE_ERRORS] = { .name = "store_errors_total",
	    .help = "Questions for which the store could not be asked." },
	[COUNTER_NO_MEMORY] = { .name = "no_memory_total",
	    .help = "Commands answered with 451 because memory had run out." },
	[COUNTER_NOT_ACCEPTED] = { .name = "accept_failures_total",
	    .help = "Times that no connection could be accepted." },
	[COUNTER_OUTBOUND_TOLD] = { .name = "outbound_told_total",
	    .help = "Questions of MTAs answered with a policy." },
	[COUNTER_OUTBOUND_PASSED_ON] = { .name = "outbound_passed_on_total",
	    .help = "Questions without a rule answered as the resolver says." },
	[COUNTER_OUTBOUND_EXCEPTION] = { .name = "outbound_exception_total",
	    .help = "Questions answered with an exception: clear text will do." },
	[COUNTER_OUTBOUND_WARNED] = { .name = "outbound_warned_total",
	    .help = "Questions for which there were rules of class WARN only." },
	[COUNTER_OUTBOUND_WEAKENED] = { .name = "outbound_weakened_total",
	    .help = "Questions answered with less than the rule demands." },
	[COUNTER_OUTBOUND_REFUSED] = { .name = "outbound_refused_total",
	    .help = "Questions answered with a refusal: a rule without words." },
	[COUNTER_OUTBOUND_FAILED] = { .name = "outbound_failed_total",
	    .help = "Questions answered with a refusal: store or audit log." },
	[COUNTER_OUTBOUND_NONE] = { .name = "outbound_none_total",
	    .help = "Questions of MTAs for which there was no rule." },
	[COUNTER_RESOLVER_FAILURES] = { .name = "resolver_failures_total",
	    .help = "Questions to which the resolver gave no answer that counts." },
	[COUNTER_MAP_LINKS] = { .name = "socketmap_connections_total",
	    .help = "Connections to the socketmap." },
	[COUNTER_MAP_DROPPED] = { .name = "socketmap_dropped_total",
	    .help = "Connections to the socketmap that were ended: idle, malformed "
	    "requests, too many." },
	[COUNTER_FEED_TOLD] = { .name = "facts_told_total",
	    .help = "Recipients of which the facts feed was told." },
	[COUNTER_FEED_MISSED] = { .name = "facts_missed_total",
	    .help = "Recipients and headers for whose session the facts feed was needed and had "
	    "nothing." },
	[COUNTER_FEED_LINKS] = { .name = "facts_connections_total",
	    .help = "Connections to the facts feed." },
	[COUNTER_FEED_DROPPED] = { .name = "facts_dropped_total",
	    .help = "Connections to the facts feed that were ended: idle, malformed "
	    "requests, too many." },
	[COUNTER_HANDSHAKES] = { .name = "handshakes_total",
	    .help = "TLS handshakes with servers of which Postfix told." },
	[COUNTER_HANDSHAKES_FAILED] = { .name = "handshakes_failed_total",
	    .help = "Of these those without the TLS that was wanted." },
	[COUNTER_HANDSHAKES_UNREAD] = { .name = "handshakes_unread_total",
	    .help = "Datagrams to tlsrpt-socket that could not be read." },
	[COUNTER_HEADER_UNREAD] = { .name = "header_unread_total",
	    .help = "Messages with rules for their From field, which could not be "
	    "read or was not shown." },
	[COUNTER_PLAN_JUDGED] = { .name = "plan_judged_total",
	    .help = "Records of what the policy of a plan judged, too." },
	[COUNTER_PLAN_DIFFERS] = { .name = "plan_differs_total",
	    .help = "Of these, it came to something else." },
	[COUNTER_PLAN_UNJUDGED] = { .name = "plan_not_judged_total",
	    .help = "Records of what it could not be asked about." },
	[COUNTER_PLAN_ANSWERED] = { .name = "plan_answered_total",
	    .help = "Records of what it decided, for the clients of apply --canary." },
	[COUNTER_RELOADS] = { .name = "reloads_total",
	    .help = "Times that SIGHUP was followed, in vain or not." },
	[COUNTER_RELOAD_FAILURES] = { .name = "reload_failures_total",
	    .help = "Times that settings or audit file stayed the old ones." },
};

/* What MTAs tell; hostile values must not make labels. */
static const char *const versions[METRICS_VERSIONS] = { "none", "TLSv1",
	"TLSv1.1", "TLSv1.2", "TLSv1.3", "other" };
static const char *const verifies[METRICS_VERIFIES] = { "none", "OK", "TRUSTED",
	"NO", "NO-OR-FAIL", "NOT", "NONE", "FAIL", "TEMP", "PROTOCOL",
	"SOFTWARE", "CONFIG", "DANE_FAIL", "other" };

void
metrics_init(struct metrics *m)
{
	memset(m, 0, sizeof *m);
}

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void
metrics_count(struct metrics *m, enum counter which)
{
	add(&m->counter[which], 1);
}

void
metrics_verdict(struct metrics *m, const struct verdict *v)
{
	add(&m->verdict[v->kind], 1);
	for (unsigned i = 0; i < v->nresults; i++)
		if (v->results[i].matched)
			add(&m->matched[v->results[i].tag], 1);
	if (v->deciding >= 0)
		add(&m->failed[v->results[v->deciding].tag], 1);
	if (v->waiver != WAIVER_NONE)
		add(&m->waived[v->waiver], 1);
	if (v->reply.nlines > 0)
		add(&m->reason[v->reply.reason], 1);
}

static unsigned
word_of(const char *const *words, unsigned n, struct slice value)
{
	unsigned i = 1;

	if (value.n == 0)
		return 0;
	while (i < n - 1 && !slice_is(value, words[i]))
		i++;
	return i;
}

void
metrics_session(struct metrics *m, const struct facts *f)
{
	add(&m->version[word_of(versions, METRICS_VERSIONS,
	    facts_value(f, FACT_TLS_VERSION))], 1);
	add(&m->verify[word_of(verifies, METRICS_VERIFIES,
	    facts_value(f, FACT_VERIFY))], 1);
}

void
metrics_reload(struct metrics *m, bool good)
{
	metrics_count(m, COUNTER_RELOADS);
	if (!good)
		metrics_count(m, COUNTER_RELOAD_FAILURES);
	atomic_store_explicit(&m->reload_failed, !good, memory_order_relaxed);
}

const char *
metrics_version_word(unsigned i)
{
	return versions[i];
}

const char *
metrics_verify_word(unsigned i)
{
	return verifies[i];
}

void
metrics_callback(struct metrics *m, enum callback which, uint64_t ns)
{
	unsigned b = 0;

	while (b < METRICS_BUCKETS - 1 && ns > bounds[b])
		b++;
	add(&m->latency[which].bucket[b], 1);
	add(&m->latency[which].sum_ns, ns);
}

uint64_t
metrics_bound(unsigned bucket)
{
	return bounds[bucket];
}

const char *
metrics_callback_name(enum callback which)
{
	return callback_names[which];
}

const char *
metrics_counter_name(enum counter which)
{
	return counters[which].name;
}

const char *
metrics_counter_help(enum counter which)
{
	return counters[which].help;
}
