/*
 * What is asked of every MTA: each has its row, and its macros, in
 * facts/dialect-NAME.c.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "policy/facts/fromfield.h"
#include "policy/facts/macro.h"

/*
 * Macros that an MTA can send and that nothing here rests on.  Named so that
 * `tlspolicy check` can tell a macro it does not need from a misspelt one.
 */
static const char *const unused[] = { "_", "{addr_type}", "{alg_bits}",
	"{auth_author}", "{client_connections}", "{client_flags}",
	"{client_ptr}", "{client_rate}", "{daemon_family}",
	"{daemon_flags}", "{daemon_info}", "{greylist}", "{if_addr}",
	"{if_name}", "{mail_host}", "{mail_mailer}", "{msg_id}", "{nbadrcpts}",
	"{nrcpts}", "{ntries}", "{rcpt_host}", "{rcpt_mailer}", "{tls_sni}",
	"{total_rate}", NULL };

static const struct dialect *const rows[] = {
	[DIALECT_SENDMAIL] = &dialect_sendmail,
	[DIALECT_POSTFIX] = &dialect_postfix,
};

_Static_assert(sizeof rows / sizeof rows[0] == DIALECT_COUNT,
    "a row for each MTA");

const struct dialect *
dialect_row(enum dialect_id id)
{
	return rows[id];
}

const struct macro *
macro_table(enum dialect_id dialect)
{
	return dialect_row(dialect)->macros;
}

enum dialect_id
macro_dialect(struct slice v)
{
	for (int d = 0; d < DIALECT_COUNT; d++) {
		const char *prefix =
		    dialect_row((enum dialect_id)d)->version_prefix;

		if (prefix != NULL && slice_starts_nocase(v, prefix))
			return (enum dialect_id)d;
	}
	return DIALECT_SENDMAIL;
}

/* One of the dialects in front of this one asks for it. */
static bool
asked_before(enum dialect_id dialect, const struct macro *wanted)
{
	for (int d = 0; d < (int)dialect; d++)
		for (const struct macro *m = macro_table((enum dialect_id)d);
		    m->name != NULL; m++)
			if (m->stage == wanted->stage &&
			    strcmp(m->name, wanted->name) == 0)
				return true;
	return false;
}

void
macro_list(enum macro_stage stage, struct text *out)
{
	for (int d = 0; d < DIALECT_COUNT; d++)
		for (const struct macro *m = macro_table((enum dialect_id)d);
		    m->name != NULL; m++)
			if (m->stage == stage &&
			    !asked_before((enum dialect_id)d, m))
				text_printf(out, "%s%s", out->n > 0 ? " " : "",
				    m->name);
}

/* "{verify}" is spelt verify on the command line, "i" is spelt i. */
static bool
named(const char *macro, struct slice name)
{
	bool braces = macro[0] == '{';

	/* The first letter tells most names apart. */
	if (name.n == 0 || macro[braces] != name.p[0])
		return false;
	if (braces)
		return slice_equal(name, slice_make(macro + 1,
		    strlen(macro) - 2));
	return slice_is(name, macro);
}

static const struct macro *
find_row(enum dialect_id dialect, struct slice name)
{
	for (const struct macro *m = macro_table(dialect); m->name != NULL; m++)
		if (named(m->name, name))
			return m;
	return NULL;
}

/* A bit for each fact that this MTA tells; asked for each message. */
static uint64_t
told(enum dialect_id dialect)
{
	static _Atomic uint64_t known[DIALECT_COUNT];
	uint64_t bits = atomic_load_explicit(&known[dialect],
	    memory_order_relaxed);

	if (bits != 0)
		return bits;
	if (dialect_row(dialect)->verify_from_names)
		bits = UINT64_C(1) << FACT_VERIFY;
	for (const struct macro *m = macro_table(dialect); m->name != NULL; m++)
		if (m->stage != MACRO_FED)
			bits |= UINT64_C(1) << m->fact;
	atomic_store_explicit(&known[dialect], bits, memory_order_relaxed);
	return bits;
}

enum macro_set
macro_set(struct facts *f, struct slice name, struct slice value)
{
	const struct macro *m = find_row(f->dialect, name);

	if (m != NULL) {
		if (facts_known(f, m->fact))
			return MACRO_SET;
		return facts_set(f, m->fact, value, m->xtext) ? MACRO_SET :
		    MACRO_NO_MEMORY;
	}
	for (int d = 0; d < DIALECT_COUNT; d++)
		if (find_row((enum dialect_id)d, name) != NULL)
			return MACRO_IGNORED;
	for (const char *const *u = unused; *u != NULL; u++)
		if (named(*u, name))
			return MACRO_IGNORED;
	return MACRO_UNKNOWN;
}

bool
macro_told(enum dialect_id dialect, enum fact_id id)
{
	return (told(dialect) >> id & 1) != 0;
}

bool
macro_fed(enum dialect_id dialect, enum fact_id id)
{
	for (const struct macro *m = macro_table(dialect); m->name != NULL; m++)
		if (m->fact == id && m->stage == MACRO_FED)
			return true;
	return false;
}

/*
 * libmilter drops all macros of a command when memory is short; then the rest is
 * not absent but unknown.  Without v, which both MTAs always tell, nobody can
 * say either what the others mean; nor with the v of an MTA that is none of them,
 * or a Postfix whose mail_name is another: sendmail tells a number.
 */
bool
facts_arrived(const struct facts *f)
{
	const struct dialect *d = dialect_row(f->dialect);
	struct slice v = facts_value(f, FACT_MTA);

	return facts_known(f, FACT_MTA) && (d->version_prefix != NULL ||
	    v.n == 0 || (v.p[0] >= '0' && v.p[0] <= '9') ||
	    slice_is_nocase(v, d->title));
}

bool
facts_local(const struct facts *f)
{
	return facts_arrived(f) && dialect_row(f->dialect)->is_local(f);
}

bool
macro_finish(struct facts *f)
{
	const struct dialect *dialect = dialect_row(f->dialect);
	uint64_t told_bits = told(f->dialect);

	for (int id = 0; id < FACT_COUNT; id++)
		if ((told_bits >> id & 1) == 0 &&
		    !(facts_known(f, (enum fact_id)id) &&
		    macro_fed(f->dialect, (enum fact_id)id)))
			facts_set_state(f, (enum fact_id)id, FACT_NOT_TOLD);
	if (facts_known(f, FACT_HEADER_FROM) && !fromfield_put(f,
	    facts_value(f, FACT_HEADER_FROM)))
		return false;
	return dialect->finish == NULL || dialect->finish(f);
}
