/*
 * What the settings ask for, handed to the writer, and what the writer has to
 * tell, handed to the log.
 */
#include <sys/prctl.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milter/auditlog/auditlog.h"
#include "milter/log.h"
#include "policy/policy.h"

static void
say(int level, const char *what, const char *then)
{
	struct fault fault;

	fault_set(&fault, FAULT_IO, "audit log: %s%s", what, then);
	log_fault(level, &fault);
}

static void
complain(const char *what, const char *then)
{
	say(LOG_LEVEL_ERROR, what, then);
}

static void
warn(const char *what, const char *then)
{
	say(LOG_LEVEL_WARNING, what, then);
}

static void
report(void *none, enum writer_event event, const struct fault *fault)
{
	(void)none;
	switch (event) {
	case WRITER_OPENED:
		log_info("audit log %s", fault->text);
		break;
	case WRITER_FAILING:
		complain(fault->text,
		    "; nothing is accepted unrecorded until it is back");
		break;
	case WRITER_RECOVERED:
		log_info("audit log: writing again");
		break;
	case WRITER_ASTRAY:
		complain(fault->text, "; /healthz says so until SIGHUP");
		break;
	case WRITER_NOT_OPENED:
		complain(fault->text, "; the old audit file stays in use");
		break;
	case WRITER_SCARCE:
		complain(fault->text, "; what is left is kept for mail that is "
		    "accepted, refusals are not recorded");
		break;
	case WRITER_ROOMY:
		log_info("audit log: its disk has room again, refusals are "
		    "recorded");
		break;
	case WRITER_MISSES:
		complain(fault->text, "; a link in the log says so, and "
		    "/healthz until SIGHUP");
		break;
	case WRITER_UNKNOWN:
		warn(fault->text, "; where it ended before is not known, nor "
		    "whether lines are missing");
		break;
	case WRITER_UNKEPT:
		warn(fault->text, "; where the log ends is not noted");
		break;
	case WRITER_KEPT:
		log_info("audit log: where it ends is noted again");
		break;
	case WRITER_CHECKPOINT:
		log_info("%s", fault->text);
		break;
	case WRITER_NOT_SIGNED:
		complain(fault->text, "; the checkpoint waits until it can");
		break;
	case WRITER_STUCK:
		complain(fault->text, "; until it can, who takes the key can "
		    "forge all lines since its epoch began");
		break;
	case WRITER_TURNS:
		log_info("audit log: the key goes with its epoch again");
		break;
	case WRITER_LOST:
		complain(fault->text, "");
		break;
	}
}

/* `key` is room for the key and must live as long as the options. */
static bool
options_of(struct auditlog *a, const struct settings *s,
    struct writer_options *o, struct chain_key *key, struct fault *fault)
{
	memset(key, 0, sizeof *key);
	/* From then on no core file and no other process of the user's. */
	if ((s->audit_key_file[0] != '\0' || s->privacy > 0 ||
	    s->checkpoint_key_file[0] != '\0') &&
	    prctl(PR_SET_DUMPABLE, 0) == -1)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno,
		    "cannot keep keys out of core files");
	if (s->audit_key_file[0] != '\0' &&
	    !chain_read_key(s->audit_key_file, key, fault))
		return false;
	*o = (struct writer_options){ .path = s->audit_file,
		.sync = (enum audit_sync)s->audit_sync,
		.full = (enum audit_full)s->audit_full,
		.clock = clock_date_us, .report = report,
		.salting = &a->salting };
	if (key->epoch > 0)
		o->ratchet = s->audit_key_file; /* the writer reads it */
	else
		o->key = slice_make(key->bytes, key->n);
	return true;
}

bool
auditlog_is_off(const struct settings *s)
{
	return strcmp(s->audit_file, "/dev/null") == 0;
}

static bool
start(struct auditlog *a, const struct settings *s, struct fault *fault)
{
	struct writer_options options;
	char folder[SETTINGS_STRING_MAX];
	struct writer *w = NULL;
	struct chain_key key;

	if (auditlog_is_off(s))
		return true;
	settings_state_folder(s, folder);
	if (options_of(a, s, &options, &key, fault) &&
	    salting_follow(&a->salting, s, clock_date_us(), fault)) {
		options.state_folder = folder;
		if (s->checkpoint_key_file[0] != '\0')
			options.checkpoint_key = s->checkpoint_key_file;
		options.checkpoint_file = s->checkpoint_file;
		options.checkpoint_s = (unsigned)s->checkpoint_interval;
		w = writer_open(&options, fault);
	}
	chain_wipe_key(&key);
	if (w == NULL)
		return false;
	atomic_store(&a->writer, w);
	return true;
}

struct auditlog *
auditlog_open(const struct settings *settings, struct fault *fault)
{
	struct auditlog *a = calloc(1, sizeof *a);

	if (a == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	salting_init(&a->salting);
	if (start(a, settings, fault))
		return a;
	salting_close(&a->salting);
	free(a);
	return NULL;
}

bool
auditlog_lose_refusal(struct auditlog *a)
{
	struct writer *w = atomic_load(&a->writer);

	if (w != NULL)
		writer_lose_refusal(w);
	return w == NULL;
}

enum writer_handed
auditlog_hand(struct auditlog *a, struct slice record,
    enum writer_patience patience, struct writer_ticket *ticket)
{
	struct writer *w = atomic_load(&a->writer);

	return w == NULL ? WRITER_HANDED_TAKEN : writer_hand(w, record,
	    patience, ticket);
}

bool
auditlog_hand_ahead(struct auditlog *a, struct slice record,
    enum writer_patience patience)
{
	struct writer *w = atomic_load(&a->writer);

	return w == NULL || writer_hand_ahead(w, record, patience);
}

bool
auditlog_collect(struct auditlog *a, struct writer_ticket *ticket,
    struct writer_outcome *outcome)
{
	return writer_collect(atomic_load(&a->writer), ticket, outcome);
}

bool
auditlog_reopen(struct auditlog *a, const struct settings *settings,
    struct fault *fault)
{
	struct writer *w = atomic_load(&a->writer);
	struct writer_options options;
	struct chain_key key;
	bool good;

	if (w == NULL)
		return start(a, settings, fault);
	/* The file is opened anew all the same. */
	if (!salting_follow(&a->salting, settings, clock_date_us(), fault))
		log_fault(LOG_LEVEL_ERROR, fault);
	good = options_of(a, settings, &options, &key, fault) &&
	    writer_reopen(w, &options, fault);
	chain_wipe_key(&key);
	return good;
}

bool
auditlog_begin_people(struct auditlog *a, bool accepts,
    struct person_hiding **hide)
{
	return salting_begin(&a->salting, clock_date_us(), accepts, hide);
}

bool
auditlog_end_people(struct auditlog *a, struct person_hiding *hide)
{
	return salting_end(&a->salting, hide);
}

void
auditlog_people(struct auditlog *a, struct salting_stats *stats)
{
	salting_read(&a->salting, stats);
}

void
auditlog_watch(struct auditlog *a)
{
	struct writer_stats stats;

	if (!auditlog_stats(a, &stats))
		return;
	if (!stats.stalled)
		salting_watch(&a->salting, clock_date_us(), clock_ms());
	if (stats.stalled == a->stalled)
		return;
	a->stalled = stats.stalled;
	if (stats.stalled)
		complain("the disk has not answered for 5 s",
		    "; nothing is accepted unrecorded until it does");
	else
		log_info("audit log: the disk answers again");
}

bool
auditlog_stats(struct auditlog *a, struct writer_stats *stats)
{
	struct writer *w = atomic_load(&a->writer);

	if (w == NULL)
		return false;
	writer_stats(w, stats);
	return true;
}

void
auditlog_close(struct auditlog *a)
{
	struct writer *w = atomic_load(&a->writer);

	if (w != NULL)
		writer_close(w);
	salting_close(&a->salting);
	free(a);
}
