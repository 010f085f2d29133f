#include <errno.h>
#include <string.h>
#include <time.h>

#include "policy/audit/logset.h"
#include "policy/commands/audit-filter.h"
#include "policy/commands/audit.h"
#include "policy/facts/organisation.h"

enum { AGO_MAX = 1000000 };

/* "7d", "24h", "30m": so long before now. */
static bool
time_ago(struct slice s, int64_t *us)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 } };
	unsigned long n;

	if (s.n < 2 || !text_number((struct slice){ s.p, s.n - 1 }, AGO_MAX, &n))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (s.p[s.n - 1] == units[i].letter) {
			*us = ((int64_t)time(NULL) - (int64_t)n *
			    units[i].seconds) * INT64_C(1000000);
			return true;
		}
	return false;
}

bool
audit_time(const char *word, bool end, int64_t *us)
{
	struct slice s = slice_of(word);

	if (time_ago(s, us))
		return true;
	if (!reader_time(s, us))
		return false;
	if (end && s.n == 10)
		*us += 86400 * INT64_C(1000000);
	return true;
}

bool
audit_is_domain(const char *word)
{
	char text[KEY_TEXT_MAX + 16];
	struct netprefix prefix;
	struct fault fault;
	struct key key;

	snprintf(text, sizeof text, "TLS_From:%s", word);
	return strlen(word) < KEY_TEXT_MAX && strpbrk(word, " @:/*") == NULL &&
	    word[0] != '.' &&
	    netprefix_parse(slice_of(word), &prefix) == NETPREFIX_NONE &&
	    key_parse(slice_of(text), &key, &fault) && key.kind == KEY_NAME;
}

bool
audit_is_client(const char *word)
{
	struct netprefix prefix;

	return netprefix_parse(slice_of(word), &prefix) == NETPREFIX_OK ||
	    audit_is_domain(word);
}

bool
audit_from_client(const char *client, const struct facts *f)
{
	struct netprefix prefix;
	struct netaddr addr;

	if (netprefix_parse(slice_of(client), &prefix) == NETPREFIX_OK)
		return facts_address(f, false, &addr) &&
		    netprefix_covers(&prefix, &addr);
	return organisation_covers(slice_of(client),
	    facts_value(f, FACT_CLIENT_NAME));
}

static bool
is_nothing(const struct audit_walk *w)
{
	return w->records + w->notes + w->torn + w->bad + w->withdrawn == 0;
}

/* A single file without anything in it is reported by the caller. */
static void
take_unread(struct audit_walk *w, const struct audit_files *files,
    const struct fault *fault)
{
	if (w->unread++ == 0)
		w->unread_kind = fault->kind;
	if (!w->again && (files->n > 1 || !is_nothing(w)))
		fault_report(fault, stderr);
}

static bool
is_outside(const struct audit_walk *w, enum reader_result result,
    const struct reader_record *record)
{
	return (result == READER_RECORD || result == READER_OUTBOUND ||
	    (result == READER_NOTE && record->event == RECORD_DELIVERED)) &&
	    !reader_within(record, w->since, w->until);
}

static bool
show(const struct audit_walk *w, enum reader_result result,
    const struct reader_record *record, const struct reader *reader)
{
	struct fleet_line line = { .result = result, .record = record,
		.file = reader_file(reader) };

	if (w->look == NULL || result == READER_END || result == READER_FAILED)
		return true;
	line.log = reader_log(reader, &line.piped);
	return w->look(w->arg, &line);
}

/* Hands a record on.  False: the walk ends, since the log or `look` does. */
static bool
take(struct audit_walk *w, enum reader_result result,
    struct reader_record *record, const struct reader *reader,
    const struct fault *fault)
{
	if (!show(w, result, record, reader))
		return false;
	if (is_outside(w, result, record)) {
		w->outside++;
		return true;
	}
	if (record->withdrawn && !w->withdrawn_too) {
		w->withdrawn++;
		return true;
	}
	if (result == READER_RECORD || result == READER_OUTBOUND)
		audit_count_hidden(&w->hidden, record);
	switch (result) {
	case READER_RECORD:
		w->records++;
		w->maillog += record->maillog;
		w->untold += record->maillog &&
		    !facts_tls_told(&record->facts);
		return w->each == NULL || w->each(w->arg, record, reader);
	case READER_OUTBOUND:
		if (w->outbound != NULL)
			return w->outbound(w->arg, record);
		w->notes++;
		return true;
	case READER_NOTE:
		w->notes++;
		w->unrecorded += record->refusals;
		w->delivered += record->event == RECORD_DELIVERED;
		return w->note == NULL || w->note(w->arg, record);
	case READER_TORN:
		w->torn++;
		return true;
	case READER_BAD:
		w->bad++;
		if (!w->again)
			fault_report(fault, stderr);
		return true;
	default:
		return false;
	}
}

bool
audit_walk(struct audit_walk *w, const struct audit_files *files,
    struct fault *fault)
{
	struct reader *reader = reader_open(files->paths, files->n,
	    w->at_once, fault);
	struct reader_record record;
	enum reader_result result;
	struct salts *salts = NULL;
	struct fault unread;

	if (reader == NULL)
		return false;
	if (!w->no_salts && (salts = audit_salts_open(files->context,
	    fault)) == NULL) {
		reader_close(reader);
		return false;
	}
	reader_record_init(&record);
	record.salts = salts;
	do {
		result = reader_next(reader, &record, fault);
		if (result == READER_UNREAD) {
			take_unread(w, files, fault);
			unread = *fault;
		}
	} while (result == READER_UNREAD ||
	    take(w, result, &record, reader, fault));
	reader_record_free(&record);
	reader_close(reader);
	audit_note_why(&w->hidden, salts);
	salts_close(salts);
	if (result == READER_FAILED)
		return false;
	/* What cannot be written is told by main(). */
	if (result != READER_END)
		return ferror(stdout) || fault_no_memory(fault);
	if (w->unread == 0 || w->unread < files->n || !is_nothing(w))
		return true;
	if (files->n == 1)
		*fault = unread;
	else
		fault_set(fault, w->unread_kind, "none of the %zu files could "
		    "be read", files->n);
	return false;
}

int
audit_status(uint64_t unread, enum fault_kind kind, uint64_t bad)
{
	return unread > 0 ? (int)kind : bad > 0 ? FAULT_DATA : EXIT_FINE;
}

bool
audit_has_pipe(const struct audit_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		if (logset_is_pipe(files->paths[i]))
			return true;
	return false;
}

bool
audit_is_twice_readable(const struct context *context,
    const struct audit_files *files)
{
	if (!audit_has_pipe(files))
		return true;
	command_usage(context, "standard input or a pipe cannot be read "
	    "twice, which this needs: give files");
	return false;
}

/* Adds files that another walk through the same files could not read. */
void
audit_add_unread(struct audit_walk *w, const struct audit_walk *first)
{
	if (first->unread <= w->unread)
		return;
	w->unread = first->unread;
	w->unread_kind = first->unread_kind;
}

void
audit_say_unread(uint64_t unread)
{
	if (unread > 0)
		fprintf(stderr, "%llu file%s could not be read to the end: what "
		    "else is in %s is missing here\n",
		    (unsigned long long)unread, unread == 1 ? "" : "s",
		    unread == 1 ? "it" : "them");
}

/*
 * A log that was rotated this moment may be so, and one that was cut to nothing
 * is: the files before it are whole all the same.
 */
void
audit_say_empty(const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s: has no line: it is new, or what was in it "
		    "is gone, which --head or checkpoints would tell\n",
		    paths[i]);
}

static void
say_count(uint64_t n, const char *of, const char *what)
{
	if (n > 0)
		fprintf(stderr, "%llu %s%s %s\n", (unsigned long long)n, of,
		    n == 1 ? "" : "s", what);
}

void
audit_say_torn(uint64_t torn)
{
	say_count(torn, "torn line", "left out");
}

void
audit_say_unrecorded(uint64_t refusals)
{
	say_count(refusals, "refusal", "could not be recorded");
}

void
audit_say_outside(uint64_t outside, uint64_t records)
{
	if (outside == 0 && records == 0)
		fputs("there is no record to look at\n", stderr);
	else if (records == 0)
		fprintf(stderr, "of that time: none of %llu record%s\n",
		    (unsigned long long)outside, outside == 1 ? "" : "s");
}

void
audit_say_withdrawn(uint64_t withdrawn)
{
	say_count(withdrawn, "withdrawn record", "left out");
}

void
audit_say_maillog(uint64_t maillog, uint64_t untold, uint64_t delivered)
{
	if (maillog > 0)
		fprintf(stderr, "%llu record%s made of a mail log, which is no "
		    "evidence: recipients, HELO and names in certificates are "
		    "not told, and rules of TLS_To were not judged\n",
		    (unsigned long long)maillog, maillog == 1 ? " was" :
		    "s were");
	if (untold > 0)
		fprintf(stderr, "%llu of them cannot tell whether there was "
		    "TLS\n", (unsigned long long)untold);
	if (delivered > 0)
		fprintf(stderr, "%llu of mail that left, out of a mail log, "
		    "left out: this is about mail that came in (report --left "
		    "is about it)\n",
		    (unsigned long long)delivered);
}

bool
audit_key_option(const struct context *context, struct audit_keys *keys,
    const char *path)
{
	if (keys->n == AUDIT_KEYS_MAX) {
		command_usage(context, "too many keys: expected %d at most",
		    AUDIT_KEYS_MAX);
		return false;
	}
	keys->path[keys->n++] = path;
	return true;
}

struct keyring *
audit_keyring(const struct context *context, const struct audit_keys *keys,
    struct fault *fault)
{
	struct keyring *ring = keyring_new(fault);
	const char *setting = context->settings.audit_key_file;
	bool good = true;

	if (ring == NULL)
		return NULL;
	for (size_t i = 0; good && i < keys->n; i++)
		good = keyring_add(ring, keys->path[i], fault);
	if (good && keys->n == 0 && setting[0] != '\0')
		good = keyring_add(ring, setting, fault);
	if (good)
		return ring;
	keyring_free(ring);
	return NULL;
}
