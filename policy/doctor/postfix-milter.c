#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"

/* Sets the list; if the other parameter names us, its list, too. */
static void
then_lists(const struct postfix *p, const struct postfix_service *s,
    const char *name, const char *wanted, struct finding *f)
{
	const char *other = strcmp(name, "smtpd_milters") == 0 ?
	    "non_smtpd_milters" : "smtpd_milters";
	struct slice list = postfix_parameter(p, other);
	char memory[POSTFIX_LIST_BYTES];
	struct postfix_item ours;
	struct text text;
	unsigned others;

	if (postfix_find_us(p, s, list, &ours, &others) == POSTFIX_STRANGER) {
		finding_then(f, "postconf -c %s -e '%s = %s'", p->dir, name,
		    wanted);
		return;
	}
	text_init(&text, memory, sizeof memory);
	postfix_put_list(p, s, list, false, &text);
	finding_then(f, "postconf -c %s -e '%s = %s' '%s = %s'", p->dir, name,
	    wanted, other, memory);
}

/*
 * A socket elsewhere has to move below the queue directory: the socket unit
 * makes it there, or the daemon in a folder that is its user's.
 */
static void
move_socket(const struct postfix *p, struct finding *f)
{
	const struct doctor *d = p->d;
	struct slice queue = postfix_parameter(p, "queue_directory");

	if (d->unit->socket_there && slice_is(queue, "/var/spool/postfix")) {
		finding_mend(f, "run", "systemctl stop tlspolicy-milter\n"
		    "systemctl enable --now tlspolicy-milter.socket "
		    "tlspolicy-milter");
		return;
	}
	finding_mend(f, d->conf, "socket = unix:%.*s/tlspolicy/milter.sock\n"
	    "socket-group = postfix\nsocket-mode = 0660", SLICE_ARG(queue));
	finding_then(f, "install -d -m 755%s%s %.*s/tlspolicy",
	    d->user[0] != '\0' ? " -o " : "", d->user, SLICE_ARG(queue));
	finding_then(f, "systemctl restart tlspolicy-milter");
}

static void
say_unseen(struct postfix *p, struct postfix_service *s, const char *name,
    struct slice list)
{
	char what[FINDING_WHAT_MAX], memory[POSTFIX_LIST_BYTES];
	char spec[POSTFIX_SPEC_BYTES];
	bool below = p->spec[5] != '/';
	struct text wanted;
	struct finding *f;

	memcpy(spec, p->spec, sizeof spec);
	if (!below)
		snprintf(p->spec, sizeof p->spec, "unix:tlspolicy/milter.sock");
	text_init(&wanted, memory, sizeof memory);
	postfix_put_list(p, s, list, false, &wanted);
	snprintf(what, sizeof what, "service %.*s/%.*s runs chrooted in %.*s "
	    "and cannot see %.500s", SLICE_ARG(s->name), SLICE_ARG(s->type),
	    SLICE_ARG(postfix_parameter(p, "queue_directory")),
	    p->socket.path);
	f = postfix_find_as(p, s, DOCTOR_POSTFIX_CHROOT, name, memory, what);
	if (!below && f != NULL) {
		f->then[0] = '\0';
		move_socket(p, f);
		then_lists(p, s, name, memory, f);
		finding_then(f, "%s", p->reload);
	}
	memcpy(p->spec, spec, sizeof spec);
}

static void
check_action(struct postfix *p, struct postfix_service *s, const char *name,
    struct slice list, const struct postfix_item *ours, unsigned others)
{
	char memory[POSTFIX_LIST_BYTES], what[FINDING_WHAT_MAX];
	struct slice word = postfix_action(ours->options);
	struct text wanted;

	if (postfix_is_good_action(word.n > 0 ? word : postfix_value(p, s,
	    "milter_default_action", NULL)))
		return;
	if (word.n == 0 && others == 0) {
		postfix_find(p, s, DOCTOR_POSTFIX_DEFAULT_ACTION,
		    "milter_default_action", "tempfail");
		return;
	}
	/*
	 * Other milters keep their default action: ours gets its own in the
	 * list.
	 */
	text_init(&wanted, memory, sizeof memory);
	postfix_put_list(p, s, list, true, &wanted);
	snprintf(what, sizeof what, word.n > 0 ?
	    "%s has default_action %.*s for our milter" :
	    "%s leaves our milter to milter_default_action, %.*s", name,
	    SLICE_ARG(word.n > 0 ? word : postfix_value(p, s,
	    "milter_default_action", NULL)));
	postfix_find_as(p, s, DOCTOR_POSTFIX_DEFAULT_ACTION, name, memory,
	    what);
}

static void
check_list(struct postfix *p, struct postfix_service *s)
{
	bool cleanup = s->command == POSTFIX_CLEANUP, own;
	const char *name = cleanup ? "non_smtpd_milters" : "smtpd_milters";
	struct slice list = postfix_value(p, s, name, &own);
	char memory[POSTFIX_LIST_BYTES];
	struct postfix_item ours;
	struct text wanted;
	unsigned others;

	switch (postfix_find_us(p, s, list, &ours, &others)) {
	case POSTFIX_US:
		check_action(p, s, name, list, &ours, others);
		return;
	case POSTFIX_US_UNSEEN:
		say_unseen(p, s, name, list);
		return;
	case POSTFIX_STRANGER:
	case POSTFIX_US_MISSPELT:
		break;
	}
	text_init(&wanted, memory, sizeof memory);
	postfix_put_list(p, s, list, false, &wanted);
	postfix_find(p, s, cleanup ? DOCTOR_POSTFIX_LOCAL_WITHOUT : own ?
	    DOCTOR_POSTFIX_SERVICE_WITHOUT : DOCTOR_POSTFIX_NO_MILTER, name,
	    memory);
}

static void
keep_word(struct slice word, struct text *kept)
{
	if (word.n > 0)
		text_printf(kept, "%s%.*s", kept->n > 0 ? ", " : "",
		    SLICE_ARG(word));
}

/* no_milters, among other words that stay. */
static void
check_off(struct postfix *p, struct postfix_service *s)
{
	static const char name[] = "receive_override_options";
	struct slice rest = postfix_value(p, s, name, NULL), word;
	char memory[POSTFIX_LIST_BYTES];
	struct text kept;
	bool off = false;

	text_init(&kept, memory, sizeof memory);
	while (slice_next_of(&rest, ", \t", &word)) {
		if (slice_is_nocase(word, "no_milters"))
			off = true;
		else
			keep_word(word, &kept);
	}
	if (off)
		postfix_find(p, s, DOCTOR_POSTFIX_MILTERS_OFF, name, memory);
}

/* milter_macro_defaults makes up facts of which Postfix knows none. */
static void
check_macros(struct postfix *p, struct postfix_service *s)
{
	static const char *const facts[] = { "verify", "cn_subject",
		"cn_issuer", "cert_subject", "cert_issuer", "cipher",
		"cipher_bits", "tls_version", "cert_md5", "cert_fp" };
	static const char name[] = "milter_macro_defaults";
	struct slice rest = postfix_value(p, s, name, NULL), word;
	char memory[POSTFIX_LIST_BYTES];
	struct text kept;
	bool made_up = false;

	text_init(&kept, memory, sizeof memory);
	while (slice_next_of(&rest, ", \t", &word)) {
		struct slice macro = slice_make(word.p, slice_find(word, '='));
		bool bad = false;

		/* Both "{verify}=OK" and "verify=OK" are taken. */
		if (macro.n > 2 && macro.p[0] == '{')
			macro = slice_make(macro.p + 1, macro.n - 2);
		for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
			bad = bad || slice_is(macro, facts[i]);
		made_up = made_up || bad;
		if (!bad)
			keep_word(word, &kept);
	}
	if (made_up)
		postfix_find(p, s, DOCTOR_POSTFIX_FAKE_MACROS, name, memory);
}

/* The daemon knows Postfix by it: "$mail_name $mail_version" by default. */
static void
check_name(struct postfix *p, struct postfix_service *s)
{
	static const char name[] = "milter_macro_v";
	struct slice v = postfix_value(p, s, name, NULL);

	if (v.n > 0 && !slice_starts_nocase(v, "Postfix"))
		postfix_find(p, s, DOCTOR_POSTFIX_NAME, name,
		    "Postfix $mail_version");
}

void
postfix_milters(struct postfix *p, struct postfix_service *s)
{
	unsigned long protocol;

	check_off(p, s);
	if (s->command == POSTFIX_PICKUP)
		return;
	check_list(p, s);
	check_name(p, s);
	if (!text_number(postfix_value(p, s, "milter_protocol", NULL), 100,
	    &protocol) || protocol < 6)
		postfix_find(p, s, DOCTOR_POSTFIX_PROTOCOL, "milter_protocol",
		    "6");
	if (s->command == POSTFIX_SMTPD)
		check_macros(p, s);
	if (s->command == POSTFIX_SMTPD)
		postfix_maps(p, s);
}
