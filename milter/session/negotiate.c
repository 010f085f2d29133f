/*
 * All macros are asked for at MAIL, with what the MTA made of the sender; at
 * RCPT what it made of the recipient, and there and at the end of the header and
 * of the message the queue id, which Postfix does not have earlier.  An empty list keeps the
 * MTA from sending its default macros at the other stages.
 *
 * An MTA that cannot be asked is turned away.  Without {client_addr} no
 * session could be judged by address, without {verify} all would look as if in
 * clear: policy would rest on what an administrator happened to configure.
 * sendmail can be asked since 8.14 (2007), Postfix since 2.6 (2009).
 */
#include "milter/log.h"
#include "milter/session/negotiate.h"

enum { LIST_BYTES = 1024 };

/* Lists of macros for engine_setsymlist(), made by negotiate_init(). */
static char mail_macros[LIST_BYTES], rcpt_macros[LIST_BYTES];
static char eom_macros[LIST_BYTES];

static bool
list(enum macro_stage stage, const char *more, char *memory)
{
	struct text out;

	text_init(&out, memory, LIST_BYTES);
	macro_list(stage, &out);
	text_puts(&out, more);
	return !out.cut && out.n > 0;
}

bool
negotiate_init(void)
{
	return list(MACRO_AT_MAIL, " {mail_addr}", mail_macros) &&
	    list(MACRO_AT_EOM, " {rcpt_addr}", rcpt_macros) &&
	    list(MACRO_AT_EOM, "", eom_macros);
}

static bool
ask_for(SMFICTX *ctx, int stage, const char *macros)
{
	return engine_setsymlist(ctx, stage, macros);
}

static bool
ask_for_macros(SMFICTX *ctx, bool eoh)
{
	return ask_for(ctx, SMFIM_CONNECT, "") &&
	    ask_for(ctx, SMFIM_HELO, "") &&
	    ask_for(ctx, SMFIM_ENVFROM, mail_macros) &&
	    ask_for(ctx, SMFIM_ENVRCPT, rcpt_macros) &&
	    ask_for(ctx, SMFIM_DATA, "") &&
	    ask_for(ctx, SMFIM_EOH, eoh ? eom_macros : "") &&
	    ask_for(ctx, SMFIM_EOM, eom_macros);
}

sfsistat
negotiate(SMFICTX *ctx, struct negotiate_wish wish,
    unsigned long actions_offered, unsigned long *actions,
    unsigned long *steps)
{
	static struct log_seldom turned_away;
	unsigned long wanted = SMFIF_SETSYMLIST | SMFIF_QUARANTINE;

	if ((actions_offered & SMFIF_SETSYMLIST) == 0) {
		log_seldom(&turned_away, LOG_LEVEL_WARNING, "an MTA that cannot "
		    "be asked for macros was turned away; sendmail 8.14 or "
		    "Postfix 2.6 is needed");
		return SMFIS_REJECT;
	}
	if (wish.change)
		wanted |= SMFIF_ADDHDRS | SMFIF_CHGHDRS;
	*actions = wanted & actions_offered;
	*steps |= SMFIP_NR_HELO | (wish.change || wish.author ? SMFIP_NR_HDR :
	    SMFIP_NOHDRS) | (wish.author ? 0 : SMFIP_NOEOH);
	if (!ask_for_macros(ctx, wish.author)) {
		log_warnx("out of memory in the negotiation with the MTA");
		return SMFIS_REJECT;
	}
	return SMFIS_CONTINUE;
}
