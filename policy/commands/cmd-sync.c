/*
 * tlspolicy sync: the policy follows a directory.
 *
 * Nothing that ends it half-way does harm: rules, entries and the cookie are
 * committed together, and what was read without a commit is read again.  So
 * there is no handler for TERM.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/clock.h"
#include "policy/base/notify.h"
#include "policy/commands/credentials.h"
#include "policy/commands/author.h"
#include "policy/commands/keep.h"
#include "policy/store/buildnote.h"
#include "policy/store/rebuild.h"
#include "policy/sync/compile.h"
#include "policy/sync/cookie.h"
#include "policy/sync/directory.h"

enum {
	QUIET_MS = 100,	   /* such a pause ends a burst of changes */
	BURST_MS = 2000,   /* so long a burst is cut */
	ASK_MS = 10000,	   /* how often a silent directory is asked */
	RETRY_MIN_S = 1, RETRY_MAX_S = 60,
	AGAIN_MIN_MS = 10000, AGAIN_MAX_MS = 600000 /* between commits that
						     * fail */
};

enum { OPTION_ONCE = OPTION_JSON + 1000, OPTION_ALL, OPTION_ALLOW_EMPTY };

static const struct command_option options[] = {
	{ OPTION_ONCE, "once", NULL, "end when the store is up to date" },
	{ OPTION_ALL, "all", NULL, "read all entries, not what has changed" },
	{ OPTION_ALLOW_EMPTY, "allow-empty", NULL,
	    "take a directory without rules, or with half of them gone" },
	{ 0, NULL, NULL, NULL }
};

struct syncing {
	struct context *context;
	struct credentials credentials;
	struct sync_entries entries;
	struct sync_index index; /* of the rules in force */
	bool indexed;
	struct keep *keep; /* of the commit that is being made */
	struct store_info in_store; /* after our last commit */
	char cookie[COOKIE_MAX]; /* of the last commit */
	size_t cookie_n;
	int64_t again_in, again_at; /* the pause after a failed commit, and
				     * its end; 0: none */
	bool once, allow_empty;
	bool all; /* --all: read everything until a commit is made */
	bool in_force;	/* the entries are: a commit or refresh has shown it */
	bool ready;	/* there is a policy, and the service manager knows */
	int64_t answered; /* time(2) when the directory last did */
	char trouble[FAULT_TEXT_MAX]; /* "": none */
	enum fault_kind why;	      /* the last commit failed */
};

/*
 * Tells the service manager, even with the directory away: units that wait for
 * this one can go on by the policy that was in force.
 */
static void
be_ready(struct syncing *s)
{
	if (!s->ready)
		notify_ready();
	s->ready = true;
}

/* Notes the state for the daemon's metrics; that it cannot is said once. */
static void
note(struct syncing *s)
{
	static bool said;
	struct fault f;

	notify_status(s->trouble[0] == '\0' ? "follows the directory" :
	    s->trouble);
	if (buildnote_write(s->context->store, BUILDNOTE_SYNC, s->answered,
	    s->trouble[0] == '\0' ? NULL : s->trouble, &f))
		said = false;
	else if (!said) {
		command_fail(&f);
		said = true;
	}
}

static bool
load_entry(void *arg, const struct synced_entry *e)
{
	struct syncing *s = arg;

	sync_entries_load(&s->entries, e);
	return true;
}

/*
 * Loads entries and cookie of the last commit; damaged, or without one, all is
 * read anew.
 */
static bool
load(struct syncing *s, struct fault *f)
{
	struct store_reader reader;
	struct store *store;
	struct slice cookie;
	enum lookup_result result;

	if (!command_enter_folder(s->context, f))
		return false;
	if (rebuild_is_first(s->context->store))
		return true;
	if (!command_open_store(s->context, &store, &reader, f))
		return false;
	be_ready(s);
	result = synced_read(&reader, &cookie, load_entry, s);
	if (result == LOOKUP_FOUND && cookie.n < sizeof s->cookie) {
		memcpy(s->cookie, cookie.p, cookie.n);
		s->cookie_n = s->all ? 0 : cookie.n;
	} else if (result == LOOKUP_FAILED) {
		command_fail(&reader.fault);
		sync_entries_free(&s->entries);
	}
	command_close_store(store, &reader);
	return !s->entries.no_memory || fault_no_memory(f);
}

static void
report_held_back(void *arg, const struct sync_entry *e, const char *why,
    bool stays)
{
	(void)arg;
	command_say("%s: %s; %s", e->name, why == NULL || *why == '\0' ?
	    "it cannot be taken" : why, stays ? "the last good rule stays" :
	    "it is left out");
}

/* Who changed which entries, as far as there is room. */
static void
describe(struct syncing *s, struct text *message)
{
	const struct sync_entry *e;
	const char *between = "";

	TAILQ_FOREACH(e, &s->entries.touched, touch) {
		if (message->cut)
			break;
		if (!e->changed)
			continue;
		text_puts(message, between);
		text_put_printable(message, slice_of(e->name));
		if (e->by[0] != '\0') {
			text_puts(message, " by ");
			text_put_printable(message, slice_of(e->by));
		}
		between = "; ";
	}
	if (s->entries.gone.n > 0 && !message->cut) {
		text_printf(message, "%sgone: ", between);
		text_put_printable(message, slice_make(s->entries.gone.buf,
		    s->entries.gone.n));
	}
	if (message->cut)
		memcpy(message->buf + message->n - 3, "...", 3);
}

/* Holds the claims against what is about to be committed. */
static bool
claims_hold(void *arg, struct store *store, struct fault *f)
{
	const struct syncing *s = arg;

	return keep_store(s->context, s->keep, store, f);
}

/* False with FAULT_NONE: another command has changed the store. */
static bool
write_store(struct syncing *s, struct sync_compiled *c,
    const struct authorship *by, struct store_info *info, bool *changed,
    struct fault *f)
{
	if (c->whole)
		return rebuild_synced(s->context->store, &c->rules, by,
		    &c->told, info, changed, f);
	c->change.over = s->in_store;
	c->change.holds = s->keep->claims.n > 0 ? claims_hold : NULL;
	c->change.arg = s;
	return rebuild_synced_keys(s->context->store, &c->rules, by, &c->told,
	    &c->change, info, changed, f);
}

static void
is_in_force(struct syncing *s, struct sync_compiled *c,
    const struct store_info *info, bool changed)
{
	struct slice cookie = c->told.cookie;

	if (changed && cookie.n < sizeof s->cookie) {
		memcpy(s->cookie, cookie.p, cookie.n);
		s->cookie_n = cookie.n;
	}
	if (changed || !s->in_force)
		command_say_generation(s->context, info, changed);
	s->in_store = *info;
	s->indexed = sync_compiled_commit(&s->entries, &s->index, c, changed);
	s->in_force = true;
	s->all = false;
	be_ready(s);
}

static bool
put_into_force(struct syncing *s, struct sync_compiled *c, struct fault *f)
{
	char message_text[HISTORY_MESSAGE_MAX];
	struct store_info info;
	struct author author;
	struct text message;
	bool changed;

	text_init(&message, message_text, sizeof message_text);
	describe(s, &message);
	if (!author_init(&author, s->context, GENERATION_SYNC, NULL, f))
		return false;
	author.by.message = slice_make(message.buf, message.n);
	if ((c->whole && !keep_rules(s->context, s->keep, &c->rules, f)) ||
	    !keep_lock(s->context, s->keep, f) ||
	    !write_store(s, c, &author.by, &info, &changed, f))
		return false;
	is_in_force(s, c, &info, changed);
	return true;
}

/* Makes a policy of the entries; `index` NULL: looks at all of them. */
static bool
compile(struct syncing *s, const struct sync_index *index, struct slice cookie,
    struct sync_compiled *c, struct fault *f)
{
	bool good = sync_compile(&s->entries, index,
	    s->context->settings.compat == COMPAT_SENDMAIL, report_held_back,
	    NULL, c, f);

	c->told.cookie = cookie;
	if (good && c->whole && c->rules.n == 0 && !s->allow_empty)
		good = fault_set(f, FAULT_DATA, "there is no rule in the "
		    "directory; with --allow-empty that counts");
	/* Entries that are gone may also be hidden by access rules. */
	if (good && s->entries.shrunk && !s->allow_empty)
		good = fault_set(f, FAULT_DATA, "half of the entries or more "
		    "are not there any more, and nobody told that they were "
		    "deleted; with --allow-empty that counts");
	return good && put_into_force(s, c, f);
}

/* False: the policy in force stays, and s->trouble says why. */
static bool
commit(struct syncing *s, struct slice cookie)
{
	struct sync_compiled c = { .whole = false };
	struct keep keep;
	struct fault f;
	bool good;

	s->trouble[0] = '\0';
	fault_clear(&f);
	s->keep = &keep;
	good = keep_begin(s->context, &keep, &f) && compile(s, s->indexed ?
	    &s->index : NULL, cookie, &c, &f);
	if (!good && f.kind == FAULT_NONE) {
		sync_compiled_free(&c);
		good = compile(s, NULL, cookie, &c, &f);
	}
	keep_end(&keep);
	if (!good) {
		command_fail(&f);
		command_say("%s is left as it was", s->context->store);
		snprintf(s->trouble, sizeof s->trouble, "%s", f.text);
		s->why = f.kind;
	} else if (c.held_back > 0)
		snprintf(s->trouble, sizeof s->trouble, "entries that are not "
		    "in force as they stand there: %zu", c.held_back);
	sync_compiled_free(&c);
	note(s);
	return good;
}

/* Commits, or tries again later: a full disk or a claim may be in the way. */
static void
commit_or_later(struct syncing *s, struct slice cookie)
{
	int64_t longer = 2 * s->again_in;

	if (commit(s, cookie)) {
		s->again_in = s->again_at = 0;
		return;
	}
	s->again_in = longer < AGAIN_MIN_MS ? AGAIN_MIN_MS :
	    longer > AGAIN_MAX_MS ? AGAIN_MAX_MS : longer;
	s->again_at = clock_ms() + s->again_in;
}

/* Takes changes until the connection fails, and commits each burst. */
static void
follow(struct syncing *s, struct directory *d, struct fault *f)
{
	int64_t first = 0, last = 0, asked = clock_ms();

	s->again_in = s->again_at = 0;

	for (;;) {
		bool waiting = s->entries.changed;
		int64_t now = clock_ms();

		if (waiting && first == 0)
			first = last = now;
		if ((waiting && (now - last >= QUIET_MS ||
		    now - first >= BURST_MS)) ||
		    (s->again_at > 0 && now >= s->again_at)) {
			commit_or_later(s, directory_cookie(d));
			s->entries.changed = false;
			first = 0;
		}
		/*
		 * Without memory something was missed: the directory is read
		 * again.
		 */
		if (s->entries.no_memory) {
			fault_no_memory(f);
			return;
		}
		if (now - asked >= ASK_MS) {
			if (!directory_answers(d, f))
				return;
			asked = now;
			s->answered = (int64_t)time(NULL);
			note(s);
		}
		s->entries.seen = false;
		if (!directory_wait(d, QUIET_MS, f))
			return;
		if (s->entries.seen)
			last = clock_ms();
	}
}

/*
 * Drops what was read and not committed: that server may be gone for good, and
 * the next one tells changes since the cookie of the store.
 */
static bool
go_back(struct syncing *s, struct fault *f)
{
	if (sync_entries_are_stored(&s->entries))
		return true;
	sync_entries_free(&s->entries);
	sync_index_free(&s->index);
	s->indexed = false;
	s->cookie_n = 0;
	return load(s, f);
}

/*
 * Connects and reads what has changed since the cookie, or all when the server
 * does not know it.
 */
static struct directory *
read_news(struct syncing *s, const char *uri, struct fault *f)
{
	struct directory *d;
	bool forgotten;

	for (;;) {
		d = directory_open(uri, &s->credentials.access, &s->entries, f);
		if (d == NULL || directory_refresh(d, slice_make(s->cookie,
		    s->cookie_n), &forgotten, f))
			return d;
		directory_close(d);
		if (!forgotten)
			return NULL;
		command_fail(f);
		s->cookie_n = 0;
	}
}

/* True: --once, and it is done. */
static bool
attempt(struct syncing *s, const char *uri, struct fault *f)
{
	struct directory *d = go_back(s, f) ? read_news(s, uri, f) : NULL;
	bool done = false, good = d != NULL;

	if (good)
		s->answered = (int64_t)time(NULL);
	if (good && (s->entries.changed || !s->in_force || s->once)) {
		good = commit(s, directory_cookie(d));
		s->entries.changed = false;
		if (!good)
			fault_set(f, s->why, "%s", s->trouble);
		done = s->once;
	}
	if (good && !done)
		follow(s, d, f);
	directory_close(d);
	return done && good;
}

/* Tries each of the directories in turn. */
static int
run_all(struct syncing *s)
{
	unsigned wait_s = RETRY_MIN_S;
	struct slice rest, word;
	char uri[SETTINGS_STRING_MAX];
	struct fault f;

	for (;;) {
		rest = slice_of(s->context->settings.directory);
		while (slice_next_of(&rest, " \t", &word)) {
			int64_t was = s->answered;

			if (word.n == 0)
				continue;
			snprintf(uri, sizeof uri, "%.*s", SLICE_ARG(word));
			fault_clear(&f);
			if (attempt(s, uri, &f))
				return EXIT_FINE;
			command_fail(&f);
			/*
			 * Without memory something was missed: begin with the
			 * store.
			 */
			if (s->entries.no_memory)
				return FAULT_UNAVAILABLE;
			if (s->answered != was)
				wait_s = RETRY_MIN_S;
		}
		if (s->once)
			return (int)f.kind;
		snprintf(s->trouble, sizeof s->trouble, "%s", f.text);
		note(s);
		sleep(wait_s);
		wait_s = 2 * wait_s < RETRY_MAX_S ? 2 * wait_s : RETRY_MAX_S;
	}
}

static int
run(struct context *context, int argc, char **argv)
{
	static struct syncing s;
	struct fault f;
	int c, status;

	s.context = context;
	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == OPTION_ONCE)
			s.once = true;
		else if (c == OPTION_ALL)
			s.all = true;
		else if (c == OPTION_ALLOW_EMPTY)
			s.allow_empty = true;
		else
			return status;
	}
	if (!command_operands(context, argc - optind, 0, 0))
		return FAULT_USAGE;
	sync_entries_init(&s.entries);
	buildnote_read(context->store, BUILDNOTE_SYNC, &s.answered);
	if (credentials_read(context, &s.credentials, &f) && load(&s, &f))
		status = run_all(&s);
	else
		status = command_fail(&f);
	/* Entries go with the process: to free 200,000 takes 0.1 seconds. */
	credentials_forget(&s.credentials);
	return status;
}

const struct command command_sync = {
	"sync", "", "Follow the rules of a directory", options, run,
	"tlspolicy.conf(5)"
};
