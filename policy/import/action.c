/*
 * access(5): what stands behind a key is a list that is gone through in its
 * order until something decides.  Asked here is one thing: what becomes of a
 * session in clear that gets as far.
 */
#include <string.h>

#include "policy/import/postfix-internal.h"

enum { DEPTH_MAX = 8 };

/* Decides at once, and what follows is its text. */
static const struct {
	const char *word;
	enum import_action what;
} first_words[] = {
	{ "OK", ACTION_PERMIT }, { "DUNNO", ACTION_NONE },
	{ "REJECT", ACTION_REJECT }, { "DEFER", ACTION_REJECT },
	{ "DISCARD", ACTION_REJECT }, { "HOLD", ACTION_NONE },
	{ "FILTER", ACTION_NONE }, { "PREPEND", ACTION_NONE },
	{ "REDIRECT", ACTION_NONE }, { "BCC", ACTION_NONE },
	{ "INFO", ACTION_NONE }, { "WARN", ACTION_NONE },
	{ "DEFER_IF_REJECT", ACTION_NONE },
	{ "DEFER_IF_PERMIT", ACTION_NONE },
	{ NULL, ACTION_NONE }
};

bool
import_permits(struct slice word, const char **who)
{
	*who = NULL;
	if (!slice_starts_nocase(word, "permit_"))
		return false;
	if (slice_is_nocase(word, "permit_mynetworks"))
		*who = "mynetworks";
	else if (slice_is_nocase(word, "permit_sasl_authenticated"))
		*who = "authenticated clients";
	else if (!slice_starts_nocase(word, "permit_tls_"))
		*who = "whom a permit_... before it lets pass";
	return true;
}

/* The words of a restriction that takes one more. */
bool
import_takes_word(struct slice word)
{
	static const char *const starts[] = { "check_", "reject_rbl_",
		"reject_rhsbl_", "permit_dnswl_", "permit_rhswl_", "sleep",
		NULL };

	for (size_t i = 0; starts[i] != NULL; i++)
		if (slice_starts_nocase(word, starts[i]))
			return !slice_is_nocase(word, "check_relay_domains");
	return false;
}

static bool
is_number(struct slice word)
{
	unsigned long n;

	return text_number(word, 1UL << 30, &n);
}

/* "450 text": a reply; any other number, if alone, is OK. */
static bool
is_reply(struct slice word)
{
	return word.n == 3 && (word.p[0] == '4' || word.p[0] == '5') &&
	    is_number(word);
}

static bool
first_decides(struct slice list, struct import_actions *a)
{
	struct slice word;

	/* Parted by blanks alone: "OK," is no action, but a restriction. */
	list = slice_trim(list);
	if (!slice_next_of(&list, " \t\r", &word))
		return true;
	for (size_t i = 0; first_words[i].word != NULL; i++)
		if (slice_is_nocase(word, first_words[i].word)) {
			a->what = first_words[i].what;
			return true;
		}
	if (!is_reply(word) && (!is_number(word) || slice_trim(list).n > 0))
		return false;
	a->what = is_reply(word) ? ACTION_REJECT : ACTION_PERMIT;
	return true;
}

/*
 * What Postfix knows.  Any other one may be a class of the site's own, whatever
 * it begins with.
 */
static const char *const restrictions[] = {
	"check_ccert_access", "check_client_a_access", "check_client_access",
	"check_client_mx_access", "check_client_ns_access",
	"check_etrn_access", "check_helo_a_access", "check_helo_access",
	"check_helo_mx_access", "check_helo_ns_access", "check_policy_service",
	"check_recipient_a_access", "check_recipient_access",
	"check_recipient_mx_access", "check_recipient_ns_access",
	"check_relay_domains", "check_reverse_client_hostname_a_access",
	"check_reverse_client_hostname_access",
	"check_reverse_client_hostname_mx_access",
	"check_reverse_client_hostname_ns_access", "check_sasl_access",
	"check_sender_a_access", "check_sender_access",
	"check_sender_mx_access", "check_sender_ns_access", "defer",
	"defer_if_permit",
	"defer_if_reject", "defer_unauth_destination", "permit",
	"permit_auth_destination", "permit_dnswl_client",
	"permit_inet_interfaces", "permit_mx_backup", "permit_mynetworks",
	"permit_naked_ip_address", "permit_rhswl_client",
	"permit_sasl_authenticated", "permit_tls_all_clientcerts",
	"permit_tls_clientcerts", "reject", "reject_authenticated_sender_login_mismatch",
	"reject_invalid_helo_hostname", "reject_invalid_hostname",
	"reject_known_sender_login_mismatch", "reject_maps_rbl",
	"reject_multi_recipient_bounce", "reject_non_fqdn_helo_hostname",
	"reject_non_fqdn_hostname", "reject_non_fqdn_recipient",
	"reject_non_fqdn_sender", "reject_plaintext_session",
	"reject_rbl_client", "reject_rhsbl_client",
	"reject_rhsbl_helo", "reject_rhsbl_recipient",
	"reject_rhsbl_reverse_client", "reject_rhsbl_sender",
	"reject_sender_login_mismatch", "reject_unauth_destination",
	"reject_unauth_pipelining",
	"reject_unauthenticated_sender_login_mismatch",
	"reject_unknown_address", "reject_unknown_client",
	"reject_unknown_client_hostname", "reject_unknown_helo_hostname",
	"reject_unknown_hostname", "reject_unknown_recipient_domain",
	"reject_unknown_reverse_client_hostname",
	"reject_unknown_sender_domain", "reject_unlisted_recipient",
	"reject_unlisted_sender", "reject_unverified_recipient",
	"reject_unverified_sender", "sleep", "warn_if_reject", NULL
};

bool
import_is_restriction(struct slice word)
{
	for (size_t i = 0; restrictions[i] != NULL; i++)
		if (slice_is_nocase(word, restrictions[i]))
			return true;
	return false;
}

static bool
ends_in_permit(const struct import_access *t, struct slice list, int depth)
{
	struct import_actions a = { .what = ACTION_NONE };
	struct slice word, rest = list;

	if (first_decides(list, &a))
		return a.what == ACTION_PERMIT;
	while (import_list_next(&rest, &word)) {
		struct slice members = t->class_of == NULL ?
		    slice_make("", 0) : t->class_of(t->arg, word);

		if (slice_is_nocase(word, "permit") || (members.n > 0 &&
		    depth < DEPTH_MAX && ends_in_permit(t, members,
		    depth + 1)))
			return true;
	}
	return false;
}

/*
 * Whom a table within a list lets pass; one that is not known may let anybody.
 */
static void
pass_by_table(const struct import_access *t, bool of_clients,
    struct slice spec, struct import_spared *passed)
{
	static const char who[] = "whom a table in the list lets pass";
	struct slice type, text, line, key, value;
	struct import_lines lines;
	bool any = false;

	if (t->load == NULL || !t->load(t->arg, spec, &type, &text)) {
		import_spare(passed, who);
		return;
	}
	import_lines_init(&lines, text);
	while (!any && import_lines_next(NULL, &lines, &line))
		any = import_split(line, slice_is(type, "regexp") ||
		    slice_is(type, "pcre"), &key, &value) &&
		    ends_in_permit(t, value, 0);
	if (any && of_clients)
		import_spare_table(passed, who, type, text, t->exact_domains);
	else if (any)
		import_spare(passed, who);
}

static bool go_through(const struct import_access *, struct slice, bool,
    struct import_actions *, int);

/* One word of a list; true: the list ends with it. */
static bool
one_word(const struct import_access *t, struct slice word, bool warn,
    struct slice *list, struct import_actions *a, int depth)
{
	struct slice members = t->class_of == NULL ? slice_make("", 0) :
	    t->class_of(t->arg, word);
	struct slice skipped;
	const char *who;

	if (members.n > 0 && depth < DEPTH_MAX)
		return go_through(t, members, warn, a, depth + 1);
	if (members.n > 0)
		a->too_deep = true;
	if (slice_is_nocase(word, "reject_plaintext_session")) {
		if (a->what == ACTION_NONE || !warn) {
			a->what = warn ? ACTION_WARN : ACTION_DEMAND;
			a->spared = a->passed;
		}
		return !warn;
	}
	if (slice_is_nocase(word, "permit")) {
		if (a->what == ACTION_NONE)
			a->what = ACTION_PERMIT;
		return true;
	}
	if (slice_is_nocase(word, "reject") || slice_is_nocase(word, "defer")) {
		if (a->what == ACTION_NONE && !warn)
			a->what = ACTION_REJECT;
		return !warn;
	}
	if (import_permits(word, &who) && who != NULL)
		import_spare_word(&a->passed, who, t->networks);
	if (members.n == 0 && !import_is_restriction(word))
		a->unknown = word;
	if (import_takes_word(word) && import_list_next(list, &skipped) &&
	    slice_starts_nocase(word, "check_") && word.n > 7 &&
	    slice_is_nocase(slice_from(word, word.n - 7), "_access")) {
		a->nested = true;
		a->nested_asks |= t->asks != NULL && t->asks(t->arg, skipped);
		pass_by_table(t, slice_is_nocase(word, "check_client_access"),
		    skipped, &a->passed);
	}
	return false;
}

/* warn_if_reject counts for what it stands before, and for all within. */
static bool
go_through(const struct import_access *t, struct slice list, bool all_warn,
    struct import_actions *a, int depth)
{
	struct slice word;
	bool warn = all_warn;

	while (import_list_next(&list, &word)) {
		if (slice_is_nocase(word, "warn_if_reject")) {
			warn = true;
			continue;
		}
		if (one_word(t, word, warn, &list, a, depth))
			return true;
		warn = all_warn;
	}
	return false;
}

void
import_actions(const struct import_access *t, struct slice list,
    struct import_actions *a)
{
	a->what = ACTION_NONE;
	a->nested = a->nested_asks = a->too_deep = false;
	a->unknown = slice_make("", 0);
	memset(&a->spared, 0, sizeof a->spared);
	memset(&a->passed, 0, sizeof a->passed);
	if (import_clients(t, list, a))
		a->what = t->warn ? ACTION_WARN : ACTION_DEMAND;
	else if (!first_decides(list, a))
		go_through(t, list, t->warn, a, 0);
	else if (t->warn && a->what == ACTION_REJECT)
		a->what = ACTION_NONE;
}

bool
import_lets_pass(const struct import_access *t, struct slice list)
{
	struct import_actions a;

	import_actions(t, list, &a);
	return a.what == ACTION_PERMIT || a.passed.who != NULL;
}

bool
import_demands(const struct import_access *t, struct slice list)
{
	struct import_actions a;

	import_actions(t, list, &a);
	return a.what == ACTION_DEMAND || a.what == ACTION_WARN;
}
