/*
 * One row for each family of numbers: name, type, help, and who prints it.
 */
#include <inttypes.h>

#include "milter/handover.h"
#include "milter/metrics/page.h"
#include "milter/metrics/process.h"

#define PREFIX "tlspolicy_"

static void
head(struct text *out, const char *name, const char *type, const char *help)
{
	text_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
	    name, help, name, type);
}

static uint64_t
read_counter(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
gauge(struct text *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "gauge", help);
	text_printf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void
seconds(struct text *out, const char *name, const char *help, uint64_t ms)
{
	head(out, name, "gauge", help);
	text_printf(out, PREFIX "%s %" PRIu64 ".%03u\n", name, ms / 1000,
	    (unsigned)(ms % 1000));
}

static void
labelled(struct text *out, const char *name, const char *label,
    const char *value, _Atomic uint64_t *counter)
{
	text_printf(out, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
	    value, read_counter(counter));
}

static void
put_counters(struct metrics *m, struct text *out)
{
	for (int i = 0; i < COUNTER_COUNT; i++) {
		const char *name = metrics_counter_name((enum counter)i);

		head(out, name, "counter",
		    metrics_counter_help((enum counter)i));
		text_printf(out, PREFIX "%s %" PRIu64 "\n", name,
		    read_counter(&m->counter[i]));
	}
}

static void
put_verdicts(struct metrics *m, struct text *out)
{
	head(out, "verdicts_total", "counter",
	    "Verdicts at MAIL, RCPT and the end of the header, as "
	    "carried out.");
	for (int i = VERDICT_ACCEPT; i <= VERDICT_HOLD; i++)
		labelled(out, "verdicts_total", "verdict",
		    verdict_name((enum verdict_kind)i), &m->verdict[i]);
	head(out, "waived_total", "counter",
	    "Verdicts that would have been refusals, by what spared them.");
	for (int i = WAIVER_NONE + 1; i <= WAIVER_ON_ERROR; i++)
		labelled(out, "waived_total", "waiver",
		    waiver_name((enum waiver)i), &m->waived[i]);
	head(out, "reasons_total", "counter",
	    "Reasons of refusals, carried out or waived.");
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		labelled(out, "reasons_total", "reason",
		    reason_name((enum reason)i), &m->reason[i]);
}

/* The label was called class; both, for one release. */
static void
put_tag_counters(const char *name, _Atomic uint64_t *values, struct text *out)
{
	for (int i = TAG_DAEMON; i <= TAG_HEADER; i++) {
		const char *tag = tag_row((enum tag)i)->name;

		text_printf(out, PREFIX "%s{tag=\"%s\",class=\"%s\"} %" PRIu64
		    "\n", name, tag, tag, read_counter(&values[i]));
	}
}

static void
put_tags(struct metrics *m, struct text *out)
{
	head(out, "rule_matches_total", "counter",
	    "Questions for which a tag had a rule.");
	put_tag_counters("rule_matches_total", m->matched, out);
	head(out, "rule_failures_total", "counter",
	    "Questions that a tag decided against the client.");
	put_tag_counters("rule_failures_total", m->failed, out);
}

/* Buckets are cumulative; the last one counts all. */
static void
put_latency(struct metrics_latency *l, const char *callback, struct text *out)
{
	uint64_t all = 0;

	for (unsigned b = 0; b < METRICS_BUCKETS; b++) {
		uint64_t bound = metrics_bound(b);

		all += read_counter(&l->bucket[b]);
		text_printf(out, PREFIX
		    "callback_seconds_bucket{callback=\"%s\",le=\"", callback);
		if (bound == 0)
			text_puts(out, "+Inf");
		else
			text_printf(out, "%g", (double)bound / 1e9);
		text_printf(out, "\"} %" PRIu64 "\n", all);
	}
	text_printf(out, PREFIX "callback_seconds_sum{callback=\"%s\"} %.9f\n",
	    callback, (double)read_counter(&l->sum_ns) / 1e9);
	text_printf(out, PREFIX "callback_seconds_count{callback=\"%s\"} %"
	    PRIu64 "\n", callback, all);
}

static void
put_callbacks(struct metrics *m, struct text *out)
{
	head(out, "callback_seconds", "histogram",
	    "Time that callbacks took.");
	for (int i = 0; i < CALLBACK_COUNT; i++)
		put_latency(&m->latency[i],
		    metrics_callback_name((enum callback)i), out);
}

static void
total(struct text *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "counter", help);
	text_printf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

/* A log that is turned off has no numbers. */
static void
put_audit(struct daemon *d, struct text *out)
{
	struct writer_stats s;

	if (!auditlog_stats(d->audit, &s))
		return;
	gauge(out, "audit_up", "1: the audit log can be written, and is "
	    "where it should be.",
	    s.failing || s.astray ? 0 : 1);
	gauge(out, "audit_astray", "1: the audit log was removed, renamed, cut "
	    "or out of sight since the last SIGHUP.", s.astray ? 1 : 0);
	total(out, "audit_replaced_total",
	    "Files begun because the audit log was removed or renamed.",
	    s.replaced);
	gauge(out, "audit_scarce", "1: the audit log's disk is nearly full, "
	    "refusals are not recorded.", s.scarce ? 1 : 0);
	gauge(out, "audit_queue_bytes", "Bytes of records that wait for the "
	    "audit log's writer.", s.queued);
	seconds(out, "audit_unwritten_seconds", "How long the oldest record "
	    "has waited that is not in the file.", s.unwritten_ms);
	if (s.syncs_on)
		seconds(out, "audit_unsynced_seconds", "How long the oldest "
		    "record has been in the file that is not on the disk.",
		    s.unsynced_ms);
	gauge(out, "audit_sequence", "Number of the last line of the audit "
	    "log's chain.", s.head.seq);
	gauge(out, "audit_lost_lines", "Lines that were missing at the end of "
	    "the audit log when the daemon started.", s.lost);
	gauge(out, "audit_end_noted", "1: where the audit log ends is noted in "
	    "state-folder.", s.kept ? 1 : 0);
	total(out, "audit_checkpoints_total", "Checkpoints of the audit log that "
	    "were signed and handed on.", s.checkpoints);
	gauge(out, "audit_checkpoint_waits", "1: a checkpoint cannot be handed "
	    "on.", s.behind ? 1 : 0);
	gauge(out, "audit_epoch", "Epoch of the key of the audit log's chain; "
	    "0: it is no ratchet.", s.epoch);
	gauge(out, "audit_key_stuck", "1: that key cannot be replaced by the "
	    "next one.", s.stuck ? 1 : 0);
	total(out, "audit_written_total",
	    "Records that are in the audit log's file.", s.written);
	total(out, "audit_refused_total",
	    "Records that the writer did not take: log or queue full.",
	    s.refused);
	total(out, "audit_withdrawn_total",
	    "Records taken back, because their mail was not accepted.",
	    s.withdrawn);
	total(out, "audit_errors_total",
	    "Writes and syncs of the audit log that failed.", s.errors);
	total(out, "audit_syncs_total",
	    "Syncs of the audit log to the disk.", s.syncs);
}

/* No numbers of what is turned off. */
static void
put_people(struct daemon *d, struct text *out)
{
	struct salting_stats s;

	auditlog_people(d->audit, &s);
	if (!s.on)
		return;
	gauge(out, "privacy_up", "1: people are hidden in records, and those "
	    "of old days are erased.", s.failing || s.overdue ? 0 : 1);
	gauge(out, "privacy_overdue", "1: people of days that should be erased "
	    "are not.", s.overdue ? 1 : 0);
	gauge(out, "privacy_values", "Values that the day has met, each with a "
	    "salt.", s.values);
}

static bool
read_info(struct store_holder *h, struct store_info *info, struct fault *why)
{
	struct store_reader reader;
	unsigned tries = 0;
	bool read = false;

	while (!read && store_holder_begin(h, &tries, &reader, why)) {
		*info = reader.info;
		read = store_holder_end(h, &reader);
	}
	return read;
}

static void
put_store(struct daemon *d, struct text *out)
{
	struct store_info info;
	struct fault why;
	bool open = read_info(&d->store, &info, &why);

	gauge(out, "store_up", "1: the store can be asked.", open ? 1 : 0);
	if (!open)
		return;
	gauge(out, "store_generation", "Generation of the policy in force.",
	    info.generation);
	gauge(out, "store_built_timestamp_seconds",
	    "When that generation was built.", (uint64_t)info.built_at);
	gauge(out, "store_rules", "Rules of that generation.", info.rules);
}

/* How a note of buildnote.h is shown. */
struct named_note {
	const char *good, *good_help, *at, *at_help;
};

/*
 * A note that cannot be read is not good.  Without a note, as of a store that
 * was copied here, or that follows no directory, nothing is shown.
 */
static void
put_note(struct daemon *d, const char *of, const struct named_note *n,
    struct text *out)
{
	struct settings_in_force *s = settings_holder_take(&d->settings);
	int64_t at;
	enum buildnote note = buildnote_read(s->settings.store, of, &at);

	settings_holder_drop(s);
	if (note == BUILDNOTE_NONE)
		return;
	gauge(out, n->good, n->good_help, note == BUILDNOTE_GOOD ? 1 : 0);
	if (note != BUILDNOTE_UNKNOWN)
		gauge(out, n->at, n->at_help, (uint64_t)at);
}

static void
put_notes(struct daemon *d, struct text *out)
{
	static const struct named_note build = {
		"last_build_successful", "1: the last `tlspolicy build` was "
		    "good; 0: it failed, or its note cannot be read.",
		"last_build_timestamp_seconds", "When that was."
	}, directory = {
		"directory_followed", "1: all that the directory has is in "
		    "force; 0: not all, or it is away, or that is not known.",
		"directory_answered_timestamp_seconds",
		    "When it last answered; 0: never."
	};

	put_note(d, BUILDNOTE_BUILD, &build, out);
	put_note(d, BUILDNOTE_SYNC, &directory, out);
}

/* No number where nothing is known: 0 would be good news. */
static void
put_ends(struct ends *e, struct text *out)
{
	struct ends_numbers n;

	if (!ends_read(e, &n))
		return;
	gauge(out, "store_rules_ended", "Rules that have ended, by UNTIL.",
	    n.ended);
	gauge(out, "store_rules_ending", "Rules that end in less than 14 days, "
	    "by UNTIL.", n.ending);
	if (n.next != 0)
		gauge(out, "store_next_end_timestamp_seconds",
		    "When the next rule ends, by UNTIL.", (uint64_t)n.next);
}

/* The setting takes no path that would have to be quoted here. */
static void
put_certificates(struct certwatch *w, struct text *out)
{
	struct certwatch_file files[SETTINGS_PATHS_MAX];
	unsigned n = certwatch_read(w, files);

	if (n == 0)
		return;
	head(out, "certificate_readable", "gauge", "1: the file of "
	    "watch-certificates was read, so its end is known.");
	for (unsigned i = 0; i < n; i++)
		text_printf(out, PREFIX "certificate_readable{file=\"%s\"} "
		    "%d\n", files[i].path, files[i].known);
	head(out, "certificate_not_after_timestamp_seconds", "gauge",
	    "When the first certificate of the file ends.");
	for (unsigned i = 0; i < n; i++)
		if (files[i].known)
			text_printf(out, PREFIX
			    "certificate_not_after_timestamp_seconds"
			    "{file=\"%s\"} %" PRId64 "\n", files[i].path,
			    files[i].end);
}

static void
put_sessions(struct metrics *m, struct text *out)
{
	head(out, "mail_tls_total", "counter",
	    "MAIL commands by the TLS version of their session.");
	for (unsigned i = 0; i < METRICS_VERSIONS; i++)
		labelled(out, "mail_tls_total", "version",
		    metrics_version_word(i), &m->version[i]);
	head(out, "mail_verify_total", "counter",
	    "MAIL commands by what was found of the client's certificate.");
	for (unsigned i = 0; i < METRICS_VERIFIES; i++)
		labelled(out, "mail_verify_total", "verify",
		    metrics_verify_word(i), &m->verify[i]);
}

static void
put_settings(struct daemon *d, struct text *out)
{
	struct settings_in_force *s = settings_holder_take(&d->settings);
	bool monitor = s->settings.mode == MODE_MONITOR;

	settings_holder_drop(s);
	head(out, "mode", "gauge", "1: the mode in force.");
	text_printf(out, PREFIX "mode{mode=\"enforce\"} %d\n"
	    PREFIX "mode{mode=\"monitor\"} %d\n", !monitor, monitor);
	gauge(out, "last_reload_successful", "1: the last SIGHUP was followed, "
	    "or there was none.",
	    atomic_load_explicit(&d->metrics.reload_failed,
	    memory_order_relaxed) ? 0 : 1);
}

void
metrics_page(struct daemon *d, struct text *out)
{
	process_page(d->started_us, out);
	put_settings(d, out);
	gauge(out, "sockets_up", "0: the name of a socket was removed, or is "
	    "another's.", atomic_load(&d->lost_socket) == NULL);
	gauge(out, "sessions_waiting", "Sessions that no thread of libmilter's "
	    "has taken up.", (uint64_t)handover_sessions());
	put_sessions(&d->metrics, out);
	gauge(out, "start_timestamp_seconds", "When the daemon started.",
	    d->started_us / 1000000);
	put_store(d, out);
	put_notes(d, out);
	put_ends(&d->ends, out);
	put_certificates(&d->certificates, out);
	put_audit(d, out);
	put_people(d, out);
	put_counters(&d->metrics, out);
	put_verdicts(&d->metrics, out);
	put_tags(&d->metrics, out);
	put_callbacks(&d->metrics, out);
}

bool
metrics_page_health(struct daemon *d, struct text *out)
{
	struct salting_stats people;
	struct writer_stats audit;
	struct store_info info;
	const char *lost = atomic_load(&d->lost_socket);
	struct fault why;
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	if (lost != NULL) {
		text_printf(out, "%s was removed or replaced\n", lost);
		return false;
	}
	if (!read_info(&d->store, &info, &why)) {
		text_printf(out, "%s\n", fault_print(&why, line, sizeof line));
		return false;
	}
	if (auditlog_stats(d->audit, &audit) && audit.failing) {
		text_puts(out, "the audit log cannot be written\n");
		return false;
	}
	if (auditlog_stats(d->audit, &audit) && audit.astray) {
		text_puts(out, "the audit log was removed or renamed, was cut, "
		    "or lacks lines that it had, or cannot be looked at; SIGHUP "
		    "says that this is known\n");
		return false;
	}
	if (auditlog_stats(d->audit, &audit) && audit.stuck) {
		text_puts(out, "the key of the audit log cannot be replaced by "
		    "that of the next epoch\n");
		return false;
	}
	auditlog_people(d->audit, &people);
	if (people.failing) {
		text_puts(out, "people cannot be hidden in records\n");
		return false;
	}
	if (people.overdue) {
		text_puts(out, "people of old days cannot be erased\n");
		return false;
	}
	text_puts(out, "ok\n");
	return true;
}
