/*
 * The lists are parsed once for each different answer of the milter, not once
 * a session: the load generator shares the processors with what it measures.
 */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include <string.h>

#include "t/bench/macro.h"
#include "t/bench/mta.h"

static const char *const mta_names[] = { "sendmail", "postfix" };
static const char *const stage_names[MTA_STAGES] = { "connect", "helo", "mail",
	"rcpt", "data", "eom", "eoh" };

static const char *const defaults[][MTA_STAGES] = {
	[MTA_SENDMAIL] = {
	    "j _ {daemon_name} {if_name} {if_addr}",
	    "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	    "i {auth_type} {auth_authen} {auth_ssf} {auth_author} "
	    "{mail_mailer} {mail_host} {mail_addr}",
	    "{rcpt_mailer} {rcpt_host} {rcpt_addr}", "", "{msg_id}", "" },
	[MTA_POSTFIX] = {
	    "j {daemon_name} {daemon_addr} v _",
	    "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	    "i {auth_type} {auth_authen} {auth_author} {mail_addr} "
	    "{mail_host} {mail_mailer}",
	    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}", "i", "i", "i" },
};

static const struct {
	const char *name;
	unsigned long without, silent;
} steps[] = { { "connect", SMFIP_NOCONNECT, SMFIP_NR_CONN },
	{ "helo", SMFIP_NOHELO, SMFIP_NR_HELO },
	{ "mail", SMFIP_NOMAIL, SMFIP_NR_MAIL },
	{ "rcpt", SMFIP_NORCPT, SMFIP_NR_RCPT },
	{ "data", SMFIP_NODATA, SMFIP_NR_DATA },
	{ "header", SMFIP_NOHDRS, SMFIP_NR_HDR },
	{ "eoh", SMFIP_NOEOH, SMFIP_NR_EOH },
	{ "body", SMFIP_NOBODY, SMFIP_NR_BODY },
	{ "unknown", SMFIP_NOUNKNOWN, SMFIP_NR_UNKN } };

bool
mta_find(const char *name, enum mta *mta)
{
	for (int n = 0; n < 2; n++) {
		if (strcmp(name, mta_names[n]) == 0) {
			*mta = (enum mta)n;
			return true;
		}
	}
	return false;
}

/* Both MTAs offer all that version 6 knows. */
void
mta_offer(struct wire_out *w)
{
	wire_begin(w, SMFIC_OPTNEG);
	wire_u32(w, SMFI_PROT_VERSION);
	wire_u32(w, (uint32_t)SMFI_CURR_ACTS);
	wire_u32(w, (uint32_t)SMFI_CURR_PROT);
	wire_end(w);
}

/* Names that the MTA does not know are left out, as the MTAs do. */
static void
parse_list(struct mta_terms *t, int stage, const char *list)
{
	int macro;
	size_t n;

	t->count[stage] = 0;
	for (; *list != '\0'; list += n) {
		list += strspn(list, " ,");
		n = strcspn(list, " ,");
		macro = macro_find(list, n);
		if (macro >= 0 && t->count[stage] < MTA_MACROS)
			t->macro[stage][t->count[stage]++] = macro;
	}
}

/* After the three numbers: stage number and list, as often as asked for. */
static bool
parse_lists(struct mta_terms *t, const struct wire_packet *p)
{
	const unsigned char *at = p->data + 12, *end = p->data + p->size, *nul;
	uint32_t stage;

	while (at < end) {
		if (end - at < 5 ||
		    (nul = memchr(at + 4, '\0', (size_t)(end - at) - 4)) ==
			NULL)
			return false;
		stage = wire_get_u32(at);
		if (stage >= MTA_STAGES)
			return false;
		t->asked[stage] = true;
		parse_list(t, (int)stage, (const char *)at + 4);
		at = nul + 1;
	}
	return true;
}

bool
mta_agree(struct mta_terms *t, const struct wire_packet *p)
{
	enum mta mta = t->mta;

	if (p->command != SMFIC_OPTNEG || p->size < 12 ||
	    p->size > sizeof(t->reply))
		return false;
	if (t->agreed && t->reply_size == p->size &&
	    memcmp(t->reply, p->data, p->size) == 0)
		return true;
	memset(t, 0, sizeof(*t));
	t->mta = mta;
	t->steps = wire_get_u32(p->data + 8);
	for (int stage = 0; stage < MTA_STAGES; stage++)
		parse_list(t, stage, defaults[mta][stage]);
	memcpy(t->reply, p->data, p->size);
	t->reply_size = p->size;
	t->agreed = parse_lists(t, p);
	return t->agreed;
}

void
mta_macros(struct wire_out *w, const struct mta_terms *t, int stage,
    char command, const struct mta_session *s)
{
	char buf[MACRO_VALUE];
	const char *value;
	size_t before = w->used;
	bool any = false;

	wire_begin(w, SMFIC_MACRO);
	wire_char(w, command);
	for (int n = 0; n < t->count[stage]; n++) {
		value = macro_value(
		    t->macro[stage][n], t->mta, stage, s, buf);
		if (value == NULL)
			continue;
		wire_string(w, macro_name(t->macro[stage][n]));
		wire_string(w, value);
		any = true;
	}
	if (any)
		wire_end(w);
	else
		w->used = before;
}

/* The steps that are sent; with silent, those of them without an answer. */
static void
print_steps(const struct mta_terms *t, bool silent, FILE *f)
{
	const char *comma = "";

	for (size_t n = 0; n < sizeof(steps) / sizeof(steps[0]); n++) {
		if (t->steps & steps[n].without ||
		    (silent && (t->steps & steps[n].silent) == 0))
			continue;
		fprintf(f, "%s\"%s\"", comma, steps[n].name);
		comma = ",";
	}
}

void
mta_print_terms(const struct mta_terms *t, FILE *f)
{
	const char *comma = "";

	fputs("\"steps\":[", f);
	print_steps(t, false, f);
	fputs("],\"silent\":[", f);
	print_steps(t, true, f);
	fputs("],\"macros\":{", f);
	for (int stage = 0; stage < MTA_STAGES; stage++) {
		if (!t->asked[stage])
			continue;
		fprintf(f, "%s\"%s\":\"", comma, stage_names[stage]);
		for (int n = 0; n < t->count[stage]; n++)
			fprintf(f, "%s%s", n == 0 ? "" : " ",
			    macro_name(t->macro[stage][n]));
		fputc('"', f);
		comma = ",";
	}
	fputc('}', f);
}
