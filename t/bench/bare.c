/*
 * bare [-c STEPS] [-n STEPS] [-m STAGE=MACROS]... [-g] SOCKET: the cheapest
 * milter that sees what a real one sees.  Registers the callbacks of -c alone
 * (a comma list of connect, helo, mail, rcpt, data, header, eoh, body, eom;
 * default mail) and negotiates the rest away, promises not to answer those of
 * -n (connect, helo, rcpt, data, header, eoh, body), asks for MACROS at STAGE (connect, helo,
 * mail, rcpt, data, eom, eoh; no macros at all if empty), and with -g reads
 * each of those of MAIL there.
 */
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/bench/milter.h"

#define MACROS_MAX 64

/* Set before the first session, only read afterwards. */
static char *macro_lists[SMFIM_LAST + 1];
static char *macros[MACROS_MAX + 1];
static unsigned long not_wanted;
static unsigned long not_answered;
static bool read_macros;

static bool
ask_for_macros(SMFICTX *ctx)
{
	for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++) {
		if (macro_lists[stage] != NULL &&
		    smfi_setsymlist(ctx, stage, macro_lists[stage]) !=
			MI_SUCCESS)
			return false;
	}
	return true;
}

/*
 * SMFIS_NOREPLY for a step that the negotiation promised not to answer, else
 * SMFIS_CONTINUE.
 */
static sfsistat
answer(unsigned long step)
{
	return not_answered & step ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	(void)f2, (void)f3;
	*pf0 = f0 & SMFIF_SETSYMLIST;
	*pf1 = f1 & (not_wanted | not_answered);
	*pf2 = *pf3 = 0;
	return ask_for_macros(ctx) ? SMFIS_CONTINUE : SMFIS_REJECT;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx, (void)name, (void)address;
	return answer(SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx, (void)name;
	return answer(SMFIP_NR_HELO);
}

static sfsistat
on_mail(SMFICTX *ctx, char **arguments)
{
	(void)arguments;
	for (int n = 0; read_macros && macros[n] != NULL; n++)
		(void)smfi_getsymval(ctx, macros[n]);
	return SMFIS_CONTINUE;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **arguments)
{
	(void)ctx, (void)arguments;
	return answer(SMFIP_NR_RCPT);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return answer(SMFIP_NR_HDR);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t size)
{
	(void)ctx, (void)chunk, (void)size;
	return answer(SMFIP_NR_BODY);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_DATA);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_EOH);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

/* Is name one of the words of the comma list? */
static bool
listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; list != NULL; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, name, n) == 0 &&
		    (list[n] == ',' || list[n] == '\0'))
			return true;
	}
	return false;
}

static void
choose_callbacks(struct smfiDesc *d, const char *steps)
{
	not_wanted = SMFIP_NOUNKNOWN | SMFIP_NOCONNECT | SMFIP_NOHELO |
	    SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS |
	    SMFIP_NOEOH | SMFIP_NOBODY;
#define CHOOSE(name, member, function, flag) \
	if (listed(steps, name)) {           \
		d->member = function;        \
		not_wanted &= ~(unsigned long)(flag);       \
	}
	CHOOSE("connect", xxfi_connect, on_connect, SMFIP_NOCONNECT);
	CHOOSE("helo", xxfi_helo, on_helo, SMFIP_NOHELO);
	CHOOSE("mail", xxfi_envfrom, on_mail, SMFIP_NOMAIL);
	CHOOSE("rcpt", xxfi_envrcpt, on_rcpt, SMFIP_NORCPT);
	CHOOSE("data", xxfi_data, on_data, SMFIP_NODATA);
	CHOOSE("header", xxfi_header, on_header, SMFIP_NOHDRS);
	CHOOSE("eoh", xxfi_eoh, on_eoh, SMFIP_NOEOH);
	CHOOSE("body", xxfi_body, on_body, SMFIP_NOBODY);
	CHOOSE("eom", xxfi_eom, on_eom, 0);
#undef CHOOSE
}

static void
choose_silence(const char *steps)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} rows[] = { { "connect", SMFIP_NR_CONN }, { "helo", SMFIP_NR_HELO },
		{ "rcpt", SMFIP_NR_RCPT }, { "data", SMFIP_NR_DATA },
		{ "header", SMFIP_NR_HDR }, { "eoh", SMFIP_NR_EOH },
		{ "body", SMFIP_NR_BODY } };

	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		if (listed(steps, rows[n].name))
			not_answered |= rows[n].flag;
	}
}

static void
split_macros(const char *list)
{
	char *copy = strdup(list), *word;
	int n = 0;

	if (copy == NULL)
		err(EX_OSERR, "macros");
	for (word = strtok(copy, " "); word != NULL && n < MACROS_MAX;
	     word = strtok(NULL, " "))
		macros[n++] = word;
}

static void
choose_macros(char *argument)
{
	static const char *const stages[] = { "connect", "helo", "mail",
		"rcpt", "data", "eom", "eoh" };
	char *list = strchr(argument, '=');

	if (list == NULL)
		errx(EX_USAGE, "-m: want STAGE=MACROS");
	*list++ = '\0';
	for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++) {
		if (strcmp(stages[stage], argument) == 0) {
			macro_lists[stage] = list;
			if (stage == SMFIM_ENVFROM)
				split_macros(list);
			return;
		}
	}
	errx(EX_USAGE, "-m: there is no stage %s", argument);
}

int
main(int argc, char **argv)
{
	static char name[] = "bare";
	struct smfiDesc desc = { .xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST,
		.xxfi_negotiate = on_negotiate };
	const char *steps = "mail";
	int option;

	while ((option = getopt(argc, argv, "c:gm:n:")) != -1) {
		if (option == 'c')
			steps = optarg;
		else if (option == 'g')
			read_macros = true;
		else if (option == 'n')
			choose_silence(optarg);
		else if (option == 'm')
			choose_macros(optarg);
		else
			return EX_USAGE;
	}
	if (optind + 1 != argc)
		errx(EX_USAGE, "usage: bare [-c STEPS] [-n STEPS] "
			       "[-m STAGE=MACROS]... [-g] SOCKET");
	choose_callbacks(&desc, steps);
	return milter_serve(argv[optind], &desc);
}
