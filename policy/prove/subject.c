/* A tag each; logins and listeners, whose keys are words, are found here. */
#include <stdlib.h>

#include "policy/prove/subject-internal.h"

void
prove_subjects_free(struct prove_subjects *s)
{
	free(s->subjects);
	*s = (struct prove_subjects){ NULL, 0, 0 };
}

static bool
add_login(struct prove_finder *f, struct slice word)
{
	char buf[3 * KEY_MAX];
	struct prove_subject login = { .value = { { NULL, 0 }, word } };
	struct prove_chain *chain;
	struct text text;
	bool final;

	text_init(&text, buf, sizeof buf);
	text_put_xencoded(&text, word);
	login.value[0] = prove_ground_printf(f->g, "%s", buf);
	if (login.value[0].p == NULL || !prove_subject_look(f, &login))
		return false;
	if (!prove_subject_is_meant(f))
		return true;
	chain = prove_subject_chain(f, false, &final);
	return chain != NULL && prove_subject_keep(f, &login, chain);
}

/* Nobody, then those that keys name, then somebody else. */
static bool
find_logins(struct prove_finder *f)
{
	const struct prove_keys *keys = &f->g->keys[TAG_AUTH];
	struct prove_subject none = { .absent = true };

	if (!f->claim->who[TAG_AUTH].given &&
	    !prove_subject_keep(f, &none, &f->g->nobody))
		return false;
	if (f->claim->without_auth)
		return true;
	if (!add_login(f, f->g->label))
		return false;
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].kind == KEY_WORD &&
		    !add_login(f, keys->keys[i].text))
			return false;
	return true;
}

static bool
is_number(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static bool
find_ports(struct prove_finder *f, struct prove_names *ports)
{
	static const char *const usual[] = { "25", "587", "10025", "20025",
		"30025", "40025" };
	const struct prove_keys *keys = &f->g->keys[TAG_DAEMON];

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (!prove_names_add(f->g, ports, slice_of(usual[i])))
			return false;
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].kind == KEY_WORD &&
		    is_number(keys->keys[i].text) && !prove_names_add(f->g,
		    ports, keys->keys[i].text))
			return false;
	return true;
}

static bool
add_listener(struct prove_finder *f, struct slice name,
    const struct prove_names *ports)
{
	struct prove_chain *chain;
	bool final;

	for (size_t i = 0; i < ports->n; i++) {
		struct prove_subject listener = {
			.value = { name, ports->names[i] } };

		if (!prove_subject_look(f, &listener))
			return false;
		if (!prove_subject_is_meant(f))
			continue;
		chain = prove_subject_chain(f, false, &final);
		if (chain == NULL || !prove_subject_keep(f, &listener, chain))
			return false;
	}
	return true;
}

static bool
find_listeners(struct prove_finder *f)
{
	const struct prove_keys *keys = &f->g->keys[TAG_DAEMON];
	struct prove_names ports = { NULL, 0, 0 };
	bool good = find_ports(f, &ports) &&
	    add_listener(f, f->g->label, &ports);

	for (size_t i = 0; good && i < keys->n; i++)
		good = keys->keys[i].kind != KEY_WORD ||
		    add_listener(f, keys->keys[i].text, &ports);
	free(ports.names);
	return good;
}

/* What the names end in that the claim means; empty: it does not say. */
static bool
find_within(struct prove_finder *f)
{
	const struct claim_who *who = &f->claim->who[f->tag];
	struct prove_key key;

	f->within = slice_make("", 0);
	if (!who->given || who->key.kind != KEY_NAME)
		return true;
	if (!prove_ground_key(f->g, &who->key, &key))
		return false;
	f->within = key.text;
	return true;
}

bool
prove_subjects_find(struct prove_ground *g, const struct claim *claim,
    enum tag tag, struct prove_subjects *out)
{
	struct prove_finder f = { .g = g, .claim = claim, .tag = tag,
		.out = out };

	f.run = ++g->runs;
	out->n = 0;
	if (!find_within(&f))
		return false;
	switch (tag_row(tag)->subject) {
	case SUBJECT_HOST:
		return prove_subject_hosts(&f);
	case SUBJECT_MAILBOX:
		return prove_subject_mailboxes(&f);
	case SUBJECT_IDENTITY:
		return find_logins(&f);
	case SUBJECT_LISTENER:
	case SUBJECT_PROFILE:
	case SUBJECT_ISSUER:
		break;
	}
	return find_listeners(&f);
}
