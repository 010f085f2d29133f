/*
 * The first packet: what the MTA knows and offers, and what is wanted of that.
 * That a step is not answered is made up for where the MTA does not know it.
 */
#include "milter/engine/talk.h"

enum { VERSION_MIN = 2, VERSION = 6 };

/* Actions and steps of an MTA that names none (version 1). */
enum { ACTIONS_FIRST = 0xf, STEPS_FIRST = 0x3f };

#define STEPS_INTERNAL 0x70000000U /* between libmilter and the MTA */

#define UNANSWERED (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | \
	SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | \
	SMFIP_NR_EOH | SMFIP_NR_BODY)

/* Steps without a callback. */
static unsigned long
declined(const struct smfiDesc *m)
{
	unsigned long steps = SMFIP_NOCONNECT | SMFIP_NOBODY | SMFIP_NOUNKNOWN;

	steps |= m->xxfi_helo == NULL ? SMFIP_NOHELO : 0;
	steps |= m->xxfi_envfrom == NULL ? SMFIP_NOMAIL : 0;
	steps |= m->xxfi_envrcpt == NULL ? SMFIP_NORCPT : 0;
	steps |= m->xxfi_data == NULL ? SMFIP_NODATA : 0;
	steps |= m->xxfi_header == NULL ? SMFIP_NOHDRS : 0;
	steps |= m->xxfi_eoh == NULL ? SMFIP_NOEOH : 0;
	return steps;
}

static void
put_wishes(const SMFICTX *ctx, uint32_t version, uint32_t steps,
    struct packet_buffer *out)
{
	packet_begin(out, SMFIC_OPTNEG);
	packet_put_number(out, version < VERSION ? version : VERSION);
	packet_put_number(out, ctx->actions);
	packet_put_number(out, steps);
	for (uint32_t i = 0; i < CONTEXT_LISTS; i++)
		if (ctx->lists[i] != NULL) {
			packet_put_number(out, i);
			packet_put_string(out, ctx->lists[i]);
		}
	packet_end(out);
}

const char *
talk_negotiate(SMFICTX *ctx, struct slice offer, struct packet_buffer *out)
{
	const struct smfiDesc *milter = &ctx->callbacks->milter;
	unsigned long actions, steps, none;
	uint32_t version, offered, known, asked;

	if (!packet_number(&offer, &version) ||
	    !packet_number(&offer, &offered) || !packet_number(&offer, &known))
		return "a negotiation that is too short";
	if (version < VERSION_MIN)
		return "a version of the protocol before 2";
	if (offered == 0)
		offered = ACTIONS_FIRST;
	if (known == 0)
		known = STEPS_FIRST;
	known &= ~STEPS_INTERNAL;
	actions = offered;
	steps = declined(milter) | (known & SMFIP_SKIP);
	ctx->state = CONTEXT_NEGOTIATING;
	if (milter->xxfi_negotiate(ctx, offered, known | UNANSWERED, 0, 0,
	    &actions, &steps, &none, &none) != SMFIS_CONTINUE)
		return "an MTA that the daemon turns away";
	ctx->state = CONTEXT_NEGOTIATED;
	ctx->actions = (uint32_t)actions;
	ctx->steps = (uint32_t)steps;
	ctx->steps_known = known;
	/* Steps that an older MTA cannot leave out are answered for it. */
	asked = ctx->steps & (known | ~(uint32_t)(UNANSWERED | SMFIP_NODATA |
	    SMFIP_NOUNKNOWN));
	if ((ctx->actions & ~offered) != 0 || (asked & ~known) != 0)
		return "an MTA that knows too little of the protocol";
	put_wishes(ctx, version, asked & ~STEPS_INTERNAL, out);
	return NULL;
}
