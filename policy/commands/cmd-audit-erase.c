/*
 * tlspolicy audit erase: whom the audit log hides is erased for good.
 *
 * Not a byte of the log is touched.  What made a commitment a person is in the
 * salts: they are written over.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/audit/salts-erase.h"
#include "policy/base/folder.h"
#include "policy/base/unicode.h"
#include "policy/commands/audit.h"
#include "policy/facts/spelling.h"

enum { OPTION_DAY = OPTION_REPORT, OPTION_EXPIRED, DAYS_MAX = 64,
	VALUE_MAX = 4096 };

static const struct command_option options[] = {
	{ OPTION_DAY, "day", "DAY", "all people of this day, UTC" },
	{ OPTION_EXPIRED, "expired", NULL,
	    "all people of days that the setting privacy keeps no more" },
	{ 'n', NULL, NULL, "only tell what would be erased" },
	{ 0, NULL, NULL, NULL }
};

struct erase {
	const struct context *context;
	const char *days[DAYS_MAX];
	unsigned ndays;
	bool expired, trying;
	char **people; /* operands */
	int dir;
	int32_t today;
	uint64_t erased, looked_at;
	struct fault *fault;
};

/* A person's mailbox in any spelling, with what stands behind a +, too. */
static bool
is_mailbox_of(const struct erase *e, struct slice value, const char *person)
{
	struct slice none = slice_make("", 0);
	struct mailbox wanted, key;
	struct spellings all;

	mailbox_parse(slice_of(person), &wanted);
	/* The key of a rule: "perm@", at any domain. */
	if (value.n > 0 && value.p[value.n - 1] == '@') {
		mailbox_parse_local(value, &key);
		return slice_equal(key.local, wanted.local);
	}
	spellings_find(value, none,
	    slice_of(e->context->settings.local_domains), none, &all);
	for (unsigned i = 0; i < all.n; i++) {
		const struct mailbox *m = &all.form[i];

		if (slice_equal(m->domain, wanted.domain) &&
		    (slice_equal(m->local, wanted.local) ||
		    slice_equal(m->user, wanted.local)))
			return true;
	}
	return false;
}

static bool
is_address_of(struct slice value, const char *person)
{
	struct netprefix one;
	struct netaddr other;

	/* "10" may be a login. */
	if (!netaddr_parse(slice_of(person), &other) &&
	    strchr(person, '/') == NULL)
		return false;
	/* A host without a name is called by its address, in brackets. */
	if (value.n > 2 && value.p[0] == '[' && value.p[value.n - 1] == ']')
		value = slice_make(value.p + 1, value.n - 2);
	if (slice_starts_nocase(value, "IPv6:"))
		value = slice_from(value, 5);
	return netprefix_parse(slice_of(person), &one) == NETPREFIX_OK &&
	    netaddr_parse(value, &other) && netprefix_covers(&one, &other);
}

static bool
is_person(const struct erase *e, enum person_kind kind, struct slice value,
    const char *person)
{
	if (slice_is_nocase(value, person) || is_address_of(value, person))
		return true;
	if (strchr(person, '@') != NULL && (kind == PERSON_MAILBOX ||
	    kind == PERSON_LOGIN) && is_mailbox_of(e, value, person))
		return true;
	return (kind == PERSON_CERTIFICATE || kind == PERSON_TEXT ||
	    kind == PERSON_RULE) && salts_erase_names(value,
	    slice_of(person));
}

/* Too long for `out`, or out of memory: what fits is nobody. */
static struct slice
fold(struct slice s, struct text *out)
{
	if (!unicode_put_caseless(out, s) || out->cut)
		text_clear(out);
	return slice_make(out->buf, out->n);
}

/* In the letters that were typed, and in the form that all spellings have. */
static bool
is_of(const struct erase *e, enum person_kind kind, struct slice value)
{
	char value_text[VALUE_MAX], person_text[DOMAIN_TEXT_MAX];
	bool ascii = slice_is_ascii(value);
	struct text folded, who;

	text_init(&folded, value_text, sizeof value_text);
	text_init(&who, person_text, sizeof person_text);
	for (int i = 0; e->people[i] != NULL; i++) {
		struct slice person = slice_of(e->people[i]);

		if (is_person(e, kind, value, e->people[i]))
			return true;
		if (ascii && slice_is_ascii(person))
			continue;
		text_clear(&folded);
		text_clear(&who);
		if (fold(person, &who).n > 0 && is_person(e, kind,
		    fold(value, &folded), who.buf))
			return true;
	}
	return false;
}

/* Logins and names in certificates are as sendmail spells them: +40 is @. */
static bool
matches(void *arg, enum person_kind kind, struct slice value)
{
	char memory[VALUE_MAX];
	struct text decoded;

	if (is_of(arg, kind, value))
		return true;
	if (value.n >= sizeof memory || slice_find(value, '+') == value.n)
		return false;
	text_init(&decoded, memory, sizeof memory);
	text_put_xdecoded(&decoded, value);
	return is_of(arg, kind, slice_make(memory, decoded.n));
}

static bool
erase_people(struct erase *e, const char *day)
{
	struct salts_erased counts;

	if (!salts_erase_people(e->dir, day, matches, e, !e->trying, &counts,
	    e->fault))
		return false;
	e->erased += counts.erased;
	e->looked_at += counts.entries;
	if (counts.erased > 0)
		printf("%s: %llu of %llu values %s\n", day,
		    (unsigned long long)counts.erased,
		    (unsigned long long)counts.entries, e->trying ?
		    "would be erased" : "erased");
	return true;
}

static bool
erase_day(struct erase *e, const char *day)
{
	if (!e->trying && !salts_erase_day(e->dir, day, e->fault))
		return false;
	printf("%s: all people %s\n", day, e->trying ? "would be erased" :
	    "erased");
	e->erased++;
	return true;
}

static bool
is_asked_for(const struct erase *e, const char *name)
{
	int32_t day;

	for (unsigned i = 0; i < e->ndays; i++)
		if (strcmp(e->days[i], name) == 0)
			return true;
	return e->expired && salts_day(name, &day) &&
	    e->today - day > e->context->settings.privacy;
}

static bool
erase_all(struct erase *e)
{
	size_t n;
	char **names = salts_erase_days(e->dir, &n, e->fault);
	bool good = names != NULL;

	for (size_t i = 0; good && i < n; i++)
		good = e->people[0] != NULL ? erase_people(e, names[i]) :
		    !is_asked_for(e, names[i]) || erase_day(e, names[i]);
	if (names != NULL)
		salts_erase_days_free(names, n);
	return good;
}

/* Root becomes the owner of the salts. */
static bool
enter(struct erase *e)
{
	char folder[AUDIT_PATH_MAX], state[SETTINGS_STRING_MAX],
	    inside[AUDIT_PATH_MAX + 2];
	bool changed;

	if (!audit_salts_folder(e->context, folder))
		return fault_errno(e->fault, FAULT_NOINPUT, ENAMETOOLONG,
		    "salts");
	snprintf(inside, sizeof inside, "%s/.", folder);
	if (!folder_become_owner(inside, &changed, e->fault))
		return false;
	if (changed)
		command_say("%s is in the hands of user %lu: going on as that "
		    "user", folder, (unsigned long)geteuid());
	settings_state_folder(&e->context->settings, state);
	e->dir = salts_erase_open(state, false, e->fault);
	return e->dir != -1;
}

static bool
take_day(struct erase *e, const char *word)
{
	int32_t day;

	if (!salts_day(word, &day))
		command_usage(e->context, "\"%s\" is not a day: want "
		    "2026-03-01", word);
	else if (day >= e->today)
		command_usage(e->context, "%s has not ended, the daemon still "
		    "writes its salts: its people can be erased one by one, "
		    "the day when it is over", word);
	else if (e->ndays == DAYS_MAX)
		command_usage(e->context, "more than %d days", DAYS_MAX);
	else {
		e->days[e->ndays++] = word;
		return true;
	}
	return false;
}

/* False, having said why. */
static bool
is_whole(const struct erase *e)
{
	bool people = e->people[0] != NULL, days = e->expired || e->ndays > 0;

	for (int i = 0; e->people[i] != NULL; i++)
		if (e->people[i][0] == '\0' || (e->people[i][0] == '@')) {
			command_usage(e->context, "\"%s\" is nobody: want "
			    "user@example.com, an address or a login",
			    e->people[i]);
			return false;
		}
	if (people && days)
		command_usage(e->context, "--day and --expired are about all "
		    "people: none are to be named");
	else if (!people && !days)
		command_usage(e->context, "whom? Give a mailbox, an address or "
		    "a login, or --day, or --expired");
	else if (e->expired && e->context->settings.privacy == 0)
		command_usage(e->context, "--expired: the setting privacy is "
		    "off, and does not say how long people are kept; --day "
		    "names a day");
	else
		return true;
	return false;
}

static int
end(const struct erase *e, bool good)
{
	if (!good)
		return command_fail(e->fault);
	if (e->erased > 0 || e->expired)
		return EXIT_FINE;
	if (e->people[0] != NULL)
		fprintf(stderr, "tlspolicy audit erase: none of %llu values "
		    "that are there is of those people\n",
		    (unsigned long long)e->looked_at);
	else
		fprintf(stderr, "tlspolicy audit erase: there are no salts of "
		    "that day\n");
	return FAULT_NOINPUT;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct fault fault;
	struct erase e = { .context = context, .dir = -1, .fault = &fault,
		.today = (int32_t)(time(NULL) / 86400) };
	bool good;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == 'n')
			e.trying = true;
		else if (c == OPTION_EXPIRED)
			e.expired = true;
		else if (!take_day(&e, optarg))
			return FAULT_USAGE;
	}
	e.people = argv + optind;
	if (!is_whole(&e))
		return FAULT_USAGE;
	good = enter(&e) && erase_all(&e);
	if (e.dir != -1)
		close(e.dir);
	return end(&e, good);
}

const struct command command_audit_erase = {
	"audit erase", "[PERSON...]",
	"Erase people whom the audit log hides", options, run,
	"tlspolicy-audit(5)"
};
