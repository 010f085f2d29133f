/*
 * Senders and recipients: local part, then domain.  A local part of any domain
 * whose lines always decide needs only one; else it is tried at each.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/prove/subject-internal.h"

struct mail_names {
	struct prove_names domains, locals; /* locals: of keys "user@" */
};

/* A local part as it is typed: in quotes where it has to be. */
static struct slice
typed(struct prove_ground *g, struct slice local)
{
	static const char specials[] = "\"\\()<>[]:;,@!% \t";
	char buf[2 * KEY_MAX + 3];
	struct text text;
	bool plain = local.n > 0;

	for (size_t i = 0; i < local.n; i++)
		plain = plain && local.p[i] > ' ' &&
		    strchr(specials, local.p[i]) == NULL;
	if (plain)
		return local;
	text_init(&text, buf, sizeof buf);
	text_char(&text, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			text_char(&text, '\\');
		text_char(&text, local.p[i]);
	}
	text_char(&text, '"');
	return prove_ground_printf(g, "%s", buf);
}

/*
 * *meant: the claim means local@domain; *chain is its chain (a `narrow` one
 * also where it is not meant).
 */
static bool
look(struct prove_finder *f, struct prove_subject *mail, struct slice local,
    struct slice domain, bool narrow, struct prove_chain **chain, bool *final,
    bool *meant)
{
	*mail = (struct prove_subject){ .chain = NULL };
	mail->value[0] = prove_ground_printf(f->g, "%.*s@%.*s",
	    SLICE_ARG(local), SLICE_ARG(domain));
	if (mail->value[0].p == NULL || !prove_subject_look(f, mail))
		return false;
	*meant = prove_subject_is_meant(f);
	if (!*meant && !narrow)
		return true;
	*chain = prove_subject_chain(f, narrow, final);
	return *chain != NULL;
}

static bool
add(struct prove_finder *f, struct slice local, struct slice domain)
{
	struct prove_subject mail;
	struct prove_chain *chain;
	bool final, meant;

	if (!look(f, &mail, local, domain, false, &chain, &final, &meant))
		return false;
	return !meant || prove_subject_keep(f, &mail, chain);
}

/* "user" is met by user and user+detail, "user+*" by the latter. */
static bool
add_local(struct prove_finder *f, struct prove_names *forms,
    struct slice local)
{
	struct prove_ground *g = f->g;
	bool star = local.n > 2 && local.p[local.n - 1] == '*' &&
	    local.p[local.n - 2] == '+';

	if (star)
		local.n -= 2;
	else if (!prove_names_add(g, forms, typed(g, local)))
		return false;
	return (!star && slice_find(local, '+') < local.n) ||
	    prove_names_add(g, forms, typed(g, prove_ground_printf(g,
	    "%.*s+%.*s", SLICE_ARG(local), SLICE_ARG(g->label))));
}

/* A mailbox with a domain is tried there, "user@" put aside. */
static bool
take_mailbox(struct prove_finder *f, struct slice text,
    struct mail_names *names)
{
	struct prove_names forms = { NULL, 0, 0 };
	size_t at = text.n;
	bool good;

	while (at > 0 && text.p[at - 1] != '@')
		at--;
	if (at == 0) /* <> */
		return true;
	if (at == text.n)
		return add_local(f, &names->locals, slice_make(text.p, at - 1));
	good = add_local(f, &forms, slice_make(text.p, at - 1));
	for (size_t i = 0; good && i < forms.n; i++)
		good = add(f, forms.names[i], slice_from(text, at));
	free(forms.names);
	return good;
}

static struct slice
user_of(struct slice local)
{
	return slice_make(local.p, slice_find(local, '+'));
}

/*
 * Tries the local part at each domain for which keys name the same user with
 * another detail.  Keys that have to be quoted are rare, and passed over.
 */
static bool
add_where_known(struct prove_finder *f, struct slice local)
{
	const struct prove_keys *keys = &f->g->keys[f->tag];

	for (size_t i = 0; i < keys->n; i++) {
		struct slice text = keys->keys[i].text;
		size_t at = text.n;

		if (keys->keys[i].kind != KEY_MAILBOX)
			continue;
		while (at > 0 && text.p[at - 1] != '@')
			at--;
		if (at > 0 && at < text.n && (local.p[0] == '"' ||
		    slice_equal_nocase(user_of(local),
		    user_of(slice_make(text.p, at - 1)))) &&
		    !add(f, local, slice_from(text, at)))
			return false;
	}
	return true;
}

/*
 * Where the lines of the local part alone decide, one domain stands for all
 * but those that have lines for it of their own.
 */
static bool
add_everywhere(struct prove_finder *f, struct slice local,
    const struct mail_names *names)
{
	struct prove_chain *everywhere, *chain;
	struct prove_subject mail;
	bool decided, final, meant;

	if (!look(f, &mail, local, f->g->label, true, &everywhere, &decided,
	    &meant))
		return false;
	for (size_t i = 0; i < names->domains.n; i++) {
		if (!look(f, &mail, local, names->domains.names[i], false,
		    &chain, &final, &meant))
			return false;
		if (meant && !prove_subject_keep(f, &mail, chain))
			return false;
		if (meant && decided && chain == everywhere)
			break;
	}
	return !decided || add_where_known(f, local);
}

static bool
add_null_sender(struct prove_finder *f)
{
	struct prove_subject mail = { .value = { slice_of("<>") } };
	struct prove_chain *chain;
	bool final;

	if (f->tag != TAG_FROM)
		return true;
	if (!prove_subject_look(f, &mail))
		return false;
	if (!prove_subject_is_meant(f))
		return true;
	chain = prove_subject_chain(f, false, &final);
	return chain != NULL && prove_subject_keep(f, &mail, chain);
}

static bool
add_literals(struct prove_finder *f, struct mail_names *names)
{
	struct prove_names addresses = { NULL, 0, 0 };
	bool good = prove_subject_addresses(f, 1U << KEY_BRACKET, &addresses);

	for (size_t i = 0; good && i < addresses.n; i++)
		good = prove_names_add(f->g, &names->domains,
		    prove_ground_printf(f->g, "[%.*s]",
		    SLICE_ARG(addresses.names[i])));
	free(addresses.names);
	return good;
}

static bool
find(struct prove_finder *f, struct mail_names *names)
{
	const struct prove_keys *keys = &f->g->keys[f->tag];

	if (!prove_subject_names(f, &names->domains) ||
	    !add_literals(f, names))
		return false;
	if (!add_everywhere(f, f->g->label, names) || !add_null_sender(f))
		return false;
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].kind == KEY_MAILBOX &&
		    !take_mailbox(f, keys->keys[i].text, names))
			return false;
	for (size_t i = 0; i < names->locals.n; i++)
		if (!add_everywhere(f, names->locals.names[i], names))
			return false;
	return true;
}

bool
prove_subject_mailboxes(struct prove_finder *f)
{
	struct mail_names names = { .domains = { NULL, 0, 0 } };
	bool good = find(f, &names);

	free(names.domains.names);
	free(names.locals.names);
	return good;
}
