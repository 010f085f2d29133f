/* Which policy, and which settings: members of records, and records of both. */
#include <string.h>

#include "policy/audit/reader-internal.h"
#include "policy/store/history.h"

static bool
parse_made(struct parse *p)
{
	struct slice time;

	return scan_string(&p->scan, &time) &&
	    (reader_time(time, &p->r->policy.made_us) ||
	    scan_fail(&p->scan, "a time as in RFC 3339, in UTC"));
}

static bool
parse_policy_member(struct parse *p, struct slice name)
{
	struct reader_policy *policy = &p->r->policy;
	struct scan *s = &p->scan;

	if (slice_is(name, "made"))
		return parse_made(p);
	if (slice_is(name, "how"))
		return scan_string(s, &policy->how);
	if (slice_is(name, "back_to"))
		return scan_number(s, &policy->back_to);
	if (slice_is(name, "plan"))
		return scan_string(s, &policy->plan);
	if (slice_is(name, "uid"))
		return scan_number(s, &policy->uid);
	if (slice_is(name, "login"))
		return scan_string_or_null(s, &policy->login);
	if (slice_is(name, "host"))
		return scan_string_or_null(s, &policy->host);
	if (slice_is(name, "message"))
		return scan_string_or_null(s, &policy->message);
	if (slice_is(name, "rules"))
		return scan_number(s, &policy->rules);
	if (slice_is(name, "rules_sha256"))
		return scan_string(s, &policy->rules_sha256);
	if (slice_is(name, "settings_sha256"))
		return scan_string(s, &policy->settings_sha256);
	return scan_skip(s);
}

/*
 * "policy": the first digits of the digest of the rules that judged the
 * message.
 */
bool
parse_policy(struct parse *p)
{
	struct slice name;
	bool first = true;

	if (scan_peek(&p->scan) == 'n')
		return scan_null(&p->scan);
	if (scan_peek(&p->scan) != '{')
		return scan_string(&p->scan, &p->r->policy.rules_sha256);
	if (!scan_object(&p->scan))
		return false;
	p->r->policy.known = true;
	while (scan_member(&p->scan, &first, &name))
		if (!parse_policy_member(p, name))
			return false;
	return p->scan.error == NULL;
}

/* "version": the daemon's. */
bool
parse_version(struct parse *p)
{
	return scan_string(&p->scan, &p->r->policy.version);
}

/* Turns the object back into lines of a settings file. */
static bool
parse_values(struct parse *p, struct slice *values)
{
	struct text out;
	struct slice name, value;
	bool first = true;
	char *buf = arena_alloc(&p->r->memory, HISTORY_SETTINGS_MAX);

	if (buf == NULL)
		return scan_fail(&p->scan, scan_no_memory);
	text_init(&out, buf, HISTORY_SETTINGS_MAX);
	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name)) {
		if (!scan_string(&p->scan, &value))
			return false;
		text_put(&out, name);
		text_puts(&out, " = ");
		text_put(&out, value);
		text_char(&out, '\n');
	}
	*values = slice_make(buf, out.n);
	return p->scan.error == NULL && (!out.cut ||
	    scan_fail(&p->scan, "fewer settings"));
}

/*
 * "settings": the first digits of the digest of the settings that judged the
 * message.
 */
bool
parse_settings(struct parse *p)
{
	struct reader_settings *settings = &p->r->settings;
	struct slice name;
	bool first = true;

	if (scan_peek(&p->scan) != '{')
		return scan_string(&p->scan, &settings->digest);
	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!(slice_is(name, "sha256") ?
		    scan_string(&p->scan, &settings->digest) :
		    slice_is(name, "values") ?
		    parse_values(p, &settings->values) :
		    scan_skip(&p->scan)))
			return false;
	return p->scan.error == NULL;
}

/* "rcpts_generation": a number for each of "rcpts", which stand before it. */
bool
parse_rcpts_generation(struct parse *p)
{
	struct reader_record *r = p->r;
	bool first = true;
	size_t i = 0;

	r->rcpts_generation = arena_alloc(&r->memory,
	    (r->nrcpts + 1) * sizeof *r->rcpts_generation);
	if (r->rcpts_generation == NULL)
		return scan_fail(&p->scan, scan_no_memory);
	if (!scan_array(&p->scan))
		return false;
	for (; scan_element(&p->scan, &first); i++)
		if (i >= r->nrcpts ||
		    !scan_number(&p->scan, &r->rcpts_generation[i]))
			return scan_fail(&p->scan, "as many as recipients");
	return p->scan.error == NULL && (i == r->nrcpts ||
	    scan_fail(&p->scan, "as many as recipients"));
}
